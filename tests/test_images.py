"""Every stage sees the same pixels of a picture, however its file stores them."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import DecodeError
from embodied_agent.images import (
    as_jpeg,
    decode,
    decode_grey,
    frame_size,
    image_size,
    read_header,
    scaled_jpeg,
    upright_intrinsics,
)
from embodied_agent.interfaces.web.pictures import LiveCamera, Thumbnails
from embodied_agent.keyframes.features import reduced_grey
from embodied_agent.keyframes.paper import PaperRule
from embodied_agent.keyframes.robust import RobustRule
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.perception.language import square_picture
from embodied_agent.perception.served import keyframe_jpeg
from embodied_agent.records import Decision, Delta, Frame, Image, Intrinsics, Keyframe
from embodied_agent.settings import KeyframeSettings, load_settings
from tests.support.views import panorama_views

#: What EXIF says of a picture, and how a viewer turns it upright.
UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: image.swapaxes(0, 1),
    6: lambda image: np.rot90(image, -1),
    7: lambda image: np.rot90(image, 2).swapaxes(0, 1),
    8: lambda image: np.rot90(image, 1),
}
#: Soft, because JPEG changes sharp edges.
VIEW = cv2.GaussianBlur(panorama_views(1, width=320)[0], (0, 0), 6)


def tiff(orientation: int, order: str) -> bytes:
    """EXIF data with an entry before the orientation, as cameras write it."""
    sign: str = {"little": "II", "big": "MM"}[order]
    entries = [(0x0100, 4, 1, 320), (0x0112, 3, 1, orientation)]
    out = sign.encode() + (42).to_bytes(2, order) + (8).to_bytes(4, order)  # type: ignore[arg-type]
    out += len(entries).to_bytes(2, order)  # type: ignore[arg-type]
    for tag, kind, count, value in entries:
        size = 2 if kind == 3 else 4
        data = value.to_bytes(size, order).ljust(4, b"\0")  # type: ignore[arg-type]
        head = tag.to_bytes(2, order) + kind.to_bytes(2, order)  # type: ignore[arg-type]
        out += head + count.to_bytes(4, order) + data  # type: ignore[arg-type]
    return out + bytes(4)


def turned_jpeg(image: np.ndarray, orientation: int, order: str = "big") -> bytes:
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    exif = b"Exif\0\0" + tiff(orientation, order)
    return jpeg[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + jpeg[2:]


def turned_png(image: np.ndarray, orientation: int) -> bytes:
    png = cv2.imencode(".png", image)[1].tobytes()
    data = tiff(orientation, "little")
    check = zlib.crc32(b"eXIf" + data).to_bytes(4, "big")
    chunk = len(data).to_bytes(4, "big") + b"eXIf" + data + check
    return png[:33] + chunk + png[33:]  # after the header


def thermal_png(bits: int) -> tuple[bytes, np.ndarray]:
    """A picture of a sensor with so many bits in a 16-bit file, and as 8 bits show it."""
    grey = cv2.cvtColor(VIEW, cv2.COLOR_BGR2GRAY)
    values = (grey.astype(np.uint16) << (bits - 8)) | 3
    values[0, 0] = (1 << bits) - 1
    grey[0, 0] = 255
    return cv2.imencode(".png", values)[1].tobytes(), grey


def picture(kind: str) -> tuple[bytes, np.ndarray]:
    """A file, and the BGR pixels that everybody must see."""
    if kind.startswith("thermal"):
        data, grey = thermal_png(int(kind.removeprefix("thermal")))
        return data, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)
    make = turned_png if kind.startswith("png") else turned_jpeg
    orientation = int(kind[-1])
    return make(VIEW, orientation), np.ascontiguousarray(UPRIGHT[orientation](VIEW))


KINDS = [
    *(f"jpeg{orientation}" for orientation in UPRIGHT),
    *(f"png{orientation}" for orientation in (1, 3, 6)),
    *("thermal12", "thermal14", "thermal16"),
]


def alike(one: np.ndarray, other: np.ndarray, tolerance: float = 4.0) -> bool:
    """Whether two pictures are the same, but for what JPEG and scaling change."""
    if one.shape != other.shape:
        return False
    return float(np.abs(one.astype(int) - other.astype(int)).mean()) < tolerance


def opened(jpeg: bytes) -> np.ndarray:
    """What a viewer shows that knows nothing of EXIF; one that does must show the same."""
    data = np.frombuffer(jpeg, np.uint8)
    plain = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    np.testing.assert_array_equal(plain, cv2.imdecode(data, cv2.IMREAD_COLOR))
    return plain


@pytest.mark.parametrize("order", ["little", "big"])
@pytest.mark.parametrize("orientation", UPRIGHT)
def test_an_exif_rotated_picture_is_turned_upright(orientation: int, order: str) -> None:
    frame = Frame(0, encoded=turned_jpeg(VIEW, orientation, order))
    expected = UPRIGHT[orientation](VIEW)
    assert alike(decode(frame), expected)
    assert alike(decode_grey(frame), cv2.cvtColor(decode(frame), cv2.COLOR_BGR2GRAY))
    assert image_size(frame.encoded or b"") == frame_size(frame) == expected.shape[1::-1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_keyframer_sees_what_the_perceiver_sees(kind: str) -> None:
    data, expected = picture(kind)
    frame, array = Frame(0, encoded=data), Frame(0, image=expected)
    for width in (80, 160, 320, 4096):
        grey, scale = reduced_grey(frame, width)
        wanted, wanted_scale = reduced_grey(array, width)
        assert scale == wanted_scale
        assert alike(grey, wanted, 6.0)


def seen_by_all(kind: str) -> tuple[np.ndarray, Keyframe, Image]:
    """The pixels that must be seen, the stored keyframe, and what the perceiver looked at."""
    data, expected = picture(kind)
    looked: list[Image] = []

    class Looking(GeometryPerceiver):
        def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
            looked.append(decode(Frame(current.stamp_ns, encoded=current.jpeg)))
            return super().perceive(previous, current)

    with Agent(load_settings(perception__backend="geometry"), perceiver=Looking()) as agent:
        agent.observe(Frame(0, encoded=data))
        assert agent.drain(60)
        (keyframe,) = agent.store.keyframes(pictures=True)
    return expected, keyframe, looked[0]


@pytest.mark.parametrize("kind", KINDS)
def test_memory_perceiver_server_page_and_report_show_the_same_pixels(kind: str) -> None:
    expected, keyframe, looked = seen_by_all(kind)
    assert (keyframe.width, keyframe.height) == expected.shape[1::-1]
    assert alike(looked, expected)
    assert alike(opened(keyframe.jpeg), expected)
    assert alike(square_picture(looked), square_picture(expected))
    for side in (4096, 100):
        sent = opened(keyframe_jpeg(keyframe, side))
        assert max(sent.shape) == min(side, 320)
        assert alike(sent, cv2.resize(expected, sent.shape[1::-1], interpolation=cv2.INTER_AREA), 8)

    async def page() -> tuple[bytes, bytes]:
        data = picture(kind)[0]
        newest = Frame(0, encoded=data), Decision(0, 0, keep=True, reason="first")
        live = await LiveCamera(lambda: newest, 640).picture()
        assert live is not None
        return live.jpeg, await Thumbnails().of(keyframe.jpeg, 160)

    live, thumbnail = asyncio.run(page())
    assert alike(opened(live), expected)
    small = opened(thumbnail)
    assert small.shape[1] == 160
    assert alike(small, cv2.resize(expected, small.shape[1::-1], interpolation=cv2.INTER_AREA), 8)


def test_the_report_shows_a_keyframe_upright() -> None:
    from embodied_agent.report.html import PICTURE_WIDTH, _picture

    data, expected = picture("jpeg6")
    uri = _picture(data)
    shown = opened(base64.b64decode(uri.partition(",")[2]))
    assert shown.shape[1] <= PICTURE_WIDTH
    assert alike(shown, expected)


def test_an_upright_jpeg_is_stored_as_it_came() -> None:
    plain = cv2.imencode(".jpg", VIEW)[1].tobytes()
    for data in (plain, turned_jpeg(VIEW, 1)):
        assert as_jpeg(Frame(0, encoded=data), 80) == (data, (320, 240))
        assert scaled_jpeg(Frame(0, encoded=data), 320, 80) == data


def test_a_cmyk_jpeg_which_viewers_show_differently_is_encoded_anew() -> None:
    # A start of frame that claims four values per pixel; nothing of it is decoded.
    frame = bytes([0xFF, 0xC0, 0, 20, 8, 0, 4, 0, 4, 4, *range(12)])
    scan = bytes([0xFF, 0xDA, 0, 4, 0, 0])
    header = read_header(b"\xff\xd8" + frame + scan)
    assert header.channels == 4
    with pytest.raises(DecodeError):
        as_jpeg(Frame(0, encoded=b"\xff\xd8" + frame + scan + b"\xff\xd9"), 80)


def turning(kind: str) -> list[Frame]:
    """A camera that turns, as files of one kind, and the true pictures beside them."""
    frames = []
    for number, view in enumerate(panorama_views(10, width=320)):
        if kind == "thermal12":
            grey = cv2.cvtColor(view, cv2.COLOR_BGR2GRAY).astype(np.uint16) << 4
            grey[0, 0] = 4095
            data = cv2.imencode(".png", grey)[1].tobytes()
        else:
            # Stored lying on its side, as a phone does.
            data = turned_jpeg(np.ascontiguousarray(np.rot90(view, 1)), 6)
        frames.append(Frame(number * 100_000_000, encoded=data, index=number))
    return frames


@pytest.mark.parametrize("rule", [RobustRule, PaperRule])
@pytest.mark.parametrize("kind", ["thermal12", "jpeg6"])
def test_keyframes_are_chosen_as_from_the_plain_pictures(kind: str, rule: type) -> None:
    settings = KeyframeSettings()
    stored, plain = rule(settings), rule(settings)
    for frame in turning(kind):
        decision = stored.step(frame, None)
        expected = plain.step(replace(frame, encoded=None, image=decode(frame)), None)
        assert (decision.keep, decision.reason) == (expected.keep, expected.reason)
        if expected.overlap_ratio is not None:
            assert decision.overlap_ratio == pytest.approx(expected.overlap_ratio, abs=0.03)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_the_intrinsics_of_a_turned_picture_turn_with_it(orientation: int) -> None:
    sensor = Intrinsics(fx=300.0, fy=310.0, cx=150.0, cy=100.0, width=320, height=240)
    frame = Frame(0, encoded=turned_jpeg(VIEW, orientation), intrinsics=sensor)
    camera = upright_intrinsics(frame)
    assert camera is not None
    # A mark at the principal point is found at the principal point of the turned picture.
    marked = np.zeros((240, 320), np.uint8)
    marked[100, 150] = 255
    y, x = np.unravel_index(
        int(UPRIGHT[orientation](marked).argmax()), (camera.height, camera.width)
    )
    assert abs(camera.cx - x) <= 1
    assert abs(camera.cy - y) <= 1
    assert {camera.fx, camera.fy} == {300.0, 310.0}
    assert (camera.fx == 310.0) == (orientation >= 5)


@pytest.mark.parametrize("count", range(0, 40, 3))
def test_exif_data_that_was_cut_short_means_upright(count: int) -> None:
    exif = b"Exif\0\0" + tiff(6, "big")[:count]
    jpeg = cv2.imencode(".jpg", VIEW)[1].tobytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    header = read_header(jpeg[:2] + segment + jpeg[2:])
    assert header.orientation in (1, 6)
    assert header.orientation == 1 or count >= 34
