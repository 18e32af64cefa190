"""Where product apps are told, with which secrets, and every attempt to tell them."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField
from config.work import Work
from onboarding.models import ApiClient, Event
from webhooks.enums import AttemptResult, DeliveryOutcome, DisabledReason, EndpointStatus


class WebhookEndpoint(models.Model):
    """An address of a product app. `events` names what it wants to hear; empty means everything.

    An endpoint is also a lane: one worker at a time serves it (`leased_until`), so that a dead one
    holds up nobody else, and after failures it rests until `not_before`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey(ApiClient, on_delete=models.PROTECT, related_name="webhook_endpoints")
    url = models.CharField(max_length=2000)
    events = models.JSONField(default=list, blank=True)
    # Made by the contract's /webhooks/register: deliveries also carry the contract's own signature.
    is_registered = models.BooleanField(default=False, editable=False)
    status = models.CharField(
        max_length=10, choices=EndpointStatus.choices, default=EndpointStatus.ACTIVE, editable=False
    )
    disabled_reason = models.CharField(
        max_length=10, choices=DisabledReason.choices, blank=True, editable=False
    )
    disabled_at = models.DateTimeField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    consecutive_failures = models.PositiveIntegerField(default=0, editable=False)
    failing_since = models.DateTimeField(null=True, editable=False)
    last_success_at = models.DateTimeField(null=True, editable=False)

    not_before = models.DateTimeField(null=True, editable=False)
    leased_until = models.DateTimeField(null=True, editable=False)
    lease_holder = models.UUIDField(null=True, editable=False)
    served_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["client"],
                condition=models.Q(is_registered=True, removed_at__isnull=True),
                name="endpoint_one_registered_per_app",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=EndpointStatus.values), name="endpoint_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status=EndpointStatus.ACTIVE, disabled_at__isnull=True, disabled_reason="")
                | models.Q(status=EndpointStatus.DISABLED, disabled_at__isnull=False),
                name="endpoint_disabled_has_a_time",
            ),
        ]
        indexes = [models.Index(fields=["client", "-created_at", "-id"], name="endpoint_client_newest")]

    def __str__(self) -> str:
        return str(self.pk)


class EndpointSecret(models.Model):
    """A secret that signs for an endpoint until `expires_at`; all live ones sign at once."""

    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.CASCADE, related_name="secrets")
    secret = EncryptedCharField(editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]


class Delivery(Work):
    """One event on its way to one endpoint. `failures` counts since it was first, or last, asked for."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="deliveries")
    endpoint = models.ForeignKey(WebhookEndpoint, on_delete=models.PROTECT, related_name="deliveries")
    outcome = models.CharField(
        max_length=10, choices=DeliveryOutcome.choices, default=DeliveryOutcome.PENDING, editable=False
    )
    failures = models.PositiveSmallIntegerField(default=0, editable=False)
    resends = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "deliveries"
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["event", "endpoint"], name="delivery_once"),
            models.CheckConstraint(
                condition=models.Q(outcome__in=DeliveryOutcome.values), name="delivery_outcome_known"
            ),
            models.CheckConstraint(
                condition=models.Q(finished_at__isnull=True, outcome=DeliveryOutcome.PENDING)
                | (models.Q(finished_at__isnull=False) & ~models.Q(outcome=DeliveryOutcome.PENDING)),
                name="delivery_finished_when_final",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "due_at"],
                condition=models.Q(finished_at__isnull=True),
                name="delivery_due",
            ),
            models.Index(fields=["endpoint", "-created_at", "-id"], name="delivery_endpoint_newest"),
            models.Index(fields=["-created_at", "-id"], name="delivery_newest"),
            models.Index(fields=["outcome", "-created_at", "-id"], name="delivery_outcome_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_outcome_display()}"


class DeliveryAttempt(models.Model):
    """One try of a delivery, committed before anything is sent. Nothing of the answer but its status is kept."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="tries")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=16, choices=AttemptResult.choices, default=AttemptResult.UNFINISHED)
    http_status = models.PositiveSmallIntegerField(null=True)
    milliseconds = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["delivery", "number"], name="delivery_attempt_number_once"),
        ]
