"""The report's two drawings as coordinates: overlap over time, and the path from above.

Pure geometry from records to numbers in SVG units; how they look is the template's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.records import Decision, Keyframe, Pose

CHART_WIDTH, CHART_HEIGHT = 1000.0, 240.0
#: Left, top, right, bottom of the plotted area.
CHART_BOX = (44.0, 12.0, 988.0, 204.0)
MAP_WIDTH, MAP_HEIGHT = 760.0, 520.0
#: Room for labels, left and right, above and below.
MARGIN_X, MARGIN_Y = 80.0, 40.0
#: More points than this add nothing to a line of this size.
MAX_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Landmark:
    """A thing whose true place is known: metres in the frame of the poses, and a CSS colour."""

    name: str
    x: float
    y: float
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a drawing that stands for keyframes; ``id`` is the first of them."""

    id: int
    x: float
    y: float
    label: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class OverlapChart:
    """Overlap over time. ``lines`` are SVG point lists: a gap is where nothing was measured."""

    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    times: tuple[tuple[float, str], ...]
    box: tuple[float, float, float, float] = CHART_BOX

    def y(self, ratio: float) -> float:
        """The height of an overlap ratio in the drawing."""
        return CHART_BOX[3] - ratio * (CHART_BOX[3] - CHART_BOX[1])


@dataclass(frozen=True, slots=True)
class PathMap:
    """The path from above: ``headings`` are short lines (x1, y1, x2, y2); ``landmarks`` have their
    name as label where it fits, and their colour as kind; ``scale`` is (pixels, text)."""

    path: str
    marks: tuple[Mark, ...]
    headings: tuple[tuple[float, float, float, float], ...]
    landmarks: tuple[tuple[Mark, bool], ...]
    scale: tuple[float, str]
    width: float = MAP_WIDTH
    height: float = MAP_HEIGHT


def overlap_chart(
    decisions: Sequence[Decision], keyframes: Sequence[Keyframe], start_ns: int, end_ns: int
) -> OverlapChart:
    """Lay out the overlap of every decision, with the keyframes marked on it."""
    left, _, right, _ = CHART_BOX
    span_ns = max(1, end_ns - start_ns)

    def x(stamp_ns: int) -> float:
        return left + (stamp_ns - start_ns) / span_ns * (right - left)

    y = OverlapChart((), (), ()).y
    step = max(1, len(decisions) // MAX_POINTS)
    lines: list[list[str]] = [[]]
    for i, decision in enumerate(decisions):
        if decision.overlap_ratio is None:
            lines.append([])
        elif i % step == 0 or decision.keep:
            lines[-1].append(f"{x(decision.stamp_ns):.1f},{y(decision.overlap_ratio):.1f}")
            if decision.keep:
                # The kept frame is the new reference: the next ratio is against itself.
                lines.append([f"{x(decision.stamp_ns):.1f},{y(1.0):.1f}"])
    marks = tuple(
        Mark(
            k.id,
            x(k.stamp_ns),
            y(1.0 if k.overlap_ratio is None else k.overlap_ratio),
            str(k.id),
            k.reason,
        )
        for k in keyframes
        if start_ns <= k.stamp_ns <= end_ns
    )
    seconds = span_ns / 1e9
    tick = _round_number(seconds / 8)
    times = tuple(
        (left + n * tick / seconds * (right - left), f"{n * tick:g} s")
        for n in range(int(seconds / tick) + 1)
    )
    return OverlapChart(tuple(" ".join(line) for line in lines if len(line) > 1), marks, times)


def path_map(
    keyframes: Sequence[Keyframe], path: Sequence[Pose], landmarks: Sequence[Landmark]
) -> PathMap | None:
    """Lay out the path, the keyframes on it and what stands around; ``None`` without poses."""
    posed = [(k, k.pose) for k in keyframes if k.pose is not None]
    if not posed:
        return None
    track = list(path) or [pose for _, pose in posed]
    xs = [p.position_m[0] for p in track] + [p.position_m[0] for _, p in posed]
    ys = [p.position_m[1] for p in track] + [p.position_m[1] for _, p in posed]
    xs += [landmark.x for landmark in landmarks]
    ys += [landmark.y for landmark in landmarks]
    x_min, x_max, y_min, y_max = min(xs), max(xs), min(ys), max(ys)
    zoom = min(
        (MAP_WIDTH - 2 * MARGIN_X) / max(x_max - x_min, 1.0),
        (MAP_HEIGHT - 2 * MARGIN_Y) / max(y_max - y_min, 1.0),
    )

    def place(x: float, y: float) -> tuple[float, float]:
        return (
            MAP_WIDTH / 2 + (x - (x_min + x_max) / 2) * zoom,
            MAP_HEIGHT / 2 - (y - (y_min + y_max) / 2) * zoom,
        )

    spots = [(k.id, *place(p.position_m[0], p.position_m[1]), _yaw(p)) for k, p in posed]
    thin = track[:: max(1, len(track) // MAX_POINTS)]
    points = [place(p.position_m[0], p.position_m[1]) for p in thin]
    metres = _round_number((x_max - x_min or 1.0) / 4)
    return PathMap(
        path=" ".join(f"{px:.1f},{py:.1f}" for px, py in points),
        marks=_grouped([(i, px, py) for i, px, py, _ in spots]),
        headings=tuple(
            (px, py, px + 22 * math.cos(yaw), py - 22 * math.sin(yaw)) for _, px, py, yaw in spots
        ),
        landmarks=_labelled([(lm, *place(lm.x, lm.y)) for lm in landmarks]),
        scale=(metres * zoom, f"{metres:g} m"),
    )


def _yaw(pose: Pose) -> float:
    """Heading in radians, 0 along +x, positive to the left."""
    x, y, z, w = pose.orientation_xyzw
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _grouped(spots: Sequence[tuple[int, float, float]]) -> tuple[Mark, ...]:
    """Keyframes in a row at one place (a camera that turns) share a mark, "4-7"."""
    groups: list[list[tuple[int, float, float]]] = []
    for spot in spots:
        if groups and math.dist(groups[-1][0][1:], spot[1:]) < 16:
            groups[-1].append(spot)
        else:
            groups.append([spot])
    return tuple(
        Mark(g[0][0], g[0][1], g[0][2], str(g[0][0]) + (f"–{g[-1][0]}" if len(g) > 1 else ""))
        for g in groups
    )


def _labelled(spots: Sequence[tuple[Landmark, float, float]]) -> tuple[tuple[Mark, bool], ...]:
    """Landmarks, each with whether its name can be written without covering an earlier one."""
    taken: list[tuple[float, float, float, float]] = []
    out = []
    for landmark, x, y in spots:
        left, top = x + 8, y - 7
        right, bottom = left + 6.2 * len(landmark.name), y + 7
        free = right < MAP_WIDTH and not any(
            left < r and right > le and top < b and bottom > t for le, t, r, b in taken
        )
        if free:
            taken.append((left, top, right, bottom))
        out.append((Mark(0, x, y, landmark.name, landmark.colour), free))
    return tuple(out)


def _round_number(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, … at or above ``value``."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= value - 1e-12)
