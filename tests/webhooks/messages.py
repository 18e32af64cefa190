"""Messages of a partner, as it would send them."""

import json
import uuid
from typing import Any

from django.conf import settings
from django.test import Client

from config import signing

REFERENCE = "5b0d6a7e-3f0c-4c58-9c1e-0d2f4b8a6e11"


def message(
    name: str = "user.verification.accepted",
    *,
    event_id: str | None = None,
    user_id: str | None = REFERENCE,
    **data: Any,
) -> bytes:
    told: dict[str, Any] = {"event_id": event_id or str(uuid.uuid4())}
    if user_id is not None:
        told["user_id"] = user_id
    return json.dumps({"event": name, "data": {**told, **data}}, separators=(",", ":")).encode()


def accepted(user_id: str = REFERENCE, **data: Any) -> bytes:
    return message(user_id=user_id, status="VERIFIED", **data)


def rejected(user_id: str = REFERENCE, **data: Any) -> bytes:
    reasons = [{"reason": "The document could not be read", "developer_reason": "Front image blurred"}]
    return message(
        "user.verification.failed", user_id=user_id, status="REJECTED", **{"reasons": reasons, **data}
    )


def signature(body: bytes, secret: str | None = None) -> str:
    return signing.hex_digest(secret or settings.KIRA_WEBHOOK_SECRETS[0], body)


def knock(body: bytes, *, headers: dict[str, str] | None = None, path: str = "/hooks/kira/") -> Any:
    """The partner calls. Without `headers` the message is signed as it should be."""
    given = {"x-signature-sha256": signature(body)} if headers is None else headers
    return Client().post(path, body, content_type="application/json", headers=given)
