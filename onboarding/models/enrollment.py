"""One end user at one partner, its hosted sessions, its disagreements, and the gate to the partner."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField
from onboarding.enums import Partner, SessionStatus, SessionType, Status
from onboarding.models.end_user import EndUser


class Enrollment(models.Model):
    """One end user at one partner. `partner_status` is the partner's raw word, `status` ours for it.

    `confirmed_at` is when the partner's own record last said so; `next_check_at` when it will be read again.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    end_user = models.ForeignKey(EndUser, on_delete=models.PROTECT, related_name="enrollments")
    partner = models.CharField(max_length=20, choices=Partner.choices)
    is_primary = models.BooleanField(default=False)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CREATED, editable=False)
    partner_reference = models.CharField(max_length=100, null=True, editable=False)
    partner_status = models.CharField(max_length=64, blank=True, editable=False)
    partner_products = models.JSONField(default=dict, editable=False)
    partner_missing = models.JSONField(default=dict, editable=False)
    reasons = models.JSONField(default=list, editable=False)
    # A settled status may move again: we sent new data, or opened a new session, since it was settled.
    is_reopened = models.BooleanField(default=False, editable=False)
    round_began_at = models.DateTimeField(null=True, editable=False)
    confirmed_at = models.DateTimeField(null=True, editable=False)
    next_check_at = models.DateTimeField(null=True, editable=False)
    checks = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["end_user", "partner"], name="enrollment_once_per_partner"),
            models.UniqueConstraint(
                fields=["partner", "partner_reference"],
                condition=models.Q(partner_reference__isnull=False),
                name="enrollment_partner_reference_once",
            ),
            models.UniqueConstraint(
                fields=["end_user"],
                condition=models.Q(is_primary=True),
                name="enrollment_one_primary",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values), name="enrollment_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["partner", "next_check_at"],
                condition=models.Q(next_check_at__isnull=False),
                name="enrollment_due_for_check",
            ),
            models.Index(fields=["-created_at", "-id"], name="enrollment_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="enrollment_status_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_partner_display()}: {self.get_status_display()}"


class VerificationSession(models.Model):
    """A verification session at a partner (contract section 2.11). Its link is a secret: sealed, never logged."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="sessions")
    type = models.CharField(max_length=20, choices=SessionType.choices)
    status = models.CharField(max_length=10, choices=SessionStatus.choices, default=SessionStatus.PENDING)
    redirect_uri = models.CharField(max_length=2000, blank=True)
    provider = models.CharField(max_length=64, blank=True)
    partner_session = models.CharField(max_length=100, blank=True)
    link = EncryptedCharField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    issued_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=SessionStatus.values), name="session_status_known"
            ),
        ]
        indexes = [models.Index(fields=["-created_at", "-id"], name="session_newest")]


class Drift(models.Model):
    """A disagreement between us and a partner that nothing may settle by itself: ours, theirs, since when."""

    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="drifts")
    ours = models.CharField(max_length=10, choices=Status.choices)
    theirs = models.CharField(max_length=64)
    note = models.CharField(max_length=255, blank=True)
    since = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-since"]
        constraints = [
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=models.Q(resolved_at__isnull=True),
                name="drift_one_open_per_enrollment",
            ),
        ]


class PartnerGate(models.Model):
    """What all workers share about one partner credential: pause, breaker, pace, and the bearer token."""

    partner = models.CharField(max_length=20, choices=Partner.choices, primary_key=True)
    is_paused = models.BooleanField(default=False)
    paused_reason = models.CharField(max_length=255, blank=True)
    # Pace: theoretical arrival time of the next call (GCRA), and the time the partner told us to wait for.
    next_slot_at = models.DateTimeField(default=timezone.now, editable=False)
    not_before = models.DateTimeField(null=True, editable=False)
    # Breaker: closed while opened_at is empty; half-open is one probe per interval.
    failures = models.PositiveIntegerField(default=0, editable=False)
    opened_at = models.DateTimeField(null=True, editable=False)
    next_probe_at = models.DateTimeField(null=True, editable=False)
    # Token: sealed, renewed by whoever holds the lease.
    token = EncryptedCharField(null=True, editable=False)
    token_expires_at = models.DateTimeField(null=True, editable=False)
    token_leased_until = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = "partner gate"

    def __str__(self) -> str:
        return self.get_partner_display()


class PartnerSlot(models.Model):
    """One of the calls a partner allows at the same time; free when its lease has ended."""

    partner = models.CharField(max_length=20, choices=Partner.choices)
    number = models.PositiveSmallIntegerField()
    leased_until = models.DateTimeField(default=timezone.now)
    holder = models.UUIDField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["partner", "number"], name="partner_slot_once"),
        ]
