"""Signatures over raw bytes: one hex digest, or the Standard Webhooks scheme with several secrets at once.

Both are HMAC-SHA256 (RFC 2104). Comparisons take the same time whatever the header holds, and every secret is tried,
so that timing tells neither the signature nor which secret fits. Whatever a stranger sends as a header,
the only thing raised is `SignatureInvalid`.
"""

import binascii
import hashlib
import hmac
import secrets as randomness
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - a prefix
SECRET_SIZE: Final = 32
TOLERANCE: Final = timedelta(minutes=5)
MAXIMUM_SIGNATURES: Final = 20


class SignatureInvalid(Exception):
    """The signature is absent, unreadable, too old, or made with none of the secrets."""


def new_secret() -> str:
    """A fresh secret in the form of the Standard Webhooks specification: `whsec_` and 32 bytes in base64."""
    return SECRET_PREFIX + b64encode(randomness.token_bytes(SECRET_SIZE)).decode()


def key_of(secret: str) -> bytes:
    """The key that a Standard Webhooks secret stands for.

    `whsec_` announces base64; a secret without it, or whose remainder is no base64, is its own UTF-8 bytes.
    """
    if secret.startswith(SECRET_PREFIX):
        try:
            return b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


# --- One digest in hex ----------------------------------------------------------------------------


def hex_digest(secret: str, body: bytes) -> str:
    """HMAC-SHA256 of `body` in lower-case hex; the key is the UTF-8 of `secret` (partner contract Kira, 7.2)."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify_hex(*, secrets: Iterable[str], body: bytes, signature: str | None) -> None:
    """Raise `SignatureInvalid` unless one of `secrets` signed exactly these bytes. Empty secrets sign nothing."""
    given = _bytes_of(signature)
    matches = [hmac.compare_digest(hex_digest(secret, body).encode(), given) for secret in secrets if secret]
    if not any(matches):
        raise SignatureInvalid("no secret made this signature")


# --- Standard Webhooks ----------------------------------------------------------------------------


def sign(*, secrets: Iterable[str], message_id: str, timestamp: int, body: bytes) -> str:
    """The `webhook-signature` header: one `v1,` signature per secret, separated by spaces.

    `timestamp` is in whole seconds since 1970. Refuses to sign with nothing (ValueError).
    """
    signatures = [
        "v1," + b64encode(_standard_digest(secret, message_id, str(timestamp), body)).decode()
        for secret in secrets
        if secret
    ]
    if not signatures:
        raise ValueError("there is no secret to sign with")
    return " ".join(signatures)


def verify(
    *,
    secrets: Iterable[str],
    message_id: str | None,
    timestamp: str | None,
    signature: str | None,
    body: bytes,
    at: datetime,
    tolerance: timedelta = TOLERANCE,
) -> None:
    """Raise `SignatureInvalid` unless one of `secrets` signed this message within `tolerance` of `at`.

    The three texts are the headers `webhook-id`, `webhook-timestamp` and `webhook-signature` as received.
    """
    if not message_id or not timestamp or not signature:
        raise SignatureInvalid("a header of the signature is missing")
    if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) <= 12):
        raise SignatureInvalid("the timestamp is not a number of seconds")
    if abs(at.timestamp() - int(timestamp)) > tolerance.total_seconds():
        raise SignatureInvalid("the timestamp is too far from our clock")
    given = [_bytes_of(part) for part in signature.split(" ")[:MAXIMUM_SIGNATURES]]
    expected = [
        b"v1," + b64encode(_standard_digest(secret, message_id, timestamp, body))
        for secret in secrets
        if secret
    ]
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in given]
    if not any(matches):
        raise SignatureInvalid("no secret made this signature")


def _standard_digest(secret: str, message_id: str, timestamp: str, body: bytes) -> bytes:
    message = b".".join([_bytes_of(message_id), timestamp.encode(), body])
    return hmac.new(key_of(secret), message, hashlib.sha256).digest()


def _bytes_of(text: str | None) -> bytes:
    return (text or "").encode(errors="surrogatepass")
