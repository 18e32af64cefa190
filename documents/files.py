"""Pure checks on bytes: what may enter the vault, and what it is. Writes nothing, knows no model.

A file is what its bytes say, never what its sender says. Pictures are judged by their headers, here; a PDF is
parsed in a child process with bounded memory and time (`inspector`), because the parser must be assumed to fall.
"""

import io
import json
import math
import mmap
import re
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import pybase64
from django.conf import settings

from config.errors import DomainError
from documents import pictures
from documents.enums import ContentType
from documents.pictures import Content

INSPECTION_SECONDS: Final = 10
INSPECTION_MEGABYTES: Final = 512
PARSERS: Final = 2
WAIT_SECONDS: Final = 5.0

_MEDIA_TYPES: Final = {f"data:{content_type.value};base64": content_type for content_type in ContentType}
_DATA_URI_HEAD: Final = re.compile(r"data:[^,;]{0,100}(;[^,;]{0,100}){0,4},")
_TAIL: Final = 66_000  # a ZIP ends with a record of at most 65,557 bytes
_ZIP_END: Final = re.compile(rb"PK\x05\x06(?:\0\0|\xff\xff){2}(..)\1", re.DOTALL)
_MARKUP: Final = re.compile(
    rb"<(?:script|html|!doctype\s+html|svg|iframe|body|object|embed|\?php)[\s>/]", re.IGNORECASE
)
_FOREIGN_STARTS: Final = (b"MZ", b"\x7fELF", b"#!", b"GIF8", b"Rar!", b"7z\xbc\xaf", b"%PDF-")
_FOREIGN_ANYWHERE: Final = (b"PK\x03\x04", b"%PDF-", b"\x7fELF")
_INSPECTOR: Final = Path(__file__).resolve().with_name("inspector.py")


class FileRefused(DomainError):
    """The bytes may not enter. `code` is one of the stable words below and `message` may be shown to the sender.

    `empty`, `too_large`, `not_base64`, `unsupported_type`, `type_mismatch`, `polyglot`, `unreadable`,
    `too_many_pixels`, `too_many_pages`, `encrypted_pdf`, `too_slow`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class InspectionBusy(DomainError):
    """Other requests kept every parser busy for too long. Nothing was changed; try again."""

    code = "document_inspection_busy"
    http_status = 503

    def __init__(self) -> None:
        super().__init__("Too many files are being inspected at the moment.")


class ReadableFile(Protocol):
    """What a source that is not bytes must offer: Django's uploaded files and open binary files do."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, position: int, /) -> Any: ...


Source = bytes | bytearray | ReadableFile


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """A data URI taken apart: the declared type, and bytes that nobody has looked into yet."""

    content_type: ContentType
    data: bytes


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the bytes are. `findings` is not empty when a person must look before anybody opens the file."""

    content_type: ContentType
    size: int
    pages: int | None = None
    width: int | None = None
    height: int | None = None
    findings: tuple[str, ...] = ()

    @property
    def is_suspicious(self) -> bool:
        """Whether the vault quarantines the file."""
        return bool(self.findings)


# --- Time and turns -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Budget:
    """Seconds that are left, for parsing and for waiting; the second is nobody's fault and counts apart."""

    parsing: float
    waiting: float = field(default_factory=lambda: WAIT_SECONDS)


_budget: ContextVar[_Budget | None] = ContextVar("inspection_budget", default=None)


@contextmanager
def time_budget(seconds: float) -> Iterator[None]:
    """Everything inspected inside, one file after another, may take so many seconds together.

    Then a further PDF is refused as `too_slow`. Waits for a parser are bounded the same way, with `WAIT_SECONDS`
    together. Without a budget each file has `INSPECTION_SECONDS` and `WAIT_SECONDS` of its own.
    """
    token = _budget.set(_Budget(parsing=seconds))
    try:
        yield
    finally:
        _budget.reset(token)


class Turns:
    """A few places, given in the order in which they were asked for: who takes many waits behind who takes one."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    def take(self, *, wait: float) -> bool:
        """Take a place, or say that none came within `wait` seconds."""
        with self._lock:
            if self._free:
                self._free -= 1
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        if turn.wait(max(wait, 0)):
            return True
        with self._lock:
            if turn.is_set():  # it came at the last moment
                return True
            self._waiting.remove(turn)
        return False

    def give_back(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


_parsers = Turns(PARSERS)


@contextmanager
def _parser() -> Iterator[float]:
    """A parser's place, and the seconds that it may be used for. Raises `FileRefused`, `InspectionBusy`."""
    budget = _budget.get() or _Budget(parsing=math.inf)
    if budget.parsing <= 0:
        raise _too_slow()
    asked = time.monotonic()
    is_mine = _parsers.take(wait=budget.waiting)
    started = time.monotonic()
    budget.waiting -= started - asked
    if not is_mine:
        raise InspectionBusy
    try:
        yield min(budget.parsing, INSPECTION_SECONDS)
    finally:
        _parsers.give_back()
        budget.parsing -= time.monotonic() - started


# --- Data URIs ------------------------------------------------------------------------------------


def decode_data_uri(text: str) -> DecodedFile:
    """Decode `data:<mime>;base64,<data>`, strictly (RFC 4648 sections 3.3, 3.5 and 4; Kira section 3.4).

    Line breaks, the URL-safe alphabet, missing or superfluous padding, data behind the padding and non-zero
    trailing bits are refused, so that one file has one spelling. The size is known, and judged, before anything
    is decoded. Raises `FileRefused`: `not_base64`, `unsupported_type`, `empty` or `too_large`.
    """
    head = _DATA_URI_HEAD.match(text)
    if head is None:
        raise FileRefused("not_base64", "The file must be given as data:<type>;base64,<data>.")
    content_type = _MEDIA_TYPES.get(head.group()[:-1])
    if content_type is None:
        raise (
            _unsupported()
            if ";base64," in head.group()
            else FileRefused("not_base64", "The data is not base64.")
        )
    length = len(text) - head.end()
    if not length:
        raise FileRefused("empty", "The file is empty.")
    padding = length % 4 == 0 and text.count("=", len(text) - 2)
    if length // 4 * 3 - padding > settings.MAX_DOCUMENT_BYTES:
        raise _too_large()
    return DecodedFile(content_type=content_type, data=_decode_base64(text, start=head.end()))


def _decode_base64(text: str, *, start: int) -> bytes:
    refusal = FileRefused("not_base64", "The data is not canonical base64.")
    first_padding = text.find("=", start)
    if (len(text) - start) % 4 or 0 <= first_padding < len(text) - 2:
        raise refusal
    try:
        data = pybase64.b64decode(text[start:], validate=True)
    except ValueError:
        raise refusal from None
    if pybase64.b64encode_as_string(data[(len(data) - 1) // 3 * 3 :]) != text[-4:]:
        raise refusal
    return data


# --- Content --------------------------------------------------------------------------------------


def inspect(source: Source, *, declared: str) -> FileFacts:
    """Say what the file is, by its bytes alone; `declared` must agree with them.

    A file-like source is left at its beginning. Pictures cost microseconds, a PDF a child process (about a tenth
    of a second, `INSPECTION_SECONDS` at most). Raises `FileRefused` with any code but `not_base64`, and
    `InspectionBusy` when no parser is free for it in time.
    """
    if declared not in ContentType.values:
        raise _unsupported()
    data = _content(source)
    if not len(data):
        raise FileRefused("empty", "The file is empty.")
    if len(data) > settings.MAX_DOCUMENT_BYTES:
        raise _too_large()
    content_type = _recognise(data)
    if content_type != declared:
        raise FileRefused("type_mismatch", f"The content of the file is not {ContentType(declared).label}.")
    if _ZIP_END.search(bytes(data[-_TAIL:])):
        raise _polyglot()
    if content_type is ContentType.PDF:
        return _inspect_pdf(data)
    return _inspect_picture(data, content_type)


def _content(source: Source) -> Content:
    """All bytes of the source, without a second copy where the source can share them."""
    if isinstance(source, bytes | bytearray):
        return source
    inner: Any = getattr(source, "file", source)
    source.seek(0)
    if isinstance(inner, io.BytesIO):
        return inner.getvalue()
    try:
        descriptor = inner.fileno()
        return mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    except (AttributeError, OSError, ValueError):  # not a file of the system, or an empty one
        data = source.read(settings.MAX_DOCUMENT_BYTES + 1)
        source.seek(0)
        return data


def _recognise(data: Content) -> ContentType | None:
    if data[:3] == pictures.JPEG_SIGNATURE:
        return ContentType.JPEG
    if data[:8] == pictures.PNG_SIGNATURE:
        return ContentType.PNG
    return ContentType.PDF if data[:5] == b"%PDF-" else None


def _inspect_picture(data: Content, content_type: ContentType) -> FileFacts:
    read = pictures.read_jpeg if content_type is ContentType.JPEG else pictures.read_png
    try:
        picture = read(data)
    except pictures.PictureBroken:
        raise _unreadable() from None
    if picture.width * picture.height > settings.MAX_PIXELS:
        raise FileRefused(
            "too_many_pixels", f"The picture has more than {settings.MAX_PIXELS / 10**6:g} megapixels."
        )
    if any(_MARKUP.search(data[start:end]) for start, end in picture.metadata) or _is_foreign(
        data[picture.end :]
    ):
        raise _polyglot()
    return FileFacts(content_type=content_type, size=len(data), width=picture.width, height=picture.height)


def _is_foreign(rest: bytes | bytearray) -> bool:
    """Whether what stands behind the end of a file is another file. Cameras leave harmless trailers there."""
    return (
        rest.lstrip(b"\0\r\n\t ").startswith(_FOREIGN_STARTS)
        or any(signature in rest for signature in _FOREIGN_ANYWHERE)
        or _MARKUP.search(rest) is not None
    )


def _inspect_pdf(data: Content) -> FileFacts:
    end = data.rfind(b"%%EOF")
    if end < 0 or len(data) - end > 1024:
        raise _unreadable()
    if _is_foreign(data[end + 5 :]) or _MARKUP.search(data[:1024]):
        raise _polyglot()
    answer = _ask_inspector(data)
    refused = answer.get("refused")
    if refused == "encrypted_pdf":
        raise FileRefused("encrypted_pdf", "The PDF is protected by a password or by permissions.")
    if refused == "too_many_pages":
        raise FileRefused("too_many_pages", f"The PDF has more than {settings.MAX_PDF_PAGES} pages.")
    pages, findings = answer.get("pages"), answer.get("findings")
    if refused or not isinstance(pages, int) or not isinstance(findings, list):
        raise _unreadable()
    return FileFacts(content_type=ContentType.PDF, size=len(data), pages=pages, findings=tuple(findings))


def _ask_inspector(data: Content) -> dict[str, object]:
    """Run the child. Whatever goes wrong with it, the file is unreadable and nothing of it is repeated."""
    limits = [str(INSPECTION_SECONDS), str(INSPECTION_MEGABYTES), str(settings.MAX_PDF_PAGES)]
    command = [sys.executable, "-I", str(_INSPECTOR), *limits]
    seconds = float(INSPECTION_SECONDS)
    try:
        with _parser() as seconds:
            child = subprocess.run(  # noqa: S603 - our own program, no shell, nothing of the sender in the arguments
                command,
                input=memoryview(data),
                capture_output=True,
                timeout=seconds,
                env={},
                check=True,
            )
        answer = json.loads(child.stdout)
    except subprocess.TimeoutExpired:
        raise (_too_slow() if seconds < INSPECTION_SECONDS else _unreadable()) from None
    except (OSError, subprocess.SubprocessError, ValueError):
        raise _unreadable() from None
    return answer if isinstance(answer, dict) else {}


def _unsupported() -> FileRefused:
    return FileRefused("unsupported_type", "Only JPEG, PNG and PDF files are accepted.")


def _too_large() -> FileRefused:
    return FileRefused("too_large", f"The file is larger than {settings.MAX_DOCUMENT_BYTES / 2**20:g} MB.")


def _polyglot() -> FileRefused:
    return FileRefused("polyglot", "The file is also a file of another kind.")


def _unreadable() -> FileRefused:
    return FileRefused("unreadable", "The file is damaged or cannot be read safely.")


def _too_slow() -> FileRefused:
    return FileRefused(
        "too_slow", "The files of this request take too long to inspect. Send fewer of them at once."
    )
