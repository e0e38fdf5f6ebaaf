"""The layout of the report's two drawings: overlap over time, and the path from above.

Pure geometry: records in, coordinates in SVG units out.

Out of scope: the drawings' appearance (`templates/report.html`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from embodied_agent.records import Decision, Keyframe, Pose

CHART_WIDTH, CHART_HEIGHT = 1000.0, 240.0
#: Left, top, right, bottom of the plotted area.
CHART_BOX = (44.0, 12.0, 988.0, 204.0)
MAP_WIDTH, MAP_HEIGHT = 760.0, 520.0
#: Room for labels: left and right (X), above and below (Y).
MARGIN_X, MARGIN_Y = 80.0, 40.0
_Box = tuple[float, float, float, float]  # left, top, right, bottom
#: More points than this would make no visible difference at this size.
MAX_POINTS = 2000


@dataclass(frozen=True, slots=True)
class Landmark:
    """An object with a known true position, in metres in the frame of the poses, and a CSS
    colour."""

    name: str
    x: float
    y: float
    colour: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The landmarks and walls around a path. ``walls`` are lines (x1, y1, x2, y2) in metres."""

    landmarks: tuple[Landmark, ...] = ()
    walls: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Mark:
    """A point of a drawing that represents keyframes (``id`` is the first of them) or a landmark.
    ``label_at`` is (x, y, SVG text-anchor), ``None`` if there is no room for the label."""

    id: int
    x: float
    y: float
    label: str
    kind: str = ""
    label_at: tuple[float, float, str] | None = None


@dataclass(frozen=True, slots=True)
class OverlapChart:
    """Overlap over time. ``lines`` are SVG point lists; where the overlap was not measured, a line
    ends and another begins."""

    lines: tuple[str, ...]
    marks: tuple[Mark, ...]
    times: tuple[tuple[float, str], ...]
    box: tuple[float, float, float, float] = CHART_BOX

    def y(self, ratio: float) -> float:
        """The y coordinate of an overlap ratio in the drawing."""
        return CHART_BOX[3] - ratio * (CHART_BOX[3] - CHART_BOX[1])


@dataclass(frozen=True, slots=True)
class PathMap:
    """The path from above. ``headings`` are short lines (x1, y1, x2, y2), the ``kind`` of a
    landmark is its colour, and ``scale`` is the scale bar (length, text)."""

    path: str
    marks: tuple[Mark, ...]
    headings: tuple[tuple[float, float, float, float], ...]
    landmarks: tuple[Mark, ...]
    walls: tuple[tuple[float, float, float, float], ...]
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
                # The kept frame is the new reference, and overlaps completely with itself.
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
    keyframes: Sequence[Keyframe], path: Sequence[Pose], around: Surroundings
) -> PathMap | None:
    """Lay out the path, the keyframes on it and its surroundings; ``None`` without poses."""
    posed = [(k, k.pose) for k in keyframes if k.pose is not None]
    if not posed:
        return None
    track = list(path) or [pose for _, pose in posed]
    xs = [p.position_m[0] for p in track] + [p.position_m[0] for _, p in posed]
    ys = [p.position_m[1] for p in track] + [p.position_m[1] for _, p in posed]
    xs += [lm.x for lm in around.landmarks] + [x for w in around.walls for x in w[::2]]
    ys += [lm.y for lm in around.landmarks] + [y for w in around.walls for y in w[1::2]]
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
    marks = _grouped([(i, px, py) for i, px, py, _ in spots])
    things = [Mark(0, *place(lm.x, lm.y), lm.name, lm.colour) for lm in around.landmarks]
    labelled = _with_labels([*marks, *things])
    metres = _round_number((x_max - x_min or 1.0) / 4)
    return PathMap(
        path=" ".join(f"{px:.1f},{py:.1f}" for px, py in points),
        marks=labelled[: len(marks)],
        headings=tuple(
            (px, py, px + 22 * math.cos(yaw), py - 22 * math.sin(yaw)) for _, px, py, yaw in spots
        ),
        landmarks=labelled[len(marks) :],
        walls=tuple((*place(x1, y1), *place(x2, y2)) for x1, y1, x2, y2 in around.walls),
        scale=(metres * zoom, f"{metres:g} m"),
    )


def _yaw(pose: Pose) -> float:
    """Heading in radians, 0 along +x, positive to the left."""
    x, y, z, w = pose.orientation_xyzw
    return math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))


def _grouped(spots: Sequence[tuple[int, float, float]]) -> list[Mark]:
    """Keyframes at the same place, where a camera turned or came back, share a mark: "4–7, 12"."""
    groups: list[list[tuple[int, float, float]]] = []
    for spot in spots:
        near = next((g for g in groups if math.dist(g[0][1:], spot[1:]) < 14), None)
        if near is None:
            groups.append([spot])
        else:
            near.append(spot)
    return [
        Mark(g[0][0], g[0][1], g[0][2], _ranges([number for number, _, _ in g])) for g in groups
    ]


def _ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers in short form: 1, 2, 3, 7 become "1–3, 7"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(r[0]) if len(r) == 1 else f"{r[0]}–{r[-1]}" for r in runs)


def _with_labels(marks: Sequence[Mark]) -> tuple[Mark, ...]:
    """The marks, each with a position for its label that covers no mark and no other label, if
    there is one."""
    occupied: list[_Box] = [(m.x - 6, m.y - 6, m.x + 6, m.y + 6) for m in marks]
    out = []
    for mark in marks:
        width = 7.0 * len(mark.label)
        choices: list[tuple[tuple[float, float, str], _Box]] = [
            ((mark.x + 10, mark.y + 4, "start"), (9, -7, 10 + width, 7)),
            ((mark.x - 10, mark.y + 4, "end"), (-10 - width, -7, -9, 7)),
            ((mark.x, mark.y - 11, "middle"), (-width / 2, -22, width / 2, -8)),
            ((mark.x, mark.y + 20, "middle"), (-width / 2, 8, width / 2, 22)),
        ]
        for at, (left, top, right, bottom) in choices:
            box = (mark.x + left, mark.y + top, mark.x + right, mark.y + bottom)
            inside = box[0] >= 0 and box[1] >= 0 and box[2] <= MAP_WIDTH and box[3] <= MAP_HEIGHT
            if inside and not any(
                box[0] < b[2] and box[2] > b[0] and box[1] < b[3] and box[3] > b[1]
                for b in occupied
            ):
                occupied.append(box)
                mark = replace(mark, label_at=at)
                break
        out.append(mark)
    return tuple(out)


def _round_number(value: float) -> float:
    """The smallest of …, 1, 2, 5, 10, 20, … that is at least ``value``."""
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(power * m for m in (1, 2, 5, 10) if power * m >= value - 1e-12)
