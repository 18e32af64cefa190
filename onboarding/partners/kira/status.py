"""Kira's words for how far a verification has come, and ours: one table (contract 6.2)."""

from collections.abc import Mapping
from typing import Any

from onboarding.enums import Status

_OURS = {
    "CREATED": Status.CREATED,
    "VERIFYING": Status.VERIFYING,
    "REVIEW": Status.REVIEW,
    "VERIFIED": Status.VERIFIED,
    "REJECTED": Status.REJECTED,
    # `verification_status`, used only where `status` is absent.
    "unverified": Status.CREATED,
    "pending": Status.VERIFYING,
    "started": Status.VERIFYING,
    "under_review": Status.REVIEW,
    "in_review": Status.REVIEW,
    "needs_action": Status.REVIEW,
    "verified": Status.VERIFIED,
    "rejected": Status.REJECTED,
}
# C-17: these speak of the account, not of its verification; older records carry them in capitals.
_ACCOUNT_WORDS = frozenset(("active", "inactive", "suspended"))


def pick(record: Mapping[str, Any]) -> str | None:
    """The word that decides: `status`; the deprecated `verification_status` only when the former is absent.

    Verification states are in capitals under `status`.
    """
    status = record.get("status")
    if isinstance(status, str) and status and status.strip().lower() not in _ACCOUNT_WORDS:
        return status
    legacy = record.get("verification_status")
    if isinstance(legacy, str) and legacy:
        return legacy
    return status if isinstance(status, str) and status else None


def ours(word: str | None) -> Status | None:
    """Our code, or None for a word that nobody has told us about: the present state stays."""
    return _OURS.get(word) if word else None


def shown(word: str | None) -> str:
    """The raw word as it may be kept and shown; a sign that cannot be shown is shown as missing."""
    return printable((word or "")[:64])


def printable(text: str) -> str:
    """Text of a partner that a database may keep and a page may show, with a mark where a sign was taken out."""
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
