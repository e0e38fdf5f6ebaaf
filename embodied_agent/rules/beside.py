"""Which thing a question means by another one that it is beside: "the table next to the door".

    resolved("What colour is the table next to the door?", notes)

The question is then asked of that thing alone. Whether a thing was beside another is told by their
measured positions or, where these don't settle it, by the views that noted both: they were in the
same direction and equally far.

Out of scope: questions about the relation itself (`about_relations`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.records import DISTANCES, Mention, wrapped_deg
from embodied_agent.rules.about_things import fits, last_seen
from embodied_agent.rules.absence import missing
from embodied_agent.rules.directions import is_left_of
from embodied_agent.rules.matching import match
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.speech import Saying, join_each, the, where
from embodied_agent.rules.surveyed import SETTLED, Survey, metres, spot_of
from embodied_agent.rules.tokens import tokens_of

#: Things whose middles are at most so far apart are beside each other, in metres.
BESIDE_M = 2.0
#: Things that look no farther apart than this are in the same direction, in degrees, by how far
#: away they are: the same angle is wider there.
_CLOSE_DEG = {"near": 40.0, "mid": 25.0, "far": 15.0, None: 15.0}
#: A thing that is in front of another one is at least this much nearer, in metres.
_DIFFERENT_M = 0.5
#: At most this many things and views of them are looked at, the latest, and words make a name.
_MOST_THINGS, _MOST_VIEWS, _MOST_WORDS = 8, 12, 5

_RELATIONS = {
    "beside": r"(?:(?:right |directly |just )?(?:next to|beside|close to|alongside|adjacent to)|near|by)",
    "front": r"in front of",
    "behind": r"behind",
    "left": r"(?:(?:to|on|at) (?:the )?)?left(?:[- ]hand)?(?: side)? of",
    "right": r"(?:(?:to|on|at) (?:the )?)?right(?:[- ]hand)?(?: side)? of",
}
_WORDS = {
    "beside": "next to", "front": "in front of", "behind": "behind",
    "left": "to the left of", "right": "to the right of",
}  # fmt: skip
_RELATION = "|".join(f"(?P<{name}>{words})" for name, words in _RELATIONS.items())
#: What is asked of the thing: its colour, its place, when it was seen.
_ASKS = (
    r"(?:(?:and|so|please|tell me|say|robot|(?:can|could) you tell me|do you know)[\s,]+)*"
    r"(?P<asks>(?:what|which) colou?rs?(?: (?:is|was|are|were|does|did|has)|['’]s)?|(?:what(?: is|['’]?s| was) )?the colou?r of|"
    r"(?P<whether>is|was|are|were)|where(?: is|['’]s| was| are| were)|which way(?: is|['’]s)|in (?:which|what) direction is|"
    r"how (?:far|close|near)(?: away)?(?: is|['’]s| was)|how (?:do|can) (?:i|you|we) (?:get|go) (?:back )?to|"
    r"(?:take|lead|guide|bring) (?:me|us) (?:back )?to|"
    r"(?:when|where) did (?:you|we) (?:first |last )?(?:see|notice|pass)|(?:how often|how many times) did you see|"
    r"describe|tell me about|what do you know about)"
)
_QUESTION = re.compile(
    rf"^\W*{_ASKS} (?:the|that|this) (?P<thing>[\w' -]+?) (?:(?:that|which) (?:is|was) )?(?:standing |located |placed )?"
    rf"(?:{_RELATION}) (?:the|that|this|a|an|your|my) (?P<rest>[^?.!]+?)\s*[?.!]*\s*$",
    re.IGNORECASE,
)
#: What may follow: "… have", "… from here"; after "is", what it is asked to be.
_AFTER = re.compile(
    r"(?:is|was|have|had|painted|now|right now|from here|from (?:you|me)|away|located|last|first|then)?",
    re.IGNORECASE,
)
_IS_IT = re.compile(
    r"(?:still |now |also )?(?:painted |coloured )?(?:C(?: or C)*|visible|in view|in sight|there|near|far|far away|close|"
    r"behind (?:you|me|us)|(?:on|to) (?:the|your|my|our) (?:left|right)|in front of (?:you|me|us)|ahead(?: of (?:you|me|us))?)"
    r"(?: now| from here)?",
    re.IGNORECASE,
)


def is_named_beside(text: str) -> bool:
    """Whether a question means a thing by another one: "the table next to the door"."""
    return _QUESTION.match(text) is not None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A question about a thing alone, and why that one is meant, with the deltas that say so."""

    text: str
    reason: Saying


@dataclass(frozen=True, slots=True)
class _Reason:
    """Why a thing is beside another: in words, and the deltas that say so."""

    text: str
    indexes: tuple[int, ...]
    measured: int = 0


def resolved(text: str, notes: Notes, survey: Survey | None = None) -> Resolved | Saying | None:
    """The question, asked of the thing that is meant; what is said if that can't be told; ``None``
    for all other questions.

    Args:
        text: the question.
        notes: the memory, with at least one delta.
        survey: what is measured around the camera.
    """
    found = _QUESTION.search(text)
    if found is None:
        return None
    ends = _other_in(found["rest"], notes)
    if ends is None or not _is_name(found["thing"], notes):
        return None
    other, after = ends
    asked = names_in(tokens_of(after, notes.nouns.words()), notes.nouns)
    follows = _IS_IT.fullmatch(asked.pattern) if found["whether"] else _AFTER.fullmatch(after)
    if follows is None:
        return None
    relation = next(name for name in _RELATIONS if found[name])
    results = [match(read_phrase(words.lower()), notes) for words in (found["thing"], other)]
    for result in results:
        gap = missing(result, notes)
        if gap is not None:
            return None if result.observed else gap
    things, others = (
        sorted(fits(result), key=lambda thing: thing.last_index)[-_MOST_THINGS:]
        for result in results
    )
    reasons = _those(relation, things, others, notes, survey)
    if len(reasons) > 1 and relation in ("left", "right"):
        beside = _those("beside", things, others, notes, survey)
        reasons = {key: why for key, why in reasons.items() if key in beside} or reasons
    meant = [thing for thing in things if id(thing) in reasons]
    if len(meant) != 1:
        words = f"{_WORDS[relation]} {the(read_phrase(other.lower()).text)}"
        return _unsettled(found["thing"].lower(), words, things, meant, notes)
    name = the(meant[0])
    if [id(thing) for thing in match(read_phrase(name), notes).things] != [id(meant[0])]:
        return None  # others have a name that goes on
    why = reasons[id(meant[0])]
    start = f"{found['asks']} {name}".strip()
    return Resolved(
        f"{start} {after}".strip() + ("?" if text.rstrip().endswith("?") else ""),
        Saying(why.text, why.indexes, measured=why.measured),
    )


def told_with_reason(saying: Saying, reason: Saying) -> Saying:
    """The answer about the thing that was meant, and why it is that one."""
    return Saying(
        f"{saying.text} {reason.text}",
        tuple(sorted({*saying.evidence, *reason.evidence})),
        saying.status,
        saying.measured + reason.measured if saying.measured else 0,
    )


def _is_name(words: str, notes: Notes) -> bool:
    named = names_in(["the", *tokens_of(words, notes.nouns.words())], notes.nouns)
    return named.pattern == "the X" and all(named.known)


def _other_in(rest: str, notes: Notes) -> tuple[str, str] | None:
    """The name that a text begins with, and what follows it."""
    words = rest.split()
    for end in range(min(len(words), _MOST_WORDS), 0, -1):
        if _is_name(" ".join(words[:end]), notes):
            return " ".join(words[:end]), " ".join(words[end:])
    return None


def _those(
    relation: str,
    things: Sequence[Thing],
    others: Sequence[Thing],
    notes: Notes,
    survey: Survey | None,
) -> dict[int, _Reason]:
    """Of some things those that have a relation to another one, by their id."""
    reasons: dict[int, _Reason] = {}
    for thing in things:
        for other in others:
            reason = None if thing is other else _reason(relation, thing, other, notes, survey)
            if reason is not None:
                reasons[id(thing)] = reason
    return reasons


def _reason(
    relation: str, thing: Thing, other: Thing, notes: Notes, survey: Survey | None
) -> _Reason | None:
    if relation == "beside" and other.phrase.noun in thing.phrase.details:
        return _Reason(f"It was noted as {the(thing)}.", (thing.last_index,))
    if relation == "beside" and survey is not None:
        apart = _apart(thing, other, notes, survey)
        if apart is not None:
            distance, std, indexes = apart
            share = 0.5 * (1 + math.erf((BESIDE_M - distance) / (max(std, 1e-3) * math.sqrt(2))))
            if share >= SETTLED:
                text = f"It is {metres(distance, std)} from {the(other)}."
                return _Reason(text, indexes, measured=2)
            if share <= 1 - SETTLED:
                return None
    shared = sorted(set(thing.indexes) & set(other.indexes), reverse=True)[:_MOST_VIEWS]
    told = [(index, _holds(relation, thing, other, index, notes)) for index in shared]
    telling = [(index, holds) for index, holds in told if holds is not None]
    so = [index for index, holds in telling if holds]
    if 2 * len(so) <= len(telling):
        return None
    pair = {id(one): mention for one, mention in notes.in_view(so[0])}
    text = (
        f"In {notes.cite(so[0])}, {the(thing)} was {where(pair[id(thing)])}, and {the(other)} "
        f"{where(pair[id(other)])}."
    )
    return _Reason(text, (so[0],))


def _apart(
    thing: Thing, other: Thing, notes: Notes, survey: Survey
) -> tuple[float, float, tuple[int, ...]] | None:
    """How far two things are apart, with the standard deviation, in metres, and where they were seen
    last; ``None`` unless both are measured."""
    spots = [spot_of(one, notes, survey) for one in (thing, other)]
    indexes = [notes.index(spot.keyframe_id) for spot in spots if spot is not None]
    known = tuple(sorted({index for index in indexes if index is not None}))
    if None in spots or not known:
        return None
    distance, std = survey.apart(name_key(thing.name), name_key(other.name))
    return distance, std, known


def _holds(relation: str, thing: Thing, other: Thing, index: int, notes: Notes) -> bool | None:
    """Whether a relation holds in one view; ``None`` where the notes on it don't tell."""
    mentions = {id(one): mention for one, mention in notes.in_view(index)}
    one, two = mentions[id(thing)], mentions[id(other)]
    if relation in ("left", "right"):
        left = is_left_of(one, two)
        return None if left is None else left == (relation == "left")
    apart_m = _apart_in_view_m(one, two)
    if relation == "beside" and apart_m is not None:
        return apart_m <= BESIDE_M
    farther_m = _farther_m(one, two)
    if farther_m is None:
        return None
    if not _same_direction(one, two):
        return False
    if relation == "beside":
        return farther_m == 0
    return farther_m <= -_DIFFERENT_M if relation == "front" else farther_m >= _DIFFERENT_M


def _apart_in_view_m(one: Mention, two: Mention) -> float | None:
    """How far apart two things in one view are, in metres; ``None`` unless it is noted in degrees and
    metres where they are."""
    if one.range_m is None or two.range_m is None:
        return None
    if one.bearing_deg is None or two.bearing_deg is None:
        return None
    angle = math.radians(one.bearing_deg - two.bearing_deg)
    square = one.range_m**2 + two.range_m**2 - 2 * one.range_m * two.range_m * math.cos(angle)
    return math.sqrt(max(square, 0.0))


def _farther_m(one: Mention, two: Mention) -> float | None:
    """By how much the one is farther away, in metres, or in near, mid and far; ``None`` where that is
    not noted."""
    if one.range_m is not None and two.range_m is not None:
        return one.range_m - two.range_m
    if one.distance is None or two.distance is None:
        return None
    return float(DISTANCES.index(one.distance) - DISTANCES.index(two.distance))


def _same_direction(one: Mention, two: Mention) -> bool:
    if one.bearing_deg is None or two.bearing_deg is None:
        return one.direction == two.direction
    off = abs(wrapped_deg(one.bearing_deg - two.bearing_deg))
    return off <= min(_CLOSE_DEG[one.distance], _CLOSE_DEG[two.distance])


def _unsettled(
    noun: str, beside: str, things: Sequence[Thing], meant: Sequence[Thing], notes: Notes
) -> Saying:
    """Why it can't be told which thing is meant, with those that it may be."""
    shown = meant or things
    names = join_each(shown, lambda thing: f"{the(thing)} ({notes.cite(thing.last_index)})")
    if meant:
        text = f"I noted {names} {beside}."
    elif len(things) == 1:
        text = f"I saw {names}, but my notes don't have it {beside}."
    else:
        text = f"I saw {names}, but my notes have none of them {beside}."
    return Saying(f"I can't tell which {noun} is meant: {text}", last_seen(shown), "cannot_tell")
