"""Indexes behind the back office's lists, and a trigram index behind the search for names on PostgreSQL.

The trigram index needs the extension pg_trgm. It ships with PostgreSQL and the owner of a database may switch it on
(since version 13); where that is refused, names are found all the same, only slower. docs/analysts.md has the two
statements for later.
"""

from django.db import DatabaseError, migrations, models, transaction


def make_trigram_index(apps, schema_editor):
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        return  # not installed, or not ours to switch on
    schema_editor.execute(
        "CREATE INDEX IF NOT EXISTS end_user_name_trigrams ON onboarding_enduser "
        "USING gin (UPPER(display_name::text) gin_trgm_ops)"
    )


def drop_trigram_index(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP INDEX IF EXISTS end_user_name_trigrams")


class Migration(migrations.Migration):
    dependencies = [
        ("onboarding", "0002_append_only"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="auditentry",
            name="audit_newest",
        ),
        migrations.AlterField(
            model_name="auditentry",
            name="action",
            field=models.CharField(
                choices=[
                    ("end_user.created", "End user created"),
                    ("end_user.updated", "End user updated"),
                    ("end_user.status_changed", "End user's status changed"),
                    ("end_user.verification_triggered", "Verification triggered"),
                    ("person.added", "Associated person added"),
                    ("person.updated", "Associated person updated"),
                    ("person.removed", "Associated person removed"),
                    ("document.received", "Document received"),
                    ("document.status_changed", "Document's status changed"),
                    ("finding.raised", "Finding raised"),
                    ("case.opened", "Case opened"),
                    ("case.decided", "Case decided"),
                    ("enrollment.opened", "Enrollment opened"),
                    ("enrollment.status_changed", "Enrollment's status changed"),
                    ("enrollment.linked", "Enrollment linked to the partner's record"),
                    ("submission.queued", "Submission queued"),
                    ("submission.outcome_changed", "Submission's outcome changed"),
                    ("submission.released", "Submission sent on its way by a person"),
                    ("session.issued", "Verification session issued"),
                    ("drift.found", "Drift found"),
                    ("drift.resolved", "Drift resolved"),
                    ("partner.paused", "Partner paused"),
                    ("partner.resumed", "Partner resumed"),
                    ("partner.breaker_closed", "Partner's breaker closed by a person"),
                    ("client.created", "Product app registered"),
                    ("client.key_issued", "API key issued"),
                    ("client.key_revoked", "API key revoked"),
                    ("endpoint.registered", "Webhook endpoint registered"),
                    ("endpoint.changed", "Webhook endpoint changed"),
                    ("endpoint.disabled", "Webhook endpoint disabled"),
                    ("webhook.replayed", "Partner's webhook replayed"),
                ],
                max_length=40,
            ),
        ),
        migrations.AlterField(
            model_name="reviewdecision",
            name="verdict",
            field=models.CharField(
                choices=[("APPROVE", "Approve"), ("REJECT", "Reject"), ("CLOSE", "Close with a note")],
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["-at", "-id"], name="audit_newest_entry"),
        ),
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(fields=["action", "-at", "-id"], name="audit_action_newest"),
        ),
        migrations.AddIndex(
            model_name="enduser",
            index=models.Index(
                condition=models.Q(("phone__isnull", False)), fields=["phone"], name="end_user_phone"
            ),
        ),
        migrations.AddIndex(
            model_name="enduser",
            index=models.Index(
                condition=models.Q(("external_id__isnull", False)),
                fields=["external_id"],
                name="end_user_external_id",
            ),
        ),
        migrations.AddIndex(
            model_name="enrollment",
            index=models.Index(fields=["-created_at", "-id"], name="enrollment_newest"),
        ),
        migrations.AddIndex(
            model_name="enrollment",
            index=models.Index(fields=["status", "-created_at", "-id"], name="enrollment_status_newest"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["-created_at", "-id"], name="event_newest"),
        ),
        migrations.AddIndex(
            model_name="reviewcase",
            index=models.Index(fields=["status", "kind", "opened_at"], name="case_oldest_of_a_kind"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["-created_at", "-id"], name="submission_newest"),
        ),
        migrations.AddIndex(
            model_name="submission",
            index=models.Index(fields=["outcome", "-created_at", "-id"], name="submission_outcome_newest"),
        ),
        migrations.AddIndex(
            model_name="verificationsession",
            index=models.Index(fields=["-created_at", "-id"], name="session_newest"),
        ),
        migrations.RunPython(make_trigram_index, drop_trigram_index),
    ]
