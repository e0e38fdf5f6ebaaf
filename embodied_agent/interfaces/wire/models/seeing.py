"""What the agent saw: keyframes with their deltas, decisions, and the path.

Out of scope: objects and places (`embodied_agent.interfaces.wire.objects`).
"""

from __future__ import annotations

from pydantic import Field

from embodied_agent.interfaces.wire.fields import FrozenReply


class PoseReply(FrozenReply):
    """Where the camera was."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    frame_id: str


class EgomotionReply(FrozenReply):
    """What the camera did since the keyframe before."""

    action: str | None
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    translation: tuple[float, float, float]
    confidence: float
    angle_deg: float | None


class BoxReply(FrozenReply):
    """A rectangle in an upright picture, in fractions of its width and height: (0, 0) is the top
    left corner, (1, 1) the bottom right one."""

    left: float
    top: float
    right: float
    bottom: float


class MountReply(FrozenReply):
    """Where a camera is on the body whose pose is known: metres and a unit quaternion in the body's
    frame; the camera's axes are x ahead, y left and z up in its picture."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]


class IntrinsicsReply(FrozenReply):
    """A pinhole camera, in pixels of a ``width`` by ``height`` picture."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


class MentionReply(FrozenReply):
    """One object and where it lies from the camera. What was not measured is null.

    ``bearing_deg`` is the object's horizontal angle from the camera's heading (from the robot's, if
    it has several cameras), positive to the left, in (-180, 180]; ``elevation_deg`` the vertical
    one, positive upward."""

    name: str
    direction: str
    distance: str | None
    box: BoxReply | None = None
    bearing_deg: float | None = None
    elevation_deg: float | None = None
    range_m: float | None = Field(None, description="distance from the camera, in metres")
    range_std_m: float | None = Field(
        None, description="standard deviation of it, in metres, where depth tells it"
    )
    confidence: float | None = Field(
        None, description="how sure the perceiver is that the object is there, from 0 to 1"
    )


class DeltaReply(FrozenReply):
    """What changed from the keyframe before. ``text`` is the line that the reasoner reads."""

    keyframe_id: int
    action: str | None
    angle_deg: float | None
    mentions: list[MentionReply]
    observation: str
    usable: bool
    agrees_with_egomotion: bool | None
    model: str
    latency_s: float
    camera: str = Field("", description="one of several cameras of a robot; empty: the first one")
    problem: str = Field("", description="why the delta is not usable; empty if it is")
    text: str


class KeyframeReply(FrozenReply):
    """A keyframe without its picture, which lies at ``picture`` (404 once retention dropped it).
    ``delta`` is null while it is not perceived."""

    id: int
    segment: int
    stamp_ns: int
    reason: str
    width: int
    height: int
    frame_id: str
    overlap_ratio: float | None
    inliers: int
    egomotion: EgomotionReply | None
    pose: PoseReply | None
    intrinsics: IntrinsicsReply | None = Field(
        None, description="of the upright picture; null without a calibration"
    )
    mount: MountReply | None = Field(
        None, description="of the camera on the body; null where the pose counts as the camera's"
    )
    picture: str
    delta: DeltaReply | None


class KeyframesReply(FrozenReply):
    """Keyframes in order of ids. ``next`` is the ``since`` of the rest, null at the end."""

    keyframes: list[KeyframeReply]
    next: int | None


class HitReply(FrozenReply):
    """One result of a search; a lower rank is a better match of text."""

    keyframe: KeyframeReply
    rank: float


class RecallReply(FrozenReply):
    """The results of a search, best first."""

    hits: list[HitReply]


class DecisionReply(FrozenReply):
    """The keyframe decision on one frame.

    ``homography`` (row by row) maps pixels of this frame into the last keyframe. Each of
    ``matched`` is x, y in this frame and x, y in the last keyframe, in pixels of a picture of
    ``width`` by ``height``. An overlap with a ``confidence`` below one half is doubtful."""

    index: int
    stamp_ns: int
    segment: int | None
    keep: bool
    reason: str | None
    overlap_ratio: float | None
    confidence: float | None
    matches: int
    inliers: int
    homography: list[float] | None
    matched: list[tuple[float, float, float, float]] | None
    width: int | None
    height: int | None
    pose: PoseReply | None


class PathPoint(FrozenReply):
    """Where one keyframe was taken, in metres; the heading is that of the camera's x axis."""

    keyframe_id: int
    segment: int
    stamp_ns: int
    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float


class PathReply(FrozenReply):
    """The keyframes that have a pose, ``total`` of them, in order; where there are more than
    ``limit``, ``points`` are spread evenly over the whole path."""

    frame_id: str
    total: int
    points: list[PathPoint]
