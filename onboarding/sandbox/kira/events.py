"""Webhook payloads in their three revisions and their signature, contract sections 7.2 to 7.4."""

import hashlib
import hmac
import uuid
from typing import Any

from onboarding.sandbox.kira import records
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.kira.representation import legacy_status
from onboarding.sandbox.state import JsonObject, zoneless

Event = tuple[str, JsonObject]
# The words of `verified_fields` and where each comes from; C-26 keeps `date_of_birth`.
_VERIFIED = {
    "first_name": "first_name",
    "last_name": "last_name",
    "business_legal_name": "business_legal_name",
    "date_of_birth": "birth_date",
    "document_type": "document_type",
    "document_number": "document_number",
    "document_country": "document_country",
    "address_street": "address_street",
    "address_city": "address_city",
    "address_state": "address_state",
    "address_zip_code": "address_zip_code",
}


def signature(body: bytes, secret: str) -> str:
    """HMAC-SHA256 over the raw body, lower-case hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def created(user: JsonObject, toggles: KiraToggles) -> Event:
    """``user.created``."""
    data: JsonObject = {
        "event_id": _new_id(),
        "type": user["type"],
        "email": user["answers"]["email"],
        "phone": user["answers"].get("phone") or "",
        "user_id": user["id"],
        "created_at": zoneless(user["created_at"]),
    }
    if toggles.webhook_payload == "R1":
        data |= {"status": "active", "verification_status": "unverified", "metadata": user["metadata"]}
    else:
        data |= {"status": "CREATED", "verification_triggered": user["triggered"]}
    return "user.created", data


def moved(user: JsonObject, previous: str, toggles: KiraToggles) -> list[Event]:
    """What is told when a user has taken a new status; ``VERIFYING`` and ``REVIEW`` only since R5."""
    told: list[Event] = []
    if toggles.webhook_payload == "R5":
        ids = {"event_id": _new_id(), "user_id": user["id"]}
        words = {"previous_status": previous, "new_status": user["status"]}
        told.append(("user.status_changed", {**ids, **words}))
    if user["status"] == "VERIFIED":
        told.append(("user.verification.accepted", _accepted(user, toggles)))
    if user["status"] == "REJECTED":
        told.append(("user.verification.failed", _failed(user, toggles)))
    return told


def liveness_completed(user_id: str, person_reference: str | None, result: str) -> Event:
    data = {
        "event_id": _new_id(),
        "user_id": user_id,
        "person_reference_id": person_reference,
        "result": result,
    }
    return "user.liveness_completed", data


def _accepted(user: JsonObject, toggles: KiraToggles) -> JsonObject:
    event_id = _new_id()
    if toggles.webhook_payload == "R1":
        kyc_type = "simplified" if user["type"] == "individual" else "full"
        words = {"verification_status": "verified", "kyc_type": kyc_type, "tier": 1}
        return {"event_id": event_id, "id": event_id, "user_id": user["id"], **words}
    known = {**user["answers"], **records.identity_document(user)}
    fields = [word for word, name in _VERIFIED.items() if known.get(name)]
    return {"event_id": event_id, "user_id": user["id"], "status": "VERIFIED", "verified_fields": fields}


def _failed(user: JsonObject, toggles: KiraToggles) -> JsonObject:
    data: JsonObject = {"event_id": _new_id(), "user_id": user["id"]}
    reasons = user["reasons"]
    if toggles.webhook_payload == "R2":
        return {**data, "status": "REJECTED", "reasons": reasons}
    word = {"verification_status": legacy_status("REJECTED", toggles)}
    if toggles.webhook_payload == "R1":
        return {**data, "id": _new_id(), **word, "reasons": reasons}
    return {**data, **word, "reasons": [_plain(reason) for reason in reasons]}


def _plain(reason: Any) -> Any:
    return reason.get("reason") if isinstance(reason, dict) else reason


def _new_id() -> str:
    return str(uuid.uuid4())
