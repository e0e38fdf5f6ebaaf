"""Questions about noted facts: "what is the battery level?", "which mode were you in at 12 s?".

A question is one about facts if it names a fact that is noted, or one that robots usually note, and
contains only words that people use to ask for a value. Everything else is about what was seen.

Out of scope: the values (`embodied_agent.agent.fact_answers`), parts of the time (`spans`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from embodied_agent.rules.phrases import Phrase, read_phrase
from embodied_agent.rules.spans import Span, span_in
from embodied_agent.rules.vocabulary import word_set

#: Words of a fact's name that say no more than that it is a value.
_PLAIN = word_set(
    "level state status value percentage percent reading charge current robot my your the fix data "
    "info number topic sensor"
)
#: Words in which people ask for a value.
_FRAME = word_set(
    "what which how much many is are was were be been the a an of in on at your you robot robot's "
    "s it its do does did have has had now right currently present presently current latest last "
    "tell me us please show give know i we to level state status value percentage percent reading "
    "charge charged full left remaining remain remains there still say says said read reads noted "
    "say's value's note about hey ok and then that time moment can could would will running set "
    "actual exact exactly today today's for under any"
)
#: Of facts about places only.
_WHERE = word_set("where located position location coordinates fix place")
_PLACES = word_set(
    "gps gnss fix position pose location place coordinates lat latitude longitude utm"
)
#: Facts that robots usually note: with these words, a question is about such a fact, not about
#: something that was seen.
_USUAL: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "battery",
        re.compile(
            r"\bbatter(?:y|ies)(?: \w+)? (?:level|charge|percentage|percent|status|state|voltage)\b"
            r"|\bhow (?:full|much|charged)\b.*\bbatter(?:y|ies)\b|\bbattery (?:is )?(?:left|full)\b"
            r"|^(?:what is|what was|how is|how was) (?:the|your) battery\b"
        ),
    ),
    ("GPS fix", re.compile(r"\b(?:gps|gnss)(?: (?:fix|position|location|coordinates))?\b")),
    ("mode", re.compile(r"\b(?:which|what) (?:\w+ )?mode (?:are|were|is|was)\b|\byour mode\b")),
)
_SAW = re.compile(
    r",?\s*\b(?:when|while|as|at the (?:time|moment)(?: when| that)?|the (?P<order0>first|last) time)"
    r"(?: that)? (?:you|we) (?P<order>first |last )?(?:(?:have|had) )?(?P<order2>first |last )?"
    r"(?:saw|see|seen|noticed|passed|found|spotted|came across)"
    r" (?P<what>.+?)(?: (?P<order3>first|last)| for the (?P<order4>first|last) time)?\s*[?.!]*$",
    re.IGNORECASE,
)
_KEYFRAME = re.compile(
    r",?\s*\b(?:at|in|for)? ?(?:the )?(?:keyframe|frame|picture|image)? ?#?"
    r"(?:(?<=#)|(?<=keyframe )|(?<=frame ))(\d+)\b",
    re.IGNORECASE,
)
_START = re.compile(
    r",?\s*\b(?:at|in) the (?:very )?(?:start|beginning)(?: of .*)?$|,?\s*\bwhen you (?:started|"
    r"began|set out)$|,?\s*\b(?:at first|initially)$",
    re.IGNORECASE,
)
_CHANGED = re.compile(
    r"^when (?:did|has|was) (?P<a>.+?) (?:last )?(?:changed?|switch(?:ed)?|become|became|noted|set|"
    r"turn(?:ed)?)(?: (?:to|into) (?P<b>.+))?$"
)
_IS = re.compile(r"^(?:is|was|are|were) (?!there\b|an?\b|any\b)")
_WORD = re.compile(r"\d+(?:\.\d+)?|[^\W\d_][^\W_]*(?:'[^\W_]+)*")

#: Words of a value that is asked about, at most.
_MOST_ASKED = 3

When = Literal["now", "span", "seen", "first_seen", "keyframe", "start"]


@dataclass(frozen=True, slots=True)
class FactAsked:
    """A question about facts, as understood.

    Attributes:
        keys: the facts that are meant (`fact_key`); those about which nothing was noted are in
            ``unnoted`` instead, by a name for people.
        when: as of which moment.
        span: the moment, where it is a time.
        thing: what was seen at the moment, where that is named.
        keyframe: the id of the moment's keyframe, where that is named.
        value: asked whether it is this, in lower case; empty: asked what it is.
        changed: asked when it changed (to ``value``).
    """

    keys: tuple[str, ...] = ()
    unnoted: str = ""
    when: When = "now"
    span: Span | None = None
    thing: Phrase | None = None
    keyframe: int | None = None
    value: str = ""
    changed: bool = False


def read_fact_question(text: str, names: Collection[str]) -> FactAsked | None:
    """The question about facts; ``None`` for questions about something else.

    Args:
        text: the question.
        names: of the facts that are or may be noted, as keys (`fact_key`).
    """
    plain = _plain(text)
    changed = _CHANGED.match(plain)
    if changed is not None:
        keys = named(changed["a"], names)
        if keys and not other_words(changed["a"], keys):
            return FactAsked(keys, value=(changed["b"] or "").strip(), changed=True)
        return None
    rest, moment = _moment(plain)
    keys = named(rest, names)
    if keys:
        others = other_words(rest, keys)
        if not others:
            return replace(moment, keys=keys)
        value = " ".join(others)
        asks_whether = _IS.match(rest) and re.search(
            rf"\b(?:{'|'.join(map(re.escape, keys[0].split()))})s? (?:\w+ )?{re.escape(value)}$",
            rest,
        )
        if asks_whether and len(keys) == 1 and len(others) <= _MOST_ASKED:
            return replace(moment, keys=keys, value=value)
        return None
    for name, pattern in _USUAL:
        if pattern.search(rest):
            words = frozenset(_words(name)) | {"voltage", "batteries", "gnss", "fix"}
            left = [word for word in _words(rest) if word not in _FRAME | _WHERE | words]
            if not left:
                return replace(moment, unnoted=name)
    return None


def named(text: str, names: Collection[str]) -> tuple[str, ...]:
    """The facts that a text names: of several that fit, those with the most words in it."""
    words = set(_words(_plain(text)))
    found: list[tuple[int, str]] = []
    for key in names:
        own = key.split()
        core = [word for word in own if word not in _PLAIN] or own
        if all(_is_in(word, words) for word in core):
            found.append((sum(_is_in(word, words) for word in own), key))
    most = max((count for count, _ in found), default=0)
    return tuple(sorted(key for count, key in found if count == most))


def _is_in(word: str, words: set[str]) -> bool:
    return word in words or f"{word}s" in words or f"{word}'s" in words


def other_words(text: str, keys: Collection[str]) -> list[str]:
    """The words that are neither of the facts' names nor those in which people ask for a value."""
    own = {word for key in keys for word in key.split()}
    own |= {f"{word}s" for word in own} | {f"{word}'s" for word in own}
    allowed = _FRAME | own
    if own & _PLACES:
        allowed |= _WHERE
    return [word for word in _words(text) if word not in allowed]


def same_value(asked: str, value: str) -> bool:
    """Whether a value is the one that is asked for, ignoring case and punctuation."""
    words = [" ".join(re.findall(r"[\w.]+", text.casefold())) for text in (asked, value)]
    if words[0] == words[1]:
        return True
    numbers = [re.fullmatch(r"[-+]?\d+(?:\.\d+)?", word.strip()) for word in words]
    return all(numbers) and float(words[0]) == float(words[1])


def _moment(text: str) -> tuple[str, FactAsked]:
    """The question without the moment that it names, and that moment."""
    saw = _SAW.search(text)
    if saw is not None:
        first = "first" in [
            (saw[name] or "").strip() for name in ("order0", "order", "order2", "order3", "order4")
        ]
        thing = read_phrase(saw["what"])
        if thing.text:
            asked = FactAsked(when="first_seen" if first else "seen", thing=thing)
            return text[: saw.start()].strip(" ,"), asked
    keyframe = _KEYFRAME.search(text)
    if keyframe is not None:
        rest = f"{text[: keyframe.start()]}{text[keyframe.end() :]}"
        return rest.strip(" ,"), FactAsked(when="keyframe", keyframe=int(keyframe[1]))
    start = _START.search(text)
    if start is not None:
        return text[: start.start()].strip(" ,"), FactAsked(when="start")
    span = span_in(text)
    if span is not None and span.kind in ("at", "ago", "until", "since", "first", "last"):
        return span.rest, FactAsked(when="span", span=span)
    return text, FactAsked()


def _plain(text: str) -> str:
    plain = " ".join(re.sub(r"[_]", " ", text.lower().replace("’", "'")).split()).strip(" .!?,")
    plain = re.sub(r"\b(what|where|how|it|that|there|which)'s\b", r"\1 is", plain)
    return re.sub(r"(?<=\w)-(?=\w)", " ", plain)


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())
