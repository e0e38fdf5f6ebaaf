"""Several cameras of one robot in one memory: keyframes for each, directions in the robot's frame.

Each camera is compared with its own last keyframe. Directions in its pictures are rotated by its
mount, so that all of them are relative to the robot. The first camera alone determines the motion,
because all cameras move together.

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
    direction_at,
    wrapped_deg,
)
from embodied_agent.settings import KeyframeSettings

#: Horizontal travel, clockwise from ahead in quarter turns.
_TRAVEL = (Action.MOVE_FORWARD, Action.MOVE_RIGHT, Action.MOVE_BACKWARD, Action.MOVE_LEFT)


def camera_of(frame: Frame) -> str:
    """Which of a robot's cameras a frame is from; "" for the only one."""
    mount = CameraMount.of(frame.frame_id)
    return mount.name if mount else ""


class CameraSelectors:
    """A `KeyframeSelector` for each camera."""

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._selectors: dict[str, KeyframeSelector] = {}

    def step(self, frame: Frame, *, force: Literal["asked"] | None = None) -> Decision:
        """`KeyframeSelector.step` of the camera's own selector."""
        key = camera_of(frame)
        selector = self._selectors.get(key)
        if selector is None:
            selector = self._selectors[key] = KeyframeSelector(self._settings)
        return selector.step(frame, force=force)

    def finish(self) -> dict[str, Decision]:
        """`KeyframeSelector.finish` of each camera: the decision that keeps its last frame, if that
        was not kept yet."""
        ends = {camera: selector.finish() for camera, selector in self._selectors.items()}
        return {camera: end for camera, end in ends.items() if end is not None}

    def reset(self) -> None:
        """Forget the last keyframe of every camera."""
        self._selectors.clear()

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
    mentions = tuple(_turned(mention, mount.yaw_deg) for mention in delta.mentions)
    if mount.order:
        return replace(delta, mentions=mentions, action=None, angle_deg=None, camera=mount.name)
    action = delta.action
    if action in _TRAVEL:
        quarters = round(mount.yaw_deg / 90)
        action = _TRAVEL[(_TRAVEL.index(action) - quarters) % 4]
    return replace(delta, mentions=mentions, action=action)


def _turned(mention: Mention, yaw_deg: float) -> Mention:
    if mention.bearing_deg is not None:
        # The yaw need not be a multiple of 45°, so the bearing gives a more exact direction.
        bearing_deg = wrapped_deg(mention.bearing_deg + yaw_deg)
        return replace(mention, bearing_deg=bearing_deg, direction=direction_at(bearing_deg))
    at = (DIRECTIONS.index(mention.direction) - round(yaw_deg / 45)) % len(DIRECTIONS)
    return replace(mention, direction=DIRECTIONS[at])
