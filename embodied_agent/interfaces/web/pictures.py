"""Pictures for the page: the camera's latest, encoded once for all clients, and thumbnails.

Out of scope: keyframes' pictures in full size, which are served as they are stored.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from embodied_agent.images import scaled_jpeg
from embodied_agent.records import Decision, Frame

#: JPEG quality of the live picture and of thumbnails.
_QUALITY = 80
#: Most thumbnails that are kept.
_THUMBNAILS = 512


@dataclass(frozen=True)
class Picture:
    """A JPEG file and what identifies it."""

    jpeg: bytes
    etag: str
    stamp_ns: int


class LiveCamera:
    """The latest frame as a JPEG file, scaled down. Used on one loop.

    Args:
        newest: returns the latest frame with its decision, or ``None`` before the first.
        width: pictures are at most this wide, in pixels.
    """

    def __init__(self, newest: Callable[[], tuple[Frame, Decision] | None], width: int) -> None:
        self._newest, self._width = newest, width
        self._lock = asyncio.Lock()
        self._of: Frame | None = None
        self._picture: Picture | None = None

    async def picture(self) -> Picture | None:
        """The latest picture; ``None`` before the first frame.

        Raises:
            DecodeError: the frame holds no picture.
        """
        async with self._lock:
            newest = self._newest()
            if newest is None:
                return None
            frame = newest[0]
            if self._picture is None or self._of is not frame:
                jpeg = await asyncio.to_thread(scaled_jpeg, frame, self._width, _QUALITY)
                self._of, self._picture = frame, Picture(jpeg, etag(jpeg), frame.stamp_ns)
            return self._picture


class Thumbnails:
    """Small versions of keyframes' pictures; the latest requested ones are kept. Used on one
    loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, int], bytes] = OrderedDict()

    async def of(self, jpeg: bytes, width: int) -> bytes:
        """``jpeg`` scaled down to ``width`` pixels.

        Raises:
            DecodeError: it holds no picture.
        """
        key = etag(jpeg), width
        small = self._kept.get(key)
        if small is None:
            small = await asyncio.to_thread(scaled_jpeg, Frame(0, encoded=jpeg), width, _QUALITY)
        self._kept[key] = small
        self._kept.move_to_end(key)
        if len(self._kept) > _THUMBNAILS:
            self._kept.popitem(last=False)
        return small


def etag(data: bytes) -> str:
    """Identifies the bytes to a client's cache."""
    return f'"{zlib.crc32(data):08x}-{len(data):x}"'
