"""`POST /v1/users`: what is taken, what is refused, and in which words (contract sections 1.7, 2.1 to 2.3, 3)."""

import json
from decimal import Decimal
from time import perf_counter
from typing import Any

import pytest
import time_machine

from documents.models import Document
from onboarding.api.serializers.end_users import read_create
from onboarding.intake_values import BUSINESS_INDUSTRIES
from onboarding.models import Address, AssociatedPerson, EndUser, Identification
from tests.onboarding.api.conftest import (
    business,
    complete_individual,
    data_uri,
    details,
    individual,
    picture,
)


def test_a_complete_individual_is_taken_in_and_triggers_verification(app):
    body = app.create(complete_individual())
    assert body["status"] == "CREATED"
    assert body["verification_status"] == "unverified"
    assert body["verification_triggered"] is True
    assert body["metadata"] == {"branch": "west"}
    assert body["residential_address"] == {
        "street_line_1": "18 Harbour Lane",
        "street_line_2": "Unit 9",
        "city": "Portland",
        "subdivision": "OR",
        "postal_code": "97205",
        "country": "USA",
    }
    assert body["created_at"].endswith("Z")
    assert len(body["created_at"]) == len("2026-03-02T14:05:09.120Z")
    assert {product["eligible"] for product in body["eligible_products"]} == {False}


def test_the_smallest_individual_is_taken_in_without_verification(app):
    body = app.create(individual())
    assert body["verification_triggered"] is False
    assert body["missing_fields"]
    assert body["residential_address"] == dict.fromkeys(body["residential_address"], "")


def test_numbers_come_back_masked_and_files_not_at_all(app):
    body = app.create(complete_individual())
    text = json.dumps(body)
    assert [entry["number"] for entry in body["identifying_information"] if "number" in entry] == [
        "*******3456",
        "*****2000",
    ]
    assert "000-12-3456" not in text
    assert "base64" not in text
    document = body["identifying_information"][1]["documents"][0]
    assert (document["type"], document["content_type"], document["status"]) == (
        "front",
        "image/png",
        "RECEIVED",
    )
    assert document["sha256"] == Document.objects.get(pk=document["id"]).sha256


def test_a_business_is_taken_in_with_its_people(app):
    front = [{"type": "front", "file": data_uri()}]
    body = app.create(
        business(
            business_industry=["utilities", "hospitals"],
            address_country="MX",
            rfc="FSC160912AB3",
            has_material_intermediary_ownership=False,
            expected_monthly_volume="50000_to_100000",
            transaction_countries=["US", "MEX"],
            physical_address={"street_line_1": "Malecon 410", "country": "MX"},
            associated_persons=[
                {
                    "first_name": "Tomas",
                    "last_name": "Aguirre",
                    "email": "tomas@example.com",
                    "ownership_percentage": 66.67,
                    "has_ownership": True,
                    "ssn": "000-12-3456",
                    "identifying_information": [
                        {"type": "passport", "issuing_country": "MX", "number": "G1", "documents": front}
                    ],
                },
                {"first_name": "Ana", "last_name": "Luz", "ownership_percentage": 33.33},
            ],
            identifying_information=[{"type": "nit", "issuing_country": "COL", "number": "900-1"}],
        )
    )
    assert body["registered_address"]["country"] == "MEX"
    assert [person["first_name"] for person in body["associated_persons"]] == ["Tomas", "Ana"]
    assert [person["ownership_percentage"] for person in body["associated_persons"]] == [66.67, 33.33]
    assert AssociatedPerson.objects.get(first_name="Tomas").ownership_percentage == Decimal("66.67")
    assert "000-12-3456" not in json.dumps(body)
    newer: Any = EndUser.objects.get().business.newer_answers
    assert newer["transaction_countries"] == ["USA", "MEX"]


def test_the_quick_example_of_the_first_revision_is_understood(app):
    body = app.create(
        {
            "type": "individual",
            "email": "john@example.com",
            "phone_number": "+1234567890",
            "first_name": "John",
            "last_name": "Doe",
            "country": "US",
        }
    )
    assert body["phone"] == "+1234567890"
    assert body["residential_address"]["country"] == "USA"


def test_current_names_win_over_older_ones(app):
    body = app.create(
        individual(
            phone="+12025550142",
            phone_number="+12025550199",
            address_city="Portland",
            residential_address={"city": "Salem", "subdivision": "OR", "country": "US"},
        )
    )
    assert body["phone"] == "+12025550142"
    assert (body["residential_address"]["city"], body["residential_address"]["subdivision"]) == (
        "Portland",
        "OR",
    )


def test_top_level_ssn_becomes_an_entry(app):
    app.create(individual(ssn="000-12-3456"))
    entry = Identification.objects.get()
    assert (entry.type, entry.issuing_country, entry.number) == ("SSN", "USA", "000-12-3456")


def test_loose_documents_find_their_entries(app):
    body = app.create(
        individual(
            document_type="passport",
            document_number="X1",
            document_country="US",
            documents=[
                {"type": "front", "file": data_uri()},
                {"type": "file_proof_of_address", "file": data_uri()},
            ],
        )
    )
    assert [
        (entry["type"], entry["issuing_country"], [d["type"] for d in entry["documents"]])
        for entry in body["identifying_information"]
    ] == [("passport", "USA", ["front"]), ("proof_of_address", "USA", ["file_proof_of_address"])]


def test_a_loose_document_without_a_home_is_named(app):
    answer = app.post("/v1/users", individual(documents=[{"type": "front", "file": data_uri()}]))
    assert details(answer) == {
        "documents.0": ("No entry of identifying_information holds this document", "custom")
    }


def test_unknown_and_server_owned_members_are_dropped(app):
    body = app.create(
        individual(
            id="5b0d6a7e-3f0c-4c58-9c1e-0d2f4b8a6e11",
            status="VERIFIED",
            verification_status="verified",
            verification_triggered=True,
            eligible_products=[{"eligible": True}],
            client="someone",
            lifecycle="CLOSED",
            nonsense={"deep": [1]},
        )
    )
    assert body["id"] != "5b0d6a7e-3f0c-4c58-9c1e-0d2f4b8a6e11"
    assert (body["status"], body["verification_triggered"]) == ("CREATED", False)
    assert EndUser.objects.get().lifecycle == "ACTIVE"


def test_null_means_not_told(app):
    optional = dict.fromkeys(
        (
            "phone",
            "birth_date",
            "gender",
            "metadata",
            "pep_status",
            "identifying_information",
            "additional_info",
            "trading_address",
            "tags",
            "partners",
            "external_id",
            "address_country",
            "source_of_funds",
        )
    )
    body = app.create(individual(**optional))
    assert (body["phone"], body["metadata"], body["tags"]) == (None, {}, [])


@pytest.mark.parametrize("type_", [None, "person", "", 5, [], "INDIVIDUAL"])
def test_the_discriminator_is_judged_first_and_alone(app, type_):
    answer = app.post("/v1/users", {"type": type_, "email": 5})
    assert details(answer) == {
        "type": (
            "Invalid discriminator value. Expected 'individual' | 'business'",
            "invalid_union_discriminator",
        )
    }


@pytest.mark.parametrize("body", [[], "x", 5, None])
def test_a_body_that_is_no_object_is_refused(app, body):
    raw = json.dumps(body).encode()
    assert next(iter(details(app.post("/v1/users", raw)).values()))[1] == "invalid_type"


def test_everything_wrong_is_told_at_once_in_the_contracts_words(app):
    answer = app.post(
        "/v1/users",
        {
            "type": "individual",
            "first_name": "",
            "email": "nobody",
            "phone": "12345",
            "gender": "m",
            "pep_status": "yes",
            "identifying_information": [
                {"type": "passport"},
                {"type": "library_card", "issuing_country": "USA", "documents": "x"},
            ],
            "metadata": {"latency_probe": True},
            "birth_date": "1990-02-30",
            "address_country": "XX",
        },
    )
    found = details(answer)
    assert found["last_name"] == ("Required", "invalid_type")
    assert found["first_name"] == ("String must contain at least 1 character(s)", "too_small")
    assert found["email"] == ("Invalid email", "invalid_string")
    assert found["gender"] == (
        "Invalid enum value. Expected 'male' | 'female' | 'other', received 'm'",
        "invalid_enum_value",
    )
    assert found["pep_status"] == ("Expected boolean, received string", "invalid_type")
    assert found["identifying_information.0.issuing_country"] == ("Required", "invalid_type")
    assert found["identifying_information.1.type"][1] == "invalid_enum_value"
    assert found["identifying_information.1.documents"] == ("Expected array, received string", "invalid_type")
    assert found["metadata.latency_probe"] == ("Expected string, received boolean", "invalid_type")
    assert found["birth_date"] == ("Invalid date", "invalid_string")
    assert {"phone", "address_country"} <= set(found)
    assert not EndUser.objects.exists()


@pytest.mark.parametrize("industry", BUSINESS_INDUSTRIES)
def test_every_industry_is_known(industry):
    assert read_create(business(business_industry=[industry]))["business_industry"] == [industry]


def test_a_bare_industry_is_no_list(app):
    answer = app.post("/v1/users", business(business_industry="utilities"))
    assert details(answer) == {"business_industry": ("Expected array, received string", "invalid_type")}


def test_company_name_is_not_a_legal_name(app):
    answer = app.post("/v1/users", {"type": "business", "company_name": "X", "email": "a@example.com"})
    assert details(answer) == {"business_legal_name": ("Required", "invalid_type")}


@pytest.mark.parametrize(
    ("shares", "path", "message"),
    [
        ([101], "associated_persons.0.ownership_percentage", "Number must be less than or equal to 100"),
        ([-1], "associated_persons.0.ownership_percentage", "Number must be greater than or equal to 0"),
        (["50"], "associated_persons.0.ownership_percentage", "Expected number, received string"),
        ([True], "associated_persons.0.ownership_percentage", "Expected number, received boolean"),
        ([0.00000001], "associated_persons.0.ownership_percentage", "Number must have at most 6 decimals"),
        (
            [60, 40.000001],
            "associated_persons",
            "The shares of all associated persons add up to more than 100",
        ),
    ],
)
def test_shares_are_shares(app, shares, path, message):
    people = [{"first_name": "A", "last_name": "B", "ownership_percentage": share} for share in shares]
    assert details(app.post("/v1/users", business(associated_persons=people)))[path][0] == message


@time_machine.travel("2026-02-28T12:00:00Z", tick=False)
@pytest.mark.parametrize(
    ("born", "message"),
    [
        ("2008-02-28", None),
        ("2008-02-29", "User must be at least 18 years old"),
        ("2008-03-01", "User must be at least 18 years old"),
        ("1900-01-01", None),
        ("1899-12-31", "Date must be on or after 1900-01-01"),
        ("2026-03-01", "Date must not be in the future"),
        ("0000-01-01", "Invalid date"),
        ("2001-02-29", "Invalid date"),
        ("2000-2-9", "Invalid date"),
        ("2000-02-29T00:00:00Z", "Invalid date"),
        ("20000229", "Invalid date"),
        ("２０００-02-29", "Invalid date"),
    ],
)
def test_birth_dates(app, born, message):
    answer = app.post("/v1/users", individual(birth_date=born))
    if message is None:
        assert answer.status_code == 201
    else:
        assert details(answer)["birth_date"][0] == message


@pytest.mark.parametrize("answer", ["yes", "YES", "Yes"])
def test_yes_and_no_come_in_any_case(app, answer):
    app.create(individual(additional_info={"has_us_bank_account": answer, "unknown": 5}))
    assert EndUser.objects.get().additional_info == {"has_us_bank_account": "Yes"}


def test_names_are_kept_byte_for_byte(app):
    body = app.create(individual(first_name=" A\u030angstrom-نیلو\u200cفر ", last_name="O'Brien 李"))
    assert (body["first_name"], body["last_name"]) == (" A\u030angstrom-نیلو\u200cفر ", "O'Brien 李")


@pytest.mark.parametrize("name", ["evil\u202egnp.exe", "nul\x00", "bell\x07", "\ud800"])
def test_names_that_deceive_are_refused_with_their_path(app, name):
    assert set(details(app.post("/v1/users", individual(first_name=name)))) == {"first_name"}


def test_ours_are_taken(app):
    body = app.create(
        business(
            partners=["kira"],
            trading_address={"street_line_1": "Dock 4", "country": "us"},
            sector="logistics",
            tags=["priority"],
            partner_answers={"kira": {}},
        )
    )
    assert (body["partners"], body["sector"], body["tags"]) == (["kira"], "logistics", ["priority"])
    assert body["trading_address"]["street_line_1"] == "Dock 4"
    assert Address.objects.get(kind="TRADING").country == "USA"


@pytest.mark.parametrize(
    ("changes", "path", "code"),
    [
        ({"partners": ["nobody"]}, "partners.0", "invalid_enum_value"),
        ({"partners": []}, "partners", "too_small"),
        ({"partner_answers": {"nobody": {}}}, "partner_answers", "unrecognized_keys"),
        ({"partner_answers": {"kira": {"x": 1}}}, "partner_answers.kira", "unrecognized_keys"),
        ({"redirect_uri": "javascript:alert(1)"}, "redirect_uri", "invalid_string"),
        ({"redirect_uri": "https://user:pass@example.com"}, "redirect_uri", "invalid_string"),
        ({"verification_mode": "manual"}, "verification_mode", "invalid_enum_value"),
        ({"first_name": "x" * 256}, "first_name", "too_big"),
        ({"first_name": None}, "first_name", "invalid_type"),
        ({"first_name": "two\nlines"}, "first_name", "custom"),
    ],
)
def test_other_refusals(app, changes, path, code):
    assert details(app.post("/v1/users", individual(**changes)))[path][1] == code


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("https://example.com/passport.png", "The file must be given as data:<type>;base64,<data>."),
        (data_uri(picture("JPEG"), "image/png"), "The content of the file is not PNG."),
        (data_uri(b"MZ not a picture"), "The content of the file is not PNG."),
        (data_uri(b"<svg/>", "image/svg+xml"), "Only JPEG, PNG and PDF files are accepted."),
    ],
)
def test_a_file_is_refused_where_it_stands(app, file, message):
    entry = {"type": "passport", "issuing_country": "USA", "documents": [{"type": "front", "file": file}]}
    answer = app.post("/v1/users", individual(identifying_information=[entry]))
    assert details(answer) == {"identifying_information.0.documents.0.file": (message, "custom")}
    assert not Document.objects.exists()


def test_the_size_of_a_file_is_judged_decoded(app, settings):
    content = picture(size=(300, 300), colour="red")
    entry = {
        "type": "passport",
        "issuing_country": "USA",
        "documents": [{"type": "front", "file": data_uri(content)}],
    }
    settings.MAX_DOCUMENT_BYTES = len(content) - 1
    answer = app.post("/v1/users", individual(identifying_information=[entry]))
    assert details(answer)["identifying_information.0.documents.0.file"][1] == "too_big"
    settings.MAX_DOCUMENT_BYTES = len(content)
    assert app.post("/v1/users", individual(identifying_information=[entry])).status_code == 201


def test_a_business_and_its_people_have_documents_of_their_own(app):
    def body(slot):
        documents = [{"type": slot, "file": data_uri()}]
        return business(
            identifying_information=[
                {"type": "business_formation", "issuing_country": "USA", "documents": documents}
            ]
        )

    assert app.post("/v1/users", body("file_bylaws")).status_code == 201
    found = details(app.post("/v1/users", body("selfie")))
    assert found["identifying_information.0.documents.0.type"][1] == "invalid_enum_value"


def test_an_external_id_is_used_once_per_app(app, other_app):
    app.create(individual(external_id="case-1"))
    other_app.create(individual(external_id="case-1"))
    answer = app.post("/v1/users", individual(external_id="case-1"))
    assert (answer.status_code, answer.json()["code"]) == (409, "resource_conflict")


def test_an_installation_may_take_businesses_only(app, settings):
    settings.KIRA_INDIVIDUALS_ENABLED = False
    answer = app.post("/v1/users", individual())
    assert (answer.status_code, answer.json()["code"]) == (400, "business_only")
    assert app.post("/v1/users", business()).status_code == 201


def test_a_whole_individual_is_judged_in_five_milliseconds():
    body = complete_individual()
    body["identifying_information"] = []
    read_create(body)
    started = perf_counter()
    for _ in range(100):
        read_create(body)
    assert (perf_counter() - started) / 100 < 0.005
