"""Split an answer into clauses, and classify each by its words.

A clause is the part of a sentence to which one "not" or one "now" applies. Its words determine
whether it denies something, is about the present or the past, or only repeats the question.

Out of scope: what a clause claims (`directions`, `things`, `numbers`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_QUOTES = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": " - ", "°": " degrees"}
)
_RATHER_THAN = re.compile(r",? \b(?:rather than|instead of|as opposed to)\b ")
#: A question within an answer repeats the question.
_ECHO = re.compile(r"([^.!?;:\n]+)\?")
#: Boundaries of clauses: sentences, contrasts, and a comma or "and" before a new subject.
_BREAKS = re.compile(
    r"(?<!\d)[.](?=\s|$)|(?<=\d)[.](?=\s|$)|[!?;:\n()]|\s-+\s|"
    r",?\s*\b(?:but|however|though|although|except|instead|whereas|while|because|so(?! far\b)|"
    r"since(?= (?:i|it|there|my|the notes)\b))\b,?|"
    r",?\s*\b(?:only|just)\b(?=\s(?:an?|the|one|two|some|in|at|to|on|yellow|red|blue|green)\b)|"
    r",\s*(?:and\s+)?(?=(?:it|its|it's|i|i've|i'd|i'm|there|there's|they|that|that's|this|the|we|"
    r"you|my|in|at|which|after|then|now|not|nor|no|none)\b)|"
    r"\s+and\s+(?=for the (?:last|first) time|the \w+(?: \w+)? (?:is|are|was|were|behind|to|on|"
    r"in)\b)|"
    r"\s+and\s+(?=(?:it|it's|i|i've|i'm|there|there's|they|we|that|then|now|not|no|nothing)\b)"
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|none|nothing|neither|nor|without|cannot|nobody|nowhere|nope|absent)\b|n't\b"
)
#: Phrases with "no" or "not" that deny nothing.
_HARMLESS = re.compile(
    r"\b(?:no doubt|not only|not far|not just|no longer|no other than|nothing (?:else )?but|"
    r"not as (?:near|close)|if i'm not mistaken|if not|not long ago|no problem|not too far|"
    r"not very far|whether or not)\b"
)
_THEN = re.compile(
    r"\b(?:was|were|saw|seen|had|did|first|last|keyframes?|frame|earlier|then|ago|when i|used to|"
    r"appeared|showed up|spotted|noticed|came|passed)\b|#\s?\d"
)
_NOW = re.compile(
    r"\b(?:now|currently|at the moment|at present|from here|from where (?:you|i|we) (?:are|am|"
    r"stand)|"
    r"right now|presently|by now)\b"
)
_SUPPOSED = re.compile(
    r"\b(?:asked?|asking|whether|if there|question|about (?:an?|the) (?:question|thing)|"
    r"looking for|"
    r"you (?:mean|want|are after)|as for|regarding|called)\b"
)


@dataclass(frozen=True, slots=True)
class Clause:
    """``text`` is in lower case. ``denies``: it contains a negation. ``then``, ``now``: it is about
    the past, about the present (both can be false). ``supposes``: it repeats the question instead
    of claiming something."""

    text: str
    denies: bool
    then: bool
    now: bool
    supposes: bool


def plain(text: str) -> str:
    """Normalise to lower case, plain quotes and dashes, and single spaces."""
    return " ".join(text.translate(_QUOTES).lower().split())


def clauses(text: str) -> list[Clause]:
    """The clauses of an answer, in order, without separators."""
    statements = _ECHO.sub(r" you asked \1; ", _RATHER_THAN.sub(", not ", plain_lines(text)))
    pieces = (" ".join(piece.split()).strip(' ,"') for piece in _BREAKS.split(statements))
    return [_clause(piece) for piece in pieces if piece]


def plain_lines(text: str) -> str:
    """`plain` line by line, so that list items stay separate."""
    return "\n".join(plain(line) for line in text.splitlines())


def _clause(text: str) -> Clause:
    harmless = _HARMLESS.sub(" ", text)
    return Clause(
        text=text,
        denies=bool(_NEGATION.search(harmless)),
        then=bool(_THEN.search(text)),
        now=bool(_NOW.search(text)),
        supposes=bool(_SUPPOSED.search(text)),
    )
