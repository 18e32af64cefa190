"""What people decide about cases."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction

from config.errors import Conflict, DomainError
from onboarding.domain import locks, submissions, transitions
from onboarding.domain.audit import Actor
from onboarding.enums import CaseKind, CaseStatus, Status, Verdict
from onboarding.models import ReviewCase, ReviewDecision

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class CaseAlreadyDecided(DomainError):
    """Somebody closed the case before."""

    code = "case_already_decided"
    http_status = 409


@transaction.atomic
def decide(
    *, case: ReviewCase, reviewer: "User", verdict: Verdict, reason: str, at: datetime
) -> ReviewDecision:
    """Close a case with a decision that never changes. Of an onboarding case, approving sends the end user to its
    partners and rejecting rejects it; other kinds are only closed.

    Raises `CaseAlreadyDecided`, and `Conflict` when an onboarding case should be closed without a verdict.
    """
    locks.hold(case.end_user_id)
    case.refresh_from_db(fields=["status"])
    if case.status != CaseStatus.OPEN:
        raise CaseAlreadyDecided("This case is already decided")
    if case.kind == CaseKind.ONBOARDING and verdict == Verdict.CLOSE:
        raise Conflict("An onboarding case is approved or rejected, not just closed")
    actor = Actor.staff(reviewer)
    decision = ReviewDecision.objects.create(
        case=case,
        reviewer=reviewer,
        verdict=verdict,
        reason=reason,
        end_user_version=case.end_user.version,
        decided_at=at,
    )
    transitions.close_case(case=case, actor=actor, at=at, data={"verdict": verdict})
    if case.kind == CaseKind.ONBOARDING:
        _carry_out(case, verdict, actor, at)
    return decision


def _carry_out(case: ReviewCase, verdict: Verdict, actor: Actor, at: datetime) -> None:
    if verdict == Verdict.REJECT:
        transitions.move_end_user(end_user=case.end_user, to=Status.REJECTED, actor=actor, at=at)
        return
    for enrollment in case.end_user.enrollments.all():
        submissions.open_for_change(enrollment=enrollment, starts=True, changed=["*"], actor=actor, at=at)
