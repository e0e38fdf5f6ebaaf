"""Render a scene on the CPU with MuJoCo: colour, object ids and depth.

`Renderer` keeps one small compiled model (textures, materials, a cone) for all scenes and points
the camera at the geoms that `sim_clips.stage` fills in; no physics is simulated. There are no
shadows or highlights, so that colours keep their hue.
"""

from __future__ import annotations

import ctypes.util
import math
import os
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from sim_clips.scene import CameraPose, Scene
from sim_clips.stage import MAX_PARTS, RenderError, Stage
from sim_clips.textures import FLOORS, WALLS, texture_files

Backend = Literal["osmesa", "egl"]

_NEAR_M, _FAR_M = 0.06, 260.0
#: Red value in the id picture → object id: 0 is empty, 1 is walls and floor, n + 2 is object n.
_ID_OF_CODE = np.maximum(np.arange(256) - 2, -1).astype(np.int16)


@dataclass(frozen=True, eq=False)
class Rendered:
    """One picture: ``bgr`` (h, w, 3) uint8; ``ids`` (h, w) int16, `SceneObject.id` or -1;
    ``depth_m`` (h, w) float32 along the optical axis if requested, else ``None``."""

    bgr: npt.NDArray[np.uint8]
    ids: npt.NDArray[np.int16]
    depth_m: npt.NDArray[np.float32] | None = None


def choose_backend(wanted: str | None = None) -> Backend:
    """Set MUJOCO_GL to ``wanted``, to its current value, or to the first library available.

    Must run before mujoco is first imported.

    Raises:
        RenderError: neither OSMesa nor EGL can be loaded; names the Debian packages.
    """
    libraries: dict[Backend, str] = {"osmesa": "OSMesa", "egl": "EGL"}
    preferred = wanted or os.environ.get("MUJOCO_GL", "")
    order = sorted(libraries, key=lambda name: name != preferred)
    for name in order:
        if ctypes.util.find_library(libraries[name]):
            os.environ["MUJOCO_GL"] = name
            if name == "osmesa":
                os.environ["PYOPENGL_PLATFORM"] = "osmesa"
            os.environ.setdefault("LP_NUM_THREADS", "1")
            return name
    raise RenderError(
        "rendering needs the OSMesa or EGL library, and neither was found; "
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


class Renderer:
    """Renders one scene at a time. Not thread-safe: use it only in the thread that created it."""

    def __init__(self, width: int = 320, height: int = 240, backend: str | None = None) -> None:
        """Render ``width`` by ``height`` pixels with "osmesa", "egl" or, if ``None``, either."""
        self.backend = choose_backend(backend)
        import mujoco

        if not mujoco.GLContext.__module__.startswith(f"mujoco.{self.backend}"):
            raise RenderError(
                f"mujoco was imported before MUJOCO_GL was set to {self.backend}; import it after "
                "creating the first Renderer, or set MUJOCO_GL in the environment"
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
        self._scene = mujoco.MjvScene(model, maxgeom=MAX_PARTS)
        self._stage = Stage(mujoco, model, self._scene)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._rgb = np.zeros((height, width, 3), np.uint8)
        self._id_rgb = np.zeros((height, width, 3), np.uint8)
        self._zbuf = np.zeros((height, width), np.float32)
        self.scene: Scene | None = None

    def close(self) -> None:
        """Free the OpenGL context; the renderer is unusable afterwards."""
        self._context.free()
        self._gl.free()

    def _cheaper_textures(self) -> None:
        """Use bilinear instead of trilinear filtering: a fifth of the drawing time."""
        from OpenGL import GL  # type: ignore[import-untyped]

        for n in range(self._model.ntex):
            flat = int(self._model.tex_type[n]) == int(self._mj.mjtTexture.mjTEXTURE_2D)
            target = GL.GL_TEXTURE_2D if flat else GL.GL_TEXTURE_CUBE_MAP
            GL.glBindTexture(target, int(self._context.texture[n]))
            GL.glTexParameteri(target, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_NEAREST)

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(self, scene: Scene) -> None:
        """Load ``scene``; later `render` calls show it."""
        self.scene = scene
        self._stage.load(scene)

    def render(
        self, pose: CameraPose, hfov_deg: float | None = None, *, depth: bool = False
    ) -> Rendered:
        """Render the loaded scene from ``pose``; raises `RenderError` if no scene is loaded."""
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
        self._stage.hide_unseen(
            np.array((pose.x, pose.y, pose.z)), forward, left, up, (half_w, half_h)
        )
