"""Reads that more than one interface needs. They return querysets or single rows and change nothing."""

from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from config.crypto import blind_index
from config.errors import DomainError, NotFound
from documents.enums import DocumentStatus
from documents.models import Document
from onboarding.domain import dossier as dossiers
from onboarding.enums import Partner
from onboarding.models import (
    ApiClient,
    AssociatedPerson,
    BusinessProfile,
    EndUser,
    Enrollment,
    Identification,
    Submission,
    VerificationSession,
)

NUMBER_PURPOSE = "identification.number"
SHORTEST_NAME: Final = 3
MOST_FOUND: Final = 500


class SearchTooShort(DomainError):
    """Nothing has exactly this identifier, and it is too short to be looked for in names."""

    code = "search_too_short"


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
    """End users with exactly this number, e-mail, phone, id or partner reference; without any, those with such a name.

    Numbers are found by their blind index, those of persons behind a business too, in any spelling of separators and
    case. A name is looked for by its words, anywhere in them, in any order. Raises `SearchTooShort` when nothing is
    equal and no run of SHORTEST_NAME letters is left to look for. At most MOST_FOUND names are found.
    """
    term = " ".join(term.split())
    exact = _with_exactly(term) if term and "\0" not in term else set()
    if exact:
        return EndUser.objects.filter(pk__in=exact)
    words = [word for word in term.split() if len(word) >= SHORTEST_NAME] or [term]
    if max(_letters(word) for word in words) < SHORTEST_NAME or "\0" in term:
        raise SearchTooShort(
            f"Type at least {SHORTEST_NAME} letters of a name, or a whole number, e-mail, phone or id"
        )
    named = EndUser.objects.all()
    for word in words:
        named = named.filter(display_name__icontains=word)
    # The limit fences the search off from the list's own order, which would tempt the planner to walk the newest rows.
    return EndUser.objects.filter(pk__in=named.order_by().values("pk")[:MOST_FOUND])


def _letters(word: str) -> int:
    return sum(map(str.isalnum, word))


def _with_exactly(term: str) -> set[UUID]:
    """Ids of end users that have the term as one of their identifiers; every look-up is on an index."""
    index = blind_index(term, purpose=NUMBER_PURPOSE)
    phone = "+" + "".join(filter(str.isdecimal, term))
    lookups: list[QuerySet[Any]] = [
        EndUser.objects.filter(document_number_index=index).values_list("pk"),
        Identification.objects.filter(number_index=index).values_list("end_user"),
        AssociatedPerson.objects.filter(document_number_index=index).values_list("end_user"),
        BusinessProfile.objects.filter(representative_ssn_index=index).values_list("end_user"),
        EndUser.objects.filter(email__in={term, term.lower()}).values_list("pk"),
        EndUser.objects.filter(phone__in={term, phone}).values_list("pk"),
        EndUser.objects.filter(external_id=term).values_list("pk"),
        Enrollment.objects.filter(partner__in=Partner.values, partner_reference=term).values_list("end_user"),
    ]
    try:
        identity = UUID(term)
    except ValueError:
        pass
    else:
        lookups.append(EndUser.objects.filter(pk=identity).values_list("pk"))
        lookups.append(Enrollment.objects.filter(pk=identity).values_list("end_user"))
        lookups.append(Submission.objects.filter(pk=identity).values_list("enrollment__end_user"))
    first, *others = (rows.order_by()[:MOST_FOUND] for rows in lookups)
    if connection.vendor == "sqlite":  # no LIMIT inside a compound there
        return {pk for rows in (first, *others) for (pk,) in rows}
    return {pk for (pk,) in first.union(*others, all=True)}
