"""Numbers and papers that identify an end user or one of its persons."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField
from onboarding.enums import IdentificationOrigin, IdentificationType
from onboarding.models.end_user import EndUser
from onboarding.models.person import AssociatedPerson


class Identification(models.Model):
    """One `identifying_information` entry (contract sections 2.3 and 3.1).

    The number is sealed; `number_index` is its keyed blind index, for exact search and for duplicates.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="identifications")
    person = models.ForeignKey(
        AssociatedPerson, on_delete=models.CASCADE, null=True, related_name="identifications"
    )
    type = models.CharField(max_length=32, choices=IdentificationType.choices)
    origin = models.CharField(
        max_length=10, choices=IdentificationOrigin.choices, default=IdentificationOrigin.ENTRY
    )
    issuing_country = models.CharField(max_length=3)
    number = EncryptedCharField(null=True)
    number_index = models.CharField(max_length=64, null=True, editable=False)
    expiration = models.DateField(null=True)
    description = models.CharField(max_length=1000, null=True)
    position = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["position", "created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(type__in=IdentificationType.values), name="identification_type_known"
            ),
        ]
        indexes = [models.Index(fields=["number_index"], name="identification_number")]

    @property
    def is_government_id(self) -> bool:
        return self.type in IdentificationType.government_ids

    @property
    def is_tax_id(self) -> bool:
        return self.type in IdentificationType.tax_ids
