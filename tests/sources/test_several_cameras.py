"""Several cameras of one robot: one memory, keyframes for each, directions of the robot."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.cameras import in_robot_frame
from embodied_agent.agent.mailbox import Mailbox
from embodied_agent.errors import SettingsError, StoreError
from embodied_agent.records import Action, CameraMount, Delta, Frame, Keyframe, Mention
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import open_source
from embodied_agent.sources.bags.transforms import multiply
from embodied_agent.transcript.text import entry_text
from tests.sources.builders import ros
from tests.sources.builders.card import scene
from tests.sources.builders.ros import MS, T0, in_order
from tests.support.sources import write_bag
from tests.support.web import Paced

TOPICS = {"front": "/front/image", "left": "/left/image"}


def bag_of_two(folder: Path) -> Path:
    """Two cameras; TF says that the left one looks to the left."""
    entries = []
    for n in range(10):
        for name, late in (("front", 0), ("left", 10)):
            at = T0 + n * 100 * MS + late * MS
            message = ros.raw(at, scene(n + late))
            message.header.frame_id = f"{name}_optical_frame"
            entries.append((f"/{name}/image", message, at))
    quarter = (0.0, 0.0, math.sin(math.pi / 4), math.cos(math.pi / 4))
    fixed = ros.tf(
        ros.transform(T0, "base_link", "front_optical_frame", turn=ros.OPTICAL),
        ros.transform(T0, "base_link", "left_optical_frame", turn=multiply(quarter, ros.OPTICAL)),
    )
    return write_bag(
        folder / "bag",
        in_order([("/tf_static", fixed, T0 - MS)], ros.tf_walk(statics=False), entries),
    )


def test_frames_of_all_cameras_come_by_their_stamps_with_their_mounts(tmp_path: Path) -> None:
    with open_source(str(bag_of_two(tmp_path)), SourceSettings(topics=TOPICS)) as source:
        frames = list(source)
        assert source.expected_frames == 20
    assert [f.stamp_ns for f in frames] == sorted(f.stamp_ns for f in frames)
    assert len(frames) == 20
    assert {f.frame_id for f in frames} == {"front@0#0", "left@90#1"}
    assert all(f.pose is not None for f in frames)
    assert "left (90°)" in source.description


def test_settings_say_where_a_camera_looks(tmp_path: Path) -> None:
    settings = SourceSettings(topics=TOPICS, mounts={"left": -45})
    with open_source(str(bag_of_two(tmp_path)), settings) as source:
        assert {f.frame_id for f in source} == {"front@0#0", "left@-45#1"}


def test_each_camera_has_keyframes_of_its_own_in_one_history(tmp_path: Path) -> None:
    settings = load_settings(
        source__topics=TOPICS, perception__backend="geometry", keyframes__min_interval_s=0.0
    )
    bag = str(bag_of_two(tmp_path))
    with open_source(bag, settings.source) as source, Agent(settings) as agent:
        for frame in source:
            agent.observe(frame)
        agent.finish()
        assert agent.drain(60)
        kept, deltas = agent.store.keyframes(), agent.store.deltas()
        assert len({k.segment for k in kept}) == 1
        by_camera = {k.frame_id: [o for o in kept if o.frame_id == k.frame_id] for k in kept}
        assert set(by_camera) == {"front@0#0", "left@90#1"}
        assert all(len(own) >= 2 for own in by_camera.values())
        for own in by_camera.values():
            before = agent.store.before(own[1])
            assert before is not None
            assert before.id == own[0].id
    for keyframe, delta in zip(kept, deltas, strict=True):
        left = keyframe.frame_id.startswith("left")
        assert delta.camera == ("left" if left else "")
        assert ("left camera:" in entry_text(delta)) == left


def keyframe(mount: CameraMount) -> Keyframe:
    return Keyframe(3, T0, b"", "overlap", 8, 6, frame_id=mount.frame_id)


@pytest.mark.parametrize(
    ("yaw", "seen", "expected"),
    [
        (0, "front", "front"),
        (90, "front", "left"),
        (-90, "front-left", "front-right"),
        (180, "left", "right"),
    ],
)
def test_directions_are_those_of_the_robot(yaw: float, seen: str, expected: str) -> None:
    delta = Delta(3, Action.ROTATE_LEFT, 30.0, (Mention("lamp", seen),))  # type: ignore[arg-type]
    turned = in_robot_frame(delta, keyframe(CameraMount("side", yaw, 1)))
    assert turned.mentions[0].direction == expected
    # All cameras turn together: only the first one tells of it.
    assert turned.action is None
    assert entry_text(turned) == f"#3 side camera: lamp {expected}.\n"


@pytest.mark.parametrize(
    ("yaw", "bearing", "expected", "direction"),
    [
        (90, 10.0, 100.0, "left"),
        (-30, -20.0, -50.0, "front-right"),
        (180, 20.0, -160.0, "back-right"),
        (-170, -10.0, 180.0, "back"),
    ],
)
def test_measured_bearings_are_those_of_the_robot(
    yaw: float, bearing: float, expected: float, direction: str
) -> None:
    seen = Mention("lamp", "front", bearing_deg=bearing, elevation_deg=5.0)
    turned = in_robot_frame(Delta(3, None, mentions=(seen,)), keyframe(CameraMount("side", yaw, 1)))
    (mention,) = turned.mentions
    assert (mention.bearing_deg, mention.direction) == (pytest.approx(expected), direction)
    assert mention.elevation_deg == 5.0


def test_the_first_camera_tells_what_moved_in_the_robots_frame() -> None:
    delta = Delta(3, Action.MOVE_RIGHT)
    told = in_robot_frame(delta, keyframe(CameraMount("left", 90, 0)))
    assert told.action is Action.MOVE_FORWARD
    assert told.camera == ""
    alone = Keyframe(3, T0, b"", "overlap", 8, 6, frame_id="camera")
    assert in_robot_frame(delta, alone) is delta


@pytest.mark.parametrize("frame_id", ["camera", "a@b#c", "@1#2", "user@host", "left@90"])
def test_other_frames_are_no_mounts(frame_id: str) -> None:
    assert CameraMount.of(frame_id) is None


def test_a_mount_survives_its_frame_id() -> None:
    mount = CameraMount("left_up", -22.5, 3)
    assert CameraMount.of(mount.frame_id) == mount


@pytest.mark.parametrize(
    "settings",
    [{"topics": ["front"]}, {"topics": ["a=/x", "a=/y"]}, {"mounts": {"left": "up"}}],
)
def test_cameras_that_can_not_be_told_apart_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        load_settings(**{f"source__{name}": value for name, value in settings.items()})


def view(mount: str, n: int, index: int = 0) -> Frame:
    return Frame(T0 + n * 100 * MS, image=scene(0), frame_id=mount, index=index)


FRONT, LEFT = "front@0#0", "left@90#1"
STILL = load_settings(perception__backend="geometry", keyframes__overlap_threshold=0.01)


def test_the_last_frame_of_each_camera_is_kept() -> None:
    with Agent(STILL) as agent:
        for n in range(4):
            agent.observe(view(FRONT, n))
            if n < 3:
                agent.observe(view(LEFT, n))
        agent.finish()
        kept = agent.store.keyframes()
    last = {k.frame_id: k.stamp_ns for k in kept if k.reason == "last"}
    assert last == {FRONT: T0 + 300 * MS, LEFT: T0 + 200 * MS}


def test_a_question_about_now_keeps_what_each_camera_sees() -> None:
    with Agent(STILL, reasoner=Paced()) as agent:
        for n in range(3):
            agent.observe(view(FRONT, n))
            agent.observe(view(LEFT, n))
        agent.ask("Where is the lamp?", choices=["left", "right"])
        agent.ask("Where is the lamp?", choices=["left", "right"])
        kept = agent.store.keyframes()
    present = [(k.frame_id, k.stamp_ns) for k in kept if k.reason == "asked"]
    assert present == [(FRONT, T0 + 200 * MS), (LEFT, T0 + 200 * MS)]


def test_a_frame_of_one_camera_does_not_replace_one_of_another() -> None:
    taken: list[str] = []
    lock, done = threading.RLock(), threading.Event()

    def take(frame: Frame) -> None:
        taken.append(f"{frame.frame_id} {frame.index}")
        if len(taken) == 2:
            done.set()

    mailbox = Mailbox(take, lock)
    with lock:  # nothing is taken meanwhile
        for index in range(3):
            mailbox.post(view(FRONT, index, index))
            mailbox.post(view(LEFT, index, index))
    assert done.wait(60)
    mailbox.close()
    assert taken == [f"{FRONT} 2", f"{LEFT} 2"]
    assert mailbox.dropped == 4


def test_a_late_frame_is_late_against_its_own_camera_only() -> None:
    with Agent(STILL) as agent:
        agent.observe(view(FRONT, 2))
        agent.observe(view(LEFT, 1))
        agent.observe(view(FRONT, 1))
        status = agent.status()
    assert (status.frames, status.frames_late) == (2, 1)


def test_the_confidence_is_told_for_each_camera() -> None:
    with Agent(STILL) as agent:
        agent.observe(view(FRONT, 0))
        agent.observe(view(LEFT, 0))
        agent.observe(view(FRONT, 1))
        assert agent.status().keyframer.confidence == {"front": 1.0, "left": None}
        assert agent.status().keyframer.frames_doubtful == 0


def walk_of_two(agent: Agent, frames: int) -> None:
    agent.begin_replay("walk")
    for n in range(frames):
        agent.observe(view(FRONT, n))
        if n < 3:
            agent.observe(view(LEFT, n))
    agent.finish()


def test_a_replay_of_two_cameras_is_recognised_to_its_last_frames(tmp_path: Path) -> None:
    settings = STILL.model_copy(
        update={"memory": STILL.memory.model_copy(update={"path": str(tmp_path / "memory.db")})}
    )
    with Agent(settings) as agent:
        walk_of_two(agent, 5)
        before = [(k.id, k.frame_id, k.stamp_ns, k.reason) for k in agent.store.keyframes()]
        assert [reason for *_, reason in before].count("last") == 2
    with Agent(settings) as agent:
        walk_of_two(agent, 5)
        after = [(k.id, k.frame_id, k.stamp_ns, k.reason) for k in agent.store.keyframes()]
        assert after == before
    with Agent(settings) as agent, pytest.raises(StoreError, match="no longer gives that frame"):
        walk_of_two(agent, 6)
