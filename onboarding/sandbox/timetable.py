"""Things that happen later: one thread that runs acts when their time has come."""

import heapq
import itertools
import threading
from collections.abc import Callable

from onboarding.sandbox.state import Clock, Journal


class Timetable:
    """Acts ordered by time. Not persistent: whoever plans an act keeps a record and plans it again on start."""

    def __init__(self, clock: Clock, journal: Journal) -> None:
        self._clock = clock
        self._journal = journal
        self._changed = threading.Condition()
        self._acts: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._running = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._running = True
        self._thread = threading.Thread(target=self._run, name="sandbox-timetable", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._running = False
            self._acts.clear()
            self._changed.notify_all()
        if self._thread:
            self._thread.join(timeout=5)

    def at(self, due: float, act: Callable[[], None]) -> None:
        """Run `act` at the sandbox time `due`, at once when that has passed."""
        with self._changed:
            heapq.heappush(self._acts, (due, next(self._order), act))
            self._changed.notify_all()

    def forget(self) -> None:
        with self._changed:
            self._acts.clear()

    def wake(self) -> None:
        """Look at the clock again; called after it was moved."""
        with self._changed:
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            act = self._next_act()
            if act is None:
                return
            try:
                act()
            except Exception as error:
                self._journal.write("error", where="timetable", error=type(error).__name__)

    def _next_act(self) -> Callable[[], None] | None:
        with self._changed:
            while self._running:
                if self._acts:
                    wait = self._acts[0][0] - self._clock.now()
                    if wait <= 0:
                        return heapq.heappop(self._acts)[2]
                    self._changed.wait(wait)
                else:
                    self._changed.wait()
            return None
