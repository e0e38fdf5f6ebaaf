"""Clips of the held-out block as episodes, through the runtime: keyframer, perception, memory,
prompt.

Not here: what an experiment changes about them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embodied_agent.settings import Settings, load_settings
from sim_clips.splits import HELD_OUT_CLIPS
from training.episodes.recordings import Perception, Recorder, RecordingUnit
from training.episodes.rows import Episode
from training.evaluation.answering import Answerer
from training.evaluation.marking import Mark, mark
from training.held import WORLDS, held_clips


def clips(count: int) -> list[Path]:
    """The folders of so many clips of the held-out block, worlds in turn; recorded where they are
    missing.

    Raises:
        RecordError: a clip can't be recorded.
    """
    seeds = HELD_OUT_CLIPS[: -(-count // len(WORLDS))]
    return held_clips(seeds=seeds)[:count]


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


def marked(answerer: Answerer, episodes: Sequence[Episode]) -> list[Mark]:
    """What each question's answer is worth."""
    replies = answerer.replies([e.prompt for e in episodes], max_tokens=200)
    return mark(episodes, replies)
