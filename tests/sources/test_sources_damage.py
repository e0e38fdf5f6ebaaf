"""Damaged recordings: read as far as they go, or refused in words; never a crash."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.rosbag2 import StoragePlugin

from embodied_agent.errors import AgentError, SourceError
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, decode, open_source
from tests.support.sources import (
    DB3,
    MCAP,
    S,
    bag_file,
    camera_info,
    compressed,
    mono,
    odometry,
    picture_bytes,
    write_bag,
)

ALL = SourceSettings()
COUNT = 40
MS = 1_000_000
MAGIC = b"\x89MCAP0\r\n"


def write_walk(folder: Path, plugin: StoragePlugin) -> bytes:
    """A bag of pictures, poses and camera; the bytes of its file."""
    messages = [("/camera_info", camera_info(S, 20.0), S)]
    for n in range(COUNT):
        stamp = S + n * 100 * MS
        messages.append(("/odom", odometry(stamp, (float(n), 0.0, 0.0)), stamp))
        messages.append(("/image", compressed(stamp, picture_bytes(n * 3)), stamp + MS))
    return bag_file(write_bag(folder, messages, plugin)).read_bytes()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[StoragePlugin, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    return {plugin: write_walk(folder / plugin.name, plugin) for plugin in (MCAP, DB3)}


def read(path: Path) -> tuple[list[Frame], Source]:
    with open_source(str(path), ALL) as source:
        return list(source), source


def read_or_refuse(path: Path) -> list[Frame] | None:
    """What can be read; ``None`` where the source said why not. Anything else is a failure."""
    frames = None
    with contextlib.suppress(AgentError):
        frames, _ = read(path)
        for frame in frames:
            with contextlib.suppress(AgentError):
                decode(frame)
    return frames


@pytest.mark.parametrize("plugin", [MCAP, DB3])
@given(data=st.data())
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_file_cut_anywhere_is_read_in_part_or_refused(
    tmp_path: Path, whole: dict[StoragePlugin, bytes], plugin: StoragePlugin, data: st.DataObject
) -> None:
    content = whole[plugin]
    path = tmp_path / ("cut.mcap" if plugin == MCAP else "cut.db3")
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    frames = read_or_refuse(path)
    if frames is not None:
        stamps = [frame.stamp_ns for frame in frames]
        assert 0 < len(stamps) <= COUNT
        assert stamps == sorted(stamps)


#: Headers and index lie at the ends, where damage does most; negative counts from the end.
PLACES = st.integers(-3000, 2000) | st.integers(0, 1_000_000)


@pytest.mark.parametrize("plugin", [MCAP, DB3])
@given(hits=st.lists(st.tuples(PLACES, st.integers(0, 255)), min_size=1, max_size=6))
@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_file_with_damaged_bytes_is_read_in_part_or_refused(
    tmp_path: Path,
    whole: dict[StoragePlugin, bytes],
    plugin: StoragePlugin,
    hits: list[tuple[int, int]],
) -> None:
    content = bytearray(whole[plugin])
    for place, value in hits:
        content[place % len(content)] = value
    path = tmp_path / ("hit.mcap" if plugin == MCAP else "hit.db3")
    path.write_bytes(content)
    read_or_refuse(path)


@pytest.mark.parametrize("suffix", [".mcap", ".db3"])
@given(junk=st.binary(max_size=300), magic=st.sampled_from([b"", MAGIC, b"SQLite format 3\0"]))
@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_junk_is_refused(tmp_path: Path, suffix: str, junk: bytes, magic: bytes) -> None:
    path = tmp_path / f"junk{suffix}"
    path.write_bytes(magic + junk)
    with pytest.raises(SourceError):
        read(path)


def test_an_mcap_cut_in_half_gives_its_first_half(
    tmp_path: Path, whole: dict[StoragePlugin, bytes]
) -> None:
    path = tmp_path / "half.mcap"
    path.write_bytes(whole[MCAP][: len(whole[MCAP]) // 2])
    frames, source = read(path)
    assert COUNT * 0.4 < len(frames) < COUNT * 0.6
    assert source.skipped == {"damaged_file": 1}
    assert frames[3].pose is not None
    assert frames[3].pose.position_m[0] == 3.0
    assert frames[3].intrinsics is not None


def test_a_recording_without_metadata_and_footer_is_read_to_its_end(
    tmp_path: Path, whole: dict[StoragePlugin, bytes]
) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    (folder / "killed_0.mcap").write_bytes(whole[MCAP][:-40])
    assert len(read(folder)[0]) == COUNT


def test_broken_metadata_leave_the_files_readable(
    tmp_path: Path, whole: dict[StoragePlugin, bytes]
) -> None:
    folder = tmp_path / "bag"
    folder.mkdir()
    (folder / "bag_0.mcap").write_bytes(whole[MCAP])
    for metadata in ("{", "rosbag2_bagfile_information: 3", "", "a: &a [*a"):
        (folder / "metadata.yaml").write_text(metadata)
        frames, source = read(folder)
        assert len(frames) == COUNT
        assert source.skipped == {"damaged_file": 1}


def test_a_missing_part_of_a_bag_is_counted(tmp_path: Path) -> None:
    folder = tmp_path / "bag"
    write_walk(folder, MCAP)
    metadata = folder / "metadata.yaml"
    lines = metadata.read_text().replace("- bag.mcap", "- bag.mcap\n  - bag_1.mcap", 1)
    metadata.write_text(lines)
    frames, source = read(folder)
    assert len(frames) == COUNT
    assert source.skipped == {"missing_file": 1}


def record(opcode: int, content: bytes) -> bytes:
    return struct.pack("<BQ", opcode, len(content)) + content


def named(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode()


def chunk(records: bytes, *, crc: int | None = None) -> bytes:
    crc = zlib.crc32(records) if crc is None else crc
    head = struct.pack("<QQQI", 0, 0, len(records), crc) + named("")
    return record(6, head + struct.pack("<Q", len(records)) + records)


def image_record(stamp_ns: int) -> bytes:
    from tests.support.sources import STORE

    data = bytes(STORE.serialize_cdr(mono(stamp_ns), "sensor_msgs/msg/Image"))
    return record(5, struct.pack("<HIQQ", 1, 0, stamp_ns, stamp_ns) + data)


SCHEMA = record(
    3, struct.pack("<H", 1) + named("sensor_msgs/msg/Image") + named("ros2msg") + named("")
)
CHANNEL = record(4, struct.pack("<HH", 1, 1) + named("/image") + named("cdr") + named(""))


def test_one_damaged_chunk_costs_only_its_own_messages(tmp_path: Path) -> None:
    path = tmp_path / "hole.mcap"
    chunks = [chunk(image_record(n * S), crc=99 if n == 2 else None) for n in range(1, 5)]
    path.write_bytes(
        MAGIC + record(1, named("ros2") + named("")) + SCHEMA + CHANNEL + b"".join(chunks)
    )
    frames, source = read(path)
    assert [f.stamp_ns // S for f in frames] == [1, 3, 4]
    assert source.skipped == {"damaged_file": 1}


def test_a_file_of_another_writer_without_ros_profile_is_read(tmp_path: Path) -> None:
    path = tmp_path / "other.mcap"
    body = SCHEMA + CHANNEL + image_record(S) + record(0x0F, bytes(4)) + record(2, bytes(20))
    path.write_bytes(MAGIC + record(1, named("") + named("other")) + body + MAGIC)
    assert len(read(path)[0]) == 1


def test_a_chunk_that_claims_a_huge_size_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "bomb.mcap"
    head = struct.pack("<QQQI", 0, 0, 1 << 50, 0) + named("zstd") + struct.pack("<Q", 4) + bytes(4)
    path.write_bytes(MAGIC + SCHEMA + CHANNEL + record(6, head) + image_record(S))
    assert len(read(path)[0]) == 1


def test_rows_in_the_write_ahead_log_of_a_killed_recorder_are_read(tmp_path: Path) -> None:
    live = tmp_path / "live"
    write_walk(live, DB3)
    file = bag_file(live)
    with contextlib.closing(sqlite3.connect(file)) as recorder:
        recorder.execute("PRAGMA journal_mode=WAL")
        last = recorder.execute("SELECT topic_id, max(timestamp), data FROM messages").fetchone()
        recorder.execute(
            "INSERT INTO messages (topic_id, timestamp, data) SELECT topic_id, ?, data"
            " FROM messages WHERE timestamp = ?",
            (last[1] + S, last[1]),
        )
        recorder.commit()
        killed = tmp_path / "killed"
        killed.mkdir()
        for part in (file, file.with_name(file.name + "-wal")):
            shutil.copy(part, killed / part.name)
    with open_source(str(killed), ALL) as source:
        assert source.expected_frames == COUNT + 1
        assert len(list(source)) == COUNT + 1
        assert source.skipped == {}
