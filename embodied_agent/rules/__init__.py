"""Free questions answered from the deltas by rules and recall, without a model."""

from embodied_agent.rules.choosing import Chosen, choose
from embodied_agent.rules.gate import unanswerable
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.rulebook import NAME, Ruling, answer_by_rule, load_rules, not_understood
from embodied_agent.rules.speech import Saying

__all__ = [
    "NAME",
    "Chosen",
    "Notes",
    "Ruling",
    "Saying",
    "answer_by_rule",
    "choose",
    "load_rules",
    "not_understood",
    "unanswerable",
]
