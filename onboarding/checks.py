"""What must not start: settings that are each well formed and together dangerous."""

import ipaddress
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

SANDBOX_VALUES = {
    "KIRA_API_KEY": "sandbox-api-key",
    "KIRA_PASSWORD": "sandbox-password",
    "KIRA_CLIENT_ID": "5a6d1c1e-0b5e-4c1f-9a55-2f0d2a0c7e11",
}
SANDBOX_WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105 - the value we refuse
SHORTEST_KEY = 32
FEWEST_CHARACTERS = 4


@register(Tags.security)
def check_settings(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Errors onboarding.E001 to E006 and documents.E001; each hint names the variable to set."""
    return [
        *_webhook_secrets(),
        *_outside_addresses(),
        *_fault_points(),
        *_keys(),
        *_times(),
        *_limits(),
    ]


def _webhook_secrets() -> Iterator[CheckMessage]:
    if not settings.KIRA_WEBHOOK_SECRETS:
        yield Error(
            "Kira's webhooks cannot be verified: there is no secret.",
            hint="Set KIRA_WEBHOOK_SECRETS, comma-separated, newest first.",
            id="onboarding.E001",
        )


def _outside_addresses() -> Iterator[CheckMessage]:
    if settings.DEBUG or settings.WEBHOOKS_ALLOW_PRIVATE_TARGETS:
        return
    if not is_public(settings.KIRA_BASE_URL):
        yield Error(
            "Kira's address is a sandbox or not a public HTTPS host, and DEBUG is off.",
            hint="Set KIRA_BASE_URL, or WEBHOOKS_ALLOW_PRIVATE_TARGETS=on where that is meant.",
            id="onboarding.E002",
        )
    left = [name for name, value in SANDBOX_VALUES.items() if getattr(settings, name) == value]
    if SANDBOX_WEBHOOK_SECRET in settings.KIRA_WEBHOOK_SECRETS:
        left.append("KIRA_WEBHOOK_SECRETS")
    if left:
        yield Error(
            "The sandbox's credentials are in use, and DEBUG is off.",
            hint=f"Set {', '.join(left)}.",
            id="onboarding.E002",
        )


def _fault_points() -> Iterator[CheckMessage]:
    if settings.FAULT_POINTS and not settings.DEBUG and not getattr(settings, "TESTING", False):
        yield Error(
            "Fault points would kill processes outside of tests.",
            hint="Unset FAULT_POINTS.",
            id="onboarding.E003",
        )


def _keys() -> Iterator[CheckMessage]:
    named = [("ENCRYPTION_KEYS", key) for key in settings.ENCRYPTION_KEYS or [""]]
    named += [("BLIND_INDEX_KEY", settings.BLIND_INDEX_KEY)]
    real = not settings.DEBUG and not getattr(settings, "TESTING", False)
    weak = {name for name, key in named if len(key) < SHORTEST_KEY or (real and _is_monotonous(key))}
    keys = [settings.SECRET_KEY, *(key for _, key in named)]
    if weak:
        yield Error(
            "A data key is weak: too short, or a few characters repeated.",
            hint=f"Set {', '.join(sorted(weak))} to at least {SHORTEST_KEY} random characters.",
            id="onboarding.E004",
        )
    if real and len(set(keys)) < len(keys):
        yield Error(
            "One key serves two purposes.",
            hint="SECRET_KEY, BLIND_INDEX_KEY and every entry of ENCRYPTION_KEYS must differ.",
            id="onboarding.E004",
        )


def _times() -> Iterator[CheckMessage]:
    if settings.KIRA_QUARANTINE_SECONDS <= settings.KIRA_LATE_COMMIT_SECONDS:
        yield Error(
            "An unknown outcome would be looked up before the partner can have committed it.",
            hint="KIRA_QUARANTINE_SECONDS must be longer than KIRA_LATE_COMMIT_SECONDS.",
            id="onboarding.E005",
        )
    longest = max(settings.KIRA_CONNECT_TIMEOUT, settings.KIRA_READ_TIMEOUT)
    if longest > settings.KIRA_TOTAL_DEADLINE:
        yield Error(
            "The deadline of a call to Kira is shorter than one of its time-outs.",
            hint="Raise KIRA_TOTAL_DEADLINE, or lower KIRA_CONNECT_TIMEOUT and KIRA_READ_TIMEOUT.",
            id="onboarding.E006",
        )


def _limits() -> Iterator[CheckMessage]:
    if settings.MAX_REQUEST_BYTES < settings.MAX_DOCUMENT_BYTES * 4 // 3:
        yield Error(
            "A document of the allowed size does not fit into a request as base64.",
            hint="MAX_REQUEST_BYTES must be at least four thirds of MAX_DOCUMENT_BYTES.",
            id="documents.E001",
        )


def is_public(url: str) -> bool:
    """Whether `url` is HTTPS and its host neither loopback nor private, as far as the name tells."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or host == "localhost" or host.endswith((".localhost", ".local")):
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return True


def _is_monotonous(key: str) -> bool:
    return len(set(key)) < FEWEST_CHARACTERS
