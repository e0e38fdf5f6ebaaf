"""Answers about noted facts: the latest value of each robot, and comparisons between them.

Values are texts; they are compared as numbers only where all have the same unit.

Out of scope: reading questions (`fact_reading`), the table (`noted`).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Sequence

from embodied_agent.fleet.serving.fact_reading import FactWanted, FleetFactAsked, plain_unit
from embodied_agent.fleet.serving.noted import Noted, keyframes_at, latest_facts
from embodied_agent.fleet.serving.saying import Asking, Said, told_time
from embodied_agent.rules.fact_questions import same_value
from embodied_agent.rules.speech import join_names

#: Values that are told at once, at most.
_LISTED = 20
_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*([^\d]*)", re.I)
_COMPARED: dict[FactWanted, tuple[Callable[[float, float], bool], str]] = {
    "below": (operator.lt, "below"),
    "above": (operator.gt, "above"),
    "at_most": (operator.le, "of at most"),
    "at_least": (operator.ge, "of at least"),
}


def about_facts(asking: Asking, asked: FleetFactAsked) -> Said:
    """What is said to a question about facts."""
    if asked.wanted == "earlier":
        return Said(
            "I can't tell: I only have the latest values of facts. Ask the robot itself about "
            "earlier ones.",
            "cannot_tell",
        )
    found = latest_facts(asking.db, asking.ids, asked.keys)
    whose = f" on {asking.robots[0].name}" if len(asking.robots) == 1 else ""
    if not found:
        name = asked.unnoted or join_names(asked.keys)
        return Said(f"I can't tell: nothing was noted about the {name}{whose}.", "cannot_tell")
    if asked.wanted == "value":
        return _values(asking, found)
    if len({one.key for one in found}) > 1:
        names = join_names(sorted({one.name for one in found}))
        return Said(f"I can't tell: ask about one of {names}.", "cannot_tell")
    if asked.wanted in ("which", "whether"):
        return _equal(asking, asked, found)
    values = [_number(one) for one in found]
    units = {unit for value, unit in values if value is not None}
    has_limit = asked.wanted in _COMPARED
    if (
        any(value is None for value, _ in values)
        or len(units) > 1
        or (has_limit and asked.unit and asked.unit not in units)
    ):
        return Said(
            f"I can't tell: these values of the {found[0].name} can't be compared: "
            f"{_listed(f'{one.robot} {one.value}' for one in found)}.",
            "cannot_tell",
            keyframes_at(asking.db, found[:_LISTED]),
            found[:_LISTED],
        )
    numbers = [value for value, _ in values if value is not None]
    if has_limit:
        return _within(asking, asked, found, numbers)
    return _extreme(asking, asked, found, numbers)


def _values(asking: Asking, found: Sequence[Noted]) -> Said:
    sentences = []
    for key in dict.fromkeys(one.key for one in found):
        some = [one for one in found if one.key == key]
        if len(some) == 1 and len(asking.robots) == 1:
            one = some[0]
            when = told_time(asking, one.noted_at)
            sentences.append(f"The {one.name} of {one.robot} is {one.value}, noted {when}.")
            continue
        told = (
            f"{one.value} on {one.robot} (noted {told_time(asking, one.noted_at)})" for one in some
        )
        sentences.append(f"The {some[0].name} is {_listed(told)}.")
        sentences.append(_without(asking, some))
    shown = found[:_LISTED]
    text = " ".join(filter(None, sentences))
    return Said(text, "answered", keyframes_at(asking.db, shown), shown)


def _equal(asking: Asking, asked: FleetFactAsked, found: Sequence[Noted]) -> Said:
    fitting = [one for one in found if same_value(asked.value, one.value)]
    name = found[0].name
    if asked.wanted == "whether" and len(found) == 1:
        one = found[0]
        opening = "Yes" if fitting else "No"
        text = f"{opening}, the {name} of {one.robot} is {one.value}, noted "
        text += f"{told_time(asking, one.noted_at)}."
    elif fitting:
        text = f"The {name} is {fitting[0].value} on {_listed(_robots(asking, fitting))}."
    else:
        others = _listed(f"{one.value} on {one.robot}" for one in found)
        text = f"The {name} is not {asked.value} on any robot: it is {others}."
    shown = (fitting or list(found))[:_LISTED]
    return Said(text, "answered", keyframes_at(asking.db, shown), shown)


def _within(
    asking: Asking, asked: FleetFactAsked, found: Sequence[Noted], numbers: Sequence[float]
) -> Said:
    is_within, words = _COMPARED[asked.wanted]
    fitting = [
        one for one, value in zip(found, numbers, strict=True) if is_within(value, asked.limit)
    ]
    if fitting:
        text = f"{_listed(_told(asking, fitting))}."
    else:
        limit = f"{asked.limit:g}{' ' if asked.unit else ''}{asked.unit}"
        text = f"No robot has a {found[0].name} {words} {limit}."
    shown = (fitting or list(found))[:_LISTED]
    text = " ".join(filter(None, (text, _without(asking, found))))
    return Said(text, "answered", keyframes_at(asking.db, shown), shown)


def _extreme(
    asking: Asking, asked: FleetFactAsked, found: Sequence[Noted], numbers: Sequence[float]
) -> Said:
    best = min(numbers) if asked.wanted == "lowest" else max(numbers)
    first = [one for one, value in zip(found, numbers, strict=True) if value == best]
    have = "has" if len(first) == 1 else "have"
    robots = _listed(one.robot for one in first)
    text = f"{robots} {have} the {asked.wanted} {first[0].name}: {first[0].value}, noted "
    text += f"{told_time(asking, max(one.noted_at for one in first))}."
    text = " ".join(filter(None, (text, _without(asking, found))))
    shown = first[:_LISTED]
    return Said(text, "answered", keyframes_at(asking.db, shown), shown)


def _number(one: Noted) -> tuple[float | None, str]:
    """A value as a number and its unit; ``None`` where it is not one number."""
    match = _NUMBER.fullmatch(one.value)
    return (None, "") if match is None else (float(match[1]), plain_unit(match[2]))


def _told(asking: Asking, found: Sequence[Noted]) -> list[str]:
    return [f"{one.robot} ({one.value}, noted {told_time(asking, one.noted_at)})" for one in found]


def _robots(asking: Asking, found: Sequence[Noted]) -> list[str]:
    return [f"{one.robot} (noted {told_time(asking, one.noted_at)})" for one in found]


def _without(asking: Asking, found: Sequence[Noted]) -> str:
    """Which robots noted nothing, as a sentence; empty where all did."""
    having = {one.robot_id for one in found}
    names = [one.name for one in asking.robots if one.id not in having]
    return f"Nothing was noted about it on {_listed(names)}." if names else ""


def _listed(names: Iterable[str]) -> str:
    """Names in a list, and how many more there are."""
    listed = list(names)
    more = len(listed) - _LISTED
    return join_names(listed if more <= 0 else [*listed[:_LISTED], f"{more} more"])
