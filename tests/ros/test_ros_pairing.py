"""Poses and their pairing with images, without ROS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from embodied_agent.records import Frame, Pose
from embodied_agent.ros.pairing import Pairing, PoseCounts
from embodied_agent.ros.poses import OdometryPoses, RestartingBuffer

SECOND = 1_000_000_000


def header(stamp_ns: int, frame_id: str = "eye") -> SimpleNamespace:
    seconds, nanoseconds = divmod(stamp_ns, SECOND)
    return SimpleNamespace(
        stamp=SimpleNamespace(sec=seconds, nanosec=nanoseconds), frame_id=frame_id
    )


def odometry(stamp_ns: int, x: float = 0.0, w: float = 1.0) -> SimpleNamespace:
    pose = SimpleNamespace(
        position=SimpleNamespace(x=x, y=0.0, z=0.0),
        orientation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=w),
    )
    return SimpleNamespace(
        header=header(stamp_ns, "odom"),
        child_frame_id="base_link",
        pose=SimpleNamespace(pose=pose),
    )


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("bad", [odometry(SECOND, math.nan), odometry(SECOND, w=0.0), odometry(0)])
def test_unusable_odometry_is_left_out(bad: SimpleNamespace) -> None:
    kinds: list[str] = []
    poses = OdometryPoses(lambda kind, _: kinds.append(kind))
    poses.add(bad)
    assert kinds == ["invalid_pose"]
    assert poses.at(SECOND).pose is None


def test_odometry_that_jumps_back_forgets_what_was() -> None:
    poses = OdometryPoses(lambda *_: None)
    poses.add(odometry(100 * SECOND, 1.0))
    poses.add(odometry(5 * SECOND, 2.0))
    assert poses.at(100 * SECOND).pose is None
    assert poses.at(5 * SECOND).pose == Pose((2.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), "odom")


class Taken:
    """What a tf2 buffer would have been given since it was last cleared."""

    def __init__(self) -> None:
        self.stamps: list[int] = []

    def set_transform(self, transform: SimpleNamespace, authority: str) -> None:
        self.stamps.append(transform.header.stamp.sec)

    def clear(self) -> None:
        self.stamps.clear()


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([("base", 100), ("base", 101), ("base", 20), ("wheel", 20)], [20, 20]),
        ([("base", 100), ("base", 99), ("base", 98)], [100, 99, 98]),  # jitter
        ([("base", 100), ("map", 20), ("base", 101)], [100, 20, 101]),  # one that lags
    ],
)
def test_transforms_of_a_clock_that_went_back_clear_those_before(
    sent: list[tuple[str, int]], kept: list[int]
) -> None:
    taken = Taken()
    buffer = RestartingBuffer(taken)
    for child, second in sent:
        step = SimpleNamespace(header=header(second * SECOND), child_frame_id=child)
        buffer.set_transform(step, "")
    assert taken.stamps == kept


class Pairs:
    """A pairing with a clock of its own."""

    def __init__(self, wait_s: float = 0.05) -> None:
        self.clock = Clock()
        self.poses = OdometryPoses(lambda *_: None)
        self.passed: list[Frame] = []
        self.together: list[int] = []
        self.told: list[str] = []
        self.counts = PoseCounts(lambda kind, text: self.told.append(f"{kind}: {text}"))
        self.pairing = Pairing(self.poses, lambda: wait_s, self._pass_on, self.counts, self.clock)

    def _pass_on(self, frames: Sequence[Frame]) -> None:
        self.passed += frames
        self.together.append(len(frames))

    def pose(self, stamp_ns: int, x: float) -> None:
        self.poses.add(odometry(stamp_ns, x))
        self.pairing.release()

    def xs(self) -> list[float | None]:
        return [frame.pose.position_m[0] if frame.pose else None for frame in self.passed]


def test_without_poses_no_image_waits() -> None:
    pairs = Pairs()
    pairs.pairing.offer(Frame(SECOND))
    assert pairs.xs() == [None]


def test_an_image_waits_for_its_pose_and_those_behind_it_wait_too() -> None:
    pairs = Pairs()
    pairs.pose(SECOND, 1.0)
    pairs.pairing.offer(Frame(SECOND))
    pairs.pairing.offer(Frame(SECOND + 100_000_000))
    pairs.pairing.offer(Frame(SECOND + 150_000_000))
    assert pairs.xs() == [1.0]
    pairs.pose(SECOND + 200_000_000, 3.0)
    assert pairs.xs() == [1.0, 2.0, 2.5]
    assert pairs.together == [1, 2]  # else the agent would keep the last of them only


def test_an_image_waits_no_longer_than_it_may() -> None:
    pairs = Pairs()
    pairs.pose(SECOND, 1.0)
    pairs.pairing.offer(Frame(SECOND))
    pairs.pairing.offer(Frame(2 * SECOND))
    assert pairs.pairing.waiting
    pairs.clock.now = 0.06
    pairs.pairing.release()
    assert not pairs.pairing.waiting
    assert pairs.xs() == [1.0, None]


def test_when_poses_cease_images_stop_waiting() -> None:
    pairs = Pairs()
    pairs.pose(SECOND, 1.0)
    pairs.pairing.offer(Frame(SECOND))
    pairs.clock.now = 5.0
    pairs.pairing.offer(Frame(6 * SECOND))
    assert not pairs.pairing.waiting


def test_a_jump_of_the_clock_lets_all_pass_and_forgets_poses() -> None:
    pairs = Pairs()
    pairs.pose(SECOND, 1.0)
    pairs.pairing.offer(Frame(SECOND))
    pairs.pairing.offer(Frame(SECOND + 100_000_000))
    pairs.pairing.clear()
    pairs.pairing.offer(Frame(SECOND))
    assert pairs.xs() == [1.0, None]
    pairs.pairing.flush()
    assert pairs.xs() == [1.0, None, None]


def test_an_image_waits_for_poses_that_always_come_after_it() -> None:
    """As transforms do: not one is there before its image, from the first image on."""
    pairs = Pairs()
    pairs.pairing.start()
    for number in range(1, 20):
        pairs.clock.now += 0.1
        pairs.pairing.offer(Frame(number * SECOND))
        assert pairs.pairing.waiting
        pairs.clock.now += 0.02
        pairs.pose(number * SECOND, float(number))
    assert pairs.xs() == [float(number) for number in range(1, 20)]
    assert pairs.counts.as_dict()["found"] == 19
    assert pairs.told == []


def test_poses_that_come_too_late_are_counted_and_told_with_their_lag() -> None:
    pairs = Pairs(wait_s=0.01)
    pairs.pairing.start()
    for number in range(1, 7):
        pairs.pairing.offer(Frame(number * SECOND + 200_000_000))
        pairs.clock.now += 0.02
        pairs.pose(number * SECOND, float(number))
        pairs.clock.now += 0.5
    assert pairs.xs() == [None] * 6
    assert pairs.counts.as_dict() == {"found": 0, "extrapolated": 0, "late": 6, "missing": 0}
    assert pairs.counts.share_without == 1.0
    assert "200 ms behind the images" in pairs.told[0]
    assert "ros.pose_wait_s" in pairs.told[0]


def test_the_nearest_pose_is_counted_as_such() -> None:
    pairs = Pairs(wait_s=0.0)
    pairs.pose(SECOND, 1.0)
    pairs.pairing.offer(Frame(SECOND + 40_000_000))
    assert pairs.xs() == [1.0]
    assert pairs.counts.as_dict()["extrapolated"] == 1


def test_without_any_odometry_poses_are_missing() -> None:
    pairs = Pairs()
    for number in range(1, 6):
        assert pairs.told == []
        pairs.pairing.offer(Frame(number * SECOND))
    assert pairs.counts.as_dict()["missing"] == 5
    assert "no odometry has come" in pairs.told[0]
