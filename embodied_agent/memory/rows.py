"""Verifies that a row still holds what was written, by checksum, and records damaged rows.

A failing disk, or another program, may change rows; SQLite only notices if its own structure is
broken. Each row has a CRC-32 of its content, which is verified when the row is read. A damaged row
is left out, named and logged once, and everything else is served.

Rows written before checksums existed are only checked for their types.

Out of scope: reading rows (`row_reader`), copying what is whole into a new file (`repair`).
"""

from __future__ import annotations

import json
import logging
import math
import struct
import threading
from collections.abc import Sequence
from typing import Any
from zlib import crc32

_log = logging.getLogger(__name__)

#: Types of the columns of a keyframe; ``None`` is allowed where `type(None)` is named.
_NUMBER, _NOTHING = (int, float), type(None)
_KEYFRAME_TYPES: tuple[tuple[type, ...], ...] = (
    (int,), (int,), (int,), (str,), (str,), (int,), (int,),
    (*_NUMBER, _NOTHING), (int,), *[(str, _NOTHING)] * 4,
)  # fmt: skip
#: Columns of a keyframe that every version had.
_ALWAYS_COUNTED = 11


class DamagedRow(ValueError):
    """A row does not hold what was written."""


def keyframe_sum(values: Sequence[Any]) -> int:
    """The checksum of a keyframe's columns, in the order of `row_reader.KEYFRAME_COLUMNS`.

    The last ones, the intrinsics and the mount, count only where there are any: earlier versions
    had none.
    """
    counted = list(values)
    while len(counted) > _ALWAYS_COUNTED and counted[-1] is None:
        counted.pop()
    return crc32(json.dumps(counted).encode())


def text_sum(*texts: str) -> int:
    """The checksum of texts."""
    total = 0
    for text in texts:
        total = crc32(text.encode("utf-8", "surrogatepass"), crc32(b"\0", total))
    return total


def values_sum(*values: str | bytes | float | None) -> int:
    """The checksum of values as SQLite gives them back; a number counts as a real."""
    total = 0
    for value in values:
        if value is None:
            kind, data = b"n", b""
        elif isinstance(value, str):
            kind, data = b"t", value.encode("utf-8", "surrogatepass")
        elif isinstance(value, bytes):
            kind, data = b"b", value
        else:
            kind, data = b"r", struct.pack("!d", value)
        total = crc32(kind + struct.pack("!Q", len(data)) + data, total)
    return total


def check_values(
    values: Sequence[Any], kinds: Sequence[tuple[type, ...]], checksum: int | None
) -> None:
    """Refuse values that are not what was written.

    Args:
        values: as read.
        kinds: the types that each may have; ``type(None)`` where it may be missing.
        checksum: of all of them (`values_sum`); ``None`` in rows from before checksums.

    Raises:
        DamagedRow: a type or the checksum is wrong.
    """
    for value, allowed in zip(values, kinds, strict=True):
        if not isinstance(value, allowed):
            raise DamagedRow(f"it holds {value!r}")
    if checksum is not None and values_sum(*values) != checksum:
        raise DamagedRow("its checksum is wrong")


def real(value: float | None) -> float | None:
    """A number as SQLite gives it back: never an integer, and nothing for not-a-number."""
    return None if value is None or math.isnan(value) else float(value)


def check_keyframe(values: Sequence[Any], checksum: int | None) -> None:
    """Refuse a keyframe's columns that are not what was written.

    Raises:
        DamagedRow: a type or the checksum is wrong.
    """
    for value, kinds in zip(values, _KEYFRAME_TYPES, strict=True):
        if not isinstance(value, kinds):
            raise DamagedRow(f"it holds {value!r}")
    if checksum is not None and keyframe_sum(list(values)) != checksum:
        raise DamagedRow("its checksum is wrong")


def check_texts(checksum: int | None, *texts: object) -> None:
    """Refuse texts that are not what was written.

    Raises:
        DamagedRow: one is none, or the checksum is wrong.
    """
    strings = [text for text in texts if isinstance(text, str)]
    if len(strings) < len(texts):
        raise DamagedRow("it holds no text")
    if checksum is not None and text_sum(*strings) != checksum:
        raise DamagedRow("its checksum is wrong")


def check_picture(checksum: int | None, jpeg: object) -> bytes:
    """The picture, which is what was written; empty where retention dropped it.

    Raises:
        DamagedRow: it is no picture, or the checksum is wrong.
    """
    if jpeg is None:
        return b""
    if not isinstance(jpeg, bytes):
        raise DamagedRow("it holds no picture")
    if checksum is not None and crc32(jpeg) != checksum:
        raise DamagedRow("its checksum is wrong")
    return jpeg


class Damage:
    """The damaged rows that were met, by name. Every method may be called from any thread."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._reasons: dict[str, str] = {}

    def note(self, name: str, reason: object) -> None:
        """``name``, such as ``delta of keyframe 3``, is damaged."""
        with self._lock:
            if name in self._reasons:
                return
            self._reasons[name] = str(reason)
        _log.error(
            "%s: %s is damaged and left out (%s); see `embodied-agent memory check`",
            self._path,
            name,
            reason,
        )

    def names(self) -> tuple[str, ...]:
        """The names, in the order in which they were met."""
        with self._lock:
            return tuple(self._reasons)

    def reasons(self) -> dict[str, str]:
        """What is wrong with each, by name."""
        with self._lock:
            return dict(self._reasons)
