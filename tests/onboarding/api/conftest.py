"""An app that calls, and the bodies it sends. Everybody here is invented."""

import base64
import io
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from PIL import Image

from onboarding.api import throttling
from onboarding.domain import api_clients
from onboarding.domain.api_clients import Credentials
from onboarding.domain.audit import SYSTEM
from onboarding.enums import Partner
from tests.onboarding.domain.conftest import kira

__all__ = ["kira"]


@dataclass
class App:
    """A product app with its credentials, speaking HTTP."""

    credentials: Credentials
    http: Client = field(default_factory=lambda: Client(raise_request_exception=False))
    bearer: str = ""

    @property
    def headers(self) -> dict[str, str]:
        return {"x-api-key": self.credentials.api_key, "authorization": f"Bearer {self.bearer}"}

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        return self.http.generic(
            method, path, data, content_type="application/json", headers={**self.headers, **sent}
        )

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def post(self, path: str, body: Any, *, key: str | None = None) -> Any:
        return self.call("POST", path, body, idempotency_key=key or str(uuid.uuid4()))

    def put(self, path: str, body: Any) -> Any:
        return self.call("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.call("DELETE", path)

    def create(self, body: Any) -> dict[str, Any]:
        answer = self.post("/v1/users", body)
        assert answer.status_code == 201, answer.content
        found: dict[str, Any] = answer.json()
        return found

    def sign_in(self) -> "App":
        told = {"client_id": str(self.credentials.client.pk), "password": self.credentials.password}
        answer = self.http.post(
            "/auth",
            json.dumps(told),
            content_type="application/json",
            headers={"x-api-key": self.credentials.api_key},
        )
        self.bearer = answer.json()["data"]["access_token"]
        return self


def new_app(name: str) -> App:
    credentials = api_clients.create(name=name, partners=[Partner.KIRA], actor=SYSTEM, at=timezone.now())
    return App(credentials).sign_in()


@pytest.fixture(autouse=True)
def _storage(settings, tmp_path):
    settings.DOCUMENTS_URL = f"file://{tmp_path}/documents"
    throttling._turns.clear()


@pytest.fixture
def app(db) -> App:
    return new_app("Wallet")


@pytest.fixture
def other_app(db) -> App:
    return new_app("Other wallet")


def picture(kind: str = "PNG", *, size: tuple[int, int] = (8, 8), colour: str = "white") -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, kind)
    return stream.getvalue()


def data_uri(content: bytes | None = None, mime: str = "image/png") -> str:
    return f"data:{mime};base64,{base64.b64encode(content or picture()).decode()}"


def individual(**changes: Any) -> dict[str, Any]:
    """The smallest individual the contract takes."""
    return {
        "type": "individual",
        "first_name": "Priya",
        "last_name": "Nakamura",
        "email": "priya.nakamura@example.com",
        **changes,
    }


def business(**changes: Any) -> dict[str, Any]:
    """The smallest business the contract takes."""
    return {
        "type": "business",
        "business_legal_name": "Farol del Sur Comercio SA de CV",
        "email": "compliance@faroldelsur.example",
        **changes,
    }


def complete_individual(**changes: Any) -> dict[str, Any]:
    """Everything the verification of a person in the USA waits for."""
    return individual(
        middle_name="June",
        phone="+12025550142",
        birth_date="1987-11-03",
        nationality="USA",
        gender="female",
        external_id="case-000417",
        address_street="18 Harbour Lane",
        address_street_2="Unit 9",
        address_city="Portland",
        address_state="OR",
        address_zip_code="97205",
        address_country="USA",
        document_type="passport",
        document_number="X10002000",
        document_country="USA",
        identifying_information=[
            {"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"},
            {
                "type": "passport",
                "issuing_country": "USA",
                "number": "X10002000",
                "expiration": "2035-06-30",
                "documents": [{"type": "front", "file": data_uri()}],
            },
            {
                "type": "proof_of_address",
                "issuing_country": "USA",
                "documents": [
                    {"type": "file_proof_of_address", "file": data_uri(picture("JPEG"), "image/jpeg")}
                ],
            },
        ],
        pep_status=False,
        source_of_funds="salary",
        account_purpose="receive_payments",
        employment_status="employed",
        current_employer="Lumen Freight Co",
        occupation="Logistics planner",
        metadata={"branch": "west"},
        **changes,
    )


def details(answer: Any) -> dict[str, tuple[str, str]]:
    """The details of an E1 envelope by path: message and code."""
    body = answer.json()
    assert answer.status_code == 400, answer.content
    assert body["error"] == "Invalid request data"
    return {detail["path"]: (detail["message"], detail["code"]) for detail in body["details"]}
