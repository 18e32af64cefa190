"""`GET /v1/events` and `GET /v1/users/{userId}/events`: everything we told, in an order without gaps.

A cursor stays good for ever: who comes back with the last one he got misses nothing and sees nothing twice.
"""

from typing import Any

from rest_framework.request import Request
from rest_framework.response import Response

from onboarding.api import described
from onboarding.api.representation import timestamp
from onboarding.api.serializers.filters import Cursor, cursor_at, read_cursor
from onboarding.api.views import IntakeView
from onboarding.domain import events
from onboarding.models import EndUser, Event


@described.events
class EventsView(IntakeView):
    """The feed of an app."""

    def get(self, request: Request) -> Response:
        return Response(self.feed(read_cursor(request.query_params)))

    def feed(self, cursor: Cursor, *, end_user: EndUser | None = None) -> dict[str, Any]:
        found = events.feed(
            client=self.client, after=cursor.position, limit=cursor.limit + 1, end_user=end_user
        )
        page = found[: cursor.limit]
        last = page[-1].position if page else cursor.position
        return {
            "data": [_entry(event) for event in page],
            "next_cursor": cursor_at(last or 0),
            "has_more": len(found) > cursor.limit,
        }


@described.user_events
class UserEventsView(EventsView):
    """The part of the feed about one end user."""

    def get(self, request: Request, user_id: str) -> Response:  # type: ignore[override]
        end_user = self.end_user(user_id)
        return Response(self.feed(read_cursor(request.query_params), end_user=end_user))


def _entry(event: Event) -> dict[str, Any]:
    return {"id": str(event.pk), "created_at": timestamp(event.created_at), **events.envelope(event)}
