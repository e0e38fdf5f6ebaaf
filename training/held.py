"""Clips of the held-out block, recorded if they are missing.

Out of scope: the choice of scenes (`sim_clips.splits`), the measurements
(`training.evaluate_clips`, `training.experiments`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sim_clips.record import record, regenerate_questions
from sim_clips.scene import WorldName
from sim_clips.splits import HELD_OUT_CLIPS

#: Where the clips are stored.
FOLDER = Path("runs/held")
WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")


def held_clips(
    worlds: Sequence[WorldName] = WORLDS,
    seeds: Sequence[int] = HELD_OUT_CLIPS,
    folder: Path = FOLDER,
) -> list[Path]:
    """The clips' folders, alternating between worlds. Missing clips are recorded; existing ones get
    new questions, because theirs may be from an earlier version.

    Raises:
        RecordError: a clip can't be recorded.
    """
    folders = []
    for seed in seeds:
        for world in worlds:
            clip = folder / f"{world}_{seed}"
            if (clip / "questions.json").exists():
                regenerate_questions(clip)
            else:
                record(world, seed, clip)
            folders.append(clip)
    return folders
