"""How a user is shown, contract section 2.7 and the mapping of 6.2."""

import hashlib
from typing import Any

from onboarding.sandbox.kira import records, rules
from onboarding.sandbox.kira.options import KiraToggles
from onboarding.sandbox.kira.schema import alpha3
from onboarding.sandbox.state import JsonObject, iso

_LEGACY = {"VERIFIED": "verified", "REJECTED": "rejected"}
_COMMON_ANSWERS = {
    "individual": ("first_name", "middle_name", "last_name", "phone", "birth_date", "nationality", "gender"),
    "business": ("business_legal_name", "formation_country"),
}
_FOLDED = (
    "occupation",
    "current_employer",
    "pep_status",
    "external_id",
    "account_purpose",
    "source_of_funds",
    "employment_status",
    "expected_monthly_payments",
)
_COUNTRIES = {"nationality", "formation_country", "issuing_country", "address_country", "document_country"}


def legacy_status(status: str, toggles: KiraToggles) -> str:
    """The deprecated word; ``VERIFYING`` lags behind as it was seen to."""
    if status == "REVIEW":
        return "under_review" if toggles.legacy_words == "R1" else "in_review"
    return _LEGACY.get(status, "unverified")


def after_write(user: JsonObject, toggles: KiraToggles, *, files_at: str, now: float) -> JsonObject:
    """The answer to POST, to its replay and to PUT."""
    shown = after_read(user, toggles)
    shown["verification_triggered"] = user["triggered"]
    if user["link"]:
        shown["verification_link"] = user["link"]
    shown["identifying_information"] = [
        _entry(entry, toggles, files_at=files_at, now=now) for entry in user["entries"]
    ]
    return shown


def after_read(user: JsonObject, toggles: KiraToggles) -> JsonObject:
    """The answer to GET: no presigned links, and no trigger unless switched on (C-19)."""
    shown = in_list(user, toggles)
    shown["identifying_information"] = [_entry(entry, toggles) for entry in user["entries"]]
    if toggles.triggered_in_get:
        shown["verification_triggered"] = user["triggered"]
    early = toggles.products_after_verification and user["status"] == "CREATED"
    shown["eligible_products"] = [] if early else rules.eligible_products(user, toggles)
    missing = {} if early else rules.missing_fields(user, toggles)
    if missing:
        shown["missing_fields"] = missing
    return shown


def in_list(user: JsonObject, toggles: KiraToggles) -> JsonObject:
    """One item of the list, without products."""
    kind, answers = user["type"], user["answers"]
    shown: JsonObject = {
        "id": user["id"],
        "type": kind,
        "email": answers["email"],
        "status": user["status"],
        "verification_status": legacy_status(user["status"], toggles),
        "verification_mode": user["mode"],
        "created_at": iso(user["created_at"]),
        "updated_at": iso(user["updated_at"]),
        "metadata": _metadata(user, toggles),
    }
    for name in _COMMON_ANSWERS[kind]:
        if answers.get(name) is not None:
            shown[name] = _country(name, answers[name], toggles)
    address = "residential_address" if kind == "individual" else "registered_address"
    shown[address] = {
        part: _country(name, answers.get(name) or "", toggles) for part, name in records.ADDRESS_PARTS.items()
    }
    if kind == "business":
        shown["associated_persons"] = [_person(person, toggles) for person in user["persons"]]
    return shown


def _metadata(user: JsonObject, toggles: KiraToggles) -> JsonObject:
    """The caller's own pairs; the older revision mixed some answers in."""
    if not toggles.fold_metadata:
        return dict(user["metadata"])
    answers = user["answers"]
    folded = {name: answers[name] for name in _FOLDED if answers.get(name) is not None}
    ssn = records.entry_number(user, "ssn")
    return {**user["metadata"], **({"ssn": ssn} if ssn else {}), **folded}


def _person(person: JsonObject, toggles: KiraToggles) -> JsonObject:
    answers = {name: _country(name, value, toggles) for name, value in person["answers"].items()}
    return {**answers, "identifying_information": [_entry(entry, toggles) for entry in person["entries"]]}


def _entry(
    entry: JsonObject, toggles: KiraToggles, *, files_at: str | None = None, now: float = 0.0
) -> JsonObject:
    names = ("type", "issuing_country", "number", "expiration", "description")
    shown = {name: _country(name, entry[name], toggles) for name in names if entry[name] is not None}
    return {**shown, "documents": [_document(document, files_at, now) for document in entry["documents"]]}


def _document(document: JsonObject, files_at: str | None, now: float) -> JsonObject:
    shown = {
        "type": document["type"],
        "file_name": document["file_name"],
        "uploaded_at": iso(document["uploaded_at"]),
        "content_type": document["content_type"],
    }
    if files_at:
        signature = hashlib.sha256(f"{document['file_name']}{now}".encode()).hexdigest()
        shown["file"] = f"{files_at}/{document['file_name']}?expires={int(now) + 600}&signature={signature}"
    return shown


def _country(name: str, value: Any, toggles: KiraToggles) -> Any:
    return alpha3(value) if toggles.echo_countries == "alpha3" and name in _COUNTRIES else value
