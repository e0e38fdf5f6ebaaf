"""What a question to the fleet asks about noted facts: values, the lowest, those below a limit, as
of now or an earlier moment; and how values changed.

The words that only a question about many robots has ("which robot", "lowest", "below 20 %") are
read here; what is left is read by the rules that read a question to a single robot.

Out of scope: answers (`about_facts`), questions about what was seen (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal

from embodied_agent.fleet.serving.moments import moment_in
from embodied_agent.fleet.serving.reading import ALL, WHO, Window, robots_in, window_in
from embodied_agent.rules.fact_questions import (
    FactAsked,
    named,
    other_words,
    read_fact_question,
)
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.vocabulary import word_set

#: What is asked of a fact: its value; which robot has the lowest or highest; which robots have one
#: below, above, at most or at least a limit, or equal to a value; whether it is that value; which
#: values it had within a window; when it changed; or something about a time that is not understood.
FactWanted = Literal[
    "value", "lowest", "highest", "below", "above", "at_most", "at_least", "which", "whether",
    "values", "changes", "other_time",
]  # fmt: skip

_EXTREME = re.compile(
    r"\b(?:(?P<low>lowest|least|smallest|minimum|emptiest)"
    r"|(?P<high>highest|most|greatest|largest|biggest|maximum|fullest))\b",
    re.I,
)
_LIMIT = re.compile(
    r"\b(?:(?P<below>below|under|less than|lower than)|(?P<above>above|over|more than|greater than|"
    r"higher than)|(?P<at_least>at least)|(?P<at_most>at most)) "
    r"(?P<number>-?\d+(?:\.\d+)?) ?(?P<unit>%|[^\W\d_]+(?:/[^\W\d_]+)?)?",
    re.I,
)
_WHOSE = re.compile(r"\bwhose\b", re.I)
#: How a question begins that asks which robots have a value, or whether one has it.
_HAVING = re.compile(r"^(?:is|are|was|were|has|have|with|in|['’]s?)\b|^\w+ (?:is|are)\b", re.I)
_LEADING = re.compile(r"^(?:(?:is|are|has|have|had|with|the|a|an|its|['’]?s)\b\W*)+", re.I)
#: "When it first saw the van" is said of a robot.
_THEY_SAW = re.compile(
    r"\b(when|while|as) (?:it|they|he|she|each|the robots?)(?= (?:(?:first|last) )?"
    r"(?:saw|noticed|passed|found|spotted)\b)",
    re.I,
)
#: Words of questions about what was seen.
_SEEING = word_set(
    "saw see seen sees seeing noticed notice found find visited visit passed pass where when"
)
#: Words of a value that is asked about, at most.
_MOST_VALUE = 3


@dataclass(frozen=True)
class FleetFactAsked:
    """A question about facts as understood.

    Attributes:
        wanted: what is asked of the facts.
        keys: the facts that it names.
        unnoted: a fact that it names and nobody noted, by a name for people.
        value: of "which", "whether" and "changes", in lower case; empty in the last: any.
        limit: of comparisons.
        unit: of the limit.
        at: the moment that it is about; ``None``: now, or the moments below.
        thing: what a robot saw at the moment, where that is named.
        first: the moment at which the thing was seen first, not last.
        keyframe: the id of the moment's keyframe, where that is named.
        window: the span of time that "values" and "changes" are about.
    """

    wanted: FactWanted
    keys: tuple[str, ...] = ()
    unnoted: str = ""
    value: str = ""
    limit: float = 0.0
    unit: str = ""
    at: datetime | None = None
    thing: Phrase | None = None
    first: bool = False
    keyframe: int | None = None
    window: Window = field(default_factory=Window)


def read_fleet_fact_question(
    text: str, robots: Collection[str], keys: Collection[str], now: datetime
) -> FleetFactAsked | None:
    """The question about facts; ``None`` for questions about something else.

    Args:
        text: the question.
        robots: the names of the robots that may be asked about.
        keys: of the facts that these robots noted.
        now: the present, in the time zone that "today" is meant in.
    """
    plain, _ = robots_in(" ".join(text.split()).rstrip(" ?.!"), robots)
    plain, at = moment_in(plain, now)
    plain, window = window_in(plain, now)
    asks_who = bool(WHO.search(plain) or _WHOSE.search(plain))
    rest = " ".join(_WHOSE.sub("", WHO.sub("", ALL.sub("you", plain))).split())
    rest = re.sub(r"\b(?:of|on|by) you\b", "", rest).strip()
    rest = _THEY_SAW.sub(r"\1 you", rest)
    compared, rest = _comparison(rest)
    name = _LEADING.sub("", rest)
    found = named(name, keys)
    if not found:
        asked = read_fact_question(f"what is the {name}" if compared else rest, ())
        return None if asked is None else FleetFactAsked("value", unnoted=asked.unnoted)
    others = other_words(name, found)
    if window is None or (at is not None and window.words):
        return None if others else FleetFactAsked("other_time", found)
    is_span = window.words not in ("", "today")
    if compared is not None:
        if is_span and not others:
            return FleetFactAsked("other_time", found)
        return None if others else replace(compared, keys=found, at=at)
    asked = read_fact_question(rest, keys)
    if asked is not None and (asked.changed or asked.when != "now"):
        return _timed(asked, at, window)
    if is_span:
        return None if others else FleetFactAsked("values", found, window=window)
    if not others:
        return FleetFactAsked("value", found, at=at)
    is_value = len(others) <= _MOST_VALUE and not _SEEING.intersection(others)
    if len(found) == 1 and is_value and (_WHOSE.search(plain) or _HAVING.match(rest)):
        wanted: FactWanted = "which" if asks_who else "whether"
        return FleetFactAsked(wanted, found, value=" ".join(others), at=at)
    return None


def _timed(asked: FactAsked, at: datetime | None, window: Window) -> FleetFactAsked:
    """A question about a change, or about a moment that is named by what was seen then."""
    if asked.changed and at is None:
        return FleetFactAsked("changes", asked.keys, value=asked.value, window=window)
    if at is not None or window.words or asked.when in ("span", "start"):
        return FleetFactAsked("other_time", asked.keys)
    return FleetFactAsked(
        "whether" if asked.value else "value",
        asked.keys,
        value=asked.value,
        thing=asked.thing,
        first=asked.when == "first_seen",
        keyframe=asked.keyframe,
    )


def _comparison(text: str) -> tuple[FleetFactAsked | None, str]:
    """The comparison that a question makes, without the fact, and the question without it."""
    limit = _LIMIT.search(text)
    if limit is not None:
        wanted: FactWanted = next(
            kind for kind in ("below", "above", "at_least", "at_most") if limit[kind]
        )
        asked = FleetFactAsked(wanted, limit=float(limit["number"]), unit=plain_unit(limit["unit"]))
        return asked, f"{text[: limit.start()]} {text[limit.end() :]}".strip()
    extreme = _EXTREME.search(text)
    if extreme is not None:
        asked = FleetFactAsked("lowest" if extreme["low"] else "highest")
        return asked, f"{text[: extreme.start()]} {text[extreme.end() :]}".strip()
    return None, text


def plain_unit(unit: str | None) -> str:
    """A unit as it is compared."""
    plain = (unit or "").strip().casefold()
    return "%" if plain in ("percent", "per cent") else plain
