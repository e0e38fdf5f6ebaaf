"""The parts of the ROS node that need no ROS: images, their topics, replies without tags."""

from __future__ import annotations

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import DecodeError
from embodied_agent.records import CameraMount, Frame
from embodied_agent.ros.calibration import Calibration
from embodied_agent.ros.images import ImageReader, intrinsics_from
from embodied_agent.ros.mounting import Mounting, Place
from embodied_agent.ros.pieces import Part, Untagged
from embodied_agent.ros.silence import SilenceLog
from embodied_agent.ros.topics import base_topic, camera_info_topic
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.transforms import OPTICAL, multiply, rotation_matrix
from embodied_agent.sources.poses import Quaternion

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


@pytest.mark.parametrize("encoding", ["16UC1", "32FC1"])
def test_depth_is_not_taken_for_a_picture(encoding: str) -> None:
    made, _ = reader()
    with pytest.raises(DecodeError, match="depth"):
        made.read(image(encoding=encoding))
    packed = SimpleNamespace(header=header(SECOND), format=f"{encoding}; compressedDepth", data=b"")
    with pytest.raises(DecodeError, match="depth"):
        made.read_compressed(packed)


@pytest.mark.parametrize(
    ("topic", "base"),
    [
        ("/camera/image_raw", "/camera/image_raw"),
        ("/camera/image_raw/compressed", "/camera/image_raw"),
        ("/camera/image_raw/compressed/compressed", "/camera/image_raw"),
        ("/camera/image_raw/ffmpeg/", "/camera/image_raw"),
        ("/compressed", "/compressed"),
    ],
)
def test_a_transport_is_told_from_its_base_topic(topic: str, base: str) -> None:
    assert base_topic(topic) == base


def test_the_calibration_lies_beside_the_images() -> None:
    assert camera_info_topic("/camera/color/image_raw") == "/camera/color/camera_info"
    assert camera_info_topic("/image") == "/camera_info"


def info(width: int = 640, height: int = 480, frame_id: str = "eye") -> SimpleNamespace:
    k = [500.0, 0, width / 2, 0, 500.0, height / 2, 0, 0, 1.0]
    return SimpleNamespace(k=k, width=width, height=height, header=header(SECOND, frame_id))


def test_a_calibration_that_does_not_fit_the_images_is_told_once() -> None:
    told: list[str] = []
    calibration = Calibration(lambda kind, _: told.append(kind))
    frame = Frame(SECOND, image=np.zeros((480, 640, 3), np.uint8), frame_id="eye")
    calibration.check(frame)
    assert calibration.state == "none has come"
    calibration.add(info(1280, 960))  # another resolution of the same shape
    calibration.check(frame)
    assert (calibration.state, told) == ("ok", [])

    wide = Calibration(lambda kind, _: told.append(kind))
    wide.add(info(1280, 720, frame_id="other_eye"))
    for _ in range(3):
        wide.check(frame)
    assert told == ["camera_info_frame", "camera_info_size"]
    assert "1280x720" in wide.state


def test_a_camera_that_is_not_calibrated_is_told() -> None:
    told: list[str] = []
    calibration = Calibration(lambda kind, _: told.append(kind))
    empty = info()
    empty.k = [0.0] * 9
    calibration.add(empty)
    assert (calibration.state, told) == ("not calibrated", ["camera_info_empty"])
    calibration.add(info())
    assert calibration.intrinsics is not None


REPLY = "<think>#4 turned left < right</think>\n<answer>the <red> sofa</answer>"


@given(cuts=st.lists(st.integers(0, len(REPLY)), max_size=20))
def test_however_a_reply_is_cut_no_tag_is_left(cuts: list[int]) -> None:
    untagged = Untagged()
    at, parts = 0, []
    for cut in [*sorted(cuts), len(REPLY)]:
        parts += untagged.add(REPLY[at:cut])
        at = cut
    parts += untagged.end()
    said = {True: "", False: ""}
    for part in parts:
        said[part.answer] += part.text
    assert said == {False: "#4 turned left < right\n", True: "the <red> sofa"}


def test_what_only_begins_like_a_tag_is_given_in_the_end() -> None:
    untagged = Untagged()
    assert untagged.add("a <thi") == [Part("a ", answer=False)]
    assert untagged.end() == [Part("<thi", answer=False)]


def test_a_silence_is_logged_when_it_begins_and_when_it_ends() -> None:
    log: list[str] = []
    clock = [0.0]
    silence = SilenceLog(log.append, log.append, lambda: "look at /b", lambda: clock[0])

    def look(now_s: float, active_since_s: float | None, last_s: float | None) -> None:
        clock[0] = now_s
        silence.look("/a", active_since_s, last_s, 3.0)

    for now_s in (1.0, 3.0, 4.0, 9.0):
        look(now_s, 0.0, None)
    assert log == ["no image on /a for 4 s: look at /b"]
    look(9.0, 0.0, 8.0)
    assert log[1:] == ["images come on /a again"]
    look(60.0, None, 8.0)
    assert len(log) == 2


def test_new_advice_on_a_silence_is_logged_too_but_not_without_end() -> None:
    log: list[str] = []
    clock = [0.0]
    advice = ["no topic with images has a publisher"]
    silence = SilenceLog(log.append, log.append, lambda: advice[0], lambda: clock[0])

    def look() -> None:
        clock[0] += 4.0
        silence.look("/a", 0.0, None, 3.0)

    look()
    advice[0] = "/a/compressed exists"
    look()
    look()
    assert log == [
        "no image on /a for 4 s: no topic with images has a publisher",
        "no image on /a for 8 s: /a/compressed exists",
    ]
    for number in range(20):
        advice[0] = f"topics with images are /camera_{number}"
        look()
    assert len(log) == 5


LEFT_ABOUT_Z: Quaternion = (0.0, 0.0, 2**-0.5, 2**-0.5)
CLOCKWISE_IN_PICTURE: Quaternion = (0.0, 0.0, 2**-0.5, 2**-0.5)


def fixed(parent: str, child: str, turn: Quaternion) -> SimpleNamespace:
    x, y, z, w = turn
    transform = SimpleNamespace(
        translation=SimpleNamespace(x=0.1, y=0.0, z=0.5),
        rotation=SimpleNamespace(x=x, y=y, z=z, w=w),
    )
    item = SimpleNamespace(header=header(0, parent), child_frame_id=child, transform=transform)
    return SimpleNamespace(transforms=[item])


@pytest.mark.parametrize("base", ["base_link", "base_footprint"])
def test_a_camera_of_several_has_its_heading_from_static_transforms(base: str) -> None:
    mounting = Mounting("base_link")
    place = Place(mounting, SourceSettings(), "left", 1)
    place.look("left_optical_frame")
    assert not place.known
    assert place.mount == CameraMount("left", 0.0, 1)
    mounting.add(fixed(base, "left_optical_frame", multiply(LEFT_ABOUT_Z, OPTICAL)))
    assert place.look("left_optical_frame")
    assert place.known
    assert place.mount == CameraMount("left", 90.0, 1)
    assert not place.look("left_optical_frame")


def test_a_mount_in_the_settings_takes_precedence() -> None:
    mounting = Mounting("base_link")
    mounting.add(fixed("base_link", "eye_optical", multiply(LEFT_ABOUT_Z, OPTICAL)))
    place = Place(mounting, SourceSettings(mounts=("left=-45",)), "left", 1)
    place.look("eye_optical")
    assert place.known
    assert place.mount == CameraMount("left", -45.0, 1)


def test_a_camera_that_is_mounted_turned_is_turned_upright() -> None:
    mounting = Mounting("base_link")
    mounting.add(fixed("base_link", "eye_optical", multiply(OPTICAL, CLOCKWISE_IN_PICTURE)))
    place = Place(mounting, SourceSettings())
    assert place.look("eye_optical")
    # The camera lies on its right side: its picture is turned as far, clockwise.
    assert (place.turns, place.mount) == (1, None)
    by_hand = Place(mounting, SourceSettings(rotate="180"))
    assert not by_hand.look("eye_optical")


def test_without_transforms_a_single_camera_is_taken_as_it_is() -> None:
    place = Place(Mounting("base_link"), SourceSettings())
    assert not place.look("camera")
    assert (place.known, place.turns, place.mount) == (True, 0, None)


def test_where_the_camera_is_on_the_body_of_the_poses_comes_from_static_transforms() -> None:
    mounting = Mounting("base_link")
    place = Place(mounting, SourceSettings())
    assert place.on_body("eye_optical", "base_link") is None
    mounting.add(fixed("base_link", "eye_optical", multiply(LEFT_ABOUT_Z, OPTICAL)))
    for body in ("base_link", "/base_link", "", "a_frame_that_tf_does_not_have"):
        mount = place.on_body("eye_optical", body)
        assert mount is not None
        assert mount.position_m == (0.1, 0.0, 0.5)
        ahead = rotation_matrix(mount.orientation_xyzw)[:, 0]
        np.testing.assert_allclose(ahead, (0.0, 1.0, 0.0), atol=1e-9)
    # Poses of the camera itself need no mount; a heading that the settings give counts alone.
    assert place.on_body("eye_optical", "eye_optical") is None
    given = Place(mounting, SourceSettings(mounts=("left=-45",)), "left", 1)
    assert given.on_body("eye_optical", "base_link") is None
