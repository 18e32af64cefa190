"""What the vault keeps: documents, and who looked at them."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField
from documents.enums import AccessPurpose, ContentType, DocumentSlot, DocumentStatus

SHA256_HEX_LENGTH = 64


class Document(models.Model):
    """One file of an end user, of one of its persons, or of one of their identifications.

    The row holds no byte of the file: those lie encrypted under `storage_name`, with a key of their own that is
    kept here sealed (`wrapped_key`). `sha256` is of the plaintext. Only `documents.vault` writes rows.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    end_user = models.ForeignKey("onboarding.EndUser", on_delete=models.PROTECT, related_name="documents")
    person = models.ForeignKey(
        "onboarding.AssociatedPerson",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="documents",
    )
    identification = models.ForeignKey(
        "onboarding.Identification", on_delete=models.PROTECT, null=True, blank=True, related_name="documents"
    )
    slot = models.CharField(max_length=32, choices=DocumentSlot.choices)
    status = models.CharField(
        max_length=12, choices=DocumentStatus.choices, default=DocumentStatus.RECEIVED, editable=False
    )
    # Codes only: what the inspector found, or why a person or partner refused it. Never free text about people.
    status_reason = models.CharField(max_length=200, blank=True, editable=False)
    status_changed_at = models.DateTimeField(default=timezone.now, editable=False)
    content_type = models.CharField(max_length=20, choices=ContentType.choices)
    size = models.PositiveIntegerField(help_text="Bytes of the plaintext.")
    sha256 = models.CharField(max_length=SHA256_HEX_LENGTH)
    pages = models.PositiveIntegerField(null=True, blank=True)
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels.")
    height = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels.")
    file_name = EncryptedCharField(max_length=255, blank=True)
    description = EncryptedCharField(max_length=1000, null=True, blank=True)
    storage_name = models.CharField(max_length=100, unique=True, editable=False)
    wrapped_key = models.BinaryField(editable=False)
    expiry_date = models.DateField(null=True, blank=True)
    supersedes = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="superseded_by"
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=DocumentStatus.values), name="document_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(slot__in=DocumentSlot.values), name="document_slot_known"
            ),
            models.CheckConstraint(
                condition=models.Q(content_type__in=ContentType.values), name="document_content_type_known"
            ),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="document_size_positive"),
            models.CheckConstraint(
                condition=models.Q(supersedes__isnull=True) | ~models.Q(supersedes=models.F("id")),
                name="document_supersedes_another",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="document_newest"),
            models.Index(fields=["end_user", "slot", "-created_at"], name="document_of_end_user"),
            models.Index(fields=["status", "-created_at"], name="document_status_newest"),
            models.Index(fields=["sha256"], name="document_sha256"),
            models.Index(
                fields=["expiry_date"],
                name="document_expiring",
                condition=models.Q(expiry_date__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_slot_display()} {self.id}"

    @property
    def is_erased(self) -> bool:
        """Whether the key was destroyed: the row stays as evidence, the content is gone for good."""
        return self.erased_at is not None


class AccessRecordIsFinal(TypeError):
    """Somebody tried to change or remove the record of who looked at a document."""


class DocumentAccess(models.Model):
    """Who opened a document, when and why. Append-only, here and by triggers of the database."""

    document = models.ForeignKey(Document, on_delete=models.PROTECT, related_name="accesses")
    actor = models.CharField(
        max_length=150, help_text="A label such as 'analyst:7' or 'system'; never a name."
    )
    purpose = models.CharField(max_length=12, choices=AccessPurpose.choices)
    at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name_plural = "document accesses"
        ordering = ["-at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(purpose__in=AccessPurpose.values), name="document_access_purpose_known"
            ),
            models.CheckConstraint(condition=~models.Q(actor=""), name="document_access_has_actor"),
        ]
        indexes = [models.Index(fields=["document", "-at"], name="document_access_newest")]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} by {self.actor}"

    def save(self, *args: object, **kwargs: object) -> None:
        """Insert only. Raises `AccessRecordIsFinal` for a row that exists."""
        if not self._state.adding:
            raise AccessRecordIsFinal("the record of an access cannot be changed")
        super().save(force_insert=True)

    def delete(self, *args: object, **kwargs: object) -> tuple[int, dict[str, int]]:
        """Always raises `AccessRecordIsFinal`."""
        raise AccessRecordIsFinal("the record of an access cannot be removed")
