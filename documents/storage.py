"""Where encrypted files lie: a folder, or an S3-compatible bucket, as ``DOCUMENTS_URL`` says.

A storage sees names made of UUIDs and ciphertext, nothing else. `put` is all or nothing; a name is never reused.
"""

import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from config.errors import DomainError

READ_SIZE: Final = 64 * 1024
_NAME: Final = re.compile(r"[0-9a-f]{2}/[0-9a-f]{2}/(?:[0-9a-f]{32}|\.[0-9a-f]{32}\.[0-9a-f]{8})")


class StorageUnavailable(DomainError):
    """The store did not take or give a file: full, unreachable or refusing. Nothing was changed; try again."""

    code = "document_store_unavailable"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("The document store is not available at the moment.")


class StoredFileMissing(Exception):
    """There is no file of that name."""


class Storage(Protocol):
    """What the vault needs. Every method may raise `StorageUnavailable`."""

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        """Keep the chunks under `name`, durably, or leave no trace. What `chunks` raises comes through."""

    def open(self, name: str) -> Iterator[bytes]:
        """The content in pieces. Raises `StoredFileMissing` at once, not at the first piece."""

    def delete(self, name: str) -> None:
        """Remove the file; silent when there is none."""

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""

    def names(self) -> Iterator[tuple[str, datetime]]:
        """Every name with the time of its last change, remains of interrupted writes included."""


class FileStorage:
    """Files in a folder: written beside their place, synchronised, then renamed; readable by the owner only."""

    def __init__(self, url: str) -> None:
        self._root = Path(unquote(urlsplit(url).path))

    def put(self, name: str, chunks: Iterable[bytes]) -> None:
        place = self._place(name)
        draft = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
        try:
            self._make_folders(place)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                for chunk in chunks:
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            draft.rename(place)
            _synchronise_folder(place.parent)
        except BaseException as error:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
            if isinstance(error, OSError):
                raise StorageUnavailable from error
            raise

    def open(self, name: str) -> Iterator[bytes]:
        try:
            file = self._place(name).open("rb")
        except FileNotFoundError:
            raise StoredFileMissing(name) from None
        except OSError as error:
            raise StorageUnavailable from error
        return _pieces(file)

    def delete(self, name: str) -> None:
        try:
            self._place(name).unlink(missing_ok=True)
        except OSError as error:
            raise StorageUnavailable from error

    def exists(self, name: str) -> bool:
        return self._place(name).is_file()

    def names(self) -> Iterator[tuple[str, datetime]]:
        for place in sorted(self._root.glob("??/??/*")):
            name = place.relative_to(self._root).as_posix()
            try:
                changed_at = datetime.fromtimestamp(place.stat().st_mtime, tz=UTC)
            except FileNotFoundError:
                continue
            if _NAME.fullmatch(name):
                yield name, changed_at

    def _make_folders(self, place: Path) -> None:
        self._root.mkdir(parents=True, exist_ok=True, mode=0o700)
        for folder in (place.parent.parent, place.parent):
            folder.mkdir(exist_ok=True, mode=0o700)

    def _place(self, name: str) -> Path:
        return self._root / checked_name(name)


def checked_name(name: str) -> str:
    """`name`, if it is one that the vault gives. Anything else is a mistake of ours and raises ValueError."""
    if not _NAME.fullmatch(name):
        raise ValueError("not a name of the vault")
    return name


def storage() -> Storage:
    """The storage that ``DOCUMENTS_URL`` names: `file:///absolute/path` or `s3://bucket/prefix`."""
    return _storage(settings.DOCUMENTS_URL, settings.S3_ENDPOINT_URL or None)


@lru_cache(maxsize=8)
def _storage(url: str, endpoint: str | None) -> Storage:
    parts = urlsplit(url)
    if parts.scheme == "file" and not parts.netloc and parts.path.startswith("/"):
        return FileStorage(url)
    if parts.scheme == "s3" and parts.netloc:
        # Loaded by name: the S3 client weighs 30 MB, and most installations never speak to one.
        made: Storage = import_string("documents.storage_s3.S3Storage")(url, endpoint=endpoint)
        return made
    raise ImproperlyConfigured("DOCUMENTS_URL must be file:///absolute/path or s3://bucket/prefix.")


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(READ_SIZE):
            yield piece


def _synchronise_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
