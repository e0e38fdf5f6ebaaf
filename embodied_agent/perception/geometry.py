"""The perceiver without a model: the measured motion of the camera, and nothing else.

It names no objects, so it is right on any video, and a model can take a second look at the stored
pictures later. Other perceivers fall back to the same delta when a reply is unusable.

Out of scope: measuring the motion (`embodied_agent.keyframes.egomotion`).
"""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.records import Delta, Keyframe

#: Longest reason why a keyframe could not be perceived, in characters.
MAX_PROBLEM = 300


def delta_from_egomotion(
    previous: Keyframe | None,
    current: Keyframe,
    *,
    model: str,
    usable: bool = True,
    problem: str = "",
) -> Delta:
    """The keyframer's egomotion of ``current`` as a delta without mentions.

    The first keyframe of a segment has neither action nor angle. Later ones whose motion could not
    be measured, and those of a camera at rest (`Delta.at_rest`), have no action but an angle of 0,
    which distinguishes them from a start.
    """
    motion = current.egomotion
    problem = "" if usable else problem[:MAX_PROBLEM]
    if previous is None:
        return Delta(current.id, action=None, usable=usable, model=model, problem=problem)
    if motion is None or motion.action is None:
        return Delta(
            current.id,
            action=None,
            angle_deg=0.0,
            usable=usable,
            agrees_with_egomotion=True if usable and motion is not None else None,
            model=model,
            problem=problem,
        )
    return Delta(
        current.id,
        action=motion.action,
        angle_deg=motion.angle_deg,
        usable=usable,
        agrees_with_egomotion=True if usable else None,
        model=model,
        problem=problem,
    )


class GeometryPerceiver:
    """`Perceiver` that returns the egomotion of each keyframe. Never fails, takes no time."""

    name = "geometry"

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """The egomotion of ``current`` as a delta."""
        return delta_from_egomotion(previous, current, model=self.name)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Nothing to release."""
