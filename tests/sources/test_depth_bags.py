"""Depth in bags: the topic that is registered to a camera, and its pictures by stamp."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodied_agent.errors import SourceError
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, open_source
from tests.sources.builders import card as c
from tests.sources.builders import ros
from tests.sources.builders.cases.depth import ALIGNED, depth_entries
from tests.sources.builders.ros import MS, T0, Entry, in_order, pictures
from tests.support.sources import DB3, MCAP, camera_info, write_bag


def read(path: Path, **settings: Any) -> tuple[list[Frame], Source]:
    with open_source(str(path), SourceSettings(**settings)) as source:
        return list(source), source


def depths(frames: list[Frame]) -> list[int]:
    """Millimetres in the middle of each depth picture; 0 without one."""
    return [0 if f.depth is None else int(f.depth[f.depth.shape[0] // 2, 2]) for f in frames]


def depth_at(ms: float, millimetres: int, **other: Any) -> Entry:
    """One depth picture that is flat, received when it was taken unless ``late_ms`` says so."""
    late_ms, topic = other.pop("late_ms", 0), other.pop("topic", ALIGNED)
    at = T0 + round(ms * MS)
    values = np.full((other.pop("height", c.HEIGHT), other.pop("width", c.WIDTH)), millimetres)
    content = ros.raw(at, values.astype(np.uint16), "16UC1", **other)
    return topic, content, at + late_ms * MS


def info(topic: str, focal: float, width: int = c.WIDTH, height: int = c.HEIGHT) -> Entry:
    return topic, camera_info(T0, focal, width, height), T0


@pytest.mark.parametrize("plugin", [MCAP, DB3])
def test_each_picture_gets_the_depth_of_its_moment(tmp_path: Path, plugin: Any) -> None:
    taken = [depth_at(n * 100 + (-20 if n % 2 else 20), 1000 + n) for n in range(10)]
    frames, source = read(write_bag(tmp_path / "bag", in_order(taken, pictures()), plugin))
    assert depths(frames) == [1000 + n for n in range(10)]
    assert source.examination.depth_from == ALIGNED
    assert source.depths == 10
    assert source.skipped == {}


def test_depth_that_is_recorded_much_later_or_earlier_is_found(tmp_path: Path) -> None:
    late = [depth_at(n * 100, 1000 + n, late_ms=300 if n < 5 else -300) for n in range(10)]
    frames, _ = read(write_bag(tmp_path / "bag", in_order(late, pictures())))
    assert depths(frames) == [1000 + n for n in range(10)]


def test_a_gap_leaves_pictures_without_depth(tmp_path: Path) -> None:
    taken = [depth_at(n * 100, 1000 + n) for n in range(10) if n not in (3, 4)]
    frames, source = read(write_bag(tmp_path / "bag", in_order(taken, pictures())))
    assert depths(frames) == [1000, 1001, 1002, 0, 0, *range(1005, 1010)]
    assert source.depths == 8


def test_a_slower_depth_camera_serves_the_nearest_pictures(tmp_path: Path) -> None:
    taken = [depth_at(n * 300 + 30, 1000 + n) for n in range(4)]
    frames, _ = read(write_bag(tmp_path / "bag", in_order(taken, pictures())))
    assert depths(frames) == [1000, 0, 0, 1001, 0, 0, 1002, 0, 0, 1003]


def test_a_faster_depth_camera_is_thinned_to_the_nearest(tmp_path: Path) -> None:
    taken = [depth_at(n * 10 + 3, 1000 + n) for n in range(95)]
    frames, _ = read(write_bag(tmp_path / "bag", in_order(taken, pictures())))
    assert depths(frames) == [1000 + 10 * n for n in range(10)]


def test_thinned_pictures_get_no_depth_of_another_moment(tmp_path: Path) -> None:
    slow = [(t, m, at) for n, (t, m, at) in enumerate(pictures(40)) if n % 10 == 0]
    taken = [depth_at(n * 1000 + 150, 1000 + n) for n in range(4)]
    frames, source = read(write_bag(tmp_path / "bag", in_order(taken, slow)))
    assert depths(frames) == [0] * 4
    assert source.examination.depth_from == ALIGNED


def test_unstamped_depth_counts_by_its_receipt(tmp_path: Path) -> None:
    taken = [depth_at(n * 100, 1000 + n) for n in range(10)]
    for _, content, _ in taken:
        content.header.stamp.sec = content.header.stamp.nanosec = 0
    frames, _ = read(write_bag(tmp_path / "bag", in_order(taken, pictures())))
    assert depths(frames) == [1000 + n for n in range(10)]


def test_a_depth_camera_in_another_clock_is_matched_by_receipt(tmp_path: Path) -> None:
    taken = [depth_at(n * 100, 1000 + n) for n in range(10)]
    for _, content, _ in taken:
        content.header.stamp.sec += 37
    frames, _ = read(write_bag(tmp_path / "bag", in_order(taken, pictures())))
    assert depths(frames) == [1000 + n for n in range(10)]


def test_a_restart_of_the_clock_keeps_depth_of_both_runs(tmp_path: Path) -> None:
    first = in_order([depth_at(n * 100, 1000 + n) for n in range(40)], pictures(40))
    second = [(t, m, at + 5000 * MS) for t, m, at in first]
    frames, _ = read(write_bag(tmp_path / "bag", [*first, *second]))
    assert len(frames) == 80
    assert depths(frames)[5:40] == [1000 + n for n in range(5, 40)]
    assert depths(frames)[45:] == [1000 + n for n in range(5, 40)]


def test_torn_depth_and_depth_of_a_wrong_size_are_left_out_and_counted(tmp_path: Path) -> None:
    taken = [depth_at(n * 100, 1000 + n) for n in range(10)]
    taken[2] = depth_at(200, 1002, data=np.zeros(50, np.uint8))
    taken[5] = depth_at(500, 1005, width=c.WIDTH // 2)
    frames, source = read(write_bag(tmp_path / "bag", in_order(taken, pictures())))
    assert depths(frames) == [1000, 1001, 0, 1003, 1004, 0, *range(1006, 1010)]
    assert source.skipped == {"invalid_depth": 2}
    assert ALIGNED in source.first_skip


def test_packed_depth_that_is_cut_short_is_left_out(tmp_path: Path) -> None:
    entries = depth_entries("32FC1; compressedDepth png", f"{ALIGNED}/compressedDepth")
    content = entries[8][1]
    content.data = content.data[:60]
    frames, source = read(write_bag(tmp_path / "bag", in_order(entries, pictures())))
    assert [frame.depth is None for frame in frames].count(True) == 1
    assert source.skipped == {"invalid_depth": 1}


def test_depth_scale_says_what_whole_numbers_mean(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", in_order([depth_at(0, 5000)], pictures()))
    assert depths(read(bag)[0])[0] == 5000
    assert depths(read(bag, depth_scale=10_000)[0])[0] == 500


def why(source: Source, topic: str) -> str:
    (facts,) = [facts for facts in source.examination.topics if facts.name == topic]
    return facts.why


def test_the_registered_one_of_several_depth_topics_is_taken(tmp_path: Path) -> None:
    raw = [depth_at(n * 100, 7000, topic="/camera/depth/image_rect_raw") for n in range(30)]
    for _, content, _ in raw:
        content.header.frame_id = "camera_depth_optical_frame"
    entries = in_order(raw, depth_entries(), pictures(topic="/camera/color/image/compressed"))
    frames, source = read(write_bag(tmp_path / "bag", entries))
    assert depths(frames) == [1500] * 10
    assert "not in the colour camera's cam" in why(source, "/camera/depth/image_rect_raw")
    assert why(source, ALIGNED) == "the depth of the pictures comes from it"


def test_a_calibration_of_another_lens_rules_depth_out(tmp_path: Path) -> None:
    topic = "/camera/depth/image_raw"
    entries = in_order(
        [info("/camera/color/camera_info", 90.0), info("/camera/depth/camera_info", 60.0)],
        depth_entries(topic=topic),
        pictures(topic="/camera/color/image/compressed"),
    )
    frames, source = read(write_bag(tmp_path / "bag", entries))
    assert depths(frames) == [0] * 10
    assert source.examination.depth_from == ""
    assert "its calibration is not the colour camera's" in why(source, topic)
    assert topic in source.description


def test_the_same_calibration_speaks_for_another_frame(tmp_path: Path) -> None:
    topic = "/camera/depth/image_raw"
    entries = in_order(
        [info("/camera/color/camera_info", 90.0), info("/camera/depth/camera_info", 45.0, 48, 32)],
        depth_entries(topic=topic, frame_id="camera_depth", width=48, height=32),
        pictures(topic="/camera/color/image/compressed"),
    )
    frames, _ = read(write_bag(tmp_path / "bag", entries))
    assert depths(frames) == [1500] * 10


@pytest.mark.parametrize(("ahead", "used"), [(0.0, True), (0.06, False)])
def test_tf_says_whether_another_frame_is_the_same_place(
    tmp_path: Path, ahead: float, used: bool
) -> None:
    topic = "/camera/depth/image_raw"
    statics = ros.tf(
        ros.transform(T0, "base_link", "cam", (0.2, 0.0, 0.5), ros.OPTICAL),
        ros.transform(T0, "base_link", "camera_depth", (0.2 + ahead, 0.0, 0.5), ros.OPTICAL),
    )
    entries = in_order(
        [("/tf_static", statics, T0 - 100 * MS)],
        depth_entries(topic=topic, frame_id="camera_depth"),
        pictures(),
    )
    frames, source = read(write_bag(tmp_path / "bag", entries))
    assert depths(frames) == [1500 if used else 0] * 10
    assert bool(source.examination.depth_from) is used


def test_a_person_names_depth_that_nothing_else_speaks_for(tmp_path: Path) -> None:
    topic = "/camera/depth/image_raw"
    entries = in_order(depth_entries(topic=topic, frame_id=""), pictures())
    bag = write_bag(tmp_path / "bag", entries)
    frames, source = read(bag)
    assert depths(frames) == [0] * 10
    assert "nothing says that it is registered" in why(source, topic)
    frames, source = read(bag, depth_topic="camera/depth/image_raw")
    assert depths(frames) == [1500] * 10


def test_a_named_topic_of_other_proportions_is_not_used(tmp_path: Path) -> None:
    entries = in_order(depth_entries(width=96, height=54), pictures())
    frames, source = read(write_bag(tmp_path / "bag", entries), depth_topic=ALIGNED)
    assert depths(frames) == [0] * 10
    assert "proportions" in why(source, ALIGNED)


def test_coloured_depth_is_not_read_as_distances(tmp_path: Path) -> None:
    topic = "/camera/depth_coloured/image"
    coloured = [
        (topic, ros.raw(T0 + n * 100 * MS, c.card(n)), T0 + n * 100 * MS) for n in range(10)
    ]
    frames, source = read(write_bag(tmp_path / "bag", in_order(coloured, pictures())))
    assert depths(frames) == [0] * 10
    assert "encoded as bgr8, which is not read as depth" in why(source, topic)


def test_of_several_cameras_each_has_the_depth_of_its_own(tmp_path: Path) -> None:
    entries = in_order(
        pictures(topic="/front/color/image"),
        pictures(topic="/left/color/image"),
        [depth_at(n * 100, 1000 + n, topic="/front/depth/image") for n in range(10)],
    )
    bag = write_bag(tmp_path / "bag", entries)
    settings = {"topics": {"front": "/front/color/image", "left": "/left/color/image"}}
    frames, source = read(bag, **settings)
    assert {f.frame_id: f.depth is not None for f in frames} == {
        "front@0#0": True,
        "left@0#1": False,
    }
    assert source.depths == 10
    assert "depth from /front/depth/image" in source.description
    frames, _ = read(bag, **settings, depth_topics={"left": "/front/depth/image"})
    assert all(frame.depth is not None for frame in frames)


def test_a_depth_topic_that_is_missing_is_said_with_those_there_are(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", in_order(depth_entries(), pictures()))
    with pytest.raises(SourceError, match=rf"no depth topic 'x'.*{ALIGNED}"):
        read(bag, depth_topic="x")


def test_memory_stays_small_while_no_pictures_come(tmp_path: Path) -> None:
    """Depth alone for a while, then both: what was held is bounded, and the rest is paired."""
    first = [depth_at(n * 10, 500) for n in range(1000)]
    later = pictures(10, start_ns=T0 + 10_000 * MS)
    taken = [depth_at(10_000 + n * 100, 1000 + n) for n in range(10)]
    frames, _ = read(write_bag(tmp_path / "bag", in_order(first, later, taken)))
    assert depths(frames) == [1000 + n for n in range(10)]


def test_depth_is_heard_beside_facts(tmp_path: Path) -> None:
    """A caller that hears the depth topic itself doesn't take it away from the pictures."""
    bag = write_bag(tmp_path / "bag", in_order(depth_entries(), pictures()))
    heard: list[int] = []
    with open_source(str(bag), SourceSettings()) as source:
        assert source.hear([ALIGNED], lambda topic, stamp_ns, content: heard.append(stamp_ns)) == []
        frames = list(source)
    assert len(heard) == 20
    assert depths(frames) == [1500] * 10
