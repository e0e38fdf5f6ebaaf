"""Free questions answered from the deltas by rules and recall, without a model."""

from embodied_agent.rules.notes import Notes
from embodied_agent.rules.rulebook import NAME, Ruling, answer

__all__ = ["NAME", "Notes", "Ruling", "answer"]
