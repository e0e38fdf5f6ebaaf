"""Frames from a folder of pictures, in natural order of their names.

Stamps come from the names if all of them are times (``1403636579763555584.png``), otherwise from a
frame rate. Depth pictures in the folder, or in one beside it, go with them (depth_files.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from embodied_agent.errors import SourceError
from embodied_agent.images import BadImage, read_header
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import Sampler, Skips, Source
from embodied_agent.sources.depth_files import DepthFiles, colour_folder, find_depth
from embodied_agent.sources.examination import Examination, TopicFacts
from embodied_agent.sources.limits import MAX_MESSAGE_BYTES, natural_key
from embodied_agent.sources.misnamed import why_no_pictures
from embodied_agent.sources.picture_checks import FlatRows, check_encoded
from embodied_agent.sources.picture_headers import read_claim

IMAGE_SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
)
#: Stamps are 64-bit numbers everywhere.
_LATEST_NS = (1 << 63) - 1
#: Digits of a time since 1970 → its unit in nanoseconds.
_UNITS_NS = {13: 1_000_000, 16: 1_000, 19: 1}
#: ``frame-000012.depth``, ``depth_12``, ``12_depth``; a folder that is called ``depth``.
_DEPTH_NAME = re.compile(r"(^|[^a-z])(depth|disparity)([^a-z]|$)", re.I)
_DEPTH_FOLDER = re.compile(r"depth\w*|aligned_depth\w*|disparity", re.I)
_SECONDS = re.compile(r"(\d{10})\.(\d{1,9})")


def open_folder(path: Path, settings: SourceSettings) -> Source:
    """Frames of the pictures in the folder ``path``, or of one picture.

    Raises:
        SourceError: there are none, or the folder can't be read.
    """
    try:
        files = [path] if path.is_file() else sorted(picture_files(path), key=natural_key)
        below = None if files else colour_folder(path)
        if below is not None:
            path, files = below, sorted(picture_files(below), key=natural_key)
    except OSError as error:
        raise SourceError(f"can't read the folder {path}: {error}") from error
    depth = [file for file in files if is_depth(file)]
    if depth and path.is_dir():
        files = [file for file in files if file not in set(depth)]
        if not files:
            raise SourceError(
                f"{path} holds depth pictures only ({len(depth)} of them, such as "
                f"{depth[0].name}): name the folder of the colour camera"
            )
    if not files:
        raise SourceError(why_no_pictures(path, IMAGE_SUFFIXES))
    stamps = stamps_from_names(files)
    if stamps is None:
        origin = f"at {settings.fps:g} frames/s"
        stamped = [(round(i * 1e9 / settings.fps), file) for i, file in enumerate(files)]
    else:
        origin = "stamps from their names"
        stamped = sorted(zip(stamps, files, strict=True))
    sampler = Sampler(settings.sample_hz)
    skips = Skips()
    what = "picture" if path.is_file() else "folder"
    depths = DepthFiles()
    if path.is_dir():
        try:
            depths = find_depth(path, stamped, depth, settings, stamps_from_names)
        except OSError as error:
            depths = DepthFiles(path, why=f"they can't be read: {error}")
    remarks = _on_depth(depths, len(files))
    suffixes = ", ".join(sorted({file.suffix.lower().lstrip(".") for file in files}))
    duration_ns = stamped[-1][0] - stamped[0][0]
    return Source(
        ", ".join([f"{what} {path.name}: {len(files)} pictures", origin, *remarks]),
        _frames(stamped, sampler, skips, depths),
        skips=skips,
        expected_frames=sampler.expected(len(files), duration_ns),
        examination=Examination(
            "folder",
            chosen=str(path),
            why=f"its {len(files)} pictures are taken in the order of their names, {origin}",
            frames=len(files),
            duration_s=duration_ns / 1e9,
            depth_from=depths.place.name if depths.place and depths.files else "",
            remarks=remarks,
            topics=[
                TopicFacts(
                    path.name,
                    what,
                    suffixes,
                    count=len(files),
                    rate_hz=(len(files) - 1) * 1e9 / duration_ns if duration_ns > 0 else None,
                    clock=origin,
                    used=True,
                    why="the pictures come from it",
                ),
                *_depth_facts(depths, path),
            ],
        ),
    )


def is_depth(file: Path) -> bool:
    """Whether a picture holds distances, by its name and kind: 16 bits, one channel."""
    if not _DEPTH_NAME.search(file.stem) and not _DEPTH_FOLDER.fullmatch(file.parent.name):
        return False
    try:
        with file.open("rb") as opened:
            head = opened.read(4096)
        claim = read_claim(head)
        if claim is not None:
            return claim.bits == 16 or claim.kind == "pnm"
        header = read_header(head)
    except (OSError, ValueError, BadImage):
        return False
    return header.kind == "png" and header.bits == 16


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
        if units or unit is None:
            return None
        stamps = [int(stem) * unit for stem in stems]
        return stamps if max(stamps) <= _LATEST_NS else None
    times = [_SECONDS.fullmatch(stem) for stem in stems]
    stamps = [int(m[1]) * 1_000_000_000 + int(m[2].ljust(9, "0")) for m in times if m is not None]
    return stamps if len(stamps) == len(stems) and max(stamps) <= _LATEST_NS else None


def _on_depth(depths: DepthFiles, pictures: int) -> list[str]:
    """Whether there is depth, and why it is not used, in a sentence."""
    if depths.place is None:
        return []
    if depths.why:
        return [f"the depth pictures in {depths.place.name} are not used: {depths.why}"]
    return [f"depth from {depths.place.name} for {len(depths.files)} of {pictures} pictures"]


def _depth_facts(depths: DepthFiles, path: Path) -> list[TopicFacts]:
    if depths.place is None or depths.place == path:
        return []
    why = "the depth of the pictures comes from it"
    if depths.why:
        why = f"it holds depth, which is not used: {depths.why}"
    count = len(depths.files) or None
    name = depths.place.name
    return [TopicFacts(name, "folder", "png16", count=count, used=not depths.why, why=why)]


def _frames(
    stamped: list[tuple[int, Path]], sampler: Sampler, skips: Skips, depths: DepthFiles
) -> Iterator[Frame]:
    usable = 0
    flat = FlatRows()
    for stamp_ns, file in stamped:
        if not sampler.due(stamp_ns):
            continue
        try:
            frame = _read(stamp_ns, file)
            flat.check(frame)
        except BadImage as error:
            skips.add_picture(error, str(file), usable)
            continue
        sampler.take(stamp_ns)
        usable += 1
        depth = depths.of(file, frame, lambda why: skips.add("invalid_depth", why))
        yield frame if depth is None else replace(frame, depth=depth)


def _read(stamp_ns: int, file: Path) -> Frame:
    try:
        size = file.stat().st_size
        if size > MAX_MESSAGE_BYTES:
            raise BadImage("too_large", f"a file of {size // 1_000_000} MB")
        data = file.read_bytes()
    except OSError as error:
        raise BadImage("unreadable", str(error)) from error
    return check_encoded(Frame(stamp_ns, encoded=data))
