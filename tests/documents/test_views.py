"""A document leaves as a download and as nothing else."""

import pytest

from documents import vault, views
from documents.enums import DocumentSlot
from documents.models import Document
from onboarding.models import EndUser
from tests.documents import samples

PICTURE = samples.png()


def kept(end_user: EndUser, file_name: str) -> Document:
    return vault.store(
        end_user_id=end_user.pk,
        slot=DocumentSlot.FRONT,
        source=PICTURE,
        declared_content_type="image/png",
        file_name=file_name,
    )


def test_a_download_cannot_run_show_or_stay_anywhere(end_user: EndUser) -> None:
    response = views.attachment(document=kept(end_user, "front.png"), actor="analyst:1")

    assert response.content == PICTURE
    assert dict(response.items()) == {
        "Content-Type": "image/png",
        "Content-Disposition": 'attachment; filename="front.png"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store, private",
        "Referrer-Policy": "no-referrer",
    }


@pytest.mark.parametrize(
    ("name", "disposition"),
    [
        ('a";x=.png', 'attachment; filename="a\\";x=.png"'),
        ("a\r\nSet-Cookie: x.png", 'attachment; filename="aSet-Cookie: x.png"'),
        ("護照.png", "attachment; filename*=utf-8''%E8%AD%B7%E7%85%A7.png"),
    ],
)
def test_names_are_encoded_as_rfc_6266_asks(end_user: EndUser, name: str, disposition: str) -> None:
    response = views.attachment(document=kept(end_user, name), actor="analyst:1")

    assert response["Content-Disposition"] == disposition


def test_a_nameless_document_gets_its_id_for_a_name(end_user: EndUser) -> None:
    document = kept(end_user, "../")

    response = views.attachment(document=document, actor="analyst:1")
    assert response["Content-Disposition"] == f'attachment; filename="{document.pk}.png"'
