"""Dossiers for tests, written as bodies of the intake contract."""

import copy
import hashlib
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from onboarding.partners.base import Dossier, FileRef, IdentificationFacts, PersonFacts

END_USER_ID = "0c9d1f0e-5a0b-4c8b-9f5e-2b7a1d3c4e5f"
PNG = b"\x89PNG\r\n\x1a\n invented picture"
PDF = b"%PDF-1.4 invented paper"
_TOP_LEVEL = ("ssn", "ein", "rfc", "cnpj")
_DATES = ("birth_date", "formation_date", "representative_birth_date")


def file(name: str, slot: str, content: bytes = PNG, kind: str = "image/png") -> FileRef:
    """A document of the vault; its id follows from its name."""
    return FileRef(
        id=str(uuid5(NAMESPACE_URL, name)),
        slot=slot,
        content_type=kind,
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        read=lambda: content,
    )


def dossier(body: Mapping[str, Any], *, end_user_id: str = END_USER_ID) -> Dossier:
    """What the intake makes of a body; a document is given as its slot, or as a `FileRef`."""
    told = copy.copy(dict(body))
    kind = told.pop("type")
    entries = told.pop("identifying_information", [])
    persons = told.pop("associated_persons", [])
    country = told.get("address_country") or "USA"
    return Dossier(
        end_user_id=end_user_id,
        type=kind,
        metadata=told.pop("metadata", {}),
        additional_info=told.pop("additional_info", {}),
        verification_mode=told.pop("verification_mode", "automatic"),
        redirect_uri=told.pop("redirect_uri", None),
        identifications=(*_entries("", entries), *_top_level(told, country)),
        answers=_answers(told),
        persons=tuple(_person(position, person) for position, person in enumerate(persons)),
    )


def _person(position: int, body: Mapping[str, Any]) -> PersonFacts:
    told = dict(body)
    entries = told.pop("identifying_information", [])
    return PersonFacts(
        id=str(uuid5(NAMESPACE_URL, f"person {position}")),
        identifications=(*_entries(f"person {position}", entries), *_top_level(told, "USA")),
        answers=_answers(told),
    )


def _entries(owner: str, entries: list[dict[str, Any]]) -> tuple[IdentificationFacts, ...]:
    return tuple(
        IdentificationFacts(
            type=entry["type"],
            issuing_country=entry["issuing_country"],
            number=entry.get("number"),
            expiration=date.fromisoformat(entry["expiration"]) if entry.get("expiration") else None,
            description=entry.get("description"),
            files=tuple(
                slot
                if isinstance(slot, FileRef)
                else file(f"{owner}/{position}/{entry['type']}/{slot}", slot)
                for slot in entry.get("documents", [])
            ),
        )
        for position, entry in enumerate(entries)
    )


def _top_level(told: dict[str, Any], country: str) -> tuple[IdentificationFacts, ...]:
    homes = {"ssn": "USA", "ein": "USA", "rfc": "MEX", "cnpj": "BRA"}
    return tuple(
        IdentificationFacts(
            type=kind, issuing_country=homes.get(kind, country), number=told[kind], top_level=True
        )
        for kind in _TOP_LEVEL
        if told.get(kind)
    )


def _answers(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in told.items() if value not in (None, "", [])}


def _value(name: str, value: Any) -> Any:
    if name in _DATES:
        return date.fromisoformat(value)
    if name == "ownership_percentage":
        return Decimal(str(value))
    return tuple(value) if isinstance(value, list) else value


INDIVIDUAL_USA: dict[str, Any] = {
    "type": "individual",
    "first_name": "Priya",
    "last_name": "Nakamura",
    "email": "priya.nakamura@example.com",
    "phone": "+12025550142",
    "birth_date": "1987-11-03",
    "nationality": "USA",
    "gender": "female",
    "address_street": "18 Harbour Lane",
    "address_city": "Portland",
    "address_state": "OR",
    "address_zip_code": "97205",
    "address_country": "USA",
    "document_type": "passport",
    "document_number": "X10002000",
    "document_country": "USA",
    "identifying_information": [
        {"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"},
        {
            "type": "passport",
            "issuing_country": "USA",
            "number": "X10002000",
            "expiration": "2031-06-30",
            "documents": ["front"],
        },
        {"type": "proof_of_address", "issuing_country": "USA", "documents": ["file_proof_of_address"]},
        {"type": "source_of_wealth", "issuing_country": "USA", "documents": ["file_source_of_wealth"]},
    ],
    "pep_status": False,
    "source_of_funds": "salary",
    "account_purpose": "receive_payments",
    "employment_status": "employed",
    "current_employer": "Lumen Freight Co",
    "occupation": "Logistics planner",
    "metadata": {"branch": "west"},
}

INDIVIDUAL_INT: dict[str, Any] = {
    **INDIVIDUAL_USA,
    "nationality": "MEX",
    "address_country": "MEX",
    "address_state": "CDMX",
    "identifying_information": [
        {"type": "tax_id", "issuing_country": "MEX", "number": "FERL900101AB1"},
        *INDIVIDUAL_USA["identifying_information"][1:],
    ],
    "expected_monthly_payments": "0_4999",
    "immigration_status": "Non-Resident of U.S.",
    "additional_info": {"has_us_bank_account": "No", "has_denied_bank_account": "No"},
}

OWNER_USA: dict[str, Any] = {
    "first_name": "Robert",
    "last_name": "Example",
    "email": "robert@example.com",
    "birth_date": "1975-08-22",
    "has_ownership": True,
    "ownership_percentage": "33.333333",
    "has_control": True,
    "is_signer": True,
    "ssn": "000-65-4321",
    "address_country": "USA",
    "identifying_information": [
        {
            "type": "drivers_license",
            "issuing_country": "USA",
            "number": "CA12345678",
            "documents": ["front", "back"],
        }
    ],
}

BUSINESS_USA: dict[str, Any] = {
    "type": "business",
    "business_legal_name": "Acme Example Inc.",
    "business_trade_name": "Acme Trade",
    "doing_business_as": "Acme",
    "email": "office@example.com",
    "phone": "+12025550143",
    "business_type": "corporation",
    "business_description": "Software for offices",
    "business_industry": ["data_processing_hosting_related_services"],
    "business_website": "https://acme.example.com",
    "formation_date": "2018-03-15",
    "formation_state": "DE",
    "formation_country": "USA",
    "address_street": "100 Market Street",
    "address_city": "San Francisco",
    "address_state": "CA",
    "address_zip_code": "94105",
    "address_country": "USA",
    "ein": "12-3456789",
    "representative_first_name": "Robert",
    "representative_last_name": "Example",
    "representative_title": "CEO",
    "representative_birth_date": "1975-08-22",
    "representative_ssn": "000-65-4321",
    "associated_persons": [
        OWNER_USA,
        {
            **OWNER_USA,
            "first_name": "Sarah",
            "email": "sarah@example.com",
            "ownership_percentage": "40.00",
            "identifying_information": [
                {"type": "passport", "issuing_country": "USA", "number": "987654321", "documents": ["front"]}
            ],
        },
    ],
    "identifying_information": [
        {"type": "business_formation", "issuing_country": "USA", "documents": ["file_business_formation"]},
        {"type": "proof_of_address", "issuing_country": "USA", "documents": ["file_proof_of_address"]},
        {"type": "source_of_wealth", "issuing_country": "USA", "documents": ["file_source_of_wealth"]},
    ],
    "pep_status": False,
    "source_of_funds": "sales_of_goods_and_services",
    "account_purpose": "receive_payments_for_goods_and_services",
    "has_material_intermediary_ownership": False,
}

BUSINESS_INT: dict[str, Any] = {
    **{name: value for name, value in BUSINESS_USA.items() if name not in ("ein", "representative_ssn")},
    "address_country": "MEX",
    "address_state": "VER",
    "rfc": "FSC160912AB3",
    "identifying_information": [
        {"type": "tax_id", "issuing_country": "MEX", "number": "FSC160912AB3"},
        *BUSINESS_USA["identifying_information"],
    ],
    "expected_monthly_payments": "10000_49999",
    "international_entity_type": "Sociedad Anonima",
    "additional_info": {"has_us_bank_account": "No", "has_denied_bank_account": "No"},
}

COMPLETE = {
    "individual USA": INDIVIDUAL_USA,
    "individual INT": INDIVIDUAL_INT,
    "business USA": BUSINESS_USA,
    "business INT": BUSINESS_INT,
}
