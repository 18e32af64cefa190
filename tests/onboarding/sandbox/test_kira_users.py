"""Creating, reading and listing users, and the promise of the idempotency key."""

import base64
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.onboarding.sandbox.conftest import PNG, Caller, business, individual


def details(answer: Any) -> list[tuple[str, str, str]]:
    assert answer.status_code == 400
    assert answer.json()["error"] == "Invalid request data"
    return [(each["path"], each["message"], each["code"]) for each in answer.json()["details"]]


def test_create_answers_the_user_with_status_created(still: Caller) -> None:
    answer = still.create(individual(middle_name="June", address_street_2="Unit 9"))
    user = answer.json()
    assert answer.status_code == 201
    assert str(uuid.UUID(user["id"])) == user["id"]
    assert (user["status"], user["verification_status"]) == ("CREATED", "unverified")
    assert user["verification_mode"] == "automatic"
    assert user["verification_triggered"] is True
    assert user["metadata"] == {"branch": "west"}
    assert user["residential_address"] == {
        "street_line_1": "18 Harbour Lane",
        "street_line_2": "Unit 9",
        "city": "Portland",
        "subdivision": "OR",
        "postal_code": "97205",
        "country": "USA",
    }
    assert user["created_at"].endswith("Z")


def test_a_file_leaves_its_kind_and_a_link_but_never_itself(still: Caller) -> None:
    created = still.create(individual()).json()
    shown = created["identifying_information"][1]["documents"][0]
    assert set(shown) == {"type", "file_name", "uploaded_at", "content_type", "file"}
    assert shown["content_type"] == "image/png"
    read = still.read(created["id"])["identifying_information"][1]["documents"][0]
    assert "file" not in read
    held = still.control("GET", "users")[0]["entries"][1]["documents"][0]
    assert (held["size"], len(held["sha256"])) == (25, 64)
    assert PNG not in str(held)


def test_read_shows_no_trigger_and_no_company_answers(still: Caller) -> None:
    user = still.read(still.create(business()).json()["id"])
    assert "verification_triggered" not in user
    assert not {"business_industry", "account_purpose", "document_number", "pep_status"} & set(user)
    assert user["registered_address"]["city"] == "Portland"
    assert user["associated_persons"][0]["email"] == "tomas.aguirre@example.com"


def test_the_discriminator_fails_alone(still: Caller) -> None:
    message = "Invalid discriminator value. Expected 'individual' | 'business'"
    assert details(still.create({"type": "trust"})) == [("type", message, "invalid_union_discriminator")]
    assert details(still.create({})) == [("type", message, "invalid_union_discriminator")]


def test_everything_wrong_is_told_at_once(still: Caller) -> None:
    body = individual(first_name=None, pep_status="no", gender="x", metadata={"vip": True})
    body["identifying_information"] = [{"type": "passport"}]
    found = details(still.create(body))
    assert ("first_name", "Required", "invalid_type") in found
    assert ("pep_status", "Expected boolean, received string", "invalid_type") in found
    enum = "Invalid enum value. Expected 'male' | 'female' | 'other', received 'x'"
    assert ("gender", enum, "invalid_enum_value") in found
    assert ("metadata.vip", "Expected string, received boolean", "invalid_type") in found
    assert ("identifying_information.0.issuing_country", "Required", "invalid_type") in found
    assert len(found) == 5


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"email": "nobody"}, "email"),
        ({"phone": "0202 555"}, "phone"),
        ({"birth_date": "1987-02-30"}, "birth_date"),
        ({"birth_date": "2020-01-01"}, "birth_date"),
        ({"nationality": "XXX"}, "nationality"),
        ({"source_of_funds": "company_funds"}, "source_of_funds"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri"),
        ({"first_name": ""}, "first_name"),
    ],
)
def test_a_value_out_of_form_is_refused_at_its_path(
    still: Caller, changes: dict[str, Any], path: str
) -> None:
    assert [found[0] for found in details(still.create(individual(**changes)))] == [path]


@pytest.mark.parametrize(
    "file",
    [
        "https://files.example.com/front.png",
        "data:image/gif;base64,AAAA",
        "data:image/png;base64,",
        "data:image/png;base64,AA=A",
        "data:image/png;base64,A A A A",
    ],
)
def test_only_a_base64_data_uri_is_a_file(still: Caller, file: str) -> None:
    entry = {"type": "passport", "issuing_country": "USA", "documents": [{"type": "front", "file": file}]}
    found = details(still.create(individual(identifying_information=[entry])))
    assert [each[0] for each in found] == ["identifying_information.0.documents.0.file"]


def test_a_file_over_ten_megabytes_is_refused(still: Caller) -> None:
    still.toggle(body_limit=False)
    file = "data:application/pdf;base64," + base64.b64encode(bytes(10 * 1024 * 1024 + 1)).decode()
    entry = {"type": "passport", "issuing_country": "USA", "documents": [{"type": "front", "file": file}]}
    found = details(still.create(individual(identifying_information=[entry])))
    assert [each[2] for each in found] == ["too_big"]


def test_a_business_names_its_industries_in_a_list(still: Caller) -> None:
    found = details(still.create(business(business_industry="utilities")))
    assert found == [("business_industry", "Expected array, received string", "invalid_type")]


def test_unknown_and_server_owned_members_are_dropped(still: Caller) -> None:
    answer = still.create(
        individual(id="mine", verification_status="verified", status="active", colour="red")
    )
    assert answer.status_code == 201
    assert answer.json()["status"] == "CREATED"
    assert answer.json()["id"] != "mine"
    assert "colour" not in answer.json()


def test_older_spellings_are_understood(still: Caller) -> None:
    flat = ("address_street", "address_city", "address_state", "address_zip_code", "address_country", "phone")
    body = individual(**dict.fromkeys(flat))
    body["phone_number"] = "+12025550177"
    body["address_city"] = "Salem"
    body["residential_address"] = {
        "street_line_1": "1 Old Road",
        "city": "Bend",
        "subdivision": "OR",
        "postal_code": "97701",
        "country": "US",
    }
    user = still.create(body).json()
    assert user["phone"] == "+12025550177"
    assert user["residential_address"]["street_line_1"] == "1 Old Road"
    assert user["residential_address"]["city"] == "Salem"
    assert user["residential_address"]["country"] == "US"
    assert user["verification_triggered"] is True


def test_countries_are_echoed_with_three_letters_when_asked(still: Caller) -> None:
    still.toggle(echo_countries="alpha3")
    user = still.create(individual(address_country="US")).json()
    assert user["residential_address"]["country"] == "USA"


def test_a_social_security_number_at_the_top_becomes_an_entry(still: Caller) -> None:
    body = individual(ssn="000-12-9999")
    body["identifying_information"] = body["identifying_information"][1:]
    user = still.create(body).json()
    assert user["verification_triggered"] is True
    numbers = [entry.get("number") for entry in user["identifying_information"] if entry["type"] == "ssn"]
    assert numbers == ["000-12-9999"]
    assert "ssn" not in user["metadata"]


@pytest.mark.parametrize("raw", [b"", b"{", b'{"type": NaN}', b'"\\ud800"', b"\xff", b"[" * 100_000])
def test_a_body_that_is_no_json_is_a_400(still: Caller, raw: bytes) -> None:
    headers = {"idempotency-key": str(uuid.uuid4())}
    assert still.call("POST", "/v1/users", data=raw, headers=headers).status_code == 400


def test_a_body_over_ten_megabytes_is_refused(still: Caller) -> None:
    raw = b"{" + b" " * (10 * 1024 * 1024) + b"}"
    headers = {"idempotency-key": str(uuid.uuid4())}
    answer = still.call("POST", "/v1/users", data=raw, headers=headers)
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})
    still.toggle(body_limit=False)
    assert still.call("POST", "/v1/users", data=raw, headers=headers).status_code == 400


def test_the_key_is_required_and_a_uuid(still: Caller) -> None:
    missing = still.call("POST", "/v1/users", json=individual())
    assert details(missing) == [("idempotency-key", "Required", "invalid_type")]
    malformed = still.create(individual(), key="user-123")
    assert details(malformed) == [("idempotency-key", "Invalid uuid", "invalid_string")]


def test_the_same_key_and_body_answer_the_user_as_it_is_now(still: Caller) -> None:
    key = str(uuid.uuid4())
    first = still.create(individual(), key)
    still.put(first.json()["id"], {"first_name": "Pria"})
    again = still.create(dict(reversed(individual().items())), key.upper())
    assert again.status_code == 200
    assert again.json()["id"] == first.json()["id"]
    assert again.json()["first_name"] == "Pria"
    assert again.json()["verification_triggered"] is True


def test_the_same_key_with_another_body_conflicts(still: Caller) -> None:
    key = str(uuid.uuid4())
    still.create(individual(), key)
    answer = still.create(individual(first_name="Pria"), key)
    assert answer.status_code == 409
    assert answer.json() == {
        "code": "idempotency_key_reused",
        "message": "Idempotency key has already been used with different request data",
    }


def test_a_refused_call_does_not_use_up_its_key(still: Caller) -> None:
    key = str(uuid.uuid4())
    assert still.create(individual(gender="x"), key).status_code == 400
    assert still.create(individual(), key).status_code == 201


def test_a_refused_call_burns_its_key_when_switched_on(still: Caller) -> None:
    still.toggle(burn_key_on_400=True)
    key = str(uuid.uuid4())
    assert still.create(individual(gender="x"), key).status_code == 400
    answer = still.create(individual(), key)
    assert answer.status_code == 400
    assert answer.json() == {"code": "validation_error", "message": "Failed to store idempotency key"}


def test_a_key_is_forgotten_after_a_day(still: Caller) -> None:
    key = str(uuid.uuid4())
    first = still.create(individual(), key).json()["id"]
    still.control("POST", "advance", {"seconds": 86401})
    second = still.log_in().create(individual(), key)
    assert second.status_code == 201
    assert second.json()["id"] != first


def test_simultaneous_first_uses_make_one_user(still: Caller) -> None:
    key = str(uuid.uuid4())

    def send(_: int) -> tuple[int, str]:
        answer = Caller(still.root).log_in().create(individual(), key)
        return answer.status_code, answer.json()["id"]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(send, range(16)))
    assert sorted(status for status, _ in answers) == [200] * 15 + [201]
    assert len({user_id for _, user_id in answers}) == 1
    assert len(still.control("GET", "users")) == 1


def test_reading_needs_a_uuid_that_exists(still: Caller) -> None:
    malformed = still.call("GET", "/v1/users/nobody")
    assert details(malformed)[0][1:] == ("Invalid uuid", "invalid_string")
    unknown = str(uuid.uuid4())
    answer = still.call("GET", f"/v1/users/{unknown}")
    assert answer.status_code == 404
    assert answer.json() == {"code": "not_found", "message": f"User with ID {unknown} not found"}


def test_the_list_is_newest_first_in_pages(still: Caller) -> None:
    ids = [still.create(individual(email=f"person{n}@example.com")).json()["id"] for n in range(5)]
    page = still.call("GET", "/v1/users", params={"limit": 2, "offset": 1}).json()
    assert [user["id"] for user in page["data"]] == [ids[3], ids[2]]
    assert page["pagination"] == {"total": 5, "limit": 2, "offset": 1, "has_more": True}
    assert "eligible_products" not in page["data"][0]
    past = still.call("GET", "/v1/users", params={"offset": 50}).json()
    assert (past["data"], past["pagination"]["has_more"]) == ([], False)


def test_the_list_is_filtered(still: Caller) -> None:
    person = still.create(individual()).json()
    company = still.create(business()).json()

    def ids(**query: str) -> list[str]:
        return [user["id"] for user in still.call("GET", "/v1/users", params=query).json()["data"]]

    assert ids(type="business") == [company["id"]]
    assert ids(email="Priya.Nakamura@example.com") == [person["id"]]
    assert ids(status="CREATED") == [company["id"], person["id"]]
    assert ids(status="ACTIVE") == []
    assert ids(verification_status="VERIFIED") == []
    assert ids(created_after="2020-01-01T00:00:00Z", type="individual") == [person["id"]]
    assert ids(created_before="2020-01-01") == []


def test_a_page_over_one_hundred_crashes_as_the_original_does(still: Caller) -> None:
    answer = still.call("GET", "/v1/users", params={"limit": 101})
    assert answer.status_code == 500
    assert answer.json() == {"status": "error", "message": "Internal server error"}
    still.toggle(limit_over_100="refuse")
    assert details(still.call("GET", "/v1/users", params={"limit": 101}))[0][0] == "limit"


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "x"}, {"offset": "-1"}, {"status": "created"}])
def test_a_broken_query_is_refused(still: Caller, query: dict[str, str]) -> None:
    assert [found[0] for found in details(still.call("GET", "/v1/users", params=query))] == list(query)


def test_individuals_can_be_switched_off(still: Caller) -> None:
    still.toggle(business_only=True)
    answer = still.create(individual())
    assert (answer.status_code, answer.json()["code"]) == (400, "business_only")
    assert still.create(business()).status_code == 201


def test_the_older_answer_folds_facts_into_metadata(still: Caller) -> None:
    still.toggle(fold_metadata=True, triggered_in_get=True)
    user = still.read(still.create(individual(external_id="case-000417")).json()["id"])
    assert user["metadata"]["ssn"] == "000-12-3456"
    assert user["metadata"]["external_id"] == "case-000417"
    assert user["metadata"]["branch"] == "west"
    assert user["verification_triggered"] is True
