"""Rows for tests. Every builder takes what a test cares about and invents the rest; nothing happens behind its back."""

import io
import itertools
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from PIL import Image

from documents import vault
from documents.vault import Prepared
from onboarding.domain import end_users
from onboarding.domain.audit import Actor
from onboarding.enums import Partner, ReviewPolicy
from onboarding.models import ApiClient, EndUser

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_counter = itertools.count(1000)


def png(*, width: int = 8, height: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#e8eef7").save(out, "PNG")
    return out.getvalue()


def prepared_png() -> Prepared:
    return vault.prepare(source=png(), declared_content_type="image/png")


def document(slot: str) -> dict[str, Any]:
    return {"type": slot, "file": prepared_png(), "file_name": f"{slot}.png", "description": None}


def make_client(*, review_policy: ReviewPolicy = ReviewPolicy.AUTOMATIC) -> ApiClient:
    return ApiClient.objects.create(
        name=f"app-{uuid4().hex[:8]}",
        password_digest="0" * 64,
        default_partners=["KIRA"],
        review_policy=review_policy,
    )


def individual(**changes: Any) -> dict[str, Any]:
    """A complete USA individual; pass None to leave a member out."""
    number = next(_counter)
    declaration: dict[str, Any] = {
        "type": "individual",
        "first_name": "Priya",
        "middle_name": "June",
        "last_name": "Nakamura",
        "email": f"priya.{number}@example.com",
        "phone": "+12025550142",
        "birth_date": date(1987, 11, 3),
        "nationality": "USA",
        "gender": "female",
        "address_street": "18 Harbour Lane",
        "address_city": "Portland",
        "address_state": "OR",
        "address_zip_code": "97205",
        "address_country": "USA",
        "identifying_information": [
            {"type": "ssn", "issuing_country": "USA", "number": f"000-{number % 100:02d}-{number}"},
            {
                "type": "passport",
                "issuing_country": "USA",
                "number": f"X{number:08d}",
                "expiration": date(2031, 6, 30),
                "documents": [document("front")],
            },
            {
                "type": "proof_of_address",
                "issuing_country": "USA",
                "documents": [document("file_proof_of_address")],
            },
        ],
        "pep_status": False,
        "source_of_funds": "salary",
        "account_purpose": "receive_payments",
        "employment_status": "employed",
        "current_employer": "Lumen Freight Co",
        "occupation": "Logistics planner",
        "metadata": {"branch": "west"},
    }
    declaration |= changes
    return {name: value for name, value in declaration.items() if value is not None}


def business(**changes: Any) -> dict[str, Any]:
    """A complete Mexican business with one owner; pass None to leave a member out."""
    number = next(_counter)
    declaration: dict[str, Any] = {
        "type": "business",
        "business_legal_name": "Farol del Sur Comercio SA de CV",
        "doing_business_as": "Farol del Sur",
        "email": f"farol.{number}@example.com",
        "phone": "+525555550199",
        "business_type": "corporation",
        "business_description": "Wholesale of ship chandlery",
        "business_industry": ("merchant_wholesalers_durable_goods",),
        "business_website": "https://farol.example.com",
        "formation_date": date(2016, 9, 12),
        "formation_state": "VER",
        "address_street": "Malecon 410",
        "address_city": "Veracruz",
        "address_state": "VER",
        "address_zip_code": "91700",
        "address_country": "MEX",
        "rfc": f"FSC16{number}AB3",
        "representative_first_name": "Tomas",
        "representative_last_name": "Aguirre",
        "representative_title": "General manager",
        "representative_birth_date": date(1979, 4, 27),
        "associated_persons": [
            {
                "first_name": "Tomas",
                "last_name": "Aguirre",
                "email": f"tomas.{number}@example.com",
                "birth_date": date(1979, 4, 27),
                "nationality": "MEX",
                "has_ownership": True,
                "ownership_percentage": Decimal("100"),
                "has_control": True,
                "is_signer": True,
                "identifying_information": [
                    {
                        "type": "national_id",
                        "issuing_country": "MEX",
                        "number": f"IDMEX{number:08d}",
                        "documents": [document("front"), document("back")],
                    }
                ],
            }
        ],
        "identifying_information": [
            {"type": "tax_id", "issuing_country": "MEX", "number": f"FSC16{number}AB3"},
            {
                "type": "business_formation",
                "issuing_country": "MEX",
                "documents": [document("file_business_formation")],
            },
            {
                "type": "proof_of_address",
                "issuing_country": "MEX",
                "documents": [document("file_proof_of_address")],
            },
        ],
        "pep_status": False,
        "source_of_funds": "sales_of_goods_and_services",
        "account_purpose": "receive_payments_for_goods_and_services",
        "expected_monthly_payments": "10000_49999",
    }
    declaration |= changes
    return {name: value for name, value in declaration.items() if value is not None}


def register(
    *, client: ApiClient | None = None, declaration: dict[str, Any] | None = None, at: datetime = NOON
) -> EndUser:
    client = client or make_client()
    return end_users.register(
        client=client,
        declaration=declaration or individual(),
        partners=[Partner.KIRA],
        actor=Actor.app(client),
        at=at,
    )
