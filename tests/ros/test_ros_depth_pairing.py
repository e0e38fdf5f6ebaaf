"""Images of a camera and their depth, paired by stamp, without ROS."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embodied_agent.records import Frame, Intrinsics
from embodied_agent.ros.depth import WAIT_S, DepthPairing, depth_topic
from embodied_agent.settings import SourceSettings
from tests.sources.builders.depth import packed

MS = 1_000_000
START = 1_700_000_000_000 * MS
TOPIC = "/camera/aligned_depth_to_color/image_raw"
WIDTH, HEIGHT = 24, 16


def header(at_ns: int, frame_id: str) -> SimpleNamespace:
    seconds, nanoseconds = divmod(at_ns, 1000 * MS)
    stamp = SimpleNamespace(sec=seconds, nanosec=nanoseconds)
    return SimpleNamespace(stamp=stamp, frame_id=frame_id)


def depth(ms: int, value: int, frame_id: str = "eye", **fields: Any) -> SimpleNamespace:
    """A sensor_msgs/Image of depth that is flat."""
    values = np.full((fields.get("height", HEIGHT), fields.get("width", WIDTH)), value, np.uint16)
    message = {
        "header": header(START + ms * MS, frame_id),
        "encoding": "16UC1",
        "width": values.shape[1],
        "height": values.shape[0],
        "step": values.strides[0],
        "is_bigendian": 0,
        "data": values.tobytes(),
    }
    return SimpleNamespace(**{**message, **fields})


def info(focal: float) -> SimpleNamespace:
    k = [focal, 0, WIDTH / 2, 0, focal, HEIGHT / 2, 0, 0, 1]
    return SimpleNamespace(k=k, width=WIDTH, height=HEIGHT)


class Bench:
    """A pairing whose time stands still until it is told."""

    def __init__(self, topic: str = TOPIC, *, same_place: bool | None = None) -> None:
        self.now_s = 0.0
        self.passed: list[Frame] = []
        self.warned: list[tuple[str, str]] = []
        self.pairing = DepthPairing(
            topic,
            "/camera/color/image_raw",
            SourceSettings(),
            pass_on=self.passed.append,
            warn=lambda kind, text: self.warned.append((kind, text)),
            same_place=lambda one, other: same_place,
            max_bytes=1_000_000,
            clock=lambda: self.now_s,
        )

    def image(self, ms: int, intrinsics: Intrinsics | None = None) -> None:
        picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        frame = Frame(START + ms * MS, image=picture, frame_id="eye", intrinsics=intrinsics)
        self.pairing.offer(frame)

    @property
    def depths(self) -> list[int]:
        return [0 if f.depth is None else int(f.depth[0, 0]) for f in self.passed]


def test_an_image_waits_for_depth_that_comes_later() -> None:
    bench = Bench()
    bench.pairing.add(depth(0, 1000))
    bench.image(0)
    assert bench.depths == [1000]
    bench.image(100)
    assert bench.pairing.waiting
    bench.pairing.add(depth(110, 1001))
    assert bench.depths == [1000, 1001]
    assert not bench.pairing.waiting
    assert bench.pairing.state == f"2 used ({TOPIC})"


def test_the_nearer_of_two_depth_pictures_is_taken() -> None:
    bench = Bench()
    for ms, value in ((0, 1000), (60, 1001), (120, 1002)):
        bench.pairing.add(depth(ms, value))
    bench.image(70)
    bench.image(110)
    assert bench.depths == [1001, 1002]


def test_no_image_waits_longer_than_a_tenth_of_a_second() -> None:
    bench = Bench()
    bench.pairing.add(depth(0, 1000))
    bench.image(0)
    bench.image(200)
    bench.now_s = WAIT_S / 2
    bench.pairing.release()
    assert len(bench.passed) == 1
    bench.now_s = WAIT_S
    bench.pairing.release()
    assert bench.depths == [1000, 0]


def test_without_depth_no_image_waits() -> None:
    bench = Bench()
    bench.image(0)
    assert bench.depths == [0]
    assert bench.pairing.state == f"none has come ({TOPIC})"
    bench.pairing.add(depth(0, 1000))
    bench.now_s = 5.0  # the depth camera fell silent
    bench.image(5000)
    assert bench.depths == [0, 0]


def test_images_keep_their_order_and_only_a_few_wait() -> None:
    bench = Bench()
    bench.pairing.add(depth(0, 1000))
    for n in range(1, 12):
        bench.image(n * 10)
    assert len(bench.passed) == 3
    bench.pairing.flush()
    stamps = [frame.stamp_ns for frame in bench.passed]
    assert stamps == sorted(stamps)
    assert len(stamps) == 11


def test_depth_of_another_moment_is_not_used() -> None:
    bench = Bench()
    for n in range(5):
        bench.pairing.add(depth(n * 40 + 19, 1000 + n))
        bench.image(n * 40)
    bench.pairing.add(depth(400 + 21, 1009))
    bench.image(400)
    bench.pairing.flush()
    assert bench.depths == [1000, 1001, 1002, 1003, 1004, 0]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"width": HEIGHT}, "proportions"),
        ({"data": bytes(10)}, "truncated|bytes for"),
        ({"encoding": "bgr8"}, "not read"),
        ({"data": bytes(2_000_000)}, "max_image_bytes"),
        ({"header": SimpleNamespace(stamp=SimpleNamespace(sec=0, nanosec=0))}, "stamp"),
    ],
)
def test_depth_that_is_damaged_is_left_out_and_said(other: dict[str, Any], words: str) -> None:
    bench = Bench()
    bench.pairing.add(depth(0, 1000))
    bench.image(0)
    bench.pairing.add(depth(100, 1001, **other))
    for n in range(1, 10):
        bench.image(n * 100)
    bench.pairing.flush()
    assert bench.depths == [1000, *[0] * 9]
    kinds = {kind for kind, _ in bench.warned}
    assert kinds <= {"invalid_depth", "depth_unregistered"}

    assert re.search(words, " ".join(text for _, text in bench.warned))


def test_depth_of_another_frame_is_not_used_and_said_why() -> None:
    bench = Bench("/camera/depth/image_rect_raw")
    for n in range(6):
        bench.pairing.add(depth(n * 100, 1000, frame_id="depth_eye"))
        bench.image(n * 100)
    assert bench.depths == [0] * 6
    ((kind, text), *_) = bench.warned
    assert kind == "depth_unregistered"
    assert "depth_eye, not in the colour camera's eye" in text
    assert bench.pairing.state.startswith("not used: ")


def test_depth_that_is_not_registered_is_not_waited_for() -> None:
    bench = Bench("/camera/depth/image_rect_raw")
    bench.pairing.add(depth(0, 1000, frame_id="depth_eye"))
    bench.image(0)
    bench.image(100)
    assert len(bench.passed) == 2


@pytest.mark.parametrize(("same", "used"), [(True, True), (False, False), (None, False)])
def test_tf_says_whether_another_frame_is_the_same_place(same: bool | None, used: bool) -> None:
    bench = Bench("/camera/depth/image", same_place=same)
    bench.pairing.add(depth(0, 1000, frame_id="depth_eye"))
    bench.image(0)
    assert bench.depths == [1000 if used else 0]


@pytest.mark.parametrize(("focal", "used"), [(20.0, True), (14.0, False)])
def test_a_calibration_of_another_lens_rules_depth_out(focal: float, used: bool) -> None:
    bench = Bench()
    bench.pairing.add_info(info(focal))
    bench.pairing.add(depth(0, 1000))
    bench.image(0, Intrinsics(20.0, 20.0, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT))
    assert bench.depths == [1000 if used else 0]


def test_packed_depth_is_read() -> None:
    bench = Bench(f"{TOPIC}/compressedDepth")
    values = np.full((HEIGHT, WIDTH), 1234, np.uint16)
    bench.pairing.add(
        SimpleNamespace(
            header=header(START, "eye"), format="16UC1; compressedDepth png", data=packed(values)
        )
    )
    bench.image(0)
    assert bench.depths == [1234]


def test_a_clock_that_goes_back_forgets_what_was() -> None:
    bench = Bench()
    bench.pairing.add(depth(60_000, 1000))
    bench.pairing.add(depth(0, 1001))
    bench.image(0)
    assert bench.depths == [1001]
    bench.pairing.clear()
    bench.image(50)
    bench.pairing.flush()
    assert bench.depths == [1001, 0]


class Node:
    """Resolves names as a node without a namespace does, with these remappings."""

    def __init__(self, **remapped: str) -> None:
        self._remapped = remapped

    def resolve_topic_name(self, name: str, only_expand: bool = False) -> str:
        if not only_expand and name in self._remapped:
            return self._remapped[name]
        return name if name.startswith("/") else f"/{name}"


def test_the_depth_topic_is_remapped_named_or_none() -> None:
    settings = SourceSettings()
    assert depth_topic(Node(), settings, "") == ""
    assert depth_topic(Node(depth="/d"), settings, "") == "/d"
    assert depth_topic(Node(depth="/d"), SourceSettings(depth_topic="/e"), "") == "/e"
    assert depth_topic(Node(depth="/d"), SourceSettings(depth_topic="off"), "") == ""
    several = SourceSettings(depth_topics={"left": "left/depth"})
    assert depth_topic(Node(depth="/d"), several, "left") == "/left/depth"
    assert depth_topic(Node(depth="/d"), several, "front") == ""
