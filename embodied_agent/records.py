"""The nouns that flow through the agent: frozen dataclasses with next to no behaviour.

Conventions of every module:

- Stamps are integer nanoseconds of the sensor's clock (``stamp_ns``), never the wall clock.
- Images are ``uint8`` arrays, ``(height, width, 3)`` in BGR order or ``(height, width)`` grey.
- Poses follow REP-103: x forward, y left, z up, metres; quaternions are ``(x, y, z, w)``.
- Directions are relative to the camera's heading at the keyframe that names them.

Out of scope: records as JSON (`embodied_agent.codec`), pixels (`embodied_agent.images`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


class Action(str, Enum):
    """What the camera did between two keyframes: exactly one of ten (Embodied-R, §3.2)."""

    MOVE_FORWARD = "move forward"
    MOVE_BACKWARD = "move backward"
    MOVE_LEFT = "move left"
    MOVE_RIGHT = "move right"
    MOVE_UPWARD = "move upward"
    MOVE_DOWNWARD = "move downward"
    ROTATE_LEFT = "rotate left"
    ROTATE_RIGHT = "rotate right"
    TILT_DOWNWARD = "tilt downward"
    TILT_UPWARD = "tilt upward"

    def __str__(self) -> str:
        return self.value

    @property
    def is_rotation(self) -> bool:
        """True for rotations and tilts, whose size is an angle."""
        return self.value.startswith(("rotate", "tilt"))


#: Clockwise from straight ahead, 45 degrees apart.
Direction = Literal[
    "front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left"
]
DIRECTIONS: tuple[Direction, ...] = (
    "front",
    "front-right",
    "right",
    "back-right",
    "back",
    "back-left",
    "left",
    "front-left",
)
#: Coarse range; its limits depend on the world (a room's "far" is a street's "near").
Distance = Literal["near", "mid", "far"]
DISTANCES: tuple[Distance, ...] = ("near", "mid", "far")

#: Share of matches that agree with a homography: below the first it is worth nothing, above the
#: second it is the right model.
_NO_CONFIDENCE, _CONFIDENCE = 0.25, 0.85

#: Why a frame became a keyframe.
Reason = Literal[
    "first",
    "overlap",
    "no_features",
    "few_matches",
    "no_homography",
    "motion",
    "max_interval",
    "asked",
    "last",
]


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the camera was: metres and a unit quaternion ``(x, y, z, w)``, in ``frame_id``."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    frame_id: str = "odom"


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera, in pixels of an image of ``width`` by ``height``."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CameraMount:
    """One of several cameras of a robot, as its frames' ``frame_id`` tells: ``left@90#1``.

    ``yaw_deg`` is where it looks, positive to the robot's left; ``order`` counts from 0, which is
    the camera that tells what moved.
    """

    name: str
    yaw_deg: float = 0.0
    order: int = 0

    @property
    def frame_id(self) -> str:
        return f"{self.name}@{self.yaw_deg:g}#{self.order}"

    @classmethod
    def of(cls, frame_id: str) -> CameraMount | None:
        """The mount that a ``frame_id`` tells of; ``None`` for a robot with one camera."""
        name, at, rest = frame_id.rpartition("@")
        yaw, mark, order = rest.partition("#")
        if not at or not mark or not name:
            return None
        try:
            return cls(name, float(yaw), int(order))
        except ValueError:
            return None


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture from a camera or a recording.

    Exactly one of ``image`` and ``encoded`` is set: an array of ``uint8``, ``(height, width, 3)``
    in BGR order or ``(height, width)`` grey, or a whole JPEG or PNG file, which is decoded only
    when somebody needs its pixels. Whoever passes an array in must not write to it afterwards.

    ``stamp_ns`` is an integer of the sensor's clock. ``index`` numbers the frames of a source from
    0. ``pose`` is where the camera was at that stamp; ``intrinsics`` are the sensor's own, also
    where the file says that the picture is to be turned. ``preview`` is the picture in grey,
    upright, whole or at half its size, where checking it has decoded it already.
    """

    stamp_ns: int
    image: Image | None = None
    encoded: bytes | None = None
    frame_id: str = "camera"
    index: int = 0
    pose: Pose | None = None
    intrinsics: Intrinsics | None = None
    preview: Image | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Egomotion:
    """What the camera did from one keyframe to the next, measured from the two pictures.

    Angles are in degrees: ``yaw_deg`` is positive to the left, ``pitch_deg`` upward, ``roll_deg``
    clockwise. ``translation`` is the direction of travel in the earlier camera's frame (x right, y
    down, z ahead) in units of the scene's depth: 0.3 along z means "30 % of the way to what is
    ahead". ``action`` is the one of the ten that explains most of the motion, ``None`` when the
    camera did not move measurably. ``confidence`` lies in [0, 1].
    """

    action: Action | None
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    confidence: float = 0.0

    @property
    def angle_deg(self) -> float | None:
        """The size of a rotation or tilt in degrees, never negative; ``None`` for other actions."""
        if self.action is None or not self.action.is_rotation:
            return None
        return abs(self.yaw_deg if self.action.value.startswith("rotate") else self.pitch_deg)


@dataclass(frozen=True, eq=False)
class Decision:
    """Whether a frame becomes a keyframe, and why.

    ``reason`` is ``None`` for a frame that is not kept. ``overlap_ratio`` in [0, 1] is the part of
    the last keyframe's view that this frame still shows, ``None`` where it could not be measured.
    ``homography`` (3, 3; float64) maps pixels of this frame into the last keyframe, ``None`` where
    there is none; ``inliers`` of the ``matches`` agree with it. ``matched`` (n, 4; float32) are
    those points: x, y in this frame and x, y in the last keyframe, in pixels of the full picture.
    ``egomotion`` is measured for kept frames.
    """

    index: int
    stamp_ns: int
    keep: bool
    reason: Reason | None
    overlap_ratio: float | None = None
    matches: int = 0
    inliers: int = 0
    homography: npt.NDArray[np.float64] | None = None
    egomotion: Egomotion | None = None
    matched: npt.NDArray[np.float32] | None = None

    @property
    def confidence(self) -> float | None:
        """How far the overlap can be relied on, from 0 to 1; ``None`` where it was not measured.

        A homography is the wrong model where things lie at different depths (parallax) or move by
        themselves, and then few of the matches agree with it. On a real hand-held sequence of 1,000
        frames, 80 % of the overlaps of `robust` that were off by more than 0.15 had a confidence
        below one half, and all of those of `paper` (``bench/keyframes.py --sequence``).
        """
        if self.overlap_ratio is None or self.matches <= 0:
            return None
        share = self.inliers / self.matches
        return min(1.0, max(0.0, (share - _NO_CONFIDENCE) / (_CONFIDENCE - _NO_CONFIDENCE)))


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A kept frame as the memory holds it. ``id`` grows by one per keyframe, from 0.

    ``jpeg`` is the picture as a JPEG file, upright, ``width`` by ``height`` pixels; it is empty
    where it was not asked for, or retention has dropped it. ``segment`` counts restarts of the
    sensor's clock (bag loops, resets): stamps are ordered within a segment only. ``egomotion`` is
    relative to the previous keyframe of the segment.
    """

    id: int
    stamp_ns: int
    jpeg: bytes
    reason: Reason
    width: int
    height: int
    segment: int = 0
    frame_id: str = "camera"
    overlap_ratio: float | None = None
    inliers: int = 0
    egomotion: Egomotion | None = None
    pose: Pose | None = None


@dataclass(frozen=True, slots=True)
class Mention:
    """One object that a delta names: ``name`` like "red sofa", and where it lies."""

    name: str
    direction: Direction
    distance: Distance | None = None


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed from the previous keyframe to keyframe ``keyframe_id``.

    ``action`` is ``None`` for the first keyframe and where it is unknown. ``angle_deg`` is the size
    of a rotation or tilt, in degrees. ``mentions`` are the objects seen in the new view, most
    prominent first. ``observation`` is free text, "" where the perceiver gave none. ``usable`` is
    False where the perceiver's reply could not be used: the delta then holds the egomotion only.
    ``agrees_with_egomotion`` says whether the perceiver and the keyframer name the same action,
    ``None`` where they can't be compared. ``model`` is the perceiver's name, ``latency_s`` its time
    in seconds. ``camera`` names one of several cameras where it is not the first; directions are
    the robot's.
    """

    keyframe_id: int
    action: Action | None
    angle_deg: float | None = None
    mentions: tuple[Mention, ...] = ()
    observation: str = ""
    usable: bool = True
    agrees_with_egomotion: bool | None = None
    model: str = ""
    latency_s: float = 0.0
    camera: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the agent. ``choices`` are option texts without letters.

    ``at_ns`` asks as of an earlier stamp: the answer uses nothing seen later. ``timeout_s`` is for
    all of it, waiting included, in seconds. ``id`` is the client's own, and comes back as the
    answer's ``question_id``.
    """

    text: str
    choices: tuple[str, ...] = ()
    at_ns: int | None = None
    timeout_s: float = 30.0
    id: str = ""


#: What kind of answer it is: a guess is never dressed as knowledge.
#: ``answered``: the memory holds what was asked.
#: ``not_seen``: nothing in the memory fits what the question names.
#: ``cannot_tell``: what was noted does not settle it.
#: ``out_of_scope``: the question is not about what was seen.
#: ``failed``: no answer could be produced; ``problem`` says why.
AnswerStatus = Literal["answered", "not_seen", "cannot_tell", "out_of_scope", "failed"]
ANSWER_STATUSES: tuple[AnswerStatus, ...] = get_args(AnswerStatus)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A keyframe that an answer rests on. ``note`` says why: "cited" by the reasoning, "recalled"
    by name, or seen in a "second look"."""

    keyframe_id: int
    stamp_ns: int
    note: str = ""
    pose: Pose | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent answers. ``choice`` is a letter where choices were given and one was chosen.

    ``status`` says what kind of answer it is (`AnswerStatus`); ``text`` says it in words, and is
    empty only where it is "failed": then ``problem`` says why, which is empty otherwise.
    ``consistency`` in [0, 1] is the verifier's number, or without one the share of votes that the
    answer got, ``None`` where there was neither; ``verified_by`` names how it came about.
    ``latency_s`` maps stage names to seconds. ``notice`` says what an answer that is there could
    not rest on, as during an outage, else "".
    """

    text: str
    choice: str | None = None
    reasoning: str = ""
    consistency: float | None = None
    evidence: tuple[Evidence, ...] = ()
    latency_s: dict[str, float] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    question_id: str = ""
    notice: str = ""
    verified_by: str = ""
    status: AnswerStatus = "answered"

    def __post_init__(self) -> None:
        """Refuse a failure without its reason, and a reason without failure.

        Raises:
            ValueError: ``status`` and ``problem`` contradict each other.
        """
        if (self.status == "failed") != bool(self.problem):
            raise ValueError(f"status {self.status!r} with problem {self.problem!r}")

    @classmethod
    def failure(cls, problem: str, question_id: str = "") -> Answer:
        """No answer, because of ``problem``."""
        return cls(text="", status="failed", problem=problem, question_id=question_id)
