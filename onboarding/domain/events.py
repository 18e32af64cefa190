"""What product apps are told, and the order in which they can read it without a gap."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F

from config import work
from onboarding.enums import EventName
from onboarding.models import ApiClient, EndUser, Event


def put(
    *, client: ApiClient, end_user: EndUser | None, name: EventName, data: Mapping[str, Any], at: datetime
) -> Event:
    """Write an event in the caller's transaction; it is delivered and shown in the feed after the commit."""
    event = Event.objects.create(client=client, end_user=end_user, name=name, data=dict(data), created_at=at)
    work.ring("webhooks.tasks.deliver_due_events")
    return event


def envelope(event: Event) -> dict[str, Any]:
    """The body of the webhook and of the feed entry (contract section 7.3): the dedup key is `data.event_id`."""
    return {"event": event.name, "data": {"event_id": str(event.pk), **event.data}}


@transaction.atomic
def assign_positions(*, client: ApiClient) -> int:
    """Number the committed events that have no position yet; returns how many.

    Positions are given under the app's row lock to events already committed, so a reader who has seen position n
    has seen every event that will ever stand at or before n.
    """
    waiting = Event.objects.filter(client=client, position=None)
    if not waiting.exists():
        return 0
    locked = ApiClient.objects.select_for_update(no_key=True).only("event_position").get(pk=client.pk)
    events = list(waiting.order_by("written_at", "id").only("id"))
    for offset, event in enumerate(events, start=1):
        event.position = locked.event_position + offset
    Event.objects.bulk_update(events, ["position"], batch_size=500)
    ApiClient.objects.filter(pk=client.pk).update(event_position=F("event_position") + len(events))
    return len(events)


def feed(*, client: ApiClient, after: int, limit: int, end_user: EndUser | None = None) -> list[Event]:
    """Events behind position `after`, oldest first, at most `limit`."""
    assign_positions(client=client)
    events = Event.objects.filter(client=client, position__gt=after)
    if end_user is not None:
        events = events.filter(end_user=end_user)
    return list(events.order_by("position")[:limit])
