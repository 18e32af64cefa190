"""One event to one endpoint: what is sent, when it is repeated, when it ends."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import time_machine
from django.conf import settings as django_settings
from django.db import connection
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from config import signing
from config.env import process_variables
from onboarding.domain import events
from onboarding.domain.audit import SYSTEM
from onboarding.enums import AuditAction, EventName
from onboarding.models import ApiClient, AuditEntry, Event
from tests.webhooks.receivers import Receiver, unused_url
from webhooks import deliveries, endpoints, notifier
from webhooks.endpoints import EndpointDisabled
from webhooks.enums import AttemptResult, DeliveryOutcome, DisabledReason, EndpointStatus
from webhooks.models import Delivery, DeliveryAttempt, WebhookEndpoint

Start = Callable[..., Receiver]
EndpointAt = Callable[..., WebhookEndpoint]

pytestmark = pytest.mark.django_db


def tell(client: ApiClient, name: EventName = EventName.USER_CREATED, **data: object) -> Event:
    told = {"user_id": "5b0d6a7e-3f0c-4c58-9c1e-0d2f4b8a6e11", "city": "Zürich", **data}
    return events.put(client=client, end_user=None, name=name, data=told, at=timezone.now())


def deliver() -> int:
    return notifier.deliver_due(seconds=20, threads=1)


def only_delivery() -> Delivery:
    return Delivery.objects.get()


def test_an_event_is_posted_signed_and_written_down(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver()
    secret = signing.new_secret()
    endpoint_at(server.url, secret=secret)
    event = tell(client_app)

    assert deliver() == 1

    [received] = server.received
    expected = {"event": "user.created", "data": {"event_id": str(event.pk), **event.data}}
    assert json.loads(received.body) == expected == events.envelope(event)
    assert "Zürich".encode() in received.body
    assert b'": ' not in received.body
    assert Webhook(secret).verify(received.body, received.headers) == expected
    assert received.headers["webhook-id"] == str(event.pk)
    assert received.headers["content-type"] == "application/json"
    assert "x-signature-sha256" not in received.headers
    delivery = only_delivery()
    assert delivery.outcome == DeliveryOutcome.DELIVERED
    assert [(each.number, each.result, each.http_status) for each in delivery.tries.all()] == [
        (1, "DELIVERED", 200)
    ]


def test_the_attempt_is_on_record_before_the_receiver_sees_anything(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt, transactional_db: None
) -> None:
    seen: list[tuple[int, str]] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        seen.extend(DeliveryAttempt.objects.values_list("number", "result"))
        connection.close()
        handler.send_response(204)
        handler.end_headers()

    endpoint_at(receiver(answer).url)
    tell(client_app)
    deliver()

    assert seen == [(1, AttemptResult.UNFINISHED)]


def test_a_registered_endpoint_also_gets_the_contracts_own_signature(
    client_app: ApiClient, receiver: Start
) -> None:
    server = receiver()
    endpoints.register_by_contract(
        client=client_app, url=server.url, secret="plain-secret", actor=SYSTEM, at=timezone.now()
    )
    tell(client_app)
    deliver()

    [received] = server.received
    assert received.headers["x-signature-sha256"] == signing.hex_digest("plain-secret", received.body)
    Webhook(b"plain-secret").verify(received.body, received.headers)


def test_while_secrets_rotate_every_live_one_verifies_and_afterwards_only_the_new_one(
    client_app: ApiClient, receiver: Start
) -> None:
    server = receiver()
    old, new = signing.new_secret(), signing.new_secret()
    endpoint = endpoints.register_by_contract(
        client=client_app, url=server.url, secret=old, actor=SYSTEM, at=timezone.now()
    )
    endpoints.rotate_secret(endpoint=endpoint, secret=new, actor=SYSTEM, at=timezone.now())
    tell(client_app)
    deliver()
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        headers = deliveries.headers_of(
            endpoint=endpoint, event=Event.objects.get(), body=b"{}", at=timezone.now()
        )
        Webhook(new).verify(b"{}", headers)
        with pytest.raises(WebhookVerificationError):
            Webhook(old).verify(b"{}", headers)

    [received] = server.received
    for secret in (old, new):
        Webhook(secret).verify(received.body, received.headers)
    assert received.headers["x-signature-sha256"] == signing.hex_digest(new, received.body)


def age(delivery: Delivery) -> None:
    """Make everything that waits due now."""
    past = timezone.now() - timedelta(seconds=1)
    Delivery.objects.filter(pk=delivery.pk, finished_at=None).update(due_at=past)
    WebhookEndpoint.objects.update(not_before=None)


def test_failures_are_repeated_on_the_schedule_and_given_up_after_three_days(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver(503)
    endpoint_at(server.url)
    tell(client_app)
    schedule = django_settings.WEBHOOK_RETRY_SCHEDULE
    deliver()

    for pause in schedule:
        delivery = only_delivery()
        assert delivery.due_at is not None
        planned = (delivery.due_at - timezone.now()).total_seconds()
        assert pause - 2 <= planned <= pause * 1.2
        assert deliver() == 0
        age(delivery)
        assert deliver() == 1

    delivery = only_delivery()
    assert (delivery.outcome, delivery.attempts) == (DeliveryOutcome.FAILED, len(schedule) + 1)
    assert 3 * 86_400 < sum(schedule) < 3.2 * 86_400
    assert {each.headers["webhook-id"] for each in server.received} == {str(delivery.event_id)}
    assert len({each.body for each in server.received}) == 1
    age(delivery)
    assert deliver() == 0


def test_a_receiver_that_names_a_time_is_not_called_earlier(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    def busy(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(429)
        handler.send_header("Retry-After", "1800")
        handler.end_headers()

    endpoint = endpoint_at(receiver(busy).url)
    tell(client_app)
    deliver()

    endpoint.refresh_from_db()
    for moment in (only_delivery().due_at, endpoint.not_before):
        assert moment is not None
        assert moment - timezone.now() > timedelta(seconds=1790)


def test_an_absurd_retry_after_counts_as_an_hour(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    def busy(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(503)
        handler.send_header("Retry-After", "315360000")
        handler.end_headers()

    endpoint_at(receiver(busy).url)
    tell(client_app)
    deliver()

    due = only_delivery().due_at
    assert due is not None
    assert due - timezone.now() <= timedelta(hours=1)


def test_410_disables_the_endpoint_with_an_event_and_an_audit_entry(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    endpoint = endpoint_at(receiver(410).url)
    other = receiver()
    endpoint_at(other.url)
    tell(client_app)
    deliver()

    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.disabled_reason) == (EndpointStatus.DISABLED, DisabledReason.GONE)
    waiting = Delivery.objects.get(endpoint=endpoint)
    assert waiting.is_parked
    entry = AuditEntry.objects.get(action=AuditAction.ENDPOINT_DISABLED)
    assert entry.data["reason"] == "GONE"
    assert "/hook" not in json.dumps(entry.data)
    deliver()
    assert [json.loads(each.body)["event"] for each in other.received] == [
        "user.created",
        "webhook_endpoint.disabled",
    ]


def test_days_of_nothing_but_failures_disable_and_enabling_sends_what_had_to_wait(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver(500)
    endpoint = endpoint_at(server.url)
    first = tell(client_app)
    deliver()
    WebhookEndpoint.objects.update(
        failing_since=timezone.now() - timedelta(days=5, minutes=1), consecutive_failures=30
    )
    age(only_delivery())
    deliver()

    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.disabled_reason) == (EndpointStatus.DISABLED, DisabledReason.FAILING)
    assert Event.objects.filter(name=EventName.ENDPOINT_DISABLED).count() == 1
    assert (deliver(), len(server.received)) == (0, 2)

    server.answer = 200
    endpoints.enable(endpoint=endpoint, actor=SYSTEM, at=timezone.now())
    assert deliver() == 1
    assert server.received[-1].headers["webhook-id"] == str(first.pk)
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.consecutive_failures, endpoint.failing_since) == ("ACTIVE", 0, None)


def test_a_success_ends_the_count_of_failures_and_hastens_what_waits(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver(500)
    endpoint = endpoint_at(server.url)
    for _ in range(3):
        tell(client_app)
        deliver()
        WebhookEndpoint.objects.update(not_before=None)
    Delivery.objects.update(due_at=timezone.now() + timedelta(hours=10))
    server.answer = 200
    tell(client_app)

    assert deliver() == 4

    endpoint.refresh_from_db()
    assert (endpoint.consecutive_failures, endpoint.failing_since) == (0, None)
    assert set(Delivery.objects.values_list("outcome", flat=True)) == {"DELIVERED"}


def test_a_removed_endpoint_is_sent_nothing_more(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver(500)
    endpoint = endpoint_at(server.url)
    tell(client_app)
    deliver()
    endpoints.remove(endpoint=endpoint, actor=SYSTEM, at=timezone.now())
    tell(client_app)
    age(only_delivery())

    assert deliver() == 0
    assert only_delivery().outcome == DeliveryOutcome.CANCELLED
    assert endpoint.secrets.count() == 0


def test_resending_starts_over_under_the_same_id(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    server = receiver()
    endpoint_at(server.url)
    tell(client_app)
    deliver()
    server.answer = 500

    deliveries.resend(delivery=only_delivery(), at=timezone.now())
    deliver()

    delivery = only_delivery()
    assert (delivery.outcome, delivery.failures, delivery.resends) == (DeliveryOutcome.PENDING, 1, 1)
    assert [each.result for each in delivery.tries.all()] == ["DELIVERED", "REFUSED"]
    assert len({each.headers["webhook-id"] for each in server.received}) == 1


def test_resending_to_a_disabled_endpoint_is_refused(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    endpoint = endpoint_at(receiver().url)
    tell(client_app)
    deliver()
    endpoints.disable(endpoint=endpoint, reason=DisabledReason.REQUESTED, actor=SYSTEM, at=timezone.now())

    with pytest.raises(EndpointDisabled):
        deliveries.resend(delivery=only_delivery(), at=timezone.now())


def test_resending_what_is_under_way_changes_nothing(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    endpoint_at(receiver().url)
    tell(client_app)
    notifier.fan_out()
    claimed = Delivery.objects.all().claim_one(lease=timedelta(seconds=60))
    assert claimed is not None

    deliveries.resend(delivery=only_delivery(), at=timezone.now())

    assert claimed.finish(at=timezone.now(), outcome=DeliveryOutcome.DELIVERED)


@pytest.mark.parametrize("is_disabled", [False, True])
def test_a_test_call_goes_to_this_endpoint_alone_once(
    is_disabled: bool, client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    tested, other = receiver(), receiver()
    endpoint = endpoint_at(tested.url, events=("user.created",))
    endpoint_at(other.url)
    if is_disabled:
        endpoints.disable(endpoint=endpoint, reason=DisabledReason.REQUESTED, actor=SYSTEM, at=timezone.now())

    delivery = deliveries.send_test(endpoint=endpoint, at=timezone.now())
    deliver()

    assert delivery.outcome == DeliveryOutcome.DELIVERED
    [received] = tested.received
    body = json.loads(received.body)
    assert body["event"] == "webhook_endpoint.test"
    assert body["data"]["event_id"] == received.headers["webhook-id"] == str(delivery.event_id)
    assert other.received == []


def test_a_failed_test_call_is_not_repeated_and_counts_for_nothing(
    client_app: ApiClient, endpoint_at: EndpointAt
) -> None:
    endpoint = endpoint_at(unused_url())

    delivery = deliveries.send_test(endpoint=endpoint, at=timezone.now())

    assert delivery.outcome == DeliveryOutcome.FAILED
    assert [each.result for each in delivery.tries.all()] == [AttemptResult.UNREACHABLE]
    endpoint.refresh_from_db()
    assert endpoint.consecutive_failures == 0
    assert deliver() == 0


def test_a_target_that_has_become_private_is_refused_at_the_next_delivery(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt, settings: Settings
) -> None:
    server = receiver()
    endpoint_at(server.url)
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False
    tell(client_app)
    deliver()

    assert [each.result for each in only_delivery().tries.all()] == [AttemptResult.TARGET_REFUSED]
    assert server.received == []


def test_a_worker_that_lost_its_lease_writes_nothing(
    client_app: ApiClient, receiver: Start, endpoint_at: EndpointAt
) -> None:
    """Frozen while sending: another worker takes over and delivers; the late failure must not undo that."""
    server = receiver(500)
    endpoint_at(server.url)
    tell(client_app)
    notifier.fan_out()
    frozen = Delivery.objects.all().claim_one(lease=timedelta(seconds=0))
    assert frozen is not None
    server.answer = 200
    time.sleep(0.01)
    deliver()
    server.answer = 500

    deliveries.attempt(delivery=frozen)

    assert only_delivery().outcome == DeliveryOutcome.DELIVERED


@pytest.mark.postgresql
@pytest.mark.parametrize(("point", "sent"), [("after_attempt_commit", 1), ("after_delivery_send", 2)])
def test_a_process_killed_around_the_send_loses_nothing(
    point: str,
    sent: int,
    client_app: ApiClient,
    receiver: Start,
    endpoint_at: EndpointAt,
    transactional_db: None,
) -> None:
    server = receiver()
    endpoint_at(server.url)
    event = tell(client_app)
    database = connection.settings_dict["NAME"]
    script = "import django; django.setup(); from webhooks import notifier; notifier.deliver_due(seconds=5, threads=1)"
    host, port = connection.settings_dict["HOST"], connection.settings_dict["PORT"] or 5432
    variables = process_variables(
        DJANGO_SETTINGS_MODULE="config.settings.test",
        FAULT_POINTS=point,
        DEBUG="on",
        DATABASE_URL=f"postgres://{connection.settings_dict['USER']}@{host}:{port}/{database}",
    )

    killed = subprocess.run(
        [sys.executable, "-c", script], env=variables, cwd=Path(__file__).parents[2], timeout=60, check=False
    )

    assert killed.returncode == -signal.SIGKILL
    assert [each.result for each in only_delivery().tries.all()] == [AttemptResult.UNFINISHED]
    assert len(server.received) == sent - 1
    assert deliver() == 0, "its lease still holds"
    past = datetime(2026, 1, 1, tzinfo=UTC)
    Delivery.objects.update(leased_until=past)
    WebhookEndpoint.objects.update(leased_until=past)
    assert deliver() == 1
    assert only_delivery().outcome == DeliveryOutcome.DELIVERED
    assert [each.result for each in only_delivery().tries.all()] == ["UNFINISHED", "DELIVERED"]
    assert {each.headers["webhook-id"] for each in server.received} == {str(event.pk)}
