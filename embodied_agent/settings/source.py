"""Settings of the source: what is read of a recording or camera, and how pictures are prepared."""

from __future__ import annotations

import math
import re
from typing import Literal

from pydantic import Field, field_validator

from embodied_agent.settings.base import Section


class SourceSettings(Section):
    """Where frames come from."""

    topic: str = Field("", description="image topic of a bag; empty: detected by type")
    topics: tuple[str, ...] = Field(
        (),
        description="several cameras of one robot in one memory: `{front: /front/image, left: "
        "/left/image}` or `front=/front/image`; the first one determines the camera motion",
    )
    mounts: tuple[str, ...] = Field(
        (),
        description="headings of these cameras, in degrees to the robot's left: `{left: 90}` or "
        "`left=90`; other cameras: from TF, else straight ahead",
    )
    odom_topic: str = Field("", description="odometry topic of a bag; empty: detected by type")
    depth_topic: str = Field(
        "",
        description="depth topic of a bag or of the ROS node, or the depth folder beside a folder "
        "of pictures; empty: detected (in the ROS node: only if `depth` is remapped); `off`: none",
    )
    depth_topics: tuple[str, ...] = Field(
        (),
        description="depth topics of several cameras: `{front: /front/depth}` or "
        "`front=/front/depth`; other cameras of a bag: detected, unless `depth_topic` is `off`",
    )
    depth_scale: float = Field(
        0.0,
        ge=0,
        le=1e6,
        description="units per metre of depth pictures in whole numbers; 0: 5000 in a folder laid "
        "out like TUM RGB-D, 1000 elsewhere",
    )
    pose_offset_s: float | None = Field(
        None,
        ge=-1e11,
        le=1e11,
        description="added to the stamps of a bag's poses to match the pictures' clock, in "
        "seconds; empty: estimated from when both were received",
    )
    fixed_frame: str = Field(
        "", description="frame that poses from a bag's TF are expressed in; empty: detected"
    )
    base_frame: str = Field(
        "", description="frame whose pose is looked up in a bag's TF; empty: detected"
    )
    episode: int = Field(0, ge=0, description="episode of a LeRobot data set")
    rotate: Literal["auto", "0", "90", "180", "270"] = Field(
        "auto",
        description="rotate pictures clockwise by this many degrees; `auto`: according to how the "
        "camera is mounted in TF (a bag's or the ROS node's), else 0",
    )
    mask: tuple[str, ...] = Field(
        (),
        description="polygons that are blacked out before a picture is stored, shown or sent: "
        "`[[0, 0.8], [1, 0.8], [1, 1], [0, 1]]` or `0,0.8 1,0.8 1,1 0,1`; points in the upright "
        "picture, as fractions of its size (0 to 1) or in pixels",
    )
    redact: str = Field(
        "",
        description="name of an entry point of the group `embodied_agent.redact`: a function that "
        "receives each picture (BGR) and returns the version to keep; empty: none",
    )
    fps: float = Field(
        10.0,
        gt=0,
        le=1000,
        description="frame rate of a folder of images, whose files carry no stamps",
    )
    sample_hz: float = Field(
        0.0, ge=0, le=1000, description="maximum number of frames taken per second; 0: all"
    )

    @field_validator("topics", "mounts", "depth_topics", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, dict):
            return tuple(f"{name}={item}" for name, item in value.items())
        return value

    @field_validator("topics", "mounts", "depth_topics")
    @classmethod
    def _pairs(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        names = []
        for pair in value:
            name, equals, item = pair.partition("=")
            if not equals or not item or not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
                raise ValueError(f"a camera is given as name=value, not {pair!r}")
            names.append(name)
        if len(set(names)) < len(names):
            raise ValueError("two cameras have the same name")
        return value

    @field_validator("mounts")
    @classmethod
    def _angles(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pair in value:
            try:
                angle = float(pair.partition("=")[2])
            except ValueError:
                angle = math.inf
            if not -360 <= angle <= 360:
                raise ValueError(f"a mount is an angle in degrees, not {pair!r}")
        return value

    @field_validator("depth_topic", mode="before")
    @classmethod
    def _off(cls, value: object) -> object:
        return "off" if value is False else value  # what YAML makes of off

    @field_validator("rotate", mode="before")
    @classmethod
    def _degrees(cls, value: object) -> object:
        return str(value) if isinstance(value, int) and not isinstance(value, bool) else value

    @field_validator("mask", mode="before")
    @classmethod
    def _polygons(cls, value: object) -> object:
        if not isinstance(value, (list, tuple)):
            return value
        try:
            polygons = [
                item
                if isinstance(item, str)
                else " ".join(f"{float(x)!r},{float(y)!r}" for x, y in item)
                for item in value
            ]
        except TypeError as error:
            raise ValueError("a polygon is a list of points [x, y]") from error
        for polygon in polygons:
            points = [tuple(map(float, point.split(","))) for point in polygon.split()]
            if len(points) < 3 or any(len(point) != 2 for point in points):
                raise ValueError(f"a polygon needs three points x,y or more, not {polygon!r}")
            if not all(math.isfinite(v) and abs(v) <= 1e6 for point in points for v in point):
                raise ValueError(f"a polygon's points must be numbers, not {polygon!r}")
        return tuple(polygons)

    open_timeout_s: float = Field(
        10.0, gt=0, le=600, description="timeout for opening a stream, in seconds"
    )
    read_timeout_s: float = Field(
        10.0, gt=0, le=600, description="timeout for a stream's next frame, in seconds"
    )
