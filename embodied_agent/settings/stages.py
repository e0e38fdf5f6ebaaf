"""Settings of the stages between a frame and an answer."""

from __future__ import annotations

import math
import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from embodied_agent.settings.base import Section


class KeyframeSettings(Section):
    """Which frames are kept."""

    method: Literal["robust", "paper"] = Field(
        "robust", description="`paper`: the published rule exactly; `robust`: the default"
    )
    overlap_threshold: float = Field(
        0.5, gt=0, lt=1, description="keep a frame that shows less of the last keyframe than this"
    )
    features: int = Field(
        300, ge=50, le=5000, description="ORB features that find a lost view again (`robust`)"
    )
    detect_width: int = Field(
        320, ge=80, le=4096, description="`robust` scales wider frames down to this, in pixels"
    )
    ransac_px: float = Field(
        5.0, gt=0, le=50, description="RANSAC threshold in pixels of the compared image"
    )
    min_matches: int = Field(10, ge=4, description="a homography needs more matches than this")
    split_motions: bool = Field(
        True, description="`robust` also keeps the frame where one motion gives way to another"
    )
    min_interval_s: float = Field(
        0.2, ge=0, le=60, description="`robust` keeps no two frames closer than this, in seconds"
    )
    max_interval_s: float = Field(
        30.0, ge=0, description="`robust` keeps a frame at least this often; 0: never for that"
    )
    blind_interval_s: float = Field(
        10.0, gt=0, description="least time between keyframes without usable features (`robust`)"
    )
    jpeg_quality: int = Field(90, ge=30, le=100, description="of stored keyframes")


class ServerSettings(Section):
    """An OpenAI-compatible server."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="root of the server's API")
    model: str = Field("", description="model name as the server knows it; empty: its first")
    api_key: SecretStr | None = Field(None, description="sent as bearer token")
    ca_file: str = Field(
        "", description="certificates (PEM) to trust besides the system's, for https"
    )
    timeout_s: float = Field(60.0, gt=0, le=3600, description="per request, in seconds")
    max_retries: int = Field(3, ge=0, le=20, description="per request, with back-off and jitter")


class PerceptionSettings(Section):
    """How a pair of keyframes becomes a semantic delta."""

    backend: Literal["builtin", "served", "geometry"] = Field(
        "builtin",
        description="`builtin`: small model in process; `served`: a VLM behind an "
        "OpenAI-compatible server; `geometry`: no VLM, the camera's motion only",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` checkpoint; empty: the one that is shipped"
    )
    prompt: Literal["auto", "full", "compact"] = Field(
        "auto",
        description="`compact` is what the built-in model was trained on; `full` is for real "
        "VLMs; `auto`: compact for `builtin`, full for `served`",
    )
    server: ServerSettings = ServerSettings()
    workers: int = Field(1, ge=1, le=64, description="keyframe pairs in flight at once")
    batch: int = Field(1, ge=1, le=64, description="keyframe pairs handed to the model at once")
    queue: int = Field(
        64, ge=1, description="a replay waits while this many keyframes are yet to be perceived"
    )
    stall_timeout_s: float = Field(
        300.0,
        gt=0,
        description="a replay gives up when none is perceived for this long, in seconds",
    )
    retry_s: float = Field(
        1.0, gt=0, le=3600, description="wait after the model can't be reached; doubles each time"
    )
    retry_max_s: float = Field(30.0, gt=0, le=3600, description="longest such wait, in seconds")
    watch_list: tuple[str, ...] = Field(
        (), description="standing questions put into the prompt of a served VLM"
    )
    max_tokens: int = Field(400, ge=16, le=8192, description="longest reply, in tokens")
    image_width: int = Field(
        640,
        ge=64,
        le=4096,
        description="images are scaled down to this for a served VLM: their longer side, in pixels",
    )


class VerifySettings(Section):
    """Does the answer follow from its own reasoning? A frozen reference model is asked."""

    mode: Literal["off", "on"] = Field(
        "off", description="`on`: answers get a consistency from 0 to 1"
    )
    backend: Literal["auto", "builtin", "served"] = Field(
        "auto",
        description="the reference: `builtin`: a small model in process; `served`: one behind an "
        "OpenAI-compatible server; `auto`: builtin for the compact prompt, else served",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` reference; empty: the one that is shipped"
    )
    server: ServerSettings = ServerSettings(base_url="")
    method: Literal["samples", "likelihood"] = Field(
        "samples",
        description="`samples`: share of sampled conclusions that agree; `likelihood`: the "
        "answer's share of the choices' probability (`builtin`, questions with choices)",
    )
    samples: int = Field(5, ge=1, le=64, description="conclusions drawn in one batch")
    temperature: float = Field(0.7, gt=0, le=2, description="of the samples")
    timeout_s: float = Field(
        5.0,
        gt=0,
        le=600,
        description="longest verification, within the question's time, in seconds",
    )
    low: float = Field(0.5, ge=0, le=1, description="a consistency below this counts as low")
    attempts: int = Field(
        1, ge=1, le=8, description="answers tried while consistency is low; the best is given"
    )
    attempt_temperature: float = Field(0.7, gt=0, le=2, description="of attempts after the first")


class SecondLookSettings(Section):
    """At question time, the best stored keyframes are looked at again with the question."""

    mode: Literal["off", "on", "auto"] = Field(
        "off", description="`auto`: when the first answer's consistency is low"
    )
    keyframes: int = Field(3, ge=1, le=32, description="keyframes looked at")
    budget_s: float = Field(
        5.0, gt=0, le=600, description="longest look, within the question's time, in seconds"
    )
    max_tokens: int = Field(120, ge=16, le=4096, description="longest finding per keyframe")


class ReasoningSettings(Section):
    """How a question is answered from the memory."""

    backend: Literal["builtin", "served"] = Field(
        "builtin",
        description="`builtin`: small model in process; `served`: a language model "
        "behind an OpenAI-compatible server",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` checkpoint; empty: the one that is shipped"
    )
    prompt: Literal["auto", "full", "compact"] = Field("auto", description="as for perception")
    server: ServerSettings = ServerSettings(base_url="http://127.0.0.1:8001/v1")
    temperature: float = Field(0.0, ge=0, le=2, description="0: greedy, repeatable")
    seed: int | None = Field(
        None, ge=0, le=2**31 - 1, description="of sampling; empty: another one for each answer"
    )
    max_tokens: int = Field(512, ge=16, le=32768, description="longest answer, in tokens")
    token_budget: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="transcript length that a prompt may hold, in tokens of four characters; "
        "0: 550 for the compact prompt (what the built-in model was trained on), else 6144",
    )
    choose: bool = Field(
        True,
        description="`builtin` gives the likeliest of a question's choices; false: it answers "
        "freely, and an answer that is none of them counts as none",
    )
    votes: int = Field(
        5,
        ge=1,
        le=64,
        description="`builtin` reasons so many times about a question with choices and gives the "
        "answer that most of them come to; their share is its consistency where `verify` is off; "
        "1: once",
    )
    kept_cache_mb: int = Field(
        512,
        ge=0,
        le=1_000_000,
        description="`builtin` keeps keys and values of the prompt read last up to this size, in "
        "megabytes, and computes only what is new; 0: nothing is kept",
    )
    verify: VerifySettings = VerifySettings()
    second_look: SecondLookSettings = SecondLookSettings()
    timeout_s: float = Field(30.0, gt=0, le=3600, description="per question, in seconds")
    parallel: int = Field(1, ge=1, le=64, description="questions answered at once")
    waiting: int = Field(
        128, ge=1, le=10_000, description="questions that may wait their turn; more are refused"
    )


class MemorySettings(Section):
    """Where what was seen is kept."""

    path: str = Field("", description="SQLite file; empty: in memory only, gone at exit")
    max_bytes: int = Field(
        2_000_000_000, ge=0, description="oldest pictures go beyond this; 0: no limit"
    )
    max_age_s: float = Field(0.0, ge=0, description="older pictures go; 0: no limit")


class SourceSettings(Section):
    """Where frames come from."""

    topic: str = Field("", description="image topic of a bag; empty: found by type")
    topics: tuple[str, ...] = Field(
        (),
        description="several cameras of one robot in one memory: `{front: /front/image, left: "
        "/left/image}` or `front=/front/image`; the first one tells what moved",
    )
    mounts: tuple[str, ...] = Field(
        (),
        description="where these cameras look, in degrees to the robot's left: `{left: 90}` or "
        "`left=90`; others: from TF, else ahead",
    )
    odom_topic: str = Field("", description="odometry topic of a bag; empty: found by type")
    pose_offset_s: float | None = Field(
        None,
        ge=-1e11,
        le=1e11,
        description="added to the poses' stamps of a bag to bring them to the pictures' clock, in "
        "seconds; empty: found from when both were received",
    )
    fixed_frame: str = Field(
        "", description="poses from a bag's TF are in this frame; empty: found"
    )
    base_frame: str = Field(
        "", description="the frame whose pose is taken from a bag's TF; empty: found"
    )
    episode: int = Field(0, ge=0, description="episode of a LeRobot data set")
    rotate: Literal["auto", "0", "90", "180", "270"] = Field(
        "auto",
        description="turn pictures clockwise by so many degrees; `auto`: as a bag's TF says that "
        "the camera is mounted, else 0",
    )
    mask: tuple[str, ...] = Field(
        (),
        description="polygons that are blacked out before a picture is stored, shown or sent: "
        "`[[0, 0.8], [1, 0.8], [1, 1], [0, 1]]` or `0,0.8 1,0.8 1,1 0,1`; points of the upright "
        "picture, as parts of its size (0 to 1) or in pixels",
    )
    redact: str = Field(
        "",
        description="name of an entry point of the group `embodied_agent.redact`: a function that "
        "gets each picture (BGR) and returns what may be kept of it; empty: none",
    )
    fps: float = Field(
        10.0, gt=0, le=1000, description="rate of a folder of images, which has no stamps"
    )
    sample_hz: float = Field(
        0.0, ge=0, le=1000, description="take at most this many frames/s; 0: all"
    )

    @field_validator("topics", "mounts", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if isinstance(value, dict):
            return tuple(f"{name}={item}" for name, item in value.items())
        return value

    @field_validator("topics", "mounts")
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
        10.0, gt=0, le=600, description="longest wait for a stream to open, in seconds"
    )
    read_timeout_s: float = Field(
        10.0, gt=0, le=600, description="longest wait for a stream's next frame, in seconds"
    )
