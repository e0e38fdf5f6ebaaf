"""The camera's motion between two views, a turn or a travel, from matched points without a plane.

A turn rotates all bearings alike, at any depth. A travel moves each point away from the point that
the camera heads for, by an amount that depends on its depth. Cameras on robots mostly do one at a
time, so both models are fitted robustly and the better one is chosen; if neither explains the
matches, a general motion is fitted. Travel has no metric scale.

Out of scope: naming the action (`egomotion`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from embodied_agent.keyframes.arrays import Array, cross, lengths, median
from embodied_agent.keyframes.egomotion import nearest_rotation, rotation_by

#: Points fit a model if they are within this many pixels of it, in the reduced image.
_FIT_PX = 2.0
#: Minimal samples of two points tried per model. If half the matches are wrong, about a quarter of
#: the samples are still good.
_SAMPLES = 48
#: A simpler motion is preferred if it explains this share of the points that a richer one does. A
#: turn that explains this share of all matches needs no comparison with a general motion.
_PARSIMONY, _CLEAR_SHARE = 0.8, 0.7
#: Weight per point of the prior "no further rotation", relative to squared bearing errors: for a
#: travel, which hardly turns, and for a motion that may do both.
_TURN_PRIOR, _FREE_PRIOR = 0.05, 0.001
#: A step of Gauss-Newton below this ends it: of the rotation in radians, of the direction alike.
_SETTLED = 1e-5
#: Below this median flow, in pixels, the camera is at rest.
STILL_PX = 1.2
_MIN_POINTS = 8


@dataclass(frozen=True, eq=False)
class TwoView:
    """Motion between two views, in the earlier camera's axes (x right, y down, z ahead).

    ``rotation`` (3, 3) maps the current axes to the earlier ones; ``travel`` (3,) is the position
    of the current camera, in units of the scene's median depth. ``flow_px`` is the median motion of
    the points, in pixels. ``support`` in [0, 1] is the share of matches that the motion explains.
    """

    kind: Literal["still", "turn", "travel", "both"]
    rotation: Array
    travel: Array
    flow_px: float
    support: float


def two_view(earlier: Array, now: Array, camera: Array) -> TwoView | None:
    """The motion from matched pixels (n, 2) and a pinhole matrix (3, 3).

    ``None`` if there are too few matches or no motion explains enough of them.
    """
    if len(earlier) < _MIN_POINTS:
        return None
    flow_px = median(np.hypot(*(now - earlier).T))
    if flow_px < STILL_PX:
        return TwoView("still", np.eye(3), np.zeros(3), flow_px, 1.0)
    first, second = bearings(earlier, camera), bearings(now, camera)
    fit = _FIT_PX / float(camera[0, 0])
    rng = np.random.default_rng(0)  # the same frames always give the same result
    turn, turn_fits = _fit_rotation(first, second, fit, rng)
    count, turned = len(earlier), int(np.count_nonzero(turn_fits))
    # A model that explains this many can't lose to one that explains all.
    certain = max(_PARSIMONY * count, _MIN_POINTS)
    if turned >= certain:
        return TwoView("turn", turn, np.zeros(3), flow_px, turned / count)
    travel = _fit_general(first, second, np.eye(3), fit, _TURN_PRIOR, rng)
    travelled = int(np.count_nonzero(travel.fits))
    if turned >= _PARSIMONY * travelled and turned >= _CLEAR_SHARE * count:
        return TwoView("turn", turn, np.zeros(3), flow_px, turned / count)
    kind: Literal["travel", "both"] = "travel"
    best = travel
    if travelled < certain or turned >= _PARSIMONY * travelled:
        both = _fit_general(first, second, turn, fit, _FREE_PRIOR, rng)
        most = max(turned, travelled, int(np.count_nonzero(both.fits)))
        if most < _MIN_POINTS:
            return None
        if turned >= _PARSIMONY * most:
            return TwoView("turn", turn, np.zeros(3), flow_px, turned / count)
        if travelled < _PARSIMONY * most:
            kind, best = "both", both
    length = _median_travel(first[best.fits], second[best.fits] @ best.rotation.T, best.direction)
    support = int(np.count_nonzero(best.fits)) / count
    return TwoView(kind, best.rotation, best.direction * length, flow_px, support)


@dataclass(frozen=True, eq=False)
class _General:
    """A rotation, the direction of a travel, and which points fit both."""

    rotation: Array
    direction: Array
    fits: npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Bearings (n, 3) of points in two views, and what every model of a travel needs of them.

    ``cross`` (n, 3) is first × second, ``moved`` (n, 3) second - first, ``opened`` (n,) first ·
    moved.
    """

    first: Array
    second: Array
    cross: Array
    moved: Array
    opened: Array

    @classmethod
    def of(cls, first: Array, second: Array) -> _Pairs:
        moved = second - first
        return cls(first, second, cross(first, second), moved, np.einsum("nj,nj->n", first, moved))


def _fit_general(
    first: Array,
    second: Array,
    rotation: Array,
    fit: float,
    prior: float,
    rng: np.random.Generator,
) -> _General:
    """Fit a travel after a given rotation, then correct the rotation as far as its prior allows."""
    turned = _Pairs.of(first, second @ rotation.T)
    direction, fits = _fit_travel(turned, fit, rng)
    change, direction, fits = _refine(turned, direction, fits, fit, prior)
    return _General(change @ rotation, direction, fits)


def bearings(pixels: Array, camera: Array) -> Array:
    """The unit vectors (n, 3) towards pixels (n, 2)."""
    rays = np.empty((len(pixels), 3))
    rays[:, 0] = (pixels[:, 0] - camera[0, 2]) / camera[0, 0]
    rays[:, 1] = (pixels[:, 1] - camera[1, 2]) / camera[1, 1]
    rays[:, 2] = 1.0
    rays /= np.sqrt(np.einsum("ij,ij->i", rays, rays))[:, None]
    return rays


def _fit_rotation(
    first: Array, second: Array, fit: float, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The rotation with ``first ≈ rotation @ second`` that most points agree on."""
    pick = rng.integers(0, len(first), (_SAMPLES, 2))
    one, other = pick.T
    candidates = _frames(first.take(one, 0), first.take(other, 0)) @ _frames(
        second.take(one, 0), second.take(other, 0)
    ).transpose(0, 2, 1)
    # |a - R·b|² = 2 - 2·a·R·b for unit vectors, and a·R·b is linear in R.
    products = (first[:, :, None] * second[:, None, :]).reshape(-1, 9)
    close = candidates.reshape(-1, 9) @ products.T > 1 - (1.5 * fit) ** 2 / 2
    best = int(np.argmax(np.count_nonzero(close, axis=1)))
    rotation, inside = candidates[best], close[best]
    for _ in range(3):
        if np.count_nonzero(inside) < 3:
            break
        rotation = nearest_rotation(first[inside].T @ second[inside])
        off = second @ rotation.T - first
        again = np.einsum("ij,ij->i", off, off) < fit**2
        if np.array_equal(again, inside):
            break
        inside = again
    return rotation, inside


def _frames(a: Array, b: Array) -> Array:
    """Orthonormal axes (s, 3, 3), as columns, from pairs of bearings (s, 3)."""
    middle = a + b
    normal = cross(a, b)
    x = middle / (lengths(middle) + 1e-12)[:, None]
    z = normal / (lengths(normal) + 1e-12)[:, None]
    return np.stack([x, cross(z, x), z], axis=2)


def _fit_travel(
    pairs: _Pairs, fit: float, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The direction of a pure travel that most points agree on, sign included."""
    normals = pairs.cross
    moving = np.flatnonzero(lengths(normals) > fit / 2)
    nowhere = np.array([0.0, 0.0, 1.0]), np.zeros(len(normals), np.bool_)
    if len(moving) < 2:
        return nowhere
    pick = moving[rng.integers(0, len(moving), (_SAMPLES, 2))]
    candidates = cross(normals.take(pick[:, 0], 0), normals.take(pick[:, 1], 0))
    length = lengths(candidates)
    # The same point twice, or two parallel normals, determine no direction.
    candidates = candidates[length > 1e-9] / length[length > 1e-9, None]
    if not len(candidates):
        return nowhere
    near, along, slack = _travel_errors(pairs, candidates, fit)
    close = np.concatenate([near & (along > -slack), near & (along < slack)])
    best = int(np.argmax(np.count_nonzero(close, axis=1)))
    travel = candidates[best] if best < len(candidates) else -candidates[best - len(candidates)]
    inside = close[best]
    for _ in range(2):
        if np.count_nonzero(inside) < 3:
            break
        _, vectors = np.linalg.eigh(normals[inside].T @ normals[inside])
        refined = vectors[:, 0]
        refined = refined if refined @ travel > 0 else -refined
        again = _travel_close(pairs, refined, fit)
        if np.count_nonzero(again) < np.count_nonzero(inside):
            break
        settled = np.array_equal(again, inside)
        travel, inside = refined, again
        if settled:
            break
    return travel, inside


def _travel_errors(
    pairs: _Pairs, travels: Array, fit: float
) -> tuple[npt.NDArray[np.bool_], Array, Array]:
    """How points (columns) moved relative to the heading of each travel (rows).

    Returns:
        Whether the second bearing is near the plane through the first one and the travel; how far
        it moved away from the heading, times ``slack / fit``; and the ``slack`` of both.
    """
    ahead = travels @ pairs.first.T
    slack = fit * np.sqrt(np.maximum(1.0 - ahead * ahead, 1e-9))
    near = np.abs(travels @ pairs.cross.T) < slack
    along = ahead * pairs.opened - travels @ pairs.moved.T
    return near, along, slack


def _travel_close(pairs: _Pairs, travel: Array, fit: float) -> npt.NDArray[np.bool_]:
    """Which points move directly away from the heading of a travel (3,)."""
    near, along, slack = _travel_errors(pairs, travel, fit)
    close: npt.NDArray[np.bool_] = near & (along > -slack)
    return close


def _refine(
    pairs: _Pairs,
    travel: Array,
    inside: npt.NDArray[np.bool_],
    fit: float,
    turn_prior: float,
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Refine a small rotation and the travel's direction by Gauss–Newton over the points that
    fit."""
    rotation, turned = np.eye(3), pairs
    for _ in range(3):
        count = int(np.count_nonzero(inside))
        if count < _MIN_POINTS:
            break
        a, b, cross = turned.first[inside], turned.second[inside], turned.cross[inside]
        ahead, ahead_now = a @ travel, b @ travel
        # For unit vectors, |travel × a|² = 1 - (travel · a)².
        weight = 1.0 / (np.sqrt(np.maximum(1.0 - ahead * ahead, 0.0)) + 0.05)
        error = (cross @ travel) * weight
        side = _across(travel)
        design = np.empty((count, 5))
        # d(travel · (a × (b + w × b))) / dw = b × (travel × a) = travel (a · b) - a (b · travel)
        near = np.einsum("ij,ij->i", a, b)
        design[:, :3] = near[:, None] * travel - a * ahead_now[:, None]
        design[:, 3:] = cross @ side.T
        design *= weight[:, None]
        # A small rotation and a sideways travel look alike; the prior favours the travel.
        normal = design.T @ design
        normal[np.arange(5), np.arange(5)] += np.array([turn_prior] * 3 + [1e-6] * 2) * count
        change = np.linalg.solve(normal, -design.T @ error)
        rotation = rotation_by(change[:3]) @ rotation
        travel = travel + side.T @ change[3:]
        travel = travel / math.sqrt(travel @ travel)
        turned = _Pairs.of(pairs.first, pairs.second @ rotation.T)
        again = _travel_close(turned, travel, fit)
        # Each step squares the error, so that nothing is left after a step as small as this.
        settled = np.abs(change).max() < _SETTLED and np.array_equal(again, inside)
        inside = again
        if settled:
            break
    return rotation, travel, inside


def _across(direction: Array) -> Array:
    """Two unit vectors (2, 3) at right angles to a unit vector and to each other."""
    x, y, z = direction.tolist()
    # Duff et al., Building an Orthonormal Basis, Revisited, JCGT 6(1), 2017.
    sign = math.copysign(1.0, z)
    a = -1.0 / (sign + z)
    b = x * y * a
    return np.array(
        [[1.0 + sign * x * x * a, sign * b, -sign * x], [b, sign + y * y * a, -y]], np.float64
    )


def _median_travel(first: Array, second: Array, travel: Array) -> float:
    """The length of a travel in units of the median depth, by the sine rule."""
    if not len(first):
        return 0.0
    parallax = lengths(cross(first, second))
    opening = lengths(cross(second, travel))
    clear = opening > math.sin(math.radians(5))
    if not clear.any():
        return 0.0
    return median(parallax[clear] / opening[clear])
