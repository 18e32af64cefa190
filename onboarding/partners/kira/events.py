"""Kira's webhooks: the signature, and one reading for every payload revision (contract section 7)."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from onboarding.partners.base import EventUnreadable, PartnerEvent, PartnerReason, SignatureRefused
from onboarding.partners.kira.status import ours, pick, shown
from onboarding.partners.kira.values import canonical_uuid

R1_HEADER = "x-kira-signature"
MAX_BODY_BYTES = 1024 * 1024
MAX_REASONS = 50
MAX_REASON_CHARACTERS = 2000

_IMPLIED = {"user.verification.accepted": "VERIFIED", "user.verification.failed": "REJECTED"}
_KNOWN = frozenset(
    (
        "user.created",
        "user.verification.accepted",
        "user.verification.failed",
        "user.status_changed",
        "user.liveness_completed",
        "user.document.download.failed",
    )
)


def verify(
    *, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], header: str, is_r1_accepted: bool
) -> None:
    """Raise `SignatureRefused` unless a secret signed these very bytes (7.2): HMAC-SHA256, lower-case hex.

    Every secret is tried, in constant time each. The header of R1 counts only where it is accepted and the other is
    absent.
    """
    told = headers.get(header.lower())
    if told is None and is_r1_accepted:
        told = headers.get(R1_HEADER)
    if not told:
        raise SignatureRefused("The message is not signed")
    known = [secret for secret in secrets if secret]
    if not known:
        raise SignatureRefused("No secret is configured")
    claimed = told.strip().encode("utf-8", "surrogatepass")
    matches = [hmac.compare_digest(_signature(secret, body), claimed) for secret in known]
    if not any(matches):
        raise SignatureRefused("The signature does not match")


def parse(body: bytes) -> PartnerEvent:
    """Read a verified message. Raises `EventUnreadable` when it is not what section 7.3 describes.

    Families other than the users' are read as far as their name; so are users' events of an unknown name that name no
    user. A message without an id of its own gets the hash of its bytes, so that it is still taken once.
    """
    if len(body) > MAX_BODY_BYTES:
        raise EventUnreadable("The message is too large")
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        raise EventUnreadable("The message is not JSON") from None
    name = message.get("event") if isinstance(message, dict) else None
    if not isinstance(name, str) or not 0 < len(name) <= 100 or not name.isprintable():
        raise EventUnreadable("The message names no event")
    data = message.get("data")
    if not isinstance(data, dict):
        raise EventUnreadable("The message holds no data")
    event_id = _event_id(data, body)
    reference = canonical_uuid(data.get("user_id")) if name.startswith("user.") else None
    if reference is None:
        if name in _KNOWN:
            raise EventUnreadable("The message names no user")
        return PartnerEvent(event_id=event_id, name=name, reference="", is_about_end_user=False)
    word = _state(name, data)
    return PartnerEvent(
        event_id=event_id,
        name=name,
        reference=reference,
        status=ours(word),
        partner_status=shown(word),
        reasons=_reasons(data.get("reasons")),
        verified_fields=_names(data.get("verified_fields")),
    )


def _names(told: object) -> tuple[str, ...]:
    """Names of request members; C-26: Kira says `date_of_birth` here, and so it is handed on."""
    items = told[:MAX_REASONS] if isinstance(told, list) else []
    return tuple(item[:64] for item in items if isinstance(item, str) and item and item.isprintable())


def _signature(secret: str, body: bytes) -> bytes:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def _event_id(data: Mapping[str, Any], body: bytes) -> str:
    told = data.get("event_id")
    if isinstance(told, str) and 0 < len(told) <= 64 and told.isprintable():
        return canonical_uuid(told) or told
    return hashlib.sha256(body).hexdigest()


def _state(name: str, data: Mapping[str, Any]) -> str | None:
    """The normaliser of 7.4: `new_status`, else `status`, else `verification_status`, else what the name implies."""
    new_status = data.get("new_status")
    if isinstance(new_status, str) and new_status:
        return new_status
    return pick(data) or _IMPLIED.get(name)


def _reasons(told: object) -> tuple[PartnerReason, ...]:
    """Kept verbatim, since they cannot be fetched again; objects in R1 and R2, plain texts in R5."""
    items = told if isinstance(told, list) else [told]
    return tuple(reason for reason in map(_reason, items[:MAX_REASONS]) if reason is not None)


def _reason(item: object) -> PartnerReason | None:
    if isinstance(item, str):
        return PartnerReason(text=_text(item)) if item.strip() else None
    if not isinstance(item, dict):
        return None
    text, internal = _text(item.get("reason")), _text(item.get("developer_reason"))
    if not text and not internal:
        return None
    return PartnerReason(text=text, internal=internal, at=_moment(item.get("created_at")))


def _text(value: object) -> str:
    """Without what no database column and no page should hold; shortened to a sane length."""
    if not isinstance(value, str):
        return ""
    cleaned = "".join(sign for sign in value[:MAX_REASON_CHARACTERS] if sign.isprintable() or sign == "\n")
    return cleaned.strip()


def _moment(value: object) -> datetime | None:
    """ISO 8601, with a space or a T; without a zone it is UTC (7.4)."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value[:40])
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
