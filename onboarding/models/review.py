"""Findings, the cases they open, and what people decide."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from onboarding.enums import CaseKind, CaseStatus, FindingCode, Verdict
from onboarding.models.end_user import EndUser
from onboarding.models.enrollment import Enrollment


class Finding(models.Model):
    """Something in the data that a person should look at. Raised once per code and subject; kept when resolved."""

    end_user = models.ForeignKey(EndUser, on_delete=models.PROTECT, related_name="findings")
    code = models.CharField(max_length=32, choices=FindingCode.choices)
    subject = models.CharField(max_length=100, blank=True)
    note = models.CharField(max_length=255)
    related_id = models.UUIDField(null=True)
    raised_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["raised_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["end_user", "code", "subject"],
                condition=models.Q(resolved_at__isnull=True),
                name="finding_open_once",
            ),
        ]


class ReviewCase(models.Model):
    """Something that waits for a person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    end_user = models.ForeignKey(EndUser, on_delete=models.PROTECT, related_name="cases")
    enrollment = models.ForeignKey(Enrollment, on_delete=models.PROTECT, null=True, related_name="cases")
    kind = models.CharField(max_length=24, choices=CaseKind.choices)
    status = models.CharField(
        max_length=10, choices=CaseStatus.choices, default=CaseStatus.OPEN, editable=False
    )
    summary = models.CharField(max_length=500)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    closed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["opened_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["end_user", "kind"],
                condition=models.Q(status="OPEN"),
                name="case_one_open_of_a_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=CaseStatus.values), name="case_status_known"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "opened_at"], name="case_oldest_open"),
            models.Index(fields=["status", "kind", "opened_at"], name="case_oldest_of_a_kind"),
        ]

    def __str__(self) -> str:
        return self.get_kind_display()


class ReviewDecision(models.Model):
    """What a person decided about a case. A row that never changes, guarded in the database."""

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="decisions")
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT)
    verdict = models.CharField(max_length=10, choices=Verdict.choices)
    reason = models.TextField()
    end_user_version = models.PositiveIntegerField()
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["case", "reviewer"], name="one_decision_per_reviewer"),
        ]
