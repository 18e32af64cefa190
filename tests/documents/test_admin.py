"""Opening documents: on the record, as a download, and by nobody who may not."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from documents import vault
from documents.enums import AccessPurpose, DocumentSlot
from documents.models import Document, DocumentAccess
from onboarding.models import EndUser
from tests.documents import samples


@pytest.fixture
def content() -> bytes:
    return samples.png()


@pytest.fixture
def document(end_user: EndUser, content: bytes) -> Document:
    return vault.store(
        end_user_id=end_user.pk,
        slot=DocumentSlot.FRONT,
        source=content,
        declared_content_type="image/png",
        file_name="../Ana Díaz <passport>.png",
    )


@pytest.fixture
def ana(db: None) -> Client:
    call_command("create_analyst", "ana@example.com", role="auditor")
    browser = Client()
    browser.force_login(User.objects.get(username="ana@example.com"))
    return browser


def open_(browser: Client, document: Document) -> Any:
    return browser.post(f"/admin/documents/document/{document.pk}/open/")


def test_opening_gives_the_file_as_a_download_and_leaves_a_record(
    ana: Client, document: Document, content: bytes
) -> None:
    answer = open_(ana, document)
    assert answer.status_code == 200
    assert hashlib.sha256(answer.content).hexdigest() == document.sha256
    assert answer.content == content
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "no-store" in answer["Cache-Control"]
    access = DocumentAccess.objects.get()
    user = User.objects.get(username="ana@example.com")
    assert (access.document, access.actor, access.purpose) == (
        document,
        f"staff:{user.pk}",
        AccessPurpose.VIEW,
    )


def test_looking_at_the_page_or_fetching_the_address_opens_nothing(ana: Client, document: Document) -> None:
    assert ana.get(f"/admin/documents/document/{document.pk}/change/").status_code == 200
    assert ana.get(f"/admin/documents/document/{document.pk}/open/").status_code == 403
    assert not DocumentAccess.objects.exists()


def test_nobody_without_the_right_opens_anything(document: Document) -> None:
    browser = Client()
    assert open_(browser, document).status_code == 302
    browser.force_login(User.objects.create_user("clerk", is_staff=True))
    assert open_(browser, document).status_code == 403
    assert not DocumentAccess.objects.exists()


def test_a_file_that_is_gone_is_said_and_the_attempt_kept(
    ana: Client, document: Document, folder: Path
) -> None:
    (folder / document.storage_name).unlink()
    answer = open_(ana, document)
    assert answer.status_code == 302
    page = ana.get(answer["Location"]).content.decode()
    assert "cannot be opened" in page
    assert "File missing" in page
    assert DocumentAccess.objects.count() == 1


def test_an_erased_document_offers_no_opening(ana: Client, document: Document) -> None:
    vault.erase(document=document)
    page = ana.get(f"/admin/documents/document/{document.pk}/change/").content.decode()
    assert "Erased for good" in page
    assert f"{document.pk}/open/" not in page
    assert open_(ana, document).status_code == 302


def test_checking_the_integrity_tells_whole_from_altered(
    ana: Client, document: Document, folder: Path
) -> None:
    path = f"/admin/documents/document/{document.pk}/verify/"
    assert "Intact" in ana.post(path, follow=True).content.decode()
    place = folder / document.storage_name
    place.chmod(0o600)
    place.write_bytes(place.read_bytes()[:-1] + b"\0")
    answer = ana.post(path)
    assert answer.status_code == 503
    assert "not what was stored" in answer.content.decode()


def test_documents_are_found_by_their_hash_and_their_end_user(ana: Client, document: Document) -> None:
    for term in (document.sha256, str(document.pk), str(document.end_user_id)):
        assert "1 document" in ana.get("/admin/documents/document/", {"q": term}).content.decode()
    for term in ("f" * 64, "nothing"):
        assert "Nothing here" in ana.get("/admin/documents/document/", {"q": term}).content.decode()


def test_the_openings_of_one_document_are_listed(ana: Client, document: Document) -> None:
    open_(ana, document)
    page = ana.get("/admin/documents/documentaccess/", {"q": str(document.pk)}).content.decode()
    assert "View" in page
    assert "staff:" in page
