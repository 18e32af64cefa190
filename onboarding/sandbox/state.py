"""What the sandbox remembers: a clock that can be moved, records that survive a restart, and a journal.

Nothing here knows any partner. Records are plain JSON objects in named kinds (``kira.users``, ``deliveries``).
"""

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

JsonObject = dict[str, Any]
LINES_KEPT = 200_000  # in memory; the file keeps all


class Clock:
    """Seconds since the epoch, plus whatever an experiment has added."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        self._offset += seconds


def iso(at: float) -> str:
    """``2026-03-02T14:05:09.120Z``: the form of every timestamp in a body."""
    return _moment(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}Z"


def zoneless(at: float) -> str:
    """``2026-03-02 14:05:09.120``: the form Kira uses inside ``user.created``."""
    return iso(at).replace("T", " ").removesuffix("Z")


def compact_stamp(at: float) -> str:
    """``20260302140509120``: digits only, for names of files."""
    return "".join(letter for letter in iso(at) if letter.isdigit())


def _copied(value: Any) -> Any:
    """A deep copy; several times faster than the general one because the value is plain JSON."""
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list | tuple) else value


def _moment(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC)


class Transaction:
    """A set of changes that all happen, or none of them. Obtained from `Store.transaction`."""

    def __init__(self, records: dict[str, dict[str, JsonObject]]) -> None:
        self._records = records
        self.changes: dict[tuple[str, str], JsonObject | None] = {}
        self.afterwards: list[Callable[[], None]] = []

    def get(self, kind: str, key: str) -> JsonObject | None:
        """A copy of the record as this transaction sees it."""
        seen = self.changes if (kind, key) in self.changes else None
        record = seen[kind, key] if seen else self._records.get(kind, {}).get(key)
        found: JsonObject | None = _copied(record)
        return found

    def where(self, kind: str, wanted: Callable[[JsonObject], bool]) -> list[JsonObject]:
        """Copies of the records that `wanted` accepts, oldest first. `wanted` must not change them."""
        return [_copied(value) for value in self._matching(kind, wanted)]

    def newest(
        self, kind: str, wanted: Callable[[JsonObject], bool], *, offset: int, limit: int
    ) -> tuple[list[JsonObject], int]:
        """One page of what `where` finds, newest first, and how many there are in all."""
        found = self._matching(kind, wanted)[::-1]
        return [_copied(value) for value in found[offset : offset + limit]], len(found)

    def _matching(self, kind: str, wanted: Callable[[JsonObject], bool]) -> list[JsonObject]:
        stored = self._records.get(kind, {})
        changed = {key: value for (of, key), value in self.changes.items() if of == kind}
        seen = [changed.get(key, value) for key, value in stored.items()]
        seen += [value for key, value in changed.items() if key not in stored]
        return [value for value in seen if value is not None and wanted(value)]

    def put(self, kind: str, key: str, value: JsonObject) -> None:
        self.changes[kind, key] = _copied(value)

    def delete(self, kind: str, key: str) -> None:
        self.changes[kind, key] = None

    def on_commit(self, act: Callable[[], None]) -> None:
        """Run `act` once the changes are kept; never when they are thrown away."""
        self.afterwards.append(act)


class Store:
    """Records in memory, written through to SQLite when a path is given. One writer at a time."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.RLock()
        self._current: Transaction | None = None
        self._records: dict[str, dict[str, JsonObject]] = {}
        self._file = _open(path) if path else None
        if self._file:
            for kind, key, value in self._file.execute("SELECT kind, key, value FROM record ORDER BY rowid"):
                self._records.setdefault(kind, {})[key] = json.loads(value)

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Serialised with every other; an exception leaves nothing behind. Nested uses join the outer one."""
        with self._lock:
            if self._current is not None:
                yield self._current
                return
            self._current = Transaction(self._records)
            try:
                yield self._current
                self._keep(self._current.changes)
                afterwards = self._current.afterwards
            finally:
                self._current = None
        for act in afterwards:
            act()

    def get(self, kind: str, key: str) -> JsonObject | None:
        with self.transaction() as tx:
            return tx.get(kind, key)

    def where(
        self, kind: str, wanted: Callable[[JsonObject], bool] = lambda record: True
    ) -> list[JsonObject]:
        with self.transaction() as tx:
            return tx.where(kind, wanted)

    def clear(self) -> None:
        """Forget everything, on disk too."""
        with self._lock:
            self._records.clear()
            if self._file:
                self._file.execute("DELETE FROM record")

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None

    def _keep(self, changes: dict[tuple[str, str], JsonObject | None]) -> None:
        if self._file and changes:
            _write(self._file, changes)
        for (kind, key), value in changes.items():
            if value is None:
                self._records.get(kind, {}).pop(key, None)
            else:
                self._records.setdefault(kind, {})[key] = value


_UPSERT = (
    "INSERT INTO record (kind, key, value) VALUES (?, ?, ?) "
    "ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value"
)


def _write(file: sqlite3.Connection, changes: dict[tuple[str, str], JsonObject | None]) -> None:
    with file:
        file.execute("BEGIN")
        for (kind, key), value in changes.items():
            if value is None:
                file.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key))
            else:
                file.execute(_UPSERT, (kind, key, json.dumps(value)))


def _open(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    # The sandbox must survive its own death, not that of the machine.
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS record "
        "(kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, UNIQUE (kind, key))"
    )
    return connection


class Journal:
    """The ground truth: one JSON line for everything that happened, in order, never changed.

    Lines hold identifiers, digests, sizes and words of the protocol; never a name, number or document.
    """

    def __init__(self, clock: Clock, path: Path | None = None) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._lines: deque[JsonObject] = deque(maxlen=LINES_KEPT)
        self._next = 1
        self._file: TextIO | None = None
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = path.open("a", encoding="utf-8")

    def write(self, kind: str, **facts: Any) -> None:
        with self._lock:
            line = {"seq": self._next, "at": iso(self._clock.now()), "type": kind, **facts}
            self._next += 1
            self._lines.append(line)
            if self._file:
                self._file.write(json.dumps(line, separators=(",", ":")) + "\n")
                self._file.flush()

    def read(self, *, after: int = 0, kind: str | None = None) -> list[JsonObject]:
        """The lines numbered above `after`, oldest first, only those of one type when `kind` is given."""
        with self._lock:
            return [line for line in self._lines if line["seq"] > after and kind in (None, line["type"])]

    def forget(self) -> None:
        """Empty what `read` answers; the file keeps every line and gains one that says so."""
        with self._lock:
            self._lines.clear()
        self.write("reset")

    def close(self) -> None:
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None
