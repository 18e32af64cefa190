"""Idempotency keys, contract section 1.4: one key, one body, one user."""

import hashlib
import json
from typing import Any

from onboarding.sandbox.kira.answers import Issue, coded, invalid
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.kira.schema import UUID
from onboarding.sandbox.state import JsonObject, Transaction
from onboarding.sandbox.wire import Request

KEYS = "kira.keys"


def required_key(request: Request) -> str:
    """The key of the call; 400 E1 when it is missing or no UUID."""
    key = request.headers.get("idempotency-key")
    if key is None or not key.strip():
        raise invalid([Issue("idempotency-key", "Required", "invalid_type")])
    if not UUID.fullmatch(key.strip()):
        raise invalid([Issue("idempotency-key", "Invalid uuid", "invalid_string")])
    return key.strip().lower()


def digest(body: Any) -> str:
    """The same for bodies that differ only in spacing and the order of members."""
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def scope(client_id: str, request: Request, key: str) -> str:
    return f"{client_id} {request.method} {request.path} {key}"


def first_use(
    tx: Transaction, where: str, body_digest: str, *, now: float, toggles: KiraToggles
) -> JsonObject | None:
    """The stored use of a key; 409 when that had another body. None for a first, or forgotten, use."""
    used = tx.get(KEYS, where)
    if used is None or used["at"] + toggles.idempotency_life_seconds <= now:
        return None
    if used["burnt"]:
        raise coded(400, "validation_error", "Failed to store idempotency key")
    if used["digest"] != body_digest:
        message = "Idempotency key has already been used with different request data"
        raise coded(409, "idempotency_key_reused", message)
    return used


def remember(tx: Transaction, where: str, body_digest: str, result_id: str, *, now: float) -> None:
    tx.put(KEYS, where, {"digest": body_digest, "result_id": result_id, "at": now, "burnt": False})


def burn(tx: Transaction, where: str, *, now: float) -> None:
    """What was seen once at Kira: a key whose first use failed validation is spent."""
    if tx.get(KEYS, where) is None:
        tx.put(KEYS, where, {"digest": "", "result_id": "", "at": now, "burnt": True})
