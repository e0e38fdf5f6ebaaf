"""Which objects should have been in view and were not.

An object should be in view where it is well inside the picture, not further away than it was ever
seen from, and its line of sight is known to be free: it was seen along about the same line before,
or something behind it is seen at its place in the picture now. What was not mentioned and lies
behind something that was, is hidden; how far up and down a thing hides others, its box tells. Walls
are not mentioned, so an object that was never seen along about the same line is not expected. Where
the keyframe has a depth picture, that decides (`sight`): what is hidden, or where something still
stands, is not missed, and a place that the camera sees past is known to be free.

That a part of an object should be in the picture, seen from about a side that it was seen from
before, tells less ("in part"): enough for one of whose name another has turned up elsewhere.

Out of scope: what follows from it (`moving`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from embodied_agent.objects.geometry import Floats
from embodied_agent.objects.rays import Camera
from embodied_agent.objects.sight import Sight, hidden_part, overlaps, sight_to
from embodied_agent.objects.track import Track
from embodied_agent.optics import point_at
from embodied_agent.records import Box, Depth

#: How sure it is that an object is missing: it was seen along this very line before, or something
#: behind it is seen now; it was seen along about this line; a part of it should be in the
#: picture.
Missing = Literal["surely", "likely", "in part"]
#: How far inside the picture the middle of an object must be, in parts of its width and height.
_MARGINS = (0.06, 0.02)
#: Its direction must be known to this part of its distance.
_KNOWN = 0.3
#: How often an object must have been seen before it can be missed.
_SEEN = 2
#: Nearer than this, objects may be below the picture, in metres.
_NEAREST_M = 0.3
#: Half of the width and height of objects that no box shows, in radians.
_USUAL = 0.1
#: An object may be hidden where this part of its half is covered.
_COVERED = 0.3
#: Free line of sight: seen before along a line that is this close, in parts of the distance and in
#: metres; and at most this much nearer.
_ASIDE, _ASIDE_M, _NEARER = 0.12, 0.15, 0.15
#: The same line of sight: this close, in parts of the distance and in metres.
_SAME, _SAME_M = 0.02, 0.05
#: For objects of which a part should be in the picture: about the same side, as lines this far
#: apart, in parts of the distance; seen from this part of the distance on; this part of its width
#: and height in the picture; and at most this much of that behind something.
_SIDE, _SIDE_FAR, _SIDE_PART, _SIDE_HIDDEN = 0.5, 1.25, 0.25, 0.5


@dataclass(frozen=True, eq=False)
class Shown:
    """An object that a keyframe shows, and where in the picture; ``box`` is ``None`` where nobody
    says."""

    track: Track
    box: Box | None


@dataclass(frozen=True, eq=False)
class View:
    """Where a camera was, and what it saw; with its depth picture, if it has one."""

    camera: Camera
    seen: Sequence[Shown]
    depth: Depth | None = None


@dataclass(frozen=True, slots=True)
class _Seen:
    """An object that is in view: where in the picture, and from which distance on it surely is
    there (metres)."""

    track: Track
    box: Box
    nearest: float


@dataclass(frozen=True, slots=True)
class _Expected:
    """Where the middle of an object should be in the picture: the part of it that must not be
    covered, its distance, and the standard deviation of that (metres)."""

    box: Box
    distance: float
    depth: float


def overlooked(view: View, tracks: Iterable[Track]) -> Iterator[tuple[Track, Missing]]:
    """Those of ``tracks`` that should have been seen and were not, in their order, with how sure
    that is."""
    shown = {one.track.id for one in view.seen}
    others = [_seen(view.camera, one) for one in view.seen if one.track.estimate is not None]
    for track in list(tracks):
        if track.id in shown or track.estimate is None or track.seen < _SEEN:
            continue
        distance = math.dist(track.estimate.position, view.camera.origin)
        if distance > _SIDE_FAR * track.longest_m or distance < _NEAREST_M:
            continue  # most of a large map ends here
        sure = None
        if distance <= track.longest_m:
            sure = _is_missing(view, track, distance, others)
        if sure is not None:
            yield track, "surely" if sure else "likely"
        elif _is_missing_in_part(view, track, distance, others):
            yield track, "in part"


def _is_missing(view: View, track: Track, distance: float, others: Sequence[_Seen]) -> bool | None:
    """Whether it is sure that the object is missing; ``None`` where it need not be seen."""
    camera = view.camera
    expected = _expected(camera, track, distance)
    if expected is None:
        return None
    beside = _beside(expected, track, others)
    sight = _sight(view, expected, track, others)
    if sight in ("hidden", "filled"):
        return None
    if sight == "free":
        return bool(beside) or _seen_along(track, camera, distance, _SAME, _SAME_M)
    if any(one.nearest < distance + expected.depth for one in beside):
        return None  # it may be hidden
    if beside or _seen_along(track, camera, distance, _SAME, _SAME_M):
        return True
    return False if _seen_along(track, camera, distance, _ASIDE, _ASIDE_M) else None


def _sight(view: View, expected: _Expected, track: Track, others: Sequence[_Seen]) -> Sight:
    """What depth says of the object's place. That something is there or before it does not count
    where that may be something else that is seen: boxes tell how that hides it."""
    if view.depth is None:
        return "unknown"
    half_m = track.width_m / 2 if track.width_m > 0 else _USUAL * expected.distance
    place = expected.box, expected.distance, half_m, expected.depth
    sight = sight_to(view.depth, view.camera.lens, *place)
    if sight != "free" and any(overlaps(one.box, expected.box) for one in others):
        return "unknown"
    return sight


def _is_missing_in_part(view: View, track: Track, distance: float, others: Sequence[_Seen]) -> bool:
    """Whether a part of the object is probably in the picture, and is not seen."""
    camera = view.camera
    expected = _expected_part(camera, track, distance)
    if expected is None or _sight(view, expected, track, others) in ("hidden", "filled"):
        return False
    beside = _beside(expected, track, others)
    nearer = [one.box for one in beside if one.nearest < distance]
    if hidden_part(expected.box, nearer) > _SIDE_HIDDEN:
        return False
    return len(beside) > len(nearer) or _seen_along(
        track, camera, distance, _SIDE, _ASIDE_M, _SIDE_FAR - 1
    )


def _beside(expected: _Expected, track: Track, others: Sequence[_Seen]) -> list[_Seen]:
    """What is seen at the object's place in the picture and does not stand at its place."""
    return [
        one
        for one in others
        if overlaps(one.box, expected.box) and not _replaces(one.track, track, expected.distance)
    ]


def _seen(camera: Camera, one: Shown) -> _Seen:
    track = one.track
    assert track.estimate is not None
    distance = math.dist(track.estimate.position, camera.origin)
    nearest = distance - 2 * _spread(track)
    if one.box is not None:
        return _Seen(track, one.box, nearest)
    bearing, rise = _direction(camera, track)
    point = point_at(camera.lens, math.degrees(bearing), math.degrees(rise)) or (0.5, 0.5)
    half = camera.lens.fx * _USUAL / camera.lens.width
    return _Seen(track, Box(point[0] - half, 0.0, point[0] + half, 1.0), nearest)


def _expected(camera: Camera, track: Track, distance: float) -> _Expected | None:
    """``None`` where its middle need not be in the picture."""
    place = _place(camera, track, distance)
    if place is None:
        return None
    (x, y), aside, depth = place
    if not all(margin <= part <= 1 - margin for margin, part in zip(_MARGINS, (x, y), strict=True)):
        return None
    across, up = _halves(camera, track, distance)
    doubt, lens = 0.5 * aside / distance, camera.lens
    across = lens.fx * (doubt + _COVERED * across) / lens.width
    up = lens.fy * (doubt + _COVERED * up) / lens.height
    return _Expected(Box(x - across, y - up, x + across, y + up), distance, depth)


def _expected_part(camera: Camera, track: Track, distance: float) -> _Expected | None:
    """What of it should be in the picture; ``None`` where that may be little."""
    place = _place(camera, track, distance)
    if place is None:
        return None
    (x, y), aside, depth = place
    wide, high = _halves(camera, track, distance)
    lens = camera.lens
    doubt = lens.fx * aside / distance / lens.width
    across, up = lens.fx * wide / lens.width, lens.fy * high / lens.height
    part = Box(max(x - across, 0.0), max(y - up, 0.0), min(x + across, 1.0), min(y + up, 1.0))
    if part.right - part.left - doubt < _SIDE_PART * across * 2:
        return None
    if part.bottom - part.top < _SIDE_PART * up * 2:
        return None
    return _Expected(part, distance, depth)


def _place(
    camera: Camera, track: Track, distance: float
) -> tuple[tuple[float, float], float, float] | None:
    """Where the middle of an object is in the picture, or beside it, and the standard deviations
    across and along its line of sight (metres); ``None`` where it is behind or not known well
    enough."""
    bearing, rise = _direction(camera, track)
    point = point_at(camera.lens, math.degrees(bearing), math.degrees(rise))
    if point is None:
        return None
    aside, depth = _uncertainty(track, camera)
    return None if aside > _KNOWN * distance else (point, aside, depth)


def _halves(camera: Camera, track: Track, distance: float) -> tuple[float, float]:
    """Half of the angles that an object spans across and upward, in radians; as high as wide where
    its height is not known."""
    wide = _half(track.width_m, distance)
    height = math.nan if track.estimate is None else math.exp(track.estimate.log_height)
    return wide, _half(height, distance) if height > 0 else wide


def _half(size_m: float, distance: float) -> float:
    """Half of the angle that something of this size spans from this distance, in radians."""
    return min(math.atan2(size_m / 2, distance), 0.5) if size_m > 0 else _USUAL


def _uncertainty(track: Track, camera: Camera) -> tuple[float, float]:
    """Standard deviations of its position across the line of sight, in the least certain direction,
    and along it, in metres."""
    assert track.estimate is not None
    covariance = track.covariance
    offset = track.estimate.position - camera.origin
    along: Floats = offset / max(float(np.linalg.norm(offset)), 1e-6)
    depth = math.sqrt(max(float(along @ covariance @ along), 0.0))
    across = np.eye(3) - np.outer(along, along)
    aside = float(np.linalg.eigvalsh(across @ covariance @ across)[-1])
    return math.sqrt(max(aside, 0.0)), depth


def _spread(track: Track) -> float:
    return math.sqrt(float(np.linalg.eigvalsh(track.covariance)[-1]))


def _replaces(other: Track, track: Track, distance: float) -> bool:
    """Whether another thing stands where ``track`` was, which therefore is not there."""
    if other.name.group == track.name.group and not other.name.colors:
        return False
    assert other.estimate is not None
    assert track.estimate is not None
    if _spread(other) > _KNOWN * distance:
        return False
    apart = float(np.linalg.norm((other.estimate.position - track.estimate.position)[:2]))
    return apart < _spread(track) + _spread(other)


def _direction(camera: Camera, track: Track) -> tuple[float, float]:
    """Bearing and elevation in the camera's frame, in radians."""
    assert track.estimate is not None
    ahead, left, up = camera.turn.T @ (track.estimate.position - camera.origin)
    return math.atan2(left, ahead), math.atan2(up, math.hypot(ahead, left))


def _seen_along(
    track: Track,
    camera: Camera,
    distance: float,
    aside: float,
    aside_m: float,
    nearer: float = _NEARER,
) -> bool:
    """Whether the object was seen along about this line, from here or further away; lines may be
    ``aside`` apart, in parts of the distance, and ``aside_m`` metres."""
    assert track.estimate is not None
    place = track.estimate.position
    outward = (camera.origin - place) / distance
    for ray in track.rays:
        offset = np.array(ray.origin) - place
        far = float(offset @ outward)
        if far < (1 - nearer) * distance - _ASIDE_M:
            continue
        # How far apart the lines are where the camera is.
        apart = float(np.linalg.norm(offset - far * outward)) * min(1.0, distance / far)
        if apart <= aside * distance + aside_m:
            return True
    return False
