"""People behind a business: owners, directors, signers, those in control."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField, EncryptedDateField
from onboarding.enums import Status
from onboarding.models.end_user import EndUser


class AssociatedPerson(models.Model):
    """An associated person of a business (contract section 2.2); `ownership_percentage` is exact, 0 to 100."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="associated_persons")
    position = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CREATED, editable=False)
    first_name = models.CharField(max_length=255)
    middle_name = models.CharField(max_length=255, null=True)
    last_name = models.CharField(max_length=255)
    email = models.CharField(max_length=254, null=True)
    phone_number = models.CharField(max_length=20, null=True)
    birth_date = EncryptedDateField(null=True)
    nationality = models.CharField(max_length=3, null=True)
    country_of_birth = models.CharField(max_length=3, null=True)
    gender = models.CharField(max_length=10, null=True)
    title = models.CharField(max_length=255, null=True)
    occupation = models.CharField(max_length=255, null=True)
    pep_status = models.BooleanField(null=True)
    has_ownership = models.BooleanField(null=True)
    ownership_percentage = models.DecimalField(max_digits=9, decimal_places=6, null=True)
    has_control = models.BooleanField(null=True)
    is_signer = models.BooleanField(null=True)
    document_type = models.CharField(max_length=64, null=True)
    document_number = EncryptedCharField(null=True)
    document_number_index = models.CharField(max_length=64, null=True, db_index=True)
    document_country = models.CharField(max_length=3, null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    # A person who leaves stays as evidence; reads of the living filter on this.
    removed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        ordering = ["position", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(ownership_percentage__isnull=True)
                | models.Q(ownership_percentage__gte=0, ownership_percentage__lte=100),
                name="person_ownership_is_a_share",
            ),
            models.CheckConstraint(condition=models.Q(status__in=Status.values), name="person_status_known"),
        ]

    def __str__(self) -> str:
        return f"{self.first_name} {self.last_name}"

    @property
    def roles(self) -> tuple[str, ...]:
        """UBO, CONTROL and SIGNER, as declared by the three flags."""
        flags = (("UBO", self.has_ownership), ("CONTROL", self.has_control), ("SIGNER", self.is_signer))
        return tuple(role for role, declared in flags if declared)
