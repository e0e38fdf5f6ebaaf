"""Choosing among given answers by rule: "Which way is the door?" with "left", "right" and "behind me".

The question is answered in free words, and the choice that says the same is taken. Questions with
the choices of the eight types that a small reasoner is trained on (sectors, actions, steps, names
in order) are left to it.

Out of scope: the answers in free words (`rulebook`), letters and models (`embodied_agent.agent`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embodied_agent.records import DIRECTIONS, Action, AnswerStatus
from embodied_agent.rules import cues
from embodied_agent.rules.about_places import SETTLED, places_of
from embodied_agent.rules.about_things import fits
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import match
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.reckoning import carry
from embodied_agent.rules.rulebook import answer_one
from embodied_agent.rules.speech import Saying, join_names, number_in, the
from embodied_agent.rules.tokens import tokens_of

_WHERE: frozenset[Family] = frozenset({"where", "last_where", "first_where", "way_back"})
_YES_OR_NO: frozenset[Family] = frozenset(
    {
        "existence", "of_colour", "is_colour", "is_side", "is_order", "both", "more", "count",
        "visible_now", "ever_moved", "ever_turned", "ever_together", "are_all", "use", "nearer",
        "ever_side", "ever_near", "related", "after_turn", "is_seen_more",
    }
)  # fmt: skip
#: What is asked of all the time that was.
_EVER: frozenset[Family] = frozenset({"ever_side", "ever_near"})
_NUMBER: frozenset[Family] = frozenset(
    {"count", "count_all", "turns", "moves", "keyframes", "times_seen"}
)
#: What is named first is the answer; of the others, everything that is named.
_FIRST_NAMED: frozenset[Family] = frozenset(
    {"order", "nearer", "nearest_of", "nth", "most_seen", "use", "seen_more"}
)
_ALL_NAMED: frozenset[Family] = frozenset(
    {
        "around", "in_view", "at_start", "at_keyframe", "together", "seen_after", "seen_before",
        "nearest", "of_colour", "changed", "inventory", "seen_once", "view_before", "view_after",
    }
)  # fmt: skip
_ACTION: frozenset[Family] = frozenset(
    {"last_action", "first_action", "action_at", "did_before", "did_after"}
)
_CHOOSABLE = (
    frozenset({"colour"}) | _WHERE | _YES_OR_NO | _NUMBER | _FIRST_NAMED | _ALL_NAMED | _ACTION
)
_YES = re.compile(r"^(?:yes|yeah|yep|true|correct|right)\b")
_NO = re.compile(r"^(?:no|nope|false|incorrect|wrong)\b(?! idea)")
_UNSURE = re.compile(
    r"\bmemory does not tell\b|\b(?:not|n't|cannot|can't|don't) (?:know|tell|sure)\b|^unknown\b"
)
_WHICH_OF = re.compile(
    r"\b(?:which|what) (?:of (?:these|those|them|the following)|one|ones|thing|things|objects?)\b"
    r"|\b(?:which|what) (?:did|have|had) (?:you|we)\b"
)
_NEGATED = re.compile(r"\b(?:not|never)\b|n't\b")
_BEARINGS: tuple[tuple[re.Pattern[str], float], ...] = tuple(
    (re.compile(rf"\b(?:{words})\b"), degrees)
    for words, degrees in (
        (r"front[- ]left|ahead (?:and|to the|on the) left|left and ahead", 45.0),
        (r"front[- ]right|ahead (?:and|to the|on the) right|right and ahead", -45.0),
        (r"back[- ]left|behind (?:and|to the|on the) left|rear[- ]left", 135.0),
        (r"back[- ]right|behind (?:and|to the|on the) right|rear[- ]right", -135.0),
        (r"front|ahead|straight|forwards?", 0.0),
        (r"behind|back|rear|backwards?", 180.0),
        (r"left", 90.0),
        (r"right", -90.0),
    )
)
_ACTIONS: tuple[tuple[Action, re.Pattern[str]], ...] = (
    (Action.ROTATE_LEFT, re.compile(r"\b(?:turn|rotat|spin|spun)\w* (?:to the )?left\b|\bleft turn\b")),
    (Action.ROTATE_RIGHT, re.compile(r"\b(?:turn|rotat|spin|spun)\w* (?:to the )?right\b|\bright turn\b")),
    (Action.TILT_UPWARD, re.compile(r"\b(?:tilt|look)\w* up(?:wards?)?\b")),
    (Action.TILT_DOWNWARD, re.compile(r"\b(?:tilt|look)\w* down(?:wards?)?\b")),
    (Action.MOVE_FORWARD, re.compile(r"\bforwards?\b|\bstraight\b|\bahead\b")),
    (Action.MOVE_BACKWARD, re.compile(r"\bbackwards?\b|\breversed?\b|\bback\b")),
    (Action.MOVE_UPWARD, re.compile(r"\bup(?:wards?)?\b")),
    (Action.MOVE_DOWNWARD, re.compile(r"\bdown(?:wards?)?\b")),
    (Action.MOVE_LEFT, re.compile(r"\bleft\b")),
    (Action.MOVE_RIGHT, re.compile(r"\bright\b")),
)  # fmt: skip
_STEP = re.compile(r"(?:move|rotate|tilt) \w+(?: \d+)?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """The rules' answer to a question with choices: the index of the choice, ``None`` if none is
    settled, and the answer in free words."""

    index: int | None
    saying: Saying


def choose(text: str, choices: Sequence[str], notes: Notes) -> Chosen | None:
    """The choice that the rules' own answer amounts to; ``None`` where a reasoner should be asked.

    Args:
        text: the question.
        choices: at least two.
        notes: the memory, with at least one delta.
    """
    plain = [" ".join(choice.casefold().replace("’", "'").split()) for choice in choices]
    if _is_exercise(plain):
        return None
    listed = _of_these(text, plain, notes)
    if listed is not None:
        return listed
    ruling = answer_one(text, notes)
    asked, saying = ruling.asked, ruling.saying
    if saying is None or asked.family not in _CHOOSABLE:
        return None
    index = _matching(text, asked, saying, plain, notes)
    if index is None and saying.status == "answered":
        text = f"I can't tell which of the choices it is. {saying.text}"
        return Chosen(None, Saying(text, saying.evidence, "cannot_tell"))
    return Chosen(index, saying)


def _is_exercise(choices: Sequence[str]) -> bool:
    """Whether these are the choices of one of the eight types."""
    told = [choice for choice in choices if not _UNSURE.search(choice)]
    if len(choices) > 2 and all(choice in DIRECTIONS for choice in told):
        return True
    if all(re.fullmatch(r"step \d+", choice) for choice in told):
        return True
    return all(
        all(_STEP.fullmatch(part) or _is_name(part) for part in choice.split(", "))
        for choice in told
    )


def _is_name(text: str) -> bool:
    """Whether a text is a colour and a kind, such as "red sofa"."""
    colour, _, kind = text.partition(" ")
    return colour in lexicon().colours and bool(kind) and lexicon().known(kind)


def _matching(
    text: str, asked: Asked, saying: Saying, choices: Sequence[str], notes: Notes
) -> int | None:
    """The index of the choice that says what ``saying`` does; ``None`` if none, or several, do."""
    yes, no = _only(choices, _YES), _only(choices, _NO)
    if yes is not None and no is not None:
        return _yes_or_no(text, asked, saying, notes, yes, no)
    if asked.family in _WHERE:
        # Left can be told from right where the direction is not known any better.
        return _by_direction(asked, choices, notes)
    if saying.status != "answered":
        return None
    if asked.family == "related":
        return _by_side(saying, choices)
    if asked.family == "colour":
        return _by_colour(asked, choices, notes)
    if asked.family in _ACTION:
        return _by_action(saying, choices)
    if asked.family in _NUMBER:
        return _by_number(saying, choices)
    return _by_name(asked, saying, choices, notes)


def _only(choices: Sequence[str], pattern: re.Pattern[str]) -> int | None:
    found = [i for i, choice in enumerate(choices) if pattern.search(choice)]
    return found[0] if len(found) == 1 and not _UNSURE.search(choices[found[0]]) else None


def _yes_or_no(
    text: str, asked: Asked, saying: Saying, notes: Notes, yes: int, no: int
) -> int | None:
    if asked.family not in _YES_OR_NO:
        return None
    if saying.status == "not_seen" and asked.family in ("existence", "of_colour"):
        # Whether it is there is not known, but whether I saw it is.
        return no if re.search(r"\b(?:you|we|i)\b", text.casefold()) else None
    if saying.status != "answered":
        return None
    if asked.family in _EVER:
        # Of several things, one is enough for a yes.
        if re.search(r"(?:^|\. )Yes\b", saying.text):
            return yes
        return None if "I can't tell" in saying.text else no
    if re.match(r"(?:Yes|No)\b", saying.text):
        return yes if saying.text.startswith("Yes") else no
    if asked.family == "nearer":
        first = _named_in(saying.text, notes)[:1]
        ours = match(asked.things[0], notes).things
        return yes if first and any(first[0] is thing for thing in ours) else no
    return yes if asked.family in ("existence", "of_colour", "use") else None


def _by_direction(asked: Asked, choices: Sequence[str], notes: Notes) -> int | None:
    """The choice whose direction is nearest to most of the places where the thing may be."""
    things = [thing for phrase in asked.things for thing in fits(match(phrase, notes))]
    bearings = [bearing_in(choice) for choice in choices]
    known = [(i, bearing) for i, bearing in enumerate(bearings) if bearing is not None]
    if len(things) != 1 or len(known) < 2 or len({bearing for _, bearing in known}) < len(known):
        return None
    thing = things[0]
    if asked.family == "first_where":
        places = carry(thing.first.mention, ())
    elif asked.family == "last_where":
        places = carry(thing.last.mention, ())
    else:
        places = places_of(thing, notes)
    offsets = np.abs(
        (places.azimuths_deg[:, None] - np.array([b for _, b in known]) + 180.0) % 360.0 - 180.0
    )
    shares = np.bincount(offsets.argmin(axis=1), minlength=len(known)) / len(offsets)
    best = int(shares.argmax())
    return known[best][0] if shares[best] >= SETTLED else None


def bearing_in(choice: str) -> float | None:
    """The middle of the direction that a choice names, in degrees to the left."""
    if _UNSURE.search(choice):
        return None
    return next((degrees for words, degrees in _BEARINGS if words.search(choice)), None)


def _by_side(saying: Saying, choices: Sequence[str]) -> int | None:
    """The choice of the one side of a thing on which another one was seen."""
    sides = set(re.findall(r"\bwas to the (left|right) of\b", saying.text))
    return _only(choices, re.compile(rf"\b{sides.pop()}\b")) if len(sides) == 1 else None


def _by_colour(asked: Asked, choices: Sequence[str], notes: Notes) -> int | None:
    things = [thing for phrase in asked.things for thing in fits(match(phrase, notes))]
    colours = {colour for thing in things for colour in thing.phrase.colours}
    table = lexicon().colours
    named = [{table[w] for w in re.findall(r"[a-z]+", c) if w in table} for c in choices]
    found = [i for i, meant in enumerate(named) if meant & colours]
    return found[0] if len(found) == 1 and colours <= named[found[0]] else None


def _by_action(saying: Saying, choices: Sequence[str]) -> int | None:
    done = action_in(saying.text.casefold())
    if done is None:
        return None
    found = [i for i, choice in enumerate(choices) if action_in(choice) is done]
    if not found:  # "Which way did you turn?": "left"
        way = done.value.split()[-1].removesuffix("ward")
        found = [i for i, choice in enumerate(choices) if way in re.findall(r"[a-z]+", choice)]
    return found[0] if len(found) == 1 else None


def action_in(text: str) -> Action | None:
    """The action that a text in lower case names."""
    return next((action for action, words in _ACTIONS if words.search(text)), None)


def _by_number(saying: Saying, choices: Sequence[str]) -> int | None:
    number = number_in(saying.text)
    found = [i for i, choice in enumerate(choices) if number_in(choice) == number]
    return found[0] if number is not None and len(found) == 1 else None


def _by_name(asked: Asked, saying: Saying, choices: Sequence[str], notes: Notes) -> int | None:
    if asked.family not in _FIRST_NAMED | _ALL_NAMED:
        return None
    named = _named_in(saying.text, notes)
    if asked.family in _FIRST_NAMED:
        named = named[:1]
    found = [
        i
        for i, choice in enumerate(choices)
        if any(
            thing is other
            for phrase in _phrases(choice, notes)
            for thing in match(phrase, notes).things
            for other in named
        )
    ]
    return found[0] if len(found) == 1 else None


def _named_in(text: str, notes: Notes) -> list[Thing]:
    """The things that an answer names, in its order."""
    lowered = text.casefold()
    places = {}
    for thing in notes.spelt_in(lowered):
        found = re.search(rf"\b{re.escape(the(thing).casefold())}\b", lowered)
        if found is not None:
            places[thing.name] = (found.start(), thing)
    return [thing for _, thing in sorted(places.values(), key=lambda pair: pair[0])]


def _phrases(choice: str, notes: Notes) -> list[Phrase]:
    return list(names_in(tokens_of(choice, mend=False), notes.nouns).things)


def _of_these(text: str, choices: Sequence[str], notes: Notes) -> Chosen | None:
    """ "Which of these did you see?" asks about each of the choices."""
    lowered = text.casefold()
    if not _WHICH_OF.search(lowered) or not cues.SEE.search(lowered):
        return None
    if names_in(tokens_of(text), notes.nouns).things or notes.hold_motion_only:
        return None
    if answer_one(text, notes).asked.family not in ("inventory", "unnoted_way"):
        return None
    named = [_phrases(choice, notes) for choice in choices]
    if not all(len(phrases) == 1 for phrases in named):
        return None
    matches = [match(phrases[0], notes) for phrases in named]
    unseen = bool(_NEGATED.search(lowered))
    found = [i for i, m in enumerate(matches) if bool(m.things) != unseen and not m.observed]
    things = [thing for m in matches for thing in m.things[:1]]
    indexes = tuple(sorted({thing.last_index for thing in things}))
    names = join_names(f"{the(t)} ({notes.cite(t.last_index)})" for t in things)
    said = f"Of these, I saw {names}." if things else "I have not seen any of these."
    status: AnswerStatus = "answered" if things or (unseen and found) else "not_seen"
    return Chosen(found[0] if len(found) == 1 else None, Saying(said, indexes, status))
