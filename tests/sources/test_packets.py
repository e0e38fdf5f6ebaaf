"""Packets of video are decoded only where a picture is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodied_agent.settings import SourceSettings
from embodied_agent.sources import open_source
from embodied_agent.sources.bags.packets import codec_of, is_key_packet
from tests.sources.builders import ros, video
from tests.sources.builders.ros import MS, T0
from tests.support.sources import write_bag


def spoiled_bag(folder: Path) -> Path:
    """Three groups of ten pictures, all but the first of each group damaged in the middle one."""
    entries = []
    for n, data, key in video.packets("h264", 30, group=10):
        at = T0 + n * 100 * MS
        if 10 < n < 20:
            data = data[:6] + bytes(reversed(data[6:]))
        entries.append(("/camera", ros.ffmpeg_packet(at, data, "h264", n, key), at))
    return write_bag(folder / "bag", entries)


def test_a_group_of_which_no_picture_is_wanted_is_not_decoded(tmp_path: Path) -> None:
    bag = str(spoiled_bag(tmp_path))
    # One picture a second: the first of each group.
    with open_source(bag, SourceSettings(sample_hz=1)) as source:
        stamps = [frame.stamp_ns for frame in source]
    assert stamps == [T0, T0 + 1000 * MS, T0 + 2000 * MS]
    assert source.skipped == {}
    # All of them: then the damage shows.
    with open_source(bag, SourceSettings()) as source:
        count = len(list(source))
    assert sum(source.skipped.values()) > 0
    assert 20 <= count < 30


@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "vp9"])
def test_key_packets_are_told_from_others(codec: str) -> None:
    name = {"h265": "hevc"}.get(codec, codec)
    for _, data, key in video.packets(codec):
        assert is_key_packet(name, data) == key


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("libx264", "h264"),
        ("h264_nvenc", "h264"),
        ("H.265", "hevc"),
        ("hevc;yuv420p;bgr8;bgr8", "hevc"),
        ("av1", "av1"),
        ("rgb8; jpeg compressed bgr8", ""),
        ("jpeg", ""),
        ("png", ""),
        ("mjpeg;yuvj422p;bgr8;bgr8", ""),
    ],
)
def test_codecs_have_many_names(name: str, codec: str) -> None:
    assert codec_of(name, b"\xff\xd8\xff\xe0") == codec


def test_bytes_overrule_a_name_that_says_nothing() -> None:
    assert codec_of("", video.packets("h264", 1)[0][1]) == "h264"
    assert codec_of("", video.packets("h265", 1)[0][1]) == "hevc"
    assert codec_of("", b"\xff\xd8\xff") == ""
