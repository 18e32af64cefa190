"""Product apps and their credentials."""

import uuid

from django.db import models
from django.utils import timezone

from onboarding.enums import ReviewPolicy


class ApiClient(models.Model):
    """A product app: one tenant. Its `id` is the `client_id` of the intake contract."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100, unique=True)
    password_digest = models.CharField(max_length=64, editable=False)
    default_partners = models.JSONField(default=list)
    review_policy = models.CharField(
        max_length=20, choices=ReviewPolicy.choices, default=ReviewPolicy.AUTOMATIC
    )
    is_active = models.BooleanField(default=True)
    event_position = models.PositiveBigIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "product app"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(review_policy__in=ReviewPolicy.values), name="api_client_policy_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class ApiKey(models.Model):
    """One key of a product app. Only its public prefix and the SHA-256 of the whole are kept."""

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE, related_name="keys")
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"

    def __str__(self) -> str:
        return f"{self.prefix}…"


class IdempotencyRecord(models.Model):
    """The first use of an idempotency key: what was asked, and what it made."""

    client = models.ForeignKey(ApiClient, on_delete=models.CASCADE)
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=200)
    key = models.UUIDField()
    body_hash = models.CharField(max_length=64)
    target_id = models.UUIDField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["client", "method", "path", "key"], name="idempotency_key_once"),
        ]


class ThrottleWindow(models.Model):
    """How fast a product app may call: the theoretical arrival time of its next request (GCRA)."""

    client = models.OneToOneField(ApiClient, on_delete=models.CASCADE, primary_key=True)
    arrival_at = models.DateTimeField(default=timezone.now)
