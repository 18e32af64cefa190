"""Associated persons and single documents of an end user: adding, changing, removing."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import transaction

from config.errors import Conflict, Forbidden, InvalidData, Problem
from documents.models import Document
from documents.vault import Prepared
from onboarding.domain import declarations, end_users, evidence, locks
from onboarding.domain.audit import Actor, Fact
from onboarding.domain.end_users import Amendment
from onboarding.enums import AuditAction, IdentificationType, Status
from onboarding.models import AssociatedPerson, EndUser, Identification


@transaction.atomic
def add(
    *, end_user: EndUser, data: Mapping[str, Any], actor: Actor, at: datetime
) -> tuple[AssociatedPerson, Amendment]:
    """Add a person to a business.

    Raises `Conflict` for an individual, `Forbidden` once verified, `InvalidData` when the shares would add up to
    more than 100.
    """
    end_user = _open_for_change(end_user)
    if not end_user.is_business:
        raise Conflict("Only a business has associated persons")
    _refuse_overfull(end_user, data, apart_from=None)
    person = declarations.new_person(end_user=end_user, position=end_user.associated_persons.count(), at=at)
    _, facts = declarations.write_person(person=person, data=data)
    facts.insert(0, Fact(AuditAction.PERSON_ADDED, {"person": str(person.pk)}))
    return person, _touch(end_user, facts, actor, at)


@transaction.atomic
def change(*, person: AssociatedPerson, data: Mapping[str, Any], actor: Actor, at: datetime) -> Amendment:
    """Change what is named in `data`. Raises as `add` does."""
    end_user = _open_for_change(person.end_user)
    _refuse_overfull(end_user, data, apart_from=person)
    was_changed, facts = declarations.write_person(person=person, data=data)
    if not was_changed:
        return end_users.touch(end_user=end_user, changed=[], facts=[], actor=actor, at=at)
    facts.insert(0, Fact(AuditAction.PERSON_UPDATED, {"person": str(person.pk)}))
    return _touch(end_user, facts, actor, at)


@transaction.atomic
def remove(*, person: AssociatedPerson, actor: Actor, at: datetime) -> Amendment:
    """Take a person out of the business; the row stays as evidence. Partners that cannot remove people keep theirs."""
    end_user = _open_for_change(person.end_user)
    AssociatedPerson.objects.filter(pk=person.pk, removed_at=None).update(removed_at=at)
    facts = [Fact(AuditAction.PERSON_REMOVED, {"person": str(person.pk)})]
    return _touch(end_user, facts, actor, at)


@transaction.atomic
def attach_document(
    *,
    end_user: EndUser,
    person: AssociatedPerson | None,
    slot: str,
    identification_type: str | None,
    issuing_country: str | None,
    file: Prepared,
    file_name: str,
    description: str | None,
    actor: Actor,
    at: datetime,
) -> tuple[Document, Amendment]:
    """Add one document to the entry of its type, making the entry when there is none.

    `slot` and `identification_type` are wire words. Without a type, a `file_…` slot belongs to the entry of its name
    and a side to the only government ID. Raises `InvalidData` when that is not one, `Forbidden` once verified.
    """
    end_user = _open_for_change(end_user)
    entry = _entry_for(end_user, person, slot, identification_type, issuing_country, at)
    document = evidence.store(
        end_user=end_user,
        person=person,
        identification=entry,
        slot=slot,
        file=file,
        file_name=file_name,
        description=description,
    )
    name = "associated_persons" if person else "identifying_information"
    amendment = end_users.touch(
        end_user=end_user, changed=[name], facts=[evidence.received(document)], actor=actor, at=at
    )
    return document, amendment


def _entry_for(
    end_user: EndUser,
    person: AssociatedPerson | None,
    slot: str,
    identification_type: str | None,
    issuing_country: str | None,
    at: datetime,
) -> Identification:
    entries = list(Identification.objects.filter(end_user=end_user, person=person))
    wanted = identification_type
    if wanted is None and slot.startswith("file_"):
        wanted = slot.removeprefix("file_")
    if wanted is None:
        ids = [entry for entry in entries if entry.is_government_id]
        if len(ids) == 1:
            return ids[0]
        raise InvalidData([Problem("identification_type", "Required", "invalid_type")])
    if wanted.upper() not in IdentificationType.values:
        raise InvalidData([Problem("identification_type", "Required", "invalid_type")])
    for entry in entries:
        if entry.type == wanted.upper() and issuing_country in (None, entry.issuing_country):
            return entry
    country = issuing_country or _country_of(end_user)
    if country is None:
        raise InvalidData([Problem("issuing_country", "Required", "invalid_type")])
    return Identification.objects.create(
        end_user=end_user,
        person=person,
        type=wanted.upper(),
        issuing_country=country,
        position=len(entries),
        created_at=at,
    )


def _country_of(end_user: EndUser) -> str | None:
    main = end_user.addresses.filter(person=None).exclude(kind="TRADING").first()
    return main.country if main else None


def _open_for_change(end_user: EndUser) -> EndUser:
    locks.hold(end_user.pk)
    end_user = end_users.fresh(end_user)
    if end_user.status == Status.VERIFIED and not settings.KIRA_UPDATE_VERIFIED_ALLOWED:
        raise Forbidden("A verified user cannot be updated")
    return end_user


def _refuse_overfull(
    end_user: EndUser, data: Mapping[str, Any], *, apart_from: AssociatedPerson | None
) -> None:
    share = data.get("ownership_percentage")
    if share is None:
        return
    others = (
        person.ownership_percentage or Decimal(0)
        for person in end_user.associated_persons.all()
        if apart_from is None or person.pk != apart_from.pk
    )
    if sum(others, Decimal(share)) > 100:
        message = "The shares of all associated persons add up to more than 100"
        raise InvalidData([Problem("ownership_percentage", message)])


def _touch(end_user: EndUser, facts: list[Fact], actor: Actor, at: datetime) -> Amendment:
    return end_users.touch(end_user=end_user, changed=["associated_persons"], facts=facts, actor=actor, at=at)
