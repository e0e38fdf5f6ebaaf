"""What a question to the fleet asks: about which robots, which time, which thing or places.

The words that only a question about many robots has ("who", "robot A", "today") are read here; what
is left is read by the rules that read a question to a single robot.

Out of scope: answers (`answering`), what names mean (`embodied_agent.rules`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from embodied_agent.rules.families import understand
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.vocabulary import FRAME

#: What a question to the fleet asks for: the last or first robot that saw a thing, all robots that
#: did or did not, what was seen at all, named places that were visited or not; or nothing that can
#: be answered.
Wanted = Literal[
    "last", "first", "which", "which_not", "things", "visited", "unvisited", "out_of_scope",
    "unclear", "time", "several",
]  # fmt: skip

#: Words that ask for a robot.
WHO = re.compile(
    r"\b(?:who|anyone|anybody|someone|somebody|(?:which|what|any|each|every|some)(?: of the)?"
    r"(?: other)? (?:robots?|ones?|drones?|machines?|carts?|of them))\b",
    re.IGNORECASE,
)
#: Words for all robots.
ALL = re.compile(
    r"\b(?:all |each )?(?:of )?(?:the|our|your|my|all) (?:robots|drones|machines|carts|fleet)\b",
    re.I,
)
_NOBODY = re.compile(r"\b(?:no ?body|no one|no robots?|none of (?:the robots|them))\b", re.I)
_NOT = re.compile(
    r"\b(?:not|never|yet to|unvisited|unseen|no ?body|no one|no robots?|none of)\b|n['’]t\b", re.I
)
_PLACES = re.compile(r"\b(?:which|what|list|any)\b[^?]*?\b(?:rooms?|places?|areas?|zones?)\b", re.I)
_UNKNOWN_ROBOT = re.compile(
    r"\brobot (?P<name>[\w.-]*\w)",
    re.I,
)

_AMOUNTS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10,
            "twelve": 12, "few": 3, "couple of": 2}  # fmt: skip
_UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_SPAN = re.compile(
    r"\b(?:(?:with)?in|during|over|for)? ?the (?:last|past) (?:(?P<amount>\d{1,4}|"
    + "|".join(_AMOUNTS)
    + r") )?(?P<unit>minute|hour|day|week)s?\b",
    re.I,
)
_DAY = re.compile(r"\b(?P<day>today|yesterday|this morning|this week)\b", re.I)
#: Times that are recognised but not supported.
_OTHER_TIME = re.compile(
    r"\b(?:tonight|tomorrow|(?:last|this|next) (?:night|month|year|summer|winter|evening|afternoon)"
    r"|(?:on )?(?:mon|tues|wednes|thurs|fri|satur|sun)days?|noon|midnight|o'clock"
    r"|(?:january|february|april|june|july|august|september|october|november|december)"
    r"|\d{1,2}:\d\d|\d{1,2} ?(?:am|pm)|(?:minutes?|hours?|days?|weeks?|months?|years?) ago"
    r"|since|until|before|after|between)\b",
    re.I,
)


@dataclass(frozen=True)
class Window:
    """A span of time: from ``since`` (inclusive; ``None``: from the beginning) to ``until``
    (exclusive; ``None``: now). ``words`` are those of the question, empty for all time."""

    since: datetime | None = None
    until: datetime | None = None
    words: str = ""


@dataclass(frozen=True)
class FleetAsked:
    """A question as understood. ``robots`` are those that it names (empty: all), ``unknown`` one
    that it names but that does not exist. ``asks_who`` distinguishes "who saw a van" from "is there
    a van"."""

    wanted: Wanted
    robots: tuple[str, ...] = ()
    thing: Phrase | None = None
    window: Window = Window()
    asks_who: bool = False
    unknown: str = ""


def read_question(
    text: str, robots: Collection[str], nouns: Collection[str], now: datetime
) -> FleetAsked:
    """What a question asks.

    Args:
        text: the question.
        robots: the names of the robots that may be asked about.
        nouns: names and nouns that the fleet has seen, in lower case.
        now: the present, in the time zone that "today" is meant in.
    """
    plain = " ".join(text.split())
    plain, named = robots_in(plain, robots)
    unknown = _UNKNOWN_ROBOT.search(plain)
    if unknown is not None and not named and unknown["name"].lower() not in FRAME:
        return FleetAsked("unclear", unknown=unknown["name"])
    plain, window = window_in(plain, now)
    if window is None:
        return FleetAsked("time", named)
    asks_who = bool(WHO.search(plain) or _NOBODY.search(plain))
    negated = bool(_NOT.search(plain))
    if _PLACES.search(plain):
        wanted: Wanted = "unvisited" if negated else "visited"
        return FleetAsked(wanted, named, window=window)
    spoken = ALL.sub("you", WHO.sub("you", _NOBODY.sub("you", plain)))
    asked = understand(spoken, nouns)
    about = FleetAsked("unclear", named, window=window, asks_who=asks_who)
    if asked.family == "out_of_scope":
        return FleetAsked("out_of_scope", named)
    if asked.family in ("inventory", "in_view", "count_all") and not asked.things:
        return FleetAsked("unclear" if negated else "things", named, window=window)
    if len(asked.things) > 1:
        return FleetAsked("several", named)
    if not asked.things or asked.family not in _SEEN:
        return about
    wanted = _SEEN[asked.family]
    if negated:
        wanted = "which_not" if asks_who or not named else "which"
    elif asks_who and wanted == "which" and re.search(r"\b(?:last|latest|recently)\b", plain, re.I):
        wanted = "last"
    return FleetAsked(wanted, named, asked.things[0], window, asks_who)


#: What the families of questions about a thing ask of a fleet.
_SEEN: dict[str, Wanted] = {
    "existence": "which", "keyframes": "which", "is_colour": "which", "nearest": "which",
    "last_when": "last", "last_where": "last", "when": "last", "where": "last", "describe": "last",
    "first_when": "first", "first_where": "first",
}  # fmt: skip


def robots_in(text: str, robots: Collection[str]) -> tuple[str, tuple[str, ...]]:
    """The text with each robot's name replaced by "you", and the robots that it names."""
    named: list[str] = []
    for robot in sorted(robots, key=lambda name: (-len(name), name)):
        name = rf"{re.escape(robot)}(?![\w-])(?:['’]s)?"
        # A single letter is a name where it is a capital within a sentence.
        alone = rf"(?<![\w.-])(?i:{name})" if len(robot) > 1 else rf"(?<=\w ){name}"
        pattern = re.compile(rf"(?i:\b(?:the )?(?:robots?|drone|cart) {name})|{alone}")
        if pattern.search(text):
            named.append(robot)
            text = pattern.sub("you", text)
    return text, tuple(named)


def window_in(text: str, now: datetime) -> tuple[str, Window | None]:
    """The text without its time, and the time; ``None`` for one that can't be used."""
    day = _DAY.search(text)
    span = None if day else _SPAN.search(text)
    rest = text
    window = Window()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if day is not None:
        words = day["day"].lower()
        window = {
            "today": Window(midnight, None, "today"),
            "yesterday": Window(midnight - timedelta(days=1), midnight, "yesterday"),
            "this morning": Window(midnight, midnight + timedelta(hours=12), "this morning"),
            "this week": Window(midnight - timedelta(days=now.weekday()), None, "this week"),
        }[words]
        rest = f"{text[: day.start()]}{text[day.end() :]}"
    elif span is not None:
        amount = span["amount"]
        if amount is None:
            count = 1
        else:
            count = int(amount) if amount.isdigit() else _AMOUNTS[amount.lower()]
        unit = span["unit"].lower()
        words = f"in the last {f'{count} {unit}s' if count > 1 else unit}"
        window = Window(now - timedelta(seconds=count * _UNITS[unit]), None, words)
        rest = f"{text[: span.start()]}{text[span.end() :]}"
    if _OTHER_TIME.search(rest):
        return rest, None
    return " ".join(rest.replace(" ?", "?").split()), window


def examples(robots: Sequence[str]) -> str:
    """Examples of questions, for a reply to one that was not understood."""
    robot = f" What has robot {robots[0]} seen?" if robots else ""
    return (
        "Ask, for example: Who saw the red van last? Which robot has seen a fire extinguisher "
        f"today?{robot} Which rooms has nobody seen today?"
    )
