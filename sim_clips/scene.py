"""The data types of a simulated world, shared by layout, rendering, truth and questions.

World frame: x east, y north, z up, metres. Headings: yaw in degrees, 0 along +x, positive to the
left (counter-clockwise); pitch in degrees, positive upward.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from embodied_agent.records import Action

WorldName = Literal["house", "city", "warehouse"]

COLOURS: dict[str, tuple[float, float, float]] = {
    "red": (0.85, 0.08, 0.08),
    "orange": (1.0, 0.50, 0.0),
    "yellow": (0.98, 0.90, 0.08),
    "green": (0.05, 0.60, 0.12),
    "cyan": (0.10, 0.85, 0.90),
    "blue": (0.08, 0.15, 0.85),
    "purple": (0.50, 0.08, 0.65),
    "pink": (1.0, 0.50, 0.75),
}
HOUSE_KINDS = ("sofa", "table", "lamp", "bookshelf", "bed", "plant", "clock", "barrel", "door")
CITY_KINDS = ("building", "tree", "car", "tower", "dome", "crane", "billboard", "fountain")


def held_out(kind: str, colour: str) -> bool:
    """Whether only the warehouse may show this pair of house kind and colour (two per kind)."""
    if kind not in HOUSE_KINDS:
        return False
    k, c = HOUSE_KINDS.index(kind), list(COLOURS).index(colour)
    return c in ((3 * k) % 8, (3 * k + 4) % 8)


@dataclass(frozen=True, slots=True)
class SceneObject:
    """One named object. ``(colour, kind)`` is unique in a scene. ``position`` is the centre of its
    footprint on the floor (z = 0 unless it stands on something); ``size`` is (width along its own
    x, depth along its own y, height) in metres; ``yaw_deg`` turns it about the vertical."""

    id: int
    kind: str
    colour: str
    position: tuple[float, float, float]
    yaw_deg: float
    size: tuple[float, float, float]

    @property
    def name(self) -> str:
        """Colour and kind, such as ``red sofa``."""
        return f"{self.colour} {self.kind}"

    @property
    def centre(self) -> tuple[float, float, float]:
        """The centre of the object's volume, metres."""
        x, y, z = self.position
        return (x, y, z + self.size[2] / 2)


@dataclass(frozen=True, slots=True)
class Wall:
    """An upright box from ``a`` to ``b`` on the floor plan; ``height``, ``thickness`` and the lower
    edge ``z`` in metres (lintels over doors have z > 0)."""

    a: tuple[float, float]
    b: tuple[float, float]
    height: float = 2.6
    thickness: float = 0.12
    z: float = 0.0


@dataclass(frozen=True, slots=True)
class Step:
    """One action of the camera. ``amount`` is positive: degrees for rotations and tilts, metres
    otherwise. ``duration_s`` includes easing in and out."""

    action: Action
    amount: float
    duration_s: float


@dataclass(frozen=True, slots=True)
class CameraPose:
    """The camera's position in metres, heading (yaw) and pitch in degrees."""

    x: float
    y: float
    z: float
    yaw_deg: float
    pitch_deg: float


@dataclass(frozen=True)
class Scene:
    """A simulated world built from a seed: its objects and walls, and the path through it."""

    world: WorldName
    seed: int
    objects: tuple[SceneObject, ...]
    walls: tuple[Wall, ...]
    bounds: tuple[float, float, float, float]  # x_min, y_min, x_max, y_max of the floor
    start: CameraPose
    steps: tuple[Step, ...]
    hfov_deg: float
    look: dict[str, float] = field(default_factory=dict)  # light, texture and shake numbers


#: End of "near" and start of "far": metres from the camera on the floor plan.
DISTANCE_LIMITS_M: dict[str, tuple[float, float]] = {
    "house": (2.5, 4.5),
    "warehouse": (2.5, 4.5),
    "city": (18.0, 36.0),
}
#: An object counts as visible with at least this many pixels of a 320×240 picture.
VISIBLE_PIXELS = 150
