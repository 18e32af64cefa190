"""The body of `POST /v1/users/{userId}/documents`."""

from collections.abc import Mapping
from typing import Any

from onboarding.api.serializers.base import Group
from onboarding.api.serializers.fields import Choice, Country, FileMember, Text, UUIDMember, wrong_type
from onboarding.intake_values import (
    ALL_DOCUMENTS,
    BUSINESS_DOCUMENTS,
    IDENTIFICATION_TYPES,
    INDIVIDUAL_DOCUMENTS,
)


class NewDocument(Group):
    """A document of an end user, or of one of its persons."""

    type = Choice(ALL_DOCUMENTS, required=True)
    file = FileMember()
    file_name = Text()
    description = Text(limit=1000, is_multiline=True)
    identification_type = Choice(IDENTIFICATION_TYPES)
    issuing_country = Country()
    person_id = UUIDMember()


class IndividualDocument(NewDocument):
    type = Choice(INDIVIDUAL_DOCUMENTS, required=True)


class BusinessDocument(NewDocument):
    type = Choice(BUSINESS_DOCUMENTS, required=True)


_INDIVIDUAL = IndividualDocument()
_BUSINESS = BusinessDocument()


def read_document(body: Any, *, is_business: bool) -> dict[str, Any]:
    """The validated document; a person of a business has the documents of an individual. Raises `InvalidData`."""
    if not isinstance(body, Mapping):
        wrong_type("object", body)
    told = dict(body)
    told.setdefault("type", told.get("document_type"))
    if told["type"] is None:
        del told["type"]
    return (_BUSINESS if is_business and not told.get("person_id") else _INDIVIDUAL).read(told)
