"""Which mention of a keyframe is which known object, and which two objects are one.

Each mention is assigned to at most one object and the other way round, so that two red chairs in
one picture are two. What can't be any known object is a new one.

Out of scope: where an object is (`geometry`), objects that have moved (`moving`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.optimize import linear_sum_assignment  # type: ignore[import-untyped]

from embodied_agent.objects.geometry import NEAREST_M, Ray, estimate, innovations
from embodied_agent.objects.naming import Name, called_otherwise, difference
from embodied_agent.objects.track import Track
from embodied_agent.objects.tracks import Step, Tracks
from embodied_agent.settings.objects import ObjectSettings

#: Cost of a pair that can't be.
_NEVER = 1e6
#: Two objects of one name are one where both fit one position with at most this misfit.
_AGREES = 3.0
#: An object that was missed is not where it was if it looks so much smaller or larger than there.
_SMALLER, _LARGER = 0.5, 1.4
#: Objects of one name that a mention or an object is compared with closely, at most.
_MOST_COMPARED = 4


def assign(
    names: list[Name], rays: list[Ray], tracks: Tracks, settings: ObjectSettings
) -> list[Track | None]:
    """The known object of each mention; ``None`` for a new one."""
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        groups.setdefault(name.group, []).append(index)
    chosen: list[Track | None] = [None] * len(names)
    for indexes in groups.values():
        known = [one for one in tracks.of_group(names[indexes[0]]) if one.estimate is not None]
        if known:
            _assign_group(indexes, names, rays, known, chosen, tracks, settings.gate**2)
    return chosen


def _assign_group(
    indexes: list[int],
    names: list[Name],
    rays: list[Ray],
    known: list[Track],
    chosen: list[Track | None],
    tracks: Tracks,
    limit: float,
) -> None:
    positions = np.array([track.estimate.position for track in known if track.estimate])
    covariances = np.array([track.covariance for track in known])
    costs = np.full((len(indexes), len(known)), _NEVER)
    fits = np.zeros((len(indexes), len(known)), bool)
    for row, index in enumerate(indexes):
        squared, volumes = innovations(positions, covariances, rays[index])
        for column, track in enumerate(known):
            apart = difference(names[index], track.name)
            if apart is None or not _may_still_be_there(track, rays[index]):
                continue
            if squared[column] + apart <= limit:
                fits[row, column] = True
                noise = 2 * math.log(rays[index].across_rad * rays[index].up_rad)
                costs[row, column] = squared[column] + apart + volumes[column] - noise
    free = set(range(len(known)))
    for row, at in zip(*linear_sum_assignment(costs), strict=True):
        if fits[row, at]:
            chosen[indexes[row]] = known[at]
            free.discard(int(at))
    for index in indexes:
        if chosen[index] is None and free:
            again = _refitted(names[index], rays[index], known, free, positions, tracks)
            if again is not None:
                chosen[index] = known[again]
                free.discard(again)


def _may_still_be_there(track: Track, ray: Ray) -> bool:
    """Whether an object that was missed may be back at its place, judging by how large it looks:
    what hides a part of it makes it smaller, but not larger."""
    if not track.missed_in or track.estimate is None:
        return True
    distance = max(math.dist(track.estimate.position, ray.origin), NEAREST_M)
    height_m = math.exp(track.estimate.log_height)
    ratios = [
        angle * distance / size_m
        for angle, size_m in ((ray.width_rad, track.width_m), (ray.height_rad, height_m))
        if angle > 0 and size_m > 0
    ]
    return not ratios or _SMALLER <= max(ratios) <= _LARGER


def _refitted(
    name: Name, ray: Ray, known: list[Track], free: set[int], positions: Any, tracks: Tracks
) -> int | None:
    """The object whose rays all agree with ``ray`` at another position than now: one that was
    seen from too few places to be where it was thought to be."""
    offsets = np.linalg.norm(positions - np.array(ray.origin), axis=1)
    best: tuple[float, int] | None = None
    for column in sorted(free, key=lambda column: float(offsets[column]))[:_MOST_COMPARED]:
        track = known[column]
        if difference(name, track.name) is None or track.estimate is None:
            continue
        if track.triangulated or called_otherwise(name, track.name):
            continue  # its place is known, or it is not this
        if not _may_still_be_there(track, ray):
            continue
        fit = estimate([*track.rays, ray], tracks.usual(track))
        if fit.misfit <= _AGREES and (best is None or fit.misfit < best[0]):
            best = fit.misfit, column
    return None if best is None else best[1]


def join_alike(tracks: Tracks, step: Step, settings: ObjectSettings) -> None:
    """Join objects of one name that turn out to be in one place."""
    for number in sorted(step.touched):
        track = tracks.by_id.get(number)
        if track is None or track.estimate is None:
            continue
        for other in _alike(track, tracks, settings.gate**2):
            fit = estimate([*track.rays, *other.rays], tracks.usual(track))
            if fit.misfit > _AGREES:
                continue
            older, newer = sorted((track, other), key=lambda one: one.id)
            if not all(_may_still_be_there(older, ray) for ray in newer.rays):
                continue
            tracks.absorb(older, newer, step)
            older.rays.sort(key=lambda ray: (ray.keyframe_id, ray.rank))
            tracks.settle(older)
            break


def _alike(track: Track, tracks: Tracks, limit: float) -> list[Track]:
    """Objects that may be ``track``: of its name, close to it, never seen beside it. Where the
    names tell different things, the places of both have to be known."""
    assert track.estimate is not None
    others = []
    for other in tracks.of_group(track.name):
        if other is track or other.estimate is None:
            continue
        if difference(track.name, other.name) is None or other.id in track.apart:
            continue
        if track.keyframes & other.keyframes:
            continue
        known = track.triangulated and other.triangulated
        if called_otherwise(track.name, other.name) and not known:
            continue
        offset = other.estimate.position - track.estimate.position
        spread = track.covariance + other.covariance
        squared = float(offset @ np.linalg.solve(spread, offset))
        if squared <= limit:
            others.append((squared, other.id, other))
    return [other for _, _, other in sorted(others, key=lambda item: item[:2])][:_MOST_COMPARED]
