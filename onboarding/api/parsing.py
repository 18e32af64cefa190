"""Bodies, read strictly: one pass over the stream, with every limit kept while reading.

JSON as RFC 8259 wants it between machines: UTF-8 without a mark, no key twice, finite numbers with exact decimals,
no control characters, no lone surrogates, nothing that turns the direction of text around. A file inside a body is
taken out and decoded as soon as its text has passed, so a body is never held as a whole. All text outside files
together may have `MAX_PLAIN_BYTES`; that bounds the time a hostile body can take.
"""

import hashlib
import json
import math
import re
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from json.decoder import scanstring  # type: ignore[attr-defined]  # not in the stubs
from typing import Any, Final, NoReturn, Protocol

from django.conf import settings
from django.http import HttpRequest, UnreadablePostError
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from config.errors import DomainError, InvalidData, Problem
from documents.files import DecodedFile, FileRefused, decode_data_uri
from onboarding.api.errors import PayloadTooLarge, UnsupportedBody

MAX_DEPTH: Final = 32
MAX_KEYS: Final = 2_000
MAX_ELEMENTS: Final = 10_000
MAX_TEXT: Final = 65_536
MAX_KEY: Final = 256
MAX_NUMBER: Final = 64
MAX_EXPONENT: Final = 400  # beyond a double's, and small enough to count with
MAX_PLAIN_BYTES: Final = 1_048_576
CHUNK: Final = 262_144

FILE_MEMBERS: Final = frozenset({"file", "front_image", "back_image"})

_WHITE: Final = re.compile(rb"[ \t\n\r]*")
_NUMBER: Final = re.compile(rb"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_TEXT_END: Final = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_RAW_CONTROL: Final = re.compile("[\x00-\x1f]")
_UNWANTED: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_LITERALS: Final = ((b"true", True), (b"false", False), (b"null", None))


class Stream(Protocol):
    """Where the bytes come from: a request, or any binary file."""

    def read(self, size: int = -1, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class FileText:
    """A file that came as text in a body: decoded, or the reason why it could not be.

    `digest` is the SHA-256 of the text as sent and stands for the file in fingerprints.
    """

    digest: str
    file: DecodedFile | None = None
    refusal: FileRefused | None = None


class StrictJSONParser(BaseParser):
    """DRF's view of `read_json`; it gives the API description its content type."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return parse(stream, limit=settings.MAX_REQUEST_BYTES)


def read_json(request: Request, *, with_files: bool = False) -> Any:
    """The JSON body of a request. Numbers are int or Decimal; files are `FileText` where `with_files`.

    Raises `UnsupportedBody` (415), `PayloadTooLarge` (413), or `InvalidData` with the path of what is wrong (400), and
    `UnreadablePostError` (400 as well) when the body breaks off or its chunks are malformed.
    """
    _check_headers(request)
    stream = _stream_of(request._request)
    try:
        return parse(stream, limit=settings.MAX_REQUEST_BYTES, with_files=with_files)
    except DomainError:
        drain(stream)
        raise


def parse(stream: Stream, *, limit: int, with_files: bool = False) -> Any:
    """One JSON text, to the end of the stream. Raises as `read_json` does."""
    return _Reading(stream, limit=limit, file_members=FILE_MEMBERS if with_files else frozenset()).document()


def drain(stream: Stream) -> None:
    """Read what is left, up to the limit: a sender who is still sending would otherwise not see our answer."""
    left = settings.MAX_REQUEST_BYTES
    with suppress(OSError):  # a body that breaks off now changes nothing about our answer
        while left > 0 and (chunk := stream.read(CHUNK)):
            left -= len(chunk)


def fingerprint(body: Any) -> str:
    """SHA-256 of the canonical JSON of a parsed body: order of keys, white space and 1.0 for 1 make no difference."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), default=_canonical)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value.normalize())
    if isinstance(value, FileText):
        return {"\0file": value.digest}  # no key of a body can hold a NUL
    raise TypeError(f"{type(value).__name__} does not come from a body")


def check_text(text: str, *, path: str) -> None:
    """Refuse what may stand in no text of ours, wherever it came from (a form field, a query)."""
    if _UNWANTED.search(text):
        raise InvalidData([_unwanted(path)])


def _unwanted(path: str) -> Problem:
    return Problem(path, "Control, direction-changing and surrogate characters are not allowed", "custom")


# --- The request around the body --------------------------------------------------------------------


def _check_headers(request: Request) -> None:
    refuse_encodings(request)
    media_type, _, parameters = (request.META.get("CONTENT_TYPE") or "").partition(";")
    if media_type.strip().lower() != "application/json":
        raise UnsupportedBody("The body must be application/json")
    charset = re.search(r"charset\s*=\s*\"?([\w-]+)", parameters, re.IGNORECASE)
    if charset and charset[1].lower() not in ("utf-8", "utf8"):
        raise UnsupportedBody("The body must be UTF-8")
    refuse_excess(request)


def refuse_encodings(request: Request) -> None:
    """Compressed bodies are not read: a small one may hide an endless one."""
    if request.META.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedBody("Compressed bodies are not read")


def refuse_excess(request: Request) -> None:
    """Refuse by the announced length, before anything is read."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or len(length) > 18 or int(length) > settings.MAX_REQUEST_BYTES:
        raise PayloadTooLarge(settings.MAX_REQUEST_BYTES)


def _stream_of(request: HttpRequest) -> Stream:
    is_chunked = "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()
    if is_chunked and request.META.get("wsgi.input_terminated"):
        return ServerStream(request.META["wsgi.input"])  # Django knows only bodies that announce their length
    return request


class ServerStream:
    """The server's own stream of a chunked body. Whatever fails in it is an `UnreadablePostError`.

    Servers raise exceptions of their own for chunks that RFC 9112 section 7.1 does not allow; these are the sender's
    fault, as a connection that breaks off is.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def read(self, size: int = -1, /) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as error:
            raise UnreadablePostError(type(error).__name__) from error


# --- The reader ---------------------------------------------------------------------------------------


class _Reading:
    """One pass over one body. `at` is the place in the buffer, `past` how much was dropped in front of it."""

    def __init__(self, stream: Stream, *, limit: int, file_members: frozenset[str]) -> None:
        self.stream = stream
        self.limit = limit
        self.file_members = file_members
        self.buffer = bytearray()
        self.at = self.past = self.file_bytes = 0
        self.keys = self.elements = self.files = 0
        self.path: list[str | int] = []
        self.problems: list[Problem] = []

    def document(self) -> Any:
        value = self.value(1)
        if self.next_byte(or_end=True) is not None:
            self.refuse("There is more behind the JSON text")
        if self.problems:
            raise InvalidData(self.problems)
        return value

    # --- Bytes

    def fill(self) -> bool:
        """Get more; False at the end of the stream."""
        chunk = self.stream.read(CHUNK)
        if not chunk:
            return False
        self.buffer += chunk
        if self.past + len(self.buffer) > self.limit:
            raise PayloadTooLarge(self.limit)
        return True

    def drop(self) -> None:
        """Forget what was read; offsets kept by a caller are void afterwards."""
        if self.past + self.at - self.file_bytes > MAX_PLAIN_BYTES:
            self.refuse("There is too much text outside of files")
        if self.at > CHUNK:
            del self.buffer[: self.at]
            self.past += self.at
            self.at = 0

    def next_byte(self, *, or_end: bool = False) -> str | None:
        """The next character that is not white space, not consumed."""
        while True:
            match = _WHITE.match(self.buffer, self.at)
            self.at = match.end() if match else self.at
            self.drop()
            if self.at < len(self.buffer):
                return chr(self.buffer[self.at])
            if not self.fill():
                if or_end:
                    return None
                self.refuse("The JSON text ends too early")

    # --- Values

    def value(self, depth: int, *, member: str = "") -> Any:
        match self.next_byte():
            case "{":
                return self.object(self.deeper(depth))
            case "[":
                return self.array(self.deeper(depth))
            case '"':
                self.at += 1
                return self.file() if member in self.file_members else self.text()
            case "-" | "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9":
                return self.number()
        return self.literal()

    def deeper(self, depth: int) -> int:
        self.at += 1
        if depth > MAX_DEPTH:
            self.refuse(f"The JSON text is nested deeper than {MAX_DEPTH} levels")
        return depth + 1

    def object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.skip("}"):
            return found
        while True:
            name = self.key()
            if name in found:
                self.refuse("The same key stands twice in one object", name)
            self.expect(":")
            self.path.append(name)
            found[name] = self.value(depth, member=name)
            self.path.pop()
            if self.skip("}"):
                return found
            self.expect(",")

    def array(self, depth: int) -> list[Any]:
        found: list[Any] = []
        if self.skip("]"):
            return found
        while True:
            self.elements += 1
            if self.elements > MAX_ELEMENTS:
                self.refuse(f"There are more than {MAX_ELEMENTS} elements in arrays")
            self.path.append(len(found))
            found.append(self.value(depth))
            self.path.pop()
            if self.skip("]"):
                return found
            self.expect(",")

    def key(self) -> str:
        self.keys += 1
        if self.keys > MAX_KEYS:
            self.refuse(f"There are more than {MAX_KEYS} keys")
        self.expect('"')
        name = self.unescaped(self.raw_text())
        if len(name) > MAX_KEY or _UNWANTED.search(name):
            self.refuse("A key is too long or holds characters that are not allowed")
        return name

    def text(self) -> str:
        text = self.unescaped(self.raw_text())
        if _UNWANTED.search(text):
            self.problems.append(_unwanted(self.where()))
        return text

    def number(self) -> int | Decimal:
        while True:
            match = _NUMBER.match(self.buffer, self.at)
            end = match.end() if match else self.at
            if end - self.at > MAX_NUMBER:
                self.refuse("A number has too many digits")
            if len(self.buffer) - self.at > MAX_NUMBER or not self.fill():
                break
        literal = self.buffer[self.at : end].decode("ascii")
        self.at = end
        if not literal:
            self.refuse("This is not JSON")
        if literal.lstrip("-").isdecimal():
            return int(literal)
        if math.isinf(float(literal)):
            self.refuse("A number is too large")
        try:
            number = Decimal(literal)
        except InvalidOperation:
            self.refuse("A number has too large an exponent")
        if abs(int(number.as_tuple().exponent)) > MAX_EXPONENT:
            self.refuse("A number has too large an exponent")
        return number

    def literal(self) -> bool | None:
        while len(self.buffer) - self.at < 5 and self.fill():
            pass
        for word, value in _LITERALS:
            if self.buffer.startswith(word, self.at):
                self.at += len(word)
                return value
        return self.refuse("This is not JSON")

    # --- Texts

    def raw_text(self) -> bytes:
        """What stands between two quotes, still escaped; the opening one is behind us."""
        while True:
            match = _TEXT_END.match(self.buffer, self.at)
            if match is not None:
                raw = bytes(self.buffer[self.at : match.end() - 1])
                self.at = match.end()
                if len(raw) > MAX_TEXT:
                    break
                return raw
            if len(self.buffer) - self.at > MAX_TEXT:
                break
            if not self.fill():
                self.refuse("The JSON text ends too early")
        return self.refuse(f"A text has more than {MAX_TEXT} bytes", code="too_big")

    def unescaped(self, raw: bytes) -> str:
        try:
            text = raw.decode()
            if b"\\" in raw:
                return str(scanstring(text + '"', 0, True)[0])
        except UnicodeDecodeError:
            self.refuse("The body is not UTF-8")
        except ValueError:
            self.refuse("This is not JSON")
        if _RAW_CONTROL.search(text):
            self.refuse("Control characters must not stand in JSON texts")
        return text

    def file(self) -> FileText:
        """A data URI: taken out of the buffer, decoded, its text dropped."""
        self.files += 1
        if self.files > settings.DATA_UPLOAD_MAX_NUMBER_FILES:
            self.refuse(f"There are more than {settings.DATA_UPLOAD_MAX_NUMBER_FILES} files")
        raw = self.raw_file()
        if raw is None:
            size = f"{settings.MAX_DOCUMENT_BYTES / 2**20:g} MB"
            return FileText("", refusal=FileRefused("too_large", f"The file is larger than {size}."))
        digest = hashlib.sha256(raw).hexdigest()
        try:
            text = raw.decode("ascii")
            del raw
            return FileText(digest, file=decode_data_uri(text))
        except UnicodeDecodeError:
            return FileText(digest, refusal=FileRefused("not_base64", "The data is not canonical base64."))
        except FileRefused as refusal:
            return FileText(digest, refusal=refusal)

    def raw_file(self) -> bytes | None:
        """The text of a file, or None when it is longer than any file may be."""
        self.past, self.buffer, self.at = self.past + self.at, self.buffer[self.at :], 0
        longest = settings.MAX_DOCUMENT_BYTES * 8 // 3 + 1024  # every second character may be an escape
        searched, is_too_long = 0, False
        while (end := self.buffer.find(b'"', searched)) < 0:
            searched = len(self.buffer)
            if searched > longest:
                is_too_long = True
                self.file_bytes += searched
                self.past += searched
                self.buffer, searched = bytearray(), 0
            if not self.fill():
                self.refuse("The JSON text ends too early")
        raw = bytes(memoryview(self.buffer)[:end])
        del self.buffer[: end + 1]
        self.past += end + 1
        self.file_bytes += end + 1
        if is_too_long:
            return None
        if raw.endswith(b"\\"):  # an escaped quote: no data URI holds one
            self.refuse("The data is not canonical base64.")
        return raw.replace(b"\\/", b"/") if b"\\" in raw else raw

    # --- Structure

    def skip(self, wanted: str) -> bool:
        """Consume the next character if it is the wanted one."""
        if self.next_byte() == wanted:
            self.at += 1
            return True
        return False

    def expect(self, wanted: str) -> None:
        if not self.skip(wanted):
            self.refuse("This is not JSON")

    def where(self, *more: str) -> str:
        return ".".join(map(str, (*self.path, *more)))

    def refuse(self, message: str, *more: str, code: str = "custom") -> NoReturn:
        """Stop: what follows cannot be read any more."""
        raise InvalidData([*self.problems, Problem(self.where(*more), message, code)])
