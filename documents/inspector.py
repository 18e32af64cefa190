"""Looks into one PDF. A program of its own: `python -I inspector.py SECONDS MEGABYTES PAGES < file`.

A PDF can be a few kilobytes and still cost gigabytes or hours to open, so it is only ever parsed here, in a
child process that bounds its own memory and processor time before it reads the first byte. Nothing of ours is
imported. The answer is one line of JSON: `{"pages": n, "findings": [...]}` or `{"refused": code}`.
"""

import io
import json
import re
import sys
import zlib
from collections.abc import Iterator
from typing import Final

from pypdf import PdfReader
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject, PdfObject

if sys.platform != "win32":
    import resource

MAXIMUM_OBJECTS: Final = 100_000
MAXIMUM_OBJECT_STREAMS: Final = 32 * 2**20
MAXIMUM_STREAM: Final = 128 * 2**20
MAXIMUM_INFLATED: Final = 2**30
INPUT_STEP: Final = 16 * 2**10
MAXIMUM_DEPTH: Final = 64
DICTIONARY_REACH: Final = 2_000


class Refused(Exception):
    """The one argument is the code to answer with."""


def spelled(*names: str) -> str:
    """A PDF name in any spelling: each character may be # and two hex digits instead (ISO 32000-1, 7.3.5)."""
    return "|".join("".join(f"(?:{c}|#(?i:{ord(c):02x}))" for c in name) for name in names)


# One pass finds them all. The names are long enough not to turn up in compressed bytes by chance; XFA is not,
# so it must also be followed by what can follow it.
FINDINGS: Final = re.compile(
    (
        "/(?:"
        f"(?P<javascript>{spelled('JavaScript')})|"
        f"(?P<launch>{spelled('Launch', 'ImportData', 'SubmitForm')})|"
        f"(?P<embedded_file>{spelled('EmbeddedFile')})|"
        f"(?P<rich_media>{spelled('RichMedia')}|{spelled('XFA')}(?=[ \\r\\n\\t\\[<]))"
        ")"
    ).encode()
)
OBJECT_STREAM: Final = re.compile(f"/(?:{spelled('ObjStm')})(?![A-Za-z0-9#])".encode())
COMPRESSION: Final = re.compile(
    f"/(?:{spelled('FlateDecode', 'LZWDecode', 'Fl', 'LZW')})(?![A-Za-z0-9#])".encode()
)
STREAM_START: Final = re.compile(rb"(?<!end)stream\r?\n")
OBJECT_START: Final = re.compile(rb"\d\s+obj\b")


def bound_resources(*, seconds: int, megabytes: int) -> None:
    """Let the system end this process when it takes more, or when it writes any file."""
    if sys.platform == "win32":
        return
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":  # others know the limit but do not apply it
        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 2**20, megabytes * 2**20))


def inflate(data: memoryview, *, start: int, limit: int) -> Iterator[bytes]:
    """The content of one deflated stream, in pieces. Raises `Refused` past `limit` bytes, zlib.error on rubbish."""
    inflater = zlib.decompressobj()
    for position in range(start, len(data), INPUT_STEP):
        piece = inflater.decompress(data[position : position + INPUT_STEP])
        limit -= len(piece)
        if limit < 0:
            raise Refused("unreadable")
        yield piece
        if inflater.eof:
            return


def streams(data: bytes) -> Iterator[tuple[bytes, int]]:
    """The dictionary and the start of every stream, found by keyword and not by the cross-reference table.

    What the table hides, a viewer that repairs files may still find.
    """
    for number, match in enumerate(STREAM_START.finditer(data)):
        if number >= MAXIMUM_OBJECTS:
            raise Refused("unreadable")
        before = data[max(0, match.start() - DICTIONARY_REACH) : match.start()]
        yield before.rpartition(b"obj")[2], match.end()


def read_streams(data: bytes) -> tuple[list[bytes], bool]:
    """The content of all object streams, and whether all could be opened; other streams are only measured.

    Raises `Refused` when a stream is compressed twice, or grows beyond what a page of 40 megapixels needs: nobody
    writes such files but to harm who opens them.
    """
    objects: list[bytes] = []
    clear, room = True, MAXIMUM_INFLATED
    for dictionary, start in streams(data):
        filters = COMPRESSION.findall(dictionary)
        is_object_stream = OBJECT_STREAM.search(dictionary) is not None
        if len(filters) > 1:
            raise Refused("unreadable")
        if not filters:
            continue
        try:
            limit = MAXIMUM_OBJECT_STREAMS if is_object_stream else MAXIMUM_STREAM
            for piece in inflate(memoryview(data), start=start, limit=min(limit, room)):
                room -= len(piece)
                if is_object_stream:
                    objects.append(piece)
        except zlib.error:
            clear = clear and not is_object_stream
        if sum(map(len, objects)) > MAXIMUM_OBJECT_STREAMS:
            raise Refused("unreadable")
    return objects, clear


def scan(data: bytes) -> set[str]:
    """What the file may ask a viewer to do beyond showing pages."""
    objects, clear = read_streams(data)
    found = set() if clear else {"opaque_object_stream"}
    for text in (data, b"".join(objects)):
        found |= {str(match.lastgroup) for match in FINDINGS.finditer(text)}
    return found


def count_pages(reader: PdfReader, *, limit: int) -> int:
    """Leaves of the page tree, walked with a memory of where we have been."""
    pages, visited = 0, set()
    waiting: list[tuple[PdfObject | None, int]] = [(reader.root_object.raw_get("/Pages"), 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, IndirectObject):
            if node.idnum in visited:
                raise Refused("unreadable")
            visited.add(node.idnum)
            node = node.get_object()
        if not isinstance(node, DictionaryObject) or depth > MAXIMUM_DEPTH:
            raise Refused("unreadable")
        kids = node.get("/Kids")
        children = kids.get_object() if kids is not None else None
        if isinstance(children, ArrayObject):
            waiting.extend((child, depth + 1) for child in children)
        else:
            pages += 1
        if pages > limit or len(waiting) > MAXIMUM_OBJECTS:
            raise Refused("too_many_pages")
    return pages


def inspect(data: bytes, *, page_limit: int) -> dict[str, object]:
    """Facts about the PDF. Raises `Refused`, or whatever the parser raises, which means unreadable."""
    if sum(1 for _ in OBJECT_START.finditer(data)) > MAXIMUM_OBJECTS:
        raise Refused("unreadable")
    try:
        reader = PdfReader(io.BytesIO(data), strict=False)
        if "/Encrypt" in reader.trailer:
            raise Refused("encrypted_pdf")
        pages = count_pages(reader, limit=page_limit)
    except Exception:
        if b"/Encrypt" in data:  # by a scheme that the parser does not know
            raise Refused("encrypted_pdf") from None
        raise
    if not pages:
        raise Refused("unreadable")
    return {"pages": pages, "findings": sorted(scan(data))}


def main(seconds: str, megabytes: str, page_limit: str) -> None:
    """Read the file from standard input, answer on standard output."""
    bound_resources(seconds=int(seconds), megabytes=int(megabytes))
    try:
        answer = inspect(sys.stdin.buffer.read(), page_limit=int(page_limit))
    except Refused as refused:
        answer = {"refused": refused.args[0]}
    except Exception:  # any fault of the parser or of the limits means the same: it could not be read
        answer = {"refused": "unreadable"}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main(*sys.argv[1:])
