"""Files made on the spot: ordinary ones, and ones that mean harm."""

import io
import struct
import zlib

from PIL import Image
from pypdf import PdfWriter


def jpeg(width: int = 64, height: int = 48, **options: object) -> bytes:
    """A JPEG with noise in it, as cameras make them."""
    file = io.BytesIO()
    Image.effect_noise((width, height), 60).save(file, "JPEG", quality=90, **options)
    return file.getvalue()


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 16, height: int = 16, *, extra: bytes = b"") -> bytes:
    """A black PNG. Ten thousand pixels square still take some kilobytes only."""
    packer = zlib.compressobj(9)
    line = b"\0" * (width + 1)
    pixels = b"".join(packer.compress(line) for _ in range(height)) + packer.flush()
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + png_chunk(b"IDAT", pixels) + png_chunk(b"IEND", b"")


def pdf(pages: int = 1, *, password: str | None = None) -> bytes:
    """Blank pages, written by a library."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(200, 200)
    if password is not None:
        writer.encrypt(password)
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


PAGE = (
    b"<</Type/Catalog/Pages 2 0 R>>",
    b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
    b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
)


def written_pdf(*objects: bytes, trailer: bytes = b"") -> bytes:
    """A PDF of exactly these objects, with a correct cross-reference table."""
    file, offsets = b"%PDF-1.5\n", []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(file))
        file += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    start, size = len(file), len(objects) + 1
    file += b"xref\n0 %d\n0000000000 65535 f \n%b" % (size, table)
    return file + b"trailer\n<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, start)


def pdf_stream(dictionary: bytes, data: bytes) -> bytes:
    return b"<<%b/Length %d>>\nstream\n%b\nendstream" % (dictionary, len(data), data)


def zip_archive() -> bytes:
    """The smallest archive with one entry's worth of signatures."""
    return b"PK\x03\x04" + b"\0" * 26 + b"PK\x05\x06" + b"\0" * 4 + b"\1\0\1\0" + b"\0" * 10
