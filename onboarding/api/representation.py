"""How an end user, and what belongs to it, looks to its app (contract sections 2.7, 2.11 and 5.1).

Numbers of documents and social security show their last four characters at most; files are described, never sent back.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from config.crypto import mask
from documents.enums import ContentType, DocumentSlot, DocumentStatus
from documents.models import Document
from onboarding.domain import readiness
from onboarding.domain.dossier import ADDRESS, PERSON
from onboarding.domain.end_users import Amendment
from onboarding.domain.readiness import Readiness
from onboarding.enums import (
    AddressKind,
    IdentificationOrigin,
    Partner,
    SessionStatus,
    SessionType,
    Status,
    VerificationMode,
)
from onboarding.models import Address, AssociatedPerson, EndUser, Identification, VerificationSession

LEGACY_STATUS: Final[Mapping[str, str]] = {
    Status.CREATED: "unverified",
    Status.VERIFYING: "unverified",
    Status.REVIEW: "in_review",
    Status.VERIFIED: "verified",
    Status.REJECTED: "rejected",
}
SESSION_STATUS: Final[Mapping[str, str]] = {
    SessionStatus.PENDING: "pending",
    SessionStatus.ISSUED: "not_started",
    SessionStatus.FINISHED: "finished",
    SessionStatus.EXPIRED: "expired",
    SessionStatus.FAILED: "failed",
}
ADDRESS_ANSWERS: Final = (
    ("street_line_1", "street"),
    ("street_line_2", "street_2"),
    ("city", "city"),
    ("subdivision", "state"),
    ("postal_code", "zip_code"),
    ("country", "country"),
)
INDIVIDUAL_ANSWERS: Final = ("first_name", "middle_name", "last_name", "birth_date", "nationality", "gender")
HIDDEN_DOCUMENTS: Final = (DocumentStatus.SUPERSEDED,)


def created(end_user: EndUser, *, on: date, session: VerificationSession | None) -> dict[str, Any]:
    """The 201 answer: verification is never further than `CREATED` in it."""
    return whole(end_user, on=on, session=session) | {
        "status": Status.CREATED.value,
        "verification_status": LEGACY_STATUS[Status.CREATED],
    }


def amended(amendment: Amendment, *, on: date, session: VerificationSession | None) -> dict[str, Any]:
    """The answer to a change (contract section 2.6)."""
    return whole(amendment.end_user, on=on, session=session) | {
        "updated_fields": list(amendment.updated_fields),
        "requires_reverification": amendment.requires_reverification,
        "verification_triggered": amendment.verification_triggered,
        "warnings": list(amendment.warnings),
    }


def whole(end_user: EndUser, *, on: date, session: VerificationSession | None) -> dict[str, Any]:
    """Everything about one end user; `session` is its newest, for the hosted link."""
    shown = listed(end_user)
    shown["verification_triggered"] = end_user.verification_triggered
    shown["identifying_information"] = _entries(end_user, person_id=None)
    if end_user.verification_mode == VerificationMode.VERIFICATION_LINK:
        shown |= _hosted_link(session)
    return shown | _products(end_user, readiness.assess(end_user=end_user, on=on))


def listed(end_user: EndUser) -> dict[str, Any]:
    """An item of the list: everything that costs no evaluation."""
    shown: dict[str, Any] = {
        "id": str(end_user.pk),
        "type": end_user.type.lower(),
        "email": end_user.email,
        "status": end_user.status,
        "verification_status": LEGACY_STATUS[end_user.status],
        "verification_mode": end_user.verification_mode.lower(),
        "created_at": timestamp(end_user.created_at),
        "updated_at": timestamp(end_user.updated_at),
        "metadata": end_user.metadata,
        "external_id": end_user.external_id,
        "phone": end_user.phone,
        "partners": [Partner(e.partner).slug for e in _enrollments(end_user)],
        "sector": end_user.sector,
        "tags": end_user.tags,
        "associated_persons": persons(end_user),
    }
    addresses = {address.kind: address for address in end_user.addresses.all() if address.person_id is None}
    if end_user.is_business:
        shown["business_legal_name"] = end_user.business.business_legal_name
        shown["formation_country"] = end_user.business.formation_country
        shown["registered_address"] = _address(addresses.get(AddressKind.REGISTERED))
    else:
        shown |= {name: _json(getattr(end_user.individual, name)) for name in INDIVIDUAL_ANSWERS}
        shown["residential_address"] = _address(addresses.get(AddressKind.RESIDENTIAL))
        del shown["associated_persons"]
    if AddressKind.TRADING in addresses:
        shown["trading_address"] = _address(addresses[AddressKind.TRADING])
    return shown


def persons(end_user: EndUser) -> list[dict[str, Any]]:
    """The living associated persons, newest added first."""
    living = [person for person in end_user.associated_persons.all() if person.removed_at is None]
    living.sort(key=lambda person: person.position)
    living.sort(key=lambda person: person.created_at, reverse=True)
    return [associated_person(person, end_user=end_user) for person in living]


def associated_person(person: AssociatedPerson, *, end_user: EndUser) -> dict[str, Any]:
    """One associated person with the members that were told."""
    told: dict[str, Any] = {name: _json(getattr(person, name)) for name in PERSON}
    if person.document_number:
        told["document_number"] = mask(person.document_number)
    for address in end_user.addresses.all():
        if address.person_id == person.pk:
            told |= {f"address_{name}": getattr(address, name) for name in ADDRESS}
    told["identifying_information"] = _entries(end_user, person_id=person.pk)
    return {"id": str(person.pk)} | {name: value for name, value in told.items() if value is not None}


def document(item: Document) -> dict[str, Any]:
    """What may be known about a stored file."""
    slot = DocumentSlot(item.slot).wire
    name = item.file_name or f"{slot}.{ContentType(item.content_type).extension}"
    return {
        "id": str(item.pk),
        "type": slot,
        "file_name": name,
        "description": item.description,
        "content_type": item.content_type,
        "size": item.size,
        "sha256": item.sha256,
        "status": item.status,
        "uploaded_at": timestamp(item.created_at),
    }


def documents(items: Iterable[Document]) -> list[dict[str, Any]]:
    """Documents with the entry and the person they belong to, oldest first."""
    return [
        document(item)
        | {
            "identification_type": item.identification.type.lower() if item.identification else None,
            "issuing_country": item.identification.issuing_country if item.identification else None,
            "person_id": str(item.person_id) if item.person_id else None,
        }
        for item in sorted(items, key=lambda item: item.created_at)
    ]


def session(item: VerificationSession) -> dict[str, Any]:
    """A verification session (contract section 2.11); both links are the same (reading C-28)."""
    link = item.link if item.status in (SessionStatus.ISSUED, SessionStatus.FINISHED) else None
    return {
        "id": str(item.pk),
        "user_id": str(item.enrollment.end_user_id),
        "type": SessionType(item.type).value.lower().replace("_", "-"),
        "provider": item.provider or None,
        "provider_metadata": {"template_id": None, "session_id": item.partner_session or None},
        "provider_link": link,
        "verification_link": link,
        "status": SESSION_STATUS[item.status],
        "created_at": timestamp(item.created_at),
    }


def requirements(end_user: EndUser, *, on: date) -> list[dict[str, Any]]:
    """What each partner of the end user asks, and how it stands."""
    state = readiness.assess(end_user=end_user, on=on)
    return [
        {
            "partner": Partner(enrollment.partner).slug,
            "status": enrollment.status,
            "complete": state.by_partner[enrollment.partner].is_complete,
            "restricted": state.by_partner[enrollment.partner].is_restricted,
            "requirements": [_requirement(item) for item in state.by_partner[enrollment.partner].items],
            "products": [
                {
                    "product_id": product.product.id,
                    "product_code": product.product.code,
                    "product_name": product.product.name,
                    "eligible": product.eligible,
                    "missing_fields": list(product.missing),
                }
                for product in state.by_partner[enrollment.partner].products
            ],
        }
        for enrollment in _enrollments(end_user)
    ]


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds and `Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _requirement(item: Any) -> dict[str, Any]:
    return {
        "target": item.token,
        "state": item.state,
        "needed_for_verification": item.is_gate,
        "products": list(item.products),
        "reason_code": _REASONS.get(item.state),
        "remediation": item.remediation,
        "alternatives": list(item.alternatives),
        "satisfied_by": item.satisfied_by or None,
        "effective_from": item.effective_from.isoformat() if item.effective_from else None,
    }


_REASONS: Final[Mapping[str, str]] = {
    "due": "not_provided",
    "upcoming": "needed_soon",
    "error": "refused_by_partner",
}


def _enrollments(end_user: EndUser) -> list[Any]:
    """The primary one first."""
    return sorted(end_user.enrollments.all(), key=lambda e: (not e.is_primary, e.partner))


def _products(end_user: EndUser, state: Readiness) -> dict[str, Any]:
    """`eligible_products`, and `missing_fields` unless nothing is missing; a product counts once."""
    products: dict[str, dict[str, Any]] = {}
    missing: dict[str, list[str]] = {}
    for enrollment in _enrollments(end_user):
        evaluation = state.by_partner[enrollment.partner]
        for product in evaluation.products:
            said = enrollment.partner_products.get(product.product.code)
            eligible = product.eligible if said is None else bool(said) and not evaluation.is_restricted
            products.setdefault(
                product.product.code,
                {
                    "product_id": product.product.id,
                    "product_code": product.product.code,
                    "product_name": product.product.name,
                    "eligible": eligible,
                },
            )
        for code, tokens in evaluation.missing_fields.items():
            missing.setdefault(code, list(tokens))
    shown: dict[str, Any] = {"eligible_products": list(products.values())}
    return shown | ({"missing_fields": missing} if missing else {})


def _hosted_link(item: VerificationSession | None) -> dict[str, Any]:
    if item is not None and item.status == SessionStatus.FAILED:
        return {"verification_link": None, "verification_link_error": "The partner did not open the session"}
    link = session(item)["verification_link"] if item is not None else None
    return {"verification_link": link, "provider_link": link}


def _entries(end_user: EndUser, *, person_id: UUID | None) -> list[dict[str, Any]]:
    held: dict[UUID | None, list[Document]] = {}
    for item in end_user.documents.all():
        if item.status not in HIDDEN_DOCUMENTS:
            held.setdefault(item.identification_id, []).append(item)
    return [
        _entry(entry, held.get(entry.pk, []))
        for entry in end_user.identifications.all()
        if entry.person_id == person_id and entry.origin == IdentificationOrigin.ENTRY
    ]


def _entry(entry: Identification, held: list[Document]) -> dict[str, Any]:
    told = {
        "number": mask(entry.number) if entry.number else None,
        "expiration": _json(entry.expiration),
        "description": entry.description,
    }
    return {
        "type": entry.type.lower(),
        "issuing_country": entry.issuing_country,
        **{name: value for name, value in told.items() if value is not None},
        "documents": [document(item) for item in sorted(held, key=lambda item: item.created_at)],
    }


def _address(address: Address | None) -> dict[str, str]:
    return {answer: (getattr(address, name, None) or "") for answer, name in ADDRESS_ANSWERS}


def _json(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
