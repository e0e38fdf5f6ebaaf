"""Which scene a recording belongs to, so that no place is on both sides of a split.

A scene is a place. What tells it, in this order: ``--scene-pattern``; a simulated clip's own name;
the recording's name without the numbers, dates and times at its end, because ``office_1`` and
``office_2`` are likely the same office. Recordings whose poses are in a map that outlives them
(``map``, ``utm``, …, not ``odom``) and that went through the same positions are one scene, whatever
they are called.

Out of scope: which split a scene goes to (`splits`).
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from embodied_agent.records import Frame
from embodied_agent.settings import Settings
from embodied_agent.sources import open_source
from training.episodes.rows import DatasetError

log = logging.getLogger(__name__)

#: Coordinate frames that begin anew with each recording: the same position means nothing in them.
_STARTS_ANEW = re.compile(r"(^|[/_])(odom\w*|base\w*|camera\w*|body\w*|start\w*|local\w*)$|^$")
#: Positions are compared in squares of this side, in metres.
_CELL_M = 2.0
#: This share of the smaller recording's squares makes two recordings one scene.
SAME_PLACE = 0.1
#: A map's poses show up within so many frames, or not at all.
_PATIENCE = 200
_TRAILING = re.compile(r"[-_. ]*\d[\d_.:TZ-]*$")

Cell = tuple[str, int, int]


def scene_of(source: str, pattern: str = "") -> str:
    """The scene of a recording by its path.

    Raises:
        DatasetError: the pattern is invalid, or doesn't match.
    """
    path = Path(source).expanduser().resolve()
    if pattern:
        try:
            match = re.search(pattern, str(path))
        except re.error as error:
            raise DatasetError(f"--scene-pattern {pattern!r}: {error}") from error
        if match is None or match.re.groups != 1 or not match.group(1):
            raise DatasetError(f"--scene-pattern {pattern!r} finds no scene in {path}")
        return match.group(1)
    if path.is_file() and (path.parent / "metadata.yaml").exists():
        path = path.parent
    name = path.name if path.is_dir() else path.stem
    folder = path if path.is_dir() else path.parent
    if (folder / "truth.json").exists():
        return name
    # A name of digits alone says nothing: then the folder is the place.
    return _TRAILING.sub("", name) or f"{path.parent.name}/"


def visited(frames: Iterable[Frame]) -> set[Cell]:
    """The squares of a lasting map in which a recording has been; empty without such poses."""
    cells: set[Cell] = set()
    for number, frame in enumerate(frames):
        if frame.pose is not None and not _STARTS_ANEW.search(frame.pose.frame_id):
            x, y, _ = frame.pose.position_m
            cells.add((frame.pose.frame_id, int(x // _CELL_M), int(y // _CELL_M)))
        elif number >= _PATIENCE and not cells:
            break
    return cells


def merged(scenes: Mapping[str, str], cells: Mapping[str, set[Cell]]) -> dict[str, str]:
    """The scene of each source, where those that share positions are one: the first by name.

    Args:
        scenes: by source, from their paths.
        cells: by source, of `visited`.
    """
    home = {scene: scene for scene in scenes.values()}

    def root(scene: str) -> str:
        while home[scene] != scene:
            scene = home[scene]
        return scene

    by_cell: dict[Cell, list[str]] = defaultdict(list)
    for source in scenes:
        for cell in cells.get(source, ()):
            by_cell[cell].append(source)
    shared: dict[tuple[str, str], int] = defaultdict(int)
    for sources in by_cell.values():
        for i, one in enumerate(sources):
            for other in sources[:i]:
                shared[other, one] += 1
    for (one, other), count in shared.items():
        if count >= SAME_PLACE * min(len(cells[one]), len(cells[other])):
            first, second = sorted((root(scenes[one]), root(scenes[other])))
            if first != second:
                home[second] = first
                log.info("%s and %s went through the same positions: one scene", first, second)
    return {source: root(scene) for source, scene in scenes.items()}


def scenes_of(sources: Sequence[str], pattern: str, settings: Settings) -> dict[str, str]:
    """The scene of each recording: from its path and, if there are several, from its positions.

    Raises:
        DatasetError: see `scene_of`.
        SourceError: a recording can't be read.
    """
    scenes = {source: scene_of(source, pattern) for source in sources}
    if pattern or len(set(scenes.values())) < 2:
        return scenes
    cells = {}
    for source in sources:
        with open_source(source, settings.source) as frames:
            cells[source] = set() if frames.live else visited(frames)
    return merged(scenes, cells)
