"""Re-sealing with a newer key, and proving that files are intact."""

import io
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import BinaryField, Value

from config import crypto
from documents import rotation, vault
from documents.enums import AccessPurpose, DocumentSlot
from documents.models import Document, DocumentAccess
from onboarding.models import EndUser
from tests.documents import samples

OLD, NEW = "o" * 40, "n" * 40
PICTURE = samples.png()


@pytest.fixture
def documents(end_user: EndUser, settings) -> list[Document]:
    """Three documents and their end user, all sealed with the old key."""
    settings.ENCRYPTION_KEYS = [OLD]
    EndUser.objects.update(document_number="AB123456", additional_info={"a": 1})
    return [
        vault.store(
            end_user_id=end_user.pk,
            slot=DocumentSlot.FRONT,
            source=PICTURE,
            declared_content_type="image/png",
            file_name=f"{n}.png",
        )
        for n in range(3)
    ]


def rotate(**options: object) -> str:
    output = io.StringIO()
    call_command("rotate_keys", stdout=output, **options)
    return output.getvalue()


def verify(**options: object) -> tuple[str, str]:
    output, errors = io.StringIO(), io.StringIO()
    call_command("verify_documents", stdout=output, stderr=errors, **options)
    return output.getvalue(), errors.getvalue()


def cells_of(table: str, label: str) -> list[int]:
    (line,) = [line for line in table.splitlines() if line.startswith(f"{label} ")]
    return [int(cell) for cell in line.removeprefix(label).split()]


@pytest.mark.usefixtures("documents")
def test_after_rotation_the_old_key_may_go(end_user: EndUser, settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    table = rotate(batch_size=2)
    settings.ENCRYPTION_KEYS = [NEW]

    end_user.refresh_from_db()
    assert (end_user.document_number, end_user.additional_info) == ("AB123456", {"a": 1})
    for document in Document.objects.all():
        assert vault.read(document=document, actor="x", purpose=AccessPurpose.VIEW) == PICTURE
    assert sorted(document.file_name for document in Document.objects.all()) == ["0.png", "1.png", "2.png"]
    assert cells_of(table, "documents.Document.wrapped_key") == [3, 0, 0, 0, 0]
    assert cells_of(table, "onboarding.EndUser.document_number") == [1, 0, 0, 0, 0]


@pytest.mark.usefixtures("documents")
def test_a_second_run_finds_nothing_left_to_do(settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    rotate()

    assert cells_of(rotate(), "documents.Document.wrapped_key") == [0, 3, 0, 0, 0]


def test_a_stopped_run_goes_on_where_it_was(documents: list[Document], settings) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    one = documents[0]
    context = vault.key_context(one.pk)
    Document.objects.filter(pk=one.pk).update(wrapped_key=crypto.rewrap(one.wrapped_key, context=context))

    assert cells_of(rotate(batch_size=1), "documents.Document.wrapped_key") == [2, 1, 0, 0, 0]


def test_every_sealed_field_of_every_model_is_found() -> None:
    labels = {column.label for column in rotation.sealed_columns()}

    assert {
        "documents.Document.file_name",
        "documents.Document.description",
        "documents.Document.wrapped_key",
        "onboarding.EndUser.document_number",
        "onboarding.AssociatedPerson.birth_date",
        "onboarding.Identification.number",
        "webhooks.WebhookEvent.body",
    } <= labels


def test_a_value_that_changes_during_the_run_is_not_overwritten(
    documents: list[Document], settings, monkeypatch
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    column = next(c for c in rotation.sealed_columns() if c.label == "documents.Document.file_name")
    rewrap = crypto.rewrap
    raced: list[int] = []

    def rewrap_beside_a_writer(sealed: bytes, *, context: str) -> bytes:
        if not raced:
            raced.append(Document.objects.filter(pk=first).update(file_name="newer.png"))
        return rewrap(sealed, context=context)

    first = Document.objects.order_by("pk").values_list("pk", flat=True)[0]
    monkeypatch.setattr(crypto, "rewrap", rewrap_beside_a_writer)
    tally = rotation.rotate(column, batch_size=10, progress=lambda tally: None)

    assert Document.objects.get(pk=first).file_name == "newer.png"
    assert tally.is_complete
    assert tally.resealed == 2


@pytest.mark.usefixtures("documents")
def test_a_value_that_does_not_open_is_named_and_left_alone(settings) -> None:
    rubbish = b"\x01rubbish-that-nobody-can-open-at-all-01234567"
    EndUser.objects.update(document_number=Value(rubbish, output_field=BinaryField()))
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    output = io.StringIO()

    with pytest.raises(CommandError, match="older key"):
        call_command("rotate_keys", stdout=output)
    assert cells_of(output.getvalue(), "onboarding.EndUser.document_number") == [0, 0, 0, 1, 0]
    assert cells_of(output.getvalue(), "documents.Document.wrapped_key") == [3, 0, 0, 0, 0]


def test_erased_documents_are_not_touched(documents: list[Document], settings) -> None:
    vault.erase(document=documents[0])
    settings.ENCRYPTION_KEYS = [NEW, OLD]

    assert cells_of(rotate(), "documents.Document.wrapped_key") == [2, 0, 0, 0, 0]


def test_intact_documents_are_counted_and_the_check_is_on_record(documents: list[Document]) -> None:
    output, errors = verify(batch_size=2)

    assert cells_of(output, "intact") == [3]
    assert errors == ""
    assert set(DocumentAccess.objects.values_list("actor", "purpose")) == {
        ("system:verify_documents", "VERIFICATION")
    }


def test_broken_documents_are_named_and_fail_the_command(
    documents: list[Document], folder: Path, settings
) -> None:
    vault.erase(document=keep_erased(documents[0]))
    (folder / documents[0].storage_name).unlink()
    altered = folder / documents[1].storage_name
    altered.write_bytes(altered.read_bytes()[:-1])
    output, errors = io.StringIO(), io.StringIO()

    with pytest.raises(CommandError, match="intact"):
        call_command("verify_documents", stdout=output, stderr=errors)
    assert set(errors.getvalue().splitlines()) == {
        f"{documents[0].pk}: missing",
        f"{documents[1].pk}: altered",
    }
    assert [cells_of(output.getvalue(), word) for word in ("intact", "altered", "missing")] == [[1], [1], [1]]


def keep_erased(document: Document) -> Document:
    """Another document like this one, so that the run also meets an erased one."""
    return vault.store(
        end_user_id=document.end_user_id,
        slot=DocumentSlot.BACK,
        source=PICTURE,
        declared_content_type="image/png",
        file_name="back.png",
    )


REFUSE = {
    "sqlite": [
        "CREATE TRIGGER frozen BEFORE UPDATE ON onboarding_enduser BEGIN SELECT RAISE(ABORT, 'frozen'); END",
    ],
    "postgresql": [
        "CREATE FUNCTION frozen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'frozen'; END $$",
        "CREATE TRIGGER frozen BEFORE UPDATE ON onboarding_enduser FOR EACH ROW EXECUTE FUNCTION frozen()",
    ],
}


@pytest.mark.usefixtures("documents")
def test_rows_that_the_database_refuses_to_change_are_counted_and_the_rest_goes_on(settings) -> None:
    with connection.cursor() as cursor:
        for statement in REFUSE[connection.vendor]:
            cursor.execute(statement)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    output = io.StringIO()

    with pytest.raises(CommandError, match="older key"):
        call_command("rotate_keys", stdout=output)
    assert cells_of(output.getvalue(), "onboarding.EndUser.document_number") == [0, 0, 0, 0, 1]
    assert cells_of(output.getvalue(), "documents.Document.file_name") == [3, 0, 0, 0, 0]
