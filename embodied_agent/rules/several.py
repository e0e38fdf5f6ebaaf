"""Several questions in one text: "Where is the chair, and what colour is it?"

A pronoun in a later question stands for the one thing that the question before it names. A text is
only taken apart at words that begin a question of their own.

Out of scope: whether the parts are understood (`rulebook`), questions that follow one another in
separate texts: each of these stands alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from embodied_agent.rules.families import understand
from embodied_agent.rules.phrases import Phrase

_VERB = r"(?:is|are|was|were|did|do|does|has|have|had|can|could|will|would)"
_PRONOUN = r"(?:it|they|them|he|him|she|her|that one|this one)"
#: How a question of its own begins.
_BEGINNING = (
    rf"(?=(?:(?:what|which|where|who|how|when)(?:\W?s\b|re\b| (?:\w+ )?{_VERB}\b| (?:far|many|often|close|near|long)\b)|"
    rf"{_VERB}(?:n't)? (?:{_PRONOUN}|you|we|i|there|the|any|a|an)\b|"
    rf"(?:where|which way|how far(?: away)?|what colou?r) {_PRONOUN} (?:is|are|was|were)\b))"
)
_JOINT = re.compile(
    rf"(?:\?+\s+(?:(?:and|also|so|if so|please)[\s,]+)*|[,;]?\s+(?:and|&)\s+(?:(?:also|if so|please)[\s,]+)*)"
    rf"{_BEGINNING}",
    re.IGNORECASE,
)
#: And the first one, which may be wrapped in a wish to be told.
_FIRST = re.compile(
    rf"^(?:(?:so|hey|hi|hello|ok|okay|well|please|pls|robot|and|tell me|let me know|can you tell me|could you tell me|"
    rf"do you know|i wonder|say)[\s,]+)*(?:(?:what|which|where|who|how|when)\b|{_VERB}(?:n't)?\b)",
    re.IGNORECASE,
)
_STANDING_FOR = re.compile(rf"\b{_PRONOUN}\b", re.IGNORECASE)
#: A question with one of these, or ending in "there" or "many", goes on from the one before.
_GOES_ON = re.compile(
    r"\b(?:next(?! to)|afterwards?|after that|before that|then|else|instead|the (?:same|other|others|rest))\b|"
    r"\b(?:there|lots|many|few|enough)\W*$",
    re.IGNORECASE,
)
#: More questions than this are one text.
_MOST = 4


def questions_in(text: str, nouns: Collection[str]) -> list[str]:
    """The questions of a text, in order, each so that it stands alone; the text itself where there is
    one only.

    Args:
        text: what was asked.
        nouns: names and nouns in the memory, in lower case.
    """
    parts = [part.strip() for part in _JOINT.split(text) if part.strip()]
    if not 1 < len(parts) <= _MOST or any(re.search(r"\bbetween\b", p) for p in parts[:-1]):
        return [text]
    if not _FIRST.search(parts[0]) or any(_GOES_ON.search(part) for part in parts[1:]):
        return [text]
    whole: list[str] = []
    meant: Phrase | None = None
    for part in parts:
        if whole and meant is not None:
            part = _STANDING_FOR.sub(f"the {meant.text}", part)
        whole.append(part)
        asked = understand(part, nouns)
        if asked.things:
            alone = len(asked.things) == 1 or asked.family == "related"
            meant = asked.things[0] if alone else None
    return whole
