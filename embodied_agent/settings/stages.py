"""Settings of the stages between a frame and an answer."""

from __future__ import annotations

import math
import re
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from embodied_agent.settings.base import Section

PerceptionBackend = Literal["auto", "builtin", "served", "geometry"]
ReasoningBackend = Literal["builtin", "served"]


class KeyframeSettings(Section):
    """Which frames become keyframes."""

    method: Literal["robust", "paper"] = Field(
        "robust",
        description="selection rule; `paper`: exactly as published; `robust`: more accurate, and "
        "copes with blurred and textureless frames",
    )
    overlap_threshold: float = Field(
        0.5,
        gt=0,
        lt=1,
        description="a frame is kept when it shows less of the last keyframe than this",
    )
    features: int = Field(
        300, ge=50, le=5000, description="ORB features used to recover a lost track (`robust`)"
    )
    detect_width: int = Field(
        320,
        ge=80,
        le=4096,
        description="wider frames are scaled down to this width, in pixels (`robust`)",
    )
    ransac_px: float = Field(
        5.0, gt=0, le=50, description="RANSAC reprojection threshold, in pixels of the scaled image"
    )
    min_matches: int = Field(10, ge=4, description="a homography needs more matches than this")
    split_motions: bool = Field(
        True, description="also keep the frame where one motion ends and another begins (`robust`)"
    )
    min_interval_s: float = Field(
        0.2, ge=0, le=60, description="minimum time between keyframes, in seconds (`robust`)"
    )
    max_interval_s: float = Field(
        30.0,
        ge=0,
        description="maximum time between keyframes, in seconds; 0 disables it (`robust`)",
    )
    blind_interval_s: float = Field(
        10.0,
        gt=0,
        description="minimum time between keyframes without usable features, in seconds (`robust`)",
    )
    jpeg_quality: int = Field(90, ge=30, le=100, description="JPEG quality of stored keyframes")


class ServerSettings(Section):
    """An OpenAI-compatible server."""

    base_url: str = Field("http://127.0.0.1:8000/v1", description="URL of the server's API")
    model: str = Field("", description="model name on the server; empty: the first one it lists")
    api_key: SecretStr | None = Field(None, description="API key, sent as a bearer token")
    ca_file: str = Field(
        "", description="CA certificates (PEM) to trust for https, besides the system's"
    )
    timeout_s: float = Field(60.0, gt=0, le=3600, description="timeout of a request, in seconds")
    max_retries: int = Field(
        3, ge=0, le=20, description="retries of a request, with back-off and jitter"
    )


class PerceptionSettings(Section):
    """How pairs of keyframes become semantic deltas."""

    backend: PerceptionBackend = Field(
        "auto",
        description="`builtin`: the small model shipped with the package, in process, for the "
        "simulated worlds only; `served`: a VLM behind an OpenAI-compatible server; `geometry`: no "
        "VLM, camera motion only; `auto`: `served` where `perception.server` is set, else "
        "`builtin` where the pictures look like the simulated worlds, else `geometry`",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` checkpoint; empty: the shipped one"
    )
    prompt: Literal["auto", "full", "compact"] = Field(
        "auto",
        description="prompt style; `compact`: the one that the built-in model was trained on; "
        "`full`: for general VLMs; `auto`: `compact` for `builtin`, `full` for `served`",
    )
    server: ServerSettings = ServerSettings()
    workers: int = Field(1, ge=1, le=64, description="keyframe pairs perceived concurrently")
    batch: int = Field(1, ge=1, le=64, description="keyframe pairs given to the model in one call")
    queue: int = Field(
        64, ge=1, description="a replay pauses while this many keyframes await perception"
    )
    stall_timeout_s: float = Field(
        300.0,
        gt=0,
        description="a replay gives up when no keyframe is perceived for this long, in seconds",
    )
    retry_s: float = Field(
        1.0,
        gt=0,
        le=3600,
        description="delay before the model is tried again, in seconds; doubles with each failure",
    )
    retry_max_s: float = Field(
        30.0, gt=0, le=3600, description="maximum delay before another try, in seconds"
    )
    watch_list: tuple[str, ...] = Field(
        (), description="standing questions added to the prompt of a served VLM"
    )
    max_tokens: int = Field(400, ge=16, le=8192, description="maximum length of a reply, in tokens")
    image_width: int = Field(
        640,
        ge=64,
        le=4096,
        description="maximum length of an image's longer side for a served VLM, in pixels",
    )


class VerifySettings(Section):
    """Whether an answer follows from its own reasoning, judged by a frozen reference model."""

    mode: Literal["off", "on"] = Field(
        "off", description="`on`: each answer gets a consistency between 0 and 1"
    )
    backend: Literal["auto", "builtin", "served"] = Field(
        "auto",
        description="reference model; `builtin`: a small model in process; `served`: a model "
        "behind an OpenAI-compatible server; `auto`: `builtin` for the compact prompt, else "
        "`served`",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` reference model; empty: the shipped one"
    )
    server: ServerSettings = ServerSettings(base_url="")
    method: Literal["samples", "likelihood"] = Field(
        "samples",
        description="`samples`: fraction of sampled conclusions that agree; `likelihood`: the "
        "answer's share of the choices' probability (`builtin`, questions with choices)",
    )
    samples: int = Field(5, ge=1, le=64, description="conclusions sampled, in one batch")
    temperature: float = Field(
        0.7, gt=0, le=2, description="sampling temperature of the conclusions"
    )
    timeout_s: float = Field(
        5.0,
        gt=0,
        le=600,
        description="maximum duration of a verification, within the question's timeout, in seconds",
    )
    low: float = Field(
        0.5,
        ge=0,
        le=1,
        description="an answer whose consistency, by votes or verification, is below this is not "
        "given (`cannot_tell`); 0 disables it",
    )
    attempts: int = Field(
        1,
        ge=1,
        le=8,
        description="answers generated while the consistency is low; the most consistent one is "
        "given",
    )
    attempt_temperature: float = Field(
        0.7, gt=0, le=2, description="sampling temperature of attempts after the first"
    )


class SecondLookSettings(Section):
    """A second look at the best stored keyframes with the question in mind."""

    mode: Literal["off", "on", "auto"] = Field(
        "off", description="`auto`: only when the consistency of the first answer is low"
    )
    keyframes: int = Field(3, ge=1, le=32, description="number of keyframes looked at")
    budget_s: float = Field(
        5.0,
        gt=0,
        le=600,
        description="maximum duration of the look, within the question's timeout, in seconds",
    )
    max_tokens: int = Field(
        120, ge=16, le=4096, description="maximum length of a finding per keyframe, in tokens"
    )


class ReasoningSettings(Section):
    """How questions are answered from the memory."""

    backend: ReasoningBackend = Field(
        "builtin",
        description="`builtin`: the small model shipped with the package, in process; `served`: a "
        "language model behind an OpenAI-compatible server",
    )
    model_path: str = Field(
        "", description="folder of the `builtin` checkpoint; empty: the shipped one"
    )
    prompt: Literal["auto", "full", "compact"] = Field(
        "auto", description="prompt style, as for perception"
    )
    server: ServerSettings = ServerSettings(base_url="http://127.0.0.1:8001/v1")
    temperature: float = Field(
        0.0, ge=0, le=2, description="sampling temperature; 0: greedy and repeatable"
    )
    seed: int | None = Field(
        None,
        ge=0,
        le=2**31 - 1,
        description="seed of the sampling; empty: a new one for each answer",
    )
    max_tokens: int = Field(
        512, ge=16, le=32768, description="maximum length of an answer, in tokens"
    )
    token_budget: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="maximum length of the transcript in a prompt, in tokens of four characters; "
        "0: 550 for the compact prompt (as the built-in model was trained), else 6144",
    )
    choose: bool = Field(
        True,
        description="`builtin` picks the likeliest of a question's choices; false: it answers "
        "freely, and a reply that matches none of them counts as no answer",
    )
    free: Literal["auto", "rules", "reasoner"] = Field(
        "auto",
        description="who answers questions without choices; `rules`: recall and rules, without a "
        "model; `reasoner`: the language model; `auto`: the rules, and what they do not understand "
        "is left to a model that reads the full prompt",
    )
    votes: int = Field(
        5,
        ge=1,
        le=64,
        description="how many times `builtin` reasons about a question with choices; the answer of "
        "the majority is given, and its share is the consistency where `verify` is off",
    )
    kept_cache_mb: int = Field(
        512,
        ge=0,
        le=1_000_000,
        description="size of the cache in which `builtin` keeps the keys and values of the last "
        "prompt, in megabytes; 0 disables it",
    )
    verify: VerifySettings = VerifySettings()
    second_look: SecondLookSettings = SecondLookSettings()
    timeout_s: float = Field(30.0, gt=0, le=3600, description="timeout of a question, in seconds")
    parallel: int = Field(1, ge=1, le=64, description="questions answered concurrently")
    waiting: int = Field(
        128, ge=1, le=10_000, description="maximum number of queued questions; more are refused"
    )


class MemorySettings(Section):
    """Where the memory is stored, and how much of it."""

    path: str = Field("", description="SQLite file; empty: in RAM only, lost at exit")
    max_bytes: int = Field(
        2_000_000_000,
        ge=0,
        description="maximum size of the stored pictures, in bytes; the oldest are dropped; "
        "0: no limit",
    )
    max_age_s: float = Field(
        0.0, ge=0, description="maximum age of stored pictures, in seconds; 0: no limit"
    )


class SourceSettings(Section):
    """Where frames come from."""

    topic: str = Field("", description="image topic of a bag; empty: detected by type")
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
    odom_topic: str = Field("", description="odometry topic of a bag; empty: detected by type")
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
        10.0,
        gt=0,
        le=1000,
        description="frame rate of a folder of images, whose files carry no stamps",
    )
    sample_hz: float = Field(
        0.0, ge=0, le=1000, description="maximum number of frames taken per second; 0: all"
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
        10.0, gt=0, le=600, description="timeout for opening a stream, in seconds"
    )
    read_timeout_s: float = Field(
        10.0, gt=0, le=600, description="timeout for a stream's next frame, in seconds"
    )
