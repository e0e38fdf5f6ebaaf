"""A replay as a Rerun recording: pictures, keyframes, path, objects and questions on one timeline.

    recording = RerunRecording(Path("walk.rrd"))
    agent.listen(recording.listener())
    ...
    recording.close()

The file is written while the replay runs; `rerun walk.rrd` opens it. The extra ``rerun`` installs
Rerun's SDK. Nothing is sent over the network.

A mention is an arrow, since it has a direction; objects that could be located are balls as wide as
their position is uncertain. What answers rest on is marked where it was seen from.

Out of scope: a live view. RViz and Foxglove show a running robot.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import AgentError, SettingsError
from embodied_agent.images import decode, encode_jpeg
from embodied_agent.object_records import SeenObject
from embodied_agent.records import DIRECTIONS, Decision, Delta, Frame, Keyframe, Mention, Pose
from embodied_agent.report.scoring import Scored
from embodied_agent.support.extras import missing_package
from embodied_agent.support.private_files import open_private

_TIMELINE = "stamp"
#: JPEG quality of pictures that came as raw pixels.
_QUALITY = 80
#: Length of an arrow to an object, in metres.
_ARROW_M = 1.0
#: Colours of keyframes that an answer rests on: cited by the reasoner, or recalled for it.
_CITED, _RECALLED = (255, 153, 0), (255, 230, 102)
#: The smallest radius of an object's ball, in metres.
_BALL_M = 0.12


class RerunRecording:
    """Writes an agent's frames, keyframes and deltas to a file.

    Raises:
        SettingsError: Rerun's SDK is not installed.
        AgentError: the file can't be written.
    """

    def __init__(self, path: Path) -> None:
        try:
            import rerun
            import rerun.blueprint
        except ModuleNotFoundError as error:
            raise SettingsError(missing_package("--rerun", "rerun", error)) from error
        self._rerun: Any = rerun
        try:
            # Rerun itself only warns if it can't write; it keeps the mode of a file that is there.
            open_private(path).close()
        except OSError as error:
            raise AgentError(f"can't write {path}: {error.strerror}") from error
        self._stream: Any = rerun.RecordingStream("embodied_agent")
        self._stream.save(str(path), default_blueprint=_layout(rerun.blueprint))
        self._path: list[tuple[float, float, float]] = []
        self._poses: dict[int, Pose] = {}

    def listener(self) -> Listener:
        """The listener to pass to `Agent.listen`."""
        return Listener(self.on_decision, self.on_keyframe, self.on_delta)

    def on_decision(self, frame: Frame, decision: Decision) -> None:
        """Write a frame, its overlap and the camera's pose."""
        if decision.reason == "last":
            return  # the same frame again
        self._at(frame.stamp_ns)
        jpeg = frame.encoded
        if jpeg is None or not jpeg.startswith(b"\xff\xd8"):
            jpeg = encode_jpeg(decode(frame), _QUALITY)
        self._log("camera/picture", self._picture(jpeg))
        if decision.overlap_ratio is not None:
            self._log("keyframes/overlap", self._rerun.Scalars(decision.overlap_ratio))
        if frame.pose is not None:
            self._path.append(frame.pose.position_m)
            self._log("world/path", self._rerun.LineStrips3D([self._path]))
            self._log(
                "world/camera",
                self._rerun.Transform3D(
                    translation=frame.pose.position_m,
                    quaternion=self._rerun.Quaternion(xyzw=frame.pose.orientation_xyzw),
                ),
            )

    def on_keyframe(self, keyframe: Keyframe) -> None:
        """Write a keyframe's picture and the reason for keeping it."""
        self._at(keyframe.stamp_ns)
        self._log("keyframes/picture", self._picture(keyframe.jpeg))
        self._log("keyframes/log", self._text(f"#{keyframe.id}: {keyframe.reason}"))
        if keyframe.pose is not None:
            self._poses[keyframe.id] = keyframe.pose
            point = self._rerun.Points3D([keyframe.pose.position_m], labels=[f"#{keyframe.id}"])
            self._log(f"world/keyframes/{keyframe.id}", point)

    def on_delta(self, keyframe: Keyframe, delta: Delta) -> None:
        """Write the delta's mentions and, if the keyframe's pose is known, an arrow to each."""
        self._at(keyframe.stamp_ns)
        names = ", ".join(f"{m.name} {m.direction}" for m in delta.mentions)
        self._log("notes", self._text(f"#{keyframe.id}: {names or delta.observation}"))
        pose = keyframe.pose or self._poses.get(keyframe.id)
        if pose is None or not delta.mentions:
            return
        arrows = [_arrow(pose, _bearing_deg(m)) for m in delta.mentions]
        self._log(
            f"world/objects/{keyframe.id}",
            self._rerun.Arrows3D(
                origins=[pose.position_m] * len(arrows),
                vectors=arrows,
                labels=[mention.name for mention in delta.mentions],
            ),
        )

    def questions(self, results: Sequence[Scored]) -> None:
        """Write questions with their answers and evidence, at the end of the timeline."""
        for number, result in enumerate(results):
            question, answer = result.case.question, result.answer
            self._log("questions", self._text(f"{question.text}\n{answer.text or answer.problem}"))
            marks = [(item, item.pose) for item in answer.evidence if item.pose is not None]
            if not marks:
                continue
            self._log(
                f"world/evidence/{number}",
                self._rerun.Arrows3D(
                    origins=[pose.position_m for _, pose in marks],
                    vectors=[_arrow(pose, 0.0) for _, pose in marks],
                    labels=[f"#{item.keyframe_id} {item.note}".strip() for item, _ in marks],
                    colors=[_CITED if item.note == "cited" else _RECALLED for item, _ in marks],
                ),
            )

    def located(self, objects: Sequence[SeenObject]) -> None:
        """Write where objects are, at the end of the timeline: those of the latest map session."""
        latest = max((one.session for one in objects), default=0)
        of_latest = [one for one in objects if one.session == latest]
        balls = [(one, one.position_m) for one in of_latest if one.position_m is not None]
        if balls:
            self._log(
                "world/located",
                self._rerun.Points3D(
                    [position_m for _, position_m in balls],
                    radii=[max(_BALL_M, one.std_m or 0.0) for one, _ in balls],
                    labels=[one.label or one.name for one, _ in balls],
                ),
            )

    def close(self) -> None:
        """Flush and close the file. Safe to call twice."""
        self._stream.flush()
        self._stream.disconnect()

    def _at(self, stamp_ns: int) -> None:
        self._stream.set_time(_TIMELINE, timestamp=np.datetime64(stamp_ns, "ns"))

    def _log(self, entity: str, archetype: Any) -> None:
        self._stream.log(entity, archetype)

    def _picture(self, jpeg: bytes) -> Any:
        return self._rerun.EncodedImage(contents=jpeg, media_type="image/jpeg")

    def _text(self, text: str) -> Any:
        return self._rerun.TextLog(text)


def _layout(views: Any) -> Any:
    """What the viewer shows at first: the world, the pictures, and what was noted and asked."""
    return views.Blueprint(
        views.Horizontal(
            views.Spatial3DView(origin="world", name="world"),
            views.Vertical(
                views.Spatial2DView(origin="camera/picture", name="camera"),
                views.Spatial2DView(origin="keyframes/picture", name="latest keyframe"),
                views.TimeSeriesView(origin="keyframes/overlap", name="overlap"),
                views.TextLogView(origin="/", contents=["/notes", "/questions"], name="notes"),
            ),
            column_shares=[3, 2],
        ),
        collapse_panels=True,
    )


def _bearing_deg(mention: Mention) -> float:
    """The measured bearing, or that of the direction: degrees from ahead, positive to the left."""
    if mention.bearing_deg is not None:
        return mention.bearing_deg
    return -45.0 * DIRECTIONS.index(mention.direction)


def _arrow(pose: Pose, bearing_deg: float) -> tuple[float, float, float]:
    """The arrow from a pose to what lies at a bearing, in degrees from ahead."""
    x, y, z, w = pose.orientation_xyzw
    heading = math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z))
    angle = heading + math.radians(bearing_deg)
    return (_ARROW_M * math.cos(angle), _ARROW_M * math.sin(angle), 0.0)
