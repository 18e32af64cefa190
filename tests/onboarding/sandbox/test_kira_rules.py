"""When verification starts by itself and what each product lacks: an independent reading of sections 4 and 5."""

from typing import Any

import pytest

from tests.onboarding.sandbox.conftest import PDF, PNG, Caller, business, individual

TAX_ID = {"type": "tax_id", "issuing_country": "MEX", "number": "FERL900101AB2"}
WEALTH = {
    "type": "source_of_wealth",
    "issuing_country": "USA",
    "documents": [{"type": "file_source_of_wealth", "file": PDF}],
}


def abroad(**changes: Any) -> dict[str, Any]:
    body = individual(address_country="MEX", expected_monthly_payments="0_4999")
    body["identifying_information"] = [TAX_ID, *body["identifying_information"][1:]]
    return {name: value for name, value in {**body, **changes}.items() if value is not None}


def triggered(caller: Caller, body: dict[str, Any]) -> bool:
    answer = caller.create(body)
    assert answer.status_code == 201, answer.text
    result: bool = answer.json()["verification_triggered"]
    return result


def without_entry(body: dict[str, Any], kind: str) -> dict[str, Any]:
    kept = [entry for entry in body["identifying_information"] if entry["type"] != kind]
    return {**body, "identifying_information": kept}


@pytest.mark.parametrize(
    "member",
    [
        "phone",
        "birth_date",
        "nationality",
        "gender",
        "address_street",
        "address_city",
        "address_state",
        "address_zip_code",
        "address_country",
        "source_of_funds",
        "account_purpose",
        "pep_status",
        "employment_status",
        "occupation",
    ],
)
def test_a_person_in_the_usa_needs_each_row(still: Caller, member: str) -> None:
    assert triggered(still, individual(**{member: None})) is False


@pytest.mark.parametrize("kind", ["ssn", "passport", "proof_of_address"])
def test_a_person_in_the_usa_needs_each_entry(still: Caller, kind: str) -> None:
    assert triggered(still, without_entry(individual(), kind)) is False


def test_a_person_in_the_usa_need_not_name_monthly_payments(still: Caller) -> None:
    assert triggered(still, individual()) is True


def test_a_person_abroad_needs_a_tax_id_and_monthly_payments(still: Caller) -> None:
    assert triggered(still, abroad()) is True
    assert triggered(still, abroad(expected_monthly_payments=None)) is False
    assert triggered(still, without_entry(abroad(), "tax_id")) is False


def test_local_tax_numbers_do_not_stand_for_the_tax_id(still: Caller) -> None:
    body = without_entry(abroad(), "tax_id")
    for kind in ("curp", "rfc", "cpf", "nuip", "tin"):
        body["identifying_information"].append({**TAX_ID, "type": kind})
    assert triggered(still, body) is False


def test_a_back_side_is_not_needed_to_start(still: Caller) -> None:
    body = individual()
    body["identifying_information"][1] = {
        "type": "drivers_license",
        "issuing_country": "USA",
        "number": "D1",
        "documents": [{"type": "front", "file": PNG}, {"type": "file_proof_of_address", "file": PNG}],
    }
    assert triggered(still, without_entry(body, "proof_of_address")) is True
    missing = still.call("GET", "/v1/users").json()["data"][0]["id"]
    tokens = still.read(missing)["missing_fields"]["usa-virtual-accounts"]
    assert "identifying_information:back:unless_doc_type:passport" in tokens


def test_the_document_is_derived_from_the_first_government_id(still: Caller) -> None:
    body = individual()
    del body["identifying_information"][1]["number"]
    assert triggered(still, body) is False
    assert triggered(still, {**body, "document_number": "X10002000"}) is True


def test_a_front_needs_to_hang_on_a_government_id(still: Caller) -> None:
    body = individual()
    body["identifying_information"][2]["documents"].append({"type": "front", "file": PNG})
    del body["identifying_information"][1]["documents"]
    assert triggered(still, body) is False


@pytest.mark.parametrize(
    "member",
    [
        "doing_business_as",
        "business_type",
        "business_industry",
        "business_description",
        "business_website",
        "phone",
        "formation_date",
        "formation_state",
        "ein",
        "representative_first_name",
        "representative_last_name",
        "representative_title",
        "representative_birth_date",
        "representative_ssn",
        "associated_persons",
        "source_of_funds",
        "account_purpose",
        "pep_status",
    ],
)
def test_a_business_in_the_usa_needs_each_row(still: Caller, member: str) -> None:
    assert triggered(still, business(**{member: None})) is False


def test_a_business_in_the_usa_starts_when_complete(still: Caller) -> None:
    assert triggered(still, business()) is True
    by_entry = business(ein=None)
    by_entry["identifying_information"].append(
        {"type": "ein", "issuing_country": "USA", "number": "12-3456789"}
    )
    assert triggered(still, by_entry) is True


def test_every_person_of_a_business_shows_a_front(still: Caller) -> None:
    body = business()
    body["associated_persons"].append({"first_name": "Ana", "last_name": "Invented"})
    assert triggered(still, body) is False


def test_a_business_abroad_needs_a_tax_id_instead_of_an_ein(still: Caller) -> None:
    body = business(address_country="MEX", ein=None, representative_ssn=None, rfc="FSC160912AB3")
    assert triggered(still, {**body, "expected_monthly_payments": "0_4999"}) is False
    body["identifying_information"].append(TAX_ID)
    assert triggered(still, body) is False
    assert triggered(still, {**body, "expected_monthly_payments": "0_4999"}) is True


def test_a_restricted_country_is_stored_but_never_started(still: Caller) -> None:
    answer = still.create(abroad(address_country="VEN")).json()
    assert answer["verification_triggered"] is False
    assert not any(product["eligible"] for product in answer["eligible_products"])


def test_a_hosted_link_is_never_started_by_itself(still: Caller) -> None:
    answer = still.create(individual(verification_mode="verification_link")).json()
    assert answer["verification_triggered"] is False
    assert answer["verification_link"].startswith(f"{still.base}/hosted/")


def test_any_product_starts_a_person_without_papers_when_switched_on(still: Caller) -> None:
    body = without_entry(without_entry(individual(pep_status=None), "passport"), "proof_of_address")
    assert triggered(still, body) is False
    still.toggle(gate="any_product")
    answer = still.create(body).json()
    assert answer["verification_triggered"] is True
    assert "usa-virtual-accounts-act" not in answer["missing_fields"]
    assert "pep_status" in answer["missing_fields"]["usa-virtual-accounts"]


def test_nothing_missing_leaves_no_member_missing(still: Caller) -> None:
    body = individual()
    body["identifying_information"].append(WEALTH)
    answer = still.create(body).json()
    assert "missing_fields" not in answer
    assert [product["product_code"] for product in answer["eligible_products"]] == [
        "usa-virtual-accounts",
        "virtual_account",
        "payout",
        "usa-virtual-accounts-act",
    ]
    assert not any(product["eligible"] for product in answer["eligible_products"])
    still.control("POST", f"users/{answer['id']}/decide", {"status": "VERIFIED"})
    assert all(product["eligible"] for product in still.read(answer["id"])["eligible_products"])


def test_a_verified_user_is_not_eligible_for_what_lacks_a_field(still: Caller) -> None:
    user_id = still.create(individual()).json()["id"]
    still.control("POST", f"users/{user_id}/decide", {"status": "VERIFIED"})
    products = {each["product_code"]: each["eligible"] for each in still.read(user_id)["eligible_products"]}
    assert products["usa-virtual-accounts"] is False
    assert products["payout"] is True
    still.toggle(source_of_wealth_required=False)
    products = {each["product_code"]: each["eligible"] for each in still.read(user_id)["eligible_products"]}
    assert products["usa-virtual-accounts"] is True


def test_act_asks_a_person_abroad_for_the_two_answers(still: Caller) -> None:
    body = abroad(additional_info={"has_us_bank_account": "no", "has_denied_bank_account": "Yes"})
    assert still.create(body).json()["missing_fields"]["usa-virtual-accounts-act"] == [
        "immigration_status",
        "additional_info:denied_bank_account_explain",
    ]


def test_products_wait_for_verification_when_switched_on(still: Caller) -> None:
    still.toggle(products_after_verification=True)
    answer = still.create(individual()).json()
    assert answer["eligible_products"] == []
    assert "missing_fields" not in answer
