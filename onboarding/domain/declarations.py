"""Writing what an app declared into rows, and telling what changed.

A declaration is validated data under the intake contract's names (sections 2.1 to 2.3): flat scalars, `address_*`,
`identifying_information`, `associated_persons`. A member not sent is absent from the mapping; sent as null it is None.
The functions here are used by `end_users` and `persons` inside their transactions, and by nobody else.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from config.crypto import blind_index
from documents.models import Document
from onboarding.domain import evidence
from onboarding.domain.audit import Fact
from onboarding.domain.dossier import ADDRESS, BUSINESS, COMMON, INDIVIDUAL, PERSON
from onboarding.enums import (
    AddressKind,
    IdentificationOrigin,
    IdentificationType,
    VerificationMode,
)
from onboarding.models import (
    Address,
    AssociatedPerson,
    BusinessProfile,
    EndUser,
    Enrollment,
    Identification,
    IndividualProfile,
)

NUMBER_PURPOSE = "identification.number"

# Told as members of their own, kept as identifications (readings C-05, C-06, C-08).
TOP_LEVEL_NUMBERS = {"ssn": "USA", "ein": "USA", "rfc": "MEX", "cnpj": "BRA"}

# Accepted from newer revisions and kept, deciding nothing (contract section 2.2).
NEWER_BUSINESS_MEMBERS = (
    "international_entity_type",
    "expected_monthly_volume",
    "expected_transaction_count",
    "transaction_countries",
    "high_risk_industries",
    "is_nbfi_vasp",
    "business_legal_history",
    "tos_accepted_version",
    "capabilities",
    "physical_address",
)

FREE_MEMBERS = ("additional_info", "partner_answers", "tags", "redirect_uri")


@dataclass(slots=True)
class Household:
    """The rows written around an end user that is just being registered, so that nobody has to read them back."""

    addresses: list[Address] = field(default_factory=list)
    identifications: list[Identification] = field(default_factory=list)
    persons: list[AssociatedPerson] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    enrollments: list[Enrollment] = field(default_factory=list)


def number_index(number: str | None) -> str | None:
    """The blind index under which every identification, tax and social-security number is found."""
    return blind_index(number, purpose=NUMBER_PURPOSE) if number else None


def write_profile(*, end_user: EndUser, declaration: Mapping[str, Any]) -> list[str]:
    """Set scalars and profile without saving either; returns the request names that changed."""
    changed = _assign(end_user, declaration, (*COMMON, *FREE_MEMBERS))
    if "document_number" in changed:
        end_user.document_number_index = number_index(end_user.document_number)
    if declaration.get("verification_mode"):
        end_user.verification_mode = VerificationMode(declaration["verification_mode"].upper())
    changed += _merge_metadata(end_user, declaration)
    profile = _profile_of(end_user)
    names = BUSINESS if end_user.is_business else INDIVIDUAL
    changed += _assign(profile, declaration, names)
    if isinstance(profile, BusinessProfile):
        if "representative_ssn" in changed:
            profile.representative_ssn_index = number_index(profile.representative_ssn)
        changed += _keep_newer(profile, declaration)
    end_user.display_name = display_name(profile)
    return changed


def write_addresses(
    *, end_user: EndUser, declaration: Mapping[str, Any], household: Household | None = None
) -> list[str]:
    """Set the main and the trading address; returns the request names that changed.

    With a `household` the end user is new: nothing is looked for, and what is written is noted there.
    """
    kind = AddressKind.REGISTERED if end_user.is_business else AddressKind.RESIDENTIAL
    changed = _write_address(end_user, None, kind, _address_members(declaration), household)
    trading = declaration.get("trading_address")
    if trading is not None:
        told = _write_address(end_user, None, AddressKind.TRADING, trading, household)
        changed += ["trading_address"] if told else []
    return changed


def write_identifications(
    *,
    end_user: EndUser,
    person: AssociatedPerson | None,
    declaration: Mapping[str, Any],
    household: Household | None = None,
) -> tuple[list[str], list[Fact]]:
    """Set `identifying_information` and the top-level numbers, matched by type (contract section 2.6).

    Entries that exist keep their files; files that come with an entry are added. Returns the request names that changed
    and the facts about documents for the trail. `household` as in `write_addresses`.
    """
    existing = []
    if household is None:
        existing = list(Identification.objects.filter(end_user=end_user, person=person))
    changed: list[str] = []
    facts: list[Fact] = []
    top_level = [name for name in TOP_LEVEL_NUMBERS if declaration.get(name)]
    for name in top_level:
        if _write_top_level(end_user, person, existing, name, declaration[name], household):
            changed.append(name)
    for position, told in enumerate(declaration.get("identifying_information") or ()):
        entry, was_changed = _write_entry(end_user, person, existing, told, position, household)
        documents = told.get("documents") or ()
        if household is None:
            facts += evidence.supersede(
                identification=entry, slots={document["type"] for document in documents}
            )
        for document in documents:
            attached = evidence.store(
                end_user=end_user,
                person=person,
                identification=entry,
                slot=document["type"],
                file=document["file"],
                file_name=document.get("file_name") or "",
                description=document.get("description"),
            )
            facts.append(evidence.received(attached))
            if household is not None:
                household.documents.append(attached)
        if (was_changed or documents) and "identifying_information" not in changed:
            changed.append("identifying_information")
    return changed, facts


def new_person(*, end_user: EndUser, position: int, at: datetime) -> AssociatedPerson:
    """An associated person not yet written; `write_person` saves it."""
    return AssociatedPerson(end_user=end_user, position=position, created_at=at)


def write_person(
    *, person: AssociatedPerson, data: Mapping[str, Any], household: Household | None = None
) -> tuple[bool, list[Fact]]:
    """Set an associated person with its address and identifications; True when anything changed."""
    if household is None and person._state.adding:
        household = Household()  # a new person of an old end user has nothing to look for either
    changed = _assign(person, data, PERSON)
    if "document_number" in changed:
        person.document_number_index = number_index(person.document_number)
    person.save()
    if household is not None:
        household.persons.append(person)
    address = _address_members(data)
    changed += _write_address(person.end_user, person, AddressKind.RESIDENTIAL, address, household)
    told, facts = write_identifications(
        end_user=person.end_user, person=person, declaration=data, household=household
    )
    return bool(changed or told), facts


def display_name(profile: IndividualProfile | BusinessProfile) -> str:
    """The name under which people find an end user."""
    if isinstance(profile, BusinessProfile):
        return profile.business_legal_name
    return " ".join(filter(None, (profile.first_name, profile.middle_name, profile.last_name)))


def _profile_of(end_user: EndUser) -> IndividualProfile | BusinessProfile:
    if end_user._state.adding:
        return (BusinessProfile if end_user.is_business else IndividualProfile)(end_user=end_user)
    return end_user.business if end_user.is_business else end_user.individual


def _assign(target: Any, declaration: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    changed = []
    for name in names:
        if name not in declaration:
            continue
        value = declaration[name]
        if isinstance(value, tuple):
            value = list(value)
        if name == "tags":
            value = value or []
        if getattr(target, name) != value:
            setattr(target, name, value)
            changed.append(name)
    return changed


def _merge_metadata(end_user: EndUser, declaration: Mapping[str, Any]) -> list[str]:
    """Key by key (contract section 2.6): what is not named stays."""
    merged = {**end_user.metadata, **(declaration.get("metadata") or {})}
    if merged == end_user.metadata:
        return []
    end_user.metadata = merged
    return ["metadata"]


def _keep_newer(profile: BusinessProfile, declaration: Mapping[str, Any]) -> list[str]:
    told = {name: declaration[name] for name in NEWER_BUSINESS_MEMBERS if name in declaration}
    kept = {**(profile.newer_answers or {}), **told}
    kept = {name: value for name, value in kept.items() if value is not None}
    changed = [name for name in told if (profile.newer_answers or {}).get(name) != told[name]]
    if changed:
        profile.newer_answers = kept
    return changed


def _address_members(declaration: Mapping[str, Any]) -> dict[str, Any]:
    return {name: declaration[f"address_{name}"] for name in ADDRESS if f"address_{name}" in declaration}


def _write_address(
    end_user: EndUser,
    person: AssociatedPerson | None,
    kind: AddressKind,
    told: Mapping[str, Any],
    household: Household | None,
) -> list[str]:
    if not told:
        return []
    known = Address.objects.filter(end_user=end_user, person=person, kind=kind)
    address = known.first() if household is None else None
    address = address or Address(end_user=end_user, person=person, kind=kind)
    changed = _assign(address, told, ADDRESS)
    if changed:
        address.save()
        if household is not None:
            household.addresses.append(address)
    return [f"address_{name}" for name in changed]


def _write_top_level(
    end_user: EndUser,
    person: AssociatedPerson | None,
    existing: list[Identification],
    name: str,
    number: str,
    household: Household | None,
) -> bool:
    """A number told as a member of its own. An individual's `ssn` is an entry like any other (C-05)."""
    type_ = IdentificationType(name.upper())
    is_entry = type_ == IdentificationType.SSN
    entry = next((e for e in existing if e.type == type_), None)
    if entry is not None and entry.number == number:
        return False
    if entry is None:
        origin = IdentificationOrigin.ENTRY if is_entry else IdentificationOrigin.TOP_LEVEL
        entry = Identification(
            end_user=end_user,
            person=person,
            type=type_,
            origin=origin,
            issuing_country=TOP_LEVEL_NUMBERS[name],
            position=len(existing),
        )
        existing.append(entry)
        if household is not None:
            household.identifications.append(entry)
    entry.number, entry.number_index = number, number_index(number)
    entry.save()
    return True


def _write_entry(
    end_user: EndUser,
    person: AssociatedPerson | None,
    existing: list[Identification],
    told: Mapping[str, Any],
    position: int,
    household: Household | None,
) -> tuple[Identification, bool]:
    type_ = IdentificationType(told["type"].upper())
    entry = next(_matches(existing, type_, told["issuing_country"]), None)
    is_new = entry is None
    if entry is None:
        entry = Identification(
            end_user=end_user, person=person, type=type_, issuing_country="", position=position
        )
        if household is not None:
            household.identifications.append(entry)
    else:
        existing.remove(entry)
    changed = _assign(entry, told, ("issuing_country", "number", "expiration", "description"))
    if "number" in changed:
        entry.number_index = number_index(entry.number)
    if is_new or changed:
        entry.origin = IdentificationOrigin.ENTRY
        entry.save()
    return entry, is_new or bool(changed)


def _matches(
    existing: Sequence[Identification], type_: IdentificationType, country: str
) -> Iterator[Identification]:
    same_type = [entry for entry in existing if entry.type == type_]
    yield from (entry for entry in same_type if entry.issuing_country == country)
    yield from (entry for entry in same_type if entry.issuing_country != country)
