"""What each kind looks like: a handful of boxes, balls, cylinders and cones per object.

Most of an object's visible surface has its own colour; the other parts have fixed neutral colours
that, together with the outline, distinguish the kinds. An object's front is its +y side, and its
parts stay within its size.

Out of scope: rendering (`sim_clips.render`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Shape = Literal["box", "ball", "cylinder", "cone"]

#: Colours (RGB, 0 to 1) of the parts that don't have the object's own colour.
ACCENTS: dict[str, tuple[float, float, float]] = {
    "white": (0.95, 0.95, 0.93),
    "black": (0.06, 0.06, 0.07),
    "dark": (0.16, 0.17, 0.2),
    "wood": (0.30, 0.20, 0.12),
    "water": (0.78, 0.86, 0.90),
    "gold": (0.80, 0.66, 0.25),
    "grey": (0.55, 0.55, 0.55),
    "glow": (1.0, 0.98, 0.88),
}


@dataclass(frozen=True, slots=True)
class Part:
    """One primitive: centre and half extents in the object's frame, metres.

    ``colour`` is "own" or a name from `ACCENTS`; ``axis`` is the axis of a cylinder or cone;
    ``windows`` applies the window texture.
    """

    shape: Shape
    centre: tuple[float, float, float]
    half: tuple[float, float, float]
    colour: str = "own"
    axis: Literal["x", "y", "z"] = "z"
    windows: bool = False


def _box(
    x: tuple[float, float],
    y: tuple[float, float],
    z: tuple[float, float],
    colour: str = "own",
    *,
    windows: bool = False,
) -> Part:
    """A box from its limits on the three axes."""
    centre = ((x[0] + x[1]) / 2, (y[0] + y[1]) / 2, (z[0] + z[1]) / 2)
    half = ((x[1] - x[0]) / 2, (y[1] - y[0]) / 2, (z[1] - z[0]) / 2)
    return Part("box", centre, half, colour, windows=windows)


def _round(
    shape: Shape, r: float, z: tuple[float, float], colour: str = "own", x: float = 0.0
) -> Part:
    """An upright cylinder or cone of radius ``r`` between the two heights of ``z``, metres."""
    return Part(shape, (x, 0.0, (z[0] + z[1]) / 2), (r, r, (z[1] - z[0]) / 2), colour)


def _sofa(w: float, d: float, h: float) -> list[Part]:
    arm, back = 0.11 * w, 0.24 * d
    seat = [
        _box((s * 0.2 * w - 0.16 * w, s * 0.2 * w + 0.16 * w), (-d / 2 + back, 0.36 * d),
             (0.44 * h, 0.58 * h), "white")
        for s in (-1, 1)
    ]  # fmt: skip
    return [
        _box((-w / 2, w / 2), (-d / 2, d / 2), (0.06 * h, 0.45 * h)),
        _box((-w / 2, w / 2), (-d / 2, -d / 2 + back), (0.45 * h, h)),
        _box((-w / 2, -w / 2 + arm), (-d / 2 + back, d / 2), (0.45 * h, 0.72 * h)),
        _box((w / 2 - arm, w / 2), (-d / 2 + back, d / 2), (0.45 * h, 0.72 * h)),
        *seat,
    ]


def _table(w: float, d: float, h: float) -> list[Part]:
    leg = 0.07
    legs = [
        _box((sx * (w / 2 - leg) - leg / 2, sx * (w / 2 - leg) + leg / 2),
             (sy * (d / 2 - leg) - leg / 2, sy * (d / 2 - leg) + leg / 2),
             (0.0, 0.8 * h), "black")
        for sx in (-1, 1) for sy in (-1, 1)
    ]  # fmt: skip
    return [
        _box((-w / 2, w / 2), (-d / 2, d / 2), (0.86 * h, h)),
        _box((-0.46 * w, 0.46 * w), (-0.44 * d, 0.44 * d), (0.68 * h, 0.86 * h)),
        *legs,
    ]


def _lamp(w: float, d: float, h: float) -> list[Part]:
    return [
        _round("cylinder", 0.42 * w, (0.0, 0.03 * h), "black"),
        _box((-0.025, 0.025), (-0.025, 0.025), (0.03 * h, 0.6 * h), "black"),
        _round("cone", 0.5 * w, (0.52 * h, 0.97 * h)),
        Part("ball", (0.0, 0.0, 0.95 * h), (0.12 * w, 0.12 * w, 0.05 * h), "glow"),
    ]


def _bookshelf(w: float, d: float, h: float) -> list[Part]:
    side, shelf, front = 0.1 * w, 0.045 * h, d / 2
    parts = [
        _box((-w / 2, w / 2), (-d / 2, -0.1 * d), (0.0, h)),
        _box((-w / 2, -w / 2 + side), (-0.1 * d, front), (0.0, h)),
        _box((w / 2 - side, w / 2), (-0.1 * d, front), (0.0, h)),
        _box((-w / 2 + side, w / 2 - side), (-0.1 * d, 0.0), (shelf, h - shelf), "black"),
    ]
    rows, gap = 4, (h - shelf) / 4
    for n in range(rows + 1):
        z = n * gap
        parts.append(_box((-w / 2 + side, w / 2 - side), (-0.1 * d, front), (z, z + shelf)))
        if n < rows:
            low = -w / 2 + side + (0.05 + 0.13 * (n % 2)) * w
            parts.append(
                _box((low, low + 0.48 * w), (0.0, 0.36 * d), (z + shelf, z + 0.78 * gap), "white")
            )
    return parts


def _bed(w: float, d: float, h: float) -> list[Part]:
    return [
        _box((-w / 2, w / 2), (-d / 2, -d / 2 + 0.08), (0.0, h), "wood"),
        _box((-0.47 * w, 0.47 * w), (-d / 2 + 0.08, 0.485 * d), (0.08 * h, 0.52 * h), "white"),
        _box((-w / 2, w / 2), (-0.2 * d, d / 2), (0.1 * h, 0.6 * h)),
        _box((-0.36 * w, -0.03 * w), (-0.44 * d, -0.25 * d), (0.52 * h, 0.68 * h), "white"),
        _box((0.03 * w, 0.36 * w), (-0.44 * d, -0.25 * d), (0.52 * h, 0.68 * h), "white"),
    ]


def _plant(w: float, d: float, h: float) -> list[Part]:
    r = 0.24 * w
    leaves = [
        Part("ball", (x * w, y * w, z * h), (r, r, 0.19 * h))
        for x, y, z in (
            (-0.24, 0.0, 0.5), (0.24, 0.05, 0.52), (0.0, 0.24, 0.55), (0.0, -0.24, 0.55),
            (0.0, 0.0, 0.8),
        )
    ]  # fmt: skip
    return [
        _round("cylinder", 0.28 * w, (0.0, 0.32 * h), "white"),
        _round("cylinder", 0.33 * w, (0.27 * h, 0.34 * h), "white"),
        *leaves,
    ]


def _clock(w: float, d: float, h: float) -> list[Part]:
    front = d / 2
    r, z = 0.38 * w, 0.84 * h
    return [
        _box((-w / 2, w / 2), (-d / 2, 0.4 * d), (0.0, h)),
        _box((-0.2 * w, 0.2 * w), (0.4 * d, 0.43 * d), (0.16 * h, 0.6 * h), "black"),
        _box((-0.02 * w, 0.02 * w), (0.43 * d, 0.46 * d), (0.26 * h, 0.58 * h), "gold"),
        Part("cylinder", (0.0, 0.435 * d, z), (r, r, 0.035 * d), "white", axis="y"),
        _box((-0.04 * w, 0.04 * w), (0.47 * d, front), (z, z + 0.8 * r), "black"),
        _box((0.0, 0.65 * r), (0.47 * d, front), (z - 0.03 * w, z + 0.05 * w), "black"),
    ]


def _barrel(w: float, d: float, h: float) -> list[Part]:
    rings = [
        _round("cylinder", 0.5 * w, ((at - 0.035) * h, (at + 0.035) * h), "black")
        for at in (0.12, 0.5, 0.88)
    ]
    return [
        _round("cylinder", 0.475 * w, (0.0, 0.98 * h)),
        *rings,
        _round("cylinder", 0.36 * w, (0.98 * h, h), "dark"),
    ]


def _door(w: float, d: float, h: float) -> list[Part]:
    knob = 0.05
    return [
        _box((-w / 2, w / 2), (-d / 2, 0.3 * d), (0.0, h), "white"),
        _box((-0.4 * w, 0.4 * w), (0.3 * d, 0.42 * d), (0.0, 0.94 * h)),
        _box((0.24 * w, 0.24 * w + 3 * knob), (0.42 * d, d / 2), (0.46 * h, 0.46 * h + knob),
             "black"),
        _box((-0.24 * w, 0.24 * w), (0.42 * d, 0.46 * d), (0.54 * h, 0.545 * h + 0.03), "white"),
    ]  # fmt: skip


def _building(w: float, d: float, h: float) -> list[Part]:
    return [
        _box((-w / 2, w / 2), (-d / 2, d / 2), (0.0, 0.96 * h), windows=True),
        _box((-0.2 * w, 0.2 * w), (-0.2 * d, 0.2 * d), (0.96 * h, h), "grey"),
    ]


def _tree(w: float, d: float, h: float) -> list[Part]:
    return [
        _round("cylinder", 0.09 * w, (0.0, 0.3 * h), "wood"),
        _round("cone", 0.5 * w, (0.2 * h, 0.72 * h)),
        _round("cone", 0.38 * w, (0.5 * h, h)),
    ]


def _car(w: float, d: float, h: float) -> list[Part]:
    r = 0.2 * h
    wheels = [
        Part("cylinder", (sx * 0.3 * w, sy * 0.46 * d, r), (r, r, 0.04 * d), "black", axis="y")
        for sx in (-1, 1)
        for sy in (-1, 1)
    ]
    return [
        _box((-w / 2, w / 2), (-0.46 * d, 0.46 * d), (0.16 * h, 0.6 * h)),
        _box((-0.4 * w, 0.3 * w), (-0.42 * d, 0.42 * d), (0.6 * h, 0.85 * h), "dark"),
        _box((-0.42 * w, 0.28 * w), (-0.44 * d, 0.44 * d), (0.85 * h, h)),
        *wheels,
    ]


def _tower(w: float, d: float, h: float) -> list[Part]:
    return [
        _round("cylinder", 0.42 * w, (0.0, 0.8 * h)),
        _round("cylinder", 0.45 * w, (0.6 * h, 0.68 * h), "white"),
        _round("cone", 0.5 * w, (0.8 * h, h), "black"),
    ]


def _dome(w: float, d: float, h: float) -> list[Part]:
    return [
        _round("cylinder", 0.5 * w, (0.0, 0.3 * h), "white"),
        Part("ball", (0.0, 0.0, 0.3 * h), (0.48 * w, 0.48 * w, 0.58 * h)),
        _round("cylinder", 0.03 * w, (0.86 * h, h), "gold"),
    ]


def _crane(w: float, d: float, h: float) -> list[Part]:
    mast, m = -0.18 * w, 0.4 * d
    return [
        _box((mast - 0.36 * d, mast + 0.36 * d), (-0.36 * d, 0.36 * d), (0.0, 0.86 * h)),
        _box((mast - m, mast + m), (-d / 2, d / 2), (0.0, 0.06 * h), "grey"),
        _box((-w / 2, w / 2), (-0.3 * d, 0.3 * d), (0.86 * h, 0.92 * h)),
        _box((mast - 0.2 * d, mast + 0.2 * d), (-0.2 * d, 0.2 * d), (0.92 * h, h)),
        _box((-w / 2, -w / 2 + 0.13 * w), (-0.45 * d, 0.45 * d), (0.76 * h, 0.87 * h), "black"),
        _box((0.36 * w - 0.1, 0.36 * w + 0.1), (-0.1, 0.1), (0.6 * h, 0.86 * h), "black"),
        _box((0.36 * w - 0.5, 0.36 * w + 0.5), (-0.5, 0.5), (0.54 * h, 0.6 * h), "black"),
    ]


def _billboard(w: float, d: float, h: float) -> list[Part]:
    posts = [
        _box((s * 0.28 * w - 0.25, s * 0.28 * w + 0.25), (-0.25, 0.25), (0.0, 0.42 * h), "black")
        for s in (-1, 1)
    ]
    stripes = [
        _box((-0.3 * w, 0.3 * w), (-d / 2, d / 2), (at * h, (at + 0.05) * h), "white")
        for at in (0.6, 0.76)
    ]
    return [
        _box((-w / 2, w / 2), (-0.3 * d, 0.3 * d), (0.4 * h, h), "white"),
        _box((-0.46 * w, 0.46 * w), (-0.45 * d, 0.45 * d), (0.44 * h, 0.96 * h)),
        *stripes,
        *posts,
    ]


def _fountain(w: float, d: float, h: float) -> list[Part]:
    return [
        _round("cylinder", 0.5 * w, (0.0, 0.3 * h)),
        _round("cylinder", 0.34 * w, (0.3 * h, 0.32 * h), "water"),
        _round("cylinder", 0.16 * w, (0.3 * h, 0.55 * h)),
        _round("cylinder", 0.045 * w, (0.55 * h, h), "white"),
        Part("ball", (0.0, 0.0, 0.9 * h), (0.11 * w, 0.11 * w, 0.1 * h), "white"),
    ]


_BUILDERS: dict[str, Callable[[float, float, float], list[Part]]] = {
    "sofa": _sofa,
    "table": _table,
    "lamp": _lamp,
    "bookshelf": _bookshelf,
    "bed": _bed,
    "plant": _plant,
    "clock": _clock,
    "barrel": _barrel,
    "door": _door,
    "building": _building,
    "tree": _tree,
    "car": _car,
    "tower": _tower,
    "dome": _dome,
    "crane": _crane,
    "billboard": _billboard,
    "fountain": _fountain,
}


def parts_of(kind: str, size: tuple[float, float, float]) -> list[Part]:
    """The parts of an object of ``kind`` and ``size`` (width, depth, height in metres)."""
    return _BUILDERS[kind](*size)
