"""What a product app may know; the feed and the deliveries both read it."""

import uuid

from django.db import models
from django.utils import timezone

from onboarding.enums import EventName
from onboarding.models.api_client import ApiClient
from onboarding.models.end_user import EndUser


class Event(models.Model):
    """One thing told to a product app. `data` is the webhook's `data` member, without `event_id`.

    `position` is given after the commit, one by one per product app, so that a cursor never jumps over an event
    whose transaction was slow to commit.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="events")
    end_user = models.ForeignKey(EndUser, on_delete=models.PROTECT, null=True, related_name="events")
    name = models.CharField(max_length=40, choices=EventName.choices)
    data = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now)
    # The real clock of the writing: orders the events of one transaction, which share `created_at`.
    written_at = models.DateTimeField(default=timezone.now, editable=False)
    position = models.PositiveBigIntegerField(null=True, editable=False)
    is_fanned_out = models.BooleanField(default=False, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "position"], name="event_position_once"),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=models.Q(is_fanned_out=False),
                name="event_waiting_for_fan_out",
            ),
            models.Index(
                fields=["client", "created_at"],
                condition=models.Q(position__isnull=True),
                name="event_waiting_for_position",
            ),
            models.Index(fields=["-created_at", "-id"], name="event_newest"),
        ]

    def __str__(self) -> str:
        return self.get_name_display()
