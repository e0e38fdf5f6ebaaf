"""From memory and question to an answer: the Reasoner protocol and its backends."""

from embodied_agent.reasoning.base import Prompt, Reasoner
from embodied_agent.reasoning.factory import make_reasoner

__all__ = ["Prompt", "Reasoner", "make_reasoner"]
