"""From a product app to the partner and back, through real processes."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from onboarding.management.commands.seed_demo import business, individual
from tests.journeys.stack import App, Stack, wait_for

pytestmark = pytest.mark.journey


def _settled(app: App, pk: str, *, seconds: float = 30) -> str:
    found = wait_for(
        lambda: (status := app.status(pk)) in ("VERIFIED", "REJECTED") and status,
        seconds=seconds,
        why="the partner's verdict came back",
    )
    return str(found)


def _journey(stack: Stack) -> None:
    stack.start_worker()
    app = stack.app()
    for body in (individual(), business()):
        answer = app.create(body)
        assert answer.status_code == 201, answer.text
        created = answer.json()
        assert (created["status"], created["verification_triggered"]) == ("CREATED", True)
        assert _settled(app, created["id"]) == "VERIFIED"
        names = [entry["event"] for entry in app.events(created["id"])]
        assert names[0] == "user.created"
        assert names[-1] == "user.verification.accepted"
    assert stack.run("verify_audit_trail").strip().endswith("every link holds")


def test_the_embedded_product_takes_both_types_to_a_verdict(embedded: Stack) -> None:
    _journey(embedded)


def test_postgresql_and_rabbitmq_take_both_types_to_a_verdict(served: Stack) -> None:
    _journey(served)


def test_postgresql_and_redis_take_both_types_to_a_verdict(on_redis: Stack) -> None:
    _journey(on_redis)


def test_twenty_simultaneous_first_uses_of_a_key_make_one_user_and_twenty_equal_answers(
    served: Stack,
) -> None:
    app = served.app()
    body, key, barrier = individual(), str(uuid4()), threading.Barrier(20)

    def post(_: int) -> tuple[int, dict]:
        barrier.wait()
        answer = app.create(body, key=key)
        return answer.status_code, answer.json()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert sorted(status for status, _ in answers) == [200] * 19 + [201]
    assert all(answer == answers[0][1] for _, answer in answers)
    listed = app.request("GET", "/v1/users").json()
    assert listed["pagination"]["total"] == 1


def test_a_verdict_whose_webhook_was_lost_arrives_by_reconciliation(served: Stack) -> None:
    served.start_worker()
    served.control("POST", "/_control/webhook-faults", json={"kind": "drop", "event": "**", "count": 100})
    app = served.app()
    pk = app.create(individual()).json()["id"]
    wait_for(lambda: app.status(pk) == "VERIFYING", seconds=20, why="the partner took the user")
    wait_for(
        lambda: served.control("GET", "/_control/users")[0]["status"] == "VERIFIED",
        seconds=20,
        why="the partner decided",
    )
    assert app.status(pk) == "VERIFYING"
    printed = served.run("reconcile", "--partner", "kira", "--now")
    assert "applied" in printed
    assert app.status(pk) == "VERIFIED"
