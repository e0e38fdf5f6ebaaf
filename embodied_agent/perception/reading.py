"""From what a model said of a keyframe to its delta, next to what was measured.

The model's word counts for what it saw and, where it names one of the ten, for the action; the
keyframer's egomotion gives the angle, steps in where the model leaves the action open, and says
whether it agrees. The same for every perceiver with a model, in process or behind a server.

Not here: reading the model's text (`replies`, `language`).
"""

from __future__ import annotations

from dataclasses import replace

from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.records import Action, Delta, Keyframe, Mention


def delta_from_reading(
    action: Action | None,
    mentions: tuple[Mention, ...],
    previous: Keyframe | None,
    current: Keyframe,
    *,
    model: str,
    observation: str = "",
) -> Delta:
    """The delta of ``current``.

    Args:
        action: what the model says the camera did; ``None`` where it left that open. Ignored for a
            first view.
        mentions: the objects that it names.
        previous: the keyframe before, ``None`` for the first of a segment.
        current: holds the egomotion since then.
        model: its name.
        observation: what it says besides.
    """
    measured = delta_from_egomotion(previous, current, model=model)
    delta = replace(
        measured, mentions=mentions, observation=observation, agrees_with_egomotion=None
    )
    if previous is None or action is None:
        return delta
    motion = current.egomotion
    agrees = None if motion is None or motion.action is None else motion.action is action
    # An angle measured for another action says nothing about this one.
    angle_deg = measured.angle_deg if agrees else None
    return replace(delta, action=action, angle_deg=angle_deg, agrees_with_egomotion=agrees)
