"""What a phrase means in the notes, looked up once however often a question needs it.

Whether a question can be answered, what its choices mean and what is recalled for it all begin with
the same phrases. In a memory with hundreds of things of a kind, each look takes milliseconds.

Out of scope: the match itself (`matching`).
"""

from __future__ import annotations

from embodied_agent.rules.matching import Match, match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import Phrase

#: Phrases whose matches are kept.
_MOST = 64


def matched(phrase: Phrase, notes: Notes) -> Match:
    """`match`, or what it returned for the same phrase since these notes last grew."""
    size = len(notes.deltas)
    known = notes.matches.get(phrase)
    if known is None or known[0] != size:
        if len(notes.matches) >= _MOST:
            notes.matches.clear()
        known = notes.matches[phrase] = size, match(phrase, notes)
    result = known[1]
    assert isinstance(result, Match)
    return result
