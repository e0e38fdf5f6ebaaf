"""One keyframe as lines for people: what `embodied-agent memory show` prints without ``--json``.

Out of scope: a keyframe in one line (`common.keyframe_line`), JSON (`memory.keyframe_values`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from embodied_agent.cli.common import plain

if TYPE_CHECKING:
    from embodied_agent.records import Box, Delta, Egomotion, Intrinsics, Keyframe, Mention, Pose

#: Stamps above this count from 1970 and not from when the camera was switched on.
_SINCE_1970_NS = 1_000_000_000_000_000_000
#: The heads of the table of mentions.
_HEADS = ("where", "distance", "bearing", "elevation", "range", "confidence", "box")


def stamp_text(stamp_ns: int) -> str:
    """A stamp in nanoseconds, with the time of day if it counts from 1970."""
    if stamp_ns < _SINCE_1970_NS:
        return f"{stamp_ns} ns"
    moment = datetime.fromtimestamp(stamp_ns // 1_000_000_000, timezone.utc)
    return f"{stamp_ns} ns ({moment:%Y-%m-%d %H:%M:%S} UTC)"


def keyframe_table(keyframe: Keyframe, delta: Delta | None) -> Iterator[str]:
    """Everything that is known about a keyframe, line by line. ``delta`` is ``None`` while it is
    not perceived."""
    for name, text in _rows(keyframe, delta):
        yield f"{name:<12} {plain(text)}".rstrip()
    if delta is not None and delta.mentions:
        yield ""
        yield from _mentions(delta.mentions)


def _rows(keyframe: Keyframe, delta: Delta | None) -> Iterator[tuple[str, str]]:
    size = f"{keyframe.width} × {keyframe.height} pixels"
    kept = len(keyframe.jpeg)
    yield "keyframe", f"{keyframe.id}, segment {keyframe.segment}"
    yield "stamp", stamp_text(keyframe.stamp_ns)
    yield "reason", _reason(keyframe)
    yield "picture", f"{size}, {kept} bytes" if kept else f"{size}, dropped"
    yield "camera", keyframe.frame_id
    yield "calibration", _calibration(keyframe.intrinsics)
    if keyframe.mount is not None:
        yield "mounted at", _place(keyframe.mount.position_m)
    yield "pose", "none" if keyframe.pose is None else _pose(keyframe.pose)
    yield "motion", "none measured" if keyframe.egomotion is None else _motion(keyframe.egomotion)
    if delta is None:
        yield "seen", "not perceived yet"
        return
    yield "action", _action(delta)
    if delta.model:
        yield "perceived by", f"{delta.model} in {delta.latency_s:.2f} s"
    if delta.problem or not delta.usable:
        yield "problem", delta.problem or "the reply could not be used"
    if delta.observation:
        yield "observation", " ".join(delta.observation.split())
    if not delta.mentions:
        yield "mentions", "none"


def _reason(keyframe: Keyframe) -> str:
    reason = keyframe.reason.replace("_", " ")
    if keyframe.overlap_ratio is None:
        return reason
    shared = f"{keyframe.overlap_ratio:.0%} in common with the keyframe before"
    return f"{reason}, {shared}, {keyframe.inliers} points agree"


def _calibration(camera: Intrinsics | None) -> str:
    if camera is None:
        return "none"
    centre = f"centre {camera.cx:.1f}, {camera.cy:.1f}"
    return f"focal length {camera.fx:.1f}, {camera.fy:.1f}, {centre} pixels"


def _place(position_m: tuple[float, float, float]) -> str:
    x, y, z = position_m
    return f"x {x:.2f}, y {y:.2f}, z {z:.2f} m"


def _pose(pose: Pose) -> str:
    x, y, z, w = pose.orientation_xyzw
    heading = math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    return f"{_place(pose.position_m)}, heading {heading:.1f}° in {pose.frame_id or 'no frame'}"


def _motion(motion: Egomotion) -> str:
    right, down, ahead = motion.translation
    action = motion.action.value if motion.action else "at rest"
    turned = (
        f"yaw {motion.yaw_deg:.1f}°, pitch {motion.pitch_deg:.1f}°, roll {motion.roll_deg:.1f}°"
    )
    moved = f"moved {right:.2f} right, {down:.2f} down, {ahead:.2f} ahead of the scene's depth"
    return f"{action}; {turned}; {moved}; confidence {motion.confidence:.2f}"


def _action(delta: Delta) -> str:
    text = "none" if delta.action is None else delta.action.value
    if delta.angle_deg is not None:
        text += f" {delta.angle_deg:.0f}°"
    agrees = delta.agrees_with_egomotion
    if agrees is None:
        return text
    return f"{text}, which {'agrees' if agrees else 'does not agree'} with the measured motion"


def _mentions(mentions: tuple[Mention, ...]) -> Iterator[str]:
    """A table of mentions, with columns only for what any of them tells."""
    names = [plain(" ".join(one.name.split())) for one in mentions]
    cells = [_cells(one) for one in mentions]
    told = [at for at in range(len(_HEADS)) if any(row[at] for row in cells)]
    columns = [["mention", *names], *([_HEADS[at], *(row[at] for row in cells)] for at in told)]
    widths = [max(map(len, column)) for column in columns]
    for row in zip(*columns, strict=True):
        padded = (f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True))
        yield "  ".join(padded).rstrip()


def _cells(one: Mention) -> tuple[str, ...]:
    """What a mention tells, in the order of the heads; "" for what it does not."""
    return (
        one.direction,
        one.distance or "",
        _angle(one.bearing_deg),
        _angle(one.elevation_deg),
        "" if one.range_m is None else f"{one.range_m:.2f} m",
        "" if one.confidence is None else f"{one.confidence:.2f}",
        "" if one.box is None else _box(one.box),
    )


def _angle(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}°"


def _box(box: Box) -> str:
    across = f"{box.left:.0%} to {box.right:.0%}"
    return f"{across} across, {box.top:.0%} to {box.bottom:.0%} down"
