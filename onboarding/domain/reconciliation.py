"""Reading partners on our own account: what webhooks missed arrives here, through the same door."""

import logging
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils import timezone

from config import work
from config.errors import Conflict
from onboarding.domain import gates, statuses
from onboarding.domain.statuses import Applied
from onboarding.models import Enrollment
from onboarding.partners import registry
from onboarding.partners.base import (
    PartnerBusy,
    PartnerError,
    PartnerEvent,
    PartnerRecord,
    RecordMissing,
)

logger = logging.getLogger(__name__)

READING_LEASE = timedelta(seconds=90)

Progress = Callable[[Enrollment, "Applied | PartnerError"], None]


def read_and_apply(*, enrollment: Enrollment, event: PartnerEvent | None, at: datetime) -> Applied:
    """Read the partner's record once and bring the enrollment to it; `event` is only a hint.

    Raises `PartnerError` when the partner could not be read. Must not be called inside a transaction.
    """
    read_at = timezone.now()
    connector = registry.connector(enrollment.partner, gate=gates.gate(enrollment.partner))
    reference = enrollment.partner_reference or ""
    try:
        record = connector.fetch(reference)
    except RecordMissing:
        record = PartnerRecord(reference=reference, status=None, partner_status="(no such record)")
    return statuses.apply_record(enrollment=enrollment, record=record, read_at=read_at, at=at, event=event)


def check_due(*, partner: str, seconds: float, progress: Progress | None = None) -> int:
    """Read the enrollments whose time has come, for about so many seconds; returns how many were read."""
    deadline, read = time.monotonic() + seconds, 0
    while time.monotonic() < deadline and not gates.is_paused(partner):
        enrollment = _claim(partner)
        if enrollment is None:
            break
        outcome = _check(enrollment)
        read += 1
        if progress is not None:
            progress(enrollment, outcome)
    return read


def due_now(*, partner: str, at: datetime, everything: bool = False) -> int:
    """Make every unsettled enrollment due at once (with `everything`, settled ones too); returns how many."""
    rows = Enrollment.objects.filter(partner=partner).exclude(partner_reference=None)
    if not everything:
        rows = rows.exclude(next_check_at=None)
    return rows.update(next_check_at=at)


def ask_now(*, enrollment: Enrollment, at: datetime) -> None:
    """Make one enrollment due at once, settled or not, and ring for it.

    Raises `Conflict` when the partner does not know the end user yet.
    """
    known = Enrollment.objects.filter(pk=enrollment.pk).exclude(partner_reference=None)
    if not known.update(next_check_at=at):
        raise Conflict("The partner does not know this end user yet: there is nothing to read")
    work.ring("onboarding.tasks.reconcile_due_enrollments")


def _check(enrollment: Enrollment) -> Applied | PartnerError:
    try:
        return read_and_apply(enrollment=enrollment, event=None, at=timezone.now())
    except PartnerError as error:
        wait = timedelta(seconds=float(gates.setting(enrollment.partner, "RETRY_CAP_SECONDS")) / 4)
        if isinstance(error, PartnerBusy) and error.retry_after:
            wait = max(timedelta(seconds=1), error.retry_after)
        Enrollment.objects.filter(pk=enrollment.pk).update(next_check_at=timezone.now() + wait)
        logger.info("enrollment %s not read: %s", enrollment.pk, error.reason)
        return error


def _claim(partner: str) -> Enrollment | None:
    """The longest-due enrollment, its next look pushed ahead as a lease."""
    with transaction.atomic():
        now = timezone.now()
        due = Enrollment.objects.filter(partner=partner, next_check_at__lte=now)
        due = due.exclude(partner_reference=None).order_by("next_check_at")
        if connection.features.has_select_for_update_skip_locked:
            due = due.select_for_update(skip_locked=True)
        pk = due.values_list("pk", flat=True).first()
        if pk is None:
            return None
        Enrollment.objects.filter(pk=pk).update(next_check_at=now + READING_LEASE)
    return Enrollment.objects.select_related("end_user").get(pk=pk)
