"""Record a clip: the camera runs through a scene; the result is a bag with truth and questions.

A clip is a folder that is itself a rosbag2 recording (``metadata.yaml`` and one ``.mcap``) with
two files beside them. Topics: ``camera/image/compressed`` (sensor_msgs/CompressedImage, JPEG),
``camera/camera_info`` (sensor_msgs/CameraInfo) and ``odom`` (nav_msgs/Odometry: pose of
``camera_link``, x forward, y left, z up, in ``odom``). The same seed writes the same bytes.

``truth.json``::

    world, seed, width, height, fps, hfov_deg
    bounds   [x_min, y_min, x_max, y_max] of the floor, metres
    objects  [{id, name, kind, colour, position [x, y, z], size [w, d, h], yaw_deg}]
    walls    [{a [x, y], b [x, y], height, thickness, z}]
    steps    [{action, amount (degrees or metres), duration_s}]
    frames   [{stamp_ns, pose {x, y, z, yaw_deg, pitch_deg}, step, visible {name: pixels}}]

``step`` is the index of the step under way, or -1 at rest. ``visible`` counts pixels of the
segmentation render, scaled to a 320×240 picture; objects below 30 pixels are left out.
``questions.json`` is the list that `sim_clips.questions.make_questions` derives from the truth.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from embodied_agent.errors import AgentError
from sim_clips.layout import make_scene
from sim_clips.motion import TrackPoint, camera_track
from sim_clips.questions.free.words import SYNONYMS, kind_of, with_article, words_for
from sim_clips.render import Rendered, Renderer
from sim_clips.scene import VISIBLE_PIXELS, CameraPose, Scene, WorldName

if TYPE_CHECKING:
    from rosbags.interfaces import Connection

IMAGE_TOPIC = "camera/image/compressed"
INFO_TOPIC = "camera/camera_info"
ODOM_TOPIC = "odom"
#: Fewest pixels (of a 320×240 picture) for an object to be listed in a frame's truth.
LISTED_PIXELS = 30
#: Everyday things that no simulated world contains.
_ABSENT = ("fridge", "piano", "bicycle", "ladder", "television")
_TYPES = get_typestore(Stores.ROS2_JAZZY)
_VERSION: Literal[8] = 8  # bag metadata version; ROS 2 Humble and later can read it


@dataclass(frozen=True, slots=True)
class Recording:
    """How a clip is recorded: size in pixels, frames per second, JPEG quality (1 to 100)."""

    width: int = 320
    height: int = 240
    fps: float = 10.0
    jpeg_quality: int = 85


class RecordError(AgentError):
    """A clip can't be written: the folder contains something else, or a setting is out of range."""


def quaternion(pose: CameraPose) -> tuple[float, float, float, float]:
    """Orientation (x, y, z, w) of ``camera_link``: yaw about z, then pitch (positive is up)."""
    half_yaw, half_pitch = math.radians(pose.yaw_deg) / 2, -math.radians(pose.pitch_deg) / 2
    cy, sy = math.cos(half_yaw), math.sin(half_yaw)
    cp, sp = math.cos(half_pitch), math.sin(half_pitch)
    return (-sy * sp, cy * sp, sy * cp, cy * cp)


def _message(name: str, **fields: Any) -> Any:
    return _TYPES.types[name](**fields)


def _header(stamp_ns: int, frame_id: str) -> Any:
    stamp = _message("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return _message("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def _image(stamp_ns: int, jpeg: bytes) -> Any:
    return _message(
        "sensor_msgs/msg/CompressedImage",
        header=_header(stamp_ns, "camera_optical_frame"),
        format="bgr8; jpeg compressed bgr8",
        data=np.frombuffer(jpeg, np.uint8),
    )


def _camera_info(stamp_ns: int, scene: Scene, recording: Recording) -> Any:
    f = recording.width / 2 / math.tan(math.radians(scene.hfov_deg) / 2)
    cx, cy = (recording.width - 1) / 2, (recording.height - 1) / 2
    roi = _message(
        "sensor_msgs/msg/RegionOfInterest",
        x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
    )  # fmt: skip
    return _message(
        "sensor_msgs/msg/CameraInfo",
        header=_header(stamp_ns, "camera_optical_frame"),
        height=recording.height,
        width=recording.width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=np.array([f, 0, cx, 0, f, cy, 0, 0, 1.0]),
        r=np.eye(3).ravel(),
        p=np.array([f, 0, cx, 0, 0, f, cy, 0, 0, 0, 1.0, 0]),
        binning_x=0,
        binning_y=0,
        roi=roi,
    )


def _odometry(point: TrackPoint) -> Any:
    x, y, z, w = quaternion(point.pose)
    pose = _message(
        "geometry_msgs/msg/Pose",
        position=_message(
            "geometry_msgs/msg/Point", x=point.pose.x, y=point.pose.y, z=point.pose.z
        ),
        orientation=_message("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w),
    )
    zero = _message("geometry_msgs/msg/Vector3", x=0.0, y=0.0, z=0.0)
    still = _message("geometry_msgs/msg/Twist", linear=zero, angular=zero)
    return _message(
        "nav_msgs/msg/Odometry",
        header=_header(point.stamp_ns, "odom"),
        child_frame_id="camera_link",
        pose=_message("geometry_msgs/msg/PoseWithCovariance", pose=pose, covariance=np.zeros(36)),
        twist=_message(
            "geometry_msgs/msg/TwistWithCovariance", twist=still, covariance=np.zeros(36)
        ),
    )


def _rounded_pose(pose: CameraPose) -> dict[str, float]:
    return {name: round(value, 5) for name, value in asdict(pose).items()}


def _visible(scene: Scene, picture: Rendered) -> dict[str, int]:
    """Pixels per object, scaled to a 320×240 picture, in descending order."""
    ids = picture.ids[picture.ids >= 0]
    scale = 320 * 240 / picture.ids.size
    counts = np.bincount(ids.ravel(), minlength=len(scene.objects)) * scale
    order = np.argsort(-counts, kind="stable")
    return {
        scene.objects[int(n)].name: round(float(counts[n]))
        for n in order
        if counts[n] >= LISTED_PIXELS
    }


def truth_of(scene: Scene, recording: Recording, frames: list[dict[str, Any]]) -> dict[str, Any]:
    """The clip's truth as JSON-ready values; this module's docstring has the schema."""
    return {
        "world": scene.world,
        "seed": scene.seed,
        "width": recording.width,
        "height": recording.height,
        "fps": recording.fps,
        "hfov_deg": scene.hfov_deg,
        "bounds": list(scene.bounds),
        "objects": [
            {
                "id": thing.id,
                "name": thing.name,
                "kind": thing.kind,
                "colour": thing.colour,
                "position": list(thing.position),
                "size": list(thing.size),
                "yaw_deg": thing.yaw_deg,
            }
            for thing in scene.objects
        ],
        "walls": [
            {"a": list(w.a), "b": list(w.b), "height": w.height, "thickness": w.thickness, "z": w.z}
            for w in scene.walls
        ],
        "steps": [
            {"action": s.action.value, "amount": s.amount, "duration_s": s.duration_s}
            for s in scene.steps
        ],
        "frames": frames,
    }


def _connections(writer: Writer) -> tuple[Connection, Connection, Connection]:
    image, info, odom = (
        writer.add_connection(topic, kind, typestore=_TYPES)
        for topic, kind in (
            (IMAGE_TOPIC, "sensor_msgs/msg/CompressedImage"),
            (INFO_TOPIC, "sensor_msgs/msg/CameraInfo"),
            (ODOM_TOPIC, "nav_msgs/msg/Odometry"),
        )
    )
    return image, info, odom


def _write_bag(
    folder: Path, scene: Scene, recording: Recording, renderer: Renderer
) -> list[dict[str, Any]]:
    """Render every frame into a bag at ``folder``; returns the frames' truth."""
    renderer.load(scene)
    frames: list[dict[str, Any]] = []
    options = [cv2.IMWRITE_JPEG_QUALITY, recording.jpeg_quality, cv2.IMWRITE_JPEG_OPTIMIZE, 1]
    bag = Writer(folder, version=_VERSION, storage_plugin=StoragePlugin.MCAP)
    # MCAP's own chunk compression, as rosbag2 writes it: covariances and headers cost nothing.
    bag.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with bag as writer:
        image, info, odom = _connections(writer)

        def put(connection: Connection, stamp_ns: int, message: Any) -> None:
            data = _TYPES.serialize_cdr(message, connection.msgtype)
            writer.write(connection, stamp_ns, data)

        for point in camera_track(scene, recording.fps):
            picture = renderer.render(point.pose)
            jpeg = cv2.imencode(".jpg", picture.bgr, options)[1].tobytes()
            put(odom, point.stamp_ns, _odometry(point))
            put(info, point.stamp_ns, _camera_info(point.stamp_ns, scene, recording))
            put(image, point.stamp_ns, _image(point.stamp_ns, jpeg))
            frames.append(
                {
                    "stamp_ns": point.stamp_ns,
                    "pose": _rounded_pose(point.pose),
                    "step": point.step,
                    "visible": _visible(scene, picture),
                }
            )
    return frames


def _write_json(file: Path, value: Any) -> None:
    file.write_text(json.dumps(value, indent=None, separators=(",", ":")) + "\n", "utf-8")


def _questions(truth: dict[str, Any], seed: int) -> list[dict[str, Any]]:
    from sim_clips.questions import make_questions

    return make_questions(truth, seed)


def record(
    world: WorldName,
    seed: int,
    folder: Path,
    recording: Recording | None = None,
    *,
    renderer: Renderer | None = None,
    report: Callable[[str], None] = lambda _: None,
) -> Path:
    """Record the clip of ``world`` and ``seed`` into ``folder``, replacing an older clip there.

    Args:
        world: name of the simulated world.
        seed: of the scene.
        folder: created if missing.
        recording: picture size, frame rate and JPEG quality; ``None`` for the defaults.
        renderer: reused if given; its picture size must match ``recording``.
        report: called with one line about what was written.

    Raises:
        RecordError: ``folder`` is not a clip's folder, or a value of ``recording`` is out of range.
        ValueError: unknown world.
    """
    recording = recording or Recording()
    if not 1 <= recording.jpeg_quality <= 100 or recording.fps <= 0:
        raise RecordError(f"jpeg_quality must be from 1 to 100 and fps above 0, got {recording}")
    _clear(folder)
    scene = make_scene(world, seed)
    own = renderer is None
    stage = renderer or Renderer(recording.width, recording.height)
    if (stage.width, stage.height) != (recording.width, recording.height):
        raise RecordError("the renderer and the recording have different picture sizes")
    try:
        frames = _write_bag(folder, scene, recording, stage)
    finally:
        if own:
            stage.close()
    truth = truth_of(scene, recording, frames)
    _write_json(folder / "truth.json", truth)
    questions = _questions(truth, seed)
    _write_json(folder / "questions.json", questions)
    seconds = (frames[-1]["stamp_ns"] - frames[0]["stamp_ns"]) / 1e9
    size = sum(file.stat().st_size for file in folder.iterdir()) / 1e6
    report(
        f"{folder}: {len(frames)} frames, {seconds:.1f} s, {len(scene.objects)} objects, "
        f"{len(questions)} questions, {size:.2f} MB"
    )
    return folder


def regenerate_questions(
    folder: Path, *, report: Callable[[str], None] = lambda _: None
) -> list[dict[str, Any]]:
    """Regenerate a recorded clip's questions from its truth; the recording itself is unchanged.

    Raises:
        RecordError: the folder has no truth.json, or the file is not a clip's truth.
    """
    try:
        truth = json.loads((folder / "truth.json").read_text("utf-8"))
        questions = _questions(truth, truth["seed"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(
            f"{folder} has no usable truth.json ({error}); give a folder that sim_clips recorded"
        ) from error
    _write_json(folder / "questions.json", questions)
    report(f"{folder}: {len(questions)} questions")
    return questions


def write_sample(
    questions: Sequence[dict[str, Any]], truth: dict[str, Any], file: Path, *, count: int = 3
) -> None:
    """Write ``count`` of a clip's questions, each of a different type, in time order, and two free
    questions: one about an object in the clip, under an everyday word, and one about an absent
    object. All are drawn with a fixed seed, not hand-picked."""
    rng = np.random.default_rng(1)
    kinds = sorted({question["type"] for question in questions})
    types = [kinds[int(i)] for i in rng.permutation(len(kinds))[:count]]
    by_type = [[q for q in questions if q["type"] == kind] for kind in types]
    sample = [group[int(rng.integers(len(group)))] for group in by_type]
    sample.sort(key=lambda question: (question["stamp_ns"], question["id"]))
    file.write_text(json.dumps([*sample, *_in_free_words(truth, rng)], indent=1) + "\n", "utf-8")


def _in_free_words(truth: dict[str, Any], rng: np.random.Generator) -> list[dict[str, Any]]:
    """A free question about an object that the clip shows clearly, and one about an object that no
    world contains."""
    most_pixels: dict[str, int] = {}
    for frame in truth["frames"]:
        for name, pixels in frame["visible"].items():
            most_pixels[name] = max(most_pixels.get(name, 0), pixels)
    kinds = sorted(
        {kind_of(name) for name, pixels in most_pixels.items() if pixels >= 10 * VISIBLE_PIXELS}
    )
    candidates = [kind for kind in kinds if kind in SYNONYMS] or kinds
    kind = candidates[int(rng.integers(len(candidates)))]
    word = words_for(kind)[-1]
    absent = _ABSENT[int(rng.integers(len(_ABSENT)))]
    return [
        {"type": "free", "text": f"Did you see {with_article(word)}?", "status": "answered",
         "contain": kind},
        {"type": "free", "text": f"Is there {with_article(absent)}?", "status": "not_seen"},
    ]  # fmt: skip


def _clear(folder: Path) -> None:
    """Remove an older clip: the bag writer requires that the folder does not exist yet."""
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        return
    if not folder.is_dir():
        raise RecordError(f"{folder} is a file; give a folder for the clip")
    names = {file.name for file in folder.iterdir()}
    clip_files = {"metadata.yaml", "truth.json", "questions.json", f"{folder.name}.mcap"}
    if names - clip_files:
        raise RecordError(
            f"{folder} contains {', '.join(sorted(names - clip_files)[:3])}, which is not part of "
            "a clip; give a new folder, or the folder of an older clip"
        )
    shutil.rmtree(folder)
