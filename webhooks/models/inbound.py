"""Messages from partners."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField
from config.work import Work
from onboarding.enums import Partner
from webhooks.enums import EventVerdict, RejectionReason


class WebhookEvent(Work):
    """One verified message from a partner, once, whatever number of times it came.

    `body` is the exact text that was signed, sealed because it may hold personal data. `event_id` is the partner's
    id, or `sha256:` and the body's hash where we could read none. A message is a hint: `verdict` says what
    the partner's own record made of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    partner = models.CharField(max_length=20, choices=Partner.choices)
    event_id = models.CharField(max_length=200, editable=False)
    name = models.CharField(max_length=100, blank=True, editable=False)
    reference = models.CharField(max_length=100, blank=True, editable=False)
    body = EncryptedCharField(editable=False)
    body_sha256 = models.CharField(max_length=64, editable=False)
    headers = models.JSONField(default=dict, editable=False)
    received_at = models.DateTimeField(default=timezone.now, editable=False)
    verdict = models.CharField(
        max_length=10, choices=EventVerdict.choices, default=EventVerdict.RECEIVED, editable=False
    )
    verdict_reason = models.CharField(max_length=300, blank=True, editable=False)
    duplicates = models.PositiveIntegerField(default=0, editable=False)
    last_duplicate_at = models.DateTimeField(null=True, editable=False)
    # Arrivals under this id with another body: an alarm, and never applied.
    alterations = models.PositiveIntegerField(default=0, editable=False)
    last_altered_at = models.DateTimeField(null=True, editable=False)
    replays = models.PositiveIntegerField(default=0, editable=False)
    # Since when it has been worked on: its arrival, or the last replay.
    waiting_since = models.DateTimeField(default=timezone.now, editable=False)
    awaits_reference = models.BooleanField(default=False, editable=False)
    rereads = models.PositiveSmallIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = "partner message"
        ordering = ["-received_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "event_id"], name="webhook_event_once"),
            models.CheckConstraint(
                condition=models.Q(verdict__in=EventVerdict.values), name="webhook_event_verdict_known"
            ),
            models.CheckConstraint(
                condition=models.Q(finished_at__isnull=True, verdict=EventVerdict.RECEIVED)
                | (models.Q(finished_at__isnull=False) & ~models.Q(verdict=EventVerdict.RECEIVED)),
                name="webhook_event_finished_with_verdict",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(finished_at__isnull=True), name="webhook_event_due"
            ),
            models.Index(fields=["-received_at", "-id"], name="webhook_event_newest"),
            models.Index(fields=["verdict", "-received_at", "-id"], name="webhook_event_by_verdict"),
            models.Index(
                fields=["reference"], condition=~models.Q(reference=""), name="webhook_event_reference"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_partner_display()}: {self.name or self.event_id}"


class WebhookRejection(models.Model):
    """How often, per day, messages in a partner's name were turned away. Nothing else of them is kept."""

    partner = models.CharField(max_length=20, choices=Partner.choices)
    day = models.DateField()
    reason = models.CharField(max_length=12, choices=RejectionReason.choices)
    count = models.PositiveBigIntegerField(default=0)
    last_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "rejected messages"
        verbose_name_plural = "rejected messages"
        ordering = ["-day", "partner", "reason"]
        constraints = [
            models.UniqueConstraint(fields=["partner", "day", "reason"], name="webhook_rejection_row_once"),
        ]

    def __str__(self) -> str:
        return f"{self.get_partner_display()} {self.day}: {self.get_reason_display()}"
