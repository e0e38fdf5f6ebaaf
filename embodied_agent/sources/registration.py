"""Whether a depth topic shows the colour camera's own view, so that their pixels belong together.

A depth camera sits beside its colour camera and has another lens. Drivers project its pictures
into the colour camera's (they call that registered or aligned) on request. Taking others for these
would place things beside where they are, so depth counts only where the recording says it fits.

Out of scope: which topics there are (bags/depth.py, `embodied_agent.ros.depth`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from embodied_agent.records import Intrinsics
from embodied_agent.sources.depth import same_proportions

#: realsense, Kinect drivers, ZED; what they publish is projected into the colour camera.
_REGISTERED_NAME = re.compile(r"aligned|registered|depth_to_(color|colour|rgb)", re.I)
#: Two calibrations of one camera may differ by this part, after one of the sizes.
_LENS_TOLERANCE = 0.02


@dataclass(frozen=True)
class View:
    """What is known of a topic's view.

    Attributes:
        topic: its name.
        size: width and height in pixels; ``None`` where it is not known.
        frame_ids: the frames of its messages, without a leading slash.
        intrinsics: of its own calibration; ``None`` without one.
    """

    topic: str
    size: tuple[int, int] | None
    frame_ids: frozenset[str]
    intrinsics: Intrinsics | None


def named_registered(topic: str) -> bool:
    """Whether a topic's name says that its depth is projected into the colour camera."""
    return _REGISTERED_NAME.search(topic) is not None


def why_unregistered(
    colour: View, depth: View, *, same_place: bool | None = None, named: bool = False
) -> str:
    """Why depth does not belong to the pixels of the colour camera; empty where it does.

    Args:
        colour: the camera.
        depth: of the depth topic.
        same_place: whether the frames of the two coincide by TF; ``None`` where it does not say.
        named: a person named the topic, which settles what the recording leaves open.
    """
    if colour.size and depth.size and not same_proportions(colour.size, depth.size):
        return (
            f"its {_size(depth.size)} pixels do not have the proportions of the colour camera's "
            f"{_size(colour.size)}"
        )
    equal_lens = _equal_lens(colour.intrinsics, depth.intrinsics)
    if equal_lens is False:
        return (
            f"its calibration is not the colour camera's: a focal length of {_focal(depth)} of the "
            f"width instead of {_focal(colour)}"
        )
    known = bool(colour.frame_ids and depth.frame_ids)
    apart = known and not colour.frame_ids & depth.frame_ids
    if apart and same_place is False:
        return _other_frame(colour, depth)
    if named or named_registered(depth.topic) or same_place or (known and not apart):
        return ""
    if equal_lens:
        return ""
    if apart:
        return _other_frame(colour, depth)
    return (
        "nothing says that it is registered to the colour camera: name it with source.depth_topic"
    )


def _other_frame(colour: View, depth: View) -> str:
    return (
        f"it is in the frame {min(depth.frame_ids)}, not in the colour camera's "
        f"{min(colour.frame_ids)}: record depth that is registered to colour"
    )


def _equal_lens(colour: Intrinsics | None, depth: Intrinsics | None) -> bool | None:
    """Whether two calibrations are of one view, in parts of the size; ``None``: not known."""
    if colour is None or depth is None or min(colour.width, depth.width) <= 0:
        return None
    if min(colour.height, depth.height) <= 0:
        return None
    one, other = (
        (c.fx / c.width, c.fy / c.height, c.cx / c.width, c.cy / c.height) for c in (colour, depth)
    )
    focal = all(abs(a / b - 1) <= _LENS_TOLERANCE for a, b in zip(one[:2], other[:2], strict=True))
    centre = all(abs(a - b) <= _LENS_TOLERANCE for a, b in zip(one[2:], other[2:], strict=True))
    return focal and centre


def _focal(view: View) -> str:
    lens = view.intrinsics
    return "" if lens is None else f"{lens.fx / lens.width:.2f}"


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"
