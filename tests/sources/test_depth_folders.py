"""Depth beside a folder of pictures: which file belongs to which picture."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodied_agent.errors import SourceError
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings, load_settings
from embodied_agent.sources import Source, open_source
from tests.sources.builders import card as c
from tests.sources.builders.depth import png
from tests.sources.builders.ros import MS, T0


def read(path: Path, **settings: Any) -> tuple[list[Frame], Source]:
    with open_source(str(path), SourceSettings(**settings)) as source:
        return list(source), source


def depths(frames: list[Frame]) -> list[int]:
    """The first value of each depth picture; 0 without one."""
    return [0 if frame.depth is None else int(frame.depth[0, 0]) for frame in frames]


def write(folder: Path, names: dict[str, int | None]) -> Path:
    """Pictures of these names; with a number, depth pictures of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (name, value) in enumerate(names.items()):
        if value is None:
            data = c.encoded(Path(name).suffix, c.card(number))
        else:
            data = png(np.full((c.HEIGHT, c.WIDTH), value, np.uint16))
        (folder / name).write_bytes(data)
    return folder


@pytest.mark.parametrize(
    ("colour", "depth"),
    [
        ("frame-{n:06d}.color.jpg", "frame-{n:06d}.depth.png"),
        ("rgb_{n}.png", "depth_{n}.png"),
        ("{n}_rgb.jpg", "{n}_depth.png"),
        ("{n}.jpg", "{n}-depth.png"),
    ],
)
def test_names_in_one_folder_are_paired(tmp_path: Path, colour: str, depth: str) -> None:
    folder = write(tmp_path / "walk", {colour.format(n=n): None for n in range(12)})
    write(folder, {depth.format(n=n): 1000 + n for n in range(12) if n != 5})
    frames, source = read(folder)
    assert depths(frames) == [0 if n == 5 else 1000 + n for n in range(12)]
    assert "depth from walk for 11 of 12 pictures" in source.description


def test_a_sensor_s_mark_for_nothing_seen_is_0(tmp_path: Path) -> None:
    folder = write(tmp_path / "walk", {"a.color.png": None, "b.color.png": None})
    write(folder, {"a.depth.png": 65_535, "b.depth.png": 65_534})
    assert depths(read(folder)[0]) == [0, 65_534]


def test_the_folder_above_colour_and_depth_is_read(tmp_path: Path) -> None:
    write(tmp_path / "scene" / "color", {f"{n}.jpg": None for n in range(3)})
    write(tmp_path / "scene" / "depth", {f"{n}.png": 1000 + n for n in range(3)})
    for path in (tmp_path / "scene", tmp_path / "scene" / "color"):
        frames, source = read(path)
        assert depths(frames) == [1000, 1001, 1002]
        assert source.examination.depth_from == "depth"
        assert [facts.used for facts in source.examination.topics] == [True, True]


def stamp(at_ns: int) -> str:
    return f"{at_ns // 10**9}.{at_ns % 10**9 // 1000:06d}"


def tum(folder: Path, *, lists: bool = True) -> Path:
    """Pictures at 10 Hz; depth 30 ms later, without the fourth, and 70 ms later for the last."""
    late = {n: 70 if n == 9 else 30 for n in range(10) if n != 3}
    write(folder / "rgb", {f"{stamp(T0 + n * 100 * MS)}.png": None for n in range(10)})
    write(
        folder / "depth",
        {f"{stamp(T0 + (n * 100 + ms) * MS)}.png": 5000 + 50 * n for n, ms in late.items()},
    )
    for name in ("rgb", "depth") if lists else ():
        (folder / f"{name}.txt").write_text("# timestamp filename\n")
    return folder


def test_names_that_are_times_are_paired_by_time_in_tum_s_units(tmp_path: Path) -> None:
    expected = [0 if n in (3, 9) else 1000 + 10 * n for n in range(10)]
    for path in (tum(tmp_path / "desk"), tmp_path / "desk" / "rgb"):
        frames, _ = read(path)
        assert depths(frames) == expected
        assert frames[0].stamp_ns == T0


def test_depth_scale_overrides_the_layout(tmp_path: Path) -> None:
    assert depths(read(tum(tmp_path / "a"), depth_scale=1000)[0])[0] == 5000
    assert depths(read(tum(tmp_path / "b", lists=False) / "rgb")[0])[0] == 5000
    assert depths(read(tmp_path / "b" / "rgb", depth_scale=5000)[0])[0] == 1000


def test_depth_can_be_turned_off_or_named(tmp_path: Path) -> None:
    write(tmp_path / "rgb", {"a.jpg": None})
    write(tmp_path / "depth", {"a.png": 1000})
    write(tmp_path / "stereo", {"a.png": 2000})
    assert depths(read(tmp_path / "rgb")[0]) == [1000]
    frames, source = read(tmp_path / "rgb", depth_topic="off")
    assert depths(frames) == [0]
    assert "source.depth_topic is off" in source.description
    assert depths(read(tmp_path / "rgb", depth_topic="stereo")[0]) == [2000]
    assert depths(read(tmp_path / "rgb", depth_topic=str(tmp_path / "stereo"))[0]) == [2000]
    with pytest.raises(SourceError, match="no folder 'nothing' with 16-bit depth"):
        read(tmp_path / "rgb", depth_topic="nothing")


@pytest.mark.parametrize(
    ("folder", "names", "why"),
    [
        ("depth", {"x.png": 1000}, "neither names nor times match"),
        ("depth_anything", {"a.png": 1000}, ""),  # estimated: it has no unit
        ("disparity", {"a.png": 1000}, ""),
        ("depth", {"a.png": None}, ""),  # coloured for people
    ],
)
def test_depth_that_can_not_be_used_is_left(
    tmp_path: Path, folder: str, names: dict[str, int | None], why: str
) -> None:
    write(tmp_path / "rgb", {"a.jpg": None})
    write(tmp_path / folder, names)
    frames, source = read(tmp_path / "rgb")
    assert depths(frames) == [0]
    assert why in source.description
    assert source.examination.depth_from == ""


def test_damaged_depth_and_depth_of_another_shape_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "rgb", {f"{n}.jpg": None for n in range(5)})
    folder = write(tmp_path / "depth", {f"{n}.png": 1000 + n for n in range(5)})
    whole = (folder / "1.png").read_bytes()
    (folder / "1.png").write_bytes(whole[: len(whole) // 2])
    (folder / "2.png").write_bytes(png(np.full((c.HEIGHT, c.HEIGHT), 9, np.uint16)))
    (folder / "3.png").write_bytes(b"")
    frames, source = read(tmp_path / "rgb")
    assert depths(frames) == [1000, 0, 0, 0, 1004]
    assert source.skipped == {"invalid_depth": 3}
    assert "1.png" in source.first_skip


def test_one_picture_alone_has_no_depth(tmp_path: Path) -> None:
    write(tmp_path, {"a.color.png": None, "a.depth.png": 1000})
    assert depths(read(tmp_path / "a.color.png")[0]) == [0]


def test_off_in_a_yaml_file_is_off(tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text("source:\n  depth_topic: off\n")
    assert load_settings(file).source.depth_topic == "off"
