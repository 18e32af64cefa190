"""What a partner's record means for us: the one place where a partner's word becomes a status of ours.

An event is a hint, the partner's record is the fact. A status moves by rank and confirmation, never by arrival
order; what cannot be applied becomes a `Drift` row and a case, and is never guessed.
"""

import enum
import random
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction

from onboarding.domain import audit, cases, events, locks, transitions
from onboarding.domain.audit import Actor, Fact
from onboarding.domain.gates import setting
from onboarding.enums import AuditAction, CaseKind, EventName, Status
from onboarding.models import Drift, EndUser, Enrollment
from onboarding.partners.base import PartnerEvent, PartnerReason, PartnerRecord

# A partner takes some seconds to begin a new round; until then its record still shows the old verdict (section 4.1).
OLD_VERDICT_SHOWS = timedelta(seconds=30)


class Applied(enum.Enum):
    """What became of a partner's word."""

    APPLIED = "applied"
    UNCHANGED = "unchanged"
    STALE = "stale"
    DRIFT = "drift"


@transaction.atomic
def apply_record(
    *,
    enrollment: Enrollment,
    record: PartnerRecord,
    read_at: datetime,
    at: datetime,
    event: PartnerEvent | None = None,
) -> Applied:
    """Bring an enrollment, and its end user, to what the partner's record says.

    `read_at` is when the read began: an older read never overwrites a newer one. Returns STALE when the record does not
    (yet) show what `event` announced, or was read before something newer.
    """
    enrollment = locks.hold_enrollment(enrollment)
    if enrollment.confirmed_at and enrollment.confirmed_at > read_at:
        return Applied.STALE
    if record.status is None:
        note = "a word of the partner that we do not know"
        return _drift(enrollment, record.partner_status, note, at)
    theirs, ours = Status(record.status), Status(enrollment.status)
    if theirs == ours:
        _confirm(enrollment, record, at)
        _keep_reasons(enrollment, event, is_news=True)
        return Applied.STALE if _announces_more(event, theirs) else Applied.UNCHANGED
    if not _may_follow(enrollment, ours, theirs, event, read_at):
        if ours in Status.settled_statuses:
            return _drift(enrollment, record.partner_status, "a settled status is contradicted", at)
        _schedule(enrollment, at)
        return Applied.STALE
    _move(enrollment, record, theirs, at, event)
    return Applied.STALE if _announces_more(event, theirs) else Applied.APPLIED


@transaction.atomic
def begin_round(*, enrollment: Enrollment, partner_status: str, actor: Actor, at: datetime) -> None:
    """The partner took our data and started to verify: VERIFYING, to be confirmed by reading."""
    enrollment = locks.hold_enrollment(enrollment)
    was_settled = enrollment.status in Status.settled_statuses
    if was_settled or enrollment.status == Status.CREATED:
        transitions.move_enrollment(
            enrollment=enrollment,
            to=Status.VERIFYING,
            actor=actor,
            at=at,
            partner_status=partner_status,
            confirmed=False,
        )
        _follow(enrollment, Status.VERIFYING, at=at, reasons=(), verified_fields=())
    Enrollment.objects.filter(pk=enrollment.pk).update(
        checks=0,
        is_reopened=was_settled,
        round_began_at=at,
        next_check_at=next_check(enrollment.partner, 0, at),
    )


def next_check(partner: str, checks: int, at: datetime) -> datetime:
    """When to read the partner again: growing intervals, spread by a tenth."""
    first = float(setting(partner, "RECONCILE_FIRST_SECONDS"))
    cap = float(setting(partner, "RECONCILE_CAP_SECONDS"))
    seconds = min(cap, first * 2 ** min(checks, 20))
    return at + timedelta(seconds=seconds * random.uniform(0.95, 1.05))  # noqa: S311 - spread only


def _may_follow(
    enrollment: Enrollment, ours: Status, theirs: Status, event: PartnerEvent | None, read_at: datetime
) -> bool:
    if ours not in Status.settled_statuses:
        is_old = (
            enrollment.is_reopened
            and enrollment.round_began_at is not None
            and read_at - enrollment.round_began_at < OLD_VERDICT_SHOWS
        )
        return theirs.rank > ours.rank and not (is_old and event is None)
    announced = event is not None and event.status == theirs and theirs in Status.settled_statuses
    return enrollment.is_reopened or announced


def _announces_more(event: PartnerEvent | None, theirs: Status) -> bool:
    """The event tells of a status that the record does not show."""
    if event is None or event.status is None or event.status == theirs:
        return False
    return Status(event.status).rank >= theirs.rank


def _move(
    enrollment: Enrollment,
    record: PartnerRecord,
    theirs: Status,
    at: datetime,
    event: PartnerEvent | None,
) -> None:
    actor = Actor.partner(enrollment.partner)
    transitions.move_enrollment(
        enrollment=enrollment,
        to=theirs,
        actor=actor,
        at=at,
        partner_status=record.partner_status,
        confirmed=True,
    )
    enrollment.checks = 0
    if theirs in Status.settled_statuses:
        enrollment.is_reopened = False
    if theirs != Status.REJECTED:
        enrollment.reasons = []
    _confirm(enrollment, record, at)
    _keep_reasons(enrollment, event, is_news=False)
    _open_cases(enrollment, theirs, at)
    fields = event.verified_fields if event else ()
    _follow(enrollment, theirs, at=at, reasons=event.reasons if event else (), verified_fields=fields)


def _follow(
    enrollment: Enrollment,
    to: Status,
    *,
    at: datetime,
    reasons: Sequence[PartnerReason],
    verified_fields: Sequence[str],
) -> None:
    """The end user's status follows its primary enrollment."""
    if not enrollment.is_primary:
        return
    end_user = EndUser.objects.get(pk=enrollment.end_user_id)
    if end_user.status == to or to not in transitions.END_USER_MOVES[Status(end_user.status)]:
        return
    transitions.move_end_user(
        end_user=end_user,
        to=to,
        actor=Actor.partner(enrollment.partner),
        at=at,
        reasons=[_told(reason, at) for reason in reasons],
        verified_fields=verified_fields,
    )


def _confirm(enrollment: Enrollment, record: PartnerRecord, at: datetime) -> None:
    """Our status is the partner's: note it, settle what disagreed, and plan the next look."""
    enrollment.confirmed_at = at
    enrollment.partner_status = record.partner_status
    enrollment.partner_missing = {code: list(tokens) for code, tokens in record.missing.items()}
    enrollment.partner_products = dict(record.products)
    enrollment.checks += 1
    settled = enrollment.status in Status.settled_statuses and not enrollment.is_reopened
    enrollment.next_check_at = None if settled else next_check(enrollment.partner, enrollment.checks - 1, at)
    enrollment.save(
        update_fields=[
            "confirmed_at",
            "partner_status",
            "partner_missing",
            "partner_products",
            "checks",
            "next_check_at",
            "is_reopened",
        ]
    )
    if enrollment.drifts.filter(resolved_at=None).update(resolved_at=at):
        fact = Fact(AuditAction.DRIFT_RESOLVED, {"partner": enrollment.partner, "status": enrollment.status})
        actor = Actor.partner(enrollment.partner)
        audit.record(subject=enrollment.end_user, facts=[fact], actor=actor, at=at)
        cases.settle(
            end_user=enrollment.end_user, kind=CaseKind.DRIFT, note="the partner agrees again", at=at
        )


def _schedule(enrollment: Enrollment, at: datetime) -> None:
    checks = enrollment.checks + 1
    Enrollment.objects.filter(pk=enrollment.pk).update(
        checks=checks, next_check_at=next_check(enrollment.partner, checks - 1, at)
    )


def _drift(enrollment: Enrollment, theirs: str, note: str, at: datetime) -> Applied:
    """Keep the disagreement for a person: ours, theirs, since when."""
    _schedule(enrollment, at)
    drift, is_new = Drift.objects.get_or_create(
        enrollment=enrollment,
        resolved_at=None,
        defaults={
            "ours": enrollment.status,
            "theirs": theirs[:64],
            "note": note,
            "since": at,
            "last_seen_at": at,
        },
    )
    if not is_new:
        Drift.objects.filter(pk=drift.pk).update(last_seen_at=at, theirs=theirs[:64], note=note)
        return Applied.DRIFT
    data = {"partner": enrollment.partner, "ours": enrollment.status, "theirs": theirs[:64]}
    actor = Actor.partner(enrollment.partner)
    audit.record(subject=enrollment.end_user, facts=[Fact(AuditAction.DRIFT_FOUND, data)], actor=actor, at=at)
    cases.open_case(
        end_user=enrollment.end_user,
        kind=CaseKind.DRIFT,
        summary=f"{enrollment.get_partner_display()}: {note}",
        enrollment=enrollment,
        at=at,
    )
    return Applied.DRIFT


def _open_cases(enrollment: Enrollment, theirs: Status, at: datetime) -> None:
    name = enrollment.get_partner_display()
    end_user = enrollment.end_user
    if theirs == Status.REVIEW:
        kind, summary = CaseKind.PARTNER_REVIEW, f"{name} reviews by hand"
        cases.open_case(end_user=end_user, kind=kind, summary=summary, enrollment=enrollment, at=at)
    elif theirs in Status.settled_statuses:
        note = f"{name} has decided"
        cases.settle(end_user=end_user, kind=CaseKind.PARTNER_REVIEW, note=note, at=at)
    if theirs == Status.REJECTED:
        kind, summary = CaseKind.PARTNER_REJECTION, f"{name} rejected"
        cases.open_case(end_user=end_user, kind=kind, summary=summary, enrollment=enrollment, at=at)


def _keep_reasons(enrollment: Enrollment, event: PartnerEvent | None, *, is_news: bool) -> None:
    """Reasons come with the event alone and can never be fetched again (contract section 6.4).

    With `is_news` the app has heard of the rejection before, without them: it is told now.
    """
    if event is None or not event.reasons or enrollment.status != Status.REJECTED:
        return
    fallback = enrollment.confirmed_at or enrollment.created_at
    had_some = bool(enrollment.reasons)
    enrollment.reasons = [_told(reason, fallback) for reason in event.reasons]
    enrollment.save(update_fields=["reasons"])
    if is_news and not had_some and enrollment.is_primary:
        end_user = enrollment.end_user
        data = {"user_id": str(end_user.pk), "status": Status.REJECTED, "reasons": enrollment.reasons}
        events.put(
            client=end_user.client, end_user=end_user, name=EventName.REASONS_ADDED, data=data, at=fallback
        )


def _told(reason: PartnerReason, fallback: datetime) -> dict[str, str]:
    """A reason in the form of contract section 7.4."""
    at = reason.at or fallback
    return {
        "reason": reason.text,
        "developer_reason": reason.internal,
        "created_at": at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z",
    }
