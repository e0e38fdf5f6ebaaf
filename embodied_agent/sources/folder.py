"""Frames from a folder of pictures, in natural order of their names.

Stamps come from the names where all of them are times (``1403636579763555584.png``), else from a
rate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from embodied_agent.errors import SourceError
from embodied_agent.images import MAX_PIXELS, BadImage, check_complete
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bag_files import natural_key
from embodied_agent.sources.base import Sampler, Skips, Source

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)
_KEPT_ENCODED = frozenset((".jpg", ".jpeg", ".png"))
#: Digits of a time since 1970 → its unit in nanoseconds.
_UNITS_NS = {13: 1_000_000, 16: 1_000, 19: 1}
_SECONDS = re.compile(r"(\d{10})\.(\d{1,9})")


def open_folder(path: Path, settings: SourceSettings) -> Source:
    """Frames of the pictures in the folder ``path``, or of one picture.

    Raises:
        SourceError: there are none, or the folder can't be read.
    """
    try:
        files = [path] if path.is_file() else sorted(picture_files(path), key=natural_key)
    except OSError as error:
        raise SourceError(f"can't read the folder {path}: {error}") from error
    if not files:
        raise SourceError(
            f"{path} holds neither a bag (metadata.yaml, .mcap, .db3) nor pictures "
            f"({', '.join(sorted(IMAGE_SUFFIXES))})"
        )
    stamps = stamps_from_names(files)
    if stamps is None:
        origin = f"at {settings.fps:g} frames/s"
        stamped = [(round(i * 1e9 / settings.fps), file) for i, file in enumerate(files)]
    else:
        origin = "stamps from their names"
        stamped = sorted(zip(stamps, files, strict=True))
    sampler = Sampler(settings.sample_hz)
    skips = Skips()
    return Source(
        f"{'picture' if path.is_file() else 'folder'} {path.name}: {len(files)} pictures, {origin}",
        _frames(stamped, sampler, skips),
        skips=skips,
        expected_frames=sampler.expected(len(files), stamped[-1][0] - stamped[0][0]),
    )


def picture_files(folder: Path) -> list[Path]:
    """The pictures directly in ``folder``, hidden files left out."""
    return [
        file
        for file in folder.iterdir()
        if file.suffix.lower() in IMAGE_SUFFIXES
        and not file.name.startswith(".")
        and file.is_file()
    ]


def stamps_from_names(files: list[Path]) -> list[int] | None:
    """Stamps in nanoseconds where every name is a time since 1970: 13 digits of milliseconds, 16
    of microseconds, 19 of nanoseconds, or seconds with a fraction; else ``None``."""
    stems = [file.stem for file in files]
    if all(stem.isascii() and stem.isdigit() for stem in stems):
        units = {_UNITS_NS.get(len(stem)) for stem in stems}
        unit = units.pop()
        return None if units or unit is None else [int(stem) * unit for stem in stems]
    matches = [_SECONDS.fullmatch(stem) for stem in stems]
    found = [m for m in matches if m is not None]
    if len(found) < len(stems):
        return None
    return [int(m[1]) * 1_000_000_000 + int(m[2].ljust(9, "0")) for m in found]


def _frames(stamped: list[tuple[int, Path]], sampler: Sampler, skips: Skips) -> Iterator[Frame]:
    usable = 0
    for stamp_ns, file in stamped:
        if not sampler.due(stamp_ns):
            continue
        try:
            frame = _read(stamp_ns, file)
        except BadImage as error:
            skips.add_picture(error, str(file), usable)
            continue
        sampler.take(stamp_ns)
        usable += 1
        yield frame


def _read(stamp_ns: int, file: Path) -> Frame:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadImage("unreadable", str(error)) from error
    if file.suffix.lower() in _KEPT_ENCODED:
        check_complete(data)
        # A phone's photo may have to be turned upright, which only decoding does.
        if b"Exif\0\0" not in data[:4096]:
            return Frame(stamp_ns, encoded=data)
    if not data:
        raise BadImage("empty_image", "the file is empty")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't decode it: {error}") from error
    if image is None or image.size == 0:
        raise BadImage("undecodable", "can't decode it: no picture, or of an unknown kind")
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise BadImage("too_large", f"{image.shape[1]}x{image.shape[0]} pixels")
    return Frame(stamp_ns, image=image.astype(np.uint8, copy=False))
