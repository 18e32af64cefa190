"""`/v1/users/{userId}/verifications`: verification sessions at a partner (contract section 2.11)."""

from typing import Any, Final
from uuid import UUID

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from onboarding.api import described, representation
from onboarding.api.idempotency import REPLAYED, Key
from onboarding.api.parsing import fingerprint, read_json
from onboarding.api.serializers.verifications import read_session
from onboarding.api.views import IntakeView
from onboarding.domain import end_users, queries, sessions
from onboarding.domain.audit import Actor

LINK_SECONDS: Final = 10.0


@described.verifications
class VerificationsView(IntakeView):
    """List and open."""

    def get(self, request: Request, user_id: str) -> Response:
        found = queries.sessions_of(self.end_user(user_id))
        return Response({"data": [representation.session(item) for item in found]})

    def post(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        key = Key.required(request, self.client)
        body = read_json(request, with_files=True)
        told = read_session(body, is_business=end_user.is_business)
        actor, at = Actor.app(self.client), timezone.now()

        def work(pk: UUID) -> UUID:
            if told.changes:
                end_users.amend(end_user=end_user, changes=told.changes, actor=actor, at=at)
            session = sessions.open_session(
                end_user=end_user,
                session_type=told.session_type,
                redirect_uri=told.redirect_uri,
                actor=actor,
                at=at,
            )
            return session.pk

        outcome = key.run(body_hash=fingerprint(body), at=at, work=work)
        session = queries.sessions_of(end_user).get(pk=outcome.target_id)
        if outcome.is_replay:
            return Response(representation.session(session), status=200, headers={REPLAYED: "true"})
        session = sessions.await_link(session=session, seconds=LINK_SECONDS)
        shown: dict[str, Any] = representation.session(session)
        return Response(shown, status=201)
