"""What individuals and businesses declare about themselves, under the names of the intake contract."""

from django.db import models

from config.crypto import EncryptedCharField, EncryptedDateField, EncryptedJSONField
from onboarding.models.end_user import EndUser


class IndividualProfile(models.Model):
    end_user = models.OneToOneField(
        EndUser, on_delete=models.CASCADE, primary_key=True, related_name="individual"
    )
    first_name = models.CharField(max_length=255)
    middle_name = models.CharField(max_length=255, null=True)
    last_name = models.CharField(max_length=255)
    birth_date = EncryptedDateField(null=True)
    nationality = models.CharField(max_length=3, null=True)
    gender = models.CharField(max_length=10, null=True)
    employment_status = models.CharField(max_length=32, null=True)
    current_employer = models.CharField(max_length=255, null=True)
    income_source = models.CharField(max_length=255, null=True)
    occupation = models.CharField(max_length=255, null=True)
    immigration_status = models.CharField(max_length=64, null=True)


class BusinessProfile(models.Model):
    end_user = models.OneToOneField(
        EndUser, on_delete=models.CASCADE, primary_key=True, related_name="business"
    )
    business_legal_name = models.CharField(max_length=255)
    business_trade_name = models.CharField(max_length=255, null=True)
    doing_business_as = models.CharField(max_length=255, null=True)
    business_type = models.CharField(max_length=64, null=True)
    business_description = models.CharField(max_length=2000, null=True)
    business_industry = models.JSONField(null=True)
    business_website = models.CharField(max_length=2000, null=True)
    formation_date = models.DateField(null=True)
    formation_state = models.CharField(max_length=255, null=True)
    formation_country = models.CharField(max_length=3, null=True)
    representative_first_name = models.CharField(max_length=255, null=True)
    representative_last_name = models.CharField(max_length=255, null=True)
    representative_title = models.CharField(max_length=255, null=True)
    representative_birth_date = EncryptedDateField(null=True)
    representative_ssn = EncryptedCharField(null=True)
    representative_ssn_index = models.CharField(max_length=64, null=True, db_index=True)
    has_material_intermediary_ownership = models.BooleanField(null=True)
    # Members of newer revisions that are accepted and kept but decide nothing (contract section 2.2).
    newer_answers = EncryptedJSONField(null=True)
