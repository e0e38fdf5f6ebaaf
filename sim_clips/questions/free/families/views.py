"""What a view shows, what was seen together, and everything that was seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.families.drafts import (
    CANNOT_TELL,
    NOT_SEEN,
    Draft,
    Maker,
    Reader,
    Reading,
    Rng,
    enough_of,
    ids,
    named,
    naming_of,
    pick,
    prefixed,
    the_one,
)
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import Facts

#: How often a keyframe is asked about that does not exist yet.
_NO_SUCH_KEYFRAME_SHARE = 0.2
_NUMBER_WORDS = ("zero", "one", "two", "three", "four", "five")


def _view_facts(standpoint: Standpoint, index: int) -> Facts:
    names = standpoint.seen(index)
    return Facts(
        asked=("names",),
        names=names,
        enough=enough_of(len(names)),
        also=standpoint.glimpsed(index),
        nothing=not names,
    )


def _read_view(standpoint: Standpoint, index: int) -> Reading:
    names = standpoint.noted(index)
    return Reading(Claim(names=named(names), nothing=not names), (index,))


def in_view(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What is in view now?"""
    return Draft("in_view", facts=_view_facts(standpoint, standpoint.now))


def at_start(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What was in view at the start?"""
    return Draft("at_start", facts=_view_facts(standpoint, 0))


def at_keyframe(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What did keyframe 7 show?"""
    if rng.random() < _NO_SUCH_KEYFRAME_SHARE:
        number = standpoint.id(standpoint.now) + int(rng.integers(5, 40))
        return Draft(
            "at_keyframe",
            {"n": str(number)},
            Facts(),
            {"number": number},
            accepted={"cannot_tell": "not_seen"},
        )
    index = int(rng.integers(standpoint.now + 1))
    number = standpoint.id(index)
    return Draft(
        "at_keyframe", {"n": str(number)}, _view_facts(standpoint, index), {"number": number}
    )


def read_keyframe(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """What the keyframe's delta names, if there is one."""
    index = next(
        (i for i, d in enumerate(standpoint.notes) if d.keyframe_id == about["number"]), None
    )
    return CANNOT_TELL if index is None else _read_view(standpoint, index)


def together(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What was in view together with the sofa? Were the sofa and the lamp ever in view at once?"""
    if len(standpoint.known) < 2:
        return None
    if rng.random() < 0.4:
        return _ever_together(standpoint, rng)
    name = pick(rng, standpoint.known)
    views = standpoint.sightings[name]
    names = frozenset().union(*(standpoint.seen(i) for i in views)) - {name}
    traced = [i for i in range(standpoint.now + 1) if name in standpoint.glimpsed(i)]
    also = frozenset().union(*(standpoint.glimpsed(i) for i in traced)) | {name}
    called = naming_of(rng, standpoint, name)
    facts = Facts(
        asked=("names",),
        names=names,
        enough=min(2, len(names)),
        also=also,
        nothing=not names,
        keyframes=ids(standpoint, traced),
    )
    return Draft("together", called.slots, facts, called.about, (name,))


def _ever_together(standpoint: Standpoint, rng: Rng) -> Draft | None:
    one, other = (str(n) for n in rng.permutation(list(standpoint.known))[:2])
    at_once = [i for i in range(standpoint.now + 1) if {one, other} <= standpoint.seen(i)]
    maybe = [i for i in range(standpoint.now + 1) if {one, other} <= standpoint.glimpsed(i)]
    if maybe and not at_once:
        return None
    first, second = naming_of(rng, standpoint, one), naming_of(rng, standpoint, other)
    facts = Facts(asked=("yes",), yes=bool(at_once), keyframes=ids(standpoint, maybe))
    return Draft(
        "ever_together",
        {"name": first.words, "other": second.words},
        facts,
        {**prefixed(first.about, "0_"), **prefixed(second.about, "1_")},
        (one, other),
    )


def read_together(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """All names beside it, in any delta."""
    name = the_one(standpoint, about)
    if name is None:
        return NOT_SEEN
    views = standpoint.noted_at(name)
    names = frozenset().union(*(standpoint.noted(i) for i in views)) - {name}
    return Reading(Claim(names=named(names), nothing=not names), tuple(views))


def read_ever_together(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Whether one delta names both."""
    one, other = the_one(standpoint, about, "0_"), the_one(standpoint, about, "1_")
    if one is None or other is None:
        return NOT_SEEN
    both = sorted(set(standpoint.noted_at(one)) & set(standpoint.noted_at(other)))
    last = (standpoint.noted_at(one)[-1], standpoint.noted_at(other)[-1])
    keyframes = ids(standpoint, both[-1:])
    return Reading(Claim(yes=bool(both), keyframes=keyframes), tuple(both[-1:]) or last)


def inventory(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What have you seen? Name three things that you saw."""
    names = frozenset(standpoint.sightings)
    if len(names) < 2:
        return None
    some = len(names) >= 3 and rng.random() < 0.3
    count = int(rng.integers(2, min(len(names), 5) + 1)) if some else len(names)
    needed = count if some else max(2, -(-2 * count // 3))
    facts = Facts(asked=("names",), names=names, enough=needed, also=standpoint.traces)
    if some:
        return Draft("name_some", {"n": _NUMBER_WORDS[count]}, facts, {"count": count})
    return Draft("inventory", facts=facts)


def read_inventory(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Every name, or as many as are wanted."""
    names = list(dict.fromkeys(m.name for delta in standpoint.notes for m in delta.mentions))
    if not names:
        return NOT_SEEN
    chosen = names[: about.get("count", len(names))]
    evidence = tuple(sorted({standpoint.noted_at(name)[0] for name in chosen}))
    return Reading(Claim(names=named(chosen)), evidence)


MAKERS: dict[str, Maker] = {
    "in_view": in_view,
    "at_start": at_start,
    "at_keyframe": at_keyframe,
    "together": together,
    "inventory": inventory,
}
READERS: dict[str, Reader] = {
    "in_view": lambda standpoint, about: _read_view(standpoint, standpoint.now),
    "at_start": lambda standpoint, about: _read_view(standpoint, 0),
    "at_keyframe": read_keyframe,
    "together": read_together,
    "ever_together": read_ever_together,
    "inventory": read_inventory,
    "name_some": read_inventory,
}
