"""The records that flow through the agent: frozen dataclasses with almost no behaviour.

Conventions in every module:

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

    @property
    def inverse(self) -> Action:
        """The action that undoes it."""
        return _INVERSE[self]


_OPPOSITES = (
    (Action.MOVE_FORWARD, Action.MOVE_BACKWARD),
    (Action.MOVE_LEFT, Action.MOVE_RIGHT),
    (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD),
    (Action.ROTATE_LEFT, Action.ROTATE_RIGHT),
    (Action.TILT_DOWNWARD, Action.TILT_UPWARD),
)
_INVERSE = {one: other for a, b in _OPPOSITES for one, other in ((a, b), (b, a))}


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


def wrapped_deg(angle_deg: float) -> float:
    """The same angle in (-180, 180] degrees."""
    return 180.0 - (180.0 - angle_deg) % 360.0


#: Where one direction ends and the next begins, in degrees from straight ahead, to either side.
#: With eight equal ones, nearly everything in a camera's view would be "front".
DIRECTION_LIMITS_DEG = (15.0, 60.0, 120.0, 165.0)


def direction_at(bearing_deg: float) -> Direction:
    """The direction that a bearing lies in, in degrees, positive to the left."""
    eighths = sum(abs(wrapped_deg(bearing_deg)) > limit for limit in DIRECTION_LIMITS_DEG)
    return DIRECTIONS[-eighths if wrapped_deg(bearing_deg) > 0 else eighths]


#: Coarse range; its limits depend on the world (a room's "far" is a street's "near").
Distance = Literal["near", "mid", "far"]
DISTANCES: tuple[Distance, ...] = ("near", "mid", "far")

#: Share of matches that agree with a homography. Below the first, the homography is worthless;
#: above the second, it can be relied on fully.
_NO_CONFIDENCE, _CONFIDENCE = 0.25, 0.85
#: The same of `Decision.support`, which counts lost points too, and half-way between the two.
_NO_SUPPORT, _SUPPORT = 0.46, 0.9
DOUBTFUL_SUPPORT = (_NO_SUPPORT + _SUPPORT) / 2
#: An overlap with a lower `Decision.confidence` is doubtful.
DOUBTFUL = 0.5

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
    """Where the robot or its camera was: metres and a unit quaternion ``(x, y, z, w)``, relative to
    the coordinate frame ``frame_id``."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    frame_id: str = "odom"


@dataclass(frozen=True, slots=True)
class Intrinsics:
    """A pinhole camera, in pixels of a ``width`` by ``height`` image."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a camera is on the body whose pose is known: metres and a unit quaternion
    ``(x, y, z, w)`` in the body's frame. The camera's axes are x ahead, y left and z up in its
    picture."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class CameraMount:
    """One of a robot's several cameras, encoded in its frames' ``frame_id`` as ``left@90#1``.

    ``yaw_deg`` is its heading in degrees, positive to the robot's left. ``order`` counts from 0,
    the camera whose pictures determine the egomotion.
    """

    name: str
    yaw_deg: float = 0.0
    order: int = 0

    @property
    def frame_id(self) -> str:
        return f"{self.name}@{self.yaw_deg:g}#{self.order}"

    @classmethod
    def of(cls, frame_id: str) -> CameraMount | None:
        """The mount encoded in a ``frame_id``; ``None`` for a robot with one camera."""
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

    Exactly one of ``image`` and ``encoded`` is set. ``image`` is a ``uint8`` array,
    ``(height, width, 3)`` in BGR order or ``(height, width)`` grey; callers must not write to it
    afterwards. ``encoded`` is a whole JPEG or PNG file, decoded only when its pixels are needed.

    ``stamp_ns`` is an integer of the sensor's clock. ``index`` numbers the frames of a source from
    0. ``pose`` is where the robot was at that stamp, and ``mount`` where the camera is on it;
    ``None`` where the pose is the camera's own, or where nobody knows. ``intrinsics`` describe the
    picture as the sensor took it, before any rotation that the file's EXIF orientation asks for.
    ``preview`` is the upright picture in grey, at full or half size, if a check of the frame has
    decoded it.
    """

    stamp_ns: int
    image: Image | None = None
    encoded: bytes | None = None
    frame_id: str = "camera"
    index: int = 0
    pose: Pose | None = None
    intrinsics: Intrinsics | None = None
    mount: Mount | None = None
    preview: Image | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Egomotion:
    """What the camera did from one keyframe to the next, measured from the two pictures.

    Angles are in degrees: ``yaw_deg`` is positive to the left, ``pitch_deg`` upward, ``roll_deg``
    clockwise. ``translation`` is the travel in the earlier camera's frame (x right, y down, z
    ahead) in units of the scene's depth: 0.3 along z means 30 % of the way to what is ahead.
    ``action`` is the one of the ten that explains most of the motion, ``None`` if the camera did
    not move measurably. ``confidence`` is in [0, 1].
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
    the last keyframe's view that this frame still shows, ``None`` if it could not be measured.
    ``homography`` (3, 3; float64) maps pixels of this frame to the last keyframe, ``None`` if none
    could be fitted; ``inliers`` counts the ``matches`` that agree with it. ``matched`` (n, 4;
    float32) are those points: x, y in this frame and x, y in the last keyframe, in pixels of the
    full picture. ``support`` in [0, 1] is the share of the last keyframe's points that should still
    be in view and are where the homography puts them; ``None`` from `paper`, which does not measure
    it. ``egomotion`` is measured for kept frames.
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
    support: float | None = None

    @property
    def confidence(self) -> float | None:
        """How far the overlap can be relied on, from 0 to 1; ``None`` if it was not measured.

        A homography does not fit a scene with things at different depths (parallax) or moving
        things, and few of the points agree with it there. Below one half the overlap is doubtful:
        ``bench/keyframes.py --hard`` and ``--sequence`` measure how many of the wrong ones are.
        """
        if self.overlap_ratio is None or self.matches <= 0:
            return None
        if self.support is None:
            share, low, high = self.inliers / self.matches, _NO_CONFIDENCE, _CONFIDENCE
        else:
            share, low, high = self.support, _NO_SUPPORT, _SUPPORT
        return min(1.0, max(0.0, (share - low) / (high - low)))


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A kept frame as the memory stores it. ``id`` grows by one per keyframe, from 0.

    ``jpeg`` is the upright picture as a JPEG file of ``width`` by ``height`` pixels; it is empty if
    it was not requested or retention has dropped it. ``segment`` counts restarts of the sensor's
    clock (bag loops, resets): stamps are ordered within a segment only. ``egomotion`` is relative
    to the previous keyframe of the segment. ``intrinsics`` are those of the upright picture,
    ``None`` without a calibration that can be trusted. ``mount`` is where the camera of the upright
    picture is on the body that ``pose`` is of; ``None`` where the pose counts as the camera's own.
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
    intrinsics: Intrinsics | None = None
    mount: Mount | None = None


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in an upright picture, in fractions of its width and height: (0, 0) is the top
    left corner, (1, 1) the bottom right one."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Mention:
    """One object that a delta names: its ``name``, such as "red sofa", and where it is.

    What follows ``distance`` is ``None`` unless the perceiver measured it. ``box`` is where the
    object is in the picture. ``bearing_deg`` is its horizontal angle from the camera's heading
    (from the robot's, if it has several cameras), positive to the left, in (-180, 180];
    ``elevation_deg`` the vertical one, positive upward. Both point at the middle of the box, and
    are relative to the camera as it is tilted.
    ``range_m`` is its distance from the camera in metres. ``confidence`` in [0, 1] is how sure the
    perceiver is that the object is there.
    """

    name: str
    direction: Direction
    distance: Distance | None = None
    box: Box | None = None
    bearing_deg: float | None = None
    elevation_deg: float | None = None
    range_m: float | None = None
    confidence: float | None = None


#: The ``problem`` of a delta whose text retention has dropped; its motion is kept.
SUMMARY_ONLY = "kept as a summary only"


@dataclass(frozen=True, slots=True)
class Delta:
    """What changed from the previous keyframe to keyframe ``keyframe_id``.

    ``action`` is ``None`` for the first keyframe and if it is unknown. ``angle_deg`` is the size of
    a rotation or tilt, in degrees. ``mentions`` are the objects seen in the new view, most
    prominent first. ``observation`` is free text, empty if the perceiver gave none. ``usable`` is
    False if the perceiver's reply could not be used; the delta then contains the egomotion only.
    ``agrees_with_egomotion`` says whether the perceiver and the keyframer name the same action,
    ``None`` if they can't be compared. ``model`` is the perceiver's name, ``latency_s`` the time it
    took, in seconds. ``camera`` is the name of the camera, empty for the first or only one;
    directions are relative to the robot's heading, whichever camera it is. ``problem`` says why the
    delta is not usable, and is empty if it is; `SUMMARY_ONLY` where retention has dropped its text.
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
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the agent. ``choices`` are option texts without letters.

    ``at_ns`` asks as of an earlier stamp: the answer uses nothing seen later. ``timeout_s`` is the
    limit for the whole question, waiting included, in seconds. ``id`` is chosen by the client and
    returned as the answer's ``question_id``.
    """

    text: str
    choices: tuple[str, ...] = ()
    at_ns: int | None = None
    timeout_s: float = 30.0
    id: str = ""


#: What kind of answer it is. A guess is never presented as knowledge.
#: ``answered``: the memory contains the answer.
#: ``not_seen``: nothing in the memory matches what the question names.
#: ``cannot_tell``: the memory does not settle the question.
#: ``out_of_scope``: the question is not about what was seen.
#: ``failed``: no answer could be produced; ``problem`` says why.
AnswerStatus = Literal["answered", "not_seen", "cannot_tell", "out_of_scope", "failed"]
ANSWER_STATUSES: tuple[AnswerStatus, ...] = get_args(AnswerStatus)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A keyframe that an answer rests on. ``note`` says why: "cited" by the reasoning, "recalled"
    by an object's name, or seen in a "second look"."""

    keyframe_id: int
    stamp_ns: int
    note: str = ""
    pose: Pose | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """Where to stand and look from: a ``pose`` on or near the way that was driven, level, facing
    the object ``object_id``. It holds within the map session ``session``; ``stamp_ns`` is when the
    robot was there (keyframe ``keyframe_id``)."""

    pose: Pose
    stamp_ns: int
    session: int
    object_id: int
    keyframe_id: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent's answer. ``choice`` is a letter if choices were given and one was chosen.

    ``status`` says what kind of answer it is (`AnswerStatus`). ``text`` is the answer in words,
    empty only if the status is "failed"; then ``problem`` says why, which is empty otherwise.
    ``consistency`` in [0, 1] is the verifier's result or, without a verifier, the share of votes
    for the answer; ``None`` if there was neither. ``verified_by`` describes how it was obtained.
    ``latency_s`` maps stage names to seconds. ``notice`` says what the answer could not take into
    account, as during an outage, and is empty otherwise. ``goal`` is where to stand to see the one
    object that the question is about, where its position is known.
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
    goal: Goal | None = None

    def __post_init__(self) -> None:
        """Refuse a failure without a reason and a reason without a failure.

        Raises:
            ValueError: ``status`` and ``problem`` contradict each other.
        """
        if (self.status == "failed") != bool(self.problem):
            raise ValueError(f"status {self.status!r} with problem {self.problem!r}")

    @classmethod
    def failure(cls, problem: str, question_id: str = "") -> Answer:
        """A failed answer, whose reason is ``problem``."""
        return cls(text="", status="failed", problem=problem, question_id=question_id)
