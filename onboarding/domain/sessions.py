"""Verification sessions: hosted pages and API sessions at a partner (contract sections 2.8 and 2.11)."""

import threading
import time
from datetime import datetime, timedelta

from django.db import transaction

from config.errors import Conflict
from onboarding.domain import locks, submissions
from onboarding.domain.audit import Actor
from onboarding.enums import CaseKind, CaseStatus, SessionStatus, SessionType
from onboarding.models import EndUser, Enrollment, VerificationSession

POLL_SECONDS = 0.1

# How many threads of one process may wait for a partner: the others stay free for those who do not need one.
_waiters = threading.BoundedSemaphore(2)


class HeldForReview(Conflict):
    """One of our analysts holds the case; nothing may reach a partner before the decision."""

    code = "held_for_review"


@transaction.atomic
def open_session(
    *,
    end_user: EndUser,
    session_type: SessionType,
    redirect_uri: str,
    actor: Actor,
    at: datetime,
    partner: str | None = None,
) -> VerificationSession:
    """Queue a session at a partner (the primary one by default); the partner learns of the end user first if need be.

    Raises `HeldForReview`, and `Conflict` when the end user is not enrolled with `partner`.
    """
    locks.hold(end_user.pk)
    held = end_user.cases.filter(kind=CaseKind.ONBOARDING, status=CaseStatus.OPEN)
    if held.exists():
        raise HeldForReview("The user is held for review")
    enrollment = _enrollment(end_user, partner)
    session = VerificationSession.objects.create(
        enrollment=enrollment, type=session_type, redirect_uri=redirect_uri, created_at=at
    )
    submissions.open_session(enrollment=enrollment, session=session, actor=actor, at=at)
    return session


def expect_link(*, end_user: EndUser, at: datetime) -> None:
    """A session whose link comes with the create itself."""
    VerificationSession.objects.create(
        enrollment=_enrollment(end_user, None),
        type=SessionType.EMBEDDED_LINK,
        redirect_uri=end_user.redirect_uri or "",
        created_at=at,
    )


def await_link(*, session: VerificationSession, seconds: float) -> VerificationSession:
    """The session after at most so many seconds, carrying its submissions out in this process meanwhile.

    A session still PENDING afterwards goes on in the workers. Must not be called inside a transaction.
    """
    if not _waiters.acquire(blocking=False):
        return session  # enough threads of this process wait for partners already; a worker does it
    try:
        return _carry_out(session, seconds)
    finally:
        _waiters.release()


def _carry_out(session: VerificationSession, seconds: float) -> VerificationSession:
    deadline = time.monotonic() + seconds
    while session.status == SessionStatus.PENDING and time.monotonic() < deadline:
        mine = submissions.ready(session.enrollment.partner).filter(enrollment=session.enrollment)
        submission = mine.claim_one(lease=submissions.CLAIM_LEASE)
        if submission is not None:
            submissions.carry_out(submission=submission)
        elif not _is_moving(session):
            break
        else:
            time.sleep(POLL_SECONDS)
        session.refresh_from_db()
    return session


def _is_moving(session: VerificationSession) -> bool:
    """Some worker holds a submission of this enrollment, or one becomes due within moments."""
    soon = datetime.now(tz=session.created_at.tzinfo) + timedelta(seconds=2)
    return session.enrollment.submissions.filter(finished_at=None, due_at__lte=soon).exists()


def _enrollment(end_user: EndUser, partner: str | None) -> Enrollment:
    if partner is None:
        return end_user.enrollments.get(is_primary=True)
    enrollment = end_user.enrollments.filter(partner=partner).first()
    if enrollment is None:
        raise Conflict("The user is not enrolled with this partner")
    return enrollment
