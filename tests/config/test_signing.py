"""Signatures, checked against vectors and against the published library."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from config import signing
from config.signing import SignatureInvalid

NOW = datetime.now(UTC).replace(microsecond=0)
BODY = '{"event":"user.created","data":{"name":"Zoë"}}'.encode()
PLAIN = "a-plain-secret"


def headers(
    *secrets: str, body: bytes = BODY, at: datetime = NOW, message_id: str = "msg-1"
) -> dict[str, str]:
    timestamp = int(at.timestamp())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.sign(
            secrets=secrets, message_id=message_id, timestamp=timestamp, body=body
        ),
    }


def verify(given: dict[str, str], *secrets: str, body: bytes = BODY, at: datetime = NOW) -> None:
    signing.verify(
        secrets=secrets,
        message_id=given.get("webhook-id"),
        timestamp=given.get("webhook-timestamp"),
        signature=given.get("webhook-signature"),
        body=body,
        at=at,
    )


def test_hex_digest_equals_the_vector_of_rfc_4231() -> None:
    assert signing.hex_digest("Jefe", b"what do ya want for nothing?") == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )


def test_hex_signature_is_accepted_from_the_new_and_from_the_old_secret() -> None:
    for secret in ("new-secret", "old-secret"):
        signing.verify_hex(
            secrets=["new-secret", "old-secret"], body=BODY, signature=signing.hex_digest(secret, BODY)
        )


@pytest.mark.parametrize(
    "signature",
    [
        None,
        "",
        " ",
        "0" * 64,
        signing.hex_digest("another", BODY),
        signing.hex_digest("secret", BODY + b" "),
        signing.hex_digest("secret", BODY)[:-1],
        signing.hex_digest("secret", BODY).upper(),
        "sha256=" + signing.hex_digest("secret", BODY),
        signing.hex_digest("", BODY),
        "é" * 64,
        "\ud800",
        "v1," + signing.hex_digest("secret", BODY),
    ],
)
def test_any_other_hex_signature_is_refused(signature: str | None) -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify_hex(secrets=["secret", ""], body=BODY, signature=signature)


def test_without_secrets_nothing_is_accepted() -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify_hex(secrets=[], body=BODY, signature=signing.hex_digest("", BODY))
    with pytest.raises(SignatureInvalid):
        verify(headers(PLAIN), body=BODY)


def test_the_published_library_reads_a_generated_secret() -> None:
    secret = signing.new_secret()

    assert Webhook(secret).verify(BODY, headers(secret))["event"] == "user.created"


def test_the_published_library_reads_a_plain_secret_as_its_bytes() -> None:
    assert Webhook(PLAIN.encode()).verify(BODY, headers(PLAIN))["event"] == "user.created"
    assert Webhook(b64encode(PLAIN.encode()).decode()).verify(BODY, headers(PLAIN))["event"] == "user.created"


def test_during_rotation_the_published_library_reads_the_header_with_either_secret() -> None:
    old, new = signing.new_secret(), signing.new_secret()
    both = headers(new, old)

    Webhook(old).verify(BODY, both)
    Webhook(new).verify(BODY, both)
    with pytest.raises(WebhookVerificationError):
        Webhook(signing.new_secret()).verify(BODY, both)


def test_we_read_what_the_published_library_signs() -> None:
    secret = signing.new_secret()
    signature = Webhook(secret).sign("msg-1", NOW, BODY.decode())

    verify({**headers(secret), "webhook-signature": signature}, secret)


def test_generated_secrets_hold_32_bytes_and_never_repeat() -> None:
    secrets = {signing.new_secret() for _ in range(100)}

    assert len(secrets) == 100
    assert {len(signing.key_of(secret)) for secret in secrets} == {32}


@pytest.mark.parametrize("skew", [timedelta(minutes=5, seconds=1), -timedelta(minutes=5, seconds=1)])
def test_an_old_or_a_future_message_is_refused(skew: timedelta) -> None:
    with pytest.raises(SignatureInvalid):
        verify(headers(PLAIN), PLAIN, at=NOW + skew)


@pytest.mark.parametrize("skew", [timedelta(minutes=5), timedelta(0), -timedelta(minutes=5)])
def test_five_minutes_either_way_are_tolerated(skew: timedelta) -> None:
    verify(headers(PLAIN), PLAIN, at=NOW + skew)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_a_changed_or_missing_header_is_refused(name: str) -> None:
    whole = headers(PLAIN)
    for changed in (
        {**whole, name: whole[name] + "0"},
        {**whole, name: ""},
        {k: v for k, v in whole.items() if k != name},
    ):
        with pytest.raises(SignatureInvalid):
            verify(changed, PLAIN)


def test_a_v2_or_an_unversioned_signature_is_refused() -> None:
    whole = headers(PLAIN)
    signature = whole["webhook-signature"]
    for other in (
        signature.replace("v1,", "v2,"),
        signature.removeprefix("v1,"),
        signature.replace("v1,", "v1a,"),
    ):
        with pytest.raises(SignatureInvalid):
            verify({**whole, "webhook-signature": other}, PLAIN)


def test_signing_without_a_secret_is_an_error_of_ours() -> None:
    with pytest.raises(ValueError, match="no secret"):
        signing.sign(secrets=[""], message_id="m", timestamp=1, body=BODY)


junk = st.one_of(st.none(), st.text(), st.text(alphabet="v1, =+/\x00\ud800é٣"))


@given(message_id=junk, timestamp=junk, signature=junk)
def test_junk_headers_raise_only_the_refusal(
    message_id: str | None, timestamp: str | None, signature: str | None
) -> None:
    with pytest.raises(SignatureInvalid):
        signing.verify(
            secrets=[PLAIN],
            message_id=message_id,
            timestamp=timestamp,
            signature=signature,
            body=BODY,
            at=NOW,
        )
    with pytest.raises(SignatureInvalid):
        signing.verify_hex(secrets=[PLAIN], body=BODY, signature=signature)


@given(body=st.binary(max_size=500), secret=st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_every_body_and_secret_verifies_and_no_changed_body_does(body: bytes, secret: str) -> None:
    verify(headers(secret, body=body), secret, body=body)
    with pytest.raises(SignatureInvalid):
        verify(headers(secret, body=body), secret, body=body + b"x")
