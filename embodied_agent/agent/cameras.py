"""Several cameras of one robot in one memory: keyframes for each, directions in the robot's frame.

Each camera is compared with its own last keyframe. What is noted in its pictures is turned by how
it is mounted, so that all directions are those of the robot; what moved is told by the first camera
alone, because all of them move together.

Out of scope: where the mounts come from (`embodied_agent.sources`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import (
    DIRECTIONS,
    Action,
    CameraMount,
    Decision,
    Delta,
    Frame,
    Keyframe,
    Mention,
)
from embodied_agent.settings import KeyframeSettings

#: Horizontal travel, clockwise from ahead in quarter turns.
_TRAVEL = (Action.MOVE_FORWARD, Action.MOVE_RIGHT, Action.MOVE_BACKWARD, Action.MOVE_LEFT)


class CameraSelectors:
    """A `KeyframeSelector` per camera; frames of a single camera go to one and the same."""

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._selectors: dict[str, KeyframeSelector] = {}
        self._last: KeyframeSelector | None = None

    def step(self, frame: Frame, *, force: Literal["asked"] | None = None) -> Decision:
        """As `KeyframeSelector.step`, by the camera's own selector."""
        mount = CameraMount.of(frame.frame_id)
        key = mount.name if mount else ""
        selector = self._selectors.get(key)
        if selector is None:
            selector = self._selectors[key] = KeyframeSelector(self._settings)
        decision = selector.step(frame, force=force)
        self._last = selector
        return decision

    def finish(self) -> Decision | None:
        """As `KeyframeSelector.finish`, for the camera of the last frame."""
        return self._last.finish() if self._last is not None else None

    def reset(self) -> None:
        """Begin anew with every camera."""
        self._selectors.clear()
        self._last = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Choose by these thresholds from now on."""
        self._settings = settings
        for selector in self._selectors.values():
            selector.retune(settings)


def in_robot_frame(delta: Delta, keyframe: Keyframe) -> Delta:
    """A delta of one of several cameras, with its directions turned into the robot's frame."""
    mount = CameraMount.of(keyframe.frame_id)
    if mount is None:
        return delta
    eighths = round(mount.yaw_deg / 45)
    mentions = tuple(_turned(mention, eighths) for mention in delta.mentions)
    if mount.order:
        return replace(delta, mentions=mentions, action=None, angle_deg=None, camera=mount.name)
    action = delta.action
    if action in _TRAVEL:
        quarters = round(mount.yaw_deg / 90)
        action = _TRAVEL[(_TRAVEL.index(action) - quarters) % 4]
    return replace(delta, mentions=mentions, action=action)


def _turned(mention: Mention, eighths: int) -> Mention:
    at = (DIRECTIONS.index(mention.direction) - eighths) % len(DIRECTIONS)
    return replace(mention, direction=DIRECTIONS[at])
