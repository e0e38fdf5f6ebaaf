"""The parts of the ROS node that need no ROS: images, poses and their pairing."""

from __future__ import annotations

import math
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import DecodeError
from embodied_agent.records import Frame, Pose
from embodied_agent.ros.images import ImageReader, intrinsics_from
from embodied_agent.ros.poses import OdometryPoses, Pairing

SECOND = 1_000_000_000


def header(stamp_ns: int, frame_id: str = "eye") -> SimpleNamespace:
    seconds, nanoseconds = divmod(stamp_ns, SECOND)
    return SimpleNamespace(
        stamp=SimpleNamespace(sec=seconds, nanosec=nanoseconds), frame_id=frame_id
    )


def image(stamp_ns: int = SECOND, **fields: object) -> SimpleNamespace:
    values: dict[str, object] = {
        "header": header(stamp_ns),
        "height": 2,
        "width": 3,
        "encoding": "rgb8",
        "step": 9,
        "is_bigendian": 0,
        "data": bytes(range(18)),
    }
    return SimpleNamespace(**{**values, **fields})


def odometry(stamp_ns: int, x: float = 0.0, w: float = 1.0) -> SimpleNamespace:
    pose = SimpleNamespace(
        position=SimpleNamespace(x=x, y=0.0, z=0.0),
        orientation=SimpleNamespace(x=0.0, y=0.0, z=0.0, w=w),
    )
    return SimpleNamespace(header=header(stamp_ns, "odom"), pose=SimpleNamespace(pose=pose))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def reader(now_ns: int = 7 * SECOND, max_bytes: int = 1_000_000) -> tuple[ImageReader, list[str]]:
    kinds: list[str] = []
    return (
        ImageReader(lambda: now_ns, lambda kind, _: kinds.append(kind), max_bytes=max_bytes),
        kinds,
    )


def test_an_image_larger_than_the_setting_allows_is_refused() -> None:
    data = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    compressed = SimpleNamespace(header=header(SECOND), format="png", data=data)
    raw = image(SECOND)
    for message, size in ((raw, len(raw.data)), (compressed, len(data))):
        for max_bytes in (size, size - 1):
            made, _ = reader(max_bytes=max_bytes)
            made.arrive()
            read = made.read if message is raw else made.read_compressed
            if max_bytes == size:
                assert read(message).index == 0
            else:
                with pytest.raises(DecodeError, match=r"ros\.max_image_bytes"):
                    read(message)


def test_a_raw_image_becomes_a_frame() -> None:
    made, _ = reader()
    made.arrive()
    frame = made.read(image(5 * SECOND + 3))
    assert (frame.stamp_ns, frame.frame_id, frame.index) == (5 * SECOND + 3, "eye", 0)
    assert frame.image is not None
    assert frame.image[0, 0].tolist() == [2, 1, 0]


def test_a_compressed_image_stays_compressed() -> None:
    data = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    made, _ = reader()
    made.arrive()
    message = SimpleNamespace(header=header(SECOND), format="jpeg", data=data)
    frame = made.read_compressed(message)
    assert frame.image is None
    assert frame.encoded == data


def test_an_image_without_a_stamp_takes_the_time_of_its_arrival() -> None:
    made, kinds = reader(now_ns=9 * SECOND)
    made.arrive()
    assert made.read(image(0)).stamp_ns == 9 * SECOND
    assert kinds == ["stamp_zero"]


def test_without_any_clock_an_image_without_a_stamp_is_refused() -> None:
    made, _ = reader(now_ns=0)
    made.arrive()
    with pytest.raises(DecodeError, match="simulated time"):
        made.read(image(0))


@given(
    width=st.integers(0, 2**32 - 1),
    height=st.integers(0, 2**32 - 1),
    step=st.integers(0, 2**32 - 1),
    encoding=st.sampled_from(["bgr8", "mono16", "bayer_rggb8", "yuv422", "", "\ud800"]),
    data=st.binary(max_size=64),
)
def test_whatever_an_image_claims_it_is_read_or_refused(
    width: int, height: int, step: int, encoding: str, data: bytes
) -> None:
    made, _ = reader()
    made.arrive()
    message = image(width=width, height=height, step=step, encoding=encoding, data=data)
    try:
        frame = made.read(message)
    except DecodeError:
        return
    assert frame.image is not None
    assert frame.image.shape[:2] == (height, width)


def test_an_uncalibrated_camera_has_no_intrinsics() -> None:
    info = SimpleNamespace(k=[0.0] * 9, width=640, height=480)
    assert intrinsics_from(info) is None
    info.k = [500.0, 0, 320.0, 0, 500.0, 240.0, 0, 0, 1.0]
    found = intrinsics_from(info)
    assert found is not None
    assert (found.fx, found.cy) == (500.0, 240.0)


@pytest.mark.parametrize("bad", [odometry(SECOND, math.nan), odometry(SECOND, w=0.0), odometry(0)])
def test_unusable_odometry_is_left_out(bad: SimpleNamespace) -> None:
    kinds: list[str] = []
    poses = OdometryPoses(lambda kind, _: kinds.append(kind))
    poses.add(bad)
    assert kinds == ["invalid_pose"]
    assert poses.at(SECOND) is None


def test_odometry_that_jumps_back_forgets_what_was() -> None:
    poses = OdometryPoses(lambda *_: None)
    poses.add(odometry(100 * SECOND, 1.0))
    poses.add(odometry(5 * SECOND, 2.0))
    assert poses.at(100 * SECOND) is None
    assert poses.at(5 * SECOND) == Pose((2.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), "odom")


class Pairs:
    """A pairing with a clock of its own."""

    def __init__(self, wait_s: float = 0.05) -> None:
        self.clock = Clock()
        self.poses = OdometryPoses(lambda *_: None)
        self.passed: list[Frame] = []
        self.pairing = Pairing(self.poses, lambda: wait_s, self.passed.append, self.clock)

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
