"""A sandbox on a free port, a caller that speaks Kira's HTTP to it, and an ear for its webhooks."""

import base64
import copy
import dataclasses
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from onboarding.sandbox.kira.options import KiraOptions, KiraToggles
from onboarding.sandbox.server import Sandbox

PNG = "data:image/png;base64," + base64.b64encode(b"\x89PNG\r\n\x1a\n invented picture").decode()
PDF = "data:application/pdf;base64," + base64.b64encode(b"%PDF-1.4 invented paper").decode()
SECRET = "sandbox-webhook-secret"
FAST = KiraToggles(verifying_delay_seconds=0.05, outcome_delay_seconds=0.1, review_delay_seconds=0.1)

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
    "identifying_information": [
        {"type": "ssn", "issuing_country": "USA", "number": "000-12-3456"},
        {
            "type": "passport",
            "issuing_country": "USA",
            "number": "X10002000",
            "documents": [{"type": "front", "file": PNG}],
        },
        {
            "type": "proof_of_address",
            "issuing_country": "USA",
            "documents": [{"type": "file_proof_of_address", "file": PDF}],
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
PERSON: dict[str, Any] = {
    "first_name": "Tomas",
    "last_name": "Aguirre",
    "email": "tomas.aguirre@example.com",
    "birth_date": "1979-04-27",
    "ownership_percentage": 100,
    "has_ownership": True,
    "identifying_information": [
        {
            "type": "national_id",
            "issuing_country": "MEX",
            "number": "IDMEX0099887766",
            "documents": [{"type": "front", "file": PNG}, {"type": "back", "file": PNG}],
        }
    ],
}
BUSINESS_USA: dict[str, Any] = {
    "type": "business",
    "business_legal_name": "Harbour Freight Invented Inc",
    "doing_business_as": "Harbour",
    "email": "compliance@example.com",
    "phone": "+12025550199",
    "business_type": "corporation",
    "business_description": "Wholesale of ship chandlery",
    "business_industry": ["merchant_wholesalers_durable_goods"],
    "business_website": "https://harbour.example.com",
    "formation_date": "2016-09-12",
    "formation_state": "DE",
    "address_street": "100 Market Street",
    "address_city": "Portland",
    "address_state": "OR",
    "address_zip_code": "97205",
    "address_country": "USA",
    "ein": "12-3456789",
    "representative_first_name": "Tomas",
    "representative_last_name": "Aguirre",
    "representative_title": "General manager",
    "representative_birth_date": "1979-04-27",
    "representative_ssn": "000-98-7654",
    "associated_persons": [PERSON],
    "identifying_information": [
        {
            "type": "business_formation",
            "issuing_country": "USA",
            "documents": [{"type": "file_business_formation", "file": PDF}],
        },
        {
            "type": "proof_of_address",
            "issuing_country": "USA",
            "documents": [{"type": "file_proof_of_address", "file": PDF}],
        },
    ],
    "pep_status": False,
    "source_of_funds": "sales_of_goods_and_services",
    "account_purpose": "receive_payments_for_goods_and_services",
}


def individual(**changes: Any) -> dict[str, Any]:
    """A complete person in the USA; a change to None removes the member."""
    return _changed(INDIVIDUAL_USA, changes)


def business(**changes: Any) -> dict[str, Any]:
    return _changed(BUSINESS_USA, changes)


def _changed(original: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    body = {**copy.deepcopy(original), **changes}
    return {name: value for name, value in body.items() if value is not None}


def wait_for(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """The first true value of `condition`; fails the test when none comes."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError("it did not happen in time")


class Caller:
    """A customer of Kira: authenticated once, every call a plain HTTP request."""

    def __init__(self, base_url: str, options: KiraOptions | None = None) -> None:
        options = options or KiraOptions()
        self.root = base_url
        self.base = f"{base_url}/kira"
        self.options = options
        self.session = requests.Session()
        self.session.headers["x-api-key"] = options.api_key

    def log_in(self) -> "Caller":
        body = {"client_id": self.options.client_id, "password": self.options.password}
        answer = self.session.post(f"{self.base}/auth", json=body)
        self.session.headers["Authorization"] = f"Bearer {answer.json()['data']['access_token']}"
        return self

    def call(self, method: str, path: str, **arguments: Any) -> requests.Response:
        return self.session.request(method, self.base + path, timeout=10, **arguments)

    def create(self, body: Any, key: str | None = None, path: str = "/v1/users") -> requests.Response:
        return self.call("POST", path, json=body, headers={"idempotency-key": key or str(uuid.uuid4())})

    def read(self, user_id: str) -> dict[str, Any]:
        return self.call("GET", f"/v1/users/{user_id}").json()

    def status(self, user_id: str) -> str:
        return self.read(user_id)["status"]

    def put(self, user_id: str, body: Any) -> requests.Response:
        return self.call("PUT", f"/v1/users/{user_id}", json=body)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        answer = requests.request(method, f"{self.root}/_control/{path}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def toggle(self, **toggles: Any) -> None:
        self.control("POST", "toggles", {"kira": toggles})


class Ear:
    """A product of ours that listens: keeps every webhook raw and answers what it is told to."""

    def __init__(self) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        ear = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                ear.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(ear.answers.pop(0) if ear.answers else 200)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hooks/kira/"
        threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        ).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        messages = [json.loads(body) for _, body in self.heard]
        return [message for message in messages if name in (None, message["event"])]

    def wait(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        return wait_for(lambda: found if len(found := self.events(name)) >= count else None)


def is_signed(headers: dict[str, str], body: bytes, secret: str = SECRET) -> bool:
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return headers.get("x-signature-sha256") == expected


@pytest.fixture
def ear() -> Iterator[Ear]:
    ear = Ear()
    yield ear
    ear.close()


@pytest.fixture
def options(ear: Ear) -> KiraOptions:
    return KiraOptions(webhook_url=ear.url, toggles=FAST)


@pytest.fixture
def sandbox(options: KiraOptions) -> Iterator[Sandbox]:
    with Sandbox(kira=options) as running:
        yield running


@pytest.fixture
def still_sandbox(options: KiraOptions) -> Iterator[Sandbox]:
    """One in which nothing moves by itself while the test looks."""
    toggles = dataclasses.replace(FAST, verifying_delay_seconds=3600.0, outcome_delay_seconds=7200.0)
    with Sandbox(kira=dataclasses.replace(options, toggles=toggles)) as running:
        yield running


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox.base_url).log_in()


@pytest.fixture
def still(still_sandbox: Sandbox) -> Caller:
    return Caller(still_sandbox.base_url).log_in()
