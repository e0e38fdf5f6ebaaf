"""From a pair of keyframes to a semantic delta: the Perceiver protocol and its three backends."""

from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.factory import make_perceiver

__all__ = ["Perceiver", "make_perceiver"]
