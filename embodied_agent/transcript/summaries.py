"""Summaries of old stretches of a memory: which things were seen where, when and how often.

A summary holds stretches. Where the camera's pose is known, a stretch is all the time spent at one
place, a cell of a grid on the map; without poses it is a span of consecutive keyframes. Of each
thing it keeps how many keyframes show it, and its first and last sighting as evidence.

Summaries are pure functions of the entries: folding the same entries, or merging the summaries of
the same parts, gives the same summary, on any machine.

Out of scope: the lines that a reasoner reads (`summary_text`), storing (`embodied_agent.memory`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

from embodied_agent.records import Delta, Direction, Distance

#: Most stretches and things that a summary holds. Beyond, places become coarser, and the things
#: seen least often are left out.
MAX_STRETCHES, MAX_THINGS = 64, 2048
#: Places are not made larger than this, in metres.
WIDEST_M = 1e6
#: How far the lowest cells reach below the origin, in metres: the ground is never exactly at zero.
_BELOW_M = 1.0
#: Fewest things that a stretch keeps, if it has as many.
_LEAST_THINGS = 32

Cell = tuple[int, int, int]
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Entry:
    """A delta with what the memory knows of its keyframe. ``frame_id`` is that of the pose, and
    ``position_m`` is ``None`` without one."""

    segment: int
    stamp_ns: int
    delta: Delta
    frame_id: str = ""
    position_m: Vector | None = None


class Seen(NamedTuple):
    """Where a thing was at a keyframe, relative to the camera's heading."""

    keyframe_id: int
    direction: Direction
    distance: Distance | None = None


class SummarisedThing(NamedTuple):
    """The things of one name. ``keyframes`` counts those that show one, and ``at_once`` is the
    largest number of its mentions in one keyframe."""

    name: str
    keyframes: int
    at_once: int
    first: Seen
    last: Seen

    @property
    def key(self) -> str:
        """By what names are compared."""
        return name_key(self.name)


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was seen at one place, or in a span of keyframes, of one segment.

    The place is ``cell`` of a grid of ``size_m`` metres in ``frame_id``; ``None`` without poses.
    ``position_sum_m`` is the sum of its keyframes' positions. ``things`` are in the order of their
    first sightings; ``complete`` is False if some are left out.
    """

    segment: int
    first_id: int
    last_id: int
    first_ns: int
    last_ns: int
    keyframes: int
    frame_id: str = ""
    cell: Cell | None = None
    size_m: float = 0.0
    position_sum_m: Vector = (0.0, 0.0, 0.0)
    things: tuple[SummarisedThing, ...] = ()
    complete: bool = True

    @property
    def position_m(self) -> Vector | None:
        """The middle of where its keyframes were taken, in metres; ``None`` without poses."""
        if self.cell is None:
            return None
        x, y, z = (value / self.keyframes for value in self.position_sum_m)
        return x, y, z


@dataclass(frozen=True, slots=True)
class Summary:
    """Stretches in the order of their first keyframes."""

    stretches: tuple[Stretch, ...] = ()


class _Key(NamedTuple):
    segment: int
    frame_id: str
    cell: Cell | None
    size_m: float


def summarise(entries: Iterable[Entry], place_m: float) -> Summary:
    """The summary of entries in keyframe order, with places of ``place_m`` metres."""
    return _bounded(_joined([_stretch_of(entry, place_m) for entry in entries], _key))


def merge(summaries: Iterable[Summary]) -> Summary:
    """One summary of consecutive parts, in their order. Without poses, all of a segment becomes one
    stretch."""
    return _bounded(_joined(_leveled([one for part in summaries for one in part.stretches]), _key))


def compose(summaries: Iterable[Summary]) -> list[Stretch]:
    """The stretches of consecutive parts: each place once, and spans without poses unchanged."""
    stretches = _leveled([one for part in summaries for one in part.stretches])

    def key(stretch: Stretch) -> object:
        return _key(stretch) if stretch.cell is not None else stretch.first_id

    return _joined(stretches, key)


def coarser(stretches: list[Stretch]) -> list[Stretch]:
    """The same in fewer stretches: places of twice the size, and spans joined in pairs within their
    segment. Unchanged if nothing can be joined."""
    placed = [_widened(one, 2 * one.size_m) for one in stretches if one.cell is not None]
    spans: list[Stretch] = []
    alone = False  # whether the last span can still be joined with another
    for one in (one for one in stretches if one.cell is None):
        if alone and spans[-1].segment == one.segment:
            spans[-1] = _join(spans[-1], one)
            alone = False
        else:
            spans.append(one)
            alone = True
    return sorted([*_joined(placed, _key), *spans], key=lambda one: one.first_id)


def without(summary: Summary, is_forgotten: Callable[[Seen, str], bool]) -> Summary:
    """The summary without sightings for which ``is_forgotten`` is true; it is called with each and
    the key of its thing. A thing with one sighting left counts as seen once."""

    def left(thing: SummarisedThing) -> SummarisedThing | None:
        kept = [seen for seen in (thing.first, thing.last) if not is_forgotten(seen, thing.key)]
        if len(kept) == 2:
            return thing
        return thing._replace(keyframes=1, at_once=1, first=kept[0], last=kept[0]) if kept else None

    return Summary(
        tuple(
            replace(one, things=tuple(thing for each in one.things if (thing := left(each))))
            for one in summary.stretches
        )
    )


def name_key(name: str) -> str:
    """By what names are compared: neither case nor spaces count."""
    return " ".join(name.casefold().split())


def cell_of(position_m: Vector, size_m: float) -> Cell | None:
    """The cell that a position lies in; ``None`` if the position is not finite. Cells of twice the
    size consist of whole smaller ones."""
    if not all(map(math.isfinite, position_m)):
        return None
    x, y, z = position_m
    height = z + _BELOW_M
    return math.floor(x / size_m), math.floor(y / size_m), math.floor(height / size_m)


def _stretch_of(entry: Entry, place_m: float) -> Stretch:
    delta, stamp = entry.delta, entry.stamp_ns
    things: dict[str, SummarisedThing] = {}
    for mention in delta.mentions:
        seen = Seen(delta.keyframe_id, mention.direction, mention.distance)
        thing = SummarisedThing(mention.name, 1, 1, seen, seen)
        known = things.get(thing.key)
        things[thing.key] = thing if known is None else known._replace(at_once=known.at_once + 1)
    cell = None if entry.position_m is None else cell_of(entry.position_m, place_m)
    return Stretch(
        segment=entry.segment,
        first_id=delta.keyframe_id,
        last_id=delta.keyframe_id,
        first_ns=stamp,
        last_ns=stamp,
        keyframes=1,
        frame_id="" if cell is None else entry.frame_id,
        cell=cell,
        size_m=0.0 if cell is None else place_m,
        position_sum_m=(0.0, 0.0, 0.0)
        if cell is None or entry.position_m is None
        else entry.position_m,
        things=tuple(things.values()),
    )


def _key(stretch: Stretch) -> _Key:
    return _Key(stretch.segment, stretch.frame_id, stretch.cell, stretch.size_m)


def _joined(stretches: Iterable[Stretch], key: Callable[[Stretch], object]) -> list[Stretch]:
    """Stretches of the same key joined, in the order of their first keyframes."""
    joined: dict[object, Stretch] = {}
    for one in stretches:
        known = joined.get(key(one))
        joined[key(one)] = one if known is None else _join(known, one)
    return sorted(joined.values(), key=lambda one: one.first_id)


def _join(one: Stretch, other: Stretch) -> Stretch:
    first, last = min(one, other, key=_begins), max(one, other, key=_ends)
    things = {thing.key: thing for thing in one.things}
    for thing in other.things:
        known = things.get(thing.key)
        if known is None:
            things[thing.key] = thing
            continue
        things[thing.key] = SummarisedThing(
            min(known, thing, key=lambda each: each.first.keyframe_id).name,
            known.keyframes + thing.keyframes,
            max(known.at_once, thing.at_once),
            min(known.first, thing.first, key=lambda seen: seen.keyframe_id),
            max(known.last, thing.last, key=lambda seen: seen.keyframe_id),
        )
    x, y, z = (a + b for a, b in zip(one.position_sum_m, other.position_sum_m, strict=True))
    return replace(
        one,
        first_id=first.first_id,
        first_ns=first.first_ns,
        last_id=last.last_id,
        last_ns=last.last_ns,
        keyframes=one.keyframes + other.keyframes,
        position_sum_m=(x, y, z),
        things=tuple(sorted(things.values(), key=lambda each: each.first.keyframe_id)),
        complete=one.complete and other.complete,
    )


def _begins(stretch: Stretch) -> int:
    return stretch.first_id


def _ends(stretch: Stretch) -> int:
    return stretch.last_id


def _widened(stretch: Stretch, size_m: float) -> Stretch:
    """The stretch in a coarser grid, whose cells consist of whole cells of its own."""
    times = round(size_m / stretch.size_m)
    assert stretch.cell is not None
    x, y, z = (index // times for index in stretch.cell)
    return replace(stretch, cell=(x, y, z), size_m=size_m)


def _leveled(stretches: list[Stretch]) -> list[Stretch]:
    """The stretches with places of one size per segment and frame, if larger cells consist of whole
    smaller ones."""
    largest: dict[tuple[int, str], float] = {}
    for one in stretches:
        where = one.segment, one.frame_id
        largest[where] = max(largest.get(where, 0.0), one.size_m)

    def fitted(stretch: Stretch) -> Stretch:
        size_m = largest[stretch.segment, stretch.frame_id]
        if stretch.cell is None or not math.log2(size_m / stretch.size_m).is_integer():
            return stretch
        return _widened(stretch, size_m)

    return [fitted(one) for one in stretches]


def _bounded(stretches: list[Stretch]) -> Summary:
    """A summary of bounded size."""
    while len(stretches) > MAX_STRETCHES:
        fewer = coarser(stretches)
        if len(fewer) == len(stretches) and all(
            one.cell is None or one.size_m > WIDEST_M for one in fewer
        ):
            break  # so many segments
        stretches = fewer
    most = max(_LEAST_THINGS, MAX_THINGS // max(1, len(stretches)))
    return Summary(tuple(_cut(one, most) for one in stretches))


def most_seen(stretch: Stretch) -> list[SummarisedThing]:
    """The things of a stretch: those that most keyframes show first, then the last seen."""
    return sorted(stretch.things, key=lambda one: (-one.keyframes, -one.last.keyframe_id, one.key))


def _cut(stretch: Stretch, most: int) -> Stretch:
    if len(stretch.things) <= most:
        return stretch
    kept = {thing.key for thing in most_seen(stretch)[:most]}
    things = tuple(thing for thing in stretch.things if thing.key in kept)
    return replace(stretch, things=things, complete=False)
