"""The evaluator against Kira's trigger table, its products and the examples of its documentation."""

import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from onboarding.domain.requirements import Evaluation, evaluate
from onboarding.enums import Status
from onboarding.partners.base import FieldTold, PartnerContract, Product, Requirement, When
from onboarding.partners.kira.requirements import RESTRICTED_COUNTRIES, TRIGGER_TABLE, contract
from tests.onboarding.partners.dossiers import COMPLETE, INDIVIDUAL_INT, INDIVIDUAL_USA, OWNER_USA, dossier

TODAY = date(2026, 3, 2)
USA_ACCOUNTS, ACT_ACCOUNTS = "usa-virtual-accounts", "usa-virtual-accounts-act"
Body = Mapping[str, Any]


def evaluated(
    body: Body, *, status: Status = Status.CREATED, by: PartnerContract | None = None, **options: Any
) -> Evaluation:
    return evaluate(
        dossier=dossier(body),
        contract=by or contract(),
        status=status,
        on=options.pop("on", TODAY),
        **options,
    )


def without(body: Body, *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def without_entry(body: Body, *types: str) -> dict[str, Any]:
    entries = [entry for entry in body["identifying_information"] if entry["type"] not in types]
    return {**body, "identifying_information": entries}


def with_persons(body: Body, *persons: Body) -> dict[str, Any]:
    return {**body, "associated_persons": list(persons)}


# --- The trigger table ------------------------------------------------------------------------------

_COMMON = (
    "email",
    "phone",
    "address_street",
    "address_city",
    "address_state",
    "address_zip_code",
    "address_country",
    "source_of_funds",
    "account_purpose",
    "pep_status",
)
_INDIVIDUAL = (
    "first_name",
    "last_name",
    "birth_date",
    "nationality",
    "gender",
    "employment_status",
    "occupation",
)
_BUSINESS = (
    "business_legal_name",
    "doing_business_as",
    "business_type",
    "business_industry",
    "business_description",
    "business_website",
    "formation_date",
    "formation_state",
    "representative_first_name",
    "representative_last_name",
    "representative_title",
    "representative_birth_date",
)
FIELDS = {
    "individual USA": (*_COMMON, *_INDIVIDUAL),
    "individual INT": (*_COMMON, *_INDIVIDUAL, "expected_monthly_payments"),
    "business USA": (*_COMMON, *_BUSINESS, "representative_ssn"),
    "business INT": (*_COMMON, *_BUSINESS, "expected_monthly_payments"),
}
ENTRIES = {
    "individual USA": {"ssn": "ssn", "proof_of_address": "identifying_information:file_proof_of_address"},
    "individual INT": {
        "tax_id": "tax_id",
        "proof_of_address": "identifying_information:file_proof_of_address",
    },
    "business USA": {
        "proof_of_address": "identifying_information:file_proof_of_address",
        "business_formation": "identifying_information:file_business_formation",
    },
    "business INT": {
        "tax_id": "tax_id",
        "proof_of_address": "identifying_information:file_proof_of_address",
        "business_formation": "identifying_information:file_business_formation",
    },
}


@pytest.mark.parametrize("category", COMPLETE)
def test_a_complete_body_opens_the_gate_and_lacks_nothing(category: str) -> None:
    result = evaluated(COMPLETE[category])
    assert (result.is_complete, result.missing, result.missing_fields) == (True, (), {})
    assert {item.state for item in result.items} == {"satisfied"}


@pytest.mark.parametrize(("category", "name"), [(c, name) for c, names in FIELDS.items() for name in names])
@pytest.mark.parametrize("how", ["absent", "null", "empty"])
def test_every_field_of_the_table_is_needed(category: str, name: str, how: str) -> None:
    body = without(COMPLETE[category], name)
    if how != "absent":
        body[name] = None if how == "null" else ""
    result = evaluated(body)
    assert not result.is_complete
    assert name in result.missing
    if name != "address_country":
        assert result.missing == (name,)


@pytest.mark.parametrize(
    ("category", "kind", "token"),
    [(c, kind, token) for c, row in ENTRIES.items() for kind, token in row.items()],
)
def test_every_entry_of_the_table_is_needed(category: str, kind: str, token: str) -> None:
    result = evaluated(without_entry(COMPLETE[category], kind))
    assert not result.is_complete
    assert token in result.missing


def test_an_individual_needs_the_front_of_a_government_id() -> None:
    body = without_entry(INDIVIDUAL_USA, "passport")
    assert evaluated(body).missing == ("identifying_information:front",)
    elsewhere = {"type": "proof_of_address", "issuing_country": "USA", "documents": ["front"]}
    body["identifying_information"].append(elsewhere)
    assert evaluated(body).missing == ("identifying_information:front",)


@pytest.mark.parametrize("category", ["business USA", "business INT"])
def test_every_person_needs_the_front_of_a_government_id(category: str) -> None:
    paperless = {**OWNER_USA, "identifying_information": []}
    token = "associated_persons:identifying_information:front"
    assert evaluated(with_persons(COMPLETE[category], OWNER_USA)).is_complete
    assert evaluated(with_persons(COMPLETE[category], OWNER_USA, paperless)).missing == (token,)
    assert evaluated(with_persons(COMPLETE[category])).missing == (token,)


def test_the_proof_of_a_company_hangs_on_the_company() -> None:
    body = without_entry(COMPLETE["business USA"], "proof_of_address")
    licence = {
        **OWNER_USA["identifying_information"][0],
        "documents": ["front", "back", "file_proof_of_address"],
    }
    body["associated_persons"] = [{**OWNER_USA, "identifying_information": [licence]}]
    assert "identifying_information:file_proof_of_address" in evaluated(body).missing


def test_a_company_in_the_usa_needs_its_ein_at_top_level_or_as_an_entry() -> None:
    body = without(COMPLETE["business USA"], "ein")
    assert evaluated(body).missing == ("document_type", "document_number", "document_country", "ein")
    body["identifying_information"] = [
        *body["identifying_information"],
        {"type": "ein", "issuing_country": "USA", "number": "123456789"},
    ]
    assert evaluated(body).is_complete


def test_a_top_level_ssn_counts_like_an_entry() -> None:
    assert evaluated({**without_entry(INDIVIDUAL_USA, "ssn"), "ssn": "000-12-3456"}).is_complete


@pytest.mark.parametrize("kind", ["curp", "rfc", "tin", "itin", "cpf", "nuip"])
def test_only_tax_id_counts_outside_the_usa(kind: str) -> None:
    body = without_entry(INDIVIDUAL_INT, "tax_id")
    body["identifying_information"].append({"type": kind, "issuing_country": "MEX", "number": "1"})
    assert evaluated(body).missing == ("tax_id",)


def test_a_number_left_empty_is_not_told() -> None:
    body = without_entry(INDIVIDUAL_INT, "tax_id")
    body["identifying_information"].append({"type": "tax_id", "issuing_country": "MEX"})
    assert evaluated(body).missing == ("tax_id",)


def test_the_document_rows_are_derived_from_the_government_id() -> None:
    body = without(INDIVIDUAL_USA, "document_type", "document_number", "document_country")
    result = evaluated(body)
    assert result.is_complete
    by_token = {item.token: item for item in result.items}
    assert by_token["document_number"].satisfied_by == "identifying_information:passport"
    assert by_token["document_number"].alternatives == (
        "document_number",
        "identifying_information:government_id",
    )
    assert {item.token: item for item in evaluated(INDIVIDUAL_USA).items}["document_number"].satisfied_by == (
        "document_number"
    )


def test_the_country_of_the_address_alone_decides_the_category() -> None:
    assert evaluated({**INDIVIDUAL_USA, "nationality": "MEX", "document_country": "MEX"}).is_complete
    abroad = evaluated({**INDIVIDUAL_USA, "address_country": "CAN"})
    assert abroad.missing == ("expected_monthly_payments", "tax_id")


def test_the_table_has_the_rows_of_the_contract() -> None:
    """Section 4.1 counted by hand: rows that apply to each column."""
    counts = {
        category: len({item.token for item in evaluated(body).items if item.is_gate})
        for category, body in COMPLETE.items()
    }
    assert counts == {
        "individual USA": 23,
        "individual INT": 24,
        "business USA": 30,
        "business INT": 30,
    }
    assert all(row.remediation for row in TRIGGER_TABLE)


# --- The examples of the documentation (section 4.1, end) -------------------------------------------

SEED_INDIVIDUAL_USA = {
    **without(INDIVIDUAL_USA, "document_type", "document_number", "document_country"),
    "identifying_information": [
        {"type": "ssn", "issuing_country": "USA", "number": "000-45-6789"},
        {
            "type": "drivers_license",
            "issuing_country": "USA",
            "number": "D1234567",
            "documents": ["front", "back", "file_proof_of_address"],
        },
    ],
    "expected_monthly_payments": "5000_9999",
}
SEED_INDIVIDUAL_MEXICO = {
    **without(SEED_INDIVIDUAL_USA, "expected_monthly_payments"),
    "address_country": "MEX",
    "identifying_information": [
        {"type": "curp", "issuing_country": "MEX", "number": "C1"},
        {"type": "rfc", "issuing_country": "MEX", "number": "R1"},
        {
            "type": "national_id",
            "issuing_country": "MEX",
            "number": "1234567890123",
            "documents": ["front", "back", "file_proof_of_address"],
        },
    ],
}
SEED_BUSINESS_USA = without_entry(COMPLETE["business USA"], "proof_of_address", "source_of_wealth")
SEED_BUSINESS_MEXICO = without_entry(COMPLETE["business INT"], "tax_id", "source_of_wealth")
SEED_QUICK_EXAMPLE = {
    "type": "individual",
    "email": "john@example.com",
    "first_name": "John",
    "last_name": "Example",
    "birth_date": "1990-01-15",
    "ssn": "000-45-6789",
    "document_type": "passport",
    "document_number": "AB1234567",
    "document_country": "USA",
    "address_street": "123 Main St",
    "address_city": "San Francisco",
    "address_state": "CA",
    "address_zip_code": "94105",
    "address_country": "USA",
}


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (SEED_INDIVIDUAL_USA, ()),
        (SEED_INDIVIDUAL_MEXICO, ("expected_monthly_payments", "tax_id")),
        (SEED_BUSINESS_USA, ("identifying_information:file_proof_of_address",)),
        (SEED_BUSINESS_MEXICO, ("document_type", "document_number", "document_country", "tax_id")),
        (
            SEED_QUICK_EXAMPLE,
            (
                "nationality",
                "gender",
                "employment_status",
                "occupation",
                "phone",
                "source_of_funds",
                "account_purpose",
                "pep_status",
                "identifying_information:file_proof_of_address",
                "identifying_information:front",
            ),
        ),
    ],
    ids=["individual USA", "individual Mexico", "business USA", "business Mexico", "quick example"],
)
def test_the_examples_of_the_documentation_come_out_as_worked_out(
    body: Body, missing: tuple[str, ...]
) -> None:
    result = evaluated(body)
    assert result.missing == missing
    assert result.is_complete is not bool(missing)


# --- Products ---------------------------------------------------------------------------------------


def missing_for(body: Body, product: str, **options: Any) -> list[str]:
    return evaluated(body, **options).missing_fields.get(product, [])


def test_usa_accounts_need_a_source_of_wealth_unless_switched_off() -> None:
    body = without_entry(INDIVIDUAL_USA, "source_of_wealth")
    token = "identifying_information:file_source_of_wealth"
    assert evaluated(body).is_complete
    assert missing_for(body, USA_ACCOUNTS) == [token]
    assert missing_for(body, USA_ACCOUNTS, by=contract(is_source_of_wealth_required=False)) == []
    assert missing_for(without_entry(COMPLETE["business USA"], "source_of_wealth"), USA_ACCOUNTS) == [token]


@pytest.mark.parametrize(
    ("kind", "sides", "lacking"),
    [
        ("passport", ["front"], False),
        ("visa", ["front"], False),
        ("national_id", ["front"], True),
        ("national_id", ["front", "back"], False),
        ("drivers_license", ["front"], True),
        ("military_id", ["front", "back"], False),
    ],
)
def test_usa_accounts_need_the_back_unless_the_paper_has_one_side(
    kind: str, sides: list[str], lacking: bool
) -> None:
    body = without_entry(INDIVIDUAL_USA, "passport")
    paper = {"type": kind, "issuing_country": "USA", "number": "1", "documents": sides}
    body["identifying_information"].append(paper)
    assert evaluated(body).is_complete
    token = "identifying_information:back:unless_doc_type:passport"
    assert (token in missing_for(body, USA_ACCOUNTS)) is lacking
    business = with_persons(COMPLETE["business USA"], {**OWNER_USA, "identifying_information": [paper]})
    assert (f"associated_persons:{token}" in missing_for(business, USA_ACCOUNTS)) is lacking


def test_one_person_with_a_passport_does_not_excuse_another_without_a_back() -> None:
    passport = {"type": "passport", "issuing_country": "USA", "documents": ["front"]}
    licence = {"type": "drivers_license", "issuing_country": "USA", "documents": ["front"]}
    people = [{**OWNER_USA, "identifying_information": [paper]} for paper in (passport, licence)]
    assert missing_for(with_persons(COMPLETE["business USA"], *people), USA_ACCOUNTS) == [
        "associated_persons:identifying_information:back:unless_doc_type:passport"
    ]


def test_the_state_of_a_company_s_address_is_not_asked_for_usa_accounts() -> None:
    body = without(COMPLETE["business USA"], "address_state")
    assert missing_for(body, USA_ACCOUNTS) == []
    assert missing_for(body, ACT_ACCOUNTS) == ["address_state"]


def test_act_asks_for_the_employer_of_the_employed_only() -> None:
    body = without(INDIVIDUAL_USA, "current_employer")
    assert missing_for(body, ACT_ACCOUNTS) == ["current_employer"]
    assert missing_for({**body, "employment_status": "retired"}, ACT_ACCOUNTS) == []


def test_act_asks_nobody_abroad_for_an_ssn_or_an_ein() -> None:
    for category in ("individual INT", "business INT"):
        tokens = {item.token for item in evaluated(COMPLETE[category]).items if ACT_ACCOUNTS in item.products}
        assert not tokens & {"ssn", "ein", "associated_persons:ssn"}


@pytest.mark.parametrize("category", ["individual INT", "business INT"])
@pytest.mark.parametrize("name", ["has_us_bank_account", "has_denied_bank_account"])
def test_act_asks_the_two_questions_abroad(category: str, name: str) -> None:
    body = {**COMPLETE[category], "additional_info": without(COMPLETE[category]["additional_info"], name)}
    assert missing_for(body, ACT_ACCOUNTS) == [f"additional_info:{name}"]


@pytest.mark.parametrize(("answer", "lacking"), [("Yes", True), ("yes", True), ("No", False)])
def test_act_asks_for_an_explanation_of_a_denial(answer: str, lacking: bool) -> None:
    info = {"has_us_bank_account": "No", "has_denied_bank_account": answer}
    token = "additional_info:denied_bank_account_explain"
    assert missing_for({**INDIVIDUAL_INT, "additional_info": info}, ACT_ACCOUNTS) == (
        [token] if lacking else []
    )
    info["denied_bank_account_explain"] = "Long ago"
    assert missing_for({**INDIVIDUAL_INT, "additional_info": info}, ACT_ACCOUNTS) == []


@pytest.mark.parametrize("name", ["email", "ssn"])
def test_act_asks_every_person_of_a_company_in_the_usa(name: str) -> None:
    body = with_persons(COMPLETE["business USA"], OWNER_USA, without(OWNER_USA, name))
    assert missing_for(body, ACT_ACCOUNTS) == [f"associated_persons:{name}"]


def test_products_come_in_the_order_of_the_contract_with_the_codes_of_the_documentation() -> None:
    states = evaluated(INDIVIDUAL_USA).products
    assert [state.product.code for state in states] == [
        "usa-virtual-accounts",
        "virtual_account",
        "payout",
        "usa-virtual-accounts-act",
    ]
    assert states[0].product.id == "f4666460-1cb4-4030-8e78-6d67939c1ff1"


@pytest.mark.parametrize("status", list(Status))
def test_only_the_verified_are_eligible(status: Status) -> None:
    eligible = {state.eligible for state in evaluated(INDIVIDUAL_USA, status=status).products}
    assert eligible == {status == Status.VERIFIED}


def test_a_verified_end_user_is_not_eligible_for_a_product_that_lacks_something() -> None:
    body = without(without_entry(INDIVIDUAL_USA, "source_of_wealth"), "phone")
    result = evaluated(body, status=Status.VERIFIED)
    assert {state.product.code: state.eligible for state in result.products} == {
        "usa-virtual-accounts": False,
        "virtual_account": True,
        "payout": True,
        "usa-virtual-accounts-act": False,
    }
    assert result.missing_fields == {
        USA_ACCOUNTS: ["phone", "identifying_information:file_source_of_wealth"],
        ACT_ACCOUNTS: ["phone"],
    }


# --- Restricted countries, gates, states --------------------------------------------------------------


@pytest.mark.parametrize("country", sorted(RESTRICTED_COUNTRIES))
def test_nobody_from_a_restricted_country_is_complete_or_eligible(country: str) -> None:
    result = evaluated({**INDIVIDUAL_INT, "address_country": country}, status=Status.VERIFIED)
    assert (result.is_restricted, result.is_complete) == (True, False)
    assert not any(state.eligible for state in result.products)


def test_there_are_21_restricted_countries() -> None:
    assert len(RESTRICTED_COUNTRIES) == 21


def test_the_other_gate_opens_with_any_complete_product() -> None:
    """Seen at run time: no document rows, proof of address or PEP answer, and no files of a company (4.1)."""
    person = without(INDIVIDUAL_USA, "document_type", "document_number", "document_country", "pep_status")
    person = without_entry(person, "passport", "proof_of_address")
    company = {**COMPLETE["business USA"], "identifying_information": []}
    for body in (person, company):
        assert not evaluated(body).is_complete
        assert evaluated(body, by=contract(gate="any_product")).is_complete


def test_the_other_gate_names_what_the_nearest_product_lacks() -> None:
    body = without_entry(without(INDIVIDUAL_USA, "phone", "current_employer"), "passport", "proof_of_address")
    result = evaluated(body, by=contract(gate="any_product"))
    assert (result.is_complete, result.missing) == (False, ("phone", "current_employer"))


def test_what_was_told_is_pending_while_it_is_verified() -> None:
    for status in (Status.VERIFYING, Status.REVIEW):
        assert {item.state for item in evaluated(INDIVIDUAL_USA, status=status).items} == {"pending"}


def test_what_the_partner_did_without_is_waived_for_the_gate_and_due_for_the_product() -> None:
    result = evaluated(without(INDIVIDUAL_USA, "gender"), status=Status.VERIFIED)
    assert result.missing == ()
    assert result.missing_fields == {USA_ACCOUNTS: ["gender"]}
    assert {item.token: item.state for item in result.items}["gender"] == "due"


def test_what_the_partner_refused_is_an_error_and_missing() -> None:
    result = evaluated(INDIVIDUAL_USA, refused=("occupation",))
    assert {item.token: item.state for item in result.items}["occupation"] == "error"
    assert (result.is_complete, result.missing) == (False, ("occupation",))


def _small_contract(**row: Any) -> PartnerContract:
    product = Product(id="1", code="p", name="P")
    return PartnerContract(
        requirements=(Requirement(token="tax_residence", any_of=(FieldTold("tax_residence"),), **row),),
        products=(product,),
    )


def test_a_row_is_upcoming_until_its_day_and_gone_after_its_last() -> None:
    rules = _small_contract(effective_from=date(2026, 6, 1), effective_until=date(2026, 12, 31))

    def state(on: date) -> tuple[list[str], bool]:
        result = evaluated(INDIVIDUAL_USA, by=rules, on=on)
        return [item.state for item in result.items], result.is_complete

    assert state(date(2026, 5, 31)) == (["upcoming"], True)
    assert state(date(2026, 6, 1)) == (["due"], False)
    assert state(date(2026, 12, 31)) == (["due"], False)
    assert state(date(2027, 1, 1)) == ([], True)


@pytest.mark.parametrize(
    ("when", "asked"),
    [
        (When(), True),
        (When(countries=("USA", "CAN")), True),
        (When(countries=("MEX",)), False),
        (When(type="business"), False),
        (When(category="INT"), False),
        (When(type="individual", category="USA", answer=("employment_status", "EMPLOYED")), True),
        (When(answer=("employment_status", "retired")), False),
    ],
)
def test_a_row_is_asked_when_every_part_of_a_condition_holds(when: When, asked: bool) -> None:
    rules = _small_contract(when=(When(type="nobody"), when))
    assert bool(evaluated(INDIVIDUAL_USA, by=rules).items) is asked


def test_without_a_country_neither_category_holds() -> None:
    body = without(INDIVIDUAL_USA, "address_country")
    for category in ("USA", "INT"):
        assert evaluated(body, by=_small_contract(when=(When(category=category),))).items == ()


def test_one_token_makes_one_item() -> None:
    items = evaluated(INDIVIDUAL_USA).items
    assert len({item.token for item in items}) == len(items)
    phone = next(item for item in items if item.token == "phone")
    assert (phone.is_gate, phone.products) == (True, (USA_ACCOUNTS, ACT_ACCOUNTS))


def test_a_business_with_twenty_persons_is_evaluated_in_a_few_milliseconds() -> None:
    full = dossier(COMPLETE["business USA"])
    crowd = replace(full, persons=full.persons * 10)
    rules = contract()
    best = min(_seconds(crowd, rules) for _ in range(5))
    assert best < 0.005


def _seconds(crowd: Any, rules: PartnerContract) -> float:
    started = time.perf_counter()
    evaluate(dossier=crowd, contract=rules, status=Status.CREATED, on=TODAY)
    return time.perf_counter() - started
