"""The structure of JPEG and PNG files, read without decoding a pixel (ITU-T T.81, W3C PNG)."""

import mmap
import struct
import zlib
from dataclasses import dataclass
from typing import Final

Content = bytes | bytearray | mmap.mmap

PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
JPEG_SIGNATURE: Final = b"\xff\xd8\xff"

MAXIMUM_SEGMENTS: Final = 20_000
MAXIMUM_FILL_BYTES: Final = 64
_FRAME_MARKERS: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_BARE_MARKERS: Final = frozenset({0x01, *range(0xD0, 0xD8)})
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9


class PictureBroken(Exception):
    """The bytes do not follow the format from its first to its last marker."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Size in pixels, where the picture ends in the file, and which stretches hold anything but pixels."""

    width: int
    height: int
    end: int
    metadata: tuple[tuple[int, int], ...]


def read_jpeg(data: Content) -> Picture:
    """Walk the segments up to the first scan, then find the end marker. Raises `PictureBroken`."""
    try:
        return _walk_jpeg(data)
    except (struct.error, IndexError):
        raise PictureBroken("the JPEG is cut short") from None


def _walk_jpeg(data: Content) -> Picture:
    position, frame = 2, None
    metadata: list[tuple[int, int]] = []
    for _ in range(MAXIMUM_SEGMENTS):
        position, marker = _next_marker(data, position)
        if marker in _BARE_MARKERS:
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if marker == _END_OF_IMAGE or length < 2:
            raise PictureBroken("the JPEG ends before its picture")
        if marker in _FRAME_MARKERS:
            if frame is not None:
                raise PictureBroken("the JPEG declares its size twice")
            frame = struct.unpack_from(">HH", data, position + 3)
        elif marker == _START_OF_SCAN:
            return _finish_jpeg(data, scan=position + length, frame=frame, metadata=metadata)
        metadata.append((position + 2, position + length))
        position += length
    raise PictureBroken("the JPEG has too many segments")


def _next_marker(data: Content, position: int) -> tuple[int, int]:
    if data[position] != 0xFF:
        raise PictureBroken("a JPEG segment does not end where it says")
    for marker_position in range(position + 1, position + MAXIMUM_FILL_BYTES):
        if data[marker_position] != 0xFF:
            return marker_position + 1, data[marker_position]
    raise PictureBroken("the JPEG is padded beyond measure")


def _finish_jpeg(
    data: Content, *, scan: int, frame: tuple[int, int] | None, metadata: list[tuple[int, int]]
) -> Picture:
    # Inside a scan every 0xFF byte of data is followed by zero, so the first of these pairs is the end.
    end = data.find(b"\xff\xd9", scan)
    if frame is None or end < 0:
        raise PictureBroken("the JPEG has no size or no end")
    height, width = frame
    if not height or not width:
        raise PictureBroken("the JPEG does not say its size")
    return Picture(width=width, height=height, end=end + 2, metadata=tuple(metadata))


def read_png(data: Content) -> Picture:
    """Walk the chunks from IHDR to IEND. Raises `PictureBroken`."""
    try:
        width, height = _png_size(data)
        end, metadata = _walk_png(data)
    except (struct.error, IndexError):
        raise PictureBroken("the PNG is cut short") from None
    return Picture(width=width, height=height, end=end, metadata=metadata)


def _png_size(data: Content) -> tuple[int, int]:
    length, kind, width, height = struct.unpack_from(">I4sII", data, 8)
    (checksum,) = struct.unpack_from(">I", data, 29)
    if length != 13 or kind != b"IHDR" or checksum != zlib.crc32(bytes(data[12:29])):
        raise PictureBroken("the PNG does not begin with a header")
    if not width or not height:
        raise PictureBroken("the PNG does not say its size")
    return width, height


def _walk_png(data: Content) -> tuple[int, tuple[tuple[int, int], ...]]:
    position, has_pixels = 8, False
    metadata: list[tuple[int, int]] = []
    for _ in range(MAXIMUM_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if end > len(data):
            raise PictureBroken("a PNG chunk is longer than the file")
        if kind == b"IEND":
            if not has_pixels:
                raise PictureBroken("the PNG holds no picture")
            return end, tuple(metadata)
        if kind == b"IDAT":
            has_pixels = True
        else:
            metadata.append((position + 8, end - 4))
        position = end
    raise PictureBroken("the PNG has too many chunks")
