"""Who may call: keys, bearers, and the order of checks (contract sections 1.2, 1.7 and 2.14)."""

import json
import uuid

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.utils import timezone

from onboarding.api.authentication import issue_token
from onboarding.domain import api_clients
from onboarding.domain.audit import SYSTEM
from onboarding.models import ApiClient, ApiKey
from tests.onboarding.api.conftest import individual

FORBIDDEN = {"message": "Forbidden"}


def unauthorized(message: str) -> dict[str, str]:
    return {"code": "unauthorized", "message": message}


def ask(app, body, **headers):
    sent = {"x-api-key": app.credentials.api_key, **headers}
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return app.http.post("/auth", raw, content_type="application/json", headers=sent)


def credentials(app, **changes):
    return {
        "client_id": str(app.credentials.client.pk),
        "password": app.credentials.password,
        **changes,
    }


def test_client_id_and_password_get_a_bearer(app, settings):
    settings.TOKEN_SECONDS = 900
    answer = ask(app, credentials(app))
    assert answer.status_code == 200
    body = answer.json()
    assert body["message"] == "Auth token"
    assert (body["data"]["expires_in"], body["data"]["token_type"]) == (900, "Bearer")
    app.bearer = body["data"]["access_token"]
    assert app.get("/v1/users").status_code == 200


@pytest.mark.parametrize("key", ["", "nonsense", "vk0123456789ab.secret", "ä" * 20, "x" * 5000])
def test_an_unknown_key_gets_the_gateways_answer(app, key):
    for path in ("/auth", "/v1/users", "/v1/nothing", "/v1/users/not-a-uuid"):
        answer = app.http.get(path, headers={"x-api-key": key})
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_without_a_key_nothing_else_is_looked_at(app):
    answer = app.http.post("/v1/users", b"not json", content_type="text/plain")
    assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


def test_wrong_credentials_get_the_gateways_answer(app, other_app):
    for wrong in (
        credentials(app, password="wrong"),
        credentials(app, client_id=str(uuid.uuid4())),
        credentials(other_app),
    ):
        answer = ask(app, wrong)
        assert (answer.status_code, answer.json()) == (403, FORBIDDEN)


@pytest.mark.parametrize(
    ("body", "type_", "location"),
    [
        ({"client_id": "nonsense", "password": "x"}, "uuid_parsing", ["body", "client_id"]),
        ({"client_id": 5, "password": "x"}, "uuid_type", ["body", "client_id"]),
        ({"password": "x"}, "missing", ["body", "client_id"]),
        ({"client_id": str(uuid.UUID(int=0))}, "missing", ["body", "password"]),
        ({"client_id": str(uuid.UUID(int=0)), "password": 5}, "string_type", ["body", "password"]),
        ([], "dict_type", ["body"]),
        (b"{", "json_invalid", ["body"]),
    ],
)
def test_a_malformed_body_is_422(app, body, type_, location):
    answer = ask(app, body)
    assert answer.status_code == 422
    assert answer.json()["message"] == "Invalid input data"
    detail = answer.json()["data"][0]
    assert (detail["type"], detail["loc"]) == (type_, location)


def test_the_bearer_is_asked_for_in_the_contracts_words(app, other_app):
    def message(**headers):
        answer = app.http.get("/v1/users", headers={"x-api-key": app.credentials.api_key, **headers})
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthorized"
        return answer.json()["message"]

    assert message() == "No authorization token provided"
    assert message(authorization="Basic abc") == "No authorization token provided"
    assert message(authorization="Bearer ") == "No authorization token provided"
    assert message(authorization="Bearer nonsense") == "No client ID found in claims"
    assert message(authorization=f"Bearer {app.bearer[:-1]}x") == "No client ID found in claims"
    assert message(authorization=f"Bearer {other_app.bearer}") == "No client ID found in claims"


def test_a_bearer_ends(app):
    with time_machine.travel("2026-03-01T12:00:00Z", tick=False):
        token = issue_token(app.credentials.client)
    app.bearer = token
    with time_machine.travel("2026-03-01T12:59:59Z", tick=False):
        assert app.get("/v1/users").status_code == 200
    with time_machine.travel("2026-03-01T13:00:00Z", tick=False):
        answer = app.get("/v1/users")
    assert (answer.status_code, answer.json()) == (401, unauthorized("Token expired"))


def test_several_keys_live_side_by_side_until_revoked(app):
    client = app.credentials.client
    second = api_clients.issue_key(client=client, actor=SYSTEM, at=timezone.now())
    for key in (app.credentials.api_key, second):
        assert api_clients.authenticate_key(key) == client
    first = ApiKey.objects.get(prefix=app.credentials.api_key.split(".")[0])
    api_clients.revoke_key(key=first, actor=SYSTEM, at=timezone.now())
    assert api_clients.authenticate_key(app.credentials.api_key) is None
    assert api_clients.authenticate_key(second) == client


def test_no_secret_is_kept(app):
    client = ApiClient.objects.get(pk=app.credentials.client.pk)
    key = client.keys.get()
    assert app.credentials.password not in client.password_digest
    assert app.credentials.api_key.split(".")[1] not in f"{key.prefix}{key.digest}"
    assert app.credentials.api_key not in repr(app.credentials)


def test_an_app_that_is_switched_off_is_out(app):
    ApiClient.objects.update(is_active=False)
    assert app.get("/v1/users").status_code == 403
    assert ask(app, credentials(app)).status_code == 403


def test_unknown_addresses_and_methods_come_after_the_bearer(app):
    for method, path in (
        ("GET", "/v1/nothing"),
        ("PATCH", "/v1"),
        ("POST", "/v1/users/"),
        ("PUT", "/v1/x/y"),
    ):
        answer = app.call(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    bare = app.http.get("/v1/nothing", headers={"x-api-key": app.credentials.api_key})
    assert bare.status_code == 401


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "OPTIONS", "TRACE", "PUT"])
def test_a_wrong_method_is_told_which_are_right(app, method):
    answer = app.call(method, "/v1/users")
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert answer.headers["Allow"] == "GET, HEAD, POST"


@pytest.mark.parametrize(
    ("path", "method"), [("/nothing", "GET"), ("/nothing", "POST"), ("/hooks/nobody/", "POST")]
)
def test_addresses_outside_the_intake_answer_in_json_too(db, client, path, method):
    answer = client.generic(method, path)
    assert answer.status_code == 404
    assert answer.json()["code"] == "not_found"


def test_the_idempotency_key_comes_before_the_body(app):
    answer = app.call("POST", "/v1/users", b"not json")
    assert answer.status_code == 400
    assert answer.json() == {
        "error": "Invalid request data",
        "details": [{"path": "idempotency-key", "message": "Required", "code": "invalid_type"}],
    }
    answer = app.call("POST", "/v1/users", b"not json", idempotency_key="user-123")
    assert answer.json()["details"] == [
        {"path": "idempotency-key", "message": "Invalid uuid", "code": "invalid_string"}
    ]


@pytest.mark.parametrize(
    ("content_type", "headers", "status", "code"),
    [
        ("text/plain", {}, 415, "unsupported_media_type"),
        ("", {}, 415, "unsupported_media_type"),
        ("application/x-www-form-urlencoded", {}, 415, "unsupported_media_type"),
        ("application/json; charset=utf-16", {}, 415, "unsupported_media_type"),
        ("application/json", {"content-encoding": "gzip"}, 415, "unsupported_media_type"),
    ],
)
def test_other_kinds_of_bodies_are_refused(app, content_type, headers, status, code):
    sent = {**app.headers, "idempotency-key": str(uuid.uuid4()), **headers}
    raw = json.dumps(individual()).encode()
    answer = app.http.generic("POST", "/v1/users", raw, content_type=content_type, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_accept_header_changes_nothing(app):
    answer = app.call("GET", "/v1/users", accept="text/html")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_too_large_a_body_is_413(app, settings):
    settings.MAX_REQUEST_BYTES = 2_000
    answer = app.post("/v1/users", individual(metadata={"a": "x" * 3_000}))
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


def test_the_command_prints_credentials_once(db, capsys):
    call_command(
        "create_api_client", "Desk", "--partners", "kira", "--review-policy", "review_first", "--json"
    )
    shown = json.loads(capsys.readouterr().out)
    client = ApiClient.objects.get(name="Desk")
    assert shown["client_id"] == str(client.pk)
    assert (client.review_policy, client.default_partners) == ("REVIEW_FIRST", ["KIRA"])
    assert api_clients.authenticate_key(shown["api_key"]) == client
    assert api_clients.check_password(client.pk, shown["password"]) == client


@pytest.mark.parametrize("arguments", [["--partners", "nobody"], ["--partners", ","], []])
def test_the_command_refuses_what_it_does_not_know(app, arguments):
    with pytest.raises(CommandError):
        call_command("create_api_client", "Wallet", *arguments)
