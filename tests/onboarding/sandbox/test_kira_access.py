"""Keys, tokens, unknown routes and versions, contract sections 1.2, 1.3, 1.7 and 2.14."""

import dataclasses

import pytest
import requests

from onboarding.sandbox.kira.options import Client, KiraOptions
from onboarding.sandbox.server import Sandbox
from tests.onboarding.sandbox.conftest import FAST, Caller, individual


def test_auth_answers_a_bearer_in_its_own_wrapper(sandbox: Sandbox) -> None:
    caller = Caller(sandbox.base_url)
    body = {"client_id": caller.options.client_id, "password": "sandbox-password"}
    answer = caller.call("POST", "/auth", json=body)
    assert answer.status_code == 200
    assert answer.json()["message"] == "Auth token"
    assert answer.json()["data"]["expires_in"] == 3600
    assert answer.json()["data"]["token_type"] == "Bearer"
    assert answer.json()["data"]["access_token"].count(".") == 2


def test_auth_refuses_a_wrong_key_and_a_wrong_password_alike(sandbox: Sandbox) -> None:
    caller = Caller(sandbox.base_url)
    wrong_password = {"client_id": caller.options.client_id, "password": "nonsense"}
    first = caller.call("POST", "/auth", json=wrong_password)
    second = caller.call("POST", "/auth", json=wrong_password, headers={"x-api-key": "nonsense"})
    assert [first.status_code, second.status_code] == [403, 403]
    assert first.json() == second.json() == {"message": "Forbidden"}
    assert first.headers["x-amzn-errortype"] == "ForbiddenException"


def test_auth_names_a_client_id_that_is_no_uuid(sandbox: Sandbox) -> None:
    answer = Caller(sandbox.base_url).call("POST", "/auth", json={"client_id": "me", "password": "x"})
    assert answer.status_code == 422
    assert answer.json()["message"] == "Invalid input data"
    assert answer.json()["data"][0]["type"] == "uuid_parsing"
    assert answer.json()["data"][0]["loc"] == ["body", "client_id"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"client_id": 5}', b"\xff\xfe", b"[" * 50_000])
def test_auth_refuses_broken_bodies_without_crashing(sandbox: Sandbox, body: bytes) -> None:
    assert Caller(sandbox.base_url).call("POST", "/auth", data=body).status_code == 422


def test_the_api_key_is_checked_before_the_bearer(sandbox: Sandbox) -> None:
    answer = requests.get(f"{sandbox.base_url}/kira/v1/users", timeout=5)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_a_missing_bearer_is_refused_by_the_gateway(sandbox: Sandbox) -> None:
    answer = Caller(sandbox.base_url).call("GET", "/v1/users")
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_forged_bearer_is_refused(caller: Caller) -> None:
    token = str(caller.session.headers["Authorization"])
    answer = caller.call("GET", "/v1/users", headers={"Authorization": f"{token}x"})
    assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"})


def test_a_token_expires_after_its_life(caller: Caller) -> None:
    assert caller.call("GET", "/v1/users").status_code == 200
    caller.control("POST", "advance", {"seconds": 3601})
    answer = caller.call("GET", "/v1/users")
    assert (answer.status_code, answer.json()) == (401, {"message": "The incoming token has expired"})
    assert caller.log_in().call("GET", "/v1/users").status_code == 200


def test_all_tokens_can_be_expired_at_once(caller: Caller) -> None:
    caller.control("POST", "expire-tokens")
    assert caller.call("GET", "/v1/users").json() == {"message": "The incoming token has expired"}
    assert caller.log_in().call("GET", "/v1/users").status_code == 200


def test_documented_mode_refuses_in_the_words_of_the_documentation(caller: Caller) -> None:
    caller.toggle(auth_errors="documented")
    missing = caller.call("GET", "/v1/users", headers={"Authorization": ""})
    wrong = caller.call("GET", "/v1/users", headers={"Authorization": "Bearer a.b.c"})
    caller.control("POST", "expire-tokens")
    expired = caller.call("GET", "/v1/users")
    assert [answer.status_code for answer in (missing, wrong, expired)] == [401, 401, 401]
    assert [answer.json()["code"] for answer in (missing, wrong, expired)] == ["unauthorized"] * 3
    assert [answer.json()["message"] for answer in (missing, wrong, expired)] == [
        "No authorization token provided",
        "No client ID found in claims",
        "Token expired",
    ]


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_methods_that_do_not_exist_are_forbidden_by_the_gateway(caller: Caller, method: str) -> None:
    user_id = caller.create(individual()).json()["id"]
    answer = caller.call(method, f"/v1/users/{user_id}")
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_another_clients_user_is_not_found(options: KiraOptions) -> None:
    other = Client("other-api-key", "11111111-0000-4000-8000-000000000002", "other-password")
    with Sandbox(kira=dataclasses.replace(options, other_clients=(other,))) as sandbox:
        mine = Caller(sandbox.base_url).log_in()
        theirs = KiraOptions(api_key=other.api_key, client_id=other.client_id, password=other.password)
        stranger = Caller(sandbox.base_url, theirs).log_in()
        user_id = mine.create(individual()).json()["id"]
        answer = stranger.call("GET", f"/v1/users/{user_id}")
        assert answer.status_code == 404
        assert answer.json() == {"code": "not_found", "message": f"User with ID {user_id} not found"}
        assert stranger.call("GET", "/v1/users").json()["pagination"]["total"] == 0
        borrowed = mine.call("GET", "/v1/users", headers={"x-api-key": other.api_key})
        assert borrowed.status_code == 401


def test_answers_carry_a_request_id_and_the_version(caller: Caller) -> None:
    answer = caller.call("GET", "/v1/users", headers={"X-Api-Version": "2026-04-14"})
    assert answer.headers["x-api-version"] == "2026-04-14"
    assert len(answer.headers["x-amzn-requestid"]) == 36


def test_a_version_can_be_pinned_and_only_moves_forward(caller: Caller) -> None:
    upgrade = "/v1/versioning/upgrade"
    first = caller.call("POST", upgrade, json={"target_version": "2026-04-14"})
    assert first.json() == {"previous_version": "2025-01-01", "current_version": "2026-04-14"}
    again = caller.call("POST", upgrade, json={"target_version": "2026-04-14"})
    assert again.json() == {"previous_version": "2026-04-14", "current_version": "2026-04-14"}
    assert caller.call("GET", "/v1/users").headers["x-api-version"] == "2026-04-14"
    assert caller.call("POST", upgrade, json={"target_version": "2025-01-01"}).status_code == 400


def test_countries_are_listed_with_three_letters(caller: Caller) -> None:
    answer = caller.call("GET", "/v1/countries").json()
    assert answer["count"] == len(answer["data"]) == 250
    usa = next(country for country in answer["data"] if country["alpha3"] == "USA")
    assert {"name": "Oregon", "code": "OR"} in usa["subdivisions"]
    assert usa["postal_code_format"].startswith(r"\A")


def test_the_pace_is_limited_when_switched_on(options: KiraOptions) -> None:
    toggles = dataclasses.replace(FAST, rate_limit=True, rate_limit_per_second=3)
    with Sandbox(kira=dataclasses.replace(options, toggles=toggles)) as sandbox:
        caller = Caller(sandbox.base_url).log_in()
        answers = [caller.call("GET", "/v1/users") for _ in range(5)]
    assert [answer.status_code for answer in answers].count(429) == 3
    refused = answers[-1]
    assert refused.json()["code"] == "rate_limit_exceeded"
    assert refused.headers["Retry-After"] == "1"
    assert answers[0].headers["RateLimit-Limit"] == "3"
