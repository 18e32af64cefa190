"""The body of `POST /v1/users/{userId}/verifications`: a union on `type` (contract section 2.11)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from config.errors import InvalidData, Problem
from onboarding.api.serializers.base import Group
from onboarding.api.serializers.end_users import CorrectedBusiness, CorrectedIndividual
from onboarding.api.serializers.fields import (
    Choice,
    Country,
    Date,
    FileMember,
    RequiredText,
    Text,
    Url,
    refuse,
    wrong_type,
)
from onboarding.enums import SessionType
from onboarding.intake_values import GOVERNMENT_IDS, SESSION_TYPES


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """What kind of session, where its page leads afterwards, and what the end user corrects with it."""

    session_type: SessionType
    redirect_uri: str = ""
    changes: dict[str, Any] = field(default_factory=dict)


class EmbeddedLinkSession(Group):
    """A hosted page; its address is in the answer."""

    type = Choice(("embedded-link",), required=True)
    redirect_uri = Url()


class IdentityDocument(Group):
    """The first revision's way to bring an identity document."""

    type = Choice(GOVERNMENT_IDS, required=True)
    number = Text(limit=100)
    country = Country(required=True)
    expiration_date = Date()
    front_image = FileMember(required=False)
    back_image = FileMember(required=False)

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        files = ((slot, found.get(f"{slot}_image")) for slot in ("front", "back"))
        return {
            "type": found["type"],
            "issuing_country": found["country"],
            "number": found.get("number"),
            "expiration": found.get("expiration_date"),
            "documents": [{"type": slot, "file": file} for slot, file in files if file is not None],
        }


class AddressProof(Group):
    """Named by the first revision with an address to fetch it from, which we do not do."""

    type = Text()
    document_url = RequiredText(limit=2_000)

    def whole(self, found: dict[str, Any]) -> dict[str, Any]:
        refuse("Files are taken with the request only; send it to /documents", path="document_url")


class SessionDocuments(Group):
    identity_document = IdentityDocument(required=False)
    address_proof = AddressProof(required=False)


class IndividualApiSession(Group):
    """A session without a page. `metadata` holds corrected members of the end user."""

    type = Choice(("api",), required=True)
    documents = SessionDocuments(required=False)
    metadata = CorrectedIndividual(required=False)


class BusinessApiSession(Group):
    """The same for a business."""

    type = Choice(("api",), required=True)
    metadata = CorrectedBusiness(required=False)


_LINK = EmbeddedLinkSession()
_API: dict[bool, Group] = {False: IndividualApiSession(), True: BusinessApiSession()}


def read_session(body: Any, *, is_business: bool) -> SessionRequest:
    """The session asked for; the discriminator is judged first and alone. Raises `InvalidData`."""
    if not isinstance(body, Mapping):
        wrong_type("object", body)
    type_ = body.get("type")
    if not isinstance(type_, str) or type_ not in SESSION_TYPES:
        listed = " | ".join(f"'{word}'" for word in SESSION_TYPES)
        message = f"Invalid discriminator value. Expected {listed}"
        raise InvalidData([Problem("type", message, "invalid_union_discriminator")])
    if type_ == "embedded-link":
        return SessionRequest(SessionType.EMBEDDED_LINK, _LINK.read(body).get("redirect_uri") or "")
    told = _API[is_business].read(body)
    changes = dict(told.get("metadata") or {})
    identity = (told.get("documents") or {}).get("identity_document")
    if identity:
        changes["identifying_information"] = [*(changes.get("identifying_information") or ()), identity]
    return SessionRequest(SessionType.API, changes=changes)
