"""The trail: append-only, numbered and hash-chained, refused to change by Python and by the database."""

import uuid

from django.db import models

from onboarding.enums import ActorType, AuditAction


class AuditChain(models.Model):
    """The head of one chain: per end user its own id, for everything else the system's (nil UUID).

    Holding the head apart from the entries lets a verifier notice a cut tail.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    length = models.PositiveIntegerField(default=0, editable=False)
    head = models.CharField(max_length=64, blank=True, editable=False)


class AuditEntry(models.Model):
    """One fact: who did what, when, from what to what. Personal data is masked before it comes here."""

    chain = models.ForeignKey(AuditChain, on_delete=models.PROTECT, related_name="entries")
    number = models.PositiveIntegerField()
    action = models.CharField(max_length=40, choices=AuditAction.choices)
    actor_type = models.CharField(max_length=10, choices=ActorType.choices)
    actor = models.CharField(max_length=150)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name_plural = "audit entries"
        ordering = ["chain", "number"]
        constraints = [
            models.UniqueConstraint(fields=["chain", "number"], name="audit_number_once"),
        ]
        indexes = [
            models.Index(fields=["-at", "-id"], name="audit_newest_entry"),
            models.Index(fields=["action", "-at", "-id"], name="audit_action_newest"),
        ]

    def save(self, *args: object, **kwargs: object) -> None:
        raise TypeError("audit entries are written by domain.audit.record and never change")

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        raise TypeError("audit entries are never deleted")
