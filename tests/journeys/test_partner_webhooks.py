"""A partner that doubles, reorders, delays, drops and forges its webhooks changes nothing but the time it takes."""

import pytest

from onboarding.management.commands.seed_demo import individual
from tests.journeys.stack import Stack, wait_for

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("kind", ["duplicate", "reorder", "late", "forged", "other_secret"])
def test_troubled_webhooks_end_in_one_verdict(served: Stack, kind: str) -> None:
    served.changes["KIRA_RECONCILE_FIRST_SECONDS"] = "3"
    served.start_worker()
    served.control("POST", "/_control/toggles", json={"kira": {"webhook_payload": "R5"}})
    served.control("POST", "/_control/webhook-faults", json={"kind": kind, "event": "**", "count": 100})
    app = served.app()
    pk = app.create(individual()).json()["id"]
    wait_for(lambda: app.status(pk) == "VERIFIED", seconds=40, why="the verdict came back")
    verdicts = [entry for entry in app.events(pk) if entry["event"].startswith("user.verification.")]
    assert [entry["event"] for entry in verdicts] == ["user.verification.accepted"]
    assert served.run("verify_audit_trail").strip().endswith("every link holds")
