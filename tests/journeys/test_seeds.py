"""The examples that product apps were given, pasted as they stand (with real pictures and readable addresses)."""

from typing import Any
from uuid import uuid4

import pytest

from onboarding.management.commands.seed_demo import picture
from tests.journeys.stack import App, Stack

pytestmark = pytest.mark.journey

QUICK: dict[str, Any] = {
    "type": "individual",
    "email": "john@example.com",
    "first_name": "John",
    "last_name": "Doe",
    "birth_date": "1990-01-15",
    "ssn": "123-45-6789",
    "document_type": "passport",
    "document_number": "AB1234567",
    "document_country": "USA",
    "address_street": "123 Main St",
    "address_city": "San Francisco",
    "address_state": "CA",
    "address_zip_code": "94105",
    "address_country": "USA",
}
LEGACY: dict[str, Any] = {
    "type": "individual",
    "email": "john@example.com",
    "phone_number": "+1234567890",
    "first_name": "John",
    "last_name": "Doe",
    "country": "US",
}
MANUAL: dict[str, Any] = {
    "type": "individual",
    "email": "john@example.com",
    "phone": "+1234567890",
    "first_name": "John",
    "last_name": "Doe",
}


def _documents(*slots: str) -> list[dict[str, str]]:
    return [{"type": slot, "file": picture("SPECIMEN", slot)} for slot in slots]


def individual_usa() -> dict[str, Any]:
    return {
        "type": "individual",
        "first_name": "John",
        "last_name": "Doe",
        "middle_name": "William",
        "email": "john.doe@example.com",
        "phone": "+12025551234",
        "birth_date": "1990-01-15",
        "nationality": "USA",
        "gender": "male",
        "external_id": "your-internal-id-123",
        "address_street": "123 Main Street",
        "address_street_2": "Apt 4B",
        "address_city": "San Francisco",
        "address_state": "CA",
        "address_zip_code": "94105",
        "address_country": "USA",
        "identifying_information": [
            {"type": "ssn", "issuing_country": "USA", "number": "123-45-6789"},
            {
                "type": "drivers_license",
                "issuing_country": "USA",
                "number": "D1234567",
                "expiration": "2028-01-15",
                "documents": _documents("front", "back", "file_proof_of_address"),
            },
        ],
        "pep_status": False,
        "source_of_funds": "salary",
        "account_purpose": "manage_personal_funds",
        "employment_status": "employed",
        "current_employer": "Acme Corp",
        "occupation": "Software Engineer",
        "expected_monthly_payments": "5000_9999",
    }


def individual_mexico() -> dict[str, Any]:
    return {
        "type": "individual",
        "first_name": "Maria",
        "last_name": "Garcia",
        "middle_name": "Lopez",
        "email": "maria@example.com",
        "phone": "+5215512345678",
        "birth_date": "1988-05-20",
        "nationality": "MEX",
        "gender": "female",
        "external_id": "mex-user-456",
        "address_street": "Av. Reforma 222",
        "address_street_2": "Piso 10",
        "address_city": "Ciudad de Mexico",
        "address_state": "CDMX",
        "address_zip_code": "06600",
        "address_country": "MEX",
        "identifying_information": [
            {"type": "curp", "issuing_country": "MEX", "number": "GARM880520MDFRRL09"},
            {"type": "rfc", "issuing_country": "MEX", "number": "GARM880520XXX"},
            {
                "type": "national_id",
                "issuing_country": "MEX",
                "number": "1234567890123",
                "expiration": "2030-05-20",
                "documents": _documents("front", "back", "file_proof_of_address"),
            },
        ],
        "pep_status": False,
        "source_of_funds": "salary",
        "account_purpose": "make_payments",
        "employment_status": "employed",
        "current_employer": "Empresa S.A.",
        "occupation": "Contador",
    }


def business_usa() -> dict[str, Any]:
    return {
        "type": "business",
        "business_legal_name": "Acme Technology Inc.",
        "business_trade_name": "Acme Tech",
        "doing_business_as": "Acme",
        "email": "acme@example.com",
        "phone": "+14155551234",
        "business_type": "corporation",
        "business_description": "SaaS platform for enterprise solutions",
        "business_industry": [
            "data_processing_hosting_related_services",
            "computer_electronic_product_manufacturing",
        ],
        "business_website": "https://acmetech.com",
        "external_id": "business-usa-789",
        "formation_date": "2018-03-15",
        "formation_state": "DE",
        "address_street": "100 Market Street",
        "address_street_2": "Suite 500",
        "address_city": "San Francisco",
        "address_state": "CA",
        "address_zip_code": "94105",
        "address_country": "USA",
        "ein": "12-3456789",
        "representative_first_name": "Robert",
        "representative_last_name": "Smith",
        "representative_title": "CEO",
        "representative_birth_date": "1975-08-22",
        "representative_ssn": "987-65-4321",
        "associated_persons": [
            {
                "first_name": "Robert",
                "last_name": "Smith",
                "email": "robert@example.com",
                "birth_date": "1975-08-22",
                "has_ownership": True,
                "ownership_percentage": 60,
                "has_control": True,
                "is_signer": True,
                "title": "CEO",
                "ssn": "987-65-4321",
                "address_street": "456 Oak Avenue",
                "address_city": "Palo Alto",
                "address_state": "CA",
                "address_zip_code": "94301",
                "address_country": "USA",
                "identifying_information": [
                    {
                        "type": "drivers_license",
                        "issuing_country": "USA",
                        "number": "CA12345678",
                        "documents": _documents("front", "back"),
                    }
                ],
            },
            {
                "first_name": "Sarah",
                "last_name": "Johnson",
                "email": "sarah@example.com",
                "birth_date": "1980-11-10",
                "has_ownership": True,
                "ownership_percentage": 40,
                "has_control": False,
                "is_signer": False,
                "title": "Co-founder",
                "ssn": "111-22-3333",
                "identifying_information": [
                    {
                        "type": "passport",
                        "issuing_country": "USA",
                        "number": "987654321",
                        "expiration": "2029-11-10",
                        "documents": _documents("front"),
                    }
                ],
            },
        ],
        "identifying_information": [
            {
                "type": "business_formation",
                "issuing_country": "USA",
                "description": "Certificate of Incorporation",
                "documents": _documents("file_business_formation"),
            }
        ],
        "pep_status": False,
        "source_of_funds": "sales_of_goods_and_services",
        "account_purpose": "receive_payments_for_goods_and_services",
        "expected_monthly_payments": "50000_plus",
        "has_material_intermediary_ownership": False,
    }


def business_mexico() -> dict[str, Any]:
    owner = {
        "first_name": "Carlos",
        "last_name": "Hernandez",
        "email": "carlos@example.com",
        "birth_date": "1970-02-14",
        "has_ownership": True,
        "ownership_percentage": 70,
        "has_control": True,
        "is_signer": True,
        "title": "Director General",
        "nationality": "MEX",
        "identifying_information": [
            {
                "type": "national_id",
                "issuing_country": "MEX",
                "number": "HERC700214HDFRRL01",
                "documents": _documents("front", "back"),
            }
        ],
    }
    return {
        "type": "business",
        "business_legal_name": "Tecnologia Avanzada S.A. de C.V.",
        "doing_business_as": "TecAv",
        "email": "tec@example.com",
        "phone": "+5215598765432",
        "business_type": "corporation",
        "business_description": "Desarrollo de software empresarial",
        "business_industry": ["professional_scientific_technical"],
        "business_website": "https://tecavanzada.mx",
        "external_id": "mex-business-001",
        "formation_date": "2015-06-01",
        "formation_state": "CDMX",
        "address_street": "Paseo de la Reforma 505",
        "address_city": "Ciudad de Mexico",
        "address_state": "CDMX",
        "address_zip_code": "06500",
        "address_country": "MEX",
        "rfc": "TAV150601XXX",
        "representative_first_name": "Carlos",
        "representative_last_name": "Hernandez",
        "representative_title": "Director General",
        "representative_birth_date": "1970-02-14",
        "associated_persons": [owner],
        "identifying_information": [
            {
                "type": "business_formation",
                "issuing_country": "MEX",
                "documents": _documents("file_business_formation"),
            },
            {
                "type": "proof_of_address",
                "issuing_country": "MEX",
                "documents": _documents("file_proof_of_address"),
            },
        ],
        "pep_status": False,
        "source_of_funds": "sales_of_goods_and_services",
        "account_purpose": "receive_payments_for_goods_and_services",
        "expected_monthly_payments": "10000_49999",
    }


def test_the_five_bodies_trigger_as_the_contract_works_out(embedded: Stack) -> None:
    app = embedded.app()
    bodies = [QUICK, individual_usa(), individual_mexico(), business_usa(), business_mexico()]
    triggered = [_created(app, body)["verification_triggered"] for body in bodies]
    assert triggered == [False, True, False, False, False]


def test_the_three_app_examples_work_but_for_their_keys(embedded: Stack) -> None:
    app = embedded.app()
    for body in (QUICK, LEGACY, MANUAL):
        refused = app.create(body, key="user-123")
        assert refused.status_code == 400
        assert refused.json()["details"] == [
            {"path": "idempotency-key", "message": "Invalid uuid", "code": "invalid_string"}
        ]
        user = _created(app, body)
        session = app.request(
            "POST",
            f"/v1/users/{user['id']}/verifications",
            json={"type": "embedded-link", "redirect_uri": "https://yourapp.com/verification-complete"},
            headers={"idempotency-key": str(uuid4())},
        )
        assert session.status_code == 201, session.text
        assert session.json()["provider_link"] == session.json()["verification_link"] != ""


def _created(app: App, body: dict[str, Any]) -> dict[str, Any]:
    answer = app.create(body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found
