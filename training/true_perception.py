"""The deltas of a perfect perceiver for a simulated clip, derived from its truth.json.

For training and evaluation only: the runtime has no truth. A clip's truth lists every frame's pose
and visible objects (`sim_clips.record`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.errors import ModelError
from embodied_agent.records import Action, Delta, Keyframe, Mention
from sim_clips.journey import direction_class, distance_class, journey_of_truth, wrap
from sim_clips.scene import VISIBLE_PIXELS, CameraPose


def true_delta(truth: dict[str, Any], before: Keyframe | None, keyframe: Keyframe) -> Delta:
    """The delta of a perfect perceiver for ``keyframe``, given the keyframe ``before`` it."""
    journey = journey_of_truth(truth)
    by_stamp = {f["stamp_ns"]: f for f in truth["frames"]}
    frame = by_stamp[keyframe.stamp_ns]
    pose = CameraPose(**frame["pose"])
    names = sorted(
        (n for n, pixels in frame["visible"].items() if pixels >= VISIBLE_PIXELS),
        key=lambda n: (-frame["visible"][n], n),
    )
    mentions = []
    for name in names:
        azimuth, metres = journey.placed(name, pose)
        place = direction_class(azimuth), distance_class(journey.world, metres)
        mentions.append(Mention(name, *place))
    action, angle = None, None
    if before is not None:
        action, angle = true_action(
            CameraPose(**by_stamp[before.stamp_ns]["pose"]),
            pose,
            8.0 if journey.world == "city" else 1.5,
        )
    return Delta(keyframe.id, action, angle, tuple(mentions))


def true_action(a: CameraPose, b: CameraPose, scale_m: float) -> tuple[Action, float | None]:
    """The dominant one of the ten actions between two poses, and its angle if it is a rotation.

    ``scale_m`` is the translation that counts as much as a rotation by 45°.
    """
    heading = np.radians(a.yaw_deg)
    dx, dy = b.x - a.x, b.y - a.y
    ahead = dx * np.cos(heading) + dy * np.sin(heading)
    left = -dx * np.sin(heading) + dy * np.cos(heading)
    yaw, pitch = wrap(b.yaw_deg - a.yaw_deg), b.pitch_deg - a.pitch_deg
    sizes = {
        (Action.MOVE_FORWARD, Action.MOVE_BACKWARD): ahead / scale_m,
        (Action.MOVE_LEFT, Action.MOVE_RIGHT): left / scale_m,
        (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD): (b.z - a.z) / scale_m,
        (Action.ROTATE_LEFT, Action.ROTATE_RIGHT): yaw / 45.0,
        (Action.TILT_UPWARD, Action.TILT_DOWNWARD): pitch / 30.0,
    }
    (plus, minus), size = max(sizes.items(), key=lambda item: abs(item[1]))
    action = plus if size > 0 else minus
    angle = abs(yaw if action.value.startswith("rotate") else pitch) if action.is_rotation else None
    return action, angle


class TruePerceiver:
    """`Perceiver` that reads a clip's truth instead of its pictures.

    Raises:
        ModelError: the folder has no truth.json, or the file is not a clip's truth.
    """

    name = "truth"

    def __init__(self, folder: Path) -> None:
        path = (folder if folder.is_dir() else folder.parent) / "truth.json"
        try:
            self._truth = json.loads(path.read_text("utf-8"))
            self._stamps = {frame["stamp_ns"] for frame in self._truth["frames"]}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(
                f"no usable truth in {path}: {error}; only simulated clips have one, use "
                "--perception builtin, geometry or served for other recordings"
            ) from error

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """The true delta of ``current``.

        Raises:
            ModelError: the truth has no frame of this stamp.
        """
        if current.stamp_ns not in self._stamps:
            raise ModelError(
                f"truth.json has no frame at {current.stamp_ns} ns: it belongs to another clip"
            )
        return replace(true_delta(self._truth, previous, current), model=self.name)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """Call `perceive` for each pair."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Nothing to release."""
