"""`/v1/users/{userId}/associated-persons`: the people behind a business, one at a time."""

from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from onboarding.api import described, representation
from onboarding.api.idempotency import REPLAYED, Key
from onboarding.api.parsing import fingerprint, read_json
from onboarding.api.serializers.persons import AmendAssociatedPerson, AssociatedPerson
from onboarding.api.views import IntakeView, path_uuid
from onboarding.domain import persons, queries
from onboarding.domain.audit import Actor
from onboarding.models import EndUser

_CREATE = AssociatedPerson()
_AMEND = AmendAssociatedPerson()


@described.persons
class PersonsView(IntakeView):
    """List and add."""

    def get(self, request: Request, user_id: str) -> Response:
        return Response({"data": representation.persons(self.end_user(user_id))})

    def post(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        key = Key.optional(request, self.client)
        body = read_json(request, with_files=True)
        data = _CREATE.read(body)
        at = timezone.now()

        def work(pk: UUID | None = None) -> UUID:
            person, _ = persons.add(end_user=end_user, data=data, actor=Actor.app(self.client), at=at)
            return person.pk

        if key is None:
            return Response(self.shown(user_id, work()), status=201)
        outcome = key.run(body_hash=fingerprint(body), at=at, work=work)
        shown = self.shown(user_id, outcome.target_id)
        if outcome.is_replay:
            return Response(shown, status=200, headers={REPLAYED: "true"})
        return Response(shown, status=201)

    def shown(self, user_id: str, person_id: UUID | str) -> dict[str, object]:
        return shown(self.end_user(user_id), person_id)


@described.person
class PersonView(IntakeView):
    """Read, change, remove one."""

    def get(self, request: Request, user_id: str, person_id: str) -> Response:
        end_user = self.end_user(user_id)
        path_uuid(person_id, path="personId")
        return Response(shown(end_user, person_id))

    def put(self, request: Request, user_id: str, person_id: str) -> Response:
        end_user = self.end_user(user_id)
        path_uuid(person_id, path="personId")
        person = queries.person_of(end_user, person_id)
        data = _AMEND.read(read_json(request, with_files=True))
        persons.change(person=person, data=data, actor=Actor.app(self.client), at=timezone.now())
        return Response(shown(self.end_user(user_id), person_id))

    def delete(self, request: Request, user_id: str, person_id: str) -> Response:
        end_user = self.end_user(user_id)
        path_uuid(person_id, path="personId")
        person = queries.person_of(end_user, person_id)
        persons.remove(person=person, actor=Actor.app(self.client), at=timezone.now())
        return Response(status=204)


def shown(end_user: EndUser, person_id: UUID | str) -> dict[str, object]:
    """One associated person as its app sees it. Raises `NotFound`."""
    person = queries.person_of(end_user, person_id)
    return representation.associated_person(person, end_user=end_user)
