"""The partner sandbox on a free port, with settings that point at it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone
from pytest_django import Settings

from onboarding.domain import submissions
from onboarding.models import Submission
from onboarding.sandbox.kira.options import KiraOptions, KiraToggles
from onboarding.sandbox.server import Sandbox


class Partner:
    """The sandbox as a test uses it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.url = sandbox.base_url

    def order(self, kind: str, *, method: str = "POST", path: str = "/kira/v1/users", **more: Any) -> None:
        self._post("faults", {"kind": kind, "method": method, "path": path, **more})

    def users(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = requests.get(f"{self.url}/_control/users", timeout=5).json()
        return found

    def decide(self, pk: str, status: str, **more: Any) -> None:
        self._post(f"users/{pk}/decide", {"status": status, **more})

    def calls(self, method: str, path: str) -> int:
        entries = requests.get(f"{self.url}/_control/log", timeout=5).json()
        return sum(1 for e in entries if e.get("method") == method and e.get("path") == path)

    def toggle(self, **toggles: Any) -> None:
        self._post("toggles", {"kira": toggles})

    def _post(self, name: str, body: dict[str, Any]) -> None:
        answer = requests.post(f"{self.url}/_control/{name}", json=body, timeout=5)
        assert answer.ok, answer.text


@pytest.fixture
def kira(settings: Settings) -> Iterator[Partner]:
    toggles = KiraToggles(outcome="hold", verifying_delay_seconds=0, outcome_delay_seconds=0)
    with Sandbox(kira=KiraOptions(webhook_url=None, toggles=toggles)) as sandbox:
        settings.KIRA_BASE_URL = f"{sandbox.base_url}/kira"
        settings.KIRA_RATE_PER_SECOND = 1000
        settings.KIRA_READ_TIMEOUT = 1
        settings.KIRA_TOTAL_DEADLINE = 2
        settings.KIRA_QUARANTINE_SECONDS = 60
        settings.KIRA_BREAKER_FAILURES = 1000
        yield Partner(sandbox)


def send() -> int:
    """Let everything that is due go out."""
    return submissions.send_due(partner="KIRA", seconds=10)


def later(seconds: float = 3600) -> None:
    """The clock of every waiting submission moves on."""
    past = timezone.now() - timedelta(seconds=1)
    waiting = Submission.objects.filter(finished_at=None).exclude(due_at=None)
    for submission in waiting:
        since = submission.ambiguous_since
        Submission.objects.filter(pk=submission.pk).update(
            due_at=past,
            leased_until=None,
            ambiguous_since=since - timedelta(seconds=seconds) if since else None,
        )
