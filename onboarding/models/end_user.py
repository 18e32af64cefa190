"""End users and where they live."""

import uuid

from django.db import models
from django.utils import timezone

from config.crypto import EncryptedCharField, EncryptedJSONField
from onboarding.enums import AddressKind, EndUserType, Lifecycle, Status, VerificationMode


class EndUser(models.Model):
    """A person or a business that a product app asks us to onboard.

    The members common to both types, under the names of the intake contract. `version` grows with every change
    of declared data.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    client = models.ForeignKey("onboarding.ApiClient", on_delete=models.PROTECT, related_name="end_users")
    type = models.CharField(max_length=10, choices=EndUserType.choices)
    external_id = models.CharField(max_length=255, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.CREATED, editable=False)
    lifecycle = models.CharField(
        max_length=10, choices=Lifecycle.choices, default=Lifecycle.ACTIVE, editable=False
    )
    version = models.PositiveIntegerField(default=1, editable=False)

    email = models.CharField(max_length=254)
    phone = models.CharField(max_length=20, null=True, blank=True)
    display_name = models.CharField(max_length=520)
    document_type = models.CharField(max_length=64, null=True, blank=True)
    document_number = EncryptedCharField(null=True, blank=True)
    document_number_index = models.CharField(max_length=64, null=True, editable=False)
    document_country = models.CharField(max_length=3, null=True, blank=True)
    pep_status = models.BooleanField(null=True, blank=True)
    source_of_funds = models.CharField(max_length=64, null=True, blank=True)
    account_purpose = models.CharField(max_length=64, null=True, blank=True)
    expected_monthly_payments = models.CharField(max_length=32, null=True, blank=True)
    additional_info = EncryptedJSONField(null=True, blank=True)
    metadata = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    sector = models.CharField(max_length=100, null=True, blank=True)
    partner_answers = EncryptedJSONField(null=True, blank=True)
    verification_mode = models.CharField(
        max_length=20, choices=VerificationMode.choices, default=VerificationMode.AUTOMATIC
    )
    verification_triggered = models.BooleanField(default=False, editable=False)
    redirect_uri = models.CharField(max_length=2000, null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["client", "external_id"],
                name="end_user_external_id_once",
                condition=models.Q(external_id__isnull=False),
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=Status.values), name="end_user_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(lifecycle__in=Lifecycle.values), name="end_user_lifecycle_known"
            ),
            models.CheckConstraint(
                condition=models.Q(type__in=EndUserType.values), name="end_user_type_known"
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-id"], name="end_user_newest"),
            models.Index(fields=["client", "-created_at", "-id"], name="end_user_client_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="end_user_status_newest"),
            models.Index(fields=["email"], name="end_user_email"),
            models.Index(fields=["phone"], condition=models.Q(phone__isnull=False), name="end_user_phone"),
            models.Index(
                fields=["external_id"],
                condition=models.Q(external_id__isnull=False),
                name="end_user_external_id",
            ),
            models.Index(fields=["document_number_index"], name="end_user_document_number"),
        ]

    def __str__(self) -> str:
        return self.display_name

    @property
    def is_business(self) -> bool:
        return self.type == EndUserType.BUSINESS


class Address(models.Model):
    """An address of an end user, or of one of its associated persons."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    end_user = models.ForeignKey(EndUser, on_delete=models.CASCADE, related_name="addresses")
    person = models.ForeignKey(
        "onboarding.AssociatedPerson", on_delete=models.CASCADE, null=True, related_name="addresses"
    )
    kind = models.CharField(max_length=12, choices=AddressKind.choices)
    street = models.CharField(max_length=255, null=True)
    street_2 = models.CharField(max_length=255, null=True)
    city = models.CharField(max_length=255, null=True)
    state = models.CharField(max_length=255, null=True)
    zip_code = models.CharField(max_length=32, null=True)
    country = models.CharField(max_length=3, null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["end_user", "kind"],
                condition=models.Q(person__isnull=True),
                name="address_one_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=["person", "kind"],
                condition=models.Q(person__isnull=False),
                name="address_one_of_a_kind_per_person",
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=AddressKind.values), name="address_kind_known"
            ),
        ]
