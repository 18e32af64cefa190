"""Product apps, workers and the partner all write about the same end users at once."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from onboarding.management.commands.seed_demo import individual
from tests.journeys.stack import App, Stack, wait_for

pytestmark = pytest.mark.journey


def _is_verifying(app: App, pk: str) -> bool:
    return app.status(pk) == "VERIFYING"


def test_changes_while_workers_send_are_neither_refused_nor_lost(served: Stack) -> None:
    served.changes["KIRA_UPDATE_VERIFIED_ALLOWED"] = "on"
    served.kill("web")
    served.start_web()
    app = served.app()
    served.control("POST", "/_control/toggles", json={"kira": {"lock_verified": False, "outcome": "hold"}})
    created = [app.create(individual()).json()["id"] for _ in range(8)]
    served.start_worker()
    served.start_worker("second")

    def change(number: int) -> int:
        pk = created[number % len(created)]
        return app.request("PUT", f"/v1/users/{pk}", json={"occupation": f"Pilot {number}"}).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(change, range(48)))
    assert statuses == [200] * 48
    for pk in created:
        wait_for(partial(_is_verifying, app, pk), seconds=60, why="every one is on its way")
    assert "deadlock" not in served.logs()
