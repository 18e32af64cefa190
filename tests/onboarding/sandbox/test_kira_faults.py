"""Trouble on order: what the caller sees, and what the sandbox has really committed."""

import time
import uuid
from typing import Any

import pytest
import requests

from tests.onboarding.sandbox.conftest import Caller, individual, wait_for

USERS = "/kira/v1/users"


def order(caller: Caller, kind: str, **options: Any) -> None:
    caller.control("POST", "faults", {"kind": kind, "method": "POST", "path": USERS, **options})


def held(caller: Caller) -> int:
    return len(caller.control("GET", "users"))


@pytest.mark.parametrize(
    ("kind", "extra", "status", "committed"),
    [
        ("error_before_commit", {}, 500, 0),
        ("error_before_commit", {"status": 503}, 503, 0),
        ("error_after_commit", {}, 500, 1),
        ("rate_limited", {}, 429, 0),
        ("expired_token", {}, 401, 0),
        ("forbidden", {}, 403, 0),
        ("html_page", {}, 200, 0),
        ("html_page", {"commit": True}, 200, 1),
        ("redirect", {}, 307, 0),
        ("truncated_json", {}, 201, 1),
        ("missing_id", {}, 201, 1),
        ("wrong_type", {}, 201, 1),
    ],
)
def test_a_spoiled_answer_and_what_was_committed(
    still: Caller, kind: str, extra: dict[str, Any], status: int, committed: int
) -> None:
    order(still, kind, **extra)
    answer = still.session.post(
        f"{still.base}/v1/users",
        json=individual(),
        headers={"idempotency-key": str(uuid.uuid4())},
        allow_redirects=False,
        timeout=5,
    )
    assert (answer.status_code, held(still)) == (status, committed)


def test_a_spoiled_body_is_spoiled_as_ordered(still: Caller) -> None:
    for kind in ("missing_id", "wrong_type", "truncated_json", "html_page"):
        order(still, kind)
    missing, wrong, truncated, page = (still.create(individual()) for _ in range(4))
    assert "id" not in missing.json()
    assert (wrong.json()["id"], wrong.json()["status"]) == (12345, ["VERIFIED"])
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    for broken in (truncated, page):
        with pytest.raises(requests.JSONDecodeError):
            broken.json()


def test_the_bodies_are_the_partners_own(still: Caller) -> None:
    for kind in ("error_before_commit", "expired_token", "forbidden", "rate_limited"):
        order(still, kind)
    bodies = [still.create(individual()).json() for _ in range(4)]
    assert bodies == [
        {"code": "internal_error", "message": "An unexpected error occurred"},
        {"message": "The incoming token has expired"},
        {"message": "Forbidden"},
        {"code": "rate_limit_exceeded", "message": "Too many requests"},
    ]


@pytest.mark.parametrize("value", ["0", "-5", "Wed, 21 Oct 2037 07:28:00 GMT", "315360000"])
def test_retry_after_may_be_anything(still: Caller, value: str) -> None:
    order(still, "rate_limited", retry_after=value)
    order(still, "rate_limited")
    assert still.create(individual()).headers["Retry-After"] == value
    assert "Retry-After" not in still.create(individual()).headers


@pytest.mark.parametrize(
    ("kind", "committed"),
    [
        ("drop_before_commit", 0),
        ("drop_after_commit", 1),
        ("reset_before_commit", 0),
        ("reset_after_commit", 1),
    ],
)
def test_a_connection_ends_without_an_answer(still: Caller, kind: str, committed: int) -> None:
    order(still, kind)
    with pytest.raises(requests.ConnectionError):
        still.create(individual())
    assert held(still) == committed


def test_a_reset_is_a_reset(still: Caller) -> None:
    order(still, "reset_after_commit")
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        still.create(individual())


def test_the_same_key_finds_what_a_reset_hid(still: Caller) -> None:
    order(still, "reset_after_commit")
    key = str(uuid.uuid4())
    with pytest.raises(requests.ConnectionError):
        still.create(individual(), key)
    answer = still.create(individual(), key)
    assert answer.status_code == 200
    assert answer.json()["id"] == still.control("GET", "users")[0]["id"]


def give_up(caller: Caller, key: str) -> None:
    with pytest.raises(requests.Timeout):
        caller.session.post(
            f"{caller.base}/v1/users",
            json=individual(),
            headers={"idempotency-key": key},
            timeout=0.2,
        )


def test_a_late_commit_happens_after_the_caller_gave_up(still: Caller) -> None:
    order(still, "late_commit", seconds=0.5)
    key = str(uuid.uuid4())
    give_up(still, key)
    assert held(still) == 0
    wait_for(lambda: held(still) == 1)
    assert still.create(individual(), key).status_code == 200


def test_an_impatient_second_call_still_makes_one_user(still: Caller) -> None:
    order(still, "late_commit", seconds=0.4)
    key = str(uuid.uuid4())
    give_up(still, key)
    assert still.create(individual(), key).status_code == 201
    wait_for(lambda: len(still.control("GET", "log?type=answer")) == 3)
    assert held(still) == 1


def test_a_hanging_call_commits_nothing(still: Caller) -> None:
    order(still, "hang", seconds=0.4)
    give_up(still, str(uuid.uuid4()))
    wait_for(lambda: len(still.control("GET", "log?type=answer")) == 2)
    assert held(still) == 0


def test_a_slow_answer_is_whole(still: Caller) -> None:
    order(still, "slow", seconds=0.3)
    started = time.monotonic()
    assert still.create(individual()).status_code == 201
    assert time.monotonic() - started >= 0.3


def test_a_dripping_answer_outlasts_a_read_timeout(still: Caller) -> None:
    still.control("POST", "faults", {"kind": "drip", "path": "/kira/v1/users", "seconds": 0.05})
    answer = still.session.get(f"{still.base}/v1/users", timeout=0.3, stream=True)
    assert answer.status_code == 200
    assert len(answer.raw.read(4)) == 4
    answer.close()


def test_an_endless_answer_never_ends(still: Caller) -> None:
    still.control("POST", "faults", {"kind": "endless_body", "path": "/kira/v1/users"})
    answer = still.session.get(f"{still.base}/v1/users", timeout=2, stream=True)
    assert len(answer.raw.read(3_000_000)) == 3_000_000
    answer.close()


def test_an_answer_can_carry_somebody_elses_id(still: Caller) -> None:
    first = still.create(individual()).json()["id"]
    order(still, "foreign_id")
    assert still.create(individual(email="other@example.com")).json()["id"] == first
    assert held(still) == 2


def test_faults_are_taken_in_order_and_counted(still: Caller) -> None:
    order(still, "error_before_commit", count=2, skip=1)
    order(still, "rate_limited")
    statuses = [still.create(individual()).status_code for _ in range(5)]
    assert statuses == [429, 500, 500, 201, 201]
    assert still.control("GET", "faults") == []


def test_a_pattern_covers_one_segment_or_all(still: Caller) -> None:
    user_id = still.create(individual()).json()["id"]
    still.control("POST", "faults", {"kind": "error_before_commit", "path": "/kira/v1/users/*"})
    assert still.call("GET", "/v1/users").status_code == 200
    assert (
        still.create({"type": "embedded-link"}, path=f"/v1/users/{user_id}/verifications").status_code == 201
    )
    assert still.call("GET", f"/v1/users/{user_id}").status_code == 500


def test_the_token_endpoint_has_its_faults_too(still: Caller) -> None:
    still.control("POST", "faults", {"kind": "error_before_commit", "path": "/kira/auth"})
    body = {"client_id": still.options.client_id, "password": still.options.password}
    assert still.call("POST", "/auth", json=body).status_code == 500
    assert still.call("POST", "/auth", json=body).status_code == 200


def test_probable_faults_repeat_with_their_seed(still: Caller) -> None:
    def run() -> list[int]:
        still.control("DELETE", "faults")
        still.control("POST", "seed", {"seed": 7})
        kinds = ["error_before_commit", "rate_limited"]
        still.control("POST", "faults", {"kind": kinds, "path": "/kira/v1/**", "probability": 0.5})
        return [still.call("GET", "/v1/users").status_code for _ in range(20)]

    first = run()
    assert set(first) == {200, 429, 500}
    assert run() == first


@pytest.mark.parametrize(
    "fault",
    [{}, {"kind": "unknown"}, {"kind": "hang", "count": -1}, {"kind": "hang", "probability": 2}, []],
)
def test_an_order_that_makes_no_sense_is_refused(still: Caller, fault: Any) -> None:
    answer = requests.post(f"{still.root}/_control/faults", json=fault if fault else [{}], timeout=5)
    assert answer.status_code == 400
    assert "error" in answer.json()
