"""Bodies of create and update, and which document travels in which."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest

from onboarding.partners.base import Dossier, NotSupportedByPartner
from onboarding.partners.kira.client import KiraSettings
from onboarding.partners.kira.connector import KiraConnector
from onboarding.partners.kira.mapping import create_body, update_body
from onboarding.partners.kira.parcels import data_uri
from onboarding.partners.kira.values import encode
from tests.onboarding.partners.dossiers import (
    BUSINESS_INT,
    BUSINESS_USA,
    COMPLETE,
    END_USER_ID,
    INDIVIDUAL_INT,
    INDIVIDUAL_USA,
    OWNER_USA,
    PDF,
    PNG,
    dossier,
    file,
)
from tests.onboarding.partners.gates import OpenGate


def created(body: dict[str, Any]) -> dict[str, Any]:
    """The create of a body with all its documents."""
    facts = dossier(body)
    return create_body(facts, contents={each.id: data_uri(each) for each in facts.files})


def entry(body: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [each for each in body["identifying_information"] if each["type"] == kind]
    return dict(found)


# --- Create ---------------------------------------------------------------------------------------


def test_an_individual_is_sent_in_kira_s_words() -> None:
    png = "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert created(INDIVIDUAL_USA) == {
        **INDIVIDUAL_USA,
        "external_id": END_USER_ID,
        "identifying_information": [
            {"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"},
            {
                "type": "passport",
                "issuing_country": "USA",
                "number": "X10002000",
                "expiration": "2031-06-30",
                "documents": [{"type": "front", "file": png}],
            },
            {
                "type": "proof_of_address",
                "issuing_country": "USA",
                "documents": [{"type": "file_proof_of_address", "file": png}],
            },
            {
                "type": "source_of_wealth",
                "issuing_country": "USA",
                "documents": [{"type": "file_source_of_wealth", "file": png}],
            },
        ],
        "metadata": {"branch": "west", "vouch_end_user_id": END_USER_ID},
    }


@pytest.mark.parametrize("category", COMPLETE)
def test_the_same_dossier_makes_the_same_bytes(category: str) -> None:
    facts = dossier(COMPLETE[category])
    turned = replace(
        facts,
        answers=dict(reversed(list(facts.answers.items()))),
        metadata=dict(reversed(list({**facts.metadata, "a": "1", "b": "2"}.items()))),
    )
    straight = replace(facts, metadata={**facts.metadata, "a": "1", "b": "2"})
    assert encode(create_body(straight, contents={})) == encode(create_body(turned, contents={}))
    assert b", " not in encode(create_body(dossier({**INDIVIDUAL_USA, "occupation": "x"}), contents={}))


def test_shares_are_numbers_without_noise() -> None:
    text = encode(created(BUSINESS_USA)).decode()
    assert '"ownership_percentage":33.333333,' in text
    assert '"ownership_percentage":40,' in text


def test_metadata_is_text_and_never_holds_an_ssn() -> None:
    told = {
        "flag": True,
        "count": 3,
        "none": None,
        "ssn": "000-12-3456",
        "SSN": "x",
        "vouch_end_user_id": "forged",
    }
    assert created({**INDIVIDUAL_USA, "metadata": told})["metadata"] == {
        "flag": "true",
        "count": "3",
        "vouch_end_user_id": END_USER_ID,
    }


def test_a_top_level_ssn_becomes_an_entry() -> None:
    body = created({"type": "individual", "email": "a@example.com", "ssn": "000-12-3456"})
    assert "ssn" not in body
    assert body["identifying_information"] == [
        {"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"}
    ]


@pytest.mark.parametrize("told", [{"ein": "12-3456789"}, {}])
def test_an_ein_is_never_sent_for_a_company_elsewhere(told: dict[str, str]) -> None:
    entries = [*BUSINESS_INT["identifying_information"]]
    entries.append({"type": "ein", "issuing_country": "USA", "number": "12-3456789"})
    body = created({**BUSINESS_INT, **told, "identifying_information": entries})
    assert "12-3456789" not in json.dumps(body)


def test_an_ein_told_as_an_entry_is_sent_as_a_member_too() -> None:
    entries = [*BUSINESS_USA["identifying_information"]]
    entries.append({"type": "ein", "issuing_country": "USA", "number": "12-3456789"})
    body = created({**BUSINESS_USA, "ein": None, "identifying_information": entries})
    assert body["ein"] == "12-3456789"
    assert entry(body, "ein")["number"] == "12-3456789"


def test_a_company_s_document_is_derived() -> None:
    assert created(BUSINESS_USA)["document_number"] == "12-3456789"
    assert created(BUSINESS_USA)["document_type"] == "ein"
    body = created(BUSINESS_INT)
    assert (body["document_type"], body["document_number"], body["document_country"]) == (
        "tax_id",
        "FSC160912AB3",
        "MEX",
    )


def test_a_person_s_document_is_derived_from_the_paper_that_has_a_number() -> None:
    papers = [
        {"type": "visa", "issuing_country": "USA", "documents": ["front"]},
        {"type": "passport", "issuing_country": "CAN", "number": "P1", "documents": ["front"]},
    ]
    body = created({"type": "individual", "email": "a@example.com", "identifying_information": papers})
    assert (body["document_type"], body["document_number"], body["document_country"]) == (
        "passport",
        "P1",
        "CAN",
    )
    told = created({**INDIVIDUAL_USA, "document_type": "passport", "document_number": "OTHER"})
    assert told["document_number"] == "OTHER"


@pytest.mark.parametrize(
    ("kinds", "number"),
    [(["curp", "rfc"], "rfc"), (["cpf"], "cpf"), (["nuip"], "nuip"), (["tin"], "tin"), (["curp"], "curp")],
)
def test_a_tax_id_is_added_from_the_local_number_which_stays(kinds: list[str], number: str) -> None:
    entries = [{"type": kind, "issuing_country": "MEX", "number": f"number of {kind}"} for kind in kinds]
    body = created({**INDIVIDUAL_INT, "identifying_information": entries})
    assert entry(body, "tax_id") == {
        "type": "tax_id",
        "issuing_country": "MEX",
        "number": f"number of {number}",
    }
    for kind in kinds:
        assert entry(body, kind)["number"] == f"number of {kind}"


def test_no_tax_id_is_added_in_the_usa_or_beside_one_that_was_told() -> None:
    tin = {"type": "tin", "issuing_country": "USA", "number": "1"}
    entries = [*INDIVIDUAL_USA["identifying_information"], tin]
    assert "tax_id" not in {
        e["type"]
        for e in created({**INDIVIDUAL_USA, "identifying_information": entries})["identifying_information"]
    }
    assert entry(created(INDIVIDUAL_INT), "tax_id")["number"] == "FERL900101AB1"


@pytest.mark.parametrize(("country", "member"), [("MEX", "rfc"), ("BRA", "cnpj")])
def test_a_company_s_local_number_is_a_member_of_its_own(country: str, member: str) -> None:
    tax_id = {"type": "tax_id", "issuing_country": country, "number": "T1"}
    base = {**BUSINESS_INT, "address_country": country, "rfc": None}
    told = created({**base, member: "L1", "identifying_information": []})
    assert told[member] == "L1"
    assert [e["type"] for e in told["identifying_information"]] == ["tax_id"]
    derived = created({**base, "identifying_information": [tax_id]})
    assert derived[member] == "T1"
    elsewhere = created({**base, "address_country": "COL", member: "L1", "identifying_information": []})
    assert member not in elsewhere
    assert entry(elsewhere, member)["number"] == "L1"


def test_papers_that_hang_elsewhere_get_an_entry_of_their_own() -> None:
    licence = {
        "type": "drivers_license",
        "issuing_country": "USA",
        "number": "D1",
        "documents": ["front", "file_proof_of_address", "file_source_of_wealth"],
    }
    body = created({**INDIVIDUAL_USA, "identifying_information": [licence]})
    assert [d["type"] for d in entry(body, "drivers_license")["documents"]] == ["front"]
    assert [d["type"] for d in entry(body, "proof_of_address")["documents"]] == ["file_proof_of_address"]
    assert [d["type"] for d in entry(body, "source_of_wealth")["documents"]] == ["file_source_of_wealth"]


def test_papers_join_an_entry_that_is_there_already() -> None:
    licence = {"type": "drivers_license", "issuing_country": "USA", "documents": ["file_proof_of_address"]}
    own = {"type": "proof_of_address", "issuing_country": "USA", "documents": ["file_proof_of_address"]}
    body = created({**INDIVIDUAL_USA, "identifying_information": [licence, own]})
    assert len(entry(body, "proof_of_address")["documents"]) == 2


def test_what_is_empty_is_not_sent_and_false_is() -> None:
    body = created({**INDIVIDUAL_USA, "middle_name": "", "phone": None, "pep_status": False})
    assert "middle_name" not in body
    assert "phone" not in body
    assert body["pep_status"] is False


def test_our_own_members_stay_with_us() -> None:
    body = created({**INDIVIDUAL_USA, "tags": ["a"], "sector": "x", "trading_address_street": "y"})
    assert not {"tags", "sector", "trading_address_street", "partner_answers"} & set(body)


def test_yes_and_no_get_their_capital() -> None:
    info = {
        "has_us_bank_account": "no",
        "has_denied_bank_account": "YES",
        "denied_bank_account_explain": "no idea",
    }
    assert created({**INDIVIDUAL_INT, "additional_info": info})["additional_info"] == {
        "denied_bank_account_explain": "no idea",
        "has_denied_bank_account": "Yes",
        "has_us_bank_account": "No",
    }


def test_the_hosted_flow_is_asked_for() -> None:
    body = created(
        {
            **INDIVIDUAL_USA,
            "verification_mode": "verification_link",
            "redirect_uri": "https://app.example.com/done",
        }
    )
    assert body["verification_mode"] == "verification_link"
    assert body["redirect_uri"] == "https://app.example.com/done"
    assert "verification_mode" not in created(INDIVIDUAL_USA)


def test_a_person_is_sent_with_its_ssn_and_papers() -> None:
    robert, sarah = created(BUSINESS_USA)["associated_persons"]
    assert robert["ssn"] == "000-65-4321"
    assert robert["document_number"] == "CA12345678"
    assert [d["type"] for d in robert["identifying_information"][0]["documents"]] == ["front", "back"]
    assert sarah["email"] == "sarah@example.com"


# --- Update ---------------------------------------------------------------------------------------


def updated(body: dict[str, Any], *changed: str) -> dict[str, Any]:
    return update_body(dossier(body), changed=changed, contents={})


def test_an_update_holds_what_changed_and_nothing_else() -> None:
    assert updated(INDIVIDUAL_USA, "occupation", "phone") == {
        "phone": "+12025550142",
        "occupation": "Logistics planner",
    }


@pytest.mark.parametrize(
    "name", ["type", "external_id", "business_trade_name", "has_material_intermediary_ownership"]
)
def test_an_update_never_holds_what_only_a_create_may(name: str) -> None:
    assert name in created(BUSINESS_USA)
    assert updated(BUSINESS_USA, name) == {}


def test_a_change_that_concerns_only_us_is_nothing_to_send() -> None:
    assert updated(INDIVIDUAL_USA, "tags", "partner_answers", "trading_address") == {}


def test_a_changed_number_travels_with_what_is_derived_from_it() -> None:
    body = updated(BUSINESS_INT, "identifying_information")
    assert body["rfc"] == "FSC160912AB3"
    assert body["document_number"] == "FSC160912AB3"
    assert all("documents" not in each for each in body["identifying_information"])
    assert updated(INDIVIDUAL_USA, "ssn")["identifying_information"][0]["type"] == "ssn"


def test_a_document_travels_with_its_entry_only() -> None:
    facts = dossier(BUSINESS_USA)
    back = next(each for each in facts.persons[0].identifications[0].files if each.slot == "back")
    body = update_body(facts, changed=(), contents={back.id: "data:x"})
    assert set(body) == {"associated_persons"}
    (person,) = body["associated_persons"]
    assert person["email"] == "robert@example.com"
    assert person["identifying_information"][0]["documents"] == [{"type": "back", "file": "data:x"}]


def test_metadata_always_keeps_our_reference() -> None:
    assert updated(INDIVIDUAL_USA, "metadata") == {
        "metadata": {"branch": "west", "vouch_end_user_id": END_USER_ID}
    }


# --- Parcels --------------------------------------------------------------------------------------


def connector(limit: int = 10_000_000, **options: Any) -> KiraConnector:
    settings = KiraSettings(
        base_url="http://127.0.0.1:1",
        api_key="k",
        client_id="c",
        password="p",
        max_body_bytes=limit,
        **options,
    )
    return KiraConnector(settings, gate=OpenGate())


def _sizes(facts: Dossier, parcels: tuple[tuple[str, ...], ...]) -> list[int]:
    by_id = {each.id: each for each in facts.files}
    contents = [{name: data_uri(by_id[name]) for name in parcel} for parcel in parcels]
    first = encode(create_body(facts, contents=contents[0]))
    later = [encode(update_body(facts, changed=(), contents=each)) for each in contents[1:]]
    return [len(first), *map(len, later)]


def _heavy(size: int, *, kind: str = "image/png") -> dict[str, Any]:
    """A business whose five documents have this many bytes each."""

    def paper(name: str, slot: str) -> Any:
        return file(f"heavy {name} {slot}", slot, b"x" * size, kind)

    person = {
        **OWNER_USA,
        "identifying_information": [
            {
                "type": "national_id",
                "issuing_country": "USA",
                "documents": [paper("id", "front"), paper("id", "back")],
            }
        ],
    }
    entries = [
        {"type": kind, "issuing_country": "USA", "documents": [paper(kind, f"file_{kind}")]}
        for kind in ("business_formation", "proof_of_address", "source_of_wealth")
    ]
    return {**BUSINESS_USA, "associated_persons": [person], "identifying_information": entries}


def test_small_documents_travel_with_the_create() -> None:
    facts = dossier(BUSINESS_USA)
    (only,) = connector().parcels(facts)
    assert sorted(only) == sorted(each.id for each in facts.files)


def test_without_documents_there_is_one_empty_parcel() -> None:
    assert connector().parcels(dossier({"type": "individual", "email": "a@example.com"})) == ((),)


@pytest.mark.parametrize("limit", [15_000, 20_000, 30_000, 50_000])
def test_every_body_stays_within_the_limit_and_every_document_travels_once(limit: int) -> None:
    facts = dossier(_heavy(5_000))
    parcels = connector(limit).parcels(facts)
    assert max(_sizes(facts, parcels)) <= limit
    assert sorted(name for parcel in parcels for name in parcel) == sorted(each.id for each in facts.files)


def test_the_limit_is_used_to_the_last_byte() -> None:
    facts = dossier(_heavy(5_000))
    (whole,) = _sizes(facts, (tuple(each.id for each in facts.files),))
    assert len(connector(whole).parcels(facts)) == 1
    assert len(connector(whole - 1).parcels(facts)) == 2


def test_both_sides_of_a_paper_travel_together_unless_they_cannot() -> None:
    facts = dossier(_heavy(5_000))
    sides = {each.id for each in facts.persons[0].identifications[0].files}

    def parcels_of_sides(limit: int) -> int:
        return sum(bool(sides & set(parcel)) for parcel in connector(limit).parcels(facts))

    assert parcels_of_sides(18_000) == 1
    assert parcels_of_sides(12_000) == 2


def test_a_document_too_large_for_any_body_travels_alone() -> None:
    facts = dossier(_heavy(8_000))
    first, *later = connector(9_000).parcels(facts)
    assert [len(parcel) for parcel in later] == [1] * len(later)
    assert {*first, *(pk for parcel in later for pk in parcel)} == {file.id for file in facts.files}


def test_the_documents_of_a_person_without_an_address_of_its_own_go_with_the_create() -> None:
    body = _heavy(5_000)
    for email in (None, "shared@example.com"):
        person = {**body["associated_persons"][0], "email": email}
        other = {**OWNER_USA, "email": email, "identifying_information": []}
        facts = dossier({**body, "associated_persons": [person, other]})
        first, *later = connector(20_000).parcels(facts)
        assert {each.id for each in facts.persons[0].identifications[0].files} <= set(first)
        assert later
        with pytest.raises(NotSupportedByPartner):
            connector(12_000).parcels(facts)


def test_two_entries_of_one_type_go_with_the_create() -> None:
    papers = [
        {
            "type": "passport",
            "issuing_country": land,
            "documents": [file(f"{land} passport", "front", b"x" * 5_000)],
        }
        for land in ("USA", "CAN")
    ]
    proof = {
        "type": "proof_of_address",
        "issuing_country": "USA",
        "documents": [file("proof", "file_proof_of_address", b"x" * 5_000)],
    }
    facts = dossier({**INDIVIDUAL_USA, "identifying_information": [proof, *papers]})
    first, second = connector(18_000).parcels(facts)
    assert len(first) == 2
    assert second == (facts.identifications[0].files[0].id,)


def test_kira_takes_no_other_kinds_of_file_and_none_over_ten_megabytes() -> None:
    with pytest.raises(NotSupportedByPartner):
        connector().parcels(dossier(_heavy(10, kind="image/webp")))
    facts = dossier(_heavy(10))
    large = replace(facts.identifications[0].files[0], size=10 * 1024 * 1024 + 1)
    entries = (replace(facts.identifications[0], files=(large,)), *facts.identifications[1:])
    with pytest.raises(NotSupportedByPartner):
        connector(99_000_000).parcels(replace(facts, identifications=entries))


def test_measuring_reads_no_document() -> None:
    def read() -> bytes:
        raise AssertionError("read")

    facts = dossier(INDIVIDUAL_USA)
    entries = tuple(
        replace(each, files=tuple(replace(paper, read=read) for paper in each.files))
        for each in facts.identifications
    )
    assert connector().parcels(replace(facts, identifications=entries))


def test_a_tenant_for_businesses_only_takes_no_individual() -> None:
    shop = connector(are_individuals_enabled=False)
    with pytest.raises(NotSupportedByPartner):
        shop.parcels(dossier(INDIVIDUAL_USA))
    assert shop.parcels(dossier(BUSINESS_USA))


def test_a_document_is_a_data_uri() -> None:
    assert data_uri(file("a", "front", PDF, "application/pdf")) == (
        "data:application/pdf;base64," + base64.b64encode(PDF).decode()
    )
