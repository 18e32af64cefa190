"""Partners' messages at work: the record decides, the order does not, and nothing is lost or guessed."""

import io
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pytest_django import Settings

from onboarding.domain import audit, gates
from onboarding.domain.audit import SYSTEM
from onboarding.enums import AuditAction, EventName, Status
from onboarding.models import AuditEntry, Drift, EndUser, Enrollment, Event
from tests.onboarding.domain.conftest import Partner, send
from tests.onboarding.factories import register
from tests.webhooks.messages import accepted, knock, message, rejected
from tests.webhooks.receivers import unused_url
from webhooks import inbox
from webhooks.enums import EventVerdict
from webhooks.models import WebhookEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def end_user(kira: Partner) -> EndUser:
    """Sent to the partner, who is still verifying."""
    registered = register()
    send()
    return registered


def reference_of(end_user: EndUser) -> str:
    reference = end_user.enrollments.get().partner_reference
    assert reference is not None
    return reference


def work_off() -> int:
    return inbox.process_due(seconds=10)


def the_event() -> WebhookEvent:
    return WebhookEvent.objects.get()


def status_of(end_user: EndUser) -> str:
    return EndUser.objects.get(pk=end_user.pk).status


def wait_no_more() -> None:
    WebhookEvent.objects.filter(finished_at=None).update(due_at=timezone.now() - timedelta(seconds=1))


def reads(partner: Partner, reference: str) -> int:
    return partner.calls("GET", f"/kira/v1/users/{reference}")


def test_a_verdict_the_record_confirms_is_applied_with_one_read(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    knock(accepted(reference))
    before = reads(kira, reference)

    assert work_off() == 1

    assert the_event().verdict == EventVerdict.APPLIED
    assert status_of(end_user) == Status.VERIFIED
    assert reads(kira, reference) == before + 1


def test_the_reasons_of_a_rejection_reach_the_product_app(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "REJECTED")
    knock(rejected(reference))
    work_off()

    told = Event.objects.get(name=EventName.VERIFICATION_FAILED)
    assert [reason["reason"] for reason in told.data["reasons"]] == ["The document could not be read"]


def test_news_we_already_have_is_a_duplicate(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    for _ in range(2):
        knock(accepted(reference))
    work_off()

    assert sorted(WebhookEvent.objects.values_list("verdict", flat=True)) == ["APPLIED", "DUPLICATE"]
    assert Event.objects.filter(name=EventName.VERIFICATION_ACCEPTED).count() == 1


def test_a_lie_that_is_signed_changes_nothing(end_user: EndUser, kira: Partner) -> None:
    """The record is read a few times more, with growing pauses, before the message is called stale."""
    knock(accepted(reference_of(end_user)))
    pauses = []
    while work_off():
        event = the_event()
        if event.finished_at is None:
            assert event.due_at is not None
            pauses.append(round((event.due_at - timezone.now()).total_seconds()))
        wait_no_more()

    assert pauses == list(inbox.REREADS_AFTER_SECONDS)
    event = the_event()
    assert event.verdict == EventVerdict.STALE
    assert event.verdict_reason
    assert status_of(end_user) != Status.VERIFIED


def test_a_record_that_lags_behind_its_webhook_is_read_again(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    knock(accepted(reference))
    work_off()
    kira.decide(reference, "VERIFIED")
    wait_no_more()
    work_off()

    assert the_event().verdict == EventVerdict.APPLIED
    assert status_of(end_user) == Status.VERIFIED


def test_a_record_that_contradicts_a_settled_status_is_for_a_person(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    knock(accepted(reference))
    work_off()
    kira.decide(reference, "REVIEW")
    knock(message("user.status_changed", user_id=reference, new_status="VERIFIED"))
    work_off()

    assert WebhookEvent.objects.filter(verdict=EventVerdict.FAILED).count() == 1
    assert Drift.objects.filter(resolved_at=None).count() == 1
    assert status_of(end_user) == Status.VERIFIED


def test_a_message_that_was_faster_than_our_own_commit_is_applied_as_soon_as_we_know_the_reference(
    end_user: EndUser,
    kira: Partner,
) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    Enrollment.objects.update(partner_reference=None)
    knock(accepted(reference))
    work_off()
    event = the_event()
    assert (event.verdict, event.awaits_reference) == (EventVerdict.RECEIVED, True)
    WebhookEvent.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert work_off() == 0

    Enrollment.objects.update(partner_reference=reference)

    assert work_off() == 1
    assert the_event().verdict == EventVerdict.APPLIED
    assert status_of(end_user) == Status.VERIFIED


def test_an_unknown_reference_is_looked_for_more_and_more_rarely_and_given_up_after_three_days() -> None:
    knock(accepted(str(uuid4())))
    pauses = []
    for age in (timedelta(0), timedelta(minutes=1), timedelta(hours=1), timedelta(hours=71)):
        wait_no_more()
        WebhookEvent.objects.update(waiting_since=timezone.now() - age)
        work_off()
        due = the_event().due_at
        assert due is not None
        pauses.append(round((due - timezone.now()).total_seconds()))
    assert pauses == [1, 15, 900, 3600]

    wait_no_more()
    WebhookEvent.objects.update(waiting_since=timezone.now() - timedelta(hours=72))
    work_off()

    event = the_event()
    assert event.verdict == EventVerdict.UNMATCHED
    assert event.finished_at is not None


def test_while_the_partner_is_down_a_message_stays_due_and_is_applied_afterwards(
    end_user: EndUser,
    kira: Partner,
    settings: Settings,
) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    settings.KIRA_BASE_URL = unused_url()
    knock(accepted(reference))
    for _ in range(3):
        assert work_off() == 1
        event = the_event()
        assert (event.verdict, event.finished_at) == (EventVerdict.RECEIVED, None)
        assert event.last_error
        assert event.due_at is not None
        assert event.due_at > timezone.now()
        wait_no_more()
    settings.KIRA_BASE_URL = f"{kira.url}/kira"
    work_off()

    assert the_event().verdict == EventVerdict.APPLIED
    assert status_of(end_user) == Status.VERIFIED


def test_while_the_partner_is_paused_nothing_is_lost(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    gates.pause(partner="KIRA", reason="maintenance", actor=SYSTEM, at=timezone.now())
    knock(accepted(reference))
    work_off()
    assert the_event().verdict == EventVerdict.RECEIVED
    gates.resume(partner="KIRA", actor=SYSTEM, at=timezone.now())
    wait_no_more()
    work_off()

    assert the_event().verdict == EventVerdict.APPLIED


def test_a_process_that_died_at_work_loses_nothing(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    kira.decide(reference, "VERIFIED")
    knock(accepted(reference))
    dead = WebhookEvent.objects.all().claim_one(lease=timedelta(seconds=0))
    assert dead is not None
    time.sleep(0.01)

    work_off()
    inbox.process(event=dead)

    assert the_event().verdict == EventVerdict.APPLIED


def test_a_fault_of_ours_keeps_the_message_and_is_tried_again(end_user: EndUser, settings: Settings) -> None:
    knock(accepted(reference_of(end_user)))
    settings.KIRA_RATE_PER_SECOND = "broken"

    assert work_off() == 1

    event = the_event()
    assert (event.verdict, event.last_error) == (EventVerdict.RECEIVED, "fault: ValueError")
    assert event.due_at is not None
    assert event.due_at > timezone.now()


# --- Every order ----------------------------------------------------------------------------------


@hypothesis_settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data(), final=st.sampled_from(["VERIFIED", "REJECTED"]))
def test_every_order_of_arrival_ends_in_the_same_state(
    kira: Partner,
    data: st.DataObject,
    final: str,
) -> None:
    registered = register()
    send()
    reference = reference_of(registered)
    verdict = accepted(reference) if final == "VERIFIED" else rejected(reference)
    story = [
        message("user.created", user_id=reference, status="CREATED"),
        message("user.status_changed", user_id=reference, previous_status="CREATED", new_status="VERIFYING"),
        message("user.status_changed", user_id=reference, previous_status="VERIFYING", new_status=final),
        verdict,
    ]
    arrivals = data.draw(st.permutations([*story, verdict, story[0]]))
    decided_before = data.draw(st.integers(0, len(arrivals)))

    for number, body in enumerate(arrivals):
        if number == decided_before:
            kira.decide(reference, final)
        assert knock(body).status_code == 200
        if data.draw(st.booleans()):
            work_off()
    if decided_before == len(arrivals):
        kira.decide(reference, final)
    wait_no_more()
    while work_off():
        wait_no_more()

    mine = WebhookEvent.objects.filter(reference=reference)
    assert mine.count() == 4
    assert status_of(registered) == final
    told = Event.objects.filter(end_user=registered, name__startswith="user.verification.")
    assert told.count() == 1
    if final == "REJECTED":
        assert registered.enrollments.get().reasons


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_many_workers_on_many_messages_make_one_transition(kira: Partner) -> None:
    registered = register()
    send()
    reference = reference_of(registered)
    kira.decide(reference, "VERIFIED")
    for _ in range(12):
        knock(accepted(reference))
    in_parallel(4, lambda: inbox.process_due(seconds=20))

    wait_no_more()
    while work_off():
        wait_no_more()

    verdicts = sorted(WebhookEvent.objects.values_list("verdict", flat=True))
    assert verdicts.count("APPLIED") == 1
    assert verdicts.count("DUPLICATE") == 11
    assert Event.objects.filter(name=EventName.VERIFICATION_ACCEPTED).count() == 1


def in_parallel(count: int, work: Callable[[], object]) -> None:
    def run() -> None:
        try:
            work()
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- Replays --------------------------------------------------------------------------------------


def test_a_replay_works_the_message_off_again_and_is_on_record(end_user: EndUser, kira: Partner) -> None:
    reference = reference_of(end_user)
    knock(accepted(reference))
    while work_off():
        wait_no_more()
    assert the_event().verdict == EventVerdict.STALE
    kira.decide(reference, "VERIFIED")

    out = io.StringIO()
    call_command("replay_webhook", str(the_event().pk), stdout=out)
    assert "is due again (replay 1)" in out.getvalue()
    work_off()

    event = the_event()
    assert (event.verdict, event.replays) == (EventVerdict.APPLIED, 1)
    assert status_of(end_user) == Status.VERIFIED
    entry = AuditEntry.objects.get(action=AuditAction.WEBHOOK_REPLAYED)
    assert entry.chain_id == end_user.pk
    assert entry.data == {"webhook_event": str(event.pk), "partner": "KIRA"}
    assert audit.verify(entry.chain) == []


def test_a_message_nobody_could_read_may_be_replayed_too() -> None:
    knock(b'{"event":"user.created","data":{"event_id":"e-1"}}')
    event = the_event()

    inbox.replay(event=event, actor=SYSTEM, at=timezone.now())
    work_off()

    event.refresh_from_db()
    assert (event.verdict, event.replays) == (EventVerdict.FAILED, 1)


def test_replaying_an_unmatched_message_gives_it_three_more_days() -> None:
    knock(accepted(str(uuid4())))
    WebhookEvent.objects.update(waiting_since=timezone.now() - timedelta(hours=73))
    work_off()
    assert the_event().verdict == EventVerdict.UNMATCHED

    inbox.replay(event=the_event(), actor=SYSTEM, at=timezone.now())
    work_off()

    assert the_event().verdict == EventVerdict.RECEIVED


@pytest.mark.parametrize("given_id", ["5e737067-bda0-4294-92f4-dfc276a2ceef", "not-an-id"])
def test_the_command_refuses_an_unknown_id(given_id: str) -> None:
    with pytest.raises(CommandError):
        call_command("replay_webhook", given_id)
