"""Keyframe selection: one frame in, one decision out, with bounded memory.

`KeyframeSelector` is the one interface to two rules: `paper` is the published rule, decision for
decision; `robust` is the default. Neither stores pictures: the caller holds the frames and keeps
those that a decision says to keep.
"""

from embodied_agent.keyframes.paper import subsample
from embodied_agent.keyframes.selector import KeyframeSelector

__all__ = ["KeyframeSelector", "subsample"]
