"""Did the camera turn or travel between two views? Answered from matched points, not from a plane.

A turn moves every bearing by one rotation, whatever the depths. A travel moves each point away from
the point that the camera heads for, by an amount that depends on its depth. Cameras on robots
mostly do one at a time, so both models are fitted robustly and the better one is chosen; where
neither explains the matches, a general motion is fitted. Travel has no metric scale.

Out of scope: naming the action (`egomotion`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.keyframes.egomotion import nearest_rotation

Array = npt.NDArray[np.float64]

#: Points that fit a model lie within this many pixels of it (of the compared, reduced image).
_FIT_PX = 2.0
#: Minimal samples tried per model; half the matches being wrong still leaves 16 good ones.
_SAMPLES = 48
#: A simpler motion is believed where it explains this share of what a richer one does; a turn
#: that explains this share of all matches needs no comparison with a general motion.
_PARSIMONY, _CLEAR_SHARE = 0.8, 0.7
#: Weight of the prior "no further rotation" per point, against squared bearing errors: for a
#: travel, which hardly turns, and for a motion that may do both.
_TURN_PRIOR, _FREE_PRIOR = 0.05, 0.001
#: Below this median flow, in pixels, the camera rests.
STILL_PX = 1.2
_MIN_POINTS = 8


@dataclass(frozen=True, eq=False)
class TwoView:
    """Motion between two views, in the earlier camera's axes (x right, y down, z ahead).

    ``rotation`` (3, 3) turns the current axes into the earlier ones; ``travel`` (3,) is where the
    current camera stands, in units of the scene's median depth. ``flow_px`` is the median motion
    of the points. ``support`` in [0, 1] is the share of matches that the motion explains.
    """

    kind: Literal["still", "turn", "travel", "both"]
    rotation: Array
    travel: Array
    flow_px: float
    support: float


def two_view(earlier: Array, now: Array, camera: Array) -> TwoView | None:
    """The motion from matched pixels (n, 2) and a pinhole matrix (3, 3); ``None`` with too few."""
    if len(earlier) < _MIN_POINTS:
        return None
    flow_px = float(np.median(np.hypot(*(now - earlier).T)))
    if flow_px < STILL_PX:
        return TwoView("still", np.eye(3), np.zeros(3), flow_px, 1.0)
    first, second = bearings(earlier, camera), bearings(now, camera)
    fit = _FIT_PX / float(camera[0, 0])
    rng = np.random.default_rng(0)  # the same frames give the same answer, always
    turn, turn_fits = _fit_rotation(first, second, fit, rng)
    travel = _fit_general(first, second, np.eye(3), fit, _TURN_PRIOR, rng)
    turned, travelled = np.count_nonzero(turn_fits), np.count_nonzero(travel.fits)
    if turned >= _PARSIMONY * travelled and turned >= _CLEAR_SHARE * len(earlier):
        return TwoView("turn", turn, np.zeros(3), flow_px, turned / len(earlier))
    both = _fit_general(first, second, turn, fit, _FREE_PRIOR, rng)
    most = max(turned, travelled, np.count_nonzero(both.fits))
    if most < _MIN_POINTS:
        return None
    if turned >= _PARSIMONY * most:
        return TwoView("turn", turn, np.zeros(3), flow_px, turned / len(earlier))
    kind: Literal["travel", "both"] = "travel" if travelled >= _PARSIMONY * most else "both"
    best = travel if kind == "travel" else both
    length = _median_travel(first[best.fits], second[best.fits] @ best.rotation.T, best.direction)
    support = np.count_nonzero(best.fits) / len(earlier)
    return TwoView(kind, best.rotation, best.direction * length, flow_px, support)


@dataclass(frozen=True, eq=False)
class _General:
    """A rotation, the direction of a travel, and which points fit the two."""

    rotation: Array
    direction: Array
    fits: npt.NDArray[np.bool_]


def _fit_general(
    first: Array,
    second: Array,
    rotation: Array,
    fit: float,
    prior: float,
    rng: np.random.Generator,
) -> _General:
    """A travel on top of a known rotation, which is then corrected as far as its prior allows."""
    turned = second @ rotation.T
    direction, fits = _fit_travel(first, turned, fit, rng)
    change, direction, fits = _refine(first, turned, direction, fits, fit, prior)
    return _General(change @ rotation, direction, fits)


def _cross(a: Array, b: Array) -> Array:
    """Cross products along the last axis; numpy's own costs several times more for a few points."""
    ax, ay, az = a[..., 0], a[..., 1], a[..., 2]
    bx, by, bz = b[..., 0], b[..., 1], b[..., 2]
    out: Array = np.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], axis=-1)
    return out


def bearings(pixels: Array, camera: Array) -> Array:
    """Unit vectors (n, 3) towards pixels (n, 2)."""
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
    candidates = np.einsum(
        "sij,skj->sik",
        _frames(first[pick[:, 0]], first[pick[:, 1]]),
        _frames(second[pick[:, 0]], second[pick[:, 1]]),
    )
    # |a - R·b|² = 2 - 2·a·R·b for unit vectors, and a·R·b is linear in R.
    products = np.einsum("ni,nj->nij", first, second).reshape(-1, 9)
    close = candidates.reshape(-1, 9) @ products.T > 1 - (1.5 * fit) ** 2 / 2
    best = int(np.argmax(close.sum(1)))
    rotation, inside = candidates[best], close[best]
    for _ in range(3):
        if np.count_nonzero(inside) < 3:
            break
        rotation = nearest_rotation(first[inside].T @ second[inside])
        inside = ((second @ rotation.T - first) ** 2).sum(1) < fit**2
    return rotation, inside


def _frames(a: Array, b: Array) -> Array:
    """Orthonormal axes (s, 3, 3), as columns, of pairs of bearings (s, 3)."""
    middle = a + b
    normal = _cross(a, b)
    x = middle / (np.linalg.norm(middle, axis=1, keepdims=True) + 1e-12)
    z = normal / (np.linalg.norm(normal, axis=1, keepdims=True) + 1e-12)
    return np.stack([x, _cross(z, x), z], axis=2)


def _fit_travel(
    first: Array, second: Array, fit: float, rng: np.random.Generator
) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The direction of a pure travel that most points agree on, sign included."""
    normals = _cross(first, second)
    size = np.linalg.norm(normals, axis=1)
    moving = np.flatnonzero(size > fit / 2)
    if len(moving) < 2:
        return np.array([0.0, 0.0, 1.0]), np.zeros(len(first), np.bool_)
    pick = moving[rng.integers(0, len(moving), (_SAMPLES, 2))]
    candidates = _cross(normals[pick[:, 0]], normals[pick[:, 1]])
    length = np.linalg.norm(candidates, axis=1)
    # A pair of one point with itself, or of parallel normals, says nothing.
    candidates = candidates[length > 1e-9] / length[length > 1e-9, None]
    if not len(candidates):
        return np.array([0.0, 0.0, 1.0]), np.zeros(len(first), np.bool_)
    candidates = np.concatenate([candidates, -candidates])
    close = _travel_close(first, second, candidates, fit)
    best = int(np.argmax(close.sum(1)))
    travel, inside = candidates[best], close[best]
    for _ in range(2):
        if np.count_nonzero(inside) < 3:
            break
        _, vectors = np.linalg.eigh(normals[inside].T @ normals[inside])
        refined = vectors[:, 0]
        refined = refined if refined @ travel > 0 else -refined
        again = _travel_close(first, second, refined[None], fit)[0]
        if np.count_nonzero(again) < np.count_nonzero(inside):
            break
        travel, inside = refined, again
    return travel, inside


def _travel_close(first: Array, second: Array, travels: Array, fit: float) -> npt.NDArray[np.bool_]:
    """Which points (columns) move straight away from where each travel (row) heads."""
    ahead = travels @ first.T
    size = np.sqrt(np.maximum(1.0 - ahead * ahead, 1e-9))
    # Distance of the second bearing from the plane through the first one and the travel.
    off = np.abs(travels @ _cross(first, second).T) / size
    moved = second - first
    along = ahead * np.einsum("nj,nj->n", first, moved) - travels @ moved.T
    close: npt.NDArray[np.bool_] = (off < fit) & (along > -fit * size)
    return close


def _refine(
    first: Array,
    second: Array,
    travel: Array,
    inside: npt.NDArray[np.bool_],
    fit: float,
    turn_prior: float,
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Gauss–Newton on a small rotation and the travel's direction, over the points that fit."""
    rotation = np.eye(3)
    for _ in range(3):
        if np.count_nonzero(inside) < _MIN_POINTS:
            break
        a, b = first[inside], second[inside] @ rotation.T
        cross = _cross(a, b)
        weight = 1.0 / (np.linalg.norm(_cross(travel, a), axis=1) + 0.05)
        error = (cross @ travel) * weight
        side = np.linalg.svd(travel[None])[2][1:]  # two directions at right angles to it
        by_travel = (cross @ side.T) * weight[:, None]
        # d(travel · (a × (b + w × b))) / dw
        by_turn = _cross(b, _cross(travel, a)) * weight[:, None]
        design = np.hstack([by_turn, by_travel])
        # A small rotation and a sideways travel look alike: the prior says that it hardly turned.
        prior = np.diag([turn_prior] * 3 + [1e-6] * 2) * len(a)
        change = np.linalg.solve(design.T @ design + prior, -design.T @ error)
        rotation = cv2.Rodrigues(change[:3])[0] @ rotation
        travel = travel + side.T @ change[3:]
        travel = travel / np.linalg.norm(travel)
        inside = _travel_close(first, second @ rotation.T, travel[None], fit)[0]
    return np.asarray(rotation, np.float64), travel, inside


def _median_travel(first: Array, second: Array, travel: Array) -> float:
    """Length of the travel in units of the median depth, by the sine rule."""
    if not len(first):
        return 0.0
    parallax = np.linalg.norm(_cross(first, second), axis=1)
    opening = np.linalg.norm(_cross(second, travel), axis=1)
    clear = opening > math.sin(math.radians(5))
    if not clear.any():
        return 0.0
    return float(np.median(parallax[clear] / opening[clear]))
