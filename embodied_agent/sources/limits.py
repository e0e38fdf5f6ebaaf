"""How many bytes and seconds one message or file may take.

A small file can claim, or unpack to, far more memory than a machine has. Every reader of this
package stops at these limits and counts what it left out.

Out of scope: the size of a picture in pixels (`embodied_agent.images.MAX_PIXELS`).
"""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: Largest message, and largest chunk of a bag when unpacked. Recorders write chunks of about a
#: megabyte, or of one message where that is larger.
MAX_MESSAGE_BYTES = 256_000_000
#: Longest time that a file without an index is counted for before it is read, in seconds.
MAX_SURVEY_S = 120.0
#: Longest time that a database may work on one row, in seconds.
MAX_ROW_S = 10.0
#: A file that was compressed as a whole may fill this part of the free temporary space.
MAX_TEMPORARY_PART = 0.5
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


class Deadline:
    """A time from now on that can be asked for and renewed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """Start the time again."""
        self._end = time.monotonic() + self._seconds

    @property
    def passed(self) -> bool:
        return time.monotonic() > self._end


def unpack(data: bytes, compression: str, size: int | None = None) -> bytes:
    """Decompress ``data``, giving back what can be had of a cut one.

    Args:
        data: one zstd, lz4 or bz2 stream.
        compression: ``""`` or ``"none"``, ``"zstd"``, ``"lz4"`` or ``"bz2"``.
        size: what it should unpack to, in bytes, where that is known.

    Raises:
        ValueError: the compression is unknown, the data are damaged, or there are more of them
            than ``size`` or `MAX_MESSAGE_BYTES`.
    """
    limit = MAX_MESSAGE_BYTES if size is None else size
    if limit > MAX_MESSAGE_BYTES:
        raise ValueError(f"{limit} bytes in one piece; at most {MAX_MESSAGE_BYTES} are read")
    if compression in ("", "none"):
        return data[:limit]
    # One byte more than allowed is asked for, so that what is too long shows itself.
    raw: bytes
    try:
        if compression == "zstd":
            raw = zstd.ZstdDecompressor().decompress(data, max_length=limit + 1)
        elif compression == "lz4":
            raw = bytes(LZ4FrameDecompressor().decompress(data, max_length=limit + 1))
        elif compression == "bz2":
            import bz2

            raw = bz2.BZ2Decompressor().decompress(data, max_length=limit + 1)
        else:
            raise ValueError(f"unknown compression {compression!r}")
    except (zstd.ZstdError, RuntimeError, OSError, EOFError) as error:
        raise ValueError(f"damaged {compression} data: {error}") from error
    if len(raw) > limit:
        raise ValueError(f"it unpacks to more than the {limit} bytes that it should")
    return raw


def natural_key(path: Path) -> tuple[list[int | str], str]:
    """Sorts ``frame_2`` before ``frame_10``."""
    parts = re.split(r"(\d+)", path.name)
    # Text and numbers alternate, so like is compared with like; the name decides between 01 and 1.
    return [int(p) if i % 2 else p.casefold() for i, p in enumerate(parts)], path.name
