"""`/v1/users` and `/v1/users/{userId}` (contract sections 2.1 to 2.10)."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import DomainError, InvalidData
from onboarding.api import described, representation
from onboarding.api.idempotency import REPLAYED, Key
from onboarding.api.pagination import page
from onboarding.api.parsing import fingerprint, read_json
from onboarding.api.serializers.end_users import read_amend, read_create
from onboarding.api.serializers.filters import read_filters
from onboarding.api.views import IntakeView
from onboarding.domain import end_users, queries, sessions
from onboarding.domain.audit import Actor
from onboarding.enums import Partner, VerificationMode
from onboarding.models import ApiClient, EndUser, VerificationSession

LINK_SECONDS: Final = 10.0


class BusinessOnly(DomainError):
    """A chosen partner takes no individuals for this installation (reading C-33)."""

    code = "business_only"

    def __init__(self) -> None:
        super().__init__("Only businesses are accepted")


class NotSupported(DomainError):
    """The partner offers no such operation."""

    code = "not_supported_by_partner"
    http_status = 409


@described.users
class UsersView(IntakeView):
    """Create and list."""

    def post(self, request: Request) -> Response:
        key = Key.required(request, self.client)
        at = timezone.now()
        body = read_json(request, with_files=True)
        try:
            declaration = read_create(body)
        except InvalidData:
            key.burn(at=at)
            raise
        body_hash = fingerprint(body)
        del body
        partners = chosen_partners(self.client, declaration.pop("partners", None))
        if declaration["type"] == "individual":
            _refuse_individuals(partners)

        made: dict[UUID, EndUser] = {}

        def work(pk: UUID) -> UUID:
            made[pk] = end_users.register(
                pk=pk,
                client=self.client,
                declaration=declaration,
                partners=partners,
                actor=Actor.app(self.client),
                at=at,
            )
            return pk

        outcome = key.run(body_hash=body_hash, at=at, work=work)
        end_user = made.get(outcome.target_id) or queries.end_user_of(self.client, outcome.target_id)
        if outcome.is_replay:
            shown = representation.whole(end_user, on=at.date(), session=newest_session(end_user))
            return Response(shown, status=200, headers={REPLAYED: "true"})
        session = newest_session(end_user)
        if session is not None:
            session = sessions.await_link(session=session, seconds=LINK_SECONDS)
        return Response(representation.created(end_user, on=at.date(), session=session), status=201)

    def get(self, request: Request) -> Response:
        filters = read_filters(request.query_params)
        return Response(page(filters.of(queries.end_users_of(self.client)), filters=filters))


@described.user
class UserView(IntakeView):
    """Read, change, remove one."""

    def get(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        return Response(
            representation.whole(end_user, on=timezone.now().date(), session=newest_session(end_user))
        )

    def put(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        changes = read_amend(read_json(request, with_files=True), is_business=end_user.is_business)
        at = timezone.now()
        amendment = end_users.amend(end_user=end_user, changes=changes, actor=Actor.app(self.client), at=at)
        return Response(self._amended(amendment, at))

    def delete(self, request: Request, user_id: str) -> Response:
        refuse_operation(self.end_user(user_id), "delete")
        return Response(status=204)

    @staticmethod
    def _amended(amendment: end_users.Amendment, at: datetime) -> dict[str, Any]:
        session = newest_session(amendment.end_user)
        return representation.amended(amendment, on=at.date(), session=session)


@described.suspend
class SuspendView(IntakeView):
    """Stop serving an end user, where the partner can."""

    operation = "suspend"

    def post(self, request: Request, user_id: str) -> Response:
        refuse_operation(self.end_user(user_id), self.operation)
        return Response(status=204)


@described.unsuspend
class UnsuspendView(SuspendView):
    """Serve an end user again, where the partner can."""

    operation = "unsuspend"


def refuse_operation(end_user: EndUser, operation: str) -> None:
    """No partner of today can suspend or delete. Raises `NotSupported` with the partner's name."""
    labels = ", ".join(Partner(enrollment.partner).label for enrollment in end_user.enrollments.all())
    raise NotSupported(f"{labels or 'The partner'} cannot {operation} a user")


def chosen_partners(client: ApiClient, slugs: list[str] | None) -> list[Partner]:
    """The partners named in the request, or the app's own; the first is the primary one."""
    if slugs:
        return [Partner(slug.upper()) for slug in dict.fromkeys(slugs)]
    return [Partner(code) for code in client.default_partners] or [Partner.KIRA]


def newest_session(end_user: EndUser) -> VerificationSession | None:
    """The session whose link is shown with the end user; only where its mode is the hosted link."""
    if end_user.verification_mode != VerificationMode.VERIFICATION_LINK:
        return None
    return queries.sessions_of(end_user).first()


def _refuse_individuals(partners: list[Partner]) -> None:
    if not all(getattr(settings, f"{partner}_INDIVIDUALS_ENABLED", True) for partner in partners):
        raise BusinessOnly
