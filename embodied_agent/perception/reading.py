"""From what a model said of a keyframe to its delta, next to what was measured.

The model's word counts for what it saw. For the action, the keyframer's egomotion counts where it
was measured with confidence: it is right more often than any model of the same pictures. The
model's word steps in where it was not, and the delta says whether the two agree. The same for every
perceiver with a model, in process or behind a server.

Out of scope: reading the model's text (`replies`, `language`).
"""

from __future__ import annotations

from dataclasses import replace

from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.records import Action, Delta, Keyframe, Mention

#: Egomotion at least this sure of itself outweighs the model's word on the action.
TRUSTED_CONFIDENCE = 0.5


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
    if motion is None or motion.action is None:
        return replace(delta, action=action, angle_deg=None)
    agrees = motion.action is action
    if agrees or motion.confidence >= TRUSTED_CONFIDENCE:
        return replace(delta, agrees_with_egomotion=agrees)
    # An angle measured for another action says nothing about this one.
    return replace(delta, action=action, angle_deg=None, agrees_with_egomotion=False)
