"""Bearings to a position: several rays from known places to the point that they meet in.

A ray starts at the camera and points at the middle of an object. Its direction has a horizontal and
a vertical standard deviation. The distance of the object follows from rays of different places;
without those, from a measured distance, from how its box grows as the camera comes closer, from the
usual size of its kind, from where its box meets the floor, or from "near" or "far", in this order
of trust.

The position is the point of least squares, found by Levenberg-Marquardt with Huber weights, so that
one wrong ray does not pull it away; the object's height is estimated along with it. The covariance
is that of the linearised problem, widened if the rays agree less than their noise allows.

Out of scope: which mention belongs to which object (`tracker`), the rays themselves (`rays`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embodied_agent.object_records import Vector

Floats = npt.NDArray[np.float64]

#: Residuals beyond this many standard deviations count linearly (Huber).
_HUBER = 1.5
_ITERATIONS = 12
#: Objects are not closer to the camera than this, in metres.
NEAREST_M = 0.2
#: Variance of a position that nothing bounds, in square metres.
_LOOSE_M2 = 1e4
#: How far "near", "mid" and "far" are in a house (metres), and the relative standard deviations.
CLASS_M, _CLASS_STD = (1.6, 3.3, 6.0), (0.45, 0.25, 0.4)
#: Standard deviation of the logarithm of an unknown scale, and of an unknown height (metres).
_SCALE_STD, _HEIGHT_M, _HEIGHT_STD = 1.0, 1.0, 0.9
#: Standard deviation of the logarithm of a box's height, beside that of its edges.
_BOX_STD = 0.1
#: The same of the distance at which an object meets the floor.
_FLOOR_STD = 0.15
#: Standard deviation of the camera's place, in metres.
_PLACE_M = 0.05
#: By what part of the width that is hidden the middle of the rest misses the object's.
_HIDDEN = 0.4
#: A distance says no more than this of which object a mention is of: what is measured may stand
#: before it.
_SURE_RANGE_STD = 0.2
#: Below this relative standard deviation, directions alone tell how far away an object is.
TRIANGULATED = 0.12


@dataclass(frozen=True, slots=True)
class Ray:
    """Where one mention points.

    ``origin`` is the camera's position and ``direction`` a unit vector, in the session's frame.
    ``across_rad`` and ``up_rad`` are the standard deviations of the direction, ``range_m`` the
    distance or NaN, and ``range_std`` its standard deviation relative to it. ``height_rad`` is the
    angle that the object's box spans vertically and ``low_rad`` the elevation of its lower edge in
    the session's frame; both are NaN where they are not known or the box is cut off there.
    ``width_rad`` is what is seen of its width, NaN without a box.
    ``distance`` is 0 for "near", 1 for "mid", 2 for "far", and NaN where nothing was said.
    ``off_axis_rad`` is the bearing from where the camera looked, NaN where it was not measured.
    """

    keyframe_id: int
    rank: int
    origin: Vector
    direction: Vector
    across_rad: float
    up_rad: float
    range_m: float = math.nan
    range_std: float = math.nan
    height_rad: float = math.nan
    low_rad: float = math.nan
    distance: float = math.nan
    width_rad: float = math.nan
    off_axis_rad: float = math.nan

    def values(self) -> tuple[float, ...]:
        """Its numbers, for `of`."""
        noise = (self.across_rad, self.up_rad, self.range_m, self.range_std)
        return (
            *self.origin,
            *self.direction,
            *noise,
            self.height_rad,
            self.low_rad,
            self.distance,
            self.width_rad,
            self.off_axis_rad,
        )

    @classmethod
    def of(cls, keyframe_id: int, rank: int, values: Sequence[float]) -> Ray:
        """The ray with these `values`.

        Raises:
            ValueError: there are too many or too few.
        """
        ox, oy, oz, dx, dy, dz, *more = values
        if len(more) not in (8, 9):  # earlier versions noted no bearing from the camera's axis
            raise ValueError(f"a ray of {len(values)} numbers")
        return cls(keyframe_id, rank, (ox, oy, oz), (dx, dy, dz), *more)


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual in a session, for what the rays don't tell.

    ``log_scale`` is the logarithm of how many times further away "near" and "far" are than in a
    house; ``log_height`` of the height in metres of objects of the kind; each with its standard
    deviation. ``floor_m`` is the height of the floor in the session's frame, NaN where unknown.
    """

    log_scale: float = 0.0
    log_scale_std: float = _SCALE_STD
    log_height: float = math.log(_HEIGHT_M)
    log_height_std: float = _HEIGHT_STD
    floor_m: float = math.nan


@dataclass(frozen=True, eq=False, slots=True)
class Estimate:
    """A position (3,) in metres with its ``covariance`` (3, 3) in square metres.

    ``misfit`` is the mean squared residual of the directions in standard deviations: about 1 where
    rays agree, more where they don't; 0 where there are too few to tell. ``by_directions`` is the
    relative standard deviation of the distance from the directions alone. ``log_height`` is the
    logarithm of the object's height in metres, NaN where no box tells.
    """

    position: Floats
    covariance: Floats
    misfit: float
    by_directions: float = math.inf
    log_height: float = math.nan


@dataclass(frozen=True, eq=False, slots=True)
class _Bundle:
    """Rays as arrays; weights of what is not known are 0."""

    origins: Floats  # (n, 3)
    directions: Floats  # (n, 3)
    left: Floats  # (n, 3), level and at right angles to the direction
    up: Floats  # (n, 3)
    across: Floats  # (n,) radians
    rise: Floats  # (n,) radians
    log_range: Floats  # (n,) natural logarithm of metres
    range_weight: Floats  # (n,) 1 / relative standard deviation
    log_angle: Floats  # (n,) logarithm of the box's height in radians
    angle_weight: Floats  # (n,)
    widths: Floats  # (n,) radians, 0 where unknown
    log_floor: Floats  # (n,) logarithm of the level distance to where the box meets the floor
    floor_weight: Floats  # (n,)
    usual: Usual


def axes(direction: Sequence[float]) -> tuple[Floats, Floats]:
    """Unit vectors to the left of a direction (level) and upward, at right angles to it."""
    x, y, z = direction
    level = math.hypot(x, y)
    if level < 1e-6:
        return np.array([0.0, 1.0, 0.0]), np.array([-math.copysign(1.0, z), 0.0, 0.0])
    left = np.array([-y / level, x / level, 0.0])
    return left, np.array([-x * z / level, -y * z / level, level])


def _bundle(rays: Sequence[Ray], usual: Usual) -> _Bundle:
    count = len(rays)
    table = np.array([ray.values() for ray in rays])
    origins, directions = table[:, 0:3], table[:, 3:6]
    across, rise, ranges, range_std, angles, low, said, widths = table[:, 6:14].T
    sides = [axes(direction) for direction in directions]
    measured = np.isfinite(ranges)
    # What is usual is known once, however many rays there are.
    once = math.sqrt(count)
    known = np.nan_to_num(said, nan=1.0).astype(np.intp).clip(0, 2)
    class_std = np.hypot(np.array(_CLASS_STD)[known], usual.log_scale_std)
    class_std = np.where(np.isfinite(said), class_std, class_std + 0.4) * once
    expected = np.array(CLASS_M)[known] * math.exp(usual.log_scale)
    edge = np.minimum(across, rise)
    boxed = np.isfinite(angles) & (angles > 0)
    angle = np.where(boxed, angles, 1.0)
    angle_std = np.hypot(_BOX_STD, 0.7 * edge / angle)
    height_above = origins[:, 2] - usual.floor_m
    below = np.isfinite(low) & (low < -0.04) & (height_above > 0.05)
    slope = np.tan(np.where(below, -low, 1.0))
    floor_std = np.hypot(_FLOOR_STD, edge / slope) * math.sqrt(min(count, 3))
    return _Bundle(
        origins=origins,
        directions=directions,
        left=np.array([left for left, _ in sides]),
        up=np.array([up for _, up in sides]),
        across=across,
        rise=rise,
        log_range=np.log(np.where(measured, ranges, expected)),
        range_weight=1 / np.where(measured, range_std, class_std),
        log_angle=np.log(angle),
        angle_weight=np.where(boxed, 1 / angle_std, 0.0),
        widths=np.nan_to_num(widths, nan=0.0),
        log_floor=np.log(np.where(below, height_above, 1.0) / slope),
        floor_weight=np.where(below, 1 / floor_std, 0.0),
        usual=usual,
    )


def estimate(
    rays: Sequence[Ray], usual: Usual | None = None, *, start: Floats | None = None
) -> Estimate:
    """The position that ``rays`` (one or more) point at.

    Args:
        rays: of one object.
        usual: for what they don't tell.
        start: a position from which to look for it too, such as the one before the last ray.
    """
    bundle = _bundle(rays, usual or Usual())
    starts = _starts(bundle) if start is None else [start, _starts(bundle)[0]]
    first = _blurred(bundle, np.exp(bundle.log_range), np.zeros(len(rays)))
    best, _ = min((_descend(first, point) for point in starts), key=lambda result: result[1])
    # The noise depends on the distance, which is known only now.
    ranges = np.maximum(np.linalg.norm(best[:3] - bundle.origins, axis=1), NEAREST_M)
    second = _blurred(bundle, ranges, _hidden_m(bundle, ranges))
    if np.allclose(second.across, first.across, rtol=0.1):
        return _summed_up(first, best)
    starts = [best[:3], starts[-1]]
    best, _ = min((_descend(second, point) for point in starts), key=lambda result: result[1])
    return _summed_up(second, best)


def _blurred(bundle: _Bundle, ranges: Floats, hidden_m: Floats) -> _Bundle:
    """The bundle with the noise of directions that the camera's place makes, and the part of the
    object that a ray does not show, at these distances."""
    place = _PLACE_M / ranges
    hidden = np.minimum(_HIDDEN * hidden_m / ranges, 0.6)
    return replace(
        bundle,
        across=np.sqrt(bundle.across**2 + place**2 + hidden**2),
        rise=np.hypot(bundle.rise, place),
    )


def _hidden_m(bundle: _Bundle, ranges: Floats) -> Floats:
    """How much of the object's width each ray does not show, judging by those that show most."""
    if not bundle.widths.any():
        return np.zeros(len(ranges))
    spans = np.where(bundle.widths > 0, bundle.widths, np.nan) * ranges
    missing = np.nan_to_num(np.nanquantile(spans, 0.85) - spans, nan=0.0)
    return np.maximum(missing, 0.0)


def _starts(bundle: _Bundle) -> list[Floats]:
    """Where to begin: the point nearest to all rays, and one at the expected distance."""
    ranges = np.exp(bundle.log_range)
    along = np.einsum("ni,nj->nij", bundle.directions, bundle.directions)
    sides = np.eye(3)[None] - along
    side_weight = 1 / (np.maximum(bundle.across, 1e-3) * ranges) ** 2
    along_weight = (np.minimum(bundle.range_weight, 20.0) / ranges) ** 2
    expected = bundle.origins + ranges[:, None] * bundle.directions
    normal = np.einsum("n,nij->ij", side_weight, sides) + np.einsum(
        "n,nij->ij", along_weight, along
    )
    right = np.einsum("n,nij,nj->i", side_weight, sides, bundle.origins)
    right += np.einsum("n,nij,nj->i", along_weight, along, expected)
    met: Floats = np.linalg.solve(normal + 1e-9 * np.eye(3), right)
    return [met, np.asarray(np.median(expected, axis=0), np.float64)]


def _residuals(bundle: _Bundle, state: Floats) -> tuple[Floats, Floats]:
    """Residuals (5n + 1,) in standard deviations and their Jacobian (5n + 1, 4) at ``state``: a
    position and the logarithm of the object's height."""
    point, log_height = state[:3], state[3]
    count = len(bundle.across)
    offsets = point[None] - bundle.origins
    ranges = np.maximum(np.sqrt((offsets**2).sum(axis=1)), NEAREST_M)
    units = offsets / ranges[:, None]
    left = (bundle.left * units).sum(axis=1)
    up = (bundle.up * units).sum(axis=1)
    behind = (bundle.directions * units).sum(axis=1) < 0
    side_left = (bundle.left - left[:, None] * units) / ranges[:, None]
    side_up = (bundle.up - up[:, None] * units) / ranges[:, None]
    # Behind the camera the sine falls again: keep pushing.
    left = np.where(behind, np.sign(left) * (2 - np.abs(left)), left)
    level = np.maximum(np.sqrt((offsets[:, :2] ** 2).sum(axis=1)), NEAREST_M)
    residuals = np.empty(5 * count + 1)
    jacobian = np.zeros((5 * count + 1, 4))
    slices = [slice(at * count, (at + 1) * count) for at in range(5)]
    residuals[slices[0]] = left / bundle.across
    jacobian[slices[0], :3] = side_left / bundle.across[:, None]
    residuals[slices[1]] = up / bundle.rise
    jacobian[slices[1], :3] = side_up / bundle.rise[:, None]
    residuals[slices[2]] = (np.log(ranges) - bundle.log_range) * bundle.range_weight
    jacobian[slices[2], :3] = units * (bundle.range_weight / ranges)[:, None]
    residuals[slices[3]] = (np.log(ranges) + bundle.log_angle - log_height) * bundle.angle_weight
    jacobian[slices[3], :3] = units * (bundle.angle_weight / ranges)[:, None]
    jacobian[slices[3], 3] = -bundle.angle_weight
    residuals[slices[4]] = (np.log(level) - bundle.log_floor) * bundle.floor_weight
    jacobian[slices[4], :2] = offsets[:, :2] * (bundle.floor_weight / level**2)[:, None]
    residuals[-1] = (log_height - bundle.usual.log_height) / bundle.usual.log_height_std
    jacobian[-1, 3] = 1 / bundle.usual.log_height_std
    return residuals, jacobian


def _huber(residuals: Floats) -> tuple[Floats, float]:
    """Weights of the residuals, and the robust cost."""
    size = np.abs(residuals)
    weights = np.where(size <= _HUBER, 1.0, _HUBER / np.maximum(size, 1e-12))
    costs = np.where(size <= _HUBER, 0.5 * size**2, _HUBER * (size - 0.5 * _HUBER))
    return weights, float(costs.sum())


def _descend(bundle: _Bundle, start: Floats) -> tuple[Floats, float]:
    offsets = np.linalg.norm(start[None] - bundle.origins, axis=1)
    tall = np.log(np.maximum(offsets, NEAREST_M)) + bundle.log_angle
    boxed = bundle.angle_weight > 0
    height = float(np.median(tall[boxed])) if boxed.any() else bundle.usual.log_height
    state, damping = np.append(start, height), 1e-3
    residuals, jacobian = _residuals(bundle, state)
    weights, cost = _huber(residuals)
    for _ in range(_ITERATIONS):
        weighted = jacobian * weights[:, None]
        normal = jacobian.T @ weighted
        slope = weighted.T @ residuals
        step = np.linalg.solve(normal + damping * np.diag(np.diag(normal) + 1e-9), -slope)
        trial = state + step
        trial_residuals, trial_jacobian = _residuals(bundle, trial)
        trial_weights, trial_cost = _huber(trial_residuals)
        if trial_cost <= cost:
            done = cost - trial_cost < 1e-5 * (1 + cost)
            state, cost, residuals, jacobian = trial, trial_cost, trial_residuals, trial_jacobian
            weights, damping = trial_weights, damping / 5
            if done:
                break
        else:
            damping *= 8
    return state, cost


def _summed_up(bundle: _Bundle, state: Floats) -> Estimate:
    count = len(bundle.across)
    residuals, jacobian = _residuals(bundle, state)
    weights, _ = _huber(residuals)
    loose = np.diag([1 / _LOOSE_M2] * 3 + [1e-6])
    normal = jacobian.T @ (weights[:, None] * jacobian) + loose
    covariance: Floats = np.linalg.inv(normal)[:3, :3]
    sides = residuals[: 2 * count]
    # Two numbers per ray, three unknowns.
    freedom = 2 * count - 3
    misfit = float((sides**2).sum() / freedom) if freedom > 0 else 0.0
    bare = jacobian[: 2 * count, :3]
    alone = np.linalg.inv(bare.T @ (weights[: 2 * count, None] * bare) + loose[:3, :3])
    offsets = state[:3] - bundle.origins
    nearest = offsets[int(np.argmin((offsets**2).sum(axis=1)))]
    distance = max(float(np.linalg.norm(nearest)), NEAREST_M)
    along = nearest / distance
    boxed = bool((bundle.angle_weight > 0).any())
    return Estimate(
        state[:3].copy(),
        covariance * max(1.0, misfit),
        misfit,
        math.sqrt(max(float(along @ alone @ along), 0.0)) / distance,
        float(state[3]) if boxed else math.nan,
    )


def innovations(positions: Floats, covariances: Floats, ray: Ray) -> tuple[Floats, Floats]:
    """How far ``ray`` is from pointing at each of n objects.

    Args:
        positions: (n, 3), metres.
        covariances: (n, 3, 3), square metres.
        ray: a mention.

    Returns:
        Squared Mahalanobis distances (n,) of its direction and, where it has one, its distance,
        infinite for objects that it points away from; and logarithms (n,) of the uncertainties'
        volumes, so that of two objects that fit the better known one can be preferred.
    """
    offsets = positions - np.array(ray.origin)
    distances = np.maximum(np.linalg.norm(offsets, axis=1), NEAREST_M)
    units = offsets / distances[:, None]
    sides = np.stack(axes(ray.direction))  # (2, 3)
    angles = units @ sides.T  # (n, 2)
    slopes = (sides[None] - angles[:, :, None] * units[:, None, :]) / distances[:, None, None]
    noise = slopes @ covariances @ slopes.transpose(0, 2, 1)
    noise[:, 0, 0] += ray.across_rad**2
    noise[:, 1, 1] += ray.up_rad**2
    squared = np.einsum("ni,ni->n", angles, np.linalg.solve(noise, angles[:, :, None])[:, :, 0])
    volumes = np.log(np.maximum(np.linalg.det(noise), 1e-12))
    spreads = np.einsum("ni,nij,nj->n", units, covariances, units) / distances**2
    if math.isfinite(ray.range_m):
        spread = spreads + max(ray.range_std, _SURE_RANGE_STD) ** 2
        squared += (np.log(distances) - math.log(max(ray.range_m, NEAREST_M))) ** 2 / spread
        volumes += np.log(spread)
    behind = (units @ np.array(ray.direction) <= 0) & (spreads < 1.0)
    return np.where(behind, np.inf, squared), volumes
