"""Pictures are turned, masked and redacted before anybody sees them."""

from __future__ import annotations

import math
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import SettingsError
from embodied_agent.images import decode
from embodied_agent.records import Frame, Intrinsics, Pose
from embodied_agent.settings import Settings, SourceSettings, load_settings
from embodied_agent.sources import filters, open_source
from embodied_agent.sources.bags.transforms import quarter_turns
from embodied_agent.sources.filters import Filters, masked, turned_intrinsics
from tests.sources.builders import ros
from tests.sources.builders.card import QUARTERS, assert_colours, card
from tests.sources.builders.ros import in_order
from tests.support.sources import write_bag


def frames_of(path: Path, **settings: Any) -> list[Frame]:
    with open_source(str(path), SourceSettings(**settings)) as source:
        return list(source)


@pytest.mark.parametrize(("degrees", "turns"), [(90, 1), (180, 2), (270, 3)])
def test_pictures_and_intrinsics_are_turned_clockwise(
    tmp_path: Path, degrees: int, turns: int
) -> None:
    bag = write_bag(tmp_path / "bag", in_order(ros.calibration(), ros.pictures()))
    plain, turned = frames_of(bag)[0], frames_of(bag, rotate=degrees)[0]
    np.testing.assert_array_equal(decode(turned), np.rot90(decode(plain), -turns))
    assert plain.intrinsics is not None
    assert turned.intrinsics == turned_intrinsics(plain.intrinsics, turns)


def test_four_quarter_turns_leave_a_camera_as_it_was() -> None:
    camera = Intrinsics(100.0, 110.0, 40.0, 30.0, 96, 64)
    assert turned_intrinsics(camera, 4) == camera
    # A point keeps its ray: 10 to the right of the centre lies 10 below it after a quarter turn.
    turned = turned_intrinsics(camera, 1)
    assert (turned.width, turned.height) == (64, 96)
    assert (turned.fx, turned.fy, turned.cx, turned.cy) == (110.0, 100.0, 33.0, 40.0)


@pytest.mark.parametrize("rolled", [0, 1, 2, 3])
def test_a_camera_that_is_mounted_turned_is_turned_upright_by_tf(
    tmp_path: Path, rolled: int
) -> None:
    """The camera is rolled about its axis, so its pictures show the card turned back."""
    from embodied_agent.sources.bags.transforms import multiply, rotation_matrix

    # A roll by a quarter turn clockwise, seen from behind the camera, about the axis ahead (z).
    angle = rolled * math.pi / 2
    roll = (0.0, 0.0, math.sin(angle / 2), math.cos(angle / 2))
    mount = multiply(ros.OPTICAL, roll)
    shown = np.ascontiguousarray(np.rot90(card(), rolled))
    entries = []
    for n in range(5):
        at = ros.T0 + n * 100 * ros.MS
        message = ros.raw(at, shown)
        message.header.frame_id = "camera_optical_frame"
        entries.append(("/camera/image", message, at))
    fixed = ros.transform(ros.T0, "base_link", "camera_optical_frame", turn=mount)
    walk = [("/tf_static", ros.tf(fixed), ros.T0 - ros.MS), *ros.tf_walk(statics=False)]
    bag = write_bag(tmp_path / "bag", in_order(walk, entries))
    frames = frames_of(bag)
    assert len(frames) == 5
    assert_colours(decode(frames[0]))
    assert frames_of(bag, rotate=0)[0].image is not None
    np.testing.assert_array_equal(decode(frames_of(bag, rotate=0)[0]), shown)
    # The mount is that of the upright picture.
    assert frames[0].mount is not None
    turned = rotation_matrix(frames[0].mount.orientation_xyzw)
    np.testing.assert_allclose(turned, np.eye(3), atol=1e-9)


def test_a_camera_that_looks_down_is_not_turned() -> None:
    assert quarter_turns(Pose((0, 0, 0), (1.0, 0.0, 0.0, 0.0))) is None
    assert quarter_turns(Pose((0, 0, 0), ros.OPTICAL)) == 0


POLYGON = ((0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5))


def test_a_mask_blackens_parts_and_pixels_alike() -> None:
    by_parts = masked(card(), [POLYGON])
    by_pixels = masked(card(), [((48, 0), (96, 0), (96, 32), (48, 32))])
    for picture in (by_parts, by_pixels):
        assert not picture[:33, 48:].any()
        assert picture[34:, :47].any()
        assert picture[10, 30].tolist() == list(QUARTERS[0, 0])
    assert card()[10, 70].any()


def deep(image: np.ndarray, **more: Any) -> Frame:
    """A frame with a depth picture of a quarter of its size, in which no two pixels are alike."""
    height, width = (side // 4 for side in image.shape[:2])
    depth = np.arange(1000, 1000 + height * width, dtype=np.uint16).reshape(height, width)
    return Frame(0, image=image, **{"depth": depth, **more})


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_depth_is_turned_and_masked_with_its_picture(turns: int) -> None:
    frame = deep(card())
    assert frame.depth is not None
    plain = np.rot90(frame.depth, -turns)
    turned = Filters(load_settings(source__rotate=90 * turns).source).apply(frame).depth
    np.testing.assert_array_equal(turned, plain)
    settings = load_settings(source__rotate=90 * turns, source__mask=["0,0 0.5,0 0.5,0.5 0,0.5"])
    hidden = Filters(settings.source).apply(frame).depth
    assert hidden is not None
    assert frame.depth.all()
    middle = tuple(side // 2 for side in plain.shape)
    assert not hidden[: middle[0], : middle[1]].any()
    far = np.s_[middle[0] + 2 :, :]
    np.testing.assert_array_equal(hidden[far], plain[far])
    assert hidden[: middle[0], middle[1] + 2 :].all()


@pytest.mark.usefixtures("installed")
def test_what_a_redaction_changes_is_hidden_in_depth_too() -> None:
    image = np.zeros((64, 96, 3), np.uint8)
    image[20:40, 8:16, 0] = 200  # blue
    frame = deep(image)
    hidden = Filters(SourceSettings(redact="redact_blue")).apply(frame).depth
    assert hidden is not None
    assert not hidden[5:10, 2:4].any()
    assert hidden[:4].all()
    assert hidden[11:].all()
    assert hidden[:, 6:].all()


def test_depth_of_another_shape_is_left_out_where_something_must_be_hidden(
    caplog: pytest.LogCaptureFixture,
) -> None:
    frame = deep(card(), depth=np.ones((64, 64), np.uint16))
    masked_frame = Filters(SourceSettings(mask=("0,0 0.5,0 0.5,0.5",))).apply(frame)
    assert masked_frame.depth is None
    assert masked_frame.image is not None
    assert "depth pictures are left out: it is of 64x64" in caplog.text


def redact_blue(image: np.ndarray) -> np.ndarray:
    image[:, :, 0] = 0
    return image


def fail(image: np.ndarray) -> np.ndarray:
    raise RuntimeError("no")


def shrink(image: np.ndarray) -> np.ndarray:
    return image[::2]


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if a package offered this module's functions."""
    points = [
        EntryPoint(name, f"{__name__}:{name}", filters.REDACTION_GROUP)
        for name in ("redact_blue", "fail", "shrink", "absent")
    ]
    monkeypatch.setattr(filters, "entry_points", lambda group: points)


@pytest.mark.usefixtures("installed")
def test_a_redaction_changes_every_picture(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", ros.pictures())
    for frame in frames_of(bag, redact="redact_blue"):
        assert not decode(frame)[:, :, 0].any()
        assert frame.encoded is None
        assert frame.preview is None


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["fail", "shrink"])
def test_a_redaction_that_fails_lets_no_picture_pass(tmp_path: Path, name: str) -> None:
    bag = write_bag(tmp_path / "bag", ros.pictures())
    with open_source(str(bag), SourceSettings(redact=name)) as source:
        with pytest.raises(Exception, match="redact"):
            list(source)
        assert source.skipped == {"redaction_failed": 10}


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["unknown", "absent"])
def test_a_redaction_that_is_not_there_is_an_error(tmp_path: Path, name: str) -> None:
    bag = write_bag(tmp_path / "bag", ros.pictures())
    with pytest.raises(SettingsError, match="redact"):
        open_source(str(bag), SourceSettings(redact=name))


def masked_memory(bag: Path, settings: Settings) -> list[np.ndarray]:
    """The pictures that a memory holds after a replay."""
    with open_source(str(bag), settings.source) as source, Agent(settings) as agent:
        for frame in source:
            agent.observe(frame)
        agent.finish()
        kept = agent.store.keyframes(pictures=True)
    return [decode(Frame(0, encoded=keyframe.jpeg)) for keyframe in kept]


def test_no_stored_picture_shows_a_masked_pixel(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", ros.pictures())
    settings = load_settings(
        source__mask=(POLYGON,),
        perception__backend="geometry",
        memory__path=str(tmp_path / "memory.db"),
    )
    stored = masked_memory(bag, settings)
    assert stored
    for picture in stored:
        # JPEG lets neighbours shine in by a block at most.
        assert picture[:24, 56:].max() <= 8
    clear = load_settings(perception__backend="geometry", memory__path=str(tmp_path / "clear.db"))
    assert all(picture[:24, 56:].max() > 100 for picture in masked_memory(bag, clear))


def test_without_filters_a_frame_passes_as_it_is() -> None:
    frame = Frame(0, image=card())
    assert Filters(SourceSettings()).apply(frame) is frame
    assert not Filters(SourceSettings())


@pytest.mark.parametrize(
    "mask",
    [
        [[[0, 0], [1, 0], [1, 1]]],
        ["0,0 1,0 1,1"],
        (((0.0, 0.0), (1.0, 0.0), (1.0, 1.0)),),
    ],
)
def test_a_mask_may_be_written_as_lists_or_as_text(mask: Any) -> None:
    settings = SourceSettings(mask=mask)
    assert filters.polygon_of(settings.mask[0]) == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]


@pytest.mark.parametrize("mask", [[[[0, 0], [1, 1]]], ["0,0 1,x 1,1"], [5], ["0,0 nan,1 1,1"]])
def test_a_mask_that_is_none_is_refused(mask: Any) -> None:
    with pytest.raises(SettingsError, match=r"source\.mask"):
        load_settings(source__mask=mask)


@pytest.mark.parametrize(("given", "turns"), [(90, 1), ("180", 2), (0, 0), ("auto", 3)])
def test_degrees_may_be_a_number_or_text(given: Any, turns: int) -> None:
    assert Filters(SourceSettings(rotate=given), turns=3).turns == turns
