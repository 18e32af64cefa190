from typing import Any

import pytest
from django.core.checks import Error
from pytest_django import Settings

from onboarding.checks import check_settings, is_public


@pytest.fixture
def real(settings: Settings) -> Settings:
    """An installation in which nothing is wrong."""
    fit: dict[str, Any] = {
        "DEBUG": False,
        "TESTING": False,
        "WEBHOOKS_ALLOW_PRIVATE_TARGETS": False,
        "SECRET_KEY": "Zs8h2k1Vw9q0PpLm4nB7vC6xT3rE5yU8iO2aS1dF4gH7jK9lQ0",
        "ENCRYPTION_KEYS": ["Qm9vayBvZiBrZXlzIG51bWJlciBvbmUgaXMgaGVyZSE"],
        "BLIND_INDEX_KEY": "QW5vdGhlciBrZXkgZm9yIHRoZSBibGluZCBpbmRleCE",
        "KIRA_BASE_URL": "https://kira.example.com",
        "KIRA_API_KEY": "an-api-key",
        "KIRA_CLIENT_ID": "0c0a2b54-5f3e-4b4b-8b6e-2f6f8f1f0c11",
        "KIRA_PASSWORD": "a-password",
        "KIRA_WEBHOOK_SECRETS": ["a-webhook-secret"],
        "KIRA_QUARANTINE_SECONDS": 60,
        "KIRA_LATE_COMMIT_SECONDS": 30,
        "FAULT_POINTS": [],
    }
    for name, value in fit.items():
        setattr(settings, name, value)
    return settings


def found() -> list[str | None]:
    messages = check_settings(None)
    assert all(isinstance(message, Error) and message.hint for message in messages)
    return [message.id for message in messages]


def test_a_fit_installation_has_nothing_to_be_told(real: Settings) -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("KIRA_WEBHOOK_SECRETS", [], "onboarding.E001"),
        ("KIRA_BASE_URL", "http://127.0.0.1:8500/kira", "onboarding.E002"),
        ("KIRA_BASE_URL", "http://kira.example.com", "onboarding.E002"),
        ("KIRA_API_KEY", "sandbox-api-key", "onboarding.E002"),
        ("KIRA_WEBHOOK_SECRETS", ["new-secret", "sandbox-webhook-secret"], "onboarding.E002"),
        ("FAULT_POINTS", ["after_send"], "onboarding.E003"),
        ("ENCRYPTION_KEYS", [], "onboarding.E004"),
        ("ENCRYPTION_KEYS", ["short"], "onboarding.E004"),
        ("BLIND_INDEX_KEY", "k" * 40, "onboarding.E004"),
        ("BLIND_INDEX_KEY", "Qm9vayBvZiBrZXlzIG51bWJlciBvbmUgaXMgaGVyZSE", "onboarding.E004"),
        ("KIRA_QUARANTINE_SECONDS", 30, "onboarding.E005"),
        ("KIRA_TOTAL_DEADLINE", 10, "onboarding.E006"),
        ("MAX_REQUEST_BYTES", 10 * 1024 * 1024, "documents.E001"),
    ],
)
def test_a_dangerous_setting_is_refused(real: Settings, name: str, value: object, expected: str) -> None:
    setattr(real, name, value)

    assert found() == [expected]


@pytest.mark.parametrize("switch", ["DEBUG", "WEBHOOKS_ALLOW_PRIVATE_TARGETS"])
def test_the_sandbox_is_welcome_where_it_is_meant(real: Settings, switch: str) -> None:
    real.KIRA_BASE_URL = "http://127.0.0.1:8500/kira"
    real.KIRA_API_KEY = "sandbox-api-key"
    setattr(real, switch, True)

    assert found() == []


@pytest.mark.parametrize("switch", ["DEBUG", "TESTING"])
def test_fault_points_are_honoured_under_debug_and_in_tests(real: Settings, switch: str) -> None:
    real.FAULT_POINTS = ["after_send"]
    setattr(real, switch, True)

    assert found() == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.example.com/sandbox", True),
        ("https://93.184.215.14", True),
        ("http://api.example.com", False),
        ("https://localhost", False),
        ("https://kira.localhost", False),
        ("https://printer.local", False),
        ("https://127.0.0.1", False),
        ("https://10.1.2.3", False),
        ("https://169.254.169.254", False),
        ("https://[::1]", False),
        ("https://", False),
    ],
)
def test_public_is_https_and_neither_loopback_nor_private(url: str, expected: bool) -> None:
    assert is_public(url) is expected
