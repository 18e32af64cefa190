"""Storing, reading on the record, moving, erasing, sweeping."""

import hashlib
import io
import itertools
import logging
import os
import time
import tracemalloc
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, IntegrityError, connection, transaction

from config import crypto
from documents import vault
from documents.enums import AccessPurpose, DocumentSlot, DocumentStatus
from documents.files import FileRefused
from documents.models import AccessRecordIsFinal, Document, DocumentAccess
from onboarding.models import EndUser
from tests.documents import samples

S = DocumentStatus
PICTURE = samples.jpeg(200, 100)


def keep(end_user: EndUser, source: Any = PICTURE, **changes: Any) -> Document:
    values: dict[str, Any] = {
        "slot": DocumentSlot.FRONT,
        "declared_content_type": "image/jpeg",
        "file_name": "front.jpg",
    }
    return vault.store(end_user_id=end_user.pk, source=source, **{**values, **changes})


def content_of(document: Document) -> bytes:
    return vault.read(document=document, actor="analyst:1", purpose=AccessPurpose.VIEW)


def stored_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def only_file(folder: Path) -> Path:
    (path,) = stored_files(folder)
    return path


# --- Storing ----------------------------------------------------------------------------------------


def test_a_stored_file_reads_back_and_its_row_tells_what_it_is(end_user: EndUser) -> None:
    made = keep(end_user, description="Passport, page 2")
    document = Document.objects.get(pk=made.pk)

    assert content_of(document) == PICTURE
    assert document.sha256 == hashlib.sha256(PICTURE).hexdigest()
    assert (document.size, document.width, document.height, document.pages) == (len(PICTURE), 200, 100, None)
    assert (document.status, document.status_reason) == (S.RECEIVED, "")
    assert (document.file_name, document.description) == ("front.jpg", "Passport, page 2")
    assert document.storage_name == f"{made.pk.hex[:2]}/{made.pk.hex[2:4]}/{made.pk.hex}"


def test_nothing_of_the_file_or_its_name_lies_in_the_open(end_user: EndUser, folder: Path) -> None:
    marker = b"canary-7c1f-Ana-Diaz-123-45-6789"
    document = keep(end_user, samples.jpeg(comment=marker), file_name="ana-diaz.jpg", description="of Ana")

    assert marker not in only_file(folder).read_bytes()
    assert "ana" not in str(only_file(folder).relative_to(folder))
    with connection.cursor() as cursor:
        cursor.execute("SELECT file_name, description, wrapped_key FROM documents_document")
        row = b"".join(bytes(value) for value in cursor.fetchone())
    assert b"ana" not in row.lower()
    assert content_of(document)


@pytest.mark.parametrize("make", [io.BytesIO, lambda data: SimpleUploadedFile("a.jpg", data)])
def test_files_and_uploads_are_stored_like_bytes(end_user: EndUser, make: type) -> None:
    assert content_of(keep(end_user, make(PICTURE))) == PICTURE


def test_checking_first_and_storing_later_gives_the_same(end_user: EndUser) -> None:
    prepared = vault.prepare(source=PICTURE, declared_content_type="image/jpeg")
    assert Document.objects.count() == 0
    document = vault.store(
        end_user_id=end_user.pk, slot=DocumentSlot.BACK, source=prepared, file_name="back.jpg"
    )

    assert content_of(document) == PICTURE


def test_a_refused_file_leaves_nothing(end_user: EndUser, folder: Path) -> None:
    with pytest.raises(FileRefused):
        keep(end_user, samples.png())

    assert Document.objects.count() == 0
    assert stored_files(folder) == []


def test_a_source_that_changes_after_the_check_is_refused(end_user: EndUser, folder: Path) -> None:
    source = io.BytesIO(PICTURE)
    prepared = vault.prepare(source=source, declared_content_type="image/jpeg")
    source.seek(0, io.SEEK_END)
    source.write(b"more")

    with pytest.raises(FileRefused):
        keep(end_user, prepared)
    assert (Document.objects.count(), stored_files(folder)) == (0, [])


def test_a_suspicious_pdf_is_quarantined_with_its_findings(end_user: EndUser) -> None:
    harmful = samples.written_pdf(*samples.PAGE, b"<</S/Launch/F(x)>>", b"<</S/JavaScript/JS(x)>>")
    document = keep(
        end_user, harmful, slot=DocumentSlot.PROOF_OF_ADDRESS, declared_content_type="application/pdf"
    )

    assert (document.status, document.status_reason) == (S.QUARANTINED, "javascript,launch")
    assert document.pages == 1


def test_a_row_that_cannot_be_written_takes_its_file_along(end_user: EndUser, folder: Path) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        keep(end_user, slot="UNKNOWN")

    assert stored_files(folder) == []


def test_equal_files_are_kept_apart(end_user: EndUser, folder: Path) -> None:
    first, second = keep(end_user), keep(end_user)

    assert first.sha256 == second.sha256
    assert len({path.read_bytes() for path in stored_files(folder)}) == 2


def test_a_newer_document_supersedes_the_older(end_user: EndUser) -> None:
    older = keep(end_user)
    newer = keep(end_user, supersedes=older)

    assert Document.objects.get(pk=older.pk).status == S.SUPERSEDED
    assert newer.supersedes_id == older.pk
    with pytest.raises(vault.DocumentMoveNotAllowed):
        keep(end_user, supersedes=older)
    assert Document.objects.count() == 2


def test_nobody_supersedes_a_document_of_somebody_else(end_user: EndUser) -> None:
    other = EndUser.objects.create(
        client=end_user.client, type="INDIVIDUAL", email="bo@example.com", display_name="Bo"
    )
    with pytest.raises(vault.DocumentMoveNotAllowed):
        keep(other, supersedes=keep(end_user))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\front.jpg", "front.jpg"),
        ('a"; x\r\nSet-Cookie: a.jpg', 'a"; xSet-Cookie: a.jpg'),
        ("\x00pass\u202egpj.exe", "passgpj.exe"),
        ("Ñandú 護照.jpg", "Ñandú 護照.jpg"),
        ("x" * 300, "x" * 255),
        ("", ""),
    ],
)
def test_file_names_are_data_and_nothing_else(given: str, kept: str) -> None:
    assert vault.clean_file_name(given) == kept


def test_a_file_passes_through_without_a_second_copy(end_user: EndUser) -> None:
    big = PICTURE[:-2] + os.urandom(9 * 2**20).replace(b"\xff", b"\0") + b"\xff\xd9"
    source = io.BytesIO(big)
    tracemalloc.start()
    document = keep(end_user, source)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert document.size == len(big)
    assert peak < 2 * 2**20


# --- Reading ----------------------------------------------------------------------------------------


def test_every_opening_is_on_record(end_user: EndUser) -> None:
    document = keep(end_user)
    vault.read(document=document, actor="analyst:7", purpose=AccessPurpose.VIEW)
    list(vault.open_chunks(document=document, actor="system", purpose=AccessPurpose.SUBMISSION))
    vault.open_chunks(document=document, actor="analyst:7", purpose=AccessPurpose.EXPORT)

    assert set(document.accesses.values_list("actor", "purpose")) == {
        ("analyst:7", "VIEW"),
        ("system", "SUBMISSION"),
        ("analyst:7", "EXPORT"),
    }


def test_nobody_opens_a_document_without_saying_who(end_user: EndUser) -> None:
    document = keep(end_user)

    with pytest.raises(IntegrityError), transaction.atomic():
        vault.read(document=document, actor="", purpose=AccessPurpose.VIEW)


def damage_row(document: Document, **values: object) -> None:
    Document.objects.filter(pk=document.pk).update(**values)
    document.refresh_from_db()


def test_a_broken_document_is_never_handed_out_and_the_log_says_which(
    end_user: EndUser, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    document = keep(end_user)
    path = only_file(folder)
    whole = path.read_bytes()
    for broken in (whole[:-1], whole[:30] + b"\0" + whole[31:], whole + b"x", b"", b"\0" * len(whole)):
        path.write_bytes(broken)
        with caplog.at_level(logging.ERROR), pytest.raises(vault.IntegrityBroken) as error:
            content_of(document)
        assert error.value.reason == "altered"
        assert str(document.pk) in caplog.text
        assert "front.jpg" not in caplog.text
    path.unlink()
    with pytest.raises(vault.IntegrityBroken) as error:
        content_of(document)
    assert error.value.reason == "missing"


def test_files_of_two_documents_cannot_be_swapped(end_user: EndUser) -> None:
    one, two = keep(end_user), keep(end_user)
    damage_row(one, wrapped_key=two.wrapped_key)
    with pytest.raises(vault.IntegrityBroken):
        content_of(one)

    three, four = keep(end_user), keep(end_user)
    damage_row(four, storage_name="aa")
    damage_row(three, storage_name=f"{four.pk.hex[:2]}/{four.pk.hex[2:4]}/{four.pk.hex}")
    with pytest.raises(vault.IntegrityBroken):
        content_of(three)


def test_a_row_that_tells_another_hash_is_found_out_at_the_end(end_user: EndUser) -> None:
    document = keep(end_user)
    damage_row(document, sha256="0" * 64)

    with pytest.raises(vault.IntegrityBroken):
        list(vault.open_chunks(document=document, actor="system", purpose=AccessPurpose.EXPORT))


def test_a_document_under_a_lost_key_says_so(end_user: EndUser, settings) -> None:
    document = keep(end_user)
    settings.ENCRYPTION_KEYS = ["another-key" * 4]

    with pytest.raises(vault.IntegrityBroken) as error:
        content_of(document)
    assert error.value.reason == "key_missing"


# --- The record of accesses -------------------------------------------------------------------------


@pytest.fixture
def access(end_user: EndUser) -> DocumentAccess:
    content_of(keep(end_user))
    return DocumentAccess.objects.get()


def test_python_refuses_to_change_or_remove_an_access(access: DocumentAccess) -> None:
    access.actor = "somebody else"
    for act in (access.save, access.delete):
        with pytest.raises(AccessRecordIsFinal):
            act()


def test_the_database_refuses_to_change_or_remove_an_access(access: DocumentAccess) -> None:
    for act in (lambda: DocumentAccess.objects.update(actor="x"), DocumentAccess.objects.all().delete):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            act()
    assert DocumentAccess.objects.get().actor == "analyst:1"


# --- Status -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("old", "new"), list(itertools.product(S, S)))
def test_the_table_decides_every_move(end_user: EndUser, old: DocumentStatus, new: DocumentStatus) -> None:
    document = keep(end_user)
    damage_row(document, status=old)

    if new in vault.STATUS_MOVES[old]:
        moved = vault.set_status(document=document, status=new, reason="LOW_QUALITY")
        kept = Document.objects.get(pk=document.pk)
        assert (moved.status, kept.status, kept.status_reason) == (new, new, "LOW_QUALITY")
    else:
        with pytest.raises(vault.DocumentMoveNotAllowed):
            vault.set_status(document=document, status=new)
        assert Document.objects.get(pk=document.pk).status == old


def test_the_slower_of_two_processes_is_told(end_user: EndUser) -> None:
    document = keep(end_user)
    same = Document.objects.get(pk=document.pk)
    vault.set_status(document=document, status=S.ACCEPTED)

    with pytest.raises(vault.DocumentMoveNotAllowed):
        vault.set_status(document=same, status=S.REJECTED)
    assert Document.objects.get(pk=document.pk).status == S.ACCEPTED


# --- Erasure and orphans ----------------------------------------------------------------------------


def test_an_erased_document_keeps_its_row_and_nothing_else(
    end_user: EndUser, folder: Path, django_capture_on_commit_callbacks
) -> None:
    document = keep(end_user)
    with django_capture_on_commit_callbacks(execute=True):
        vault.erase(document=document)

    kept = Document.objects.get(pk=document.pk)
    assert stored_files(folder) == []
    assert (bytes(kept.wrapped_key), kept.file_name, kept.description) == (b"", "", None)
    assert kept.is_erased
    for act in (lambda: content_of(kept), lambda: vault.erase(document=kept)):
        with pytest.raises(vault.DocumentErased):
            act()
    with pytest.raises(vault.DocumentMoveNotAllowed):
        vault.set_status(document=kept, status=S.ACCEPTED)


def make_old(path: Path) -> None:
    two_hours_ago = time.time() - 7200
    os.utime(path, (two_hours_ago, two_hours_ago))


def test_files_without_rows_are_swept_once_they_are_old(end_user: EndUser, folder: Path) -> None:
    kept = keep(end_user)
    make_old(only_file(folder))
    with transaction.atomic():
        orphan = folder / keep(end_user).storage_name
        transaction.set_rollback(True)
    draft = orphan.with_name(f".{uuid.uuid4().hex}.0123abcd")
    draft.write_bytes(b"half a file")

    assert vault.sweep_orphans() == 0
    make_old(orphan)
    make_old(draft)
    assert vault.sweep_orphans() == 2
    assert stored_files(folder) == [folder / kept.storage_name]
    assert vault.sweep_orphans(older_than=timedelta(0)) == 0
    assert content_of(kept) == PICTURE


def test_the_key_of_a_document_is_bound_to_its_row(end_user: EndUser) -> None:
    document = keep(end_user)

    with pytest.raises(crypto.SealBroken):
        crypto.unseal(document.wrapped_key, context=vault.key_context(uuid.uuid4()))
