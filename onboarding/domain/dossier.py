"""Everything one end user has told us, frozen for a partner; and the same as JSON, to be kept with a submission."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields as dataclass_fields
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from documents import vault
from documents.enums import AccessPurpose, DocumentSlot, DocumentStatus
from documents.models import Document
from onboarding.enums import AddressKind, IdentificationOrigin
from onboarding.models import (
    Address,
    AssociatedPerson,
    BusinessProfile,
    EndUser,
    Identification,
    IndividualProfile,
)
from onboarding.partners.base import Answer, Dossier, FileRef, IdentificationFacts, PersonFacts

COMMON = (
    "email",
    "phone",
    "document_type",
    "document_number",
    "document_country",
    "pep_status",
    "source_of_funds",
    "account_purpose",
    "expected_monthly_payments",
    "external_id",
    "sector",
)
INDIVIDUAL = (
    "first_name",
    "middle_name",
    "last_name",
    "birth_date",
    "nationality",
    "gender",
    "employment_status",
    "current_employer",
    "income_source",
    "occupation",
    "immigration_status",
)
BUSINESS = (
    "business_legal_name",
    "business_trade_name",
    "doing_business_as",
    "business_type",
    "business_description",
    "business_industry",
    "business_website",
    "formation_date",
    "formation_state",
    "formation_country",
    "representative_first_name",
    "representative_last_name",
    "representative_title",
    "representative_birth_date",
    "representative_ssn",
    "has_material_intermediary_ownership",
)
PERSON = (
    "first_name",
    "middle_name",
    "last_name",
    "email",
    "phone_number",
    "birth_date",
    "nationality",
    "country_of_birth",
    "gender",
    "title",
    "occupation",
    "pep_status",
    "has_ownership",
    "ownership_percentage",
    "has_control",
    "is_signer",
    "document_type",
    "document_number",
    "document_country",
)
ADDRESS = ("street", "street_2", "city", "state", "zip_code", "country")

LIVING_DOCUMENTS = (DocumentStatus.RECEIVED, DocumentStatus.ACCEPTED)

Reader = Callable[[str], bytes]


def with_everything(end_users: Any) -> Any:
    """A queryset of end users with all that `build` reads, in a fixed number of queries."""
    identifications = Identification.objects.order_by("position", "created_at")
    return end_users.select_related("client", "individual", "business").prefetch_related(
        "addresses",
        "documents",
        "enrollments",
        Prefetch("identifications", identifications),
        Prefetch("associated_persons", AssociatedPerson.objects.filter(removed_at=None)),
    )


def hold(end_user: EndUser, **rows: Sequence[Any]) -> None:
    """Give a just written end user the related rows at hand, as if `with_everything` had read them."""
    for name, found in rows.items():
        related = getattr(end_user, name).all()
        related._result_cache = list(found)
        end_user._prefetched_objects_cache = {  # type: ignore[attr-defined]
            **getattr(end_user, "_prefetched_objects_cache", {}),
            name: related,
        }


def build(end_user: EndUser) -> Dossier:
    """The dossier of an end user as it stands now. Documents refused, superseded or expired are left out."""
    documents: dict[UUID | None, list[Document]] = {}
    for document in end_user.documents.all():
        if document.status in LIVING_DOCUMENTS:
            documents.setdefault(document.identification_id, []).append(document)
    entries: dict[UUID | None, list[IdentificationFacts]] = {}
    for entry in end_user.identifications.all():
        entries.setdefault(entry.person_id, []).append(_entry(entry, documents.get(entry.pk, [])))
    addresses = {(a.person_id, a.kind): a for a in end_user.addresses.all()}
    return Dossier(
        end_user_id=str(end_user.pk),
        type=end_user.type.lower(),
        answers=_answers(end_user, entries.get(None, []), addresses),
        metadata=dict(end_user.metadata),
        additional_info=dict(end_user.additional_info or {}),
        partner_answers=dict(end_user.partner_answers or {}),
        verification_mode=end_user.verification_mode.lower(),
        redirect_uri=end_user.redirect_uri,
        identifications=tuple(entries.get(None, [])),
        persons=tuple(
            _person(person, entries.get(person.pk, []), addresses)
            for person in end_user.associated_persons.all()
            if person.removed_at is None
        ),
    )


def _answers(
    end_user: EndUser,
    entries: Sequence[IdentificationFacts],
    addresses: Mapping[tuple[UUID | None, str], Address],
) -> dict[str, Answer]:
    answers: dict[str, Answer] = {name: getattr(end_user, name) for name in COMMON}
    profile: IndividualProfile | BusinessProfile
    names: tuple[str, ...]
    if end_user.is_business:
        profile, names, kind = end_user.business, BUSINESS, AddressKind.REGISTERED
        newer = end_user.business.newer_answers or {}
        answers |= {name: _plain(value) for name, value in newer.items()}
    else:
        profile, names, kind = end_user.individual, INDIVIDUAL, AddressKind.RESIDENTIAL
    answers |= {name: _plain(getattr(profile, name)) for name in names}
    answers |= _flat(addresses.get((None, kind)), "address_")
    answers |= _flat(addresses.get((None, AddressKind.TRADING)), "trading_address_")
    answers |= {entry.type: entry.number for entry in entries if entry.top_level}
    return {name: value for name, value in answers.items() if value not in (None, "", ())}


def _person(
    person: AssociatedPerson,
    entries: Sequence[IdentificationFacts],
    addresses: Mapping[tuple[UUID | None, str], Address],
) -> PersonFacts:
    answers: dict[str, Answer] = {name: getattr(person, name) for name in PERSON}
    answers |= _flat(addresses.get((person.pk, AddressKind.RESIDENTIAL)), "address_")
    answers |= {entry.type: entry.number for entry in entries if entry.top_level}
    told = {name: value for name, value in answers.items() if value not in (None, "")}
    return PersonFacts(id=str(person.pk), answers=told, identifications=tuple(entries))


def _flat(address: Address | None, prefix: str) -> dict[str, Answer]:
    if address is None:
        return {}
    return {f"{prefix}{name}": getattr(address, name) for name in ADDRESS}


def _plain(value: Any) -> Answer:
    return tuple(value) if isinstance(value, list) else value


def _entry(entry: Identification, documents: Sequence[Document]) -> IdentificationFacts:
    return IdentificationFacts(
        type=entry.type.lower(),
        issuing_country=entry.issuing_country,
        number=entry.number,
        expiration=entry.expiration,
        description=entry.description,
        top_level=entry.origin == IdentificationOrigin.TOP_LEVEL,
        files=tuple(_file(document) for document in sorted(documents, key=lambda d: d.created_at)),
    )


def _file(document: Document) -> FileRef:
    return FileRef(
        id=str(document.pk),
        slot=DocumentSlot(document.slot).wire,
        content_type=document.content_type,
        size=document.size,
        sha256=document.sha256,
        file_name=document.file_name or "",
        read=partial(read_for_partner, str(document.pk)),
    )


def read_for_partner(document_id: str) -> bytes:
    """The bytes of a document on their way to a partner; the access is recorded."""
    document = Document.objects.get(pk=document_id)
    return vault.read(document=document, actor="submission", purpose=AccessPurpose.SUBMISSION)


# --- Kept as JSON ---------------------------------------------------------------------------------


def freeze(dossier: Dossier) -> dict[str, Any]:
    """The dossier as JSON values, files by id only. `thaw` gives an equal dossier back."""
    return {
        "end_user_id": dossier.end_user_id,
        "type": dossier.type,
        "answers": _pack(dossier.answers),
        "metadata": dict(dossier.metadata),
        "additional_info": dict(dossier.additional_info),
        "partner_answers": json.loads(json.dumps(dict(dossier.partner_answers))),
        "verification_mode": dossier.verification_mode,
        "redirect_uri": dossier.redirect_uri,
        "identifications": [_pack_entry(entry) for entry in dossier.identifications],
        "persons": [
            {
                "id": person.id,
                "answers": _pack(person.answers),
                "identifications": [_pack_entry(entry) for entry in person.identifications],
            }
            for person in dossier.persons
        ],
    }


def thaw(frozen: Mapping[str, Any], *, read: Reader = read_for_partner) -> Dossier:
    """The dossier that was frozen."""
    values = dict(frozen)
    return Dossier(
        **values
        | {
            "answers": _unpack(values["answers"]),
            "identifications": tuple(_unpack_entry(e, read) for e in values["identifications"]),
            "persons": tuple(
                PersonFacts(
                    id=person["id"],
                    answers=_unpack(person["answers"]),
                    identifications=tuple(_unpack_entry(e, read) for e in person["identifications"]),
                )
                for person in values["persons"]
            ),
        }
    )


def _pack(answers: Mapping[str, Answer]) -> dict[str, Any]:
    return {name: _pack_value(value) for name, value in sorted(answers.items())}


def _pack_value(value: Answer) -> Any:
    match value:
        case date():
            return {"date": value.isoformat()}
        case Decimal():
            return {"decimal": str(value)}
        case tuple():
            return {"list": list(value)}
        case Mapping():
            return {"map": dict(value)}
        case _:
            return value


def _unpack(answers: Mapping[str, Any]) -> dict[str, Answer]:
    return {name: _unpack_value(value) for name, value in answers.items()}


def _unpack_value(value: Any) -> Answer:
    match value:
        case {"date": text}:
            return date.fromisoformat(text)
        case {"decimal": text}:
            return Decimal(text)
        case {"list": members}:
            return tuple(members)
        case {"map": members}:
            return dict(members)
        case _:
            return value  # type: ignore[no-any-return]


def _pack_entry(entry: IdentificationFacts) -> dict[str, Any]:
    packed = {f.name: getattr(entry, f.name) for f in dataclass_fields(entry)}
    packed["expiration"] = entry.expiration.isoformat() if entry.expiration else None
    packed["files"] = [
        {f.name: getattr(file, f.name) for f in dataclass_fields(file) if f.name != "read"}
        for file in entry.files
    ]
    return packed


def _unpack_entry(packed: Mapping[str, Any], read: Reader) -> IdentificationFacts:
    values = dict(packed)
    expiration = values["expiration"]
    values["expiration"] = date.fromisoformat(expiration) if expiration else None
    values["files"] = tuple(FileRef(**file, read=partial(read, file["id"])) for file in values["files"])
    return IdentificationFacts(**values)
