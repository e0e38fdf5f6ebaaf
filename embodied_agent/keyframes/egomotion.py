"""The camera's motion between two views, derived from the homography between them.

The homography of a scene dominated by one plane is R + t·nᵀ/d: a rotation R, and a travel t in
units of the plane's distance d. This module separates the two and names the one of the ten actions
that explains most of the motion.

Out of scope: odometry (travel has no metric scale); motion without a dominant plane (`twoview`).
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.optics import ASSUMED_HFOV_DEG
from embodied_agent.records import Action, Egomotion, Intrinsics

Matrix = npt.NDArray[np.float64]

#: A rotation by this many degrees weighs as much as a travel by the plane's distance.
_DEG_PER_DISTANCE = 60.0
#: Below both of these, the camera did not move measurably.
_STILL_DEG, _STILL_TRAVEL = 1.5, 0.015
#: Apparent travel that noise adds to the homography of a pure rotation, per degree and at rest.
_TRAVEL_NOISE_PER_DEG, _TRAVEL_NOISE = 0.004, 0.04


def camera_matrix(width: int, height: int, intrinsics: Intrinsics | None) -> Matrix:
    """The pinhole matrix (3, 3) for an image of this size in pixels: scaled from the intrinsics, or
    assumed."""
    if intrinsics is None:
        focal = width / 2 / math.tan(math.radians(ASSUMED_HFOV_DEG) / 2)
        return np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    sx, sy = width / intrinsics.width, height / intrinsics.height
    return np.array(
        [
            [intrinsics.fx * sx, 0, intrinsics.cx * sx],
            [0, intrinsics.fy * sy, intrinsics.cy * sy],
            [0, 0, 1],
        ]
    )


def egomotion(
    homography: Matrix, width: int, height: int, intrinsics: Intrinsics | None
) -> Egomotion:
    """The camera's motion, from a homography that maps the current view to the earlier one.

    Args:
        homography: (3, 3), in pixels of a ``width`` by ``height`` image, with any scale and sign.
        width: width of the image, in pixels.
        height: height of the image, in pixels.
        intrinsics: for any image size; they are scaled. ``None`` assumes a horizontal field of view
            of 75 degrees.

    Returns:
        Angles and travel (see `Egomotion`); ``action`` is ``None`` if the camera is at rest.
    """
    camera = camera_matrix(width, height, intrinsics)
    normalised = np.linalg.inv(camera) @ homography @ camera
    if not np.isfinite(normalised).all():
        return Egomotion(action=None)
    if np.linalg.det(normalised) < 0:
        normalised = -normalised
    singular = np.linalg.svd(normalised, compute_uv=False)
    if singular[1] <= 1e-9:
        return Egomotion(action=None)
    # The middle singular value of R + t·nᵀ/d is 1, and the spread of the others is |t|/d.
    normalised = normalised / singular[1]
    spread = float((singular[0] - singular[2]) / singular[1])
    rotation = nearest_rotation(normalised)
    angle = rotation_angle_deg(rotation)
    if spread <= _TRAVEL_NOISE + _TRAVEL_NOISE_PER_DEG * angle:
        return describe(rotation, np.zeros(3))
    return describe(*_rotation_and_travel(normalised))


def nearest_rotation(matrix: Matrix) -> Matrix:
    """The rotation (3, 3) nearest to a matrix (polar decomposition)."""
    left, _, right = np.linalg.svd(matrix)
    rotation: Matrix = left @ right
    (a, b, c), (d, e, f), (g, h, i) = rotation.tolist()
    if a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0:  # it mirrors
        left[:, 2] = -left[:, 2]
        rotation = left @ right
    return rotation


def rotation_by(vector: Matrix) -> Matrix:
    """The rotation (3, 3) about a vector (3,) by its length in radians (Rodrigues' formula)."""
    x, y, z = vector.tolist()
    angle = math.sqrt(x * x + y * y + z * z)
    if angle < 1e-12:
        along, across = 1.0, 0.5
    else:
        along, across = math.sin(angle) / angle, (1.0 - math.cos(angle)) / (angle * angle)
    turn = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    rotation: Matrix = np.eye(3) + along * turn + across * (turn @ turn)
    return rotation


def rotation_angle_deg(rotation: Matrix) -> float:
    """The angle of a rotation, in degrees."""
    return math.degrees(math.acos(min(1.0, max(-1.0, (float(np.trace(rotation)) - 1) / 2))))


def yaw_pitch_roll_deg(rotation: Matrix) -> tuple[float, float, float]:
    """Turn (left positive), tilt (up positive) and roll (clockwise positive), in degrees.

    ``rotation`` maps the current camera's axes (x right, y down, z ahead) to the earlier camera's.
    The angles are the components of its rotation vector. If a camera looks down, the vertical is
    tilted in the camera's axes, and a turn about it is partly a roll. So a roll smaller than the
    turn is counted as part of the turn.
    """
    vector = np.degrees(cv2.Rodrigues(rotation)[0].ravel())
    yaw, pitch, roll = -float(vector[1]), float(vector[0]), float(vector[2])
    if abs(roll) < abs(yaw):
        yaw = math.copysign(math.hypot(yaw, roll), yaw)
    return yaw, pitch, roll


def describe(rotation: Matrix, travel: Matrix, confidence: float = 1.0) -> Egomotion:
    """The egomotion of a rotation (3, 3) and a travel (3,); the larger of them names the action."""
    yaw, pitch, roll = yaw_pitch_roll_deg(rotation)
    turn = max(abs(yaw), abs(pitch))
    length = float(np.linalg.norm(travel))
    action: Action | None = None
    if turn >= _STILL_DEG or length >= _STILL_TRAVEL:
        if turn >= length * _DEG_PER_DISTANCE:
            action = _turn_action(yaw, pitch)
        else:
            action = travel_action(travel)
    share = abs(turn - length * _DEG_PER_DISTANCE) / (turn + length * _DEG_PER_DISTANCE + 1e-9)
    return Egomotion(
        action=action,
        yaw_deg=yaw,
        pitch_deg=pitch,
        roll_deg=roll,
        translation=(float(travel[0]), float(travel[1]), float(travel[2])),
        confidence=0.0 if action is None else float(confidence * share),
    )


def _turn_action(yaw: float, pitch: float) -> Action:
    if abs(yaw) >= abs(pitch):
        return Action.ROTATE_LEFT if yaw > 0 else Action.ROTATE_RIGHT
    return Action.TILT_UPWARD if pitch > 0 else Action.TILT_DOWNWARD


def travel_action(travel: Matrix) -> Action:
    """The action along the largest component of a travel (x right, y down, z ahead)."""
    axis = int(np.argmax(np.abs(travel)))
    positive = bool(travel[axis] > 0)
    return (
        (Action.MOVE_LEFT, Action.MOVE_RIGHT),
        (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD),
        (Action.MOVE_BACKWARD, Action.MOVE_FORWARD),
    )[axis][positive]


def _rotation_and_travel(homography: Matrix) -> tuple[Matrix, Matrix]:
    """Split R + t·nᵀ/d (current → earlier, middle singular value 1) into R and t/d.

    Two of the four solutions have the plane in front of the camera. The one with the smaller
    rotation is chosen, since cameras tend to make one motion at a time. (Closed form: Ma, Soatto,
    Košecká, Sastry, An Invitation to 3-D Vision, §5.3.3; OpenCV's returns NaN for some exact
    planes.)
    """
    _, singular, axes = np.linalg.svd(homography)
    v1, v2, v3 = axes
    high, low = max(singular[0] ** 2 - 1, 0.0), max(1 - singular[2] ** 2, 0.0)
    spread = math.sqrt(high + low)
    best: tuple[float, Matrix, Matrix] | None = None
    for sign in (1.0, -1.0):
        u = (math.sqrt(low) * v1 + sign * math.sqrt(high) * v3) / spread
        normal = np.cross(v2, u)
        before = np.stack([v2, u, normal], axis=1)
        a, b = homography @ v2, homography @ u
        after = np.stack([a, b, np.cross(a, b)], axis=1)
        rotation = after @ before.T
        travel = (homography - rotation) @ normal
        if normal[2] < 0:  # t·nᵀ = (-t)·(-n)ᵀ, and the plane lies ahead
            travel = -travel
        angle = rotation_angle_deg(rotation)
        if best is None or angle < best[0]:
            best = angle, rotation, travel
    assert best is not None
    return best[1], best[2]
