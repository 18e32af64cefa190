"""How a document leaves through a browser. Who may see it is for the caller to decide."""

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from documents import vault
from documents.enums import AccessPurpose, ContentType
from documents.models import Document


def attachment(
    *, document: Document, actor: str, purpose: AccessPurpose = AccessPurpose.VIEW
) -> HttpResponse:
    """The file as a download that no browser runs, shows in our origin, guesses the type of, or keeps.

    The whole file is proven intact before its first byte is sent. Leaves a `DocumentAccess` row and raises what
    `vault.read` raises.
    """
    content = vault.read(document=document, actor=actor, purpose=purpose)
    content_type = ContentType(document.content_type)
    response = HttpResponse(content, content_type=content_type.value)
    name = vault.clean_file_name(document.file_name) or f"{document.pk}.{content_type.extension}"
    response["Content-Disposition"] = content_disposition_header(True, name)
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    return response
