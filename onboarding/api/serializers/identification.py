"""`identifying_information`, its documents, and addresses (contract sections 2.1, 2.3 and 3)."""

from collections.abc import Sequence
from typing import Any

from config.errors import InvalidData, Problem
from onboarding.api.serializers.base import Entries, Group
from onboarding.api.serializers.fields import (
    Choice,
    Country,
    Date,
    FileMember,
    Text,
)
from onboarding.intake_values import (
    BUSINESS_DOCUMENTS,
    GOVERNMENT_IDS,
    IDENTIFICATION_TYPES,
    INDIVIDUAL_DOCUMENTS,
)

MOST_ENTRIES = 50
MOST_DOCUMENTS = 50

# Names of nested addresses and answers -> our flat names (contract section 2.7).
ADDRESS_MEMBERS = {
    "street_line_1": "street",
    "street_line_2": "street_2",
    "city": "city",
    "subdivision": "state",
    "postal_code": "zip_code",
    "country": "country",
}


class RequiredCountry(Country):
    def __init__(self) -> None:
        super().__init__(required=True)


class FileGroup(Group):
    """One document of an entry."""

    file = FileMember()
    description = Text(limit=1000, is_multiline=True)
    file_name = Text()


class IndividualFile(FileGroup):
    type = Choice(INDIVIDUAL_DOCUMENTS, required=True)


class BusinessFile(FileGroup):
    type = Choice(BUSINESS_DOCUMENTS, required=True)


class EntryGroup(Group):
    """One entry: a number, a paper, or both."""

    type = Choice(IDENTIFICATION_TYPES, required=True)
    issuing_country = RequiredCountry()
    number = Text(limit=100)
    expiration = Date()
    description = Text(limit=1000, is_multiline=True)


class IndividualEntry(EntryGroup):
    """An entry of an individual, or of an associated person."""

    documents = Entries(child=IndividualFile(), limit=MOST_DOCUMENTS)


class BusinessEntry(EntryGroup):
    """An entry of a business."""

    documents = Entries(child=BusinessFile(), limit=MOST_DOCUMENTS)


class NestedAddress(Group):
    """An address as one object; read into our flat names."""

    street_line_1 = Text()
    street_line_2 = Text()
    city = Text()
    subdivision = Text()
    postal_code = Text(limit=32)
    country = Country()

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        return {ADDRESS_MEMBERS[name]: value for name, value in found.items()}


# --- The legacy `documents` array (contract section 2.1) ----------------------------------------------


def place_loose_documents(
    entries: Sequence[dict[str, Any]], loose: Sequence[dict[str, Any]], *, told: dict[str, Any]
) -> list[dict[str, Any]]:
    """The entries with the documents of the legacy array put where they belong.

    `file_x` belongs to the entry `x`, a side or a selfie to the first government ID; what is missing is made from
    `document_*` and the address. Raises `InvalidData` at `documents.<i>` when nothing tells where one belongs.
    """
    placed = [dict(entry) for entry in entries]
    problems = []
    for index, document in enumerate(loose):
        entry = _home_of(placed, document["type"], told)
        if entry is None:
            message = "No entry of identifying_information holds this document"
            problems.append(Problem(f"documents.{index}", message))
            continue
        entry["documents"] = [*(entry.get("documents") or ()), document]
    if problems:
        raise InvalidData(problems)
    return placed


def _home_of(entries: list[dict[str, Any]], slot: str, told: dict[str, Any]) -> dict[str, Any] | None:
    wanted = _types_for(slot)
    for entry in entries:
        if entry["type"] in wanted:
            return entry
    type_ = slot.removeprefix("file_") if slot.startswith("file_") else told.get("document_type")
    country = told.get("document_country") or told.get("address_country")
    if type_ not in wanted or type_ not in IDENTIFICATION_TYPES or country is None:
        return None
    entry = {"type": type_, "issuing_country": country}
    if type_ == told.get("document_type"):
        entry["number"] = told.get("document_number")
    entries.append(entry)
    return entry


def _types_for(slot: str) -> tuple[str, ...]:
    return (slot.removeprefix("file_"),) if slot.startswith("file_") else GOVERNMENT_IDS
