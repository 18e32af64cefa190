"""The only door to documents: stores them encrypted, hands them out on the record, moves their status.

Memory: a file passes through in pieces of 64 KiB, hashed and encrypted on the way; the vault never holds a second
copy of it. Order: the stored file comes first and the row second, so that no row ever points at nothing; a file
whose row was rolled back is an orphan, which `sweep_orphans` removes.
"""

import hashlib
import io
import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import islice
from typing import Final, TypeVar

from django.db import transaction
from django.utils import timezone

from config import crypto
from config.errors import Conflict, DomainError
from documents import files
from documents.enums import AccessPurpose, DocumentSlot, DocumentStatus
from documents.files import FileFacts, FileRefused, Source
from documents.models import Document, DocumentAccess
from documents.storage import StorageUnavailable, StoredFileMissing, storage

Piece = TypeVar("Piece", bound=bytes | memoryview)

logger = logging.getLogger(__name__)

ORPHAN_AGE: Final = timedelta(hours=1)
FILE_NAME_LENGTH: Final = 255

S = DocumentStatus
STATUS_MOVES: Final[dict[str, frozenset[str]]] = {
    S.RECEIVED: frozenset({S.ACCEPTED, S.REJECTED, S.QUARANTINED, S.SUPERSEDED, S.EXPIRED}),
    S.QUARANTINED: frozenset({S.RECEIVED, S.REJECTED, S.SUPERSEDED}),
    S.ACCEPTED: frozenset({S.REJECTED, S.SUPERSEDED, S.EXPIRED}),
    S.REJECTED: frozenset({S.RECEIVED, S.SUPERSEDED}),
    S.EXPIRED: frozenset({S.SUPERSEDED}),
    S.SUPERSEDED: frozenset(),
}


class DocumentMoveNotAllowed(Conflict):
    """The table has no such move, or another process moved the document first."""

    code = "document_move_not_allowed"


class DocumentErased(Conflict):
    """The content was destroyed for good."""

    code = "document_erased"


class IntegrityBroken(DomainError):
    """The stored file is gone, altered, or sealed with a key we do not have. Somebody must look at once.

    `reason` is `missing`, `altered` or `key_missing`. The same is logged as an error with the document's id.
    """

    code = "document_integrity_broken"
    http_status = 503

    def __init__(self, reason: str) -> None:
        super().__init__("The document cannot be opened: its stored file is not what was stored.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Prepared:
    """A file that passed every check and waits to be stored. Its source must not change in between."""

    source: Source
    facts: FileFacts


@dataclass(slots=True)
class _Passage:
    """Counts and hashes what passes."""

    size: int = 0
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def watch(self, pieces: Iterator[Piece]) -> Iterator[Piece]:
        for piece in pieces:
            self.size += len(piece)
            self.digest.update(piece)
            yield piece


# --- Storing --------------------------------------------------------------------------------------


def prepare(*, source: Source, declared_content_type: str) -> Prepared:
    """Check a file without keeping anything, so that a caller can report every fault of a request at once.

    Raises `FileRefused`.
    """
    return Prepared(source=source, facts=files.inspect(source, declared=declared_content_type))


def store(
    *,
    end_user_id: uuid.UUID,
    slot: DocumentSlot,
    source: Source | Prepared,
    declared_content_type: str = "",
    file_name: str,
    description: str | None = None,
    person_id: uuid.UUID | None = None,
    identification_id: uuid.UUID | None = None,
    expiry_date: date | None = None,
    supersedes: Document | None = None,
) -> Document:
    """Keep a file. It is QUARANTINED when the inspector found something in it, RECEIVED otherwise.

    `source` is bytes, a seekable binary file, or what `prepare` returned (then `declared_content_type` is not
    needed). `file_name` is data: control characters and folders are cut off, nothing is derived from it.
    `supersedes` moves to SUPERSEDED in the same transaction and must belong to the same end user.

    Raises `FileRefused`, `StorageUnavailable`, `DocumentMoveNotAllowed`. Safe inside a caller's transaction: when
    that rolls back, the file becomes an orphan.
    """
    if supersedes is not None and supersedes.end_user_id != end_user_id:
        raise DocumentMoveNotAllowed("A document can only replace one of the same end user.")
    prepared = source
    if not isinstance(prepared, Prepared):
        prepared = prepare(source=prepared, declared_content_type=declared_content_type)
    document = Document(
        id=uuid.uuid4(),
        end_user_id=end_user_id,
        person_id=person_id,
        identification_id=identification_id,
        slot=slot,
        status=S.QUARANTINED if prepared.facts.is_suspicious else S.RECEIVED,
        status_reason=",".join(prepared.facts.findings),
        file_name=clean_file_name(file_name),
        description=description,
        expiry_date=expiry_date,
        supersedes=supersedes,
        content_type=prepared.facts.content_type,
        size=prepared.facts.size,
        pages=prepared.facts.pages,
        width=prepared.facts.width,
        height=prepared.facts.height,
    )
    _write_file(document, prepared)
    _write_row(document)
    return document


def _write_file(document: Document, prepared: Prepared) -> None:
    """Encrypt the source into the storage; sets `storage_name`, `wrapped_key` and `sha256`."""
    data_key = crypto.new_data_key()
    document.storage_name = f"{document.id.hex[:2]}/{document.id.hex[2:4]}/{document.id.hex}"
    document.wrapped_key = crypto.seal(data_key, context=key_context(document.id))
    passage = _Passage()
    pieces = passage.watch(_pieces(prepared.source))
    storage().put(document.storage_name, crypto.encrypt_stream(pieces, data_key, _file_context(document.id)))
    document.sha256 = passage.digest.hexdigest()
    if passage.size != prepared.facts.size:
        storage().delete(document.storage_name)
        raise FileRefused("unreadable", "The file changed while it was being read.")


def _write_row(document: Document) -> None:
    try:
        with transaction.atomic():
            if document.supersedes is not None:
                set_status(document=document.supersedes, status=S.SUPERSEDED)
            document.save(force_insert=True)
    except BaseException:
        with suppress(StorageUnavailable):  # then the sweep finds it
            storage().delete(document.storage_name)
        raise


def _pieces(source: Source) -> Iterator[bytes | memoryview]:
    if isinstance(source, bytes | bytearray):
        view = memoryview(source)
        for start in range(0, len(view), crypto.CHUNK_SIZE):
            yield view[start : start + crypto.CHUNK_SIZE]
        return
    source.seek(0)
    while piece := source.read(crypto.CHUNK_SIZE):
        yield piece


def clean_file_name(name: str) -> str:
    """The last part of a path, without control characters and direction overrides, 255 characters at most."""
    base = re.split(r"[/\\]", name)[-1]
    kept = "".join(character for character in base if character.isprintable())
    return kept.strip()[:FILE_NAME_LENGTH]


# --- Reading --------------------------------------------------------------------------------------


def read(*, document: Document, actor: str, purpose: AccessPurpose) -> bytes:
    """The whole content, proven to be what was stored. Leaves a `DocumentAccess` row, also when it fails.

    Raises `IntegrityBroken`, `DocumentErased`, `StorageUnavailable`.
    """
    content = io.BytesIO()
    for piece in open_chunks(document=document, actor=actor, purpose=purpose):
        content.write(piece)
    return content.getvalue()


def open_chunks(*, document: Document, actor: str, purpose: AccessPurpose) -> Iterator[bytes]:
    """The content in pieces. The access is on record before the first one, whether or not it is ever taken.

    Each piece is authentic; that the file is whole is known, and `IntegrityBroken` raised if not, only after the
    last one. Raises at once what `read` raises when there is nothing to open.
    """
    DocumentAccess.objects.create(document=document, actor=actor, purpose=purpose)
    if document.is_erased:
        raise DocumentErased("The content of this document was erased.")
    try:
        data_key = crypto.unseal(document.wrapped_key, context=key_context(document.id))
        stored = storage().open(document.storage_name)
    except StoredFileMissing:
        raise _broken(document, "missing") from None
    except crypto.KeyMissing as error:
        raise _broken(document, "key_missing") from error
    except crypto.SealBroken as error:
        raise _broken(document, "altered") from error
    return _verified(document, crypto.decrypt_stream(stored, data_key, _file_context(document.id)))


def _verified(document: Document, plain: Iterator[bytes]) -> Iterator[bytes]:
    passage = _Passage()
    try:
        yield from passage.watch(plain)
    except crypto.SealBroken as error:
        raise _broken(document, "altered") from error
    if passage.digest.hexdigest() != document.sha256 or passage.size != document.size:
        raise _broken(document, "altered")


def verify(*, document: Document, actor: str) -> None:
    """Decrypt the whole file and compare. Raises `IntegrityBroken`; returns nothing when all is well."""
    for _ in open_chunks(document=document, actor=actor, purpose=AccessPurpose.VERIFICATION):
        pass


def _broken(document: Document, reason: str) -> IntegrityBroken:
    logger.error("document %s is broken: %s", document.pk, reason)
    return IntegrityBroken(reason)


# --- Status, erasure, orphans ---------------------------------------------------------------------


def set_status(*, document: Document, status: DocumentStatus, reason: str = "") -> Document:
    """Move a document along `STATUS_MOVES`. `reason` is a code, never text about a person.

    Raises `DocumentMoveNotAllowed` for any other move, and for the loser when two processes move it at once.
    """
    old = document.status
    now = timezone.now()
    moved = 0
    if status in STATUS_MOVES[old]:
        unmoved = Document.objects.filter(pk=document.pk, status=old, erased_at=None)
        moved = unmoved.update(status=status, status_reason=reason, status_changed_at=now)
    if moved != 1:
        raise DocumentMoveNotAllowed(f"A document cannot go from {old} to {status} here.")
    document.status, document.status_reason, document.status_changed_at = status, reason, now
    return document


def erase(*, document: Document) -> Document:
    """Destroy the content for good: first its key, its name and its description, then the stored file.

    The row stays as evidence that there was such a document. Raises `DocumentErased` the second time.
    """
    now = timezone.now()
    unerased = Document.objects.filter(pk=document.pk, erased_at=None)
    if not unerased.update(erased_at=now, wrapped_key=b"", file_name="", description=None):
        raise DocumentErased("The content of this document was erased before.")
    transaction.on_commit(lambda: storage().delete(document.storage_name), robust=True)
    document.erased_at, document.wrapped_key, document.file_name, document.description = now, b"", "", None
    return document


def sweep_orphans(*, older_than: timedelta = ORPHAN_AGE) -> int:
    """Delete stored files that no living row names, and remains of interrupted writes; returns how many.

    `older_than` must be longer than any transaction that stores documents: the row of a younger file may still
    be on its way.
    """
    limit = timezone.now() - older_than
    deleted = 0
    old_names = (name for name, changed_at in storage().names() if changed_at < limit)
    while names := list(islice(old_names, 500)):
        living = Document.objects.filter(storage_name__in=names, erased_at=None)
        for name in set(names) - set(living.values_list("storage_name", flat=True)):
            storage().delete(name)
            deleted += 1
    return deleted


def key_context(document_id: uuid.UUID) -> str:
    """What the sealed key of a document is bound to: column and row."""
    return f"documents.Document.wrapped_key:{document_id}"


def _file_context(document_id: uuid.UUID) -> str:
    return f"documents.Document:{document_id}"
