"""Counting what was turned away at the door, without a write per message.

A flood of forgeries must cost the database nothing: each process adds up in memory and writes at most every
WEBHOOK_REJECTION_FLUSH_SECONDS. A process that is killed loses the counts of that many seconds.
"""

import logging
import threading
import time
from collections import Counter
from datetime import date, datetime

from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from webhooks.enums import RejectionReason
from webhooks.models import WebhookRejection

logger = logging.getLogger(__name__)

_Row = tuple[str, date, str]


class _Tally:
    """Counts of this process; the first one is written at once, later ones together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[_Row] = Counter()
        self._last_at: dict[_Row, datetime] = {}
        self._written = float("-inf")
        self._timer: threading.Timer | None = None

    def add(self, row: _Row, *, at: datetime) -> None:
        with self._lock:
            self._counts[row] += 1
            self._last_at[row] = at
            wait = self._written + settings.WEBHOOK_REJECTION_FLUSH_SECONDS - time.monotonic()
            if wait > 0:
                self._arm(wait)
                return
            self._written = time.monotonic()
        self.write()

    def write(self) -> None:
        """Add the counts to their rows; on a database fault they stay for the next time."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            last_at = dict(self._last_at)
        for row, count in counts.items():
            try:
                _add(row, count, last_at[row])
            except DatabaseError as error:
                logger.warning("rejections not counted yet", extra={"error": type(error).__name__})
                with self._lock:
                    self._counts[row] += count

    def _arm(self, wait: float) -> None:
        if self._timer is None or not self._timer.is_alive():
            self._timer = threading.Timer(wait, self._write_late)
            self._timer.daemon = True
            self._timer.start()

    def _write_late(self) -> None:
        self._written = time.monotonic()
        self._timer = None
        try:
            self.write()
        finally:
            connection.close()


_tally = _Tally()


def count(*, partner: str, reason: RejectionReason, at: datetime) -> None:
    """One message in `partner`'s name was turned away. Never raises; usually writes nothing yet."""
    _tally.add((partner, at.date(), reason), at=at)


def flush() -> None:
    """Write what this process has counted so far."""
    _tally.write()


def _add(row: _Row, count: int, at: datetime) -> None:
    partner, day, reason = row
    found = WebhookRejection.objects.filter(partner=partner, day=day, reason=reason)
    if found.update(count=F("count") + count, last_at=at):
        return
    try:
        with transaction.atomic():
            WebhookRejection.objects.create(partner=partner, day=day, reason=reason, count=count, last_at=at)
    except IntegrityError:
        found.update(count=F("count") + count, last_at=at)
