"""Questions that are kept from the reasoner because the memory has nothing to answer them with.

Conservative: a question is turned away only if it names a thing that is in the lexicon or has a
colour, and the memory has no such thing.

Out of scope: answering (`rulebook`), replies that go beyond the memory (`inventions`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.families import understand
from embodied_agent.rules.inventions import SCENERY, is_held
from embodied_agent.rules.matched import matched
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import Saying
from embodied_agent.rules.tokens import tokens_of

#: With one of these words in the question, an absent thing may be the right answer.
_ABOUT_ABSENCE = re.compile(r"\b(?:not|never|n't|without|missing|absent|none)\b", re.IGNORECASE)
_ABOUT_VIEWS = frozenset(
    {
        "in_view",
        "at_start",
        "at_keyframe",
        "around",
        "nearest",
        "inventory",
        "count_all",
        "colours",
        "of_colour",
    }
)


def unanswerable(text: str, choices: Sequence[str], notes: Notes) -> Saying | None:
    """Why a question can't be answered from the notes; ``None`` if a reasoner should try.

    Args:
        text: the question.
        choices: its choices.
        notes: the memory, with at least one delta.
    """
    phrases = _named(text, notes)
    options = [phrase for choice in choices for phrase in _named(choice, notes)]
    if notes.hold_motion_only:
        about_things = phrases or options or understand(text).family in _ABOUT_VIEWS
        return Saying(MOTION_ONLY, (), "cannot_tell") if about_things else None
    if _ABOUT_ABSENCE.search(text):
        return None
    for phrase in phrases:
        result = matched(phrase, notes)
        gap = None if result.observed else missing(result, notes)
        if gap is not None and gap.status == "not_seen":
            return gap
    if not phrases and len(options) > 1 and not any(is_held(p.text, notes) for p in options):
        return Saying("I have not seen any of these.", (), "not_seen")
    return None


def _named(text: str, notes: Notes) -> list[Phrase]:
    named = names_in(tokens_of(text, mend=False), notes.nouns)
    return [
        phrase
        for phrase, known in zip(named.things, named.known, strict=True)
        if not phrase.is_generic and (phrase.colours or (known and phrase.kind not in SCENERY))
    ]
