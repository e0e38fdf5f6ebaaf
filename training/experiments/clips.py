"""Clips of the held-out block as episodes, produced by the runtime: keyframer, perception, memory,
prompt.

Out of scope: the variations that an experiment compares.
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
    """The folders of ``count`` clips of the held-out block, alternating between worlds; missing
    ones are recorded.

    Raises:
        RecordError: a clip can't be recorded.
    """
    seeds = HELD_OUT_CLIPS[: -(-count // len(WORLDS))]
    return held_clips(seeds=seeds)[:count]


def settings_with(**keyframes: object) -> Settings:
    """The runtime's settings with the given keyframe settings."""
    values: dict[str, Any] = {f"keyframes__{name}": value for name, value in keyframes.items()}
    return load_settings(**values)


def clip_episodes(
    settings: Settings, perception: Perception, folders: Sequence[Path]
) -> dict[str, list[Episode]]:
    """The episodes of each clip, by name: its questions with the memory at that moment.

    Raises:
        AgentError: a clip can't be replayed.
    """
    recorder = Recorder(settings, perception)
    by_clip: dict[str, list[Episode]] = {}
    for folder in folders:
        unit = RecordingUnit(str(folder), folder.name, kinds=("truth",))
        by_clip[folder.name], _ = recorder.episodes(unit, {})
    return by_clip


def entries(episodes: dict[str, list[Episode]]) -> int:
    """Deltas in the longest memory of each clip, summed: about the number of keyframes."""
    return sum(max((len(e.deltas) for e in some), default=0) for some in episodes.values())


def marked(answerer: Answerer, episodes: Sequence[Episode]) -> list[Mark]:
    """Put the episodes to the model and mark its replies."""
    replies = answerer.replies([e.prompt for e in episodes], max_tokens=200)
    return mark(episodes, replies)
