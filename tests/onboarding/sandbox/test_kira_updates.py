"""PUT: what is merged, what is refused, and what starts verification again, contract section 2.6."""

import copy
from typing import Any

import pytest

from onboarding.sandbox.server import Sandbox
from tests.onboarding.sandbox.conftest import PDF, PERSON, PNG, Caller, business, individual, wait_for


def made(caller: Caller, body: dict[str, Any]) -> str:
    user_id: str = caller.create(body).json()["id"]
    return user_id


def test_an_empty_update_changes_nothing(still: Caller) -> None:
    answer = still.put(made(still, individual()), {})
    assert answer.status_code == 200
    assert answer.json()["updated_fields"] == []
    assert answer.json()["requires_reverification"] is False
    assert answer.json()["verification_triggered"] is False


def test_only_what_changed_is_named(still: Caller) -> None:
    user_id = made(still, individual())
    body = {"occupation": "Port agent", "first_name": "Priya", "address_street": "2 Quay"}
    answer = still.put(user_id, body).json()
    assert answer["updated_fields"] == ["occupation", "address_street"]
    assert answer["requires_reverification"] is True
    assert answer["residential_address"]["street_line_1"] == "2 Quay"
    assert answer["residential_address"]["city"] == "Portland"


def test_the_last_missing_answer_starts_verification(still: Caller) -> None:
    user_id = made(still, individual(occupation=None, pep_status=None))
    assert still.put(user_id, {"occupation": "Port agent"}).json()["verification_triggered"] is False
    answer = still.put(user_id, {"pep_status": False}).json()
    assert answer["updated_fields"] == ["pep_status"]
    assert answer["requires_reverification"] is False
    assert answer["verification_triggered"] is True
    assert still.put(user_id, {"occupation": "Harbour master"}).json()["verification_triggered"] is False


@pytest.mark.parametrize(
    "member",
    ["type", "external_id", "residential_address", "phone_number", "company_name", "ein", "colour"],
)
def test_members_an_update_does_not_know_are_refused(still: Caller, member: str) -> None:
    answer = still.put(made(still, individual()), {member: "x"})
    assert answer.status_code == 400
    assert answer.json()["details"] == [
        {"path": "", "message": f"Unrecognized key(s) in object: '{member}'", "code": "unrecognized_keys"}
    ]


def test_create_only_members_of_a_business_are_refused(still: Caller) -> None:
    user_id = made(still, business())
    for member in (
        "business_trade_name",
        "has_material_intermediary_ownership",
        "representative_date_of_birth",
    ):
        assert still.put(user_id, {member: "x"}).status_code == 400


def test_metadata_is_merged_key_by_key(still: Caller) -> None:
    answer = still.put(made(still, individual()), {"metadata": {"desk": "7"}}).json()
    assert answer["metadata"] == {"branch": "west", "desk": "7"}
    assert answer["updated_fields"] == ["metadata"]


def test_an_entry_is_matched_by_type_and_keeps_its_files(still: Caller) -> None:
    user_id = made(still, individual())
    sent = [{"type": "passport", "issuing_country": "USA", "number": "Y777"}]
    answer = still.put(user_id, {"identifying_information": sent}).json()
    passport = answer["identifying_information"][1]
    assert (passport["number"], [file["type"] for file in passport["documents"]]) == ("Y777", ["front"])
    assert len(answer["identifying_information"]) == 3


def test_a_file_sent_again_is_no_change(still: Caller) -> None:
    user_id = made(still, individual())
    entry = individual()["identifying_information"][1]
    assert still.put(user_id, {"identifying_information": [entry]}).json()["updated_fields"] == []
    entry["documents"] = [{"type": "front", "file": PDF}]
    answer = still.put(user_id, {"identifying_information": [entry]}).json()
    assert answer["updated_fields"] == ["identifying_information"]
    assert [file["content_type"] for file in answer["identifying_information"][1]["documents"]] == [
        "application/pdf"
    ]


def test_people_are_matched_by_email_and_never_leave(still: Caller) -> None:
    user_id = made(still, business())
    known = {
        "first_name": "Tomas",
        "last_name": "Aguirre",
        "email": "TOMAS.aguirre@example.com",
        "title": "CEO",
    }
    added = {"first_name": "Ana", "last_name": "Invented", "email": "ana@example.com"}
    people = still.put(user_id, {"associated_persons": [known, added]}).json()["associated_persons"]
    assert [person["first_name"] for person in people] == ["Ana", "Tomas"]
    assert people[1]["title"] == "CEO"
    assert people[1]["identifying_information"][0]["number"] == "IDMEX0099887766"
    assert len(still.put(user_id, {"associated_persons": []}).json()["associated_persons"]) == 2


def test_a_required_member_cannot_be_emptied(still: Caller) -> None:
    answer = still.put(made(still, individual()), {"email": None})
    assert answer.json()["details"] == [
        {"path": "email", "message": "Expected string, received null", "code": "invalid_type"}
    ]


@pytest.mark.parametrize("member", ["email", "phone"])
def test_somebody_elses_contact_conflicts(still: Caller, member: str) -> None:
    made(still, individual())
    other = made(still, individual(email="other@example.com", phone="+12025550111"))
    taken = {"email": "priya.nakamura@example.com", "phone": "+12025550142"}[member]
    answer = still.put(other, {member: taken})
    assert (answer.status_code, answer.json()["code"]) == (409, "resource_conflict")
    still.toggle(unique_contacts_on_put=False)
    assert still.put(other, {member: taken}).status_code == 200


def test_a_verified_user_is_locked(caller: Caller) -> None:
    user_id = made(caller, individual())
    wait_for(lambda: caller.status(user_id) == "VERIFIED")
    answer = caller.put(user_id, {"occupation": "Port agent"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_a_verified_user_is_verified_again_when_the_lock_is_off(caller: Caller) -> None:
    user_id = made(caller, individual())
    wait_for(lambda: caller.status(user_id) == "VERIFIED")
    caller.toggle(lock_verified=False, outcome="hold")
    assert caller.put(user_id, {"occupation": "Port agent"}).json()["verification_triggered"] is False
    answer = caller.put(user_id, {"last_name": "Nakamura-Lee"}).json()
    assert answer["requires_reverification"] is True
    assert answer["verification_triggered"] is True
    wait_for(lambda: caller.status(user_id) == "VERIFYING")


def test_a_rejected_user_needs_a_sensitive_change_to_try_again(caller: Caller) -> None:
    body = individual()
    body["identifying_information"][0]["number"] = "000-11-1111"
    user_id = made(caller, body)
    wait_for(lambda: caller.status(user_id) == "REJECTED")
    assert caller.put(user_id, {"occupation": "Port agent"}).json()["verification_triggered"] is False
    better = [{"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"}]
    assert caller.put(user_id, {"identifying_information": better}).json()["verification_triggered"] is True
    wait_for(lambda: caller.status(user_id) == "VERIFIED")


def test_a_missing_file_is_closed_by_its_entry(still: Caller) -> None:
    person = copy.deepcopy(PERSON)
    person["identifying_information"] = []
    user_id = made(still, business(associated_persons=[person]))
    missing = still.read(user_id)["missing_fields"]["usa-virtual-accounts"]
    assert "associated_persons:identifying_information:front" in missing
    person["identifying_information"] = [
        {"type": "passport", "issuing_country": "MEX", "documents": [{"type": "front", "file": PNG}]}
    ]
    answer = still.put(user_id, {"associated_persons": [person]}).json()
    assert answer["verification_triggered"] is True
    assert answer["missing_fields"]["usa-virtual-accounts"] == [
        "identifying_information:file_source_of_wealth"
    ]


def test_an_update_of_an_unknown_user_is_not_found(still: Caller, still_sandbox: Sandbox) -> None:
    unknown = "99999999-0000-4000-8000-000000000000"
    assert still.put(unknown, {}).status_code == 404
    assert still.put("x", {}).status_code == 400
