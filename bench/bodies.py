"""What is sent. Everybody here is invented; what must be new in every request has its place in the text."""

import hashlib
import hmac
import io
import json
import random
import struct
import time
import zlib
from base64 import b64encode
from collections.abc import Iterator, Mapping
from uuid import UUID, uuid4

from PIL import Image

from bench.sender import LargeBody

INGEST_BYTES = 777
EVENT_BYTES = 400
SLOT = "0000000000"

INDIVIDUAL = {
    "type": "individual",
    "external_id": f"case-{SLOT}",
    "first_name": "Priya",
    "middle_name": "June",
    "last_name": "Nakamura",
    "email": f"priya.{SLOT}@example.com",
    "phone": "+12025550142",
    "birth_date": "1987-11-03",
    "nationality": "USA",
    "gender": "female",
    "address_street": "18 Harbour Lane",
    "address_city": "Portland",
    "address_state": "OR",
    "address_zip_code": "97205",
    "address_country": "USA",
    "document_type": "passport",
    "document_number": SLOT,
    "document_country": "USA",
    "pep_status": False,
    "source_of_funds": "salary",
    "account_purpose": "receive_payments",
    "employment_status": "employed",
    "current_employer": "Lumen Freight Co",
    "occupation": "Logistics planner",
}


def ingest_body() -> str:
    """An individual without documents in exactly `INGEST_BYTES`; `SLOT` stands where every request differs."""
    return _filled(INDIVIDUAL, "metadata", INGEST_BYTES)


def with_document(size: int) -> LargeBody:
    """An individual whose passport comes as a valid PNG of exactly `size` bytes."""
    entry = {
        "type": "passport",
        "issuing_country": "USA",
        "number": SLOT,
        "documents": [{"type": "front", "file": "@file"}],
    }
    individual = {name: INDIVIDUAL[name] for name in ("type", "first_name", "last_name")}
    individual["email"] = "priya.nakamura@example.com"
    text = json.dumps({**individual, "identifying_information": [entry]})
    file = f"data:image/png;base64,{b64encode(picture(size)).decode()}"
    before, _, after = text.replace("@file", file).partition(SLOT)
    return LargeBody(before.encode(), after.encode())


def picture(size: int) -> bytes:
    """A valid PNG of exactly `size` bytes: noise, stored as it is, and a private chunk for what is missing."""
    side = int(((size - 4_000) / 3) ** 0.5 * 0.995)
    noise = random.Random(side).randbytes(side * side * 3)  # noqa: S311 - noise
    stream = io.BytesIO()
    Image.frombytes("RGB", (side, side), noise).save(stream, "PNG", compress_level=0)
    png = stream.getvalue()
    head, end = png[:-12], png[-12:]
    missing = size - len(png) - 12
    chunk = b"beNc" + bytes(missing)
    return head + struct.pack(">I", missing) + chunk + struct.pack(">I", zlib.crc32(chunk)) + end


# --- Events of partners ---------------------------------------------------------------------------


def kira_events(secret: str) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Bodies of `EVENT_BYTES` with ids of their own, and their headers, without end."""
    message = {
        "event": "user.status_changed",
        "data": {"event_id": "@event", "user_id": "@user", "status": "VERIFYING", "type": "individual"},
    }
    size = EVENT_BYTES - 2 * (len(str(UUID(int=0))) - len("@event")) - 1  # "@user" is one shorter
    text = _filled(message, "note", size)
    while True:
        body = text.replace("@event", str(uuid4())).replace("@user", str(uuid4())).encode()
        yield body, {"x-signature-sha256": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def stripe_events(secret: str) -> Iterator[tuple[bytes, dict[str, str]]]:
    """Bodies of `EVENT_BYTES` of a kind that dj-stripe keeps and has no handler for, and their headers."""
    message = {
        "id": "evt_@",
        "object": "event",
        "api_version": "2020-08-27",
        "created": 1_760_000_000,
        "data": {"object": {"object": "balance", "livemode": False}},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": "balance.available",
    }
    text = _filled(message, "note", EVENT_BYTES - 31)
    while True:
        body = text.replace("@", uuid4().hex).encode()
        moment = int(time.time())
        signed = f"{moment}.".encode() + body
        signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        yield body, {"Stripe-Signature": f"t={moment},v1={signature}"}


def _filled(message: Mapping[str, object], member: str, size: int) -> str:
    """The message as JSON of exactly `size` characters, thanks to one more member."""
    empty = json.dumps({**message, member: {"branch": ""}})
    return json.dumps({**message, member: {"branch": "w" * (size - len(empty))}})
