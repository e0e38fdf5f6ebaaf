"""A plain program that answers from deltas: a baseline for the reasoner, and the criterion for
whether an answer follows from the deltas (whether a question is derivable).

From the noted directions, distances, actions and angles it computes which answers are possible, by
the rules of `sim_clips.questions.notes`. It gets the question's content as data and reads no prose.

Out of scope: the rules themselves (`embodied_agent.rules.derivation`).
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from embodied_agent.records import Delta
from embodied_agent.rules.derivation import runs_of
from sim_clips.questions import NOT_TOLD, Notes, possible, settled
from sim_clips.scene import WorldName


def answer(deltas: Sequence[Delta], question: Mapping[str, Any], world: WorldName) -> str | None:
    """The letter of the option that the deltas settle on; else of `NOT_TOLD`, if offered; else of
    the likeliest option. ``None`` if the deltas say nothing about the options.

    Args:
        deltas: the memory when the question was asked.
        question: a row of ``questions.json``.
        world: sets the scale of the distance words.
    """
    choices = list(question["choices"])
    shares = _shares(deltas, question, world)
    choice = settled(shares)
    if choice is None and NOT_TOLD in choices:
        choice = NOT_TOLD
    if choice is None and not isinstance(shares, str) and any(shares.values()):
        choice = max(shares, key=lambda option: shares[option])
    if choice is None and shares == "another plan":
        choice = next((c for c in choices if c == f"step {len(runs_of(deltas))}"), None)
    return None if choice is None else string.ascii_uppercase[choices.index(choice)]


def derivable(deltas: Sequence[Delta], question: Mapping[str, Any], world: WorldName) -> bool:
    """Whether the deltas settle on the question's true answer. They don't if `NOT_TOLD` is the true
    answer or if they are wrong; a likely guess is not enough.

    Args:
        deltas: the memory when the question was asked.
        question: a row of ``questions.json``.
        world: sets the scale of the distance words.
    """
    truth = question["choices"][string.ascii_uppercase.index(question["answer"])]
    return settled(_shares(deltas, question, world)) == truth


def _shares(
    deltas: Sequence[Delta], question: Mapping[str, Any], world: WorldName
) -> Mapping[str, float] | str:
    options = [choice for choice in question["choices"] if choice != NOT_TOLD]
    if not deltas:
        return "not noted"
    notes = Notes(deltas, world)
    return possible(notes, len(notes) - 1, question["type"], question["about"], options)
