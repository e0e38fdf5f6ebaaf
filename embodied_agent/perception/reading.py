"""From a model's reading of a keyframe and the measured motion to the delta.

The objects are the model's. The action is the keyframer's egomotion if it was measured with
confidence, because it is right more often than any model on the same pictures; otherwise it is the
model's. The delta says whether the two agree. This applies to every perceiver with a model, in
process or on a server.

Out of scope: parsing the model's text (`replies`, `language`).
"""

from __future__ import annotations

from dataclasses import replace

from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.records import Action, Delta, Keyframe, Mention

#: Egomotion with at least this confidence outweighs the model's action.
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
        action: the model's; ``None`` if it gave none. Ignored for a first view.
        mentions: the objects that the model names.
        previous: the keyframe before; ``None`` for the first of a segment.
        current: the keyframe, with the egomotion since ``previous``.
        model: the model's name.
        observation: the model's free text.
    """
    measured = delta_from_egomotion(previous, current, model=model)
    delta = replace(
        measured, mentions=mentions, observation=observation, agrees_with_egomotion=None
    )
    motion = current.egomotion
    if previous is not None and motion is not None and motion.action is None:
        # The camera was at rest, whatever the model says.
        return replace(delta, agrees_with_egomotion=action is None)
    if previous is None or action is None:
        return delta
    if motion is None:
        return replace(delta, action=action, angle_deg=None)
    agrees = motion.action is action
    if agrees or motion.confidence >= TRUSTED_CONFIDENCE:
        return replace(delta, agrees_with_egomotion=agrees)
    # An angle that was measured for another action does not apply to this one.
    return replace(delta, action=action, angle_deg=None, agrees_with_egomotion=False)
