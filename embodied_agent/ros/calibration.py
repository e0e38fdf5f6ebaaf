"""The camera's calibration: the first usable camera_info, checked against the images.

A calibration for another aspect ratio or another camera is worse than none: a mismatch is logged
once and stays visible in diagnostics.

Out of scope: what intrinsics are used for (`embodied_agent.keyframes`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from embodied_agent.records import Frame, Intrinsics
from embodied_agent.ros.images import intrinsics_from
from embodied_agent.sources.depth import size_as_taken

#: Width by height may differ by this much, as drivers crop to multiples of 16.
_SHAPE_TOLERANCE = 0.03


class Calibration:
    """Of one camera.

    Args:
        warn: told (kind, message) of what does not fit.
    """

    def __init__(self, warn: Callable[[str, str], object]) -> None:
        self._warn = warn
        self._frame_id = ""
        self._checked: tuple[int, int, str] | None = None
        self.intrinsics: Intrinsics | None = None
        self.state = "none has come"

    def add(self, info: Any) -> None:
        """Take in a sensor_msgs/CameraInfo; the first usable one counts."""
        if self.intrinsics is not None:
            return
        self.intrinsics = intrinsics_from(info)
        if self.intrinsics is None:
            self.state = "not calibrated"
            self._warn(
                "camera_info_empty",
                "camera_info holds no calibration (zeros); calibrate the camera, or give the "
                "driver its calibration file",
            )
            return
        self.state = "ok"
        self._frame_id = str(info.header.frame_id)
        self._checked = None

    def check(self, frame: Frame) -> None:
        """Hold an image against the calibration; costs nothing while images stay the same."""
        known = self.intrinsics
        if known is None:
            return
        size = size_as_taken(frame)
        if size is None or self._checked == (*size, frame.frame_id):
            return
        self._checked = (*size, frame.frame_id)
        width, height = size
        self.state = "ok"
        if self._frame_id and self._frame_id != frame.frame_id:
            self.state = f"of frame {self._frame_id}, images are of {frame.frame_id}"
            self._warn(
                "camera_info_frame",
                f"camera_info belongs to frame {self._frame_id}, the images to {frame.frame_id}; "
                "is it another camera's?",
            )
        shape, expected = width / height, known.width / known.height
        if abs(shape / expected - 1) > _SHAPE_TOLERANCE:
            self.state = f"of {known.width}x{known.height}, images are {width}x{height}"
            self._warn(
                "camera_info_size",
                f"camera_info is of {known.width}x{known.height} pixels, the images are "
                f"{width}x{height}; calibrate at this resolution",
            )
