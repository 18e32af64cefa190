"""Operations towards partners: promises kept across crashes."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedJSONField
from config.work import Work
from onboarding.enums import Partner, SubmissionOperation, SubmissionOutcome
from onboarding.models.enrollment import Enrollment, VerificationSession


class Submission(Work):
    """One operation towards one partner.

    `idempotency_key` is made once with the row and used by every attempt for ever. `payload` is the frozen
    dossier of the first attempt, so that every repeat is the same bytes. Submissions of one enrollment run
    strictly in the order of `position`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, related_name="submissions")
    partner = models.CharField(max_length=20, choices=Partner.choices)
    operation = models.CharField(max_length=20, choices=SubmissionOperation.choices)
    position = models.PositiveIntegerField()
    session = models.OneToOneField(
        VerificationSession, on_delete=models.PROTECT, null=True, related_name="submission"
    )
    # Which documents this call carries; empty list = none, null = decided when the dossier is frozen.
    document_ids = models.JSONField(null=True)
    idempotency_key = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    payload = EncryptedJSONField(null=True, editable=False)
    payload_digest = models.CharField(max_length=64, blank=True, editable=False)
    # Request names of what changed, for an update; empty = files only.
    changed = models.JSONField(default=list, editable=False)
    outcome = models.CharField(
        max_length=10, choices=SubmissionOutcome.choices, default=SubmissionOutcome.QUEUED, editable=False
    )
    first_sent_at = models.DateTimeField(null=True, editable=False)
    ambiguous_since = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["enrollment", "position"], name="submission_position_once"),
            models.UniqueConstraint(
                fields=["enrollment"],
                condition=models.Q(operation="CREATE") & ~models.Q(outcome="REFUSED"),
                name="submission_one_create_per_enrollment",
            ),
            models.CheckConstraint(
                condition=models.Q(outcome__in=SubmissionOutcome.values), name="submission_outcome_known"
            ),
            models.CheckConstraint(
                condition=models.Q(finished_at__isnull=True, outcome__in=SubmissionOutcome.open_outcomes)
                | models.Q(finished_at__isnull=False, outcome__in=SubmissionOutcome.final_outcomes),
                name="submission_finished_when_final",
            ),
        ]
        indexes = [
            models.Index(
                fields=["partner", "due_at"],
                condition=models.Q(finished_at__isnull=True),
                name="submission_due",
            ),
            models.Index(fields=["-created_at", "-id"], name="submission_newest"),
            models.Index(fields=["outcome", "-created_at", "-id"], name="submission_outcome_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_operation_display()} {self.position}"


class SubmissionAttempt(models.Model):
    """One try of a submission, committed before anything is sent. Exchanges are redacted before they are kept."""

    submission = models.ForeignKey(Submission, on_delete=models.PROTECT, related_name="tries")
    number = models.PositiveIntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=32, blank=True)
    http_status = models.PositiveSmallIntegerField(null=True)
    exchanges = models.JSONField(default=list)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["submission", "number"], name="attempt_number_once"),
        ]
