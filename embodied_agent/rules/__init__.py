"""Free questions answered from the deltas by rules and recall, without a model."""

from embodied_agent.rules.choosing import Chosen, choose
from embodied_agent.rules.gate import unanswerable
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.plain import Restated, read_restated
from embodied_agent.rules.rulebook import (
    NAME,
    Ruling,
    answer_by_rule,
    answer_restated,
    load_rules,
    not_understood,
)
from embodied_agent.rules.speech import Saying

__all__ = [
    "NAME",
    "Chosen",
    "Notes",
    "Restated",
    "Ruling",
    "Saying",
    "answer_by_rule",
    "answer_restated",
    "choose",
    "load_rules",
    "not_understood",
    "read_restated",
    "unanswerable",
]
