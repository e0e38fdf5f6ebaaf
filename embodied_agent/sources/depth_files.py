"""Depth pictures beside a folder of colour pictures: where they are, and which belongs to which.

Known layouts: depth in the colour folder itself (7-Scenes: ``frame-000000.color.png`` and
``frame-000000.depth.png``), a depth folder beside it with equal names (``rgb/`` and ``depth/``),
and TUM RGB-D (``rgb.txt`` and ``depth.txt`` beside both, names that are times, 5000 units per
metre).
In such data sets depth is registered to colour; what has other proportions is not used.

Out of scope: the frames of a folder (folder.py), reading a depth picture (depth.py).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median

from embodied_agent.errors import SourceError
from embodied_agent.images import BadImage, read_header
from embodied_agent.records import Depth, Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.depth import (
    UNITS_PER_METRE,
    depth_from_png,
    fits,
    same_proportions,
    size_as_taken,
)
from embodied_agent.sources.depth_track import apart_ns
from embodied_agent.sources.limits import MAX_MESSAGE_BYTES
from embodied_agent.sources.picture_headers import read_claim

#: Folders of measured depth; those of estimated depth have no unit, and other names.
_DEPTH_FOLDER = re.compile(
    r"(aligned_|registered_)?depths?(_(images?|maps?|raw|mm|registered|to_(color|colour|rgb)))?",
    re.I,
)
_DISPARITY = re.compile(r"disparity", re.I)
_COLOUR_FOLDERS = ("rgb", "color", "colour", "image", "images")
#: Words that tell the two pictures of one moment apart.
_WORDS = re.compile(r"(^|[^a-z])(colou?r|rgb|image|img|depth|disparity)(?=[^a-z]|$)", re.I)
_TUM_UNITS_PER_METRE = 5000.0
_OFF = "off"


@dataclass(frozen=True)
class DepthFiles:
    """The depth pictures of a folder of colour pictures.

    Attributes:
        place: the folder that they lie in; ``None``: there are none.
        files: of each colour picture that has one.
        units_per_metre: of their values.
        why: why they are not used; empty where they are, or where there are none.
    """

    place: Path | None = None
    files: dict[Path, Path] = field(default_factory=dict)
    units_per_metre: float = UNITS_PER_METRE
    why: str = ""

    def of(self, picture: Path, frame: Frame, bad: Callable[[str], object]) -> Depth | None:
        """The depth picture of a frame; ``bad`` is told why one can't be used."""
        file = self.files.get(picture)
        if file is None:
            return None
        try:
            size = file.stat().st_size
            if size > MAX_MESSAGE_BYTES:
                raise BadImage("too_large", f"a file of {size // 1_000_000} MB")
            depth = depth_from_png(file.read_bytes(), units_per_metre=self.units_per_metre)
        except (OSError, BadImage) as error:
            bad(f"{file}: {error}")
            return None
        taken = size_as_taken(frame)
        if taken is not None and not fits(depth, taken):
            bad(
                f"{file}: {depth.shape[1]}x{depth.shape[0]} pixels do not have the proportions of "
                f"the colour picture, {taken[0]}x{taken[1]}"
            )
            return None
        return depth


def colour_folder(folder: Path) -> Path | None:
    """The folder of colour pictures below one that holds them and depth apart; ``None``: it is
    laid out otherwise.

    Raises:
        OSError: it can't be read.
    """
    inside = {path.name.lower(): path for path in folder.iterdir() if path.is_dir()}
    if not any(_DEPTH_FOLDER.fullmatch(name) for name in inside):
        return None
    return next((inside[name] for name in _COLOUR_FOLDERS if name in inside), None)


def find_depth(
    folder: Path,
    stamped: Sequence[tuple[int, Path]],
    inside: Sequence[Path],
    settings: SourceSettings,
    stamps_from_names: Callable[[list[Path]], list[int] | None],
) -> DepthFiles:
    """The depth pictures that belong to those of a folder.

    Args:
        folder: of the colour pictures.
        stamped: the colour pictures with their stamps in nanoseconds, by rising stamp.
        inside: depth pictures in the same folder.
        settings: of the source.
        stamps_from_names: reads stamps from names that are times, as for the colour pictures.

    Raises:
        SourceError: the settings name a depth folder that there is not.
        OSError: a folder can't be read.
    """
    wanted = settings.depth_topic
    off = wanted.strip().lower() == _OFF
    place = folder if inside else None
    if wanted and not off:
        place, inside = _named(folder, wanted)
    elif not inside:
        place, inside = _beside(folder)
    if place is None:
        return DepthFiles()
    if off:
        return DepthFiles(place, why="source.depth_topic is off")
    files = [f for f in inside if f.suffix.lower() == ".png" and not _DISPARITY.search(f.stem)]
    if not files:
        return DepthFiles(place, why="depth is read from 16-bit PNG files only")
    pairs = _by_name([file for _, file in stamped], files)
    if not pairs and stamps_from_names([file for _, file in stamped]) is not None:
        times = stamps_from_names(files)
        pairs = _by_time(stamped, sorted(zip(times, files, strict=True))) if times else {}
    if not pairs:
        return DepthFiles(place, why="neither names nor times match those of the pictures")
    why = _unlike(*next(iter(pairs.items())))
    if why:
        return DepthFiles(place, why=why)
    scale = settings.depth_scale or (
        _TUM_UNITS_PER_METRE if _is_tum(folder, place) else UNITS_PER_METRE
    )
    return DepthFiles(place, pairs, scale)


def _named(folder: Path, wanted: str) -> tuple[Path, list[Path]]:
    places = [folder.absolute().parent / wanted, folder / wanted, Path(wanted).expanduser()]
    for place in places:
        files = _depth_files(place) if place.is_dir() else []
        if files:
            return place, files
    raise SourceError(
        f"there is no folder {wanted!r} with 16-bit depth pictures beside {folder} "
        f"(source.depth_topic; {_OFF!r} reads none)"
    )


def _beside(folder: Path) -> tuple[Path | None, list[Path]]:
    """The depth folder beside a folder of pictures, and its files."""
    parent = folder.absolute().parent
    for place in sorted(parent.iterdir()):
        if _DEPTH_FOLDER.fullmatch(place.name) and place.is_dir() and place != folder.absolute():
            files = _depth_files(place)
            if files:
                return place, files
    return None, []


def _depth_files(folder: Path) -> list[Path]:
    """The PNG files of a folder, if the first one holds 16-bit values."""
    files = sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() == ".png" and not file.name.startswith(".")
    )
    size = _header_of(files[0]) if files else None
    return files if size is not None and size[2] == 16 else []


def _by_name(pictures: Iterable[Path], files: Iterable[Path]) -> dict[Path, Path]:
    by_key = {_key(file): file for file in files}
    return {picture: by_key[_key(picture)] for picture in pictures if _key(picture) in by_key}


def _key(file: Path) -> str:
    """A name without the words that tell colour and depth apart."""
    return re.sub(r"[^a-z0-9]+", "-", _WORDS.sub(r"\1", file.stem).lower()).strip("-")


def _by_time(
    pictures: Sequence[tuple[int, Path]], files: Sequence[tuple[int, Path]]
) -> dict[Path, Path]:
    """The nearest depth picture of each picture, within half of the time between two of them."""
    steps = [after - before for (before, _), (after, _) in pairwise(pictures)]
    apart = apart_ns(round(median(steps)) if steps else 0)
    stamps = [stamp for stamp, _ in files]
    pairs = {}
    for stamp, picture in pictures:
        at = bisect.bisect_left(stamps, stamp)
        near = min(files[max(at - 1, 0) : at + 1], key=lambda item: abs(item[0] - stamp))
        if abs(near[0] - stamp) <= apart:
            pairs[picture] = near[1]
    return pairs


def _is_tum(*folders: Path) -> bool:
    """Whether one of the folders, or the one above it, has the two lists of TUM RGB-D."""
    places = {place for folder in folders for place in (folder, folder.absolute().parent)}
    return any(
        (place / "rgb.txt").is_file() and (place / "depth.txt").is_file() for place in places
    )


def _unlike(picture: Path, file: Path) -> str:
    """Why a depth picture can't belong to a picture, by the sizes in their headers."""
    colour, depth = _header_of(picture), _header_of(file)
    if colour is None or depth is None or same_proportions(colour[:2], depth[:2]):
        return ""
    return (
        f"their {depth[0]}x{depth[1]} pixels do not have the proportions of the pictures' "
        f"{colour[0]}x{colour[1]}"
    )


def _header_of(file: Path) -> tuple[int, int, int] | None:
    """Width, height and bits of a picture file."""
    try:
        with file.open("rb") as opened:
            head = opened.read(65536)
        header = read_claim(head) or read_header(head)
    except (OSError, ValueError, BadImage):
        return None
    return header.width, header.height, header.bits
