"""Reads that more than one interface needs. They return querysets or single rows and change nothing."""

from contextlib import suppress
from uuid import UUID

from django.db.models import Q, QuerySet

from config.crypto import blind_index
from config.errors import NotFound
from documents.enums import DocumentStatus
from documents.models import Document
from onboarding.domain import dossier as dossiers
from onboarding.models import (
    ApiClient,
    AssociatedPerson,
    BusinessProfile,
    EndUser,
    Enrollment,
    Identification,
    VerificationSession,
)

NUMBER_PURPOSE = "identification.number"


def end_users_of(client: ApiClient) -> QuerySet[EndUser]:
    """The end users of one app, newest first, with everything around them in a fixed number of queries."""
    found: QuerySet[EndUser] = dossiers.with_everything(EndUser.objects.filter(client=client))
    return found.order_by("-created_at", "-id")


def end_user_of(client: ApiClient, user_id: UUID | str) -> EndUser:
    """One end user of the app. Raises `NotFound` in the contract's words, the same for unknown and for foreign ids."""
    end_user = end_users_of(client).filter(pk=user_id).first()
    if end_user is None:
        raise NotFound(f"User with ID {user_id} not found")
    return end_user


def person_of(end_user: EndUser, person_id: UUID | str) -> AssociatedPerson:
    """A living associated person of an end user. Raises `NotFound`."""
    person = AssociatedPerson.objects.filter(end_user=end_user, removed_at=None, pk=person_id).first()
    if person is None:
        raise NotFound(f"Associated person with ID {person_id} not found")
    person.end_user = end_user
    return person


def documents_of(end_user: EndUser) -> QuerySet[Document]:
    """The documents of an end user and of its persons, without those that were replaced; oldest first."""
    documents = Document.objects.filter(end_user=end_user).exclude(status=DocumentStatus.SUPERSEDED)
    return documents.select_related("identification").order_by("created_at", "id")


def sessions_of(end_user: EndUser) -> QuerySet[VerificationSession]:
    """The verification sessions of an end user, newest first."""
    sessions = VerificationSession.objects.filter(enrollment__end_user=end_user)
    return sessions.select_related("enrollment").order_by("-created_at", "-id")


def enrollment_by_reference(partner: str, reference: str) -> Enrollment | None:
    """The enrollment a partner knows under this reference."""
    enrollments = Enrollment.objects.select_related("end_user__client")
    return enrollments.filter(partner=partner, partner_reference=reference).first()


def search_end_users(term: str) -> QuerySet[EndUser]:
    """End users that match exactly one of their numbers, e-mail, phone, ids or references, or begin with this name.

    Numbers are found by their blind index, so dashes and case make no difference.
    """
    term = term.strip()
    if not term:
        return EndUser.objects.none()
    index = blind_index(term, purpose=NUMBER_PURPOSE)
    by_number = (
        Q(document_number_index=index)
        | Q(pk__in=Identification.objects.filter(number_index=index).values("end_user"))
        | Q(pk__in=AssociatedPerson.objects.filter(document_number_index=index).values("end_user"))
        | Q(pk__in=BusinessProfile.objects.filter(representative_ssn_index=index).values("end_user"))
    )
    told = Q(email=term) | Q(phone=term) | Q(external_id=term) | Q(display_name__istartswith=term)
    known = Q(pk__in=Enrollment.objects.filter(partner_reference=term).values("end_user"))
    with suppress(ValueError):
        known |= Q(pk=UUID(term))
    return EndUser.objects.filter(by_number | told | known)
