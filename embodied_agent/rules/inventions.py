"""Keyframes and objects that a model's reply names although they are not in the memory.

Conservative with objects: only those count that are in the lexicon or have a colour. A reply may
repeat objects from the question or its choices, may deny that an object was there, and may use
words that fit any scene ("the room").

Out of scope: the treatment of an answer with inventions (`embodied_agent.agent.scrutiny`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from embodied_agent.rules.matching import match
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import Phrase, read_phrase
from embodied_agent.rules.tokens import tokens_of
from embodied_agent.rules.vocabulary import word_set

_CITED = re.compile(r"#\s?(\d{1,9})\b|\bkeyframes?\s+#?(\d{1,9})\b", re.IGNORECASE)
_SENTENCE = re.compile(r"[.;!?\n]+(?=\s|$)|\n")
_DENIED = re.compile(
    r"\b(?:no|not|never|none|without|nor|neither|cannot|absent|missing|unseen)\b|n't\b"
)
#: Kinds that any scene may contain, or whose words have another meaning in reasoning.
SCENERY = word_set(
    "wall floor ceiling road street sidewalk corridor house building shop sign key chain box screen "
    "board camera robot picture frame window grass rock step stairs entrance exit person paper counter "
    "machine tool track bridge cable glass photograph pen rack row column page square circle line"
)


def unknown_keyframes(text: str, notes: Notes) -> list[int]:
    """The keyframe ids that ``text`` cites although they are not in the notes."""
    cited = [int(a or b) for a, b in _CITED.findall(text)]
    return [number for number in dict.fromkeys(cited) if notes.index(number) is None]


def invented_things(text: str, notes: Notes, allowed: Iterable[str] = ()) -> list[str]:
    """The things that ``text`` claims to have been there although they are not in the notes.

    Args:
        text: reasoning and answer.
        notes: the memory.
        allowed: further texts whose things may be named: the question, its choices, findings of a
            second look.
    """
    echoed = [phrase for other in allowed for phrase in _phrases(other, notes, strict=False)]
    invented: list[str] = []
    for sentence in _SENTENCE.split(text):
        if _DENIED.search(sentence.lower()):
            continue
        for phrase in _phrases(sentence, notes, strict=True):
            if phrase.text not in invented and not _is_held(phrase, notes, echoed):
                invented.append(phrase.text)
    return invented


def _phrases(text: str, notes: Notes, *, strict: bool) -> list[Phrase]:
    words = tokens_of(text, mend=False)
    named = names_in(words, notes.nouns)
    phrases = [p for p, known in zip(named.things, named.known, strict=True) if known or p.colours]
    if strict:
        phrases = [p for p in phrases if p.colours or p.kind not in SCENERY]
    return phrases


def _is_held(phrase: Phrase, notes: Notes, echoed: Sequence[Phrase]) -> bool:
    if phrase.is_generic:
        return True
    result = match(phrase, notes)
    if result.things or result.no_colour or result.unsaid or result.within or result.observed:
        return True
    return any(
        phrase.kind == other.kind and phrase.colours <= other.colours for other in echoed
    ) or (not phrase.colours and bool(result.other_colour))


def is_held(name: str, notes: Notes) -> bool:
    """Whether the notes have a thing of that name, or anything that the name may mean."""
    return _is_held(read_phrase(name), notes, ())
