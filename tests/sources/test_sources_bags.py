"""Frames from real bags: topics, stamps, order, poses, cameras, and what is wrong with them."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer

from embodied_agent.errors import DecodeError, SourceError
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, decode, open_source
from tests.support.sources import (
    DB3,
    MCAP,
    STORE,
    Messages,
    S,
    bag_file,
    camera_info,
    compressed,
    image,
    mono,
    odometry,
    picture_bytes,
    text,
    write_bag,
)

ALL = SourceSettings()
MS = 1_000_000


def frames_of(path: Path, settings: SourceSettings = ALL) -> list[Frame]:
    with open_source(str(path), settings) as source:
        return list(source)


def read(path: Path, settings: SourceSettings = ALL) -> tuple[list[Frame], Source]:
    with open_source(str(path), settings) as source:
        return list(source), source


def stamps_ms(frames: list[Frame]) -> list[int]:
    return [frame.stamp_ns // MS for frame in frames]


def walk(count: int, topic: str = "/camera/image", period_ms: int = 100) -> Messages:
    return [(topic, mono(S + i * period_ms * MS, i), S + i * period_ms * MS) for i in range(count)]


@pytest.mark.parametrize("plugin", [MCAP, DB3])
def test_a_folder_and_the_bare_file_in_it_give_the_same_frames(
    tmp_path: Path, plugin: StoragePlugin
) -> None:
    folder = write_bag(tmp_path / "bag", walk(5), plugin)
    (folder / "truth.json").write_text("{}")
    for path in (folder, bag_file(folder)):
        frames, source = read(path)
        assert [f.stamp_ns for f in frames] == [S + i * 100 * MS for i in range(5)]
        assert [f.index for f in frames] == list(range(5))
        assert [int(decode(f)[0, 0, 0]) for f in frames] == list(range(5))
        assert frames[0].frame_id == "cam"
        assert source.expected_frames == 5
        assert source.skipped == {}
        assert not source.live


def test_colours_of_a_raw_image_come_as_bgr(tmp_path: Path) -> None:
    raw = image(S, "rgb8", 1, 2, 4, bytes([1, 2, 3, 0, 4, 5, 6, 0]))
    (frame,) = frames_of(write_bag(tmp_path / "bag", [("/image", raw, S)]))
    assert decode(frame).tolist() == [[[3, 2, 1]], [[6, 5, 4]]]


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_compressed_images_stay_undecoded(tmp_path: Path, suffix: str) -> None:
    data = picture_bytes(50, suffix)
    (frame,) = frames_of(write_bag(tmp_path / "bag", [("/i", compressed(S, data), S)]))
    assert frame.encoded == data
    assert frame.image is None


@pytest.mark.parametrize("mode", [CompressionMode.FILE, CompressionMode.MESSAGE])
def test_compressed_bags_are_unpacked(tmp_path: Path, mode: CompressionMode) -> None:
    writer = Writer(tmp_path / "bag", version=9, storage_plugin=DB3)
    writer.set_compression(mode, CompressionFormat.ZSTD)
    with writer:
        connection = writer.add_connection("/i", "sensor_msgs/msg/Image", typestore=STORE)
        for _, message, receive_ns in walk(2):
            writer.write(connection, receive_ns, STORE.serialize_cdr(message, message.__msgtype__))
    assert stamps_ms(frames_of(tmp_path / "bag")) == [1000, 1100]


def test_an_unstamped_image_gets_the_time_of_its_receipt(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", [("/i", mono(0), 5 * S), ("/i", mono(0), 6 * S)])
    assert stamps_ms(frames_of(bag)) == [5000, 6000]


def test_images_recorded_out_of_order_come_by_their_stamps(tmp_path: Path) -> None:
    order = [1000, 1200, 1100, 1300, 1500, 1400]
    bag = write_bag(
        tmp_path / "bag",
        [("/i", mono(ms * MS), 2 * S + n * 100 * MS) for n, ms in enumerate(order)],
    )
    assert stamps_ms(frames_of(bag)) == sorted(order)


def test_an_image_that_comes_far_too_late_is_left_out_and_counted(tmp_path: Path) -> None:
    late = [("/i", mono(1200 * MS), 5 * S)]
    frames, source = read(write_bag(tmp_path / "bag", [*walk(20, "/i"), *late]))
    assert len(frames) == 20
    assert source.skipped == {"out_of_order": 1}


def test_a_restart_of_the_clock_keeps_both_runs(tmp_path: Path) -> None:
    runs = [*walk(50, "/i"), *((t, m, r + 5 * S) for t, m, r in walk(50, "/i"))]
    stamps = stamps_ms(frames_of(write_bag(tmp_path / "bag", runs)))
    assert stamps == [*range(1000, 6000, 100)] * 2


def test_the_topic_with_most_colour_images_is_taken_and_said(tmp_path: Path) -> None:
    bag = write_bag(
        tmp_path / "bag",
        [*walk(9, "/camera/depth/image"), *walk(3, "/front/image"), *walk(4, "/back/image")],
    )
    frames, source = read(bag)
    assert len(frames) == 4
    assert "/back/image" in source.description
    assert "/front/image" in source.description


def test_a_named_topic_is_taken_with_or_without_slash_or_transport(tmp_path: Path) -> None:
    messages = [*walk(3, "/a"), ("/b/compressed", compressed(S, picture_bytes(1)), S)]
    bag = write_bag(tmp_path / "bag", messages)
    for name, count in (("/a", 3), ("a", 3), ("/b/compressed", 1), ("b", 1)):
        assert len(frames_of(bag, SourceSettings(topic=name))) == count


def test_an_absent_topic_is_an_error_that_lists_those_there_are(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", [*walk(3, "/left"), ("/talk", text("hi"), S)])
    for name in ("/right", "/talk"):
        with pytest.raises(SourceError, match=r"/left \(3 images\)"):
            open_source(str(bag), SourceSettings(topic=name))
    with pytest.raises(SourceError, match="no odometry topic"):
        open_source(str(bag), SourceSettings(odom_topic="/odom"))


def test_a_bag_without_images_is_an_error_that_says_what_it_holds(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="/talk"):
        open_source(str(write_bag(tmp_path / "bag", [("/talk", text("hi"), S)])), ALL)


def test_the_camera_info_of_the_nearest_namespace_is_used(tmp_path: Path) -> None:
    messages = [
        ("/camera_info", camera_info(S, 10.0), S),
        ("/left/camera_info", camera_info(S, 20.0), S),
        ("/right/camera_info", camera_info(S, 30.0), S),
        *walk(2, "/right/image"),
    ]
    frame, *_ = frames_of(write_bag(tmp_path / "bag", messages))
    assert frame.intrinsics is not None
    assert (frame.intrinsics.fx, frame.intrinsics.cx, frame.intrinsics.width) == (30.0, 4.0, 8)


def test_names_without_leading_slash_find_their_camera_too(tmp_path: Path) -> None:
    messages = [
        ("camera_info", camera_info(S, 10.0), S),
        ("front/camera_info", camera_info(S, 20.0), S),
        *walk(1, "image"),
    ]
    (frame,) = frames_of(write_bag(tmp_path / "bag", messages))
    assert frame.intrinsics is not None
    assert frame.intrinsics.fx == 10.0


def test_an_uncalibrated_camera_has_no_intrinsics(tmp_path: Path) -> None:
    messages = [("/camera_info", camera_info(S, 0.0), S), *walk(1, "/image")]
    assert frames_of(write_bag(tmp_path / "bag", messages))[0].intrinsics is None


@pytest.mark.parametrize("delay_ms", [0, 40, 300])
def test_poses_are_those_at_the_images_stamps(tmp_path: Path, delay_ms: int) -> None:
    images = [("/camera/image", mono(S + ms * MS), S + ms * MS) for ms in range(0, 1000, 100)]
    poses = [
        ("/odom", odometry(S + ms * MS, (ms / 1000, 0.0, 0.0)), S + (ms + delay_ms) * MS)
        for ms in range(-30, 1100, 50)
    ]
    messages = sorted([*images, *poses], key=lambda m: m[2])
    frames = frames_of(write_bag(tmp_path / "bag", messages))
    found = [f.pose.position_m[0] for f in frames if f.pose]
    assert found == pytest.approx([ms / 1000 for ms in range(0, 1000, 100)])
    assert frames[0].pose is not None
    assert frames[0].pose.frame_id == "odom"


def test_poses_that_are_not_numbers_are_ignored_and_counted(tmp_path: Path) -> None:
    messages = [
        ("/odom", odometry(S, (1.0, 0.0, 0.0)), S),
        ("/odom", odometry(S + 50 * MS, (math.nan, 0.0, 0.0)), S + 50 * MS),
        ("/image", mono(S + 50 * MS), S + 60 * MS),
        ("/odom", odometry(S + 100 * MS, (2.0, 0.0, 0.0)), S + 100 * MS),
    ]
    (frame,), source = read(write_bag(tmp_path / "bag", messages))
    assert frame.pose is not None
    assert frame.pose.position_m[0] == pytest.approx(1.5)
    assert source.skipped == {"invalid_pose": 1}


def test_without_odometry_nearby_there_is_no_pose(tmp_path: Path) -> None:
    messages = [*walk(2, "/image"), ("/odom", odometry(9 * S, (0.0, 0.0, 0.0)), 9 * S)]
    assert [f.pose for f in frames_of(write_bag(tmp_path / "bag", messages))] == [None, None]


def test_sampling_takes_the_first_frame_at_or_after_each_whole_period(tmp_path: Path) -> None:
    jittered = [1000, 1400, 1990, 2100, 2900, 3000, 3050, 5500, 5900, 6000]
    bag = write_bag(tmp_path / "bag", [("/i", mono(ms * MS), ms * MS) for ms in jittered])
    frames, source = read(bag, SourceSettings(sample_hz=1))
    assert stamps_ms(frames) == [1000, 2100, 3000, 5500, 6000]
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    assert source.expected_frames == 6


def test_sampling_at_the_recorded_rate_loses_nothing(tmp_path: Path) -> None:
    messages = [("/i", mono(S + n * S // 30), S + n * S // 30) for n in range(60)]
    bag = write_bag(tmp_path / "bag", messages)
    assert len(frames_of(bag, SourceSettings(sample_hz=30))) == 60


def test_a_broken_picture_does_not_use_up_its_sampling_period(tmp_path: Path) -> None:
    messages = [
        ("/i", compressed(S + n * 500 * MS, b"junk" if n == 2 else picture_bytes(n)), S + n)
        for n in range(5)
    ]
    frames = frames_of(write_bag(tmp_path / "bag", messages), SourceSettings(sample_hz=1))
    assert stamps_ms(frames) == [1000, 2500, 3000]


BROKEN = {
    "unknown_encoding": image(S, "vogon8", 2, 2, 2, bytes(4)),
    "bad_step": image(S, "rgb8", 8, 2, 8, bytes(16)),
    "truncated_image": image(S, "mono8", 8, 6, 8, bytes(40)),
    "empty_image": image(S, "mono8", 0, 0, 0, b""),
    "too_large": image(S, "mono8", 1_000_000, 1_000_000, 1_000_000, bytes(10)),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_broken_image_among_good_ones_is_a_counted_skip(tmp_path: Path, reason: str) -> None:
    messages = [*walk(3, "/i"), ("/i", BROKEN[reason], S)]
    frames, source = read(write_bag(tmp_path / "bag", messages))
    assert len(frames) == 3
    assert source.skipped == {reason: 1}


@pytest.mark.parametrize("reason", BROKEN)
def test_only_broken_images_are_an_error_that_names_topic_and_message(
    tmp_path: Path, reason: str
) -> None:
    bag = write_bag(tmp_path / "bag", [("/i", BROKEN[reason], S)])
    with pytest.raises(DecodeError, match="/i, message 1:"):
        frames_of(bag)


def test_endless_broken_images_are_given_up_early(tmp_path: Path) -> None:
    messages = [("/i", BROKEN["bad_step"], S + n) for n in range(1000)]
    with pytest.raises(DecodeError, match="gave up"):
        frames_of(write_bag(tmp_path / "bag", messages))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty_image"),
        (b"GIF89a" + bytes(50), "unknown_encoding"),
        (picture_bytes(9)[:-40], "truncated_image"),
        (picture_bytes(9, ".png")[:-20], "truncated_image"),
    ],
)
def test_a_broken_compressed_image_is_a_counted_skip(
    tmp_path: Path, data: bytes, reason: str
) -> None:
    messages = [("/i", compressed(S, data), S), ("/i", compressed(2 * S, picture_bytes(1)), 2 * S)]
    frames, source = read(write_bag(tmp_path / "bag", messages))
    assert stamps_ms(frames) == [2000]
    assert source.skipped == {reason: 1}


def test_a_bag_split_over_files_is_read_through(tmp_path: Path) -> None:
    messages = list(walk(12, "/i"))
    parts = [write_bag(tmp_path / f"part{n}", messages[n * 4 : n * 4 + 4]) for n in range(3)]
    whole = tmp_path / "whole"
    whole.mkdir()
    for n, part in zip((2, 10, 1), parts, strict=True):
        bag_file(part).rename(whole / f"whole_{n}.mcap")
    assert stamps_ms(frames_of(whole)) == [*range(1000, 2200, 100)]


def test_a_source_is_read_once(tmp_path: Path) -> None:
    with open_source(str(write_bag(tmp_path / "bag", walk(2))), ALL) as source:
        assert len(list(source)) == 2
        with pytest.raises(SourceError, match="open it again"):
            list(source)


def test_two_passes_over_a_bag_give_the_same_frames(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", walk(5))
    first, second = frames_of(bag), frames_of(bag)
    for one, other in zip(first, second, strict=True):
        assert (one.stamp_ns, one.pose, one.index) == (other.stamp_ns, other.pose, other.index)
        np.testing.assert_array_equal(decode(one), decode(other))


def test_what_is_not_there_or_of_another_kind_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "old.bag").write_bytes(b"#ROSBAG V2.0\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.json").write_text(json.dumps({}))
    for name, words in (
        ("absent", "does not exist"),
        ("old.bag", "rosbag reindex"),
        ("empty", "neither a bag"),
        ("notes", "neither a bag"),
    ):
        with pytest.raises(SourceError, match=words):
            open_source(str(tmp_path / name), ALL)
