"""What product apps can do with their endpoints, over HTTP."""

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.utils import timezone
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from config import signing
from onboarding.domain import audit, events
from onboarding.enums import AuditAction, EventName
from onboarding.models import AuditChain, AuditEntry
from tests.onboarding.api.conftest import App, details, new_app
from tests.webhooks.receivers import Receiver, unused_url
from webhooks import notifier
from webhooks.models import Delivery, EndpointSecret, WebhookEndpoint

Start = Callable[..., Receiver]
ENDPOINTS = "/v1/webhook-endpoints"
URL = "http://127.0.0.1:9100/hook"

pytestmark = pytest.mark.django_db


@pytest.fixture
def app(db: None) -> App:
    return new_app("Wallet")


@pytest.fixture
def other_app(db: None) -> App:
    return new_app("Other wallet")


def make(app: Any, url: str = URL, **members: Any) -> dict[str, Any]:
    answer = app.call("POST", ENDPOINTS, {"url": url, **members})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def tell(app: Any) -> None:
    client = app.credentials.client
    events.put(
        client=client, end_user=None, name=EventName.USER_CREATED, data={"user_id": "u"}, at=timezone.now()
    )


def deliver() -> None:
    notifier.deliver_due(seconds=10, threads=1)


# --- Making and changing --------------------------------------------------------------------------


def test_a_new_endpoint_shows_its_secret_once(app: Any) -> None:
    made = make(app)

    assert made["secret"].startswith("whsec_")
    assert (made["url"], made["events"], made["status"]) == (URL, [], "ACTIVE")
    shown = app.get(f"{ENDPOINTS}/{made['id']}").json()
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    assert "secret" not in app.get(ENDPOINTS).json()["data"][0]


def test_a_given_secret_is_kept_as_it_is_and_sealed(app: Any) -> None:
    for secret in ("plain", "whsec_" + "QUJD" * 8, "a passphrase with blanks ü"):
        assert make(app, secret=secret)["secret"] == secret

    assert {row.secret for row in EndpointSecret.objects.all()} >= {"plain", "a passphrase with blanks ü"}


def test_an_endpoint_hears_only_what_it_asks_for(app: Any) -> None:
    assert make(app, events=["user.created", "user.created"])["events"] == ["user.created"]


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        ({}, "url", "invalid_type"),
        ({"url": None}, "url", "invalid_type"),
        ({"url": 7}, "url", "invalid_type"),
        ({"url": ""}, "url", "too_small"),
        ({"url": "ftp://hooks.example.com/"}, "url", "custom"),
        ({"url": "http://169.254.169.254/latest"}, "url", "custom"),
        ({"url": "http://0x7f.1/"}, "url", "custom"),
        ({"url": "http://user:pass@127.0.0.1/"}, "url", "custom"),
        ({"url": "http://127.0.0.1:22/"}, "url", "custom"),
        ({"url": URL, "secret": "abcd"}, "secret", "too_small"),
        ({"url": URL, "secret": ""}, "secret", "too_small"),
        ({"url": URL, "secret": "x" * 201}, "secret", "too_big"),
        ({"url": URL, "secret": " padded "}, "secret", "custom"),
        ({"url": URL, "secret": "whsec_not base64"}, "secret", "custom"),
        ({"url": URL, "secret": "whsec_QUJD"}, "secret", "custom"),
        ({"url": URL, "events": ["user.deleted"]}, "events.0", "invalid_enum_value"),
        ({"url": URL, "events": "user.created"}, "events", "invalid_type"),
        ({"url": URL, "status": "DISABLED"}, "", "unrecognized_keys"),
        ({"url": URL, "client": str(uuid4())}, "", "unrecognized_keys"),
        ([], "", "invalid_type"),
    ],
)
def test_a_declaration_that_does_not_fit_is_refused(app: Any, body: Any, path: str, code: str) -> None:
    found = details(app.call("POST", ENDPOINTS, body))

    assert {name: found[name][1] for name in found} == {path: code}
    assert not WebhookEndpoint.objects.exists()


def test_private_addresses_are_refused_where_the_installation_does_not_allow_them(
    app: Any, settings: Settings
) -> None:
    settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS = False

    for url in ("https://127.0.0.1/", "https://localhost/", "https://[::1]/", "http://hooks.example.com/"):
        assert "url" in details(app.call("POST", ENDPOINTS, {"url": url}))


def test_there_is_an_end_to_the_number_of_endpoints(app: Any, settings: Settings) -> None:
    settings.WEBHOOK_MAX_ENDPOINTS = 2
    first, _ = make(app), make(app)

    assert app.call("POST", ENDPOINTS, {"url": URL}).status_code == 409
    app.delete(f"{ENDPOINTS}/{first['id']}")
    make(app)


def test_an_endpoint_can_be_changed_member_by_member(app: Any) -> None:
    made = make(app)
    path = f"{ENDPOINTS}/{made['id']}"

    assert app.call("PATCH", path, {"events": ["user.created"]}).json()["events"] == ["user.created"]
    changed = app.call("PATCH", path, {"url": "http://127.0.0.1:9200/new"}).json()
    assert (changed["url"], changed["events"]) == ("http://127.0.0.1:9200/new", ["user.created"])
    assert app.call("PATCH", path, {"events": None}).json()["events"] == []
    assert app.call("PATCH", path, {}).status_code == 200
    assert set(details(app.call("PATCH", path, {"url": "http://169.254.1.1/"}))) == {"url"}
    assert set(details(app.call("PATCH", path, {"secret": "another"}))) == {""}
    assert app.call("PUT", path, {}).status_code == 405


def test_a_removed_endpoint_is_gone(app: Any) -> None:
    path = f"{ENDPOINTS}/{make(app)['id']}"

    assert app.delete(path).status_code == 204
    assert app.delete(path).status_code == 404
    assert app.get(path).status_code == 404
    assert app.get(ENDPOINTS).json()["pagination"]["total"] == 0


def test_disabling_and_enabling(app: Any) -> None:
    path = f"{ENDPOINTS}/{make(app)['id']}"

    for _ in range(2):
        disabled = app.call("POST", f"{path}/disable").json()
        assert (disabled["status"], disabled["disabled_reason"]) == ("DISABLED", "REQUESTED")
    for _ in range(2):
        enabled = app.call("POST", f"{path}/enable").json()
        assert (enabled["status"], enabled["disabled_reason"], enabled["disabled_at"]) == (
            "ACTIVE",
            None,
            None,
        )


def test_a_rotated_secret_signs_beside_the_old_one(app: Any, receiver: Start) -> None:
    server = receiver()
    made = make(app, server.url)
    path = f"{ENDPOINTS}/{made['id']}/secrets"
    generated = app.call("POST", path)
    given = app.call("POST", path, {"secret": "a-plain-secret"})
    tell(app)
    deliver()

    assert (generated.status_code, given.status_code) == (201, 201)
    assert given.json()["secret"] == "a-plain-secret"
    [received] = server.received
    for secret in (made["secret"], generated.json()["secret"], b"a-plain-secret"):
        Webhook(secret).verify(received.body, received.headers)
    assert set(details(app.call("POST", path, {"secret": "abc"}))) == {"secret"}


def test_every_act_is_on_record_without_the_address(app: Any) -> None:
    made = make(app, "http://127.0.0.1:9100/hook/t0ken?key=t0ken")
    path = f"{ENDPOINTS}/{made['id']}"
    app.call("PATCH", path, {"events": ["user.created"]})
    app.call("POST", f"{path}/secrets")
    app.call("POST", f"{path}/disable")
    app.call("POST", f"{path}/enable")
    app.delete(path)

    entries = AuditEntry.objects.filter(action__startswith="endpoint.")
    assert list(entries.values_list("action", flat=True)) == [
        AuditAction.ENDPOINT_REGISTERED,
        AuditAction.ENDPOINT_CHANGED,
        AuditAction.ENDPOINT_CHANGED,
        AuditAction.ENDPOINT_DISABLED,
        AuditAction.ENDPOINT_CHANGED,
        AuditAction.ENDPOINT_CHANGED,
    ]
    assert {entry.actor for entry in entries} == {"Wallet"}
    assert "t0ken" not in json.dumps([entry.data for entry in entries])
    assert "whsec_" not in json.dumps([entry.data for entry in entries])
    assert audit.verify(AuditChain.objects.get(pk=audit.SYSTEM_CHAIN)) == []


# --- Test calls and the log -------------------------------------------------------------------------


def test_a_test_call_answers_with_what_came_of_it(app: Any, receiver: Start) -> None:
    server = receiver()
    made = make(app, server.url)

    result = app.call("POST", f"{ENDPOINTS}/{made['id']}/test").json()

    assert result["delivered"] is True
    attempt = result["attempt"]
    assert (attempt["number"], attempt["result"], attempt["http_status"]) == (1, "DELIVERED", 200)
    [received] = server.received
    assert received.headers["webhook-id"] == result["event_id"]
    Webhook(made["secret"]).verify(received.body, received.headers)


def test_a_test_call_to_nobody_says_so(app: Any) -> None:
    made = make(app, unused_url())

    result = app.call("POST", f"{ENDPOINTS}/{made['id']}/test").json()

    assert (result["delivered"], result["attempt"]["result"]) == (False, "UNREACHABLE")


def test_the_log_shows_every_delivery_with_its_attempts(app: Any, receiver: Start) -> None:
    server = receiver(500)
    path = f"{ENDPOINTS}/{make(app, server.url)['id']}"
    tell(app)
    deliver()
    app.call("POST", f"{path}/test")

    page = app.get(f"{path}/deliveries").json()

    assert page["pagination"] == {"total": 2, "limit": 10, "offset": 0, "has_more": False}
    tested, told = page["data"]
    assert (tested["event"], tested["outcome"]) == ("webhook_endpoint.test", "FAILED")
    assert (told["event"], told["outcome"], told["last_error"]) == (
        "user.created",
        "PENDING",
        "Answered with an error (500)",
    )
    assert told["next_attempt_at"] is not None
    assert [attempt["http_status"] for attempt in told["attempts"]] == [500]
    assert [each["event"] for each in app.get(f"{path}/deliveries?outcome=PENDING").json()["data"]] == [
        "user.created"
    ]
    assert app.get(f"{path}/deliveries?event=user.created&limit=1").json()["pagination"]["total"] == 1
    assert app.get(f"{path}/deliveries?event_id={told['event_id']}").json()["data"] == [told]
    second = app.get(f"{path}/deliveries?limit=1&offset=1").json()
    assert (second["data"], second["pagination"]["has_more"]) == ([told], False)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "limit=",
        "offset=-1",
        "offset=99999999999",
        "limit=٣",
        "outcome=LOST",
        "event=x",
        "event_id=7",
    ],
)
def test_a_query_that_does_not_fit_is_refused(app: Any, query: str) -> None:
    path = f"{ENDPOINTS}/{make(app)['id']}/deliveries?{query}"

    assert set(details(app.get(path))) == {query.partition("=")[0]}


def test_the_log_costs_the_same_for_one_delivery_and_for_three(
    app: Any, receiver: Start, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    path = f"{ENDPOINTS}/{make(app, receiver().url)['id']}/deliveries"
    for _ in range(2):
        tell(app)
        deliver()
        with django_assert_max_num_queries(9):
            app.get(path)


def test_an_event_can_be_sent_again(app: Any, receiver: Start) -> None:
    server = receiver(500)
    path = f"{ENDPOINTS}/{make(app, server.url)['id']}"
    tell(app)
    deliver()
    server.answer = 200
    delivery = Delivery.objects.get()

    answer = app.call("POST", f"{path}/deliveries/{delivery.pk}/resend")
    deliver()

    assert answer.status_code == 202
    assert app.get(f"{path}/deliveries").json()["data"][0]["outcome"] == "DELIVERED"
    assert len({each.headers["webhook-id"] for each in server.received}) == 1


def test_nothing_is_sent_again_to_a_disabled_endpoint(app: Any, receiver: Start) -> None:
    path = f"{ENDPOINTS}/{make(app, receiver().url)['id']}"
    tell(app)
    deliver()
    app.call("POST", f"{path}/disable")

    answer = app.call("POST", f"{path}/deliveries/{Delivery.objects.get().pk}/resend")

    assert (answer.status_code, answer.json()["code"]) == (409, "endpoint_disabled")


# --- Tenants --------------------------------------------------------------------------------------


def test_another_apps_endpoint_looks_like_one_that_does_not_exist(
    app: Any, other_app: Any, receiver: Start
) -> None:
    theirs = make(other_app, receiver().url)["id"]
    tell(other_app)
    deliver()
    delivery = Delivery.objects.get().pk
    addresses = [
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/secrets"),
        ("POST", "/enable"),
        ("POST", "/disable"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
        ("POST", f"/deliveries/{delivery}/resend"),
    ]

    for method, rest in addresses:
        nobodys = str(uuid4())
        foreign = app.call(method, f"{ENDPOINTS}/{theirs}{rest}")
        missing = app.call(method, f"{ENDPOINTS}/{nobodys}{rest}")
        assert foreign.status_code == missing.status_code == 404
        assert foreign.content.decode().replace(theirs, "") == missing.content.decode().replace(nobodys, "")
        malformed = app.call(method, f"{ENDPOINTS}/not-an-id{rest}")
        assert set(details(malformed)) == {"endpointId"}
        assert app.http.generic(method, f"{ENDPOINTS}/{theirs}{rest}").status_code == 403
    mine = make(app)["id"]
    assert app.call("POST", f"{ENDPOINTS}/{mine}/deliveries/{delivery}/resend").status_code == 404


# --- The contract's own registration ----------------------------------------------------------------


def registration(app: Any, url: str, **changes: Any) -> dict[str, Any]:
    told = {"webhook_url": url, "secret": "my-secret", "client_uuid": str(app.credentials.client.pk)}
    return {name: value for name, value in {**told, **changes}.items() if value is not ...}


def test_registering_makes_one_endpoint_and_registering_again_replaces_it(app: Any, receiver: Start) -> None:
    old, new = receiver(), receiver()
    for url, secret in ((old.url, "first-secret"), (new.url, "other-secret")):
        answer = app.call("POST", "/webhooks/register", registration(app, url, secret=secret))
        assert (answer.status_code, answer.json()) == (200, {"message": "Webhook registered successfully"})
    tell(app)
    deliver()

    assert old.received == []
    [received] = new.received
    assert received.headers["x-signature-sha256"] == signing.hex_digest("other-secret", received.body)
    assert app.get(ENDPOINTS).json()["pagination"]["total"] == 1


def test_registering_again_revives_a_disabled_endpoint(app: Any, receiver: Start) -> None:
    gone, back = receiver(410), receiver()
    app.call("POST", "/webhooks/register", registration(app, gone.url))
    tell(app)
    deliver()
    app.call("POST", "/webhooks/register", registration(app, back.url))
    deliver()

    assert json.loads(back.received[0].body)["event"] == "user.created"


@pytest.mark.parametrize(
    ("changes", "problems"),
    [
        ({"webhook_url": ...}, {"webhook_url": "missing"}),
        ({"secret": ...}, {"secret": "missing"}),
        ({"client_uuid": ...}, {"client_uuid": "missing"}),
        ({"webhook_url": ..., "secret": 5}, {"webhook_url": "missing", "secret": "string_type"}),
        ({"secret": "abcd"}, {"secret": "string_too_short"}),
        ({"secret": "x" * 300}, {"secret": "string_too_long"}),
        ({"client_uuid": str(uuid4())}, {"client_uuid": "value_error"}),
        ({"client_uuid": "not-an-id"}, {"client_uuid": "value_error"}),
        ({"webhook_url": "nonsense"}, {"webhook_url": "value_error"}),
        ({"webhook_url": "http://169.254.169.254/"}, {"webhook_url": "value_error"}),
    ],
)
def test_a_registration_that_does_not_fit_is_refused_in_that_routes_shape(
    app: Any, changes: dict[str, Any], problems: dict[str, str]
) -> None:
    answer = app.call("POST", "/webhooks/register", registration(app, URL, **changes))

    body = answer.json()
    assert answer.status_code == 400
    assert body["message"] == "ERROR-V001: Validation Error"
    assert {each["loc"]: each["type"] for each in body["data"]} == problems
    assert all(each["msg"] for each in body["data"])
    assert not WebhookEndpoint.objects.exists()


def test_registering_needs_key_and_bearer(app: Any) -> None:
    body = json.dumps(registration(app, URL))
    no_key = app.http.post("/webhooks/register", body, content_type="application/json")
    no_bearer = app.http.post(
        "/webhooks/register",
        body,
        content_type="application/json",
        headers={"x-api-key": app.credentials.api_key},
    )

    assert (no_key.status_code, no_bearer.status_code) == (403, 401)
