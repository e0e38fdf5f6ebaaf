"""One call of a perceiver: a delta for each keyframe, even if a reply or a picture is unusable.

If a reply or picture can't be read, or the perceiver raises an unexpected error, the keyframe gets
an unusable delta with the reason, and that is logged. After a failed batch all its keyframes are
perceived again one by one, so that one of them does not spoil the others.

Out of scope: threads, retries and what is counted (`perception_workers`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.errors import DecodeError, ModelError, ModelUnavailable, ReplyError
from embodied_agent.optics import ASSUMED_HFOV_DEG
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.perception.ranging import with_ranges
from embodied_agent.records import Delta, Keyframe

_log = logging.getLogger(__name__)

#: The keyframe before, if there is one, and the keyframe to perceive.
Pair = tuple[Keyframe | None, Keyframe]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The delta of one keyframe. ``problem`` says why it is unusable, if the reply, the picture or
    a ``fault`` of the perceiver made it so."""

    delta: Delta
    problem: str = ""
    fault: bool = False


def perceive_batch(
    perceiver: Perceiver, pairs: Sequence[Pair], hfov_deg: float = ASSUMED_HFOV_DEG
) -> list[Outcome]:
    """The outcome of each pair's keyframe, in order, with the ranges that depth tells.

    ``hfov_deg`` is the horizontal field of view of a camera without calibration, in degrees.

    Raises:
        ModelError: of the model, not of a single keyframe.
    """
    fault = False
    try:
        deltas = (
            perceiver.perceive_batch(pairs) if len(pairs) > 1 else [perceiver.perceive(*pairs[0])]
        )
        ids = [delta.keyframe_id for delta in deltas]
        if ids != [keyframe.id for _, keyframe in pairs]:
            raise ValueError(f"deltas of the keyframes {ids} for others")
    except (ReplyError, DecodeError) as error:
        problem = str(error)
    except ModelError:
        raise
    except Exception as error:
        # Whatever is wrong with one keyframe must not stop the others.
        if _out_of_memory(error):
            raise ModelUnavailable(f"{perceiver.name} ran out of memory: {error}") from error
        problem, fault = f"a fault in {perceiver.name}: {error!r}", True
        if len(pairs) == 1:
            _log.exception("keyframe %d met a fault", pairs[0][1].id)
    else:
        return [
            Outcome(with_ranges(delta, keyframe, hfov_deg))
            for delta, (_, keyframe) in zip(deltas, pairs, strict=True)
        ]
    if len(pairs) > 1:  # one of them spoils the batch; perceive each alone to find out which
        return [
            outcome for pair in pairs for outcome in perceive_batch(perceiver, [pair], hfov_deg)
        ]
    if not fault:
        _log.warning("keyframe %d could not be perceived: %s", pairs[0][1].id, problem)
    delta = delta_from_egomotion(*pairs[0], model=perceiver.name, usable=False, problem=problem)
    return [Outcome(delta, problem, fault)]


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out, which may not happen the next time."""
    return isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
