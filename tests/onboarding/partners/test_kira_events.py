"""Kira's webhooks: who signed them, and what they say in every payload revision."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from onboarding.partners.base import EventUnreadable, PartnerEvent, SignatureRefused
from onboarding.partners.kira import events
from onboarding.partners.kira.status import ours, pick

USER = "6487276d-e86c-46ad-bc7b-afe43310ae01"
EVENT = "95fbd1c9-46cf-405c-bf38-a28344ff4707"
BODY = b'{"event":"user.created","data":{}}'


def signature(body: bytes = BODY, secret: str = "newest") -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def verify(
    headers: dict[str, str],
    body: bytes = BODY,
    *,
    secrets: tuple[str, ...] = ("newest", "older"),
    r1: bool = False,
) -> None:
    events.verify(headers=headers, body=body, secrets=secrets, header="X-Signature-SHA256", is_r1_accepted=r1)


@pytest.mark.parametrize("secret", ["newest", "older"])
def test_every_live_secret_is_accepted(secret: str) -> None:
    verify({"x-signature-sha256": signature(secret=secret)})


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-signature-sha256": ""},
        {"x-signature-sha256": "0" * 64},
        {"x-signature-sha256": signature(secret="stranger")},
        {"x-signature-sha256": signature(BODY + b" ")},
        {"x-signature-sha256": signature()[:-1]},
        {"x-signature-sha256": signature().upper()},
        {"x-signature-sha256": f"sha256={signature()}"},
        {"x-signature-sha256": "\udcff snowman ☃"},
        {"x-kira-signature": signature()},
        {"signature": signature()},
    ],
)
def test_anything_else_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(SignatureRefused):
        verify(headers)


@pytest.mark.parametrize("secrets", [(), ("",), ("", "")])
def test_an_empty_secret_signs_nothing(secrets: tuple[str, ...]) -> None:
    with pytest.raises(SignatureRefused):
        verify({"x-signature-sha256": signature(secret="")}, secrets=secrets)


def test_the_older_header_counts_only_where_it_is_accepted_and_alone() -> None:
    verify({"x-kira-signature": signature()}, r1=True)
    with pytest.raises(SignatureRefused):
        verify({"x-kira-signature": signature()}, r1=False)
    with pytest.raises(SignatureRefused):
        verify({"x-kira-signature": signature(), "x-signature-sha256": "0" * 64}, r1=True)
    with pytest.raises(SignatureRefused):
        verify({"x-kira-signature": signature(secret="stranger")}, r1=True)


def parse(name: str, **data: Any) -> PartnerEvent:
    return events.parse(json.dumps({"event": name, "data": {"event_id": EVENT, **data}}).encode())


@pytest.mark.parametrize(
    ("name", "data", "status", "word"),
    [
        ("user.created", {"status": "active", "verification_status": "unverified"}, "CREATED", "unverified"),
        ("user.created", {"status": "CREATED", "verification_triggered": True}, "CREATED", "CREATED"),
        (
            "user.verification.accepted",
            {"verification_status": "verified", "tier": 1},
            "VERIFIED",
            "verified",
        ),
        ("user.verification.accepted", {"status": "VERIFIED", "verified_fields": []}, "VERIFIED", "VERIFIED"),
        ("user.verification.accepted", {}, "VERIFIED", "VERIFIED"),
        ("user.verification.failed", {"verification_status": "rejected"}, "REJECTED", "rejected"),
        ("user.verification.failed", {"status": "REJECTED"}, "REJECTED", "REJECTED"),
        ("user.verification.failed", {}, "REJECTED", "REJECTED"),
        (
            "user.status_changed",
            {"previous_status": "CREATED", "new_status": "VERIFYING"},
            "VERIFYING",
            "VERIFYING",
        ),
        ("user.status_changed", {"new_status": "REVIEW", "status": "CREATED"}, "REVIEW", "REVIEW"),
        ("user.status_changed", {"new_status": "ON_HOLD"}, None, "ON_HOLD"),
        ("user.status_changed", {"new_status": "VERIFIED "}, None, "VERIFIED "),
        ("user.liveness_completed", {"person_reference_id": None, "result": "approved"}, None, ""),
        ("user.document.download.failed", {}, None, ""),
        ("user.something_new", {"status": "VERIFIED"}, "VERIFIED", "VERIFIED"),
    ],
)
def test_users_events_of_every_revision_are_read(
    name: str, data: dict[str, Any], status: str | None, word: str
) -> None:
    event = parse(name, user_id=USER, **data)
    assert (event.event_id, event.name, event.reference) == (EVENT, name, USER)
    assert (event.status, event.partner_status, event.is_about_end_user) == (status, word, True)


@pytest.mark.parametrize(
    "name",
    [
        "virtual_account.created",
        "payout.status_changed",
        "payin.completed",
        "rfi.opened",
        "card_payment",
        "user.new",
    ],
)
def test_other_families_concern_no_end_user(name: str) -> None:
    event = parse(name, status="VERIFIED")
    assert (event.is_about_end_user, event.reference, event.status) == (False, "", None)
    assert event.event_id == EVENT


def test_a_payout_with_an_inner_body_is_read() -> None:
    event = parse("payout.status_changed", event_type="x", created_at="y", data={"user_id": USER})
    assert event.is_about_end_user is False


def test_reasons_are_kept_in_both_forms() -> None:
    event = parse(
        "user.verification.failed",
        user_id=USER,
        reasons=[
            {
                "reason": "The document could not be read",
                "developer_reason": "Front image blurred",
                "created_at": "2026-03-02T14:07:41.002Z",
            },
            {"reason": "Second", "created_at": "2026-03-02 14:05:09.120"},
            "A plain text",
            {"developer_reason": "Only inside", "created_at": "not a moment"},
            {},
            17,
            None,
            "",
        ],
    )
    assert [(reason.text, reason.internal, reason.at) for reason in event.reasons] == [
        (
            "The document could not be read",
            "Front image blurred",
            datetime(2026, 3, 2, 14, 7, 41, 2000, tzinfo=UTC),
        ),
        ("Second", "", datetime(2026, 3, 2, 14, 5, 9, 120000, tzinfo=UTC)),
        ("A plain text", "", None),
        ("", "Only inside", None),
    ]


def test_a_single_reason_outside_a_list_is_read() -> None:
    assert parse("user.verification.failed", user_id=USER, reasons="Alone").reasons[0].text == "Alone"


def test_reasons_are_bounded_and_cleaned() -> None:
    event = parse("user.verification.failed", user_id=USER, reasons=["x" * 5_000, "a\u0000b\u202ec"] * 100)
    assert len(event.reasons) == events.MAX_REASONS
    assert len(event.reasons[0].text) == events.MAX_REASON_CHARACTERS
    assert event.reasons[1].text == "abc"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[" * 100_000,
        b"[]",
        b'"text"',
        b"{}",
        b'{"event":"user.created"}',
        b'{"event":"user.created","data":[]}',
        b'{"event":17,"data":{}}',
        b'{"event":"","data":{}}',
        b'{"event":"a\\u0000b","data":{}}',
        b'{"event":"user.created","data":{"event_id":"1"}}',
        b'{"event":"user.created","data":{"event_id":"1","user_id":"17"}}',
        b'{"event":"user.created","data":{"user_id":["6487276d-e86c-46ad-bc7b-afe43310ae01"]}}',
        b'{"event":"card","data":{"x":"' + b"x" * events.MAX_BODY_BYTES + b'"}}',
    ],
)
def test_what_is_no_message_of_kira_s_is_unreadable(body: bytes) -> None:
    with pytest.raises(EventUnreadable):
        events.parse(body)


@pytest.mark.parametrize("told", [None, "", 17, "x" * 65, "a\nb"])
def test_a_message_without_a_usable_id_is_known_by_its_bytes(told: object) -> None:
    body = json.dumps({"event": "card_payment", "data": {"event_id": told}}).encode()
    assert events.parse(body).event_id == hashlib.sha256(body).hexdigest()
    assert events.parse(body + b" ").event_id != events.parse(body).event_id


def test_ids_are_compared_in_one_spelling() -> None:
    event = events.parse(
        json.dumps(
            {"event": "user.created", "data": {"event_id": EVENT.upper(), "user_id": USER.upper()}}
        ).encode()
    )
    assert (event.event_id, event.reference) == (EVENT, USER)


@pytest.mark.parametrize(
    ("record", "status"),
    [
        ({"status": "CREATED"}, "CREATED"),
        ({"status": "VERIFYING", "verification_status": "rejected"}, "VERIFYING"),
        ({"status": "REVIEW"}, "REVIEW"),
        ({"status": "VERIFIED", "verification_status": "unverified"}, "VERIFIED"),
        ({"status": "REJECTED"}, "REJECTED"),
        ({"verification_status": "unverified"}, "CREATED"),
        ({"verification_status": "pending"}, "VERIFYING"),
        ({"verification_status": "started"}, "VERIFYING"),
        ({"verification_status": "under_review"}, "REVIEW"),
        ({"verification_status": "in_review"}, "REVIEW"),
        ({"verification_status": "needs_action"}, "REVIEW"),
        ({"verification_status": "verified"}, "VERIFIED"),
        ({"verification_status": "rejected"}, "REJECTED"),
        ({"status": "active", "verification_status": "verified"}, "VERIFIED"),
        ({"status": "ACTIVE", "verification_status": "pending"}, "VERIFYING"),
        ({"status": "ACTIVE"}, None),
        ({"status": "APPROVED", "verification_status": "verified"}, None),
        ({"status": ["VERIFIED"]}, None),
        ({}, None),
    ],
)
def test_the_status_table(record: dict[str, Any], status: str | None) -> None:
    assert ours(pick(record)) == status
