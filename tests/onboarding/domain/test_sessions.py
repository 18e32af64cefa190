import pytest

from onboarding.domain import sessions
from onboarding.domain.audit import SYSTEM
from onboarding.domain.sessions import HeldForReview
from onboarding.enums import SessionStatus, SessionType, Status, SubmissionOutcome
from onboarding.models import EndUser, Submission, VerificationSession
from tests.onboarding.domain.conftest import Partner, later, send
from tests.onboarding.factories import NOON, individual, make_client, register

pytestmark = pytest.mark.django_db


def _open(end_user: EndUser) -> VerificationSession:
    return sessions.open_session(
        end_user=end_user,
        session_type=SessionType.EMBEDDED_LINK,
        redirect_uri="https://app.example.com/done",
        actor=SYSTEM,
        at=NOON,
    )


def test_a_session_takes_an_unknown_end_user_to_the_partner_first(kira: Partner) -> None:
    end_user = register(declaration=individual(occupation=None))
    session = sessions.await_link(session=_open(end_user), seconds=10)
    assert session.status == SessionStatus.ISSUED
    assert str(session.link).startswith("http://127.0.0.1:")
    assert len(kira.users()) == 1
    assert EndUser.objects.get(pk=end_user.pk).status == Status.CREATED


def test_a_link_is_sealed_in_the_database(kira: Partner) -> None:
    sessions.await_link(session=_open(register(declaration=individual(occupation=None))), seconds=10)
    raw = bytes(VerificationSession.objects.extra(select={"raw": "link"}).values_list("raw", flat=True).get())
    assert b"http" not in raw


def test_a_session_that_does_not_finish_in_time_goes_on_in_the_workers(kira: Partner) -> None:
    kira.order("drop_before_commit", path="/kira/v1/users/*/verifications")
    session = sessions.await_link(session=_open(register(declaration=individual(occupation=None))), seconds=3)
    assert session.status == SessionStatus.PENDING
    later()
    send()
    session.refresh_from_db()
    assert session.status == SessionStatus.ISSUED


def test_a_session_waits_for_our_analysts(kira: Partner) -> None:
    end_user = register(declaration=individual(pep_status=True))
    with pytest.raises(HeldForReview):
        _open(end_user)
    assert kira.users() == []


def test_a_hosted_link_can_come_with_the_create(kira: Partner) -> None:
    end_user = register(
        client=make_client(),
        declaration={
            "type": "individual",
            "first_name": "Priya",
            "last_name": "Nakamura",
            "email": "priya@example.com",
            "verification_mode": "verification_link",
            "redirect_uri": "https://app.example.com/done",
        },
    )
    session = sessions.await_link(session=end_user.enrollments.get().sessions.get(), seconds=10)
    assert session.status == SessionStatus.ISSUED
    assert end_user.verification_triggered is False
    assert Submission.objects.get().outcome == SubmissionOutcome.SUCCEEDED
