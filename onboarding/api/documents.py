"""`/v1/users/{userId}/documents`: one document at a time, as a form or as JSON, under the same checks."""

import hashlib
from typing import Any, Final, cast
from uuid import UUID

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParserError
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import DomainError, InvalidData, Problem
from documents.enums import ContentType
from documents.files import DecodedFile, FileRefused
from onboarding.api import described, representation
from onboarding.api.idempotency import REPLAYED, Key
from onboarding.api.parsing import (
    FileText,
    Stream,
    check_text,
    drain,
    fingerprint,
    read_json,
    refuse_encodings,
    refuse_excess,
)
from onboarding.api.serializers.documents import read_document
from onboarding.api.views import IntakeView
from onboarding.domain import persons, queries
from onboarding.domain.audit import Actor

FORM: Final = "multipart/form-data"
CHARSETS: Final = ("utf-8", "utf8", "us-ascii")
LONGEST_ENDING: Final = 1024
UNTYPED: Final = ("", "application/octet-stream")
SIGNATURES: Final = {
    b"\xff\xd8\xff": ContentType.JPEG,
    b"\x89PNG\r\n\x1a\n": ContentType.PNG,
    b"%PDF-": ContentType.PDF,
}


@described.documents
class DocumentsView(IntakeView):
    """List and add."""

    def get(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        return Response({"data": representation.documents(queries.documents_of(end_user))})

    def post(self, request: Request, user_id: str) -> Response:
        end_user = self.end_user(user_id)
        key = Key.optional(request, self.client)
        body = _read_form(request) if _is_form(request) else read_json(request, with_files=True)
        told = read_document(body, is_business=end_user.is_business)
        person_id = told.pop("person_id", None)
        person = queries.person_of(end_user, person_id) if person_id else None
        at = timezone.now()

        def work(pk: UUID | None = None) -> UUID:
            document, _ = persons.attach_document(
                end_user=end_user,
                person=person,
                slot=told["type"],
                identification_type=told.get("identification_type"),
                issuing_country=told.get("issuing_country"),
                file=told["file"],
                file_name=told.get("file_name") or "",
                description=told.get("description"),
                actor=Actor.app(self.client),
                at=at,
            )
            return document.pk

        if key is None:
            return Response(self._shown(user_id, work()), status=201)
        outcome = key.run(body_hash=fingerprint(body), at=at, work=work)
        shown = self._shown(user_id, outcome.target_id)
        if outcome.is_replay:
            return Response(shown, status=200, headers={REPLAYED: "true"})
        return Response(shown, status=201)

    def _shown(self, user_id: str, document_id: UUID) -> dict[str, Any]:
        found = queries.documents_of(self.end_user(user_id)).filter(pk=document_id)
        return representation.documents(found)[0]


class InMemory(FileUploadHandler):
    """Keeps one uploaded file in memory, never on a disk in clear; refuses more bytes than a document may have."""

    def __init__(self, request: Any = None) -> None:
        super().__init__(request)
        self.data = bytearray()
        self.files = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        if self.files > 1 or self.field_name != "file":
            raise InvalidData([Problem("file", "One file is taken, as the part named file", "custom")])

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.data += raw_data
        if len(self.data) > settings.MAX_DOCUMENT_BYTES:
            size = f"{settings.MAX_DOCUMENT_BYTES / 2**20:g} MB"
            raise InvalidData([Problem("file", f"The file is larger than {size}.", "too_big")])

    def file_complete(self, file_size: int) -> None:
        return None


class Ending:
    """A stream that remembers how it ended: Django's parser takes a form that was cut off for a whole one."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._tail = b""

    def read(self, size: int = -1, /) -> bytes:
        chunk = self._stream.read(size)
        self._tail = (self._tail + chunk[-LONGEST_ENDING:])[-LONGEST_ENDING:]
        return chunk

    def is_closed_by(self, boundary: str) -> bool:
        """Whether the closing delimiter stands at the end (RFC 2046 section 5.1.1), a short epilogue apart."""
        return f"--{boundary}--".encode() in self._tail


def _is_form(request: Request) -> bool:
    return str(request.META.get("CONTENT_TYPE", "")).split(";")[0].strip().lower() == FORM


def _read_form(request: Request) -> dict[str, Any]:
    """The form as if it had been JSON: texts, and the file."""
    refuse_encodings(request)
    refuse_excess(request)
    plain = request._request
    params = plain.content_params or {}
    if str(params.get("charset", "utf-8")).strip().lower() not in CHARSETS:
        raise InvalidData([Problem("", "The form must be UTF-8", "custom")])
    handler = InMemory(plain)
    plain.upload_handlers = [handler]
    stream = Ending(plain)
    try:
        fields, _ = plain.parse_file_upload(plain.META, cast(Any, stream))  # read() is all that is used
    except DomainError:
        drain(plain)
        raise
    except (MultiPartParserError, LookupError, ValueError):  # the last two: a parameter in an odd encoding
        drain(plain)
        raise InvalidData([Problem("", "The form cannot be read", "custom")]) from None
    if not stream.is_closed_by(str(params.get("boundary", ""))):
        raise InvalidData([Problem("", "The form ends too early", "custom")])
    body: dict[str, Any] = {}
    for name, value in fields.items():
        check_text(str(name), path="")
        check_text(str(value), path=str(name))
        body[str(name)] = str(value)
    if handler.files:
        body["file"] = _file(bytes(handler.data), handler.content_type or "")
        body.setdefault("file_name", handler.file_name or "")
    return body


def _file(data: bytes, declared: str) -> FileText:
    """An uploaded file, in the form in which files come out of JSON bodies."""
    digest = hashlib.sha256(data).hexdigest()
    if declared in UNTYPED:
        declared = next((type_ for start, type_ in SIGNATURES.items() if data.startswith(start)), declared)
    if declared not in ContentType.values:
        refusal = FileRefused("unsupported_type", "Only JPEG, PNG and PDF files are accepted.")
        return FileText(digest, refusal=refusal)
    return FileText(digest, file=DecodedFile(content_type=ContentType(declared), data=data))
