"""The one door per status: the tables of allowed moves, and the functions that make a move.

A move is a compare-and-set: it writes the status, its audit entry and its event in one transaction, or nothing. Of two
workers who hold the same row one wins, and the other is told.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from config.errors import DomainError
from onboarding.domain import audit, events, locks
from onboarding.domain.audit import Actor, Fact
from onboarding.enums import (
    AuditAction,
    CaseStatus,
    EventName,
    Status,
    SubmissionOutcome,
)
from onboarding.models import EndUser, Enrollment, ReviewCase, Submission

S = Status
O = SubmissionOutcome  # noqa: E741 - reads as a table below

# An end user follows its primary enrollment, and our own analysts' cases.
END_USER_MOVES: Mapping[Status, frozenset[Status]] = {
    S.CREATED: frozenset({S.VERIFYING, S.REVIEW, S.VERIFIED, S.REJECTED}),
    S.VERIFYING: frozenset({S.REVIEW, S.VERIFIED, S.REJECTED}),
    S.REVIEW: frozenset({S.CREATED, S.VERIFYING, S.VERIFIED, S.REJECTED}),
    S.REJECTED: frozenset({S.VERIFYING, S.REVIEW, S.VERIFIED}),
    S.VERIFIED: frozenset({S.VERIFYING, S.REVIEW, S.REJECTED}),
}

# Contract section 6.3: jumps are accepted; a settled status moves again only by a new round or by the partner's own
# confirmed word. VERIFIED -> REJECTED needs an announced and confirmed change; without one it is drift.
ENROLLMENT_MOVES: Mapping[Status, frozenset[Status]] = {
    S.CREATED: frozenset({S.VERIFYING, S.REVIEW, S.VERIFIED, S.REJECTED}),
    S.VERIFYING: frozenset({S.REVIEW, S.VERIFIED, S.REJECTED}),
    S.REVIEW: frozenset({S.VERIFYING, S.VERIFIED, S.REJECTED}),
    S.REJECTED: frozenset({S.VERIFYING, S.REVIEW, S.VERIFIED}),
    S.VERIFIED: frozenset({S.VERIFYING, S.REVIEW, S.REJECTED}),
}

SUBMISSION_MOVES: Mapping[SubmissionOutcome, frozenset[SubmissionOutcome]] = {
    O.QUEUED: frozenset({O.IN_FLIGHT, O.REFUSED}),
    O.IN_FLIGHT: frozenset({O.QUEUED, O.UNKNOWN, O.SUCCEEDED, O.REFUSED}),
    O.UNKNOWN: frozenset({O.IN_FLIGHT, O.SUCCEEDED, O.REFUSED}),
    O.SUCCEEDED: frozenset(),
    O.REFUSED: frozenset(),
}

CASE_MOVES: Mapping[CaseStatus, frozenset[CaseStatus]] = {
    CaseStatus.OPEN: frozenset({CaseStatus.CLOSED}),
    CaseStatus.CLOSED: frozenset(),
}


class TransitionNotAllowed(DomainError):
    """The table forbids the move, or somebody else moved the row first."""

    code = "transition_not_allowed"
    http_status = 409


@transaction.atomic
def move_end_user(
    *,
    end_user: EndUser,
    to: Status,
    actor: Actor,
    at: datetime,
    reasons: Sequence[Mapping[str, str]] = (),
    verified_fields: Sequence[str] = (),
) -> None:
    """Move an end user and tell its product app. Raises `TransitionNotAllowed`."""
    old = Status(end_user.status)
    _check(END_USER_MOVES, old, to)
    moved = EndUser.objects.filter(pk=end_user.pk, status=old).update(status=to, updated_at=at)
    _won(moved)
    end_user.status, end_user.updated_at = to, at
    _announce(end_user, old=old, to=to, at=at, reasons=reasons, verified_fields=verified_fields)
    fact = Fact(AuditAction.END_USER_STATUS, {"from": old, "to": to})
    audit.record(subject=end_user, facts=[fact], actor=actor, at=at)


@transaction.atomic
def move_enrollment(
    *, enrollment: Enrollment, to: Status, actor: Actor, at: datetime, partner_status: str, confirmed: bool
) -> None:
    """Move an enrollment to what its partner says. Raises `TransitionNotAllowed`."""
    old = Status(enrollment.status)
    _check(ENROLLMENT_MOVES, old, to)
    values: dict[str, Any] = {"status": to, "partner_status": partner_status}
    if confirmed:
        values["confirmed_at"] = at
    moved = Enrollment.objects.filter(pk=enrollment.pk, status=old).update(**values)
    _won(moved)
    for name, value in values.items():
        setattr(enrollment, name, value)
    data = {"partner": enrollment.partner, "from": old, "to": to, "partner_word": partner_status}
    fact = Fact(AuditAction.ENROLLMENT_STATUS, data)
    audit.record(subject=enrollment.end_user, facts=[fact], actor=actor, at=at)


@transaction.atomic
def move_submission(
    *, submission: Submission, to: SubmissionOutcome, actor: Actor, at: datetime, **values: Any
) -> None:
    """Move a submission as the holder of its claim. Raises `TransitionNotAllowed` when the claim was lost.

    Further columns in `values` are written with it. Every move but the start of a call enters the trail.
    """
    old = SubmissionOutcome(submission.outcome)
    _check(SUBMISSION_MOVES, old, to)
    if to != O.IN_FLIGHT:
        locks.hold(submission.enrollment.end_user_id)
    if to in SubmissionOutcome.final_outcomes:
        values |= {"finished_at": at, "leased_until": None}
    held = Submission.objects.filter(pk=submission.pk, fence=submission.fence, outcome=old)
    _won(held.update(outcome=to, **values))
    submission.outcome = to
    for name, value in values.items():
        setattr(submission, name, value)
    if to != O.IN_FLIGHT:
        fact = Fact(
            AuditAction.SUBMISSION_OUTCOME,
            {
                "submission": str(submission.pk),
                "operation": submission.operation,
                "partner": submission.partner,
                "from": old,
                "to": to,
            },
        )
        audit.record(subject=submission.enrollment.end_user, facts=[fact], actor=actor, at=at)


@transaction.atomic
def close_case(*, case: ReviewCase, actor: Actor, at: datetime, data: Mapping[str, Any]) -> None:
    """Close a case. Raises `TransitionNotAllowed` when it is closed already."""
    _check(CASE_MOVES, CaseStatus(case.status), CaseStatus.CLOSED)
    locks.hold(case.end_user_id)
    open_case = ReviewCase.objects.filter(pk=case.pk, status=CaseStatus.OPEN)
    _won(open_case.update(status=CaseStatus.CLOSED, closed_at=at))
    case.status, case.closed_at = CaseStatus.CLOSED, at
    fact = Fact(AuditAction.CASE_DECIDED, {"case": str(case.pk), "kind": case.kind, **data})
    audit.record(subject=case.end_user, facts=[fact], actor=actor, at=at)


def _check(table: Mapping[Any, frozenset[Any]], old: Any, to: Any) -> None:
    if to not in table[old]:
        raise TransitionNotAllowed(f"There is no way from {old} to {to}")


def _won(moved: int) -> None:
    if moved != 1:
        raise TransitionNotAllowed("It was moved by somebody else in the meantime")


def _announce(
    end_user: EndUser,
    *,
    old: Status,
    to: Status,
    at: datetime,
    reasons: Sequence[Mapping[str, str]],
    verified_fields: Sequence[str],
) -> None:
    """The events of contract section 7.4: the verdicts by name, every other move as a status change."""
    common: dict[str, Any] = {"user_id": str(end_user.pk)}
    data: dict[str, Any]
    if to == Status.VERIFIED:
        name, data = EventName.VERIFICATION_ACCEPTED, {"status": to, "verified_fields": list(verified_fields)}
    elif to == Status.REJECTED:
        name, data = EventName.VERIFICATION_FAILED, {"status": to, "reasons": list(reasons)}
    else:
        name, data = EventName.USER_STATUS_CHANGED, {"previous_status": old, "new_status": to}
    events.put(client=end_user.client, end_user=end_user, name=name, data={**common, **data}, at=at)
