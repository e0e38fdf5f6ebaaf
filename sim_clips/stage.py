"""Fill MuJoCo's visual scene: every part of a simulated scene becomes one visual geom.

`Stage` writes directly into the list of geoms that MuJoCo draws, so that loading a scene needs no
compilation, and hides what a pose can't see.

Out of scope: aiming the camera and drawing (`sim_clips.render`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from embodied_agent.errors import AgentError
from sim_clips.scene import COLOURS, Scene, SceneObject, Wall
from sim_clips.shapes import ACCENTS, parts_of
from sim_clips.textures import FLOORS, WALLS

MAX_PARTS = 1200
_WALL_PIECE_M = 2.6


class RenderError(AgentError):
    """No OpenGL library for off-screen rendering, or a scene with too many parts."""


@dataclass(frozen=True, slots=True)
class _Group:
    """Parts that are shown or hidden together, with their bounding sphere."""

    centre: tuple[float, float, float]
    radius: float
    first: int
    last: int


class Stage:
    """The parts of one scene in a `mujoco.MjvScene`."""

    def __init__(self, mujoco: Any, model: Any, visual: Any) -> None:
        """Use ``visual`` (MjvScene) and the materials and cone mesh of ``model``."""
        self._mj, self._visual = mujoco, visual
        self._geoms: list[Any] = list(visual.geoms)
        self._materials = {model.material(n).name: n for n in range(model.nmat)}
        self._types = {
            "box": int(mujoco.mjtGeom.mjGEOM_BOX),
            "ball": int(mujoco.mjtGeom.mjGEOM_ELLIPSOID),
            "cylinder": int(mujoco.mjtGeom.mjGEOM_CYLINDER),
            "cone": int(mujoco.mjtGeom.mjGEOM_MESH),
        }
        self._hidden = int(mujoco.mjtGeom.mjGEOM_NONE)
        # The compiler moves a mesh to its centre of mass and principal axes; undo both.
        turn = np.zeros(9)
        mujoco.mju_quat2Mat(turn, model.mesh_quat[0])
        self._cone_turn, self._cone_centre = turn.reshape(3, 3), np.array(model.mesh_pos[0])
        self._groups: list[_Group] = []
        self._true_types: list[int] = []
        self._centres: npt.NDArray[np.float64] = np.zeros((0, 3))
        self._radii: npt.NDArray[np.float64] = np.zeros(0)
        self._shown: npt.NDArray[np.bool_] = np.zeros(0, bool)

    def load(self, scene: Scene) -> None:
        """Replace the current geoms with those of ``scene``."""
        self._groups, self._true_types = [], []
        # Near parts come first: fragments behind them fail the depth test and cost no texturing.
        for thing in scene.objects:
            self._object(thing)
        for wall in scene.walls:
            self._wall(scene, wall)
        self._floor_and_ceiling(scene)
        self._visual.ngeom = len(self._true_types)
        self._centres = np.array([group.centre for group in self._groups])
        self._radii = np.array([group.radius for group in self._groups])
        self._shown = np.ones(len(self._groups), bool)
        self._light(scene)

    def hide_unseen(
        self,
        eye: npt.NDArray[np.float64],
        forward: npt.NDArray[np.float64],
        left: npt.NDArray[np.float64],
        up: npt.NDArray[np.float64],
        half_tan: tuple[float, float],
    ) -> None:
        """Hide the groups outside the view; ``half_tan``: tangents of half its width and height."""
        offset, r = self._centres - eye, self._radii
        ahead = offset @ forward
        in_view = ahead > -r
        for axis, tan in ((left, half_tan[0]), (up, half_tan[1])):
            angle = math.atan(tan)
            in_view &= np.abs(offset @ axis) * math.cos(angle) - ahead * math.sin(angle) < r
        for n in np.flatnonzero(in_view != self._shown):
            group = self._groups[n]
            for part in range(group.first, group.last):
                self._geoms[part].type = self._true_types[part] if in_view[n] else self._hidden
        self._shown = in_view

    def _add(
        self,
        shape: str,
        centre: npt.NDArray[np.float64],
        half: tuple[float, float, float],
        turn: npt.NDArray[np.float64],
        rgb: tuple[float, float, float],
        *,
        object_id: int = -1,
        material: str = "",
        emission: float = 0.0,
    ) -> None:
        index = len(self._true_types)
        if index >= MAX_PARTS:
            raise RenderError(f"the scene has more than {MAX_PARTS} parts")
        geom = self._geoms[index]
        kind = self._types[shape]
        # MuJoCo takes a cylinder's size as radius and half length
        size = np.array((half[0], half[2], 0.0) if shape == "cylinder" else half)
        if shape == "cone":
            turn = turn * size
            centre = centre + turn @ self._cone_centre
            turn = turn @ self._cone_turn
        colour = np.array((*rgb, 1.0), np.float32)
        self._mj.mjv_initGeom(geom, kind, size, centre, turn.ravel(), colour)
        if shape == "cone":
            geom.dataid = 0
            geom.mat = turn
        geom.category = 4
        geom.segid = object_id + 1
        geom.specular = 0.0
        geom.shininess = 0.0
        geom.emission = emission
        if material:
            geom.matid = self._materials[material]
        self._true_types.append(kind)

    def _group(self, centre: tuple[float, float, float], radius: float, first: int) -> None:
        self._groups.append(_Group(centre, radius, first, len(self._true_types)))

    def _floor_and_ceiling(self, scene: Scene) -> None:
        look = scene.look
        x0, y0, x1, y1 = scene.bounds
        mid, eye = ((x0 + x1) / 2, (y0 + y1) / 2), np.eye(3)
        grey, warm = look.get("floor_grey", 0.6), look.get("floor_warm", 0.0)
        floor_rgb = (min(grey + warm, 1.0), grey, max(grey - warm, 0.0))
        style = int(look.get("floor_texture", 0.0)) % FLOORS
        city = scene.world == "city"
        margin = 160.0 if city else 6.0
        half = (max(x1 - x0, y1 - y0) / 2 + margin,) * 2
        ground = f"ground{(4, 1, 2, 4, 2)[style]}" if city else f"floor{style}"
        dim = 0.75 if city else 1.0
        first = len(self._true_types)
        self._add(
            "box",
            np.array((*mid, -0.05)),
            (*half, 0.05),
            eye,
            (floor_rgb[0] * dim, floor_rgb[1] * dim, floor_rgb[2] * dim),
            material=ground,
        )
        if not city:
            top = max(wall.z + wall.height for wall in scene.walls)
            self._add(
                "box", np.array((*mid, top + 0.05)), (*half, 0.05), eye, (0.9, 0.9, 0.9),
                emission=0.25,
            )  # fmt: skip
        self._group((*mid, 0.0), 1e4, first)

    def _wall(self, scene: Scene, wall: Wall) -> None:
        look, city = scene.look, scene.world == "city"
        grey, warm = look.get("wall_grey", 0.85), look.get("wall_warm", 0.0)
        rgb = (min(grey + warm, 1.0), grey, max(grey - warm, 0.0))
        (ax, ay), (bx, by) = wall.a, wall.b
        length = math.hypot(bx - ax, by - ay)
        if city:
            pieces, material = 1, f"ground{1 + int(look.get('wall_texture', 0.0)) % 2}"
        else:
            pieces = max(1, round(length / _WALL_PIECE_M))
            material = f"wall{int(look.get('wall_texture', 0.0)) % WALLS}"
        yaw = math.atan2(by - ay, bx - ax)
        turn = np.array(
            [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1.0]]
        )
        half = (length / pieces / 2, wall.thickness / 2, wall.height / 2)
        for n in range(pieces):
            share = (n + 0.5) / pieces
            x, y, z = ax + (bx - ax) * share, ay + (by - ay) * share, wall.z + half[2]
            first = len(self._true_types)
            centre = np.array((x, y, z))
            self._add("box", centre, half, turn, rgb, material=material, emission=0.2)
            if not city and wall.z == 0.0:  # a skirting board
                board = (half[0], half[1] + 0.012, 0.045)
                low = np.array((x, y, 0.045))
                self._add("box", low, board, turn, (0.4 * grey, 0.39 * grey, 0.38 * grey))
            self._group((x, y, z), math.hypot(*half) + 0.1, first)

    def _object(self, thing: SceneObject) -> None:
        yaw = math.radians(thing.yaw_deg)
        turn = np.array(
            [[math.cos(yaw), -math.sin(yaw), 0], [math.sin(yaw), math.cos(yaw), 0], [0, 0, 1.0]]
        )
        base = np.array(thing.position)
        first = len(self._true_types)
        for part in parts_of(thing.kind, thing.size):
            own = part.colour == "own"
            self._add(
                part.shape,
                base + turn @ np.array(part.centre),
                part.half,
                turn @ _AXES[part.axis],
                COLOURS[thing.colour] if own else ACCENTS[part.colour],
                object_id=thing.id,
                material="windows" if part.windows else "",
                emission=_EMISSION.get(part.colour, 0.08),
            )
        self._group(thing.centre, math.hypot(*thing.size) / 2 + 0.05, first)

    def _light(self, scene: Scene) -> None:
        look = scene.look
        azimuth = math.radians(look.get("light_azimuth_deg", 30.0))
        elevation = math.radians(look.get("light_elevation_deg", 60.0))
        light = self._visual.lights[0]
        light.type = int(self._mj.mjtLightType.mjLIGHT_DIRECTIONAL)
        light.dir = [
            -math.cos(azimuth) * math.cos(elevation),
            -math.sin(azimuth) * math.cos(elevation),
            -math.sin(elevation),
        ]
        light.pos = [0.0, 0.0, 100.0]
        light.ambient = [look.get("ambient", 0.5)] * 3
        light.diffuse = [look.get("light", 0.4)] * 3
        light.specular = [0.0] * 3
        light.headlight = 0
        light.castshadow = 0
        self._visual.nlight = 1


_AXES: dict[str, npt.NDArray[np.float64]] = {
    "z": np.eye(3),
    "y": np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
    "x": np.array([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]]),
}


_EMISSION = {"own": 0.12, "glow": 0.6}
