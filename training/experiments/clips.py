"""The shipped clips as episodes, through the runtime: keyframer, perception, memory, prompt.

Not here: what an experiment changes about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embodied_agent.settings import Settings, load_settings
from training.episodes.recordings import Perception, Recorder, RecordingUnit
from training.episodes.rows import Episode
from training.evaluation.answering import Answerer
from training.evaluation.marking import mark
from training.experiments.comparing import Key, by_question

CLIPS = Path("sim_clips/clips")


def clips(most: int | None = None) -> list[Path]:
    """The clips' folders, worlds in turn."""
    found = sorted(p.parent for p in CLIPS.glob("*/truth.json"))
    return sorted(found, key=lambda p: (_turn(p, found), p.name))[:most]


def _turn(clip: Path, every: Sequence[Path]) -> int:
    world = clip.name.split("_")[0]
    return [p for p in every if p.name.startswith(world)].index(clip)


def settings_with(**keyframes: object) -> Settings:
    """The runtime's settings with other keyframe settings."""
    changed: dict[str, Any] = {f"keyframes__{name}": value for name, value in keyframes.items()}
    return load_settings(**changed)


def clip_episodes(
    settings: Settings, perception: Perception, folders: Sequence[Path]
) -> dict[str, list[Episode]]:
    """Each clip's questions, asked of what the runtime noted by then.

    Raises:
        AgentError: a clip can't be replayed.
    """
    recorder = Recorder(settings, perception)
    found: dict[str, list[Episode]] = {}
    for folder in folders:
        unit = RecordingUnit(str(folder), folder.name, kinds=("truth",))
        found[folder.name], _ = recorder.episodes(unit, {})
    return found


def entries(episodes: dict[str, list[Episode]]) -> int:
    """Entries that the longest memory of each clip holds, summed: about its keyframes."""
    return sum(max((len(e.deltas) for e in some), default=0) for some in episodes.values())


def right(answerer: Answerer, episodes: Sequence[Episode]) -> dict[Key, float]:
    """What each question's answer is worth, 0 to 1."""
    replies = answerer.replies([e.prompt for e in episodes], max_tokens=200)
    return by_question(mark(episodes, replies))
