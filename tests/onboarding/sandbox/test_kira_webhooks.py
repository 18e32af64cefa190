"""Outcomes and what is told about them: payloads, signatures, retries, and webhooks gone wrong."""

import re
import uuid
from typing import Any

import pytest

from tests.onboarding.sandbox.conftest import Caller, Ear, business, individual, is_signed, wait_for


def with_ssn(number: str) -> dict[str, Any]:
    body = individual()
    body["identifying_information"][0]["number"] = number
    return body


def path_of(caller: Caller, user_id: str) -> list[str]:
    return [move["to"] for move in caller.control("GET", f"users/{user_id}")["history"]]


def settled(caller: Caller, body: dict[str, Any], status: str) -> str:
    user_id: str = caller.create(body).json()["id"]
    wait_for(lambda: caller.status(user_id) == status)
    return user_id


@pytest.mark.parametrize(
    ("ein", "path"),
    [
        ("12-3456789", ["VERIFYING", "VERIFIED"]),
        ("11-1111111", ["VERIFYING", "REJECTED"]),
        ("111111113", ["VERIFYING", "REJECTED"]),
        ("222221006", ["VERIFYING", "REVIEW", "REJECTED"]),
        ("222221005", ["VERIFYING", "REVIEW", "VERIFIED"]),
        ("222221007", ["VERIFYING", "REVIEW"]),
        ("222221008", ["VERIFYING"]),
    ],
)
def test_the_ein_of_a_business_decides(caller: Caller, ein: str, path: list[str]) -> None:
    assert path_of(caller, settled(caller, business(ein=ein), path[-1])) == path


@pytest.mark.parametrize(
    ("number", "path"),
    [
        ("000-12-3456", ["VERIFYING", "VERIFIED"]),
        ("000-11-1111", ["VERIFYING", "REJECTED"]),
        ("000-11-1113", ["VERIFYING", "REJECTED"]),
        ("000-22-1006", ["VERIFYING", "REVIEW", "REJECTED"]),
        ("000-22-1005", ["VERIFYING", "REVIEW", "VERIFIED"]),
    ],
)
def test_the_last_digits_of_a_person_decide(caller: Caller, number: str, path: list[str]) -> None:
    assert path_of(caller, settled(caller, with_ssn(number), path[-1])) == path


def test_a_mode_stops_everybody_in_review_until_an_operator_decides(caller: Caller, ear: Ear) -> None:
    caller.toggle(outcome="review")
    user_id = settled(caller, individual(), "REVIEW")
    assert caller.read(user_id)["verification_status"] == "in_review"
    caller.control("POST", f"users/{user_id}/decide", {"status": "REJECTED", "reasons": ["No"]})
    assert ear.wait("user.verification.failed")[0]["data"]["reasons"] == ["No"]
    assert caller.read(user_id)["verification_status"] == "rejected"


def test_an_operator_overrides_what_was_planned(caller: Caller) -> None:
    caller.toggle(outcome_delay_seconds=0.4)
    user_id = caller.create(with_ssn("000-11-1111")).json()["id"]
    caller.control("POST", f"users/{user_id}/decide", {"status": "VERIFIED"})
    caller.toggle(outcome_delay_seconds=0.1)
    settled(caller, individual(email="later@example.com"), "VERIFIED")
    caller.control("POST", "advance", {"seconds": 60})
    assert path_of(caller, user_id) == ["VERIFIED"]


def test_a_word_kira_never_uses_can_be_forced(caller: Caller) -> None:
    user_id = settled(caller, individual(), "VERIFIED")
    caller.control("POST", f"users/{user_id}/decide", {"status": "Approved ", "raw": True})
    assert caller.status(user_id) == "Approved "


def test_created_and_accepted_are_told_in_the_r2_form(caller: Caller, ear: Ear) -> None:
    user_id = settled(caller, individual(), "VERIFIED")
    created = ear.wait("user.created")[0]["data"]
    assert set(created) == {
        "event_id",
        "type",
        "email",
        "phone",
        "status",
        "user_id",
        "created_at",
        "verification_triggered",
    }
    assert (created["status"], created["verification_triggered"]) == ("CREATED", True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", created["created_at"])
    accepted = ear.wait("user.verification.accepted")[0]["data"]
    assert (accepted["user_id"], accepted["status"]) == (user_id, "VERIFIED")
    assert accepted["verified_fields"] == [
        "first_name",
        "last_name",
        "date_of_birth",
        "document_type",
        "document_number",
        "document_country",
        "address_street",
        "address_city",
        "address_state",
        "address_zip_code",
    ]
    assert len({event["data"]["event_id"] for event in ear.events()}) == 2


def test_every_webhook_is_signed_over_its_raw_compact_body(caller: Caller, ear: Ear) -> None:
    settled(caller, individual(first_name="Zoë"), "VERIFIED")
    ear.wait("user.verification.accepted")
    assert all(is_signed(headers, body) for headers, body in ear.heard)
    headers, body = ear.heard[0]
    assert body.startswith(b'{"event":"')
    assert b": " not in body.replace(b" ", b"", 0)[:40]
    assert (headers["content-type"], headers["user-agent"]) == ("application/json", "node")


def test_a_rejection_names_what_is_missing(caller: Caller, ear: Ear) -> None:
    settled(caller, business(ein="111111113"), "REJECTED")
    failed = ear.wait("user.verification.failed")[0]["data"]
    assert failed["status"] == "REJECTED"
    assert set(failed["reasons"][0]) == {"reason", "developer_reason", "created_at"}
    assert "Missing required field: " in failed["reasons"][0]["developer_reason"]


def test_reasons_are_never_in_the_answer(caller: Caller) -> None:
    assert "reasons" not in caller.read(settled(caller, with_ssn("000-11-1111"), "REJECTED"))


def test_the_oldest_payloads_carry_their_own_words_and_header(caller: Caller, ear: Ear) -> None:
    caller.toggle(webhook_payload="R1")
    settled(caller, individual(phone=None, source_of_funds=None), "CREATED")
    created = ear.wait("user.created")[0]["data"]
    assert (created["status"], created["verification_status"]) == ("active", "unverified")
    assert (created["metadata"], created["phone"]) == ({"branch": "west"}, "")
    settled(caller, individual(email="second@example.com"), "VERIFIED")
    accepted = ear.wait("user.verification.accepted")[0]["data"]
    assert accepted["id"] == accepted["event_id"]
    assert (accepted["verification_status"], accepted["kyc_type"], accepted["tier"]) == (
        "verified",
        "simplified",
        1,
    )
    assert all("x-kira-signature" in headers for headers, _ in ear.heard)
    assert not any("x-signature-sha256" in headers for headers, _ in ear.heard)


def test_the_newest_payloads_tell_every_move(caller: Caller, ear: Ear) -> None:
    caller.toggle(webhook_payload="R5")
    settled(caller, with_ssn("000-22-1006"), "REJECTED")
    failed = ear.wait("user.verification.failed")[0]["data"]
    assert failed["verification_status"] == "rejected"
    assert failed["reasons"] == ["Your information could not be verified"]
    moves = [
        (move["data"]["previous_status"], move["data"]["new_status"])
        for move in ear.wait("user.status_changed", 3)
    ]
    assert sorted(moves) == [("CREATED", "VERIFYING"), ("REVIEW", "REJECTED"), ("VERIFYING", "REVIEW")]


def test_the_pinned_revision_never_tries_again(caller: Caller, ear: Ear) -> None:
    ear.answers = [500]
    settled(caller, individual(source_of_funds=None), "CREATED")
    wait_for(lambda: caller.control("GET", "deliveries?state=FAILED"))
    assert len(ear.heard) == 1


def test_the_newest_revision_tries_four_more_times(caller: Caller, ear: Ear) -> None:
    caller.toggle(webhook_retries="scheduled", webhook_time_factor=0.0001)
    ear.answers = [500, 429, 408, 503, 500, 500]
    caller.create(individual(source_of_funds=None))
    record = wait_for(lambda: caller.control("GET", "deliveries?state=FAILED"))[0]
    assert [attempt["status"] for attempt in record["attempts"]] == [500, 429, 408, 503, 500]
    assert len({body for _, body in ear.heard}) == 1


def test_the_newest_revision_waits_one_five_fifteen_and_sixty_minutes(caller: Caller, ear: Ear) -> None:
    caller.toggle(webhook_retries="scheduled")
    ear.answers = [500, 500]
    caller.create(individual(source_of_funds=None))
    wait_for(lambda: len(ear.heard) == 1)
    for seconds in (61, 301):
        before = len(ear.heard)
        wait_for(lambda before=before: len(caller.control("GET", "deliveries")[0]["attempts"]) == before)  # type: ignore[misc]
        caller.control("POST", "advance", {"seconds": seconds})
        wait_for(lambda before=before: len(ear.heard) == before + 1)  # type: ignore[misc]
    wait_for(lambda: caller.control("GET", "deliveries?state=DELIVERED"))


def test_the_newest_revision_takes_other_refusals_as_final(caller: Caller, ear: Ear) -> None:
    caller.toggle(webhook_retries="scheduled", webhook_time_factor=0.0001)
    ear.answers = [404]
    caller.create(individual(source_of_funds=None))
    wait_for(lambda: caller.control("GET", "deliveries?state=FAILED"))
    assert len(ear.heard) == 1


def test_the_oldest_revision_tries_again_by_itself(caller: Caller, ear: Ear) -> None:
    caller.toggle(webhook_retries="automatic", webhook_time_factor=0.001)
    ear.answers = [404, 500]
    caller.create(individual(source_of_funds=None))
    record = wait_for(lambda: caller.control("GET", "deliveries?state=DELIVERED"))[0]
    assert [attempt["status"] for attempt in record["attempts"]] == [404, 500, 200]


def test_registering_replaces_target_and_secret(caller: Caller, ear: Ear) -> None:
    second = Ear()
    body = {"webhook_url": second.url, "secret": "another-secret", "client_uuid": caller.options.client_id}
    answer = caller.call("POST", "/webhooks/register", json=body)
    assert (answer.status_code, answer.json()) == (200, {"message": "Webhook registered successfully"})
    caller.create(individual(source_of_funds=None))
    second.wait("user.created")
    assert is_signed(*second.heard[0], secret="another-secret")
    assert ear.heard == []
    second.close()


SOMEBODY = "5e737067-bda0-4294-92f4-dfc276a2ceef"


@pytest.mark.parametrize(
    ("body", "loc", "kind"),
    [
        ({}, "webhook_url", "missing"),
        ({"webhook_url": "ftp://x", "client_uuid": SOMEBODY}, "webhook_url", "url_parsing"),
        ({"webhook_url": "http://example.com/x", "client_uuid": "me"}, "client_uuid", "uuid_parsing"),
    ],
)
def test_registering_is_refused_in_the_python_style(
    caller: Caller, body: dict[str, str], loc: str, kind: str
) -> None:
    answer = caller.call("POST", "/webhooks/register", json=body)
    assert answer.status_code == 400
    assert answer.json()["message"] == "ERROR-V001: Validation Error"
    assert (answer.json()["data"][0]["loc"], answer.json()["data"][0]["type"]) == (loc, kind)


def test_a_duplicate_is_the_same_event_twice(caller: Caller, ear: Ear) -> None:
    caller.control("POST", "webhook-faults", {"kind": "duplicate", "event": "user.created", "copies": 3})
    caller.create(individual(source_of_funds=None))
    heard = ear.wait("user.created", 3)
    assert len({event["data"]["event_id"] for event in heard}) == 1


def test_a_dropped_event_never_comes(caller: Caller, ear: Ear) -> None:
    caller.control("POST", "webhook-faults", {"kind": "drop", "event": "user.created"})
    settled(caller, individual(), "VERIFIED")
    ear.wait("user.verification.accepted")
    assert [event["event"] for event in ear.events()] == ["user.verification.accepted"]


def test_a_reordered_event_is_overtaken(caller: Caller, ear: Ear) -> None:
    caller.control("POST", "webhook-faults", {"kind": "reorder", "event": "user.created", "seconds": 30})
    caller.create(individual())
    ear.wait("user.created")
    assert [event["event"] for event in ear.events()] == ["user.verification.accepted", "user.created"]


def test_a_late_event_waits_its_time(caller: Caller, ear: Ear) -> None:
    caller.control("POST", "webhook-faults", {"kind": "late", "event": "user.*", "seconds": 900})
    caller.create(individual(source_of_funds=None))
    assert ear.heard == []
    caller.control("POST", "advance", {"seconds": 901})
    ear.wait("user.created")


@pytest.mark.parametrize(
    ("fault", "is_there"),
    [
        ({"kind": "forged"}, True),
        ({"kind": "forged", "signature": "truncated"}, True),
        ({"kind": "forged", "signature": "missing"}, False),
        ({"kind": "other_secret"}, True),
    ],
)
def test_a_forged_event_does_not_verify(
    caller: Caller, ear: Ear, fault: dict[str, str], is_there: bool
) -> None:
    caller.control("POST", "webhook-faults", fault)
    caller.create(individual(source_of_funds=None))
    ear.wait("user.created")
    assert not is_signed(*ear.heard[0])
    assert ("x-signature-sha256" in ear.heard[0][0]) is is_there


def test_a_forgery_can_come_beside_the_true_event(caller: Caller, ear: Ear) -> None:
    caller.control("POST", "webhook-faults", {"kind": "forged", "extra": True})
    caller.create(individual(source_of_funds=None))
    ear.wait("user.created", 2)
    assert sorted(is_signed(*message) for message in ear.heard) == [False, True]


def test_any_event_can_be_sent_and_resent(caller: Caller, ear: Ear) -> None:
    data = {"event_id": str(uuid.uuid4()), "user_id": str(uuid.uuid4())}
    caller.control("POST", "events", {"event": "user.something_new", "data": data})
    ear.wait("user.something_new")
    delivery = wait_for(lambda: caller.control("GET", "deliveries?state=DELIVERED"))[0]
    caller.control("POST", f"deliveries/{delivery['id']}/resend")
    assert [event["data"] for event in ear.wait("user.something_new", 2)] == [data, data]
