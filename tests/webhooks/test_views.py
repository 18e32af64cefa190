"""The door for partners: what is kept, what is refused, and what leaves no trace but a count."""

import base64
import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import DatabaseError, OperationalError, connection, connections
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from config import signing
from tests.webhooks.messages import REFERENCE, accepted, knock, message, rejected, signature
from webhooks import rejections
from webhooks.enums import EventVerdict, RejectionReason
from webhooks.models import WebhookEvent, WebhookRejection

pytestmark = pytest.mark.django_db


def rejected_counts() -> dict[str, int]:
    return dict(WebhookRejection.objects.values_list("reason", "count"))


def test_a_signed_message_is_kept_whole_and_acknowledged() -> None:
    body = accepted(event_id="8d1e6c40-2b9f-47a3-9c58-f0a7b3d5e214", note="Zoë")

    response = knock(body)

    assert (response.status_code, response.json()) == (200, {"received": True})
    event = WebhookEvent.objects.get()
    assert event.body.encode() == body
    assert (event.partner, event.event_id) == ("KIRA", "8d1e6c40-2b9f-47a3-9c58-f0a7b3d5e214")
    assert (event.name, event.reference) == ("user.verification.accepted", REFERENCE)
    assert (event.verdict, event.duplicates) == (EventVerdict.RECEIVED, 0)
    assert event.headers == {"content-type": "application/json"}
    assert rejected_counts() == {}


def test_the_body_is_sealed_in_the_database() -> None:
    knock(message("user.created", email="canary@example.com", phone="+12025550142"))

    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM webhooks_webhookevent")
        row = cursor.fetchone()
    stored = b" ".join(
        bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode() for value in row
    )
    assert b"canary" not in stored
    assert b"2025550142" not in stored


def test_keeping_a_message_is_one_statement(django_assert_num_queries: Callable[..., object]) -> None:
    body = accepted()
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        knock(body)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        knock(body)


def test_a_duplicate_is_acknowledged_and_counted() -> None:
    body = accepted()

    assert [knock(body).status_code for _ in range(4)] == [200] * 4

    event = WebhookEvent.objects.get()
    assert (event.duplicates, event.alterations) == (3, 0)
    assert event.last_duplicate_at is not None


def test_a_known_id_with_another_body_is_refused_and_rings_the_alarm(
    caplog: pytest.LogCaptureFixture,
) -> None:
    knock(accepted(event_id="one"))

    response = knock(rejected(event_id="one"))

    assert response.status_code == 409
    assert response.json()["code"] == "resource_conflict"
    event = WebhookEvent.objects.get()
    assert (event.name, event.duplicates, event.alterations) == ("user.verification.accepted", 0, 1)
    assert event.last_altered_at is not None
    assert rejected_counts() == {RejectionReason.ALTERED: 1}
    assert [record.levelno for record in caplog.records if "another body" in record.message] == [
        logging.ERROR
    ]


BODY = accepted(event_id="forged")
RIGHT = signing.hex_digest("sandbox-webhook-secret", BODY)
FORGERIES = {
    "without a signature": {},
    "empty": {"x-signature-sha256": ""},
    "blank": {"x-signature-sha256": " "},
    "zeros": {"x-signature-sha256": "0" * 64},
    "another secret": {"x-signature-sha256": signing.hex_digest("other", BODY)},
    "the empty secret": {"x-signature-sha256": signing.hex_digest("", BODY)},
    "another body": {"x-signature-sha256": signing.hex_digest("sandbox-webhook-secret", BODY + b" ")},
    "cut short": {"x-signature-sha256": RIGHT[:-1]},
    "too long": {"x-signature-sha256": RIGHT + "0"},
    "upper case": {"x-signature-sha256": RIGHT.upper()},
    "prefixed": {"x-signature-sha256": "sha256=" + RIGHT},
    "base64": {"x-signature-sha256": base64.b64encode(bytes.fromhex(RIGHT)).decode()},
    "a list": {"x-signature-sha256": f"{RIGHT},{RIGHT}"},
    "not ASCII": {"x-signature-sha256": "é" * 64},
    "in another header": {"x-hub-signature-256": RIGHT},
    "standard webhooks": {"webhook-signature": "v1," + RIGHT, "webhook-id": "1", "webhook-timestamp": "1"},
    "in the bearer": {"authorization": f"Bearer {RIGHT}"},
}


@pytest.mark.parametrize("headers", FORGERIES.values(), ids=FORGERIES.keys())
def test_a_forgery_leaves_nothing_but_a_count(headers: dict[str, str]) -> None:
    response = knock(BODY, headers=headers)

    assert response.status_code == 401
    assert response.json() == {"code": "unauthorized", "message": "The signature is missing or wrong"}
    assert not WebhookEvent.objects.exists()
    assert rejected_counts() == {RejectionReason.FORGED: 1}


def test_old_and_new_secret_are_both_accepted_while_they_rotate(settings: Settings) -> None:
    settings.KIRA_WEBHOOK_SECRETS = ["new-secret", "old-secret"]
    for secret in ("new-secret", "old-secret"):
        body = accepted()
        assert knock(body, headers={"x-signature-sha256": signature(body, secret)}).status_code == 200
    settings.KIRA_WEBHOOK_SECRETS = ["new-secret"]
    body = accepted()

    assert knock(body, headers={"x-signature-sha256": signature(body, "old-secret")}).status_code == 401


def test_with_no_secret_configured_nothing_is_accepted(settings: Settings) -> None:
    settings.KIRA_WEBHOOK_SECRETS = [""]

    assert knock(BODY, headers={"x-signature-sha256": signing.hex_digest("", BODY)}).status_code == 401


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"null", b"[]", b"1", b'"text"', b"\xff\xfe{\x00}\x00", b"\x80abc", b"[" * 100_000],
    ids=["empty", "cut", "null", "list", "number", "text", "utf-16", "not utf-8", "deep"],
)
def test_signed_bytes_that_are_no_message_are_counted_only(body: bytes) -> None:
    assert knock(body).status_code == 400
    assert not WebhookEvent.objects.exists()
    assert rejected_counts() == {RejectionReason.UNREADABLE: 1}


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b'{"event":"user.created"}',
        b'{"event":"user.created","data":[]}',
        b'{"event":"user.created","data":{"event_id":"e-1"}}',
        b'{"event":7,"data":{"event_id":"e-1"}}',
        b'{"event":"a\\u0000b","data":{"event_id":"e-1"}}',
        b'{"event":"\\ud800","data":{"event_id":"e-1","user_id":"u"}}',
    ],
)
def test_a_signed_object_that_cannot_be_read_is_kept_for_a_person(body: bytes) -> None:
    assert knock(body).status_code == 200
    assert knock(body).status_code == 200

    event = WebhookEvent.objects.get()
    assert (event.verdict, event.duplicates) == (EventVerdict.FAILED, 1)
    assert event.event_id == f"sha256:{event.body_sha256}"
    assert event.verdict_reason
    assert event.body.encode() == body


@pytest.mark.parametrize("event_id", ["\x00", "a\x00b", "\ud800", "x" * 500, "", 7, None, {"a": 1}, [], True])
def test_an_id_of_any_shape_is_taken_once(event_id: object) -> None:
    data = {"event_id": event_id, "user_id": REFERENCE, "status": "VERIFIED"}
    body = json.dumps({"event": "user.verification.accepted", "data": data}).encode()

    assert [knock(body).status_code, knock(body).status_code] == [200, 200]
    assert WebhookEvent.objects.get().duplicates == 1


@pytest.mark.parametrize("name", ["payout.status_changed", "virtual_account.created", "user.something_new"])
def test_an_unknown_event_about_nobody_is_acknowledged_and_ignored(name: str) -> None:
    assert knock(message(name, user_id=None)).status_code == 200
    assert WebhookEvent.objects.get().verdict == EventVerdict.IGNORED


def test_a_body_over_the_limit_is_refused_unread(settings: Settings) -> None:
    settings.WEBHOOK_MAX_BODY_BYTES = 1024
    body = accepted(note="x" * 1024)

    assert knock(body).status_code == 413
    assert not WebhookEvent.objects.exists()
    assert rejected_counts() == {RejectionReason.TOO_LARGE: 1}


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_other_methods_are_not_answered(method: str) -> None:
    response = getattr(Client(), method)("/hooks/kira/")

    assert response.status_code == 405
    assert response.headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/hooks/nobody/", "/hooks/KIRA/", "/hooks/kira/more", "/hooks/"])
def test_an_unknown_partner_is_not_found(path: str) -> None:
    assert knock(accepted(), path=path).status_code == 404
    assert not WebhookEvent.objects.exists()


def test_the_address_works_without_the_last_slash() -> None:
    assert knock(accepted(), path="/hooks/kira").status_code == 200


@pytest.mark.parametrize("fault", [OperationalError, DatabaseError])
def test_when_it_cannot_be_kept_the_partner_is_asked_to_send_again(
    fault: type[DatabaseError], caplog: pytest.LogCaptureFixture
) -> None:
    def broken(execute: object, sql: str, params: object, many: bool, context: object) -> object:
        raise fault("DETAIL: canary@example.com")

    with connection.execute_wrapper(broken):
        response = knock(accepted())

    assert response.status_code == 503
    assert "canary" not in response.content.decode() + caplog.text
    assert knock(accepted()).status_code == 200


def test_no_session_no_cookie_no_csrf_token_is_involved() -> None:
    response = Client(enforce_csrf_checks=True).post(
        "/hooks/kira/",
        BODY,
        content_type="application/json",
        headers={"x-signature-sha256": RIGHT, "origin": "https://elsewhere.example"},
    )

    assert response.status_code == 200
    assert not response.cookies


def test_the_body_type_does_not_matter() -> None:
    response = Client().post(
        "/hooks/kira/",
        BODY,
        content_type="application/x-www-form-urlencoded",
        headers={"x-signature-sha256": RIGHT},
    )

    assert response.status_code == 200


def test_a_flood_of_forgeries_is_added_up_in_memory(
    settings: Settings, django_assert_num_queries: Callable[..., object]
) -> None:
    rejections.count(partner="KIRA", reason=RejectionReason.FORGED, at=timezone.now())
    settings.WEBHOOK_REJECTION_FLUSH_SECONDS = 3600
    with django_assert_num_queries(0):  # type: ignore[attr-defined]
        for _ in range(50):
            assert knock(BODY, headers={}).status_code == 401

    rejections.flush()

    assert rejected_counts() == {RejectionReason.FORGED: 51}


def test_rejections_are_counted_by_the_day() -> None:
    for day in (1, 1, 2):
        rejections.count(
            partner="KIRA", reason=RejectionReason.FORGED, at=datetime(2026, 3, day, 23, 59, tzinfo=UTC)
        )

    assert sorted(WebhookRejection.objects.values_list("day__day", "count")) == [(1, 2), (2, 1)]


@pytest.mark.postgresql
@pytest.mark.django_db(transaction=True)
def test_a_hundred_copies_at_once_make_one_row() -> None:
    bodies = [accepted() for _ in range(5)]
    statuses: list[int] = []
    barrier = threading.Barrier(20)

    def send() -> None:
        barrier.wait()
        try:
            statuses.extend(knock(body).status_code for body in bodies for _ in range(5))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 500
    assert sorted(WebhookEvent.objects.values_list("duplicates", flat=True)) == [99] * 5
