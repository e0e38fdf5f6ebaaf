"""Keyframe selection: one frame in, one decision out, with bounded memory.

Two rules share one face, `KeyframeSelector`: `paper` is the published rule, decision for decision;
`robust` is the default. Neither stores pictures: the caller holds the frames and keeps those it
is told to.
"""

from embodied_agent.keyframes.paper import subsample
from embodied_agent.keyframes.selector import KeyframeSelector

__all__ = ["KeyframeSelector", "subsample"]
