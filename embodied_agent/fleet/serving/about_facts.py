"""Answers about noted facts: the value of each robot as of now or a moment, and comparisons.

Values are texts; they are compared as numbers only where all have the same unit.

Out of scope: reading questions (`fact_reading`), the table (`noted`), which moment is meant
(`fact_moments`), how values changed (`about_changes`).
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence

from embodied_agent.fleet.serving.about_changes import about_changes
from embodied_agent.fleet.serving.fact_moments import AsOf, as_of
from embodied_agent.fleet.serving.fact_reading import FactWanted, FleetFactAsked
from embodied_agent.fleet.serving.noted import Noted, facts_at, keyframes_at, number_in
from embodied_agent.fleet.serving.saying import Asking, Said, told_time
from embodied_agent.fleet.serving.sightings import Sighting
from embodied_agent.rules.fact_questions import same_value
from embodied_agent.rules.speech import join_names

#: Values that are told at once, at most.
_LISTED = 20
_COMPARED: dict[FactWanted, tuple[Callable[[float, float], bool], str]] = {
    "below": (operator.lt, "below"),
    "above": (operator.gt, "above"),
    "at_most": (operator.le, "of at most"),
    "at_least": (operator.ge, "of at least"),
}


def about_facts(asking: Asking, asked: FleetFactAsked) -> Said:
    """What is said to a question about facts."""
    if asked.wanted == "other_time":
        return Said(
            "I can't tell: I can look up the values of facts at a time of day (at 10:05, yesterday "
            "at noon), some minutes, hours or days ago, at a keyframe (#7), or when a robot first "
            "or last saw something; and how they changed yesterday, this morning, this week, or in "
            "the last hours, days or weeks. I compare them only as of one moment.",
            "cannot_tell",
        )
    if asked.wanted in ("values", "changes"):
        return about_changes(asking, asked)
    moment = as_of(asking, asked)
    if isinstance(moment, Said):
        return moment
    found = facts_at(asking.db, moment.moments, asked.keys)
    if not found:
        return _nothing(asking, asked, moment)
    if asked.wanted == "value":
        return _values(asking, moment, found)
    if len({one.key for one in found}) > 1:
        names = join_names(sorted({one.name for one in found}))
        return Said(f"I can't tell: ask about one of {names}.", "cannot_tell")
    if asked.wanted in ("which", "whether"):
        return _equal(asking, asked, moment, found)
    values = [number_in(one) for one in found]
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
            _evidence(asking, moment, found[:_LISTED]),
            found[:_LISTED],
        )
    numbers = [value for value, _ in values if value is not None]
    if has_limit:
        return _within(asking, asked, moment, found, numbers)
    return _extreme(asking, asked, moment, found, numbers)


def _nothing(asking: Asking, asked: FleetFactAsked, moment: AsOf) -> Said:
    name = asked.unnoted or join_names(asked.keys)
    whose = f" on {asking.robots[0].name}" if len(asking.robots) == 1 else ""
    if moment.opening and facts_at(asking.db, dict.fromkeys(asking.ids), asked.keys):
        text = moment.opened(f"nothing had been noted about the {name}{whose}.")
        text = f"I can't tell: {text[:1].lower()}{text[1:]}"
        return Said(text, "cannot_tell", moment.evidence)
    return Said(f"I can't tell: nothing was noted about the {name}{whose}.", "cannot_tell")


def _values(asking: Asking, moment: AsOf, found: Sequence[Noted]) -> Said:
    sentences = []
    for key in dict.fromkeys(one.key for one in found):
        some = [one for one in found if one.key == key]
        if len(some) == 1 and len(asking.robots) == 1:
            one = some[0]
            when = told_time(asking, one.noted_at)
            sentences.append(
                f"The {one.name} of {one.robot} {moment.verb} {one.value}, noted {when}."
            )
            continue
        told = (
            f"{one.value} on {one.robot} (noted {told_time(asking, one.noted_at)})" for one in some
        )
        sentences.append(f"The {some[0].name} {moment.verb} {_listed(told)}.")
        sentences.append(_without(asking, moment, some))
    shown = found[:_LISTED]
    text = moment.opened(" ".join(filter(None, sentences)))
    return Said(text, "answered", _evidence(asking, moment, shown), shown)


def _equal(asking: Asking, asked: FleetFactAsked, moment: AsOf, found: Sequence[Noted]) -> Said:
    fitting = [one for one in found if same_value(asked.value, one.value)]
    name = found[0].name
    if asked.wanted == "whether" and len(found) == 1:
        one = found[0]
        when = told_time(asking, one.noted_at)
        text = moment.opened(f"The {name} of {one.robot} {moment.verb} {one.value}, noted {when}.")
        text = f"{'Yes' if fitting else 'No'}, {text[:1].lower()}{text[1:]}"
    elif fitting:
        robots = _listed(_robots(asking, fitting))
        text = moment.opened(f"The {name} {moment.verb} {fitting[0].value} on {robots}.")
    else:
        others = _listed(f"{one.value} on {one.robot}" for one in found)
        text = moment.opened(
            f"The {name} {moment.verb} not {asked.value} on any robot: it {moment.verb} {others}."
        )
    shown = (fitting or list(found))[:_LISTED]
    return Said(text, "answered", _evidence(asking, moment, shown), shown)


def _within(
    asking: Asking,
    asked: FleetFactAsked,
    moment: AsOf,
    found: Sequence[Noted],
    numbers: Sequence[float],
) -> Said:
    is_within, words = _COMPARED[asked.wanted]
    fitting = [
        one for one, value in zip(found, numbers, strict=True) if is_within(value, asked.limit)
    ]
    if fitting:
        text = f"{_listed(_told(asking, fitting))}."
    else:
        limit = f"{asked.limit:g}{' ' if asked.unit else ''}{asked.unit}"
        have = "had" if moment.opening else "has"
        text = f"No robot {have} a {found[0].name} {words} {limit}."
    shown = (fitting or list(found))[:_LISTED]
    text = moment.opened(" ".join(filter(None, (text, _without(asking, moment, found)))))
    return Said(text, "answered", _evidence(asking, moment, shown), shown)


def _extreme(
    asking: Asking,
    asked: FleetFactAsked,
    moment: AsOf,
    found: Sequence[Noted],
    numbers: Sequence[float],
) -> Said:
    best = min(numbers) if asked.wanted == "lowest" else max(numbers)
    first = [one for one, value in zip(found, numbers, strict=True) if value == best]
    have = "had" if moment.opening else "has" if len(first) == 1 else "have"
    robots = _listed(one.robot for one in first)
    text = f"{robots} {have} the {asked.wanted} {first[0].name}: {first[0].value}, noted "
    text += f"{told_time(asking, max(one.noted_at for one in first))}."
    text = moment.opened(" ".join(filter(None, (text, _without(asking, moment, found)))))
    shown = first[:_LISTED]
    return Said(text, "answered", _evidence(asking, moment, shown), shown)


def _evidence(asking: Asking, moment: AsOf, facts: Sequence[Noted]) -> list[Sighting]:
    return [*moment.evidence, *keyframes_at(asking.db, facts)]


def _told(asking: Asking, found: Sequence[Noted]) -> list[str]:
    return [f"{one.robot} ({one.value}, noted {told_time(asking, one.noted_at)})" for one in found]


def _robots(asking: Asking, found: Sequence[Noted]) -> list[str]:
    return [f"{one.robot} (noted {told_time(asking, one.noted_at)})" for one in found]


def _without(asking: Asking, moment: AsOf, found: Sequence[Noted]) -> str:
    """Which robots had noted nothing, as a sentence; empty where all had."""
    having = {one.robot_id for one in found}
    names = [one.name for one in asking.robots if one.id in moment.moments and one.id not in having]
    if not names:
        return ""
    verb = "had been" if moment.opening else "was"
    return f"Nothing {verb} noted about it on {_listed(names)}."


def _listed(names: Iterable[str]) -> str:
    """Names in a list, and how many more there are."""
    listed = list(names)
    more = len(listed) - _LISTED
    return join_names(listed if more <= 0 else [*listed[:_LISTED], f"{more} more"])
