"""How a request becomes, or changes, the record of a user: aliases, derivations and merging.

Contract sections 2.1 (legacy spellings), 2.6 (what PUT does) and readings C-04, C-05, C-06, C-18, C-32.
"""

import uuid
from typing import Any

from onboarding.sandbox.kira import values
from onboarding.sandbox.kira.schema import alpha3
from onboarding.sandbox.state import JsonObject, compact_stamp

ADDRESS_PARTS = {
    "street_line_1": "address_street",
    "street_line_2": "address_street_2",
    "city": "address_city",
    "subdivision": "address_state",
    "postal_code": "address_zip_code",
    "country": "address_country",
}
_APART = (
    "type",
    "status",
    "metadata",
    "identifying_information",
    "associated_persons",
    "verification_mode",
    "redirect_uri",
    "ssn",
)
_SENSITIVE = {
    "first_name",
    "middle_name",
    "last_name",
    "business_legal_name",
    "birth_date",
    "ssn",
    "ein",
    "document_type",
    "document_number",
    "document_country",
    "representative_first_name",
    "representative_last_name",
    "representative_birth_date",
    "representative_ssn",
    "identifying_information",
    "associated_persons",
    *ADDRESS_PARTS.values(),
}


def new_user(body: JsonObject, *, client_id: str, now: float) -> JsonObject:
    """The record of a checked POST body, status ``CREATED``."""
    kind = body["type"]
    body = _in_current_words(body, kind)
    user: JsonObject = {
        "id": str(uuid.uuid4()),
        "client_id": client_id,
        "type": kind,
        "status": "CREATED",
        "mode": body.get("verification_mode") or "automatic",
        "redirect_uri": body.get("redirect_uri"),
        "round": 0,
        "triggered": False,
        "link": None,
        "reasons": [],
        "created_at": now,
        "updated_at": now,
        "answers": {name: value for name, value in body.items() if name not in _APART},
        "metadata": body.get("metadata") or {},
        "entries": [_new_entry(entry, now) for entry in body.get("identifying_information") or []],
        "persons": [_new_person(person, now) for person in body.get("associated_persons") or []],
        "history": [],
    }
    if kind == "individual" and body.get("ssn"):
        _merge_entry(user["entries"], _ssn_entry(body["ssn"]), now)
    return user


def update(user: JsonObject, body: JsonObject, *, now: float) -> list[str]:
    """Write a checked PUT body into `user`; answers the request names that changed something."""
    changed = []
    for name, value in body.items():
        before = _look(user, name)
        _write(user, name, value, now)
        if _look(user, name) != before:
            changed.append(name)
    if changed:
        user["updated_at"] = now
    return changed


def is_sensitive(names: list[str]) -> bool:
    """Whether one of these calls for verification again."""
    return not _SENSITIVE.isdisjoint(names)


def category(user: JsonObject) -> str | None:
    """``USA``, ``INT``, or None without an address country. Nothing else counts, section 4.1."""
    country = alpha3(user["answers"].get("address_country"))
    return None if not country else "USA" if country == "USA" else "INT"


def is_restricted(user: JsonObject) -> bool:
    return alpha3(user["answers"].get("address_country")) in values.RESTRICTED_COUNTRIES


def entry_number(user: JsonObject, kind: str) -> str | None:
    """The number of the first entry of this type that has one."""
    return next(
        (entry["number"] for entry in user["entries"] if entry["type"] == kind and entry["number"]), None
    )


def ein(user: JsonObject) -> str | None:
    return user["answers"].get("ein") or entry_number(user, "ein")


def identity_document(user: JsonObject) -> JsonObject:
    """`document_type`, `document_number`, `document_country` as given, gaps filled from the entries (C-04, C-06)."""
    derived: JsonObject = {}
    if user["type"] == "business" and ein(user):
        derived = {"type": "ein", "number": ein(user), "issuing_country": "USA"}
    else:
        types = ("tax_id",) if user["type"] == "business" else values.GOVERNMENT_IDS
        derived = next((entry for entry in user["entries"] if entry["type"] in types), {})
    answers = user["answers"]
    return {
        "document_type": answers.get("document_type") or derived.get("type"),
        "document_number": answers.get("document_number") or derived.get("number"),
        "document_country": answers.get("document_country") or derived.get("issuing_country"),
    }


def holds(entries: list[JsonObject], document_type: str) -> bool:
    """Whether some entry has a file of this type (C-10)."""
    return any(document["type"] == document_type for entry in entries for document in entry["documents"])


def government_ids(entries: list[JsonObject]) -> list[JsonObject]:
    return [entry for entry in entries if entry["type"] in values.GOVERNMENT_IDS]


def _in_current_words(body: JsonObject, kind: str) -> JsonObject:
    body = dict(body)
    nested = body.pop("residential_address" if kind == "individual" else "registered_address", None) or {}
    older = {flat: nested.get(part) for part, flat in ADDRESS_PARTS.items()}
    older["address_country"] = older["address_country"] or body.pop("country", None)
    older["phone"] = body.pop("phone_number", None)
    older["representative_birth_date"] = body.pop("representative_date_of_birth", None)
    for name in ("country", "physical_address"):
        body.pop(name, None)
    for name, value in older.items():
        if value and not body.get(name):
            body[name] = value
    return body


def _look(user: JsonObject, name: str) -> Any:
    """What comparing before and after is about; a file sent again is the same file."""
    if name == "metadata":
        return dict(user["metadata"])
    if name in ("identifying_information", "ssn"):
        return [_bare_entry(entry) for entry in user["entries"]]
    if name == "associated_persons":
        return [
            {**person, "entries": [_bare_entry(e) for e in person["entries"]]} for person in user["persons"]
        ]
    if name in ("verification_mode", "redirect_uri"):
        return user["mode" if name == "verification_mode" else name]
    return user["answers"].get(name)


def _bare_entry(entry: JsonObject) -> JsonObject:
    return {**entry, "documents": [(d["type"], d["sha256"], d["description"]) for d in entry["documents"]]}


def _write(user: JsonObject, name: str, value: Any, now: float) -> None:
    match name:
        case "metadata":
            user["metadata"].update(value or {})
        case "identifying_information":
            for entry in value or []:
                _merge_entry(user["entries"], entry, now)
        case "ssn":
            if value:
                _merge_entry(user["entries"], _ssn_entry(value), now)
        case "associated_persons":
            for person in value or []:
                _merge_person(user["persons"], person, now)
        case "verification_mode":
            user["mode"] = value or user["mode"]
        case "redirect_uri":
            user["redirect_uri"] = value
        case "status":
            pass
        case _:
            user["answers"][name] = value


def _merge_entry(entries: list[JsonObject], sent: JsonObject, now: float) -> None:
    stored = next((entry for entry in entries if entry["type"] == sent["type"]), None)
    if stored is None:
        entries.append(_new_entry(sent, now))
        return
    stored.update({name: value for name, value in sent.items() if name != "documents"})
    fresh = _new_entry(sent, now)["documents"]
    replaced = {document["type"] for document in fresh}
    stored["documents"] = [d for d in stored["documents"] if d["type"] not in replaced] + fresh


def _merge_person(persons: list[JsonObject], sent: JsonObject, now: float) -> None:
    wanted = (sent.get("email") or "").casefold()
    stored = next(
        (p for p in persons if wanted and (p["answers"].get("email") or "").casefold() == wanted), None
    )
    if stored is None:
        persons.insert(0, _new_person(sent, now))
        return
    stored["answers"].update(
        {name: value for name, value in sent.items() if name != "identifying_information"}
    )
    for entry in sent.get("identifying_information") or []:
        _merge_entry(stored["entries"], entry, now)


def _new_person(sent: JsonObject, now: float) -> JsonObject:
    return {
        "reference": str(uuid.uuid4()),
        "answers": {name: value for name, value in sent.items() if name != "identifying_information"},
        "entries": [_new_entry(entry, now) for entry in sent.get("identifying_information") or []],
    }


def _new_entry(sent: JsonObject, now: float) -> JsonObject:
    return {
        "type": sent["type"],
        "issuing_country": sent["issuing_country"],
        "number": sent.get("number"),
        "expiration": sent.get("expiration"),
        "description": sent.get("description"),
        "documents": [_new_document(sent["type"], each, now) for each in sent.get("documents") or []],
    }


def _new_document(entry_type: str, sent: JsonObject, now: float) -> JsonObject:
    """What remains of a file: its digest, size and type under a name of the partner's making, section 3.4."""
    extension = sent["file"]["content_type"].rpartition("/")[2].replace("jpeg", "jpg")
    return {
        "type": sent["type"],
        "description": sent.get("description"),
        "file_name": f"{compact_stamp(now)}-{uuid.uuid4().hex[:8]}-{entry_type}-{sent['type']}.{extension}",
        "uploaded_at": now,
        **sent["file"],
    }


def _ssn_entry(number: str) -> JsonObject:
    return {"type": "ssn", "issuing_country": "USA", "number": number}
