"""Work that survives: rows with a lease and a fence, one way to claim them, and a doorbell.

A row that inherits `Work` is a promise to the outside. Processes claim due rows by a conditional update that
pushes the lease, so a dead process loses nothing (its lease ends) and a frozen one can write nothing (its fence
is stale). Broker messages are doorbells without meaning: losing or doubling one changes latency only.
"""

import logging
import os
import random
import signal
import threading
import time
from datetime import datetime, timedelta
from typing import Self, TypeVar

from celery import current_app
from django.conf import settings
from django.db import connection, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

logger = logging.getLogger(__name__)

_Row = TypeVar("_Row", bound="Work")


class WorkQuerySet(models.QuerySet[_Row]):
    """Reads over rows of work; the clock is the database's, so skewed hosts agree on leases."""

    def due(self) -> Self:
        """Rows to be worked on now: unfinished, due, and leased by nobody alive."""
        return self.filter(finished_at=None, due_at__lte=Now()).filter(
            Q(leased_until=None) | Q(leased_until__lt=Now())
        )

    def claim_one(self, *, lease: timedelta) -> _Row | None:
        """Take the longest-due row of this queryset, or None. Never the same row twice while a lease lives.

        Raises nothing on a lost race: the loser simply gets the next row, or None.
        """
        with transaction.atomic(using=self.db):
            due = self.due().order_by("due_at")
            if connection.features.has_select_for_update_skip_locked:
                due = due.select_for_update(skip_locked=True, of=("self",))
            pk = due.values_list("pk", flat=True).first()
            if pk is None:
                return None
            claimed = (
                self.model._default_manager.filter(pk=pk, finished_at=None)
                .filter(Q(leased_until=None) | Q(leased_until__lt=Now()))
                .update(leased_until=Now() + lease, fence=F("fence") + 1, attempts=F("attempts") + 1)
            )
            return self._fresh(pk) if claimed else None

    def _fresh(self, pk: object) -> _Row:
        """The row as claimed, outside this queryset's conditions."""
        row: _Row = self.model._default_manager.get(pk=pk)  # type: ignore[assignment]
        return row


class Work(models.Model):
    """Abstract row of work.

    `due_at` empty and unfinished means parked: only a person moves it. `fence` grows with every claim;
    `finish` and `postpone` write only for the holder of the newest fence.
    """

    due_at = models.DateTimeField(null=True, default=timezone.now)
    leased_until = models.DateTimeField(null=True, editable=False)
    fence = models.PositiveIntegerField(default=0, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    last_error = models.CharField(max_length=500, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, editable=False)

    objects = WorkQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_parked(self) -> bool:
        """Unfinished, and waiting for a person."""
        return self.finished_at is None and self.due_at is None

    def write_as_holder(self, **values: object) -> bool:
        """Write `values` if this object still holds the newest claim; False when another worker took over."""
        written = type(self)._default_manager.filter(pk=self.pk, fence=self.fence).update(**values)
        if written:
            for name, value in values.items():
                setattr(self, name, value)
        return bool(written)

    def finish(self, *, at: datetime, **values: object) -> bool:
        """Done for good, whatever the result. False when the fence was lost."""
        return self.write_as_holder(finished_at=at, leased_until=None, **values)

    def postpone(self, *, until: datetime | None, error: str, **values: object) -> bool:
        """Give the row back until then, or park it for a person (None). False when the fence was lost."""
        return self.write_as_holder(due_at=until, leased_until=None, last_error=error[:500], **values)


def backoff(*, attempt: int, base: float, cap: float) -> timedelta:
    """Full jitter: anything up to `base * 2**(attempt - 1)` seconds, at most `cap`, at least a tenth of base."""
    ceiling = min(cap, base * 2 ** min(attempt - 1, 30))
    return timedelta(seconds=max(base / 10, random.uniform(0, ceiling)))  # noqa: S311 - spread, not secrecy


def release_connection() -> None:
    """Give the database connection back before a call to the outside; refused inside a transaction."""
    if connection.in_atomic_block:
        if getattr(settings, "TESTING", False):
            return  # a test case's own transaction wraps everything; the guard below is for real processes
        raise RuntimeError("a call to the outside was attempted inside a database transaction")
    connection.close()


# --- The doorbell ---------------------------------------------------------------------------------


DOORBELL_PAUSE = 0.05


class _Doorbell:
    """Rings task names from a thread of its own, so that no request ever waits for a broker."""

    def __init__(self) -> None:
        self._pending: set[str] = set()
        self._wake = threading.Condition()
        self._pid: int | None = None

    def ring(self, task_name: str) -> None:
        with self._wake:
            if self._pid != os.getpid():  # a forked process inherits no threads
                self._pid = os.getpid()
                threading.Thread(target=self._serve, name="doorbell", daemon=True).start()
            self._pending.add(task_name)
            self._wake.notify()

    def _serve(self) -> None:
        while True:
            with self._wake:
                while not self._pending:
                    self._wake.wait()
                names, self._pending = self._pending, set()
            for name in names:
                self._publish(name)
            time.sleep(DOORBELL_PAUSE)  # rings that come meanwhile are one ring

    @staticmethod
    def _publish(name: str) -> None:
        try:
            current_app.send_task(name, retry=False, ignore_result=True)
        except Exception as error:  # any broker fault: the sweep finds the row
            logger.warning("doorbell %s not rung: %s", name, type(error).__name__)


_doorbell = _Doorbell()


def ring(task_name: str) -> None:
    """Ask the workers to look at a queue, once the transaction at hand has committed. Never blocks or raises."""
    transaction.on_commit(lambda: _doorbell.ring(task_name))


# --- Fault points ---------------------------------------------------------------------------------


def point(name: str) -> None:
    """A place where tests may kill this process; nothing unless FAULT_POINTS names it.

    FAULT_POINTS is refused outside debug and test settings by check onboarding.E003.
    """
    if name in getattr(settings, "FAULT_POINTS", ()):
        os.kill(os.getpid(), signal.SIGKILL)
