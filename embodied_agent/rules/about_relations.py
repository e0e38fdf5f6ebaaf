"""Answers about how things lie to each other, as far as one view shows it.

Notes say in which direction from the camera a thing was. Two things that were noted in one keyframe
thus have an order from left to right in that view, and the answer names the view: seen from behind,
the order is reversed. How far apart things are, and what is on top of what, notes don't say.

The docstring of a public function is a question that it answers.

Out of scope: where things are from here (`about_places`), what was in view together (`about_views`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from embodied_agent.rules.about_things import fits
from embodied_agent.rules.about_views import together
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.directions import is_left_of
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.speech import Saying, capital, join_names, the, where

#: Of the things that a phrase means, and of the views of them, this many are looked at, the latest.
_MOST_THINGS, _MOST_VIEWS = 4, 30
_TO_EACH_OTHER = "I can't tell: my notes say where things were relative to me, not to each other."


@dataclass(frozen=True, slots=True)
class _View:
    """What one keyframe says of a relation: whether it holds, and the facts in a sentence."""

    index: int
    holds: bool
    text: str


def related(asked: Asked, notes: Notes) -> Saying:
    """Is the table to the left of the bed? Is the lamp between the sofa and the door?"""
    sets: list[tuple[Thing, ...]] = []
    for phrase in asked.things[:3]:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        sets.append(fits(result)[-_MOST_THINGS:])
    tuples = [things for things in product(*sets) if len({id(t) for t in things}) == len(sets)]
    if asked.relation == "between" and len(sets) == 3:
        views = _latest(_is_between(things, notes) for things in tuples)
    elif asked.relation in ("left", "right", "aside"):
        views = _latest(_is_aside(things, asked, notes) for things in tuples)
    else:
        views = []
    if views:
        return _as_seen(views, asked, notes)
    return _unsettled(tuples, sets, notes)


def relation(asked: Asked, notes: Notes) -> Saying:
    """What is to the left of the table? What is next to it? What is between it and the bed?"""
    if asked.relation == "between" and len(asked.things) == 2:
        return _between(asked, notes)
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    if asked.relation not in ("left", "right", "beside"):
        return _not_told(asked, notes)
    tell = _neighbours if asked.relation == "beside" else _on_side
    told: list[tuple[int, str]] = []
    for thing in fits(result)[-_MOST_THINGS:]:
        found = (tell(thing, index, asked, notes) for index in _views_of([thing]))
        latest = next((one for one in found if one is not None), None)
        if latest is not None:
            told.append(latest)
    if not told:
        return _not_told(asked, notes)
    text = " ".join(words for _, words in told)
    if asked.relation == "beside":
        text += " My notes don't say how far apart they are."
    return Saying(text, tuple(sorted({index for index, _ in told})))


def _latest(views: Iterator[list[_View]]) -> list[_View]:
    """All that some views say, the latest first."""
    return sorted((view for each in views for view in each), key=lambda view: -view.index)


def _as_seen(views: Sequence[_View], asked: Asked, notes: Notes) -> Saying:
    """The latest view, and the latest one that says the opposite."""
    other = next((view for view in views if view.holds != views[0].holds), None)
    told = [views[0]] if other is None else [views[0], other]
    facts = [f"in {notes.cite(view.index)}, as I saw it, {view.text}" for view in told]
    evidence = tuple(sorted({view.index for view in told}))
    if other is not None:
        text = f"That depends: {facts[0]}, but {facts[1]}."
    elif asked.relation == "aside":
        text = f"{capital(facts[0])}."
    else:
        text = f"{'Yes' if views[0].holds else 'No'}: {facts[0]}."
    return Saying(text, evidence)


def _is_aside(things: Sequence[Thing], asked: Asked, notes: Notes) -> list[_View]:
    """On which side of the second thing the first one was, in each view that tells."""
    one, other = things
    views = []
    for index in _views_of(things):
        left = _order(one, other, index, notes)
        if left is not None:
            holds = left == (asked.relation != "right")
            side = "left" if left else "right"
            text = f"{the(one)} was to the {side} of {the(other)} ({_places(things, index, notes)})"
            views.append(_View(index, holds, text))
    return views


def _is_between(things: Sequence[Thing], notes: Notes) -> list[_View]:
    """Whether the first thing was between the two others, in each view that tells."""
    one, first, second = things
    views = []
    for index in _views_of(things):
        to_first, to_second = (_order(one, other, index, notes) for other in (first, second))
        if to_first is None or to_second is None:
            continue
        holds = to_first != to_second
        text = (
            f"{the(one)} was {'' if holds else 'not '}between {the(first)} and {the(second)} "
            f"({_places(things, index, notes)})"
        )
        views.append(_View(index, holds, text))
    return views


def _between(asked: Asked, notes: Notes) -> Saying:
    """What was between two things, in the latest view that tells."""
    sets = []
    for phrase in asked.things:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        sets.append(fits(result)[-_MOST_THINGS:])
    pairs = [pair for pair in product(*sets) if pair[0] is not pair[1]]
    views = [(index, pair) for pair in pairs for index in _views_of(pair)]
    for index, pair in sorted(views, key=lambda view: -view[0]):
        names, unsure = [], False
        for thing, _ in notes.in_view(index):
            if thing in pair:
                continue
            orders = [_order(thing, end, index, notes) for end in pair]
            unsure |= None in orders
            if None not in orders and orders[0] != orders[1]:
                names.append(the(thing))
        if _order(pair[0], pair[1], index, notes) is None or (unsure and not names):
            continue
        ends = f"between {the(pair[0])} and {the(pair[1])}"
        seen = f"In {notes.cite(index)}, as I saw it, "
        if not names:
            return Saying(f"{seen}I noted nothing {ends}.", (index,))
        verb = "was" if len(names) == 1 else "were"
        return Saying(f"{seen}{join_names(names)} {verb} {ends}.", (index,))
    return _unsettled(pairs, sets, notes)


def _on_side(thing: Thing, index: int, asked: Asked, notes: Notes) -> tuple[int, str] | None:
    """What was on a side of a thing in one view; ``None`` if nothing certainly was."""
    wanted = asked.relation == "left"
    names = [
        the(other)
        for other, _ in notes.in_view(index)
        if other is not thing and _order(other, thing, index, notes) is wanted
    ]
    if not names:
        return None
    verb = "was" if len(names) == 1 else "were"
    text = (
        f"In {notes.cite(index)}, as I saw it, {join_names(names)} {verb} to the {asked.relation}"
    )
    return index, f"{text} of {the(thing)}."


def _neighbours(thing: Thing, index: int, asked: Asked, notes: Notes) -> tuple[int, str] | None:
    """What else was in one view, by the side of a thing that it was on; ``None`` if nothing was."""
    names: dict[bool | None, list[str]] = {True: [], False: [], None: []}
    for other, mention in notes.in_view(index):
        if other is not thing:
            order = _order(other, thing, index, notes)
            names[order].append(f"{the(other)} ({where(mention)})")
    parts = [
        f"{join_names(names[order])} {words}"
        for order, words in (
            (True, "on its left"),
            (False, "on its right"),
            (None, "in the same direction"),
        )
        if names[order]
    ]
    if not parts:
        return None
    place = where(next(m for other, m in notes.in_view(index) if other is thing))
    return index, (f"In {notes.cite(index)}, {the(thing)} was {place}, with {join_names(parts)}.")


def _order(one: Thing, other: Thing, index: int, notes: Notes) -> bool | None:
    """Whether one thing was to the left of another in a view; ``None`` if the notes don't tell, or
    if there were several of a name and they differ in that."""
    ours, theirs = (
        [m for m in notes.deltas[index].mentions if name_key(m.name) == name_key(thing.name)]
        for thing in (one, other)
    )
    orders = {is_left_of(mine, yours) for mine in ours for yours in theirs}
    return orders.pop() if len(orders) == 1 else None


def _views_of(things: Sequence[Thing]) -> list[int]:
    """The latest deltas that mention all of some things, the latest first."""
    shared = set.intersection(*(set(thing.indexes) for thing in things))
    return sorted(shared, reverse=True)[:_MOST_VIEWS]


def _places(things: Sequence[Thing], index: int, notes: Notes) -> str:
    """Where things were noted in a view: ``ahead of me and front-left of me, near``."""
    places = {id(thing): where(mention) for thing, mention in notes.in_view(index)}
    return "; ".join(f"{the(thing)} {places[id(thing)]}" for thing in things)


def _unsettled(
    tuples: Sequence[tuple[Thing, ...]], sets: Sequence[Sequence[Thing]], notes: Notes
) -> Saying:
    """Where the notes have the things, if that does not tell how they lie to each other."""
    views = [(index, things) for things in tuples for index in _views_of(things)[:1]]
    if not views:
        latest = [each[-1] for each in sets]
        facts = "; ".join(
            f"{the(t)} {where(t.last.mention)} in {notes.cite(t.last_index)}" for t in latest
        )
        evidence = tuple(sorted({thing.last_index for thing in latest}))
        never = (
            "never in view at the same time" if len(latest) == 2 else "never all in view at once"
        )
        text = f"{_TO_EACH_OTHER} They were {never}: I last saw {facts}."
        return Saying(text, evidence, "cannot_tell")
    index, things = max(views, key=lambda view: view[0])
    places = {id(thing): where(mention) for thing, mention in notes.in_view(index)}
    facts = ", and ".join(f"{the(thing)} was {places[id(thing)]}" for thing in things)
    text = f"{_TO_EACH_OTHER} In {notes.cite(index)}, {facts}."
    return Saying(text, (index,), "cannot_tell")


def _not_told(asked: Asked, notes: Notes) -> Saying:
    """What was in view with a thing, where the notes don't tell how it lies to that."""
    beside = together(asked, notes)
    if beside.status != "answered":
        return beside
    return Saying(f"{_TO_EACH_OTHER} {beside.text}", beside.evidence, "cannot_tell")
