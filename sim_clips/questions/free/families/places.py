"""Where things are from here, how far, which is nearer, and how to get to them or back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embodied_agent.records import DISTANCES
from sim_clips.journey import bearing, distance_class
from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.clouds import Cloud, agreement, cloud_of, cloud_of_start
from sim_clips.questions.free.families.drafts import (
    CANNOT_TELL,
    NOT_SEEN,
    Draft,
    Maker,
    Reader,
    Reading,
    Rng,
    named,
    naming_of,
    pick,
    prefixed,
    the_one,
)
from sim_clips.questions.free.standpoint import Standpoint, near_directions
from sim_clips.questions.free.truth import Facts
from sim_clips.scene import DISTANCE_LIMITS_M

#: Azimuths of what lies on a side, from the first to the second, counted to the left.
SIDES: dict[str, tuple[float, float]] = {
    "front": (-70.0, 70.0),
    "left": (20.0, 160.0),
    "back": (110.0, 250.0),
    "right": (-160.0, -20.0),
}
#: Words for a side that "you" can follow.
_SIDE_WORDS: dict[str, tuple[str, ...]] = {
    "front": ("in front of", "ahead of"),
    "left": ("on the left of", "to the left of"),
    "back": ("behind", "at the back of", "behind"),
    "right": ("on the right of", "to the right of"),
}
#: Below this share of places the notes put nothing on a side.
_NOTHING_THERE = 0.15
#: The farther of two must be at least this many times as far.
_FARTHER = 1.25
#: Shares of places up to which it is open which of two is nearer, and from which it is settled.
_COIN_TOSS, _SURE = 0.65, 0.8
#: A distance word is right too where the distance lies within this factor of its limits.
_ROUGHLY = 1.12
#: Nearer than this part of the near limit a direction means nothing.
_TOO_NEAR = 0.25
#: To get back to something it has to have been out of view for so many keyframes.
_OUT_OF_VIEW = 2


def within(azimuth_deg: float, side: str) -> bool:
    """Whether an azimuth lies on a side."""
    low, high = SIDES[side]
    return (azimuth_deg - low) % 360.0 <= high - low


def around(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """What is behind you?"""
    side = pick(rng, tuple(SIDES))
    names = frozenset(
        n for n in standpoint.sightings if within(standpoint.azimuth(n, standpoint.now), side)
    )
    doubtful = {
        n
        for n in standpoint.traces - names
        if n in standpoint.journey.objects and within(standpoint.azimuth(n, standpoint.now), side)
    }
    facts = Facts(
        asked=("names",), names=names, enough=1, also=frozenset(doubtful), nothing=not names
    )
    return Draft(
        "around",
        {"side": pick(rng, _SIDE_WORDS[side])},
        facts,
        {"side": side},
        accepted={"cannot_tell": "not_seen"},
    )


def read_around(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The names that the notes put there beyond doubt; can't tell where they put nothing there."""
    shares: dict[str, float] = {}
    since: dict[str, int] = {}
    for name in sorted(standpoint.memory):
        cloud = cloud_of(standpoint, name)
        assert cloud is not None
        shares[name], since[name] = cloud.share_between(*SIDES[about["side"]]), cloud.since
    sure = [name for name, share in shares.items() if agreement(share)]
    if sure:
        return Reading(Claim(names=named(sure)), tuple(sorted({since[n] for n in sure})))
    return CANNOT_TELL if all(s <= _NOTHING_THERE for s in shares.values()) else None


def nearer(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """Which is nearer, the sofa or the lamp?"""
    if len(standpoint.known) < 2:
        return None
    pair = [str(n) for n in rng.permutation(list(standpoint.known))[:2]]
    near, far = sorted(pair, key=lambda n: standpoint.metres(n, standpoint.now))
    if standpoint.metres(far, standpoint.now) < _FARTHER * standpoint.metres(near, standpoint.now):
        return None
    one, other = (naming_of(rng, standpoint, name) for name in pair)
    return Draft(
        "nearer",
        {"name": one.words, "other": other.words},
        Facts(asked=("names",), names=frozenset([near]), enough=1),
        {**prefixed(one.about, "0_"), **prefixed(other.about, "1_")},
        tuple(pair),
    )


def read_nearer(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """Whichever the notes leave nearer by now."""
    names = [the_one(standpoint, about, prefix) for prefix in ("0_", "1_")]
    clouds = [cloud_of(standpoint, name) if name else None for name in names]
    one, other = clouds
    if one is None or other is None:
        return NOT_SEEN
    share = float((one.metres < other.metres).mean())
    if _COIN_TOSS < max(share, 1 - share) < _SURE:
        return None
    if max(share, 1 - share) <= _COIN_TOSS:
        return CANNOT_TELL
    near = names[0] if share > 0.5 else names[1]
    assert near is not None
    return Reading(Claim(names=named([near])), tuple(sorted({one.since, other.since})))


def how_far(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """How far away is the sofa: near, mid or far?"""
    if not standpoint.known:
        return None
    name = pick(rng, standpoint.known)
    metres = standpoint.metres(name, standpoint.now)
    world = standpoint.journey.world
    distances = frozenset(
        distance_class(world, metres * factor) for factor in (1 / _ROUGHLY, 1.0, _ROUGHLY)
    )
    if len(distances) > 2:
        return None
    called = naming_of(rng, standpoint, name)
    facts = Facts(asked=("distances",), distances=distances)
    return Draft("how_far", called.slots, facts, called.about, (name,))


def read_how_far(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The distance word of the present view, or the one that most places have by now."""
    name = the_one(standpoint, about)
    if name is None:
        return NOT_SEEN
    mention = standpoint.mention(name, standpoint.now)
    if mention is not None:
        if mention.distance is None:
            return CANNOT_TELL
        return Reading(Claim(distances=frozenset([mention.distance])), (standpoint.now,))
    cloud = cloud_of(standpoint, name)
    assert cloud is not None
    near, far = DISTANCE_LIMITS_M[standpoint.journey.world]
    shares = {
        "near": float((cloud.metres < near * _ROUGHLY).mean()),
        "mid": float(((cloud.metres > near / _ROUGHLY) & (cloud.metres < far * _ROUGHLY)).mean()),
        "far": float((cloud.metres > far / _ROUGHLY).mean()),
    }
    best = max(DISTANCES, key=lambda d: shares[d])
    settled = agreement(shares[best])
    if settled is None:
        return None
    if not settled:
        return CANNOT_TELL
    return Reading(Claim(distances=frozenset([best])), (cloud.since,))


def which_way(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """Which way is the sofa? Could you point me to it?"""
    return _towards(standpoint, rng, "which_way", standpoint.known)


def way_back(standpoint: Standpoint, rng: Rng) -> Draft | None:
    """How do I get back to the sofa, or to where we started?"""
    if rng.random() < 0.25:
        pose, start = standpoint.journey.views[standpoint.now].pose, standpoint.views[0].pose
        azimuth, metres = bearing(start.x - pose.x, start.y - pose.y, pose.yaw_deg)
        if metres < _least_m(standpoint):
            return None
        facts = Facts(asked=("directions",), directions=near_directions(azimuth))
        return Draft("way_start", facts=facts)
    gone = [
        n
        for n in standpoint.known
        if standpoint.sightings[n][-1] <= standpoint.now - _OUT_OF_VIEW
        and n not in standpoint.glimpsed(standpoint.now)
    ]
    return _towards(standpoint, rng, "way_back", gone)


def _towards(
    standpoint: Standpoint, rng: Rng, form: str, names: tuple[str, ...] | list[str]
) -> Draft | None:
    if not names:
        return None
    name = pick(rng, names)
    if standpoint.metres(name, standpoint.now) < _least_m(standpoint):
        return None
    called = naming_of(rng, standpoint, name)
    facts = Facts(asked=("directions",), directions=standpoint.directions(name, standpoint.now))
    return Draft(form, called.slots, facts, called.about, (name,))


def _least_m(standpoint: Standpoint) -> float:
    return _TOO_NEAR * DISTANCE_LIMITS_M[standpoint.journey.world][0]


def read_towards(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The direction in which the notes leave it by now."""
    name = the_one(standpoint, about)
    cloud = cloud_of(standpoint, name) if name else None
    return NOT_SEEN if cloud is None else _read_cloud(cloud)


def read_way_start(standpoint: Standpoint, about: Mapping[str, Any]) -> Reading | None:
    """The direction in which the notes leave the start."""
    return _read_cloud(cloud_of_start(standpoint))


def _read_cloud(cloud: Cloud) -> Reading | None:
    direction, share = cloud.best()
    settled = agreement(share)
    if settled is None:
        return None
    if not settled:
        return CANNOT_TELL
    return Reading(Claim(directions=(frozenset([direction]),)), (cloud.since,))


MAKERS: dict[str, Maker] = {
    "around": around,
    "nearer": nearer,
    "how_far": how_far,
    "which_way": which_way,
    "way_back": way_back,
}
READERS: dict[str, Reader] = {
    "around": read_around,
    "nearer": read_nearer,
    "how_far": read_how_far,
    "which_way": read_towards,
    "way_back": read_towards,
    "way_start": read_way_start,
}
