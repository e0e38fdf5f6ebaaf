"""A perceiver that notes the same things in every view, and quick settings for an agent with it."""

from __future__ import annotations

from pathlib import Path

from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Action, Delta, Keyframe, Mention
from embodied_agent.settings import Settings, load_settings


class Seeing(GeometryPerceiver):
    """Notes the same things in every view."""

    def __init__(self, *names: str) -> None:
        self._mentions = tuple(Mention(name, "left", "near") for name in names)

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        action = None if previous is None else Action.ROTATE_LEFT
        angle = None if previous is None else 45.0
        return Delta(current.id, action, angle, self._mentions, model="seeing")


def quick_settings(path: Path | str = "", **more: object) -> Settings:
    """A memory at ``path``, geometry, and retries without delay."""
    return load_settings(
        memory__path=str(path), perception__backend="geometry", perception__retry_s=0.001, **more
    )
