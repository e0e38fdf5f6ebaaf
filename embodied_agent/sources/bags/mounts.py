"""A camera's mount from transforms: from an optical frame to the axes of a body, and for pictures
that are turned upright.

Out of scope: finding the transforms (`transforms`, `embodied_agent.ros.mounting`).
"""

from __future__ import annotations

import math

from embodied_agent.records import Mount, Pose
from embodied_agent.sources.bags.transforms import (
    OPTICAL,
    TransformTree,
    multiply,
    rotation_matrix,
)

_HALF = math.sqrt(0.5)
#: Of the upright picture's axes, after a quarter turn clockwise, in those of the picture before.
_QUARTER_TURN = (-_HALF, 0.0, 0.0, _HALF)

#: Two frames that TF has this near to each other are one place; the turn as 1 - cos of its half,
#: 1.6 degrees.
_SAME_PLACE_M, _SAME_TURN = 0.005, 1e-4


def same_place(tree: TransformTree, one: str, other: str) -> bool | None:
    """Whether two frames of one robot coincide; ``None`` where the tree does not say."""
    if tree.frames_of(one) != tree.frames_of(other):
        return None
    a, b = tree.mount(one), tree.mount(other)
    if a is None or b is None:
        return None
    apart = max(abs(x - y) for x, y in zip(a.position_m, b.position_m, strict=True))
    turn = abs(sum(x * y for x, y in zip(a.orientation_xyzw, b.orientation_xyzw, strict=True)))
    return apart <= _SAME_PLACE_M and turn >= 1 - _SAME_TURN


def mount_of(camera: Pose, frame_id: str) -> Mount:
    """The mount of a camera.

    Args:
        camera: of the camera's frame in the body's.
        frame_id: the camera's frame. By convention (REP-103) its axes are x right, y down and z
            ahead if the name says optical. Other names are used for both conventions; the axes are
            then x ahead, y left and z up, unless that would lay the picture on its side.
    """
    turn = camera.orientation_xyzw
    up = rotation_matrix(turn)[2]
    if "optical" in frame_id or -up[1] > up[2]:
        x, y, z, w = OPTICAL
        turn = multiply(turn, (-x, -y, -z, w))
    return Mount(camera.position_m, turn)


def turned_mount(mount: Mount, turns: int) -> Mount:
    """The mount of the camera after so many quarter turns of its picture clockwise."""
    turn = mount.orientation_xyzw
    for _ in range(turns % 4):
        turn = multiply(turn, _QUARTER_TURN)
    return Mount(mount.position_m, turn)
