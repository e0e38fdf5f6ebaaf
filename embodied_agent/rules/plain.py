"""Plain forms of questions: what a language model puts a question in free words into.

People ask for the same thing in countless ways; the rules understand one plain form of each kind of
question for certain. A model that has learned to restate questions (`training.restating`) replies
with one of these forms. `read_restated` accepts its reply only if it names nothing that the question
does not name, and leaves out no colour, number or condition. So a reply decides which kind of
question it is, and never which things it is about.

Out of scope: the model (`embodied_agent.reasoning.restating`), understanding the plain form
(`families`), when a model is asked (`embodied_agent.agent.restated`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.names import names_in
from embodied_agent.rules.phrases import words_of
from embodied_agent.rules.tokens import tokens_of

#: The plain form of each kind of question. ``{name}``, ``{other}`` and ``{third}`` are things,
#: ``{a_name}`` one with its article, ``{names}`` several, ``{colour}`` a colour, ``{n}`` a number,
#: ``{turn}`` left or right, and ``{place}`` one of `PLACES`.
PLAIN: Mapping[str, str] = {
    "existence": "Did you see {a_name}?",
    "existence_several": "Did you see any {names}?",
    "colour": "What colour is the {name}?",
    "colours": "What colours are the {names}?",
    "colours_all": "Which colours have you seen?",
    "was_colour": "Is the {name} {colour}?",
    "of_colour": "Which {colour} things did you see?",
    "count": "How many {names} did you see?",
    "count_colour": "How many {colour} things did you see?",
    "count_all": "How many different things did you see?",
    "keyframes": "How many keyframes did you take?",
    "first_when": "When did you first see the {name}?",
    "first_where": "Where was the {name} when you first saw it?",
    "last_when": "When did you last see the {name}?",
    "last_where": "Where did you last see the {name}?",
    "did_before": "What did you do just before you first saw the {name}?",
    "did_after": "What did you do right after you first saw the {name}?",
    "see_next": "What new thing did you see next after the {name}?",
    "order_first": "Which did you see first, the {name} or the {other}?",
    "order_yes": "Did you see the {name} before the {other}?",
    "order_list": "In which order did you see the {name}, the {other} and the {third}?",
    "in_view": "What do you see now?",
    "at_start": "What did you see at the start?",
    "at_keyframe": "What did you see at keyframe {n}?",
    "together": "What did you see together with the {name}?",
    "ever_together": "Were the {name} and the {other} ever in view at the same time?",
    "inventory": "What have you seen so far?",
    "name_some": "Name {n} things that you saw.",
    "around": "What is {place} you?",
    "is_side": "Is the {name} {place} you?",
    "nearer": "Which is nearer, the {name} or the {other}?",
    "nearest": "What is nearest to you?",
    "how_far": "How far away is the {name}?",
    "which_way": "Which way is the {name}?",
    "way_back": "How do I get back to the {name}?",
    "way_start": "How do I get back to the start?",
    "turns_side": "How often did you turn {turn}?",
    "turns_all": "How often did you turn?",
    "ever_turned": "Did you ever turn {turn}?",
    "moves": "How often did you move forward?",
    "last_action": "What did you do last?",
    "first_action": "What did you do first?",
    "actions": "Which movements did you make?",
    "action_at": "What did you do to get to keyframe {n}?",
    "describe": "Tell me about the {name}.",
}
#: What people ask the most, which the rules understand, too; names of up to three words.
_USUAL = (
    "Is there {a_name}?", "Was there {a_name}?", "Are there any {names}?", "Have you seen {a_name}?",
    "Do you see {a_name}?", "Where is the {name}?", "What do you see?", "What can you see?",
    "What is in front of me?", "How far is the {name}?", "How many {names} are there?",
)  # fmt: skip
#: Directions from the camera, as the plain forms name them.
PLACES = ("behind", "in front of", "to the left of", "to the right of")
#: Replies about questions without a plain form: notes never tell this of a thing, or of the trip;
#: it has nothing to do with what was seen; the question is to be taken as it was put.
UNNOTED_OF, UNNOTED, OFF_TOPIC, AS_PUT = (
    "Not noted of the {name}.",
    "Not noted.",
    "Off topic.",
    "As put.",
)

_NAMES = ("name", "a_name", "names", "other", "third")
Meaning = Literal["plain", "unnoted", "off_topic", "as_put"]
_SLOT = re.compile(r"\{(\w+)\}")
_PATTERNS = {
    "n": r"(?P<n>\d{1,9})",
    "turn": "(?P<turn>left|right)",
    "place": f"(?P<place>{'|'.join(PLACES)})",
}
_NAME, _SHORT_NAME = r"[^,;.?!]{1,80}?", r"[\w'-]+(?: [\w'-]+){0,2}"
_ENDING = re.compile(r"'(?:s|d|ll|re|ve)?$")
_ARTICLES = frozenset({"a", "an", "the"})
_NUMBER = re.compile(r"(?<![\d.])\d{1,9}(?![\d.]*\d)")
_NUMBER_WORDS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
#: What a question with one of these asks for, no plain form says.
_QUALIFIERS = re.compile(
    r"\b(?:except|besides|apart from|other than|within|re-?start(?:ed)?|reboot(?:ed)?|degrees?)\b",
    re.IGNORECASE,
)

#: Of the forms, these are about directions; for others, one in the question would be lost.
_ABOUT_SIDES = frozenset(
    {
        "first_where", "last_where", "which_way", "around", "is_side", "turns_side", "turns_all",
        "ever_turned", "actions", "last_action", "first_action", "action_at", "did_before",
        "did_after",
    }
)  # fmt: skip
#: In these, a further thing in the question would be lost.
_ABOUT_THINGS = frozenset({"existence", "existence_several", "count", "how_far", "nearer"})
#: Nouns of questions that are no further thing: "a couple of steps", "an entry in your memory".
_NO_THINGS = frozenset({"drone", "robot", "camera", "step", "floor", "ground", "entry", "page"})
_TO_A_SIDE = re.compile(
    r"\b(?:turn\w*|rotat\w*|(?:to|on) (?:the|your|my|our|its)) (left|right)\b", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Restated:
    """What a model made of a question.

    Attributes:
        meaning: "plain", or why there is no plain form.
        text: the plain question; empty for other meanings.
        form: its key in `PLAIN`; empty for other meanings.
        names: the things that the reply names.
    """

    meaning: Meaning
    text: str = ""
    form: str = ""
    names: tuple[str, ...] = ()


def read_restated(reply: str, question: str) -> Restated | None:
    """What a model's reply says; ``None`` if it has none of the forms, names something that the
    question does not name, or leaves out a colour, a number or a condition of the question."""
    reply = " ".join(reply.split())
    fixed: dict[str, Meaning] = {UNNOTED: "unnoted", OFF_TOPIC: "off_topic", AS_PUT: "as_put"}
    if reply in fixed:
        return Restated(fixed[reply])
    for form, pattern in _forms().items():
        match = pattern.fullmatch(reply)
        if match is None:
            continue
        slots = {slot: value for slot, value in match.groupdict().items() if value}
        if not all(_is_in(question, slot, value) for slot, value in slots.items()):
            continue
        names = tuple(slots[s] for s in _NAMES if s in slots)
        if form == "unnoted":
            return Restated("unnoted", names=names)
        if _loses(form, reply, question):
            return None
        return Restated("plain", reply, form, names)
    return None


def is_put_plainly(text: str) -> bool:
    """Whether a question has a plain form itself, or one of those that people use the most."""
    words = " ".join(text.split()).rstrip("?.! ")
    patterns = (*_forms().values(), *_usual_forms())
    return any(pattern.fullmatch(f"{words}{mark}") for pattern in patterns for mark in "?.")


@cache
def _usual_forms() -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(_pattern(text, _SHORT_NAME), re.IGNORECASE) for text in _USUAL)


@cache
def _forms() -> Mapping[str, re.Pattern[str]]:
    """The pattern of each form, those first that fix the most words."""
    texts = {**PLAIN, "unnoted": UNNOTED_OF}
    order = sorted(texts, key=lambda form: -len(_SLOT.sub("", texts[form])))
    return {form: re.compile(_pattern(texts[form]), re.IGNORECASE) for form in order}


def _pattern(text: str, name: str = _NAME) -> str:
    """The expression of a form; ``name``: that of a thing's name."""
    parts = _SLOT.split(text)
    colours = sorted(lexicon().colours, key=len, reverse=True)
    patterns = {
        **_PATTERNS,
        "colour": f"(?P<colour>{'|'.join(map(re.escape, colours))})",
        "a_name": rf"(?:an? )?(?P<a_name>{name})",
    }
    slots = (patterns.get(s, rf"(?P<{s}>{name})") for s in parts[1::2])
    return "".join(
        piece
        for fixed, slot in zip(parts[::2], (*slots, ""), strict=True)
        for piece in (re.escape(fixed), slot)
    )


def _is_in(question: str, slot: str, value: str) -> bool:
    """Whether the question itself has what a slot of a reply names."""
    match slot:
        case "n":
            return int(value) in _numbers(question)
        case "turn":
            return _has_side(question, value)
        case "place" if "left" in value or "right" in value:
            return _has_side(question, "left" if "left" in value else "right")
        case "place":
            return not _has_side(question, "left")
        case "colour":
            return value.lower() in _words(question)
    return _has_name(question, value)


def _has_side(question: str, side: str) -> bool:
    return re.search(rf"\b{side}(?:s|wards?|-?hand(?:ed)?)?\b", question, re.IGNORECASE) is not None


def _has_name(question: str, name: str) -> bool:
    """Whether a question has a name, in the singular or plural: its words in a row or, if the
    question names one colour only, its colour apart."""
    words = [singular(word) for word in _words(question) if word not in _ARTICLES]
    wanted = [singular(word) for word in words_of(name) if word not in _ARTICLES]
    if _is_within(wanted, words):
        return True
    noun = [word for word in wanted if word not in lexicon().colours]
    colours = {word for word in words if word in lexicon().colours}
    return bool(noun) and colours == set(wanted) - set(noun) and _is_within(noun, words)


def _is_within(part: list[str], whole: list[str]) -> bool:
    return any(whole[i : i + len(part)] == part for i in range(len(whole) - len(part) + 1))


def _loses(form: str, reply: str, question: str) -> bool:
    """Whether a reply leaves out a thing, a colour, a number, a side or a condition of the
    question."""
    if _QUALIFIERS.search(question) is not None:
        return True
    if form not in _ABOUT_SIDES and _TO_A_SIDE.search(question) is not None:
        return True
    if form in _ABOUT_THINGS and any(not _has_name(reply, noun) for noun in _nouns(question)):
        return True
    colours = {word for word in _words(question) if word in lexicon().colours}
    if _shades(question) != _shades(reply):
        return True
    numbers = {int(number) for number in _NUMBER.findall(question)}
    return not (colours <= set(_words(reply)) and numbers <= _numbers(reply))


def _shades(text: str) -> set[tuple[str, ...]]:
    """The colours of several words in a text: light blue is another one than blue."""
    words = [part for word in _words(text) for part in word.split("-")]
    named = (tuple(colour.replace("-", " ").split()) for colour in lexicon().colours)
    return {parts for parts in named if len(parts) > 1 and _is_within(list(parts), words)}


def _nouns(question: str) -> set[str]:
    """The nouns in a question that are names of things."""
    named = names_in(tokens_of(question, mend=False), ())
    nouns = {thing.noun for thing in named.things if thing.noun and lexicon().known(thing.noun)}
    return {noun for noun in nouns if singular(noun) not in _NO_THINGS}


def _words(text: str) -> list[str]:
    return [_ENDING.sub("", word) for word in words_of(text)]


def _numbers(text: str) -> set[int]:
    words = {_NUMBER_WORDS[word] for word in words_of(text) if word in _NUMBER_WORDS}
    return words | {int(number) for number in _NUMBER.findall(text)}
