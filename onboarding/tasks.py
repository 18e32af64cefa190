"""Doorbells. Each message means "look at your queue"; losing or doubling one changes nothing but the time it takes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from onboarding.domain import reconciliation, submissions
from onboarding.domain.gates import setting
from onboarding.enums import Partner
from onboarding.models import IdempotencyRecord

SECONDS_PER_TURN = 20.0

_seats: dict[tuple[str, str], threading.BoundedSemaphore] = {}


@contextmanager
def _seat(what: str, partner: str, *, seats: int) -> Iterator[bool]:
    """Whether this process may put one more thread on a partner: a slow one must not take them all."""
    semaphore = _seats.setdefault((what, partner), threading.BoundedSemaphore(min(max(seats, 1), 4)))
    free = semaphore.acquire(blocking=False)
    try:
        yield free
    finally:
        if free:
            semaphore.release()


@shared_task(name="onboarding.tasks.send_due_submissions")
def send_due_submissions(*, partner: str | None = None, **kwargs: Any) -> None:
    """Carry out what is due, for one partner or for each."""
    for name in [partner] if partner else Partner.values:
        with _seat("send", name, seats=int(setting(name, "MAX_IN_FLIGHT"))) as free:
            if free:
                submissions.send_due(partner=name, seconds=SECONDS_PER_TURN)


@shared_task(name="onboarding.tasks.reconcile_due_enrollments")
def reconcile_due_enrollments(*, partner: str | None = None, **kwargs: Any) -> None:
    """Read the enrollments whose time has come."""
    for name in [partner] if partner else Partner.values:
        with _seat("read", name, seats=1) as free:
            if free:
                reconciliation.check_due(partner=name, seconds=SECONDS_PER_TURN)


@shared_task(name="onboarding.tasks.purge_expired")
def purge_expired(**kwargs: Any) -> None:
    """Forget idempotency keys whose lifetime is over (contract section 1.4)."""
    oldest = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_KEY_HOURS)
    IdempotencyRecord.objects.filter(created_at__lt=oldest).delete()
