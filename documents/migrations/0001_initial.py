import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import config.crypto


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("onboarding", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Document",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                (
                    "slot",
                    models.CharField(
                        choices=[
                            ("FRONT", "Front"),
                            ("BACK", "Back"),
                            ("SELFIE", "Selfie"),
                            ("PROOF_OF_ADDRESS", "Proof of address"),
                            ("SOURCE_OF_WEALTH", "Source of wealth"),
                            ("BUSINESS_FORMATION", "Business formation"),
                            ("EIN_LETTER", "EIN letter"),
                            ("BYLAWS", "Bylaws"),
                            ("CORPORATE_RESOLUTION", "Corporate resolution"),
                            ("CERTIFICATE_OF_REGISTRATION", "Certificate of registration"),
                            ("CERTIFICATE_OF_GOOD_STANDING", "Certificate of good standing"),
                            ("BOARD_MINUTES", "Board minutes"),
                            ("PORTFOLIO_STATEMENT", "Portfolio statement"),
                            ("FATCA", "FATCA declaration"),
                            ("COMPANY_FISCAL_REGISTRATION", "Company fiscal registration"),
                        ],
                        max_length=32,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("RECEIVED", "Received"),
                            ("QUARANTINED", "Quarantined"),
                            ("ACCEPTED", "Accepted"),
                            ("REJECTED", "Rejected"),
                            ("SUPERSEDED", "Superseded"),
                            ("EXPIRED", "Expired"),
                        ],
                        default="RECEIVED",
                        editable=False,
                        max_length=12,
                    ),
                ),
                ("status_reason", models.CharField(blank=True, editable=False, max_length=200)),
                (
                    "status_changed_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                (
                    "content_type",
                    models.CharField(
                        choices=[("image/jpeg", "JPEG"), ("image/png", "PNG"), ("application/pdf", "PDF")],
                        max_length=20,
                    ),
                ),
                ("size", models.PositiveIntegerField(help_text="Bytes of the plaintext.")),
                ("sha256", models.CharField(max_length=64)),
                ("pages", models.PositiveIntegerField(blank=True, null=True)),
                ("width", models.PositiveIntegerField(blank=True, help_text="Pixels.", null=True)),
                ("height", models.PositiveIntegerField(blank=True, help_text="Pixels.", null=True)),
                ("file_name", config.crypto.EncryptedCharField(blank=True, max_length=255)),
                ("description", config.crypto.EncryptedCharField(blank=True, max_length=1000, null=True)),
                ("storage_name", models.CharField(editable=False, max_length=100, unique=True)),
                ("wrapped_key", models.BinaryField()),
                ("expiry_date", models.DateField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ("erased_at", models.DateTimeField(editable=False, null=True)),
                (
                    "end_user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="onboarding.enduser",
                    ),
                ),
                (
                    "identification",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="onboarding.identification",
                    ),
                ),
                (
                    "person",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="documents",
                        to="onboarding.associatedperson",
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="superseded_by",
                        to="documents.document",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="DocumentAccess",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "actor",
                    models.CharField(
                        help_text="A label such as 'analyst:7' or 'system'; never a name.", max_length=150
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("VIEW", "View"),
                            ("SUBMISSION", "Submission to a partner"),
                            ("EXPORT", "Export"),
                            ("VERIFICATION", "Integrity check"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                (
                    "document",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="accesses",
                        to="documents.document",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "document accesses",
                "ordering": ["-at", "-id"],
            },
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["-created_at", "-id"], name="document_newest"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["end_user", "slot", "-created_at"], name="document_of_end_user"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["status", "-created_at"], name="document_status_newest"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(fields=["sha256"], name="document_sha256"),
        ),
        migrations.AddIndex(
            model_name="document",
            index=models.Index(
                condition=models.Q(("expiry_date__isnull", False)),
                fields=["expiry_date"],
                name="document_expiring",
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        ["RECEIVED", "QUARANTINED", "ACCEPTED", "REJECTED", "SUPERSEDED", "EXPIRED"],
                    )
                ),
                name="document_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "slot__in",
                        [
                            "FRONT",
                            "BACK",
                            "SELFIE",
                            "PROOF_OF_ADDRESS",
                            "SOURCE_OF_WEALTH",
                            "BUSINESS_FORMATION",
                            "EIN_LETTER",
                            "BYLAWS",
                            "CORPORATE_RESOLUTION",
                            "CERTIFICATE_OF_REGISTRATION",
                            "CERTIFICATE_OF_GOOD_STANDING",
                            "BOARD_MINUTES",
                            "PORTFOLIO_STATEMENT",
                            "FATCA",
                            "COMPANY_FISCAL_REGISTRATION",
                        ],
                    )
                ),
                name="document_slot_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("content_type__in", ["image/jpeg", "image/png", "application/pdf"])),
                name="document_content_type_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(("size__gt", 0)), name="document_size_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="document",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("supersedes__isnull", True),
                    models.Q(("supersedes", models.F("id")), _negated=True),
                    _connector="OR",
                ),
                name="document_supersedes_another",
            ),
        ),
        migrations.AddIndex(
            model_name="documentaccess",
            index=models.Index(fields=["document", "-at"], name="document_access_newest"),
        ),
        migrations.AddConstraint(
            model_name="documentaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["VIEW", "SUBMISSION", "EXPORT", "VERIFICATION"])),
                name="document_access_purpose_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="documentaccess",
            constraint=models.CheckConstraint(
                condition=models.Q(("actor", ""), _negated=True), name="document_access_has_actor"
            ),
        ),
    ]
