"""Recorded clips of the held-out block, made where they are missing.

Out of scope: which scenes these are (`sim_clips.splits`), what is measured on them
(`training.evaluate_clips`, `training.experiments`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim_clips.record import ask_anew, record
from sim_clips.scene import WorldName
from sim_clips.splits import HELD_OUT_CLIPS

#: Where they are kept.
FOLDER = Path("runs/held")
WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")


def held_clips(
    worlds: Sequence[WorldName] = WORLDS,
    seeds: Sequence[int] = HELD_OUT_CLIPS,
    folder: Path = FOLDER,
) -> list[Path]:
    """The clips' folders, worlds in turn. A recording that is there is kept, but its questions are
    made anew: they may be those of an earlier version.

    Raises:
        RecordError: a clip can't be recorded.
    """
    found = []
    for seed in seeds:
        for world in worlds:
            clip = folder / f"{world}_{seed}"
            if (clip / "questions.json").exists():
                ask_anew(clip)
            else:
                record(world, seed, clip)
            found.append(clip)
    return found
