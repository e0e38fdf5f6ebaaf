"""Settings of the stages between a frame and an answer.

Out of scope: where frames come from (`source`), objects (`objects`), the detector (`detector`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from embodied_agent.settings.base import Section
from embodied_agent.settings.detector import DetectorSettings

PerceptionBackend = Literal["auto", "builtin", "served", "detector", "geometry"]
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
    session: str = Field(
        "",
        max_length=200,
        pattern=r"^[!-~]*$",
        description="value of the header `X-Session-ID`, by which a router in front of several "
        "servers can keep this robot on one of them, whose prompt cache then stays warm; empty: a "
        "random value for this process",
    )


class PerceptionSettings(Section):
    """How pairs of keyframes become semantic deltas."""

    backend: PerceptionBackend = Field(
        "auto",
        description="`builtin`: the small model shipped with the package, in process, for the "
        "simulated worlds only; `served`: a VLM behind an OpenAI-compatible server; `detector`: an "
        "object detector in process; `geometry`: no model, camera motion only; `auto`: `served` "
        "if `perception.server` is set, else `detector` if `perception.detector.model` is set, "
        "else `builtin` if the pictures look like the simulated worlds, else `geometry`",
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
    max_tokens: int = Field(
        400,
        ge=16,
        le=8192,
        description="maximum length of a reply, in tokens; replies with boxes may be 300 longer",
    )
    image_width: int = Field(
        640,
        ge=64,
        le=4096,
        description="maximum length of an image's longer side for a served VLM, in pixels",
    )
    boxes: Literal["auto", "off", "pixels", "thousandths", "fractions"] = Field(
        "auto",
        description="whether a served VLM is asked for the objects' boxes, and in which units: "
        "`pixels` of the picture that it sees, `thousandths` or `fractions` of the picture's width "
        "and height; `auto`: the units of models that are known by name to give boxes "
        "(Qwen2.5-VL: `pixels`; Qwen3-VL: `thousandths`), else `off`",
    )
    field_of_view_deg: float = Field(
        75.0,
        ge=10,
        le=170,
        description="horizontal field of view of a camera without calibration (`camera_info`), in "
        "degrees; bearings are computed from it",
    )
    detector: DetectorSettings = DetectorSettings()


class VerifySettings(Section):
    """Whether an answer follows from its own reasoning, according to a frozen judge model."""

    mode: Literal["off", "on"] = Field(
        "off", description="`on`: each answer gets a consistency between 0 and 1"
    )
    backend: Literal["auto", "builtin", "served"] = Field(
        "auto",
        description="the judge; `builtin`: a small model in process; `served`: a model behind an "
        "OpenAI-compatible server; `auto`: `builtin` for the compact prompt, else `served`",
    )
    model_path: str = Field("", description="folder of the `builtin` judge; empty: the shipped one")
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
        "",
        description="`builtin`: folder of a checkpoint or of an adapter, or a name of "
        "`embodied-agent models list`, with the adapter on it that is shipped, if any; empty: the "
        "shipped checkpoint",
    )
    prompt: Literal["auto", "full", "compact"] = Field(
        "auto",
        description="prompt style; `auto`: the one that the model's folder records, else `compact` "
        "for `builtin` and `full` for `served`",
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
        "0: 550 for the compact prompt (as the built-in model was trained), 1536 for other models "
        "of `builtin`, else 6144",
    )
    summary_share: float = Field(
        0.25,
        ge=0,
        le=0.9,
        description="share of the transcript's length for summaries of what no longer fits into "
        "it, in prompts of the style `full`; 0: what does not fit is left out",
    )
    choose: bool = Field(
        True,
        description="`builtin` picks the likeliest of a question's choices; false: it answers "
        "freely, and a reply that matches none of them counts as no answer",
    )
    bearings: bool = Field(
        False,
        description="tell the reasoner the direction and distance of objects from the camera, "
        "computed from their positions (`green sofa: 40° left, 3.0 m`); needs poses and the full "
        "prompt",
    )
    positions: bool = Field(
        True,
        description="answer questions about where things are, with choices or in free words, from "
        "the measured positions of the objects, without the reasoner, where these settle them; "
        "needs poses",
    )
    free: Literal["auto", "rules", "reasoner"] = Field(
        "auto",
        description="what answers questions in plain words, including those with choices in plain "
        "words; `rules`: recall and rules, without a model; `reasoner`: the language model; "
        "`auto`: the rules; a model that reads the full prompt answers what they don't understand, "
        "and all questions with choices",
    )
    restate: Literal["auto", "on", "off"] = Field(
        "auto",
        description="have a small language model in this process put questions in free words into "
        "plain ones before the rules answer them, unless they are plain already; `auto`: if the "
        "model's base was fetched (`embodied-agent models get smollm2`); `on`: a question fails if "
        "the model can't be loaded. Only with `free: auto`, and not with a general model, which "
        "reads questions itself",
    )
    restate_model: str = Field(
        "",
        description="folder of the model that restates questions, or of an adapter; empty: the "
        "shipped adapter",
    )
    restate_timeout_s: float = Field(
        8.0,
        gt=0,
        le=3600,
        description="maximum time that restating a question may take, in seconds; then the rules "
        "answer it as it was put",
    )
    check_notes: bool = Field(
        True,
        description="check whether the notes settle a question with choices (where things are, "
        "what came first, how to get back): if not, the answer is `cannot_tell`, or the choice "
        "that says so, with the reason, without the reasoner; `notes_decide` says what happens if "
        "they do",
    )
    notes_decide: bool = Field(
        True,
        description="where the notes settle a question with choices and the reasoner chooses "
        "otherwise, give the choice that they settle on, with a `notice`; false: the reasoner's "
        "choice stands, with a `notice`, but if it says that the memory does not tell, it is asked "
        "again without that choice",
    )
    votes: int = Field(
        5,
        ge=1,
        le=64,
        description="how many times `builtin` reasons about a question with choices; the "
        "majority's answer is given, and its share is the consistency if `verify` is off",
    )
    kept_cache_mb: int = Field(
        512,
        ge=0,
        le=1_000_000,
        description="size of the cache in which `builtin` keeps the keys and values of the last "
        "prompt, in megabytes; 0 disables it",
    )
    read_ahead: bool = Field(
        True,
        description="`builtin` reads the memory as it grows, whenever no keyframe waits, so that a "
        "question has to read only itself; false: it reads when it is asked",
    )
    verify: VerifySettings = VerifySettings()
    second_look: SecondLookSettings = SecondLookSettings()
    timeout_s: float = Field(30.0, gt=0, le=3600, description="timeout of a question, in seconds")
    load_timeout_s: float = Field(
        180.0,
        gt=0,
        le=3600,
        description="maximum wait of a question for the model to be loaded, in seconds; does not "
        "count as the question's time",
    )
    parallel: int = Field(1, ge=1, le=64, description="questions answered concurrently")
    waiting: int = Field(
        128, ge=1, le=10_000, description="maximum number of queued questions; more are refused"
    )
