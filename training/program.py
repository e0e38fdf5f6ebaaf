"""A plain program that answers from the transcript's entries: a line to compare the reasoner with,
and what decides whether an answer follows from what was noted.

It reads directions, distances, actions and angles as they are noted and works out what they leave
possible by the rules of `sim_clips.questions.notes`. It is told what a question is about; it reads
no prose.

Out of scope: the rules themselves (`sim_clips.questions.derivation`).
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from typing import Any

from embodied_agent.records import Delta
from sim_clips.questions import NOT_TOLD, Notes, possible, settled
from sim_clips.questions.notes import runs_of
from sim_clips.scene import WorldName


def answer(deltas: Sequence[Delta], question: Mapping[str, Any], world: WorldName) -> str | None:
    """The letter that the program picks: what the notes settle on; else that the memory does not
    tell, where this is offered; else the likeliest option; ``None`` where the entries say nothing.

    Args:
        deltas: what had been noted when the question was asked.
        question: a row of ``questions.json``.
        world: sets the scale of the distance words.
    """
    choices = list(question["choices"])
    shares = _shares(deltas, question, world)
    said = settled(shares)
    if said is None and NOT_TOLD in choices:
        said = NOT_TOLD
    if said is None and not isinstance(shares, str) and any(shares.values()):
        said = max(shares, key=lambda option: shares[option])
    if said is None and shares == "another plan":
        said = next((c for c in choices if c == f"step {len(runs_of(deltas))}"), None)
    return None if said is None else string.ascii_uppercase[choices.index(said)]


def derivable(deltas: Sequence[Delta], question: Mapping[str, Any], world: WorldName) -> bool:
    """Whether the entries settle on the question's true answer. They do not where the memory does
    not tell, nor where they are wrong; a likely guess is not enough.

    Args:
        deltas: what had been noted when the question was asked.
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
