"""Cases: what waits for a person. Opening one is cheap and safe to repeat."""

from datetime import datetime

from onboarding.domain import audit, transitions
from onboarding.domain.audit import SYSTEM, Fact
from onboarding.enums import AuditAction, CaseKind, CaseStatus
from onboarding.models import EndUser, Enrollment, ReviewCase


def open_case(
    *,
    end_user: EndUser,
    kind: CaseKind,
    summary: str,
    at: datetime,
    enrollment: Enrollment | None = None,
) -> ReviewCase:
    """The open case of this kind for this end user: the one there is, or a new one."""
    case, is_new = ReviewCase.objects.get_or_create(
        end_user=end_user,
        kind=kind,
        status=CaseStatus.OPEN,
        defaults={"summary": summary[:500], "enrollment": enrollment, "opened_at": at},
    )
    if is_new:
        fact = Fact(AuditAction.CASE_OPENED, {"case": str(case.pk), "kind": kind})
        audit.record(subject=end_user, facts=[fact], actor=SYSTEM, at=at)
    return case


def settle(*, end_user: EndUser, kind: CaseKind, note: str, at: datetime) -> None:
    """Close the open case of a kind whose question has answered itself."""
    case = ReviewCase.objects.filter(end_user=end_user, kind=kind, status=CaseStatus.OPEN).first()
    if case is not None:
        transitions.close_case(case=case, actor=SYSTEM, at=at, data={"note": note})
