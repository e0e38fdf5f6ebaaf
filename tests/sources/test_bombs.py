"""Small files that claim, or unpack to, more than a machine has: refused or left out, in time."""

from __future__ import annotations

import shutil
import sqlite3
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from backports import zstd
from mcap.writer import Writer as McapWriter

from embodied_agent.errors import SourceError
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import limits, open_source
from embodied_agent.sources.bags import db3_file, files
from tests.sources.builders.card import card, encoded
from tests.sources.builders.ros import T0, pictures
from tests.support.sources import DB3, bag_file, write_bag

#: What reading one small file may add to the memory in use, in bytes.
MOST_GROWTH = 512_000_000
_READ = """
import resource, sys
from embodied_agent.errors import AgentError
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import open_source
import embodied_agent.sources.bags.source, embodied_agent.sources.folder
import embodied_agent.sources.video
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    with open_source(sys.argv[1], SourceSettings()) as source:
        print("frames", sum(1 for _ in source), source.skipped)
except AgentError as error:
    print("refused", error)
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print((after - before) * 1024)
"""


def read_apart(path: Path) -> str:
    """Read a source in a process of its own; what it says, once its growth is checked."""
    result = subprocess.run(
        [sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
    said, growth = result.stdout.strip().rsplit("\n", 1)
    assert int(growth) < MOST_GROWTH, said
    return said


def png_of(width: int, height: int) -> bytes:
    """A picture of one colour: about a thousandth of its pixels in bytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 16, 6, 0, 0, 0)
    packer = zlib.compressobj(9)
    row = b"\0" + bytes(width * 8)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def tiff_of(width: int, height: int, *, tile: int = 0) -> bytes:
    """A TIFF whose header claims a size; a few bytes of data follow."""
    entries = [
        (256, 4, width),
        (257, 4, height),
        (258, 3, 16),
        (259, 3, 8),
        (262, 3, 2),
        (277, 3, 4),
    ]
    if tile:
        entries += [(322, 4, tile), (323, 4, tile), (324, 4, 200), (325, 4, 50)]
    else:
        entries += [(273, 4, 200), (278, 4, height), (279, 4, 50)]
    directory = struct.pack("<H", len(entries))
    for tag, kind, value in sorted(entries):
        directory += struct.pack("<HHII", tag, kind, 1, value)
    head = b"II*\0" + struct.pack("<I", 8) + directory + bytes(4)
    return head.ljust(200, b"\0") + zlib.compress(bytes(100_000))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.png", png_of(7000, 7000)),
        ("a.tiff", tiff_of(60_000, 60_000)),
        ("b.tiff", tiff_of(64, 64, tile=60_000)),
        (
            "a.bmp",
            b"BM" + struct.pack("<IIIIiiHH", 0, 0, 54, 40, 50_000, 50_000, 1, 24) + bytes(60),
        ),
        ("a.ppm", b"P6 50000 50000 255\n" + bytes(100)),
        ("a.webp", b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + b"\xfe\x3f\0" * 2 + bytes(40)),
    ],
)
def test_a_picture_that_claims_too_much_is_left_out(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    assert "at most" in read_apart(tmp_path / name)


def test_a_jpeg_with_fewer_bytes_than_its_pixels_need_is_left_out(tmp_path: Path) -> None:
    data = bytearray(encoded(".jpg", card()))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 8000, 8000)
    (tmp_path / "a.jpg").write_bytes(data)
    assert "can't hold the 8000x8000 pixels" in read_apart(tmp_path / "a.jpg")


def mcap_chunk_bomb(path: Path, *, claimed: int | None = None) -> Path:
    """One chunk that unpacks to two gigabytes, or says that it is smaller."""
    piece = bytes(1 << 24)
    packer = zstd.ZstdCompressor(level=3)
    packed = b"".join(packer.compress(piece) for _ in range(128)) + packer.flush()
    size = (1 << 31) if claimed is None else claimed
    head = struct.pack("<QQQI", T0, T0, size, 0) + struct.pack("<I", 4) + b"zstd"
    record = head + struct.pack("<Q", len(packed)) + packed
    chunk = struct.pack("<BQ", 6, len(record)) + record
    with path.open("wb") as file:
        writer = McapWriter(file)
        writer.start("ros2")
    start = path.read_bytes()
    path.write_bytes(start + chunk)
    return path


@pytest.mark.parametrize("claimed", [None, 1000])
def test_a_chunk_that_unpacks_to_gigabytes_is_left_out(tmp_path: Path, claimed: int | None) -> None:
    path = mcap_chunk_bomb(tmp_path / "a.mcap", claimed=claimed)
    assert path.stat().st_size < 1_000_000
    assert read_apart(path).startswith("refused")


def test_a_database_of_endless_views_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.db3"
    with sqlite3.connect(path) as connection:
        connection.execute(
            "CREATE TABLE topics (id INTEGER PRIMARY KEY, name, type, serialization_format)"
        )
        connection.execute("INSERT INTO topics VALUES (1, '/i', 'sensor_msgs/msg/Image', 'cdr')")
        connection.execute(
            "CREATE VIEW messages AS WITH RECURSIVE n(x) AS"
            " (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
            " SELECT x AS id, 1 AS topic_id, x AS timestamp, x'00010000' AS data FROM n"
        )
    with pytest.raises(SourceError, match="not in a table"):
        open_source(str(path), SourceSettings())


def test_a_database_that_works_forever_on_one_row_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db3_file, "MAX_SURVEY_S", 0.2)
    monkeypatch.setattr(db3_file, "MAX_ROW_S", 0.2)
    path = tmp_path / "a.db3"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE messages (id, topic_id, timestamp, data)")
        connection.execute(
            "CREATE VIEW topics AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)"
            " SELECT x AS id, 'a' AS name, 'b' AS type, 'c' AS serialization_format FROM n"
            " WHERE x < 0"
        )
    with pytest.raises(SourceError, match="took more than"):
        open_source(str(path), SourceSettings())


def test_a_bag_that_would_fill_the_temporary_folder_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = bag_file(write_bag(tmp_path / "bag", pictures(), DB3))
    packed = tmp_path / "a.db3.zstd"
    packed.write_bytes(zstd.compress(plain.read_bytes() + bytes(50_000_000)))
    usage = shutil.disk_usage(tmp_path)._replace(free=20_000_000)
    monkeypatch.setattr(files.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(SourceError, match="unpacks to more than 10 MB"):
        open_source(str(packed), SourceSettings())


def test_metadata_with_aliases_are_not_unfolded(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", pictures())
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    (bag / "metadata.yaml").write_text("\n".join(lines))
    with open_source(str(bag), SourceSettings()) as source:
        assert len(list(source)) == 10
    assert source.skipped == {"damaged_file": 1}


def test_limits_hold_for_one_compressed_message() -> None:
    data = zstd.compress(bytes(1000))
    assert len(limits.unpack(data, "zstd", 1000)) == 1000
    with pytest.raises(ValueError, match="more than the 999 bytes"):
        limits.unpack(data, "zstd", 999)
    with pytest.raises(ValueError, match="unknown compression"):
        limits.unpack(data, "brotli")


def test_pictures_within_the_limits_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    assert cv2.imwrite(str(path), np.full((3000, 4000, 3), 7, np.uint8))
    assert read_apart(path).startswith("frames 1")


@pytest.mark.parametrize("name", ["9" * 19, "9" * 400, "9999999999.999999999", "0" * 19])
def test_names_that_are_no_possible_times_are_no_stamps(tmp_path: Path, name: str) -> None:
    name = name[:200]
    for count in range(3):
        assert cv2.imwrite(str(tmp_path / f"{name[:-1]}{9 - count}.jpg"), card(count, 320, 240))
    with open_source(str(tmp_path), SourceSettings()) as source:
        stamps = [frame.stamp_ns for frame in source]
    assert len(stamps) == 3
    assert all(-(1 << 63) <= stamp < 1 << 63 for stamp in stamps)
