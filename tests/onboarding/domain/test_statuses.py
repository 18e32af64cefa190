"""What a partner's record means for us, whatever the order in which it is heard of."""

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from onboarding.domain import reconciliation, statuses
from onboarding.domain.audit import SYSTEM
from onboarding.domain.statuses import Applied
from onboarding.enums import CaseKind, CaseStatus, EventName, Status
from onboarding.models import Drift, EndUser, Enrollment, Event, ReviewCase
from onboarding.partners.base import PartnerEvent, PartnerReason, PartnerRecord
from tests.onboarding.domain.conftest import Partner, send
from tests.onboarding.factories import register

pytestmark = pytest.mark.django_db

REASON = PartnerReason(text="The document could not be read", internal="Front image blurred")


@pytest.fixture
def enrollment() -> Enrollment:
    found = register().enrollments.get()
    Enrollment.objects.filter(pk=found.pk).update(partner_reference="p-1")
    statuses.begin_round(
        enrollment=found, partner_status="CREATED", actor=SYSTEM, at=timezone.now() - timedelta(minutes=5)
    )
    return found


def _record(status: Status | None, word: str = "") -> PartnerRecord:
    return PartnerRecord(reference="p-1", status=status, partner_status=word or str(status))


def _event(status: Status, event_id: str = "e") -> PartnerEvent:
    reasons = (REASON,) if status == Status.REJECTED else ()
    return PartnerEvent(
        event_id=event_id, name="x", reference="p-1", status=status, partner_status=status, reasons=reasons
    )


def _apply(enrollment: Enrollment, status: Status | None, event: PartnerEvent | None = None) -> Applied:
    now = timezone.now()
    return statuses.apply_record(
        enrollment=enrollment, record=_record(status, "X"), read_at=now, at=timezone.now(), event=event
    )


def _ours(enrollment: Enrollment) -> tuple[str, str]:
    enrollment = Enrollment.objects.select_related("end_user").get(pk=enrollment.pk)
    return enrollment.status, enrollment.end_user.status


def test_a_verdict_found_by_reading_moves_enrollment_and_end_user(enrollment: Enrollment) -> None:
    assert _apply(enrollment, Status.VERIFIED) == Applied.APPLIED
    assert _ours(enrollment) == ("VERIFIED", "VERIFIED")
    assert Enrollment.objects.get(pk=enrollment.pk).next_check_at is None


def test_a_rejection_is_told_with_its_reasons_and_opens_a_case(enrollment: Enrollment) -> None:
    _apply(enrollment, Status.REJECTED, _event(Status.REJECTED))
    told = Event.objects.get(name=EventName.VERIFICATION_FAILED)
    assert [reason["reason"] for reason in told.data["reasons"]] == [REASON.text]
    assert ReviewCase.objects.get().kind == CaseKind.PARTNER_REJECTION


def test_an_event_ahead_of_the_record_changes_nothing_and_is_stale(enrollment: Enrollment) -> None:
    assert _apply(enrollment, Status.VERIFYING, _event(Status.VERIFIED)) == Applied.STALE
    assert _ours(enrollment) == ("VERIFYING", "VERIFYING")


def test_an_event_behind_the_record_is_news_we_have(enrollment: Enrollment) -> None:
    _apply(enrollment, Status.VERIFIED)
    assert _apply(enrollment, Status.VERIFIED, _event(Status.VERIFIED)) == Applied.UNCHANGED
    assert Event.objects.filter(name=EventName.VERIFICATION_ACCEPTED).count() == 1


def test_a_lower_rank_never_follows_a_higher_one(enrollment: Enrollment) -> None:
    _apply(enrollment, Status.REVIEW)
    assert _apply(enrollment, Status.VERIFYING) == Applied.STALE
    assert _ours(enrollment) == ("REVIEW", "REVIEW")


@pytest.mark.parametrize("theirs", [Status.CREATED, Status.VERIFYING, Status.REVIEW, Status.REJECTED])
def test_a_reading_that_contradicts_a_verified_status_is_drift(
    enrollment: Enrollment, theirs: Status
) -> None:
    _apply(enrollment, Status.VERIFIED)
    assert _apply(enrollment, theirs) == Applied.DRIFT
    assert _ours(enrollment) == ("VERIFIED", "VERIFIED")
    assert Drift.objects.get().ours == "VERIFIED"
    assert ReviewCase.objects.get(kind=CaseKind.DRIFT).status == CaseStatus.OPEN
    _apply(enrollment, Status.VERIFIED)
    assert Drift.objects.get().resolved_at is not None
    assert ReviewCase.objects.get(kind=CaseKind.DRIFT).status == CaseStatus.CLOSED


def test_a_revocation_that_is_announced_and_confirmed_is_applied(enrollment: Enrollment) -> None:
    _apply(enrollment, Status.VERIFIED)
    assert _apply(enrollment, Status.REJECTED, _event(Status.REJECTED)) == Applied.APPLIED
    assert _ours(enrollment) == ("REJECTED", "REJECTED")


def test_an_unknown_word_keeps_our_status_and_is_shown(enrollment: Enrollment) -> None:
    assert _apply(enrollment, None) == Applied.DRIFT
    assert _ours(enrollment) == ("VERIFYING", "VERIFYING")
    assert Drift.objects.get().theirs == "X"


def test_an_older_reading_never_overwrites_a_newer_one(enrollment: Enrollment) -> None:
    long_ago = timezone.now() - timedelta(minutes=1)
    _apply(enrollment, Status.REVIEW)
    stale = statuses.apply_record(
        enrollment=enrollment, record=_record(Status.VERIFIED), read_at=long_ago, at=timezone.now()
    )
    assert (stale, _ours(enrollment)) == (Applied.STALE, ("REVIEW", "REVIEW"))


def test_the_old_verdict_is_not_taken_for_the_outcome_of_a_new_round(enrollment: Enrollment) -> None:
    _apply(enrollment, Status.REJECTED, _event(Status.REJECTED))
    statuses.begin_round(enrollment=enrollment, partner_status="REJECTED", actor=SYSTEM, at=timezone.now())
    assert _apply(enrollment, Status.REJECTED) == Applied.STALE
    assert _ours(enrollment) == ("VERIFYING", "VERIFYING")


def test_reasons_that_come_after_the_verdict_are_kept(enrollment: Enrollment) -> None:
    _apply(enrollment, Status.REJECTED)
    _apply(enrollment, Status.REJECTED, _event(Status.REJECTED))
    assert Enrollment.objects.get(pk=enrollment.pk).reasons[0]["reason"] == REASON.text
    assert Event.objects.filter(name=EventName.VERIFICATION_FAILED).count() == 1


@hypothesis_settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), final=st.sampled_from([Status.VERIFIED, Status.REJECTED]))
def test_every_order_of_events_with_drops_and_doubles_ends_where_the_partner_is(
    data: st.DataObject, final: Status
) -> None:
    truth = [Status.VERIFYING, Status.REVIEW, final]
    enrollment = register().enrollments.get()
    Enrollment.objects.filter(pk=enrollment.pk).update(partner_reference=str(enrollment.pk))
    heard = data.draw(
        st.permutations(truth + truth).flatmap(lambda o: st.integers(0, 6).map(lambda n: o[:n]))
    )
    reached = data.draw(st.lists(st.integers(0, 2), min_size=len(heard), max_size=len(heard)).map(sorted))
    finals: list[str] = []
    for announced, position in zip(heard, reached, strict=True):
        _apply(enrollment, truth[position], _event(announced))
        status = Enrollment.objects.get(pk=enrollment.pk).status
        assert not finals or status == finals[-1]
        if status in Status.settled_statuses:
            finals.append(status)
    _apply(enrollment, final)
    assert _ours(enrollment) == (final, final)
    told = Event.objects.filter(end_user=enrollment.end_user, name__startswith="user.verification.")
    assert told.count() == 1


def test_a_verdict_whose_webhook_was_dropped_arrives_by_reconciliation(kira: Partner) -> None:
    end_user = register()
    send()
    (held,) = kira.users()
    kira.decide(held["id"], "VERIFIED")
    assert reconciliation.check_due(partner="KIRA", seconds=5) == 0
    reconciliation.due_now(partner="KIRA", at=timezone.now())
    assert reconciliation.check_due(partner="KIRA", seconds=5) == 1
    assert EndUser.objects.get(pk=end_user.pk).status == Status.VERIFIED


def test_an_enrollment_is_read_at_growing_intervals(kira: Partner) -> None:
    register()
    send()
    waits = []
    for _ in range(4):
        reconciliation.due_now(partner="KIRA", at=timezone.now())
        before = timezone.now()
        reconciliation.check_due(partner="KIRA", seconds=5)
        due = Enrollment.objects.get().next_check_at
        assert due is not None
        waits.append(round((due - before).total_seconds()))
    assert waits == sorted(waits)
    assert waits[-1] > 2 * waits[0]


def test_a_partner_that_cannot_be_read_is_asked_again_soon(kira: Partner) -> None:
    register()
    send()
    kira.order("error_before_commit", method="GET", path="/kira/v1/users/*")
    reconciliation.due_now(partner="KIRA", at=timezone.now())
    reconciliation.check_due(partner="KIRA", seconds=5)
    due = Enrollment.objects.get().next_check_at
    assert due is not None
    assert due < timezone.now() + timedelta(minutes=5)


def test_reasons_that_come_after_the_verdict_are_told_in_an_event_of_their_own(
    enrollment: Enrollment,
) -> None:
    _apply(enrollment, Status.REJECTED)
    _apply(enrollment, Status.REJECTED, _event(Status.REJECTED))
    _apply(enrollment, Status.REJECTED, _event(Status.REJECTED, "again"))
    (told,) = Event.objects.filter(name=EventName.REASONS_ADDED)
    assert [reason["reason"] for reason in told.data["reasons"]] == [REASON.text]


def test_the_fields_a_partner_verified_are_handed_on(enrollment: Enrollment) -> None:
    event = PartnerEvent(
        event_id="e", name="x", reference="p-1", status="VERIFIED", verified_fields=("first_name",)
    )
    _apply(enrollment, Status.VERIFIED, event)
    assert Event.objects.get(name=EventName.VERIFICATION_ACCEPTED).data["verified_fields"] == ["first_name"]
