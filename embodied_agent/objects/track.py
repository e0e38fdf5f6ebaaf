"""One object while it is followed: its rays, its position, when it was seen and missed.

A track keeps a bounded number of rays, those from the most different places. What it knows can be
written as a `SeenObject` and a few more values (`Track.state`), and read back exactly.

Out of scope: which mention belongs to which track (`assignment`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from embodied_agent.object_records import Measured, ObjectPlace, SeenObject, Vector
from embodied_agent.objects.geometry import (
    TRIANGULATED,
    Estimate,
    Floats,
    Ray,
    Usual,
    estimate,
)
from embodied_agent.objects.naming import Name, name_of

#: Rays, evidence and former places that a track keeps.
MAX_RAYS, MAX_EVIDENCE, MAX_PLACES = 16, 32, 8
#: Chance that an object which is there is missed so often in a row that it is taken for gone.
_BY_CHANCE = 0.05
#: Rays share errors that don't average out (the pose's drift, an object's size): standard deviation
#: in metres, in parts of the distance, and of the object's width.
_SHARED_M, _SHARED, _SHARED_WIDTH = 0.05, 0.02, 0.12
#: Places that are this close, in parts of the distance, have about the same line of sight.
_NEAR = 0.12


@dataclass(eq=False)
class Track:
    """An object within its session.

    ``name`` is what perceivers call it, by which it is recognised; ``label`` what a person does.
    ``longest_m`` is the greatest distance that it was seen from. ``hits`` and ``misses`` count how
    often it was seen and missed where it should have been in view; ``missed_from`` are the places
    that it was missed from since it was last seen. ``doubted`` says that a part of it should have
    been in view since then. ``apart`` are the ids of objects that a person said are others.
    """

    id: int
    session: int
    frame_id: str
    measured: Measured
    name: Name
    first_seen_ns: int
    last_seen_ns: int
    seen: int = 0
    rays: list[Ray] = field(default_factory=list)
    estimate: Estimate | None = None
    evidence: list[int] = field(default_factory=list)
    missed_in: list[int] = field(default_factory=list)
    missed_since_ns: int | None = None
    gone_since_ns: int | None = None
    longest_m: float = 0.0
    hits: int = 0
    misses: int = 0
    missed_from: list[Vector] = field(default_factory=list)
    doubted: bool = False
    places: list[ObjectPlace] = field(default_factory=list)
    since_ns: int = 0  # at its present place
    label: str = ""
    note: str = ""
    apart: set[int] = field(default_factory=set)

    @property
    def triangulated(self) -> bool:
        """Whether directions alone tell how far away it is."""
        return (
            self.estimate is not None
            and self.estimate.by_directions < TRIANGULATED
            and self.estimate.misfit < 3.0
        )

    def see(self, keyframe_id: int, stamp_ns: int, ray: Ray | None) -> None:
        """A keyframe shows it, in the direction of ``ray`` where the camera's place is known."""
        if not self.evidence or self.evidence[-1] != keyframe_id:
            self.seen += 1
            self.evidence = [*self.evidence, keyframe_id][-MAX_EVIDENCE:]
        self.last_seen_ns = max(self.last_seen_ns, stamp_ns)
        self.missed_in, self.missed_since_ns, self.gone_since_ns = [], None, None
        self.missed_from, self.doubted = [], False
        if ray is not None:
            self.rays.append(ray)

    def settle(self, usual: Usual | None = None) -> None:
        """Compute the position from the rays, and drop those that add least."""
        if not self.rays:
            self.estimate = None
            return
        before = None if self.estimate is None else self.estimate.position
        self.estimate = estimate(self.rays, usual, start=before)
        while len(self.rays) > MAX_RAYS:
            del self.rays[_most_redundant(self.rays, self.estimate.position)]
        distances = np.linalg.norm(
            self.estimate.position - np.array([ray.origin for ray in self.rays]), axis=1
        )
        self.longest_m = max(self.longest_m, float(distances.max()))

    @property
    def covariance(self) -> Floats:
        """The covariance of the position with the errors that all rays share."""
        assert self.estimate is not None
        origin = np.array(self.rays[-1].origin) if self.rays else self.estimate.position
        distance = float(np.linalg.norm(self.estimate.position - origin))
        shared = math.hypot(_SHARED_M, _SHARED * distance, _SHARED_WIDTH * self.width_m)
        return self.estimate.covariance + shared**2 * np.eye(3)

    @property
    def extent_m(self) -> float:
        """Its width or height as far as boxes tell, whichever is greater; 0 where they don't."""
        height = math.nan if self.estimate is None else self.estimate.log_height
        return max(self.width_m, math.exp(height) if math.isfinite(height) else 0.0)

    @property
    def width_m(self) -> float:
        """The greatest width that a box shows; 0 where none does."""
        if self.estimate is None:
            return 0.0
        widths = [
            min(ray.width_rad, 1.0) * math.dist(self.estimate.position, ray.origin)
            for ray in self.rays
            if math.isfinite(ray.width_rad)
        ]
        return max(widths, default=0.0)

    @property
    def keyframes(self) -> set[int]:
        """Keyframes that are known to show it."""
        return {*self.evidence, *(ray.keyframe_id for ray in self.rays)}

    def misses_needed(self, least: int) -> int:
        """After how many misses in a row it is gone: more than ``least`` where it was missed before
        and turned out to be there."""
        earlier = self.misses - len(self.missed_in)
        shown = (self.hits + 1) / (self.hits + max(earlier, 0) + 1.5)
        return max(least, math.ceil(math.log(_BY_CHANCE) / math.log(1 - shown)))

    def miss(self, keyframe_id: int, stamp_ns: int, origin: Vector, *, sure: bool) -> bool:
        """A keyframe that was taken from ``origin`` (metres) should have shown it and did not;
        whether that counts. Where it is not ``sure``, something that nobody mentions may hide it,
        and would do so from everywhere near: the first such keyframe counts alone."""
        assert self.estimate is not None
        near_m = _NEAR * math.dist(origin, self.estimate.position)
        if not sure and any(math.dist(origin, place) < near_m for place in self.missed_from):
            return False
        self.missed_from = [*self.missed_from, origin][-MAX_EVIDENCE:]
        self.misses += 1
        if self.missed_since_ns is None:
            self.missed_since_ns = stamp_ns
        self.missed_in = [*self.missed_in, keyframe_id][-MAX_EVIDENCE:]
        return True

    def record(self) -> SeenObject:
        """The object as others see it."""
        shown = name_of(self.label) if self.label else self.name
        position = covariance = None
        if self.estimate is not None:
            x, y, z = (float(value) for value in self.estimate.position)
            position = x, y, z
            covariance = tuple(float(value) for value in self.covariance.ravel())
        return SeenObject(
            id=self.id,
            name=shown.text,
            color=shown.color,
            kind=shown.kind,
            session=self.session,
            frame_id=self.frame_id,
            position_m=position,
            covariance_m2=covariance,
            measured=self.measured,
            first_seen_ns=self.first_seen_ns,
            last_seen_ns=self.last_seen_ns,
            seen=self.seen,
            missed=len(self.missed_in),
            gone_since_ns=self.gone_since_ns,
            evidence=tuple(self.evidence),
            label=self.label,
            missed_in=tuple(self.missed_in),
            places=tuple(self.places),
            note=self.note,
        )

    def state(self) -> dict[str, Any]:
        """What `restore` needs beside the record, as JSON values."""
        return {
            "name": self.name.text,
            "rays": [[ray.keyframe_id, ray.rank] for ray in self.rays],
            "covariance": None
            if self.estimate is None
            else [float(value) for value in self.estimate.covariance.ravel()],
            "fit": None
            if self.estimate is None
            else [self.estimate.misfit, self.estimate.by_directions, self.estimate.log_height],
            "missed_since_ns": self.missed_since_ns,
            "longest_m": self.longest_m,
            "hits": self.hits,
            "misses": self.misses,
            "missed_from": self.missed_from,
            "doubted": self.doubted,
            "since_ns": self.since_ns,
            "apart": sorted(self.apart),
        }


def join(track: Track, other: Track) -> None:
    """Make what is known of ``other`` part of ``track``; positions stay to be computed."""
    shared = track.keyframes & other.keyframes
    track.seen += other.seen - len(shared)
    track.rays = [*track.rays, *other.rays]
    track.evidence = sorted({*track.evidence, *other.evidence})[-MAX_EVIDENCE:]
    track.first_seen_ns = min(track.first_seen_ns, other.first_seen_ns)
    if other.last_seen_ns >= track.last_seen_ns:
        track.last_seen_ns = other.last_seen_ns
        track.missed_in, track.missed_since_ns = other.missed_in, other.missed_since_ns
        track.missed_from, track.doubted = other.missed_from, other.doubted
        track.gone_since_ns = other.gone_since_ns
    track.longest_m = max(track.longest_m, other.longest_m)
    track.hits, track.misses = track.hits + other.hits, track.misses + other.misses
    if not track.name.colors and other.name.colors:
        track.name = other.name
    track.label, track.note = track.label or other.label, track.note or other.note
    track.apart |= other.apart
    track.places = sorted([*track.places, *other.places], key=lambda p: p.last_seen_ns)[
        -MAX_PLACES:
    ]


def restore(record: SeenObject, state: dict[str, Any], rays: Iterable[Ray]) -> Track:
    """The track of a record.

    Args:
        record: as `Track.record` gave it.
        state: as `Track.state` gave it.
        rays: those that the state names; others are ignored.

    Raises:
        KeyError, TypeError, ValueError: the state is not one.
    """
    known = {(ray.keyframe_id, ray.rank): ray for ray in rays}
    kept = [known[number, rank] for number, rank in state["rays"] if (number, rank) in known]
    found = None
    if record.position_m is not None and state["covariance"] is not None:
        covariance = np.array(state["covariance"], np.float64).reshape(3, 3)
        found = Estimate(np.array(record.position_m), covariance, *map(float, state["fit"]))
    return Track(
        id=record.id,
        session=record.session,
        frame_id=record.frame_id,
        measured=record.measured,
        name=name_of(str(state["name"])),
        first_seen_ns=record.first_seen_ns,
        last_seen_ns=record.last_seen_ns,
        seen=record.seen,
        rays=kept,
        estimate=found,
        evidence=list(record.evidence),
        missed_in=list(record.missed_in),
        missed_since_ns=state["missed_since_ns"],
        gone_since_ns=record.gone_since_ns,
        longest_m=float(state["longest_m"]),
        hits=int(state["hits"]),
        misses=int(state["misses"]),
        missed_from=[(float(x), float(y), float(z)) for x, y, z in state.get("missed_from", ())],
        doubted=bool(state.get("doubted", False)),
        places=list(record.places),
        since_ns=int(state["since_ns"]),
        label=record.label,
        note=record.note,
        apart=set(state["apart"]),
    )


def _most_redundant(rays: list[Ray], position: Floats) -> int:
    """Index of the older one of the two rays that look at ``position`` from the most similar
    place."""
    offsets = np.array([ray.origin for ray in rays]) - position
    units = offsets / np.maximum(np.linalg.norm(offsets, axis=1), 1e-6)[:, None]
    apart = np.linalg.norm(units[:, None] - units[None], axis=2)
    # Of rays from one place, a distance in log tells more.
    lengths = np.log(np.maximum(np.linalg.norm(offsets, axis=1), 1e-6))
    apart += 0.3 * np.abs(lengths[:, None] - lengths[None])
    apart[np.tril_indices(len(rays))] = np.inf
    return int(np.argmin(apart) // len(rays))
