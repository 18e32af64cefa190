"""A worker killed with -9 before a call, during it and after it: the partner holds one record per end user."""

import time
from collections import Counter
from functools import partial

import pytest

from onboarding.management.commands.seed_demo import individual
from tests.journeys.stack import App, Stack, wait_for

pytestmark = pytest.mark.journey

KILLS = 20


@pytest.mark.parametrize("point", ["before_call", "after_call"])
def test_a_worker_killed_around_its_calls_twenty_times_loses_and_doubles_nothing(
    served: Stack, point: str
) -> None:
    """Every start of the worker ends at the named line; then one without the fault finishes the work."""
    served.changes["KIRA_MAX_IN_FLIGHT"] = "1"
    app = served.app()
    created = [_create(app) for _ in range(KILLS)]
    for number in range(KILLS):
        process = served.start_worker("doomed", FAULT_POINTS=point)
        assert process.wait(60) == -9, f"start {number} did not die at {point}"
        del served.processes["doomed"]
    _finish_and_compare(served, app, created)


def test_a_worker_killed_during_its_calls_twenty_times_loses_and_doubles_nothing(served: Stack) -> None:
    """The partner commits half a second after the call came in; the worker dies while it waits for the answer."""
    app = served.app()
    created = [_create(app) for _ in range(KILLS)]
    fault = {
        "kind": "late_commit",
        "method": "POST",
        "path": "/kira/v1/users",
        "seconds": 0.5,
        "count": KILLS,
    }
    served.control("POST", "/_control/faults", json=fault)
    for _ in range(KILLS):
        begun = _posts_begun(served)
        served.start_worker("doomed")
        deadline = time.monotonic() + 40
        while _posts_begun(served) == begun and time.monotonic() < deadline:
            time.sleep(0.02)
        served.kill("doomed")
    _finish_and_compare(served, app, created)


def _create(app: App) -> str:
    answer = app.create(individual())
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def _is_verified(app: App, pk: str) -> bool:
    return app.status(pk) == "VERIFIED"


def _posts_begun(stack: Stack) -> int:
    log = stack.control("GET", "/_control/log")
    return sum(1 for entry in log if entry.get("path") == "/kira/v1/users" and entry.get("method") == "POST")


def _finish_and_compare(stack: Stack, app: App, created: list[str]) -> None:
    stack.control("DELETE", "/_control/faults")
    stack.start_worker("survivor")
    for pk in created:
        wait_for(partial(_is_verified, app, pk), seconds=120, why="every end user is verified")
    held = stack.control("GET", "/_control/users")
    references = Counter(user["metadata"]["vouch_end_user_id"] for user in held)
    assert references == Counter(created)
    assert stack.run("verify_audit_trail").strip().endswith("every link holds")
