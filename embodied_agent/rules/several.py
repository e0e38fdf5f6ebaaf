"""Several questions in one text: "Where is the chair, and what colour is it?"

A text is only taken apart at words that begin a question of their own, or ask in one or two words
("…, and when?").

Their answers are told one after the other, each sentence once.

Out of scope: what the parts refer to (`references`), whether they are understood (`rulebook`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from embodied_agent.rules.speech import Saying

_VERB = r"(?:is|are|was|were|did|do|does|has|have|had|can|could|will|would)"
_PRONOUN = r"(?:it|they|them|he|him|she|her|that one|this one)"
#: A question of one or two words, which goes on from the one before.
_SHORT = (
    r"(?:where|when|how far(?: away)?|which way|(?:in |of )?what colou?r|how often|how many times|"
    r"(?:in|on|at) (?:which|what) (?:keyframe|picture|image|frame)s?)\W*$"
)
#: How a question of its own begins.
_BEGINNING = (
    rf"(?=(?:(?:what|which|where|who|how|when)(?:\W?s\b|re\b| (?:\w+ )?{_VERB}\b| (?:far|many|often|close|near|long)\b)|"
    rf"(?:which|what)(?: one| of (?:it|them|those|these)) (?:{_VERB}|came)\b|"
    rf"{_VERB}(?:n't)? (?:{_PRONOUN}|you|we|i|there|the|any|a|an)\b|"
    rf"(?:where|which way|how far(?: away)?|what colou?r) {_PRONOUN} (?:is|are|was|were)\b|"
    rf"(?:in|on|at) (?:which|what) (?:\w+) {_VERB}\b|"
    r"(?:tell|show) me (?:what|which|where|how|when|whether|if)\b|"
    r"(?:show|point|lead|take|guide) me to the (?:last|latest|first|nearest|closest|farthest|other)\b|"
    rf"{_SHORT}))"
)
_BY_THE_WAY = r"(?:(?:while|when|since|as) (?:we|you|i)(?:\W?re|\W?m| are| am) at it|by the way|btw|before i forget|for that matter|one more thing|on top of that|besides)"
_FILLER = rf"(?:(?:and|also|so|if so|please|then please|{_BY_THE_WAY})[\s,]+)*"
#: Where one question ends and the next begins.
_JOINT = re.compile(
    rf"(?:\?+\s+{_FILLER}|[,;]?\s+(?:and|&)\s*,?\s+(?:(?:also|if so|please|then|{_BY_THE_WAY})[\s,]+)*|"
    rf"[,;]\s+{_BY_THE_WAY}[\s,]+){_BEGINNING}",
    re.IGNORECASE,
)
#: The same after a wish, which need not end in a question mark.
_AFTER_WISH = re.compile(
    rf"(?:[.!;:,]+|\s[-–—])\s+{_FILLER}{_BEGINNING}|{_JOINT.pattern}", re.IGNORECASE
)
_WISH = re.compile(
    r"^(?:(?:so|hey|ok|okay|well|please|robot|can you|could you|will you)[\s,]+)*"
    r"(?:(?:lead|take|guide|bring|direct|get|navigate) (?:me|us)|find|locate|count|name|list)\b",
    re.IGNORECASE,
)
#: And the first one, which may be wrapped in a wish to be told.
_FIRST = re.compile(
    rf"^(?:(?:so|hey|hi|hello|ok|okay|well|please|pls|robot|and|tell me|let me know|can you tell me|could you tell me|"
    rf"do you know|i wonder|say|whether|if)[\s,]+)*(?:(?:(?:with|in|at|on|from|to) (?:what|which)|what|which|where|who|how|when|any)\b|{_VERB}(?:n't)?\b|"
    r"(?:you|there|we) )",
    re.IGNORECASE,
)
#: A question with one of these, or ending in "there" or "many", goes on from the one before.
_GOES_ON = re.compile(
    r"\b(?:next(?! to)|afterwards?|after that|before that|then|else|instead|the (?:same|rest))\b|"
    r"\b(?:there|lots|many|few|enough)\W*$",
    re.IGNORECASE,
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
#: More questions than this are one text.
_MOST = 4


def questions_in(text: str) -> list[str]:
    """The questions of a text, in order; the text itself where there is one only."""
    wish = bool(_WISH.search(text))
    parts = [part.strip() for part in (_AFTER_WISH if wish else _JOINT).split(text) if part.strip()]
    if not 1 < len(parts) <= _MOST or any(re.search(r"\bbetween\b", p) for p in parts[:-1]):
        return [text]
    if not (wish or _FIRST.search(parts[0])) or any(_GOES_ON.search(part) for part in parts[1:]):
        return [text]
    return parts


def without_repeats(sayings: Sequence[Saying]) -> list[Saying]:
    """Answers that follow one another, without sentences that an earlier one has told already."""
    told: set[str] = set()
    kept = []
    for saying in sayings:
        sentences = [
            one
            for one in _SENTENCES.split(saying.text)
            if not _is_told(one.removeprefix("Yes, "), told)
        ]
        told.update(one.removeprefix("Yes, ") for one in sentences)
        if sentences:
            kept.append(replace(saying, text=" ".join(sentences)))
    return kept


def _is_told(sentence: str, told: Collection[str]) -> bool:
    """Whether a sentence was told, alone or as the end of one about the same thing: "the sofa is to
    my left, about 2 m away" tells that "the sofa is about 2 m away"."""
    subject, _, rest = sentence.partition(" is ")
    return sentence in told or any(
        rest and one.startswith(f"{subject} is ") and one.endswith(f", {rest}") for one in told
    )
