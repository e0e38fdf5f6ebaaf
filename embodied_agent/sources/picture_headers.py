"""What the headers of WebP, TIFF, BMP and PNM files say, read without decoding them.

Decoders allocate the memory that a header claims, so the sizes are checked first: of the picture,
and of the strips and tiles of a TIFF.

Out of scope: JPEG and PNG (`embodied_agent.images.read_header`), which every camera uses.
"""

from __future__ import annotations

import re
import struct
from typing import NamedTuple

#: A TIFF's directory of this many entries is damage.
_MOST_ENTRIES = 1000
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}


class Claim(NamedTuple):
    """A picture's kind and size as its header has it; ``largest_bytes`` is what decoding its
    largest piece takes."""

    kind: str
    width: int
    height: int
    bits: int
    largest_bytes: int


def read_claim(data: bytes) -> Claim | None:
    """What the header claims; ``None`` for another kind of file.

    Raises:
        ValueError: it is of one of the four kinds, but its header is broken or cut.
    """
    try:
        if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            return _plain("webp", *_webp_size(data))
        if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return _tiff_claim(data)
        if data[:2] == b"BM":
            width, height = struct.unpack_from("<ii", data, 18)
            return _plain("bmp", abs(width), abs(height))
        if re.match(rb"P[1-6]\s", data):
            return _pnm_claim(data)
    except (struct.error, IndexError) as error:
        raise ValueError("the file ends within its header") from error
    return None


def _plain(kind: str, width: int, height: int, channels: int = 4, bits: int = 8) -> Claim:
    return Claim(kind, width, height, bits, width * height * channels * bits // 8)


def _webp_size(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        width = int.from_bytes(data[24:27], "little") + 1
        height = int.from_bytes(data[27:30], "little") + 1
        return width, height
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError("a WebP file without a picture")


def _pnm_claim(data: bytes) -> Claim:
    # Comments may lie between the numbers.
    text = re.sub(rb"#[^\n]*\n", b"", data[:1000])
    numbers = re.match(rb"P([1-6])\s+(\d{1,9})\s+(\d{1,9})(?:\s+(\d{1,6}))?", text)
    if numbers is None:
        raise ValueError("a PNM file without a size")
    bits = 16 if numbers[1] in b"2356" and int(numbers[4] or 0) > 255 else 8
    return _plain("pnm", int(numbers[2]), int(numbers[3]), 3, bits)


def _tiff_claim(data: bytes) -> Claim:
    order = "<" if data[:2] == b"II" else ">"
    if data[2:4] in (b"+\0", b"\0+"):
        raise ValueError("BigTIFF, which is not read")
    (at,) = struct.unpack_from(order + "I", data, 4)
    (count,) = struct.unpack_from(order + "H", data, at)
    if count > _MOST_ENTRIES:
        raise ValueError(f"a directory of {count} entries")
    values: dict[int, int] = {}
    for number in range(count):
        tag, kind, length = struct.unpack_from(order + "HHI", data, at + 2 + 12 * number)
        code = _TIFF_TYPES.get(kind)
        if code is None or length == 0:
            continue
        size = struct.calcsize(code) * length
        place = at + 10 + 12 * number
        if size > 4:
            (place,) = struct.unpack_from(order + "I", data, place)
        (values[tag],) = struct.unpack_from(order + code, data, place)
    if 256 not in values or 257 not in values:
        raise ValueError("a TIFF file without a size")
    width, height = values[256], values[257]
    channels, bits = values.get(277, 1), values.get(258, 1)
    # Pieces are decoded whole, also where they are larger than the picture.
    rows = min(values.get(278, height), 1 << 31)
    tile = values.get(322, 0) * values.get(323, 0)
    pixels = max(width * height, width * rows if rows <= height else width * height, tile)
    return Claim("tiff", width, height, bits, pixels * max(channels, 3) * max(bits, 8) // 8)
