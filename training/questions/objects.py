"""Draft questions about objects from a recording's own notes and poses, for people to review.

Nothing but the perceiver says what was seen, so these are drafts: each names the keyframes that it
rests on, and `python -m training.review` shows their pictures. A thing is asked about only if it
was noted in at least two keyframes whose directions (and measured distances) agree on where it is:
positions are sampled all over what the first notes allow, and those that the other notes rule out
are dropped. Two things of one name leave no position, and are left out. A question is drafted only
if what is left of the positions settles it.

Out of scope: questions that need no perceiver (`training.questions.odometry`).
"""

from __future__ import annotations

import itertools
import math
import string
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embodied_agent.records import DIRECTIONS, Delta, Keyframe, Mention
from embodied_agent.transcript.text import mention_text
from sim_clips.journey import bearing, direction_class
from sim_clips.questions import NOT_TOLD
from training.questions.base import Asked
from training.questions.odometry import Place, place_of

Points = npt.NDArray[np.float64]
Rng = np.random.Generator

#: A thing has to be noted in so many keyframes.
LEAST_SIGHTINGS = 2
#: Half the width of a noted direction, stretched, and of a measured bearing, in degrees.
_SECTOR_DEG, _MEASURED_DEG = 22.5 + 12.0, 10.0
#: How far away a thing may be, in metres, unless that was measured: what "near" means depends on
#: the place (a room, a city) and on the perceiver, so words for distances are not relied on.
_REACH_M = (0.3, 150.0)
#: A measured range may be wrong by this factor.
_RANGE_FACTOR = 1.4
#: The answer holds at this share of the positions that are left, wrong ones at the other at most.
_SETTLED, _RULED_OUT = 0.9, 0.02
_AZIMUTHS, _DISTANCES = 33, 40


@dataclass(frozen=True, slots=True)
class Sighting:
    """A mention of a thing, and where the body was."""

    keyframe_id: int
    stamp_ns: int
    place: Place
    mention: Mention

    def evidence(self) -> dict[str, Any]:
        """What a person needs to check it."""
        return {
            "keyframe": self.keyframe_id,
            "stamp_ns": self.stamp_ns,
            "said": mention_text(self.mention),
        }


def sightings_of(
    deltas: Mapping[int, Delta], keyframes: Sequence[Keyframe]
) -> dict[str, list[Sighting]]:
    """The sightings of each name in keyframes with a pose; names that one keyframe has twice are
    left out."""
    by_name: dict[str, list[Sighting]] = defaultdict(list)
    ambiguous: set[str] = set()
    for keyframe in keyframes:
        delta = deltas.get(keyframe.id)
        if delta is None or keyframe.pose is None:
            continue
        counts = Counter(mention.name for mention in delta.mentions)
        ambiguous |= {name for name, count in counts.items() if count > 1}
        place = place_of(keyframe.stamp_ns, keyframe.pose)
        for mention in delta.mentions:
            by_name[mention.name].append(Sighting(keyframe.id, keyframe.stamp_ns, place, mention))
    return {name: found for name, found in by_name.items() if name not in ambiguous}


def positions(found: Sequence[Sighting]) -> Points:
    """Positions (n, 2), in metres, that agree with all sightings; empty if there are none."""
    points = np.concatenate([_allowed(sighting) for sighting in found[:3]])
    for sighting in found:
        points = points[_agrees(points, sighting)]
    return points


def _limits(mention: Mention) -> tuple[float, float, float, float]:
    """Middle and half width of the azimuths that a mention allows (degrees), and its ranges (m)."""
    if mention.bearing_deg is not None:
        middle, half = mention.bearing_deg, _MEASURED_DEG
    else:
        middle, half = _MIDDLES[mention.direction], _SECTOR_DEG
    if mention.range_m is not None:
        return middle, half, mention.range_m / _RANGE_FACTOR, mention.range_m * _RANGE_FACTOR
    return middle, half, *_REACH_M


#: Middles of the directions' sectors, in degrees to the left.
_MIDDLES = {
    name: next(a for a in range(-180, 180, 45) if direction_class(float(a)) == name)
    for name in DIRECTIONS
}


def _allowed(sighting: Sighting) -> Points:
    middle, half, least, most = _limits(sighting.mention)
    azimuths = np.radians(sighting.place.yaw_deg + middle + np.linspace(-half, half, _AZIMUTHS))
    reaches = np.geomspace(least, most, _DISTANCES)
    x = sighting.place.x + np.outer(np.cos(azimuths), reaches).ravel()
    y = sighting.place.y + np.outer(np.sin(azimuths), reaches).ravel()
    return np.stack((x, y), 1)


def _agrees(points: Points, sighting: Sighting) -> npt.NDArray[np.bool_]:
    middle, half, least, most = _limits(sighting.mention)
    dx, dy = points[:, 0] - sighting.place.x, points[:, 1] - sighting.place.y
    azimuths = np.degrees(np.arctan2(dy, dx)) - sighting.place.yaw_deg - middle
    off = np.abs((azimuths + 180) % 360 - 180)
    reaches = np.hypot(dx, dy)
    slack = 1e-6
    return (off <= half + slack) & (reaches >= least - slack) & (reaches <= most + slack)


def object_questions(
    deltas: Mapping[int, Delta],
    keyframes: Sequence[Keyframe],
    rng: Rng,
    *,
    per_type: int = 4,
    scene: str = "",
) -> tuple[list[Asked], Counter[str]]:
    """Drafts about one segment, in time order, and what was left out, by reason.

    Args:
        deltas: by keyframe id.
        keyframes: of the segment, in time order.
        rng: the same state gives the same drafts.
        per_type: most drafts of each type.
        scene: prefix of the ids.
    """
    skipped: Counter[str] = Counter()
    drafts: list[Asked] = []
    posed = [k for k in keyframes if k.pose is not None]
    for kind, make in (("object_direction", _direction), ("nearer_object", _nearer),
                       ("seen_first", _first), ("not_told", _untold)):  # fmt: skip
        made = 0
        for index in rng.permutation(len(posed)):
            if made == per_type:
                break
            now = posed[int(index)]
            known = [k for k in posed if k.id <= now.id]
            draft = make(_Memory(deltas, known, skipped), rng)
            if draft is None:
                continue
            text, truth, wrong, evidence = draft
            choices = [str(choice) for choice in rng.permutation([truth, *wrong])]
            made += 1
            drafts.append(
                Asked(
                    id=f"{scene}_{kind}_{now.stamp_ns}",
                    category=kind,
                    kind="choice",
                    question=text,
                    choices=tuple(choices),
                    answer=string.ascii_uppercase[choices.index(truth)],
                    at_ns=now.stamp_ns,
                    about={"drafted": True, "evidence": evidence},
                )
            )
    return sorted(drafts, key=lambda d: (d.at_ns or 0, d.category)), skipped


class _Memory:
    """What is known at a moment: things that were noted often enough, and where they may be."""

    def __init__(
        self, deltas: Mapping[int, Delta], known: Sequence[Keyframe], skipped: Counter[str]
    ) -> None:
        self.now = place_of(known[-1].stamp_ns, known[-1].pose)  # type: ignore[arg-type]
        self.all = sightings_of(deltas, known)
        self.things: dict[str, tuple[list[Sighting], Points]] = {}
        for name, found in self.all.items():
            if len(found) < LEAST_SIGHTINGS:
                continue
            points = positions(found)
            if len(points):
                self.things[name] = (found, points)
            else:
                skipped[f"{name}: its directions contradict each other"] += 1

    def directions(self, points: Points) -> Counter[str]:
        return Counter(
            direction_class(bearing(x - self.now.x, y - self.now.y, self.now.yaw_deg)[0])
            for x, y in points
        )

    def reaches(self, points: Points) -> tuple[float, float]:
        metres = np.hypot(points[:, 0] - self.now.x, points[:, 1] - self.now.y)
        return float(np.percentile(metres, 5)), float(np.percentile(metres, 95))


_Draft = tuple[str, str, list[str], list[dict[str, Any]]]


def _evidence(*found: Sequence[Sighting]) -> list[dict[str, Any]]:
    return [s.evidence() for part in found for s in (part[0], part[-1])]


def _pick(rng: Rng, names: Sequence[str], count: int) -> list[str]:
    return [names[int(i)] for i in rng.permutation(len(names))[:count]]


def _direction(memory: _Memory, rng: Rng) -> _Draft | None:
    for name in _pick(rng, sorted(memory.things), len(memory.things)):
        found, points = memory.things[name]
        shares = memory.directions(points)
        truth, count = shares.most_common(1)[0]
        if count < _SETTLED * len(points):
            continue
        wrong = [d for d in DIRECTIONS if shares[d] <= _RULED_OUT * len(points) and d != truth]
        if len(wrong) >= 3:
            text = f"In which direction, seen from you now, is the {name}?"
            return text, truth, [*_pick(rng, wrong, 2), NOT_TOLD], _evidence(found)
    return None


def _nearer(memory: _Memory, rng: Rng) -> _Draft | None:
    for one, other in itertools.combinations(_pick(rng, sorted(memory.things), 6), 2):
        (near_low, near_high), (far_low, far_high) = (
            memory.reaches(memory.things[name][1]) for name in (one, other)
        )
        if near_high < far_low:
            truth, wrong = one, other
        elif far_high < near_low:
            truth, wrong = other, one
        else:
            continue
        evidence = _evidence(memory.things[one][0], memory.things[other][0])
        first, second = _pick(rng, [one, other], 2)
        text = f"Which is nearer to you now, the {first} or the {second}?"
        return text, truth, [wrong, NOT_TOLD], evidence
    return None


def _first(memory: _Memory, rng: Rng) -> _Draft | None:
    names = _pick(rng, sorted(memory.things), 3)
    began = {name: memory.things[name][0][0].keyframe_id for name in names}
    if len(names) < 3 or len(set(began.values())) < 3:
        return None
    truth = min(names, key=began.__getitem__)
    evidence = [memory.things[name][0][0].evidence() for name in names]
    text = "Which of these did you notice first?"
    return text, truth, [name for name in names if name != truth], evidence


def _untold(memory: _Memory, rng: Rng) -> _Draft | None:
    """A direction that the notes leave open, because the thing was noted once, long ago."""
    for name in _pick(rng, sorted(memory.all), len(memory.all)):
        found = memory.all[name]
        points = positions(found)
        if (
            len(found) > 1
            or not len(points)
            or math.dist((found[-1].place.x, found[-1].place.y), (memory.now.x, memory.now.y)) < 1.0
        ):
            continue
        shares = memory.directions(points)
        if shares.most_common(1)[0][1] <= 0.5 * len(points):
            options = [d for d, count in shares.most_common(3) if count]
            if len(options) == 3:
                text = f"In which direction, seen from you now, is the {name}?"
                return text, NOT_TOLD, options[:2], _evidence(found)
    return None
