"""One picture from a camera, and where that camera was and how it sees.

Out of scope: which frames are kept (`keyframes`), pixels (`embodied_agent.images`).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

#: ``uint8``, ``(height, width, 3)`` in BGR order or ``(height, width)`` grey.
Image = npt.NDArray[np.uint8]
#: ``uint16``, ``(height, width)``: millimetres along the camera's axis, 0 where nobody knows.
Depth = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the robot or its camera was: metres and a unit quaternion ``(x, y, z, w)``, relative to
    the coordinate frame ``frame_id``."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    frame_id: str = "odom"


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera, in pixels of a ``width`` by ``height`` image."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a camera is on the body whose pose is known: metres and a unit quaternion
    ``(x, y, z, w)`` in the body's frame. The camera's axes are x ahead, y left and z up in its
    picture."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class CameraMount:
    """One of a robot's several cameras, encoded in its frames' ``frame_id`` as ``left@90#1``.

    ``yaw_deg`` is its heading in degrees, positive to the robot's left. ``order`` counts from 0,
    the camera whose pictures determine the egomotion.
    """

    name: str
    yaw_deg: float = 0.0
    order: int = 0

    @property
    def frame_id(self) -> str:
        return f"{self.name}@{self.yaw_deg:g}#{self.order}"

    @classmethod
    def of(cls, frame_id: str) -> CameraMount | None:
        """The mount encoded in a ``frame_id``; ``None`` for a robot with one camera."""
        name, at, rest = frame_id.rpartition("@")
        yaw, mark, order = rest.partition("#")
        if not at or not mark or not name:
            return None
        try:
            return cls(name, float(yaw), int(order))
        except ValueError:
            return None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture from a camera or a recording.

    Exactly one of ``image`` and ``encoded`` is set. ``image`` is a ``uint8`` array,
    ``(height, width, 3)`` in BGR order or ``(height, width)`` grey; callers must not write to it
    afterwards. ``encoded`` is a whole JPEG or PNG file, decoded only when its pixels are needed.

    ``stamp_ns`` is an integer of the sensor's clock. ``index`` numbers the frames of a source from
    0. ``pose`` is where the robot was at that stamp, and ``mount`` where the camera is on it;
    ``None`` where the pose is the camera's own, or where nobody knows. ``intrinsics`` describe the
    picture as the sensor took it, before any rotation that the file's EXIF orientation asks for.
    ``preview`` is the upright picture in grey, at full or half size, if a check of the frame has
    decoded it. ``depth`` is a depth picture of the same moment from the colour camera's own place
    (registered to it), of any size with the picture's proportions, before any rotation; ``None``
    without one.
    """

    stamp_ns: int
    image: Image | None = None
    encoded: bytes | None = None
    frame_id: str = "camera"
    index: int = 0
    pose: Pose | None = None
    intrinsics: Intrinsics | None = None
    mount: Mount | None = None
    preview: Image | None = field(default=None, repr=False)
    depth: Depth | None = field(default=None, repr=False)
