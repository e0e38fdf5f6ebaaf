"""When and where a thing came into view and left it, and which of several came first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embodied_agent.records import Action
from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.families.drafts import (
    CANNOT_TELL,
    NOT_SEEN,
    Draft,
    Maker,
    Reader,
    Reading,
    Rng,
    ids,
    named,
    naming_of,
    pick,
    prefixed,
    the_one,
)
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import Facts

#: More actions than this between two keyframes are not asked about.
_MOST_ACTIONS = 2


def first_glimpse(standpoint: Standpoint, name: str) -> int:
    """The first view with a trace of a thing."""
    return next(i for i in range(standpoint.now + 1) if name in standpoint.glimpsed(i))


def first_seen(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """When, or where, did you first see the sofa?"""
    return _sighting(standpoint, rng, first=True)


def last_seen(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """When, or where, did you last see the sofa?"""
    return _sighting(standpoint, rng, first=False)


def _sighting(standpoint: Standpoint, rng: Rng, *, first: bool) -> Draft | None:
    if not standpoint.known:
        return None
    name = pick(rng, standpoint.known)
    views = standpoint.sightings[name]
    if first:
        at = views[0]
        span = range(first_glimpse(standpoint, name), at + 1)
    else:
        at = views[-1]
        span = range(at, standpoint.now + 1)
        span = range(at, max(i for i in span if name in standpoint.glimpsed(i)) + 1)
    called = naming_of(rng, standpoint, name)
    where = rng.random() < 0.5
    form = f"{'first' if first else 'last'}_{'where' if where else 'when'}"
    facts = Facts(
        asked=("directions",) if where else ("keyframes",),
        directions=frozenset().union(*(standpoint.directions(name, i) for i in span)),
        directions_now=standpoint.directions(name, standpoint.now),
        keyframes=ids(standpoint, span),
    )
    return Draft(form, called.slots, facts, called.about, (name,))


def _read_sighting(standpoint: Standpoint, about: Mapping[str, Any], which: int) -> Reading | None:
    name = the_one(standpoint, about)
    if name is None:
        return NOT_SEEN
    at = standpoint.noted_at(name)[which]
    mention = standpoint.mention(name, at)
    assert mention is not None
    claim = Claim(keyframes=ids(standpoint, [at]), directions=(frozenset([mention.direction]),))
    return Reading(claim, (at,))


def read_first(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The first delta that names it."""
    return _read_sighting(standpoint, about, 0)


def read_last(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The latest delta that names it."""
    return _read_sighting(standpoint, about, -1)


def order(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """Which came first? Did you see the sofa before the lamp?"""
    names = [str(n) for n in rng.permutation(list(standpoint.known))]
    apart: list[str] = []
    for name in names:
        if all(_clearly_apart(standpoint, name, other) for other in apart):
            apart.append(name)
    form = pick(rng, ("order_first", "order_first", "order_yes", "order_list"))
    count = 3 if form == "order_list" else 2
    if len(apart) < count:
        return None
    chosen = apart[:count]
    ranked = sorted(chosen, key=lambda n: standpoint.sightings[n][0])
    slots: dict[str, str] = {}
    about: dict[str, Any] = {}
    for number, name in enumerate(chosen):
        called = naming_of(rng, standpoint, name)
        slots |= {("name", "other", "third")[number]: called.words}
        about |= prefixed(called.about, f"{number}_")
    facts = {
        "order_first": Facts(asked=("names",), names=frozenset(ranked[:1]), enough=1),
        "order_yes": Facts(asked=("yes",), yes=ranked[0] == chosen[0], order=tuple(ranked)),
        "order_list": Facts(asked=("order",), order=tuple(ranked)),
    }[form]
    return Draft(form, slots, facts, about, tuple(chosen))


def _clearly_apart(standpoint: Standpoint, one: str, other: str) -> bool:
    """Whether one was seen before there was a trace of the other."""
    first, second = sorted((one, other), key=lambda n: standpoint.sightings[n][0])
    return standpoint.sightings[first][0] < first_glimpse(standpoint, second)


def read_order(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The order in which the notes first name them."""
    prefixes = [f"{n}_" for n in range(3) if f"{n}_kind" in about]
    matches = [the_one(standpoint, about, prefix) for prefix in prefixes]
    names = [name for name in matches if name is not None]
    if len(names) < len(prefixes):
        return NOT_SEEN
    first = {name: standpoint.noted_at(name)[0] for name in names}
    if len(set(first.values())) < len(first):
        return CANNOT_TELL
    ranked = sorted(names, key=lambda n: first[n])
    claim = Claim(
        yes=ranked[0] == names[0] if len(names) == 2 else None,
        names=named(ranked[:1]) if len(names) == 2 else (),
        order=named_in_order(ranked),
    )
    return Reading(claim, tuple(sorted(first.values())))


def named_in_order(names: list[str]) -> tuple[frozenset[str], ...]:
    """A claim of an order."""
    return tuple(frozenset([name]) for name in names)


def before_after(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What did you do just before, or right after, you first saw the sofa? What came next?"""
    if not standpoint.known:
        return None
    name = pick(rng, standpoint.known)
    at = standpoint.sightings[name][0]
    if first_glimpse(standpoint, name) != at:
        return None
    called = naming_of(rng, standpoint, name)
    form = pick(rng, ("did_before", "did_after", "see_next"))
    if form == "see_next":
        return _see_next(standpoint, name, called.slots, called.about)
    at += form == "did_after"
    if not 1 <= at <= standpoint.now:
        return None
    actions = actions_between(standpoint, at)
    if actions is None:
        return None
    return Draft(
        form, called.slots, Facts(asked=("actions",), actions=actions), called.about, (name,)
    )


def actions_between(standpoint: Standpoint, index: int) -> frozenset[Action] | None:
    """What the camera did between the view before and this one; ``None`` where that is too much
    for a short answer."""
    before, view = standpoint.journey.views[index - 1], standpoint.journey.views[index]
    first = before.step + 1 if before.at_end else max(before.step, 0)
    actions = frozenset(s.action for s in standpoint.journey.steps[first : view.step + 1])
    return actions if 1 <= len(actions) <= _MOST_ACTIONS else None


def _see_next(
    standpoint: Standpoint, name: str, slots: Mapping[str, str], about: Mapping[str, Any]
) -> Draft | None:
    first = standpoint.sightings[name][0]
    earlier = frozenset().union(*(standpoint.glimpsed(i) for i in range(first + 1)))
    for index in range(first + 1, standpoint.now + 1):
        fresh = standpoint.seen(index) - earlier
        if fresh:
            also = (standpoint.glimpsed(index) - earlier) | {name}
            facts = Facts(asked=("names",), names=fresh, enough=1, also=also)
            return Draft("see_next", slots, facts, about, (name,))
        if standpoint.glimpsed(index) - earlier:
            return None
    return None


def read_did(standpoint: Standpoint, about: Mapping[str, Any], later: int) -> Reading | None:
    """The action of the first delta that names it, or of the one after."""
    name = the_one(standpoint, about)
    if name is None:
        return NOT_SEEN
    at = standpoint.noted_at(name)[0] + later
    action = standpoint.deltas[at].action if at <= standpoint.now else None
    if action is None:
        return CANNOT_TELL
    return Reading(Claim(actions=frozenset([action])), (at,))


def read_see_next(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The names that the next delta with new names has."""
    name = the_one(standpoint, about)
    if name is None:
        return NOT_SEEN
    first = standpoint.noted_at(name)[0]
    known = set().union(*(standpoint.noted(i) for i in range(first + 1)))
    for index in range(first + 1, standpoint.now + 1):
        fresh = standpoint.noted(index) - known
        if fresh:
            return Reading(Claim(names=named(fresh)), (first, index))
    return CANNOT_TELL


MAKERS: dict[str, Maker] = {
    "first_seen": first_seen,
    "last_seen": last_seen,
    "order": order,
    "before_after": before_after,
}
READERS: dict[str, Reader] = {
    "first_when": read_first,
    "first_where": read_first,
    "last_when": read_last,
    "last_where": read_last,
    "order_first": read_order,
    "order_yes": read_order,
    "order_list": read_order,
    "did_before": lambda standpoint, about: read_did(standpoint, about, 0),
    "did_after": lambda standpoint, about: read_did(standpoint, about, 1),
    "see_next": read_see_next,
}
