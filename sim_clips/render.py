"""Pictures of a scene on the CPU: colour, object ids and depth, through MuJoCo's renderer.

`Renderer` keeps one tiny compiled model (textures, materials, a cone) and writes the scene's parts
straight into MuJoCo's list of visual geoms, so that loading a scene compiles nothing and a picture
needs no physics. There are no shadows or highlights: colours must keep their hue.
"""

from __future__ import annotations

import ctypes.util
import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.errors import AgentError
from sim_clips.scene import COLOURS, CameraPose, Scene, SceneObject, Wall
from sim_clips.shapes import ACCENTS, Part, parts_of
from sim_clips.textures import FLOORS, WALLS, texture_files

if TYPE_CHECKING:
    import mujoco

Backend = Literal["osmesa", "egl"]

_MAX_PARTS = 1200
_NEAR_M, _FAR_M = 0.06, 260.0
_WALL_PIECE_M = 2.6
#: Red value in the id picture → object id: 0 is empty, 1 is walls and floor, n + 2 is object n.
_ID_OF_CODE = np.maximum(np.arange(256) - 2, -1).astype(np.int16)


class RenderError(AgentError):
    """No OpenGL library for rendering without a screen, or a scene too large to draw."""


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture: ``bgr`` (h, w, 3) uint8; ``ids`` (h, w) int16, `SceneObject.id` or -1;
    ``depth_m`` (h, w) float32 along the optical axis where it was asked for, else ``None``."""

    bgr: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int16]
    depth_m: npt.NDArray[np.float32] | None = None


def choose_backend(wanted: str | None = None) -> Backend:
    """Set MUJOCO_GL to ``wanted``, its present value, or the first library found here.

    Must come before the first import of mujoco. Raises `RenderError` naming the Debian packages
    where neither OSMesa nor EGL can be loaded.
    """
    libraries: dict[Backend, str] = {"osmesa": "OSMesa", "egl": "EGL"}
    asked = wanted or os.environ.get("MUJOCO_GL", "")
    order = sorted(libraries, key=lambda name: name != asked)
    for name in order:
        if ctypes.util.find_library(libraries[name]):
            os.environ["MUJOCO_GL"] = name
            if name == "osmesa":
                os.environ["PYOPENGL_PLATFORM"] = "osmesa"
            os.environ.setdefault("LP_NUM_THREADS", "1")
            return name
    raise RenderError(
        "rendering needs OSMesa or EGL, and neither library was found; "
        "on Debian or Ubuntu: apt-get install libosmesa6 (or libegl1)"
    )


def _model_xml(width: int, height: int) -> str:
    cone = [(math.cos(a), math.sin(a), -1.0) for a in np.arange(14) * (2 * math.pi / 14)]
    vertices = " ".join(f"{v:.4f}" for point in [*cone, (0.0, 0.0, 1.0)] for v in point)
    textures = [
        f'<texture name="floor{n}" type="2d" file="floor{n}.png"/>'
        f'<material name="floor{n}" texture="floor{n}" texuniform="true" texrepeat="0.5 0.5"/>'
        f'<material name="ground{n}" texture="floor{n}" texuniform="true" texrepeat="0.12 0.12"/>'
        for n in range(FLOORS)
    ]
    textures += [
        f'<texture name="wall{n}" type="cube" file="wall{n}.png"/>'
        f'<material name="wall{n}" texture="wall{n}"/>'
        for n in range(WALLS)
    ]
    return f"""<mujoco>
  <visual>
    <global offwidth="{width}" offheight="{height}"/>
    <quality offsamples="0" numslices="14" numstacks="6" numquads="1" shadowsize="0"/>
  </visual>
  <asset>
    <texture type="skybox" builtin="gradient" rgb1=".80 .82 .85" rgb2=".93 .93 .92"
             width="64" height="384"/>
    {"".join(textures)}
    <texture name="windows" type="cube" fileright="windows.png" fileleft="windows.png"
             fileup="windows.png" filedown="windows.png" filefront="roof.png" fileback="roof.png"/>
    <material name="windows" texture="windows"/>
    <mesh name="cone" vertex="{vertices}"/>
  </asset>
  <worldbody><geom type="sphere" size="0.1"/></worldbody>
</mujoco>"""


@dataclass(frozen=True, slots=True)
class _Group:
    """Parts that appear and vanish together, with a sphere around them."""

    centre: tuple[float, float, float]
    radius: float
    first: int
    last: int


class Renderer:
    """Draws one scene at a time. Not thread-safe; belongs to the thread that made it."""

    def __init__(self, width: int = 320, height: int = 240, backend: str | None = None) -> None:
        """Pictures of ``width`` by ``height``; ``backend`` is "osmesa", "egl" or chosen here."""
        self.backend = choose_backend(backend)
        import mujoco

        if not mujoco.GLContext.__module__.startswith(f"mujoco.{self.backend}"):
            raise RenderError(
                f"mujoco was imported before MUJOCO_GL was set to {self.backend}; import it after "
                "making the first Renderer, or set MUJOCO_GL in the environment"
            )
        self._mj = mujoco
        self.width, self.height = width, height
        model = mujoco.MjModel.from_xml_string(_model_xml(width, height), texture_files())
        self._model = model
        self._gl = mujoco.GLContext(width, height)
        self._gl.make_current()
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._cheaper_textures()
        self._scene = mujoco.MjvScene(model, maxgeom=_MAX_PARTS)
        self._geoms: list[Any] = list(self._scene.geoms)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._rgb = np.zeros((height, width, 3), np.uint8)
        self._id_rgb = np.zeros((height, width, 3), np.uint8)
        self._zbuf = np.zeros((height, width), np.float32)
        self._materials = {model.material(n).name: n for n in range(model.nmat)}
        self._types = {
            "box": int(mujoco.mjtGeom.mjGEOM_BOX),
            "ball": int(mujoco.mjtGeom.mjGEOM_ELLIPSOID),
            "cylinder": int(mujoco.mjtGeom.mjGEOM_CYLINDER),
            "cone": int(mujoco.mjtGeom.mjGEOM_MESH),
        }
        self._hidden = int(mujoco.mjtGeom.mjGEOM_NONE)
        cone_mat = np.zeros(9)
        mujoco.mju_quat2Mat(cone_mat, model.mesh_quat[0])
        self._cone = (cone_mat.reshape(3, 3), np.array(model.mesh_pos[0]))
        self.scene: Scene | None = None
        self._groups: list[_Group] = []
        self._true_types: list[int] = []
        self._shown: npt.NDArray[np.bool_] = np.zeros(0, bool)

    def close(self) -> None:
        """Free the OpenGL context; the renderer can't be used afterwards."""
        self._context.free()
        self._gl.free()

    def _cheaper_textures(self) -> None:
        """Bilinear instead of trilinear filtering: a fifth of the drawing time."""
        from OpenGL import GL

        for n in range(self._model.ntex):
            flat = int(self._model.tex_type[n]) == int(self._mj.mjtTexture.mjTEXTURE_2D)
            target = GL.GL_TEXTURE_2D if flat else GL.GL_TEXTURE_CUBE_MAP
            GL.glBindTexture(target, int(self._context.texture[n]))
            GL.glTexParameteri(target, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_NEAREST)

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Loading -------------------------------------------------------------------------------

    def load(self, scene: Scene) -> None:
        """Put ``scene`` on stage; later `render` calls show it."""
        self.scene = scene
        self._groups, self._true_types = [], []
        # What is near comes first: fragments behind it fail the depth test and cost no texturing.
        for thing in scene.objects:
            self._object(thing)
        for wall in scene.walls:
            self._wall(scene, wall)
        self._stage(scene)
        self._scene.ngeom = len(self._true_types)
        self._centres = np.array([g.centre for g in self._groups])
        self._radii = np.array([g.radius for g in self._groups])
        self._shown = np.ones(len(self._groups), bool)
        self._lights(scene)

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
        if index >= _MAX_PARTS:
            raise RenderError(f"the scene has more than {_MAX_PARTS} parts")
        geom = self._geoms[index]
        kind = self._types[shape]
        # MuJoCo takes a cylinder's size as radius and half length
        size = np.array((half[0], half[2], 0.0) if shape == "cylinder" else half)
        if shape == "cone":
            turn = turn * size
            centre = centre + turn @ self._cone[1]
            turn = turn @ self._cone[0]
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

    def _stage(self, scene: Scene) -> None:
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
                emission=_emission(part),
            )
        self._group(thing.centre, math.hypot(*thing.size) / 2 + 0.05, first)

    def _lights(self, scene: Scene) -> None:
        look = scene.look
        azimuth = math.radians(look.get("light_azimuth_deg", 30.0))
        elevation = math.radians(look.get("light_elevation_deg", 60.0))
        light = self._scene.lights[0]
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
        self._scene.nlight = 1

    # Drawing -------------------------------------------------------------------------------

    def render(
        self, pose: CameraPose, hfov_deg: float | None = None, *, depth: bool = False
    ) -> Rendered:
        """The loaded scene from ``pose``; raises `RenderError` where none is loaded."""
        if self.scene is None:
            raise RenderError("load a scene before rendering")
        self._gl.make_current()
        self._aim(pose, self.scene.hfov_deg if hfov_deg is None else hfov_deg)
        mj, scene, context = self._mj, self._scene, self._context
        scene.flags[:] = 0
        scene.flags[int(mj.mjtRndFlag.mjRND_CULL_FACE)] = 1
        scene.flags[int(mj.mjtRndFlag.mjRND_SKYBOX)] = self.scene.world == "city"
        mj.mjr_render(self._rect, scene, context)
        mj.mjr_readPixels(self._rgb, None, self._rect, context)
        scene.flags[int(mj.mjtRndFlag.mjRND_SKYBOX)] = 0
        scene.flags[int(mj.mjtRndFlag.mjRND_SEGMENT)] = 1
        scene.flags[int(mj.mjtRndFlag.mjRND_IDCOLOR)] = 1
        mj.mjr_render(self._rect, scene, context)
        mj.mjr_readPixels(self._id_rgb, self._zbuf if depth else None, self._rect, context)
        return Rendered(
            bgr=np.asarray(cv2.flip(cv2.cvtColor(self._rgb, cv2.COLOR_RGB2BGR), 0), np.uint8),
            ids=_ID_OF_CODE[np.ascontiguousarray(self._id_rgb[::-1, :, 0])],
            depth_m=self._metres() if depth else None,
        )

    def _metres(self) -> npt.NDArray[np.float32]:
        z = self._zbuf[::-1].astype(np.float64)
        metres = _NEAR_M * _FAR_M / (_FAR_M - z * (_FAR_M - _NEAR_M))
        out: npt.NDArray[np.float32] = np.minimum(metres, _FAR_M).astype(np.float32)
        return out

    def _aim(self, pose: CameraPose, hfov_deg: float) -> None:
        yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
        forward = np.array(
            (math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch))
        )
        left = np.array((-math.sin(yaw), math.cos(yaw), 0.0))
        up = np.cross(forward, left)
        half_w = math.tan(math.radians(hfov_deg) / 2)
        half_h = half_w * self.height / self.width
        for camera in self._scene.camera:
            camera.pos = (pose.x, pose.y, pose.z)
            camera.forward = forward
            camera.up = up
            camera.frustum_near, camera.frustum_far = _NEAR_M, _FAR_M
            camera.frustum_top, camera.frustum_bottom = half_h * _NEAR_M, -half_h * _NEAR_M
            camera.frustum_center, camera.frustum_width = 0.0, half_w * _NEAR_M
        offset = self._centres - (pose.x, pose.y, pose.z)
        ahead = offset @ forward
        sideways, upward = np.abs(offset @ left), np.abs(offset @ up)
        r = self._radii
        visible = (ahead > -r) & (
            sideways * math.cos(math.atan(half_w)) - ahead * math.sin(math.atan(half_w)) < r
        )
        visible &= upward * math.cos(math.atan(half_h)) - ahead * math.sin(math.atan(half_h)) < r
        for n in np.flatnonzero(visible != self._shown):
            group = self._groups[n]
            for part in range(group.first, group.last):
                self._geoms[part].type = self._true_types[part] if visible[n] else self._hidden
        self._shown = visible


_AXES: dict[str, npt.NDArray[np.float64]] = {
    "z": np.eye(3),
    "y": np.array([[1.0, 0, 0], [0, 0, 1.0], [0, -1.0, 0]]),
    "x": np.array([[0, 0, 1.0], [0, 1.0, 0], [-1.0, 0, 0]]),
}


def _emission(part: Part) -> float:
    if part.colour == "glow":
        return 0.6
    return 0.12 if part.colour == "own" else 0.08
