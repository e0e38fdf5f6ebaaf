"""Answers about how facts changed: "when did the mode change?", "what was the battery yesterday?".

Out of scope: values as of one moment and comparisons (`about_facts`), the table (`noted`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embodied_agent.fleet.serving.fact_reading import FleetFactAsked
from embodied_agent.fleet.serving.noted import (
    Changes,
    Noted,
    fact_changes,
    facts_at,
    keyframes_at,
    number_in,
)
from embodied_agent.fleet.serving.saying import Asking, Said, told_time
from embodied_agent.rules.fact_questions import same_value
from embodied_agent.rules.speech import join_names

#: Changes that are told of one robot, and of each of several, at most.
_TOLD, _TOLD_EACH = 5, 1
#: Changes that are looked at, and robots that are told of, at most.
_MOST, _LISTED = 10_000, 20


def about_changes(asking: Asking, asked: FleetFactAsked) -> Said:
    """What is said to a question about the values that a fact had within a window, or about when it
    changed."""
    if len(asked.keys) > 1:
        return Said(f"I can't tell: ask about one of {join_names(asked.keys)}.", "cannot_tell")
    key = asked.keys[0]
    told = _TOLD if len(asking.robots) == 1 else _TOLD_EACH
    found = fact_changes(asking.db, asking.ids, key, asked.window, _MOST)
    if asked.wanted == "values":
        found = _with_first(asking, found, asked)
    else:
        found = [_of(one, asked) for one in found]
        found = [one for one in found if one.values]
    if not found:
        return _none(asking, asked, key)
    shown: list[Noted] = []
    sentences = []
    for one in found[:_LISTED]:
        values = _range(one, told) if asked.wanted == "values" else []
        if values:
            sentences.append(_ranging(asking, values))
        else:
            more = max(len(one.values) - told, 0)
            earlier = None if one.earlier is None else one.earlier + more
            values = one.values[more:]
            sentences.append(_listing(asking, Changes(values, earlier)))
        shown += values
    if len(found) > _LISTED:
        sentences.append(f"I leave out {len(found) - _LISTED} more robots.")
    evidence = keyframes_at(asking.db, shown)
    return Said(" ".join(sentences), "answered", evidence, shown)


def _with_first(asking: Asking, found: Sequence[Changes], asked: FleetFactAsked) -> list[Changes]:
    """The changes, after the value with which the window began."""
    by_robot = {one.values[0].robot_id: one for one in found}
    if asked.window.since is not None:
        moments = dict.fromkeys(asking.ids, asked.window.since)
        for one in facts_at(asking.db, moments, asked.keys):
            known = by_robot.get(one.robot_id, Changes([], 0))
            by_robot[one.robot_id] = replace(known, values=[one, *known.values])
    return sorted(by_robot.values(), key=lambda one: one.values[0].robot)


def _of(changes: Changes, asked: FleetFactAsked) -> Changes:
    """The changes to the value that is asked about, or all but the first value of all."""
    values = changes.values
    if asked.value:
        values = [one for one in values if same_value(asked.value, one.value)]
    elif changes.is_first:
        values = values[1:]
    return replace(changes, values=values)


def _range(changes: Changes, told: int) -> list[Noted]:
    """The lowest, the highest and the last of more values than are told one by one, in the order of
    time; empty where they are not numbers of one unit."""
    numbers = [number_in(one) for one in changes.values]
    units = {unit for _, unit in numbers}
    if len(numbers) <= told or len(units) > 1 or changes.earlier is None:
        return []
    known = [value for value, _ in numbers if value is not None]
    if len(known) < len(numbers):
        return []
    low, high = known.index(min(known)), known.index(max(known))
    return [changes.values[low], changes.values[high], changes.values[-1]]


def _ranging(asking: Asking, values: Sequence[Noted]) -> str:
    low, high, last = (f"{one.value} {told_time(asking, one.noted_at)}" for one in values)
    name, robot = values[0].name, values[0].robot
    return f"The {name} of {robot} was between {low} and {high}; last it was {last}."


def _listing(asking: Asking, changes: Changes) -> str:
    one = changes.values[-1]
    told = join_names(f"{one.value} {told_time(asking, one.noted_at)}" for one in changes.values)
    if changes.earlier is None:
        earlier = " (and maybe before)"
    else:
        times = "once" if changes.earlier == 1 else f"{changes.earlier} times"
        earlier = f" (and {times} before)" if changes.earlier else ""
    return f"The {one.name} of {one.robot} was noted to be {told}{earlier}."


def _none(asking: Asking, asked: FleetFactAsked, key: str) -> Said:
    """What is said where a fact did not change, or never to the value that is asked about."""
    whose = f" of {asking.robots[0].name}" if len(asking.robots) == 1 else ""
    when = f" {asked.window.words}" if asked.window.words else ""
    latest = facts_at(asking.db, dict.fromkeys(asking.ids, asked.window.until), [key])[:_LISTED]
    if not latest:
        return Said(f"I can't tell: nothing was noted about the {key}{whose}{when}.", "cannot_tell")
    name = latest[0].name
    outcome = f"was never noted to be {asked.value}" if asked.value else "did not change"
    verb = "is" if asked.window.until is None else "was"
    values = join_names(
        f"{one.value}{'' if whose else f' on {one.robot}'} "
        f"(noted {told_time(asking, one.noted_at)})"
        for one in latest
    )
    text = f"The {name}{whose} {outcome}{when}: it {verb} {values}."
    return Said(text, "answered", keyframes_at(asking.db, latest), latest)
