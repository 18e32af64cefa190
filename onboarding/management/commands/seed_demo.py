"""Show the whole journey: an individual and a business go from a product app to the partner and back."""

import base64
import io
import json
import random
import string
import sys
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import uuid4

import requests
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from PIL import Image, ImageDraw

SETTLED = ("VERIFIED", "REJECTED")
Body = dict[str, Any]


class Command(BaseCommand):
    help = (
        "Sends two invented end users through the API of a running server and shows each step as it happens."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", default="", help="default: PUBLIC_BASE_URL")
        parser.add_argument(
            "--credentials", default="", help="JSON of create_api_client; default: var/demo_client.json"
        )
        parser.add_argument("--seconds", type=float, default=90, help="give up waiting after so many seconds")

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(options["credentials"] or settings.VAR_DIR / "demo_client.json")
        if not path.exists():
            raise CommandError(f"no credentials at {path}: run create_api_client … --json > {path}")
        app = ProductApp(options["base_url"] or settings.PUBLIC_BASE_URL, json.loads(path.read_text()))
        self.started = time.monotonic()
        self._say("POST /auth: the product app has its token")
        cursor = app.newest_cursor()
        waiting = {}
        for label, body in (("individual", individual()), ("business", business())):
            answer = app.call("POST", "/v1/users", json=body, key=str(uuid4()))
            waiting[answer["id"]] = label
            self._say(
                f"POST /v1/users: {label} {answer['id'][:8]} is {answer['status']}, "
                f"verification_triggered {str(answer['verification_triggered']).lower()}"
            )
        self._follow(app, cursor, waiting, options["seconds"])
        self._say("Done. Open the admin to see each of them on one page.")

    def _follow(self, app: "ProductApp", cursor: str, waiting: dict[str, str], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        open_ids = set(waiting)
        while open_ids and time.monotonic() < deadline:
            page = app.call("GET", "/v1/events", params={"cursor": cursor, "limit": 50})
            cursor = page["next_cursor"]
            for entry in page["data"]:
                data = entry["data"]
                if data.get("user_id") not in waiting:
                    continue
                status = data.get("new_status") or data.get("status")
                self._say(
                    f"event {entry['event']}: {waiting[data['user_id']]} {data['user_id'][:8]} is {status}"
                )
                if status in SETTLED:
                    open_ids.discard(data["user_id"])
            time.sleep(0.5)
        if open_ids:
            raise CommandError(
                f"{len(open_ids)} still on their way after {seconds:.0f} s: is a worker running?"
            )

    def _say(self, line: str) -> None:
        self.stdout.write(f"{time.monotonic() - self.started:6.1f} s  {line}")
        sys.stdout.flush()


class ProductApp:
    """A product app as the API sees one."""

    def __init__(self, base_url: str, credentials: Body) -> None:
        self.base_url = base_url.rstrip("/")
        self.session = requests.Session()
        self.session.headers["x-api-key"] = credentials["api_key"]
        login = {"client_id": credentials["client_id"], "password": credentials["password"]}
        token = self.call("POST", "/auth", json=login)["data"]["access_token"]
        self.session.headers["Authorization"] = f"Bearer {token}"

    def call(self, method: str, path: str, *, key: str = "", **parts: Any) -> Body:
        headers = {"idempotency-key": key} if key else {}
        try:
            answer = self.session.request(method, self.base_url + path, headers=headers, timeout=30, **parts)
        except requests.RequestException as error:
            raise CommandError(f"{method} {path}: {type(error).__name__}; is the server running?") from error
        if not answer.ok:
            raise CommandError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
        found: Body = answer.json()
        return found

    def newest_cursor(self) -> str:
        cursor = ""
        while True:
            page = self.call("GET", "/v1/events", params={"cursor": cursor, "limit": 100})
            cursor = page["next_cursor"]
            if not page["has_more"]:
                return str(cursor)


def individual() -> Body:
    """An invented person in the USA with everything that starts verification."""
    number = _digits(8)
    return {
        "type": "individual",
        "first_name": "Priya",
        "middle_name": "June",
        "last_name": "Nakamura",
        "email": f"priya.{_digits(6)}@example.com",
        "phone": f"+1202555{_digits(4)}",
        "birth_date": "1987-11-03",
        "nationality": "USA",
        "gender": "female",
        "external_id": f"demo-{uuid4()}",
        "address_street": "18 Harbour Lane",
        "address_city": "Portland",
        "address_state": "OR",
        "address_zip_code": "97205",
        "address_country": "USA",
        "identifying_information": [
            {"type": "ssn", "issuing_country": "USA", "number": _ssn()},
            {
                "type": "passport",
                "issuing_country": "USA",
                "number": f"X{number}",
                "expiration": "2031-06-30",
                "documents": [{"type": "front", "file": picture("PASSPORT", f"X{number}")}],
            },
            {
                "type": "proof_of_address",
                "issuing_country": "USA",
                "documents": [
                    {"type": "file_proof_of_address", "file": picture("UTILITY BILL", "18 Harbour Lane")}
                ],
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


def business() -> Body:
    """An invented Mexican company with one owner."""
    tax_id = f"FSC{_digits(6)}AB3"
    owner = f"IDMEX{_digits(10)}"
    return {
        "type": "business",
        "business_legal_name": "Farol del Sur Comercio SA de CV",
        "doing_business_as": "Farol del Sur",
        "email": f"compliance.{_digits(6)}@example.com",
        "phone": f"+5255{_digits(8)}",
        "business_type": "corporation",
        "business_description": "Wholesale of ship chandlery",
        "business_industry": ["merchant_wholesalers_durable_goods"],
        "business_website": "https://farol.example.com",
        "external_id": f"demo-{uuid4()}",
        "formation_date": "2016-09-12",
        "formation_state": "VER",
        "formation_country": "MEX",
        "address_street": "Malecon 410",
        "address_city": "Veracruz",
        "address_state": "VER",
        "address_zip_code": "91700",
        "address_country": "MEX",
        "document_type": "tax_id",
        "document_number": tax_id,
        "document_country": "MEX",
        "rfc": tax_id,
        "representative_first_name": "Tomas",
        "representative_last_name": "Aguirre",
        "representative_title": "General manager",
        "representative_birth_date": "1979-04-27",
        "associated_persons": [
            {
                "first_name": "Tomas",
                "last_name": "Aguirre",
                "email": f"tomas.{_digits(6)}@example.com",
                "birth_date": "1979-04-27",
                "nationality": "MEX",
                "title": "General manager",
                "has_ownership": True,
                "ownership_percentage": 100,
                "has_control": True,
                "is_signer": True,
                "address_country": "MEX",
                "identifying_information": [
                    {
                        "type": "national_id",
                        "issuing_country": "MEX",
                        "number": owner,
                        "documents": [
                            {"type": "front", "file": picture("NATIONAL ID", owner)},
                            {"type": "back", "file": picture("NATIONAL ID", "back")},
                        ],
                    }
                ],
            }
        ],
        "identifying_information": [
            {"type": "tax_id", "issuing_country": "MEX", "number": tax_id},
            {
                "type": "business_formation",
                "issuing_country": "MEX",
                "description": "Deed of incorporation",
                "documents": [{"type": "file_business_formation", "file": picture("DEED", "2016-09-12")}],
            },
            {
                "type": "proof_of_address",
                "issuing_country": "MEX",
                "documents": [
                    {"type": "file_proof_of_address", "file": picture("UTILITY BILL", "Malecon 410")}
                ],
            },
        ],
        "pep_status": False,
        "source_of_funds": "sales_of_goods_and_services",
        "account_purpose": "receive_payments_for_goods_and_services",
        "expected_monthly_payments": "10000_49999",
    }


def picture(title: str, line: str) -> str:
    """A small drawn card as a data URI: a document that is plainly invented."""
    card = Image.new("RGB", (640, 400), "#e8eef7")
    pen = ImageDraw.Draw(card)
    pen.rectangle((16, 16, 624, 384), outline="#35507a", width=4)
    pen.text((40, 40), f"SPECIMEN {title}", fill="#35507a", font_size=36)
    pen.text((40, 120), line, fill="#1d2733", font_size=28)
    pen.text((40, 330), "Invented for a demonstration", fill="#6b7a90", font_size=20)
    out = io.BytesIO()
    card.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


def _digits(count: int) -> str:
    return "".join(random.choices(string.digits, k=count))  # noqa: S311 - invented numbers


def _ssn() -> str:
    """A number from the range that is never issued (area 000)."""
    return f"000-{_digits(2)}-{_digits(3)}7"
