"""`PUT /v1/users/{userId}` (contract section 2.6)."""

import pytest

from onboarding.models import AssociatedPerson, EndUser
from tests.onboarding.api.conftest import business, complete_individual, data_uri, details, individual


@pytest.fixture
def user_id(app):
    return app.create(individual())["id"]


def test_only_what_is_sent_is_written(app, user_id):
    answer = app.put(f"/v1/users/{user_id}", {"occupation": "Port agent", "address_country": "US"})
    assert answer.status_code == 200
    body = answer.json()
    assert sorted(body["updated_fields"]) == ["address_country", "occupation"]
    assert body["requires_reverification"] is True
    assert body["verification_triggered"] is False
    assert body["warnings"] == []
    assert body["first_name"] == "Priya"
    assert body["residential_address"]["country"] == "USA"


def test_an_empty_object_changes_nothing(app, user_id):
    body = app.put(f"/v1/users/{user_id}", {}).json()
    assert (body["updated_fields"], body["requires_reverification"]) == ([], False)


def test_the_last_missing_answer_triggers_verification(app):
    whole = complete_individual()
    occupation = whole.pop("occupation")
    created = app.create(whole)
    assert created["verification_triggered"] is False
    body = app.put(f"/v1/users/{created['id']}", {"occupation": occupation}).json()
    assert body["verification_triggered"] is True
    assert body["requires_reverification"] is False


def test_metadata_is_merged(app):
    user_id = app.create(individual(metadata={"a": "1", "b": "2"}))["id"]
    body = app.put(f"/v1/users/{user_id}", {"metadata": {"b": "3", "c": "4"}}).json()
    assert body["metadata"] == {"a": "1", "b": "3", "c": "4"}
    assert body["updated_fields"] == ["metadata"]


def test_null_takes_an_answer_back(app):
    user_id = app.create(individual(phone="+12025550142"))["id"]
    assert app.put(f"/v1/users/{user_id}", {"phone": None}).json()["phone"] is None
    assert details(app.put(f"/v1/users/{user_id}", {"email": None}))["email"][1] == "invalid_type"


@pytest.mark.parametrize(
    "member",
    [
        "type",
        "external_id",
        "business_trade_name",
        "has_material_intermediary_ownership",
        "residential_address",
        "registered_address",
        "representative_date_of_birth",
        "phone_number",
        "country",
        "id",
        "status",
        "verification_status",
        "partners",
        "client",
        "nonsense",
    ],
)
def test_members_a_change_does_not_know_are_refused(app, user_id, member):
    answer = app.put(f"/v1/users/{user_id}", {member: "x", "occupation": "Port agent"})
    assert details(answer) == {"": (f"Unrecognized key(s) in object: '{member}'", "unrecognized_keys")}
    assert EndUser.objects.get().individual.occupation is None


def test_unknown_members_of_nested_objects_are_refused_too(app, user_id):
    entry = {"type": "ssn", "issuing_country": "USA", "numbers": "1"}
    found = details(app.put(f"/v1/users/{user_id}", {"identifying_information": [entry]}))
    assert found["identifying_information.0"][1] == "unrecognized_keys"


def test_members_of_the_other_type_are_unknown(app, user_id):
    business_id = app.create(business())["id"]
    assert details(app.put(f"/v1/users/{user_id}", {"business_type": "trust"}))[""][1] == "unrecognized_keys"
    assert details(app.put(f"/v1/users/{business_id}", {"gender": "male"}))[""][1] == "unrecognized_keys"
    assert app.put(f"/v1/users/{business_id}", {"business_type": "llc"}).status_code == 200


def test_people_are_matched_by_e_mail_and_never_removed(app):
    people = [{"first_name": "Ana", "last_name": "Luz", "email": "ana@example.com"}]
    user_id = app.create(business(associated_persons=people))["id"]
    changed = [
        {"first_name": "Ana", "last_name": "Luz", "email": "ana@example.com", "title": "CFO"},
        {"first_name": "Tomas", "last_name": "Aguirre"},
    ]
    body = app.put(f"/v1/users/{user_id}", {"associated_persons": changed}).json()
    assert body["updated_fields"] == ["associated_persons"]
    assert [person["first_name"] for person in body["associated_persons"]] == ["Tomas", "Ana"]
    assert AssociatedPerson.objects.get(first_name="Ana").title == "CFO"


def test_files_come_with_a_change(app, user_id):
    entry = {
        "type": "passport",
        "issuing_country": "USA",
        "documents": [{"type": "front", "file": data_uri()}],
    }
    body = app.put(f"/v1/users/{user_id}", {"identifying_information": [entry]}).json()
    assert body["updated_fields"] == ["identifying_information"]
    assert body["identifying_information"][0]["documents"][0]["type"] == "front"


def test_a_verified_user_is_locked(app, user_id):
    EndUser.objects.update(status="VERIFIED")
    answer = app.put(f"/v1/users/{user_id}", {"occupation": "Port agent"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_e_mail_in_use_collides(app, other_app, user_id):
    app.create(individual(email="taken@example.com"))
    other_app.create(individual(email="elsewhere@example.com"))
    answer = app.put(f"/v1/users/{user_id}", {"email": "taken@example.com"})
    assert (answer.status_code, answer.json()["code"]) == (409, "resource_conflict")
    assert app.put(f"/v1/users/{user_id}", {"email": "elsewhere@example.com"}).status_code == 200
