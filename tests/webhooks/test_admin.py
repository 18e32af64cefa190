"""Messages, endpoints and deliveries at the desk."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from onboarding.domain import events
from onboarding.enums import EventName, Partner
from onboarding.models import ApiClient, AuditEntry
from webhooks.models import Delivery, WebhookEndpoint, WebhookEvent

BODY = (
    '{"event": "user.updated", "data": {"user_id": "krn-1", "email": "ana@example.com", '
    '"note": "Ana Diaz, 000-11-2222"}}'
)


def staff(role: str) -> Client:
    call_command("create_analyst", f"{role}@example.com", role=role)
    browser = Client()
    browser.force_login(User.objects.get(username=f"{role}@example.com"))
    return browser


@pytest.fixture
def olga(db: None) -> Client:
    return staff("operator")


@pytest.fixture
def ana(db: None) -> Client:
    return staff("auditor")


@pytest.fixture
def message(db: None) -> WebhookEvent:
    return WebhookEvent.objects.create(
        partner=Partner.KIRA,
        event_id="evt-9",
        name="user.updated",
        reference="krn-1",
        body=BODY,
        verdict="FAILED",
        verdict_reason="The partner's record cannot be read",
        finished_at=timezone.now(),
    )


@pytest.fixture
def delivery(db: None) -> Delivery:
    client = ApiClient.objects.create(name="Shop")
    endpoint = WebhookEndpoint.objects.create(
        client=client, url="https://app.example.com/hooks/secret-token?k=1"
    )
    event = events.put(client=client, end_user=None, name=EventName.USER_CREATED, data={}, at=timezone.now())
    return Delivery.objects.create(
        event=event, endpoint=endpoint, outcome="FAILED", finished_at=timezone.now(), failures=10
    )


def act(browser: Client, noun: str, row: Any, name: str) -> Any:
    return browser.post(f"/admin/webhooks/{noun}/{row.pk}/{name}/")


def test_a_message_shows_its_shape_and_hides_what_belongs_to_people(
    ana: Client, message: WebhookEvent
) -> None:
    page = ana.get(f"/admin/webhooks/webhookevent/{message.pk}/change/").content.decode()
    assert "user.updated" in page
    assert "krn-1" in page
    assert "For a person" in page
    assert "ana@example.com&quot;" not in page
    assert "000-11-2222" not in page


def test_a_message_is_replayed_by_an_operator_and_by_nobody_who_may_only_look(
    olga: Client, ana: Client, message: WebhookEvent
) -> None:
    assert act(ana, "webhookevent", message, "replay").status_code == 403
    assert act(olga, "webhookevent", message, "replay").status_code == 302
    message.refresh_from_db()
    assert (message.verdict, message.replays, message.finished_at) == ("RECEIVED", 1, None)
    assert AuditEntry.objects.get(action="webhook.replayed").actor == "operator@example.com"


@pytest.mark.parametrize("term", ["evt-9", "krn-1", "id"])
def test_messages_are_found_by_the_partners_id_and_reference(
    term: str, ana: Client, message: WebhookEvent
) -> None:
    wanted = str(message.pk) if term == "id" else term
    assert "1 partner message" in ana.get("/admin/webhooks/webhookevent/", {"q": wanted}).content.decode()
    assert "Nothing here" in ana.get("/admin/webhooks/webhookevent/", {"q": "evt"}).content.decode()


def test_an_endpoints_path_is_shown_to_nobody(olga: Client, delivery: Delivery) -> None:
    for path in (
        "webhookendpoint/",
        f"webhookendpoint/{delivery.endpoint_id}/change/",
        "delivery/",
        f"delivery/{delivery.pk}/change/",
    ):
        page = olga.get(f"/admin/webhooks/{path}").content.decode()
        assert "https://app.example.com/…" in page
        assert "secret-token" not in page


def test_an_endpoint_is_disabled_and_enabled(olga: Client, delivery: Delivery) -> None:
    endpoint = delivery.endpoint
    act(olga, "webhookendpoint", endpoint, "disable")
    endpoint.refresh_from_db()
    assert (endpoint.status, endpoint.disabled_reason) == ("DISABLED", "REQUESTED")
    act(olga, "webhookendpoint", endpoint, "enable")
    endpoint.refresh_from_db()
    assert endpoint.status == "ACTIVE"
    assert AuditEntry.objects.filter(actor="operator@example.com").count() == 2


def test_a_delivery_is_sent_again(olga: Client, delivery: Delivery) -> None:
    assert act(olga, "delivery", delivery, "resend").status_code == 302
    delivery.refresh_from_db()
    assert (delivery.outcome, delivery.resends, delivery.failures) == ("PENDING", 1, 0)


def test_nothing_is_sent_again_to_a_disabled_endpoint_and_that_is_said(
    olga: Client, delivery: Delivery
) -> None:
    act(olga, "webhookendpoint", delivery.endpoint, "disable")
    answer = act(olga, "delivery", delivery, "resend")
    assert answer.status_code == 409
    assert "enable it first" in answer.content.decode()


def test_deliveries_are_found_by_their_event_and_nothing_else_breaks(ana: Client, delivery: Delivery) -> None:
    assert (
        "1 delivery" in ana.get("/admin/webhooks/delivery/", {"q": str(delivery.event_id)}).content.decode()
    )
    assert "Nothing here" in ana.get("/admin/webhooks/delivery/", {"q": "x"}).content.decode()
