"""Keyframe selection: one frame in, one decision out, with bounded memory.

`KeyframeSelector` is the common interface to two rules: `paper` is the published rule, decision for
decision; `robust` is the default. Neither stores pictures: the caller keeps the frames that are
selected.
"""

from embodied_agent.keyframes.paper import subsample
from embodied_agent.keyframes.selector import KeyframeSelector

__all__ = ["KeyframeSelector", "subsample"]
