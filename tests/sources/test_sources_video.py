"""Frames from videos, folders of pictures, cameras and streams."""

from __future__ import annotations

import contextlib
import http.server
import math
import os
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embodied_agent.errors import AgentError, DecodeError, SourceError
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import decode, is_live, open_source
from embodied_agent.sources.base import Sampler
from embodied_agent.sources.limits import natural_key
from embodied_agent.sources.stream_clock import StreamClock
from embodied_agent.support.redaction import without_credentials
from tests.support.sources import picture_bytes

ALL = SourceSettings()
MS = 1_000_000


def frames_of(path: Path | str, settings: SourceSettings = ALL) -> list[Frame]:
    with open_source(str(path), settings) as source:
        return list(source)


def write_video(path: Path, frames: int, fps: float, codec: str = "MJPG") -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (64, 48))
    assert writer.isOpened()
    for n in range(frames):
        writer.write(np.full((48, 64, 3), n * 5, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "MJPG"), ("a.mp4", "mp4v")])
@pytest.mark.parametrize("fps", [10.0, 29.97])
def test_a_videos_frames_come_with_its_own_times(
    tmp_path: Path, name: str, codec: str, fps: float
) -> None:
    with open_source(str(write_video(tmp_path / name, 20, fps, codec)), ALL) as source:
        assert source.expected_frames == 20
        assert not source.live
        frames = list(source)
    assert [f.stamp_ns / 1e9 for f in frames] == pytest.approx(
        [n / fps for n in range(20)], abs=0.002
    )
    assert [int(decode(f)[20, 20, 0]) for f in frames] == pytest.approx(
        [n * 5 for n in range(20)], abs=6
    )


def test_a_video_is_sampled_by_its_times(tmp_path: Path) -> None:
    frames = frames_of(write_video(tmp_path / "a.avi", 45, 15), SourceSettings(sample_hz=1))
    assert [f.stamp_ns // MS for f in frames] == [0, 1000, 2000]
    assert [int(decode(f)[0, 0, 0]) for f in frames] == pytest.approx([0, 75, 150], abs=3)


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"hello", bytes(5000)):
        (tmp_path / "a.mp4").write_bytes(content)
        with pytest.raises(SourceError, match=r"a\.mp4"):
            frames_of(tmp_path / "a.mp4")


@given(cut=st.floats(0, 1), hits=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255))))
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_a_damaged_video_is_read_in_part_or_refused(
    tmp_path: Path, cut: float, hits: list[tuple[float, int]]
) -> None:
    whole = tmp_path / "whole.avi"
    if not whole.exists():
        write_video(whole, 20, 10)
    content = bytearray(whole.read_bytes())
    for place, value in hits:
        content[int(place * len(content))] = value
    (tmp_path / "hit.avi").write_bytes(content[: int(cut * len(content))])
    with contextlib.suppress(AgentError):
        frames = frames_of(tmp_path / "hit.avi")
        assert all(a.stamp_ns < b.stamp_ns for a, b in pairwise(frames))


@given(st.lists(st.floats() | st.floats(-1, 1e6), min_size=1), st.booleans())
def test_video_stamps_rise_whatever_the_stream_claims(positions: list[float], live: bool) -> None:
    clock = StreamClock(25.0, live=live)
    stamps = [clock.stamp_ns(position) for position in positions]
    assert all(a < b for a, b in pairwise(stamps))
    assert stamps[0] >= 0


def test_a_stream_without_times_gets_them_from_its_rate() -> None:
    clock = StreamClock(20.0)
    assert [clock.stamp_ns(math.nan) for _ in range(3)] == [0, 50 * MS, 100 * MS]


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    folder = tmp_path / "pictures"
    folder.mkdir()
    return folder


def test_pictures_come_in_natural_order_at_the_given_rate(pictures: Path) -> None:
    for n in (10, 9, 1, 100):
        (pictures / f"frame{n}.png").write_bytes(picture_bytes(n, ".png"))
    (pictures / "notes.txt").write_text("not a picture")
    (pictures / ".hidden.png").write_bytes(b"")
    frames = frames_of(pictures, SourceSettings(fps=4))
    assert [int(decode(f)[0, 0, 0]) for f in frames] == [1, 9, 10, 100]
    assert [f.stamp_ns // MS for f in frames] == [0, 250, 500, 750]
    assert all(f.encoded for f in frames)


@pytest.mark.parametrize(
    ("names", "stamps"),
    [
        (
            ["1403636579763555584", "1403636579813555456"],
            [1403636579763555584, 1403636579813555456],
        ),
        (["1403636579763555", "1403636579813555"], [1403636579763555000, 1403636579813555000]),
        (["1403636579763", "1403636579813"], [1403636579763000000, 1403636579813000000]),
        (["1305031102.175304", "1305031102.25"], [1305031102175304000, 1305031102250000000]),
        (["0001", "0002"], [0, 100 * MS]),
        (["1403636579763", "first"], [0, 100 * MS]),
        (["1403636579763", "1403636579813555"], [0, 100 * MS]),
    ],
)
def test_names_that_are_times_are_the_stamps(
    pictures: Path, names: list[str], stamps: list[int]
) -> None:
    for name in names:
        (pictures / f"{name}.png").write_bytes(picture_bytes(1, ".png"))
    assert [f.stamp_ns for f in frames_of(pictures)] == stamps


@pytest.mark.parametrize("suffix", [".bmp", ".tiff", ".ppm", ".webp", ".JPG"])
def test_other_kinds_of_pictures_are_read_too(pictures: Path, suffix: str) -> None:
    (pictures / f"a{suffix}").write_bytes(picture_bytes(70, suffix.lower()))
    (frame,) = frames_of(pictures)
    assert abs(int(decode(frame)[0, 0, 0]) - 70) <= 2


def test_broken_pictures_are_counted_and_the_rest_is_read(pictures: Path) -> None:
    (pictures / "1.png").write_bytes(picture_bytes(1, ".png")[:-30])
    (pictures / "2.jpg").write_bytes(b"")
    (pictures / "3.bmp").write_bytes(b"BM junk")
    (pictures / "4.png").write_bytes(picture_bytes(4, ".png"))
    with open_source(str(pictures), ALL) as source:
        frames = list(source)
        assert source.skipped == {"truncated_image": 1, "empty_image": 1, "undecodable": 1}
    assert [f.stamp_ns // MS for f in frames] == [300]


def test_only_broken_pictures_are_an_error_that_names_one(pictures: Path) -> None:
    (pictures / "1.png").write_bytes(b"junk")
    with pytest.raises(DecodeError, match=r"1\.png"):
        frames_of(pictures)


def test_one_picture_is_a_source_of_one(pictures: Path) -> None:
    (pictures / "img_001.jpg").write_bytes(picture_bytes(5))
    (pictures / "img_002.jpg").write_bytes(picture_bytes(5))
    assert len(frames_of(pictures / "img_001.jpg")) == 1


def test_a_photo_taken_sideways_is_turned_upright(pictures: Path) -> None:
    from PIL import Image as PilImage

    photo = PilImage.new("RGB", (40, 20))
    exif = photo.getexif()
    exif[0x0112] = 6
    photo.save(pictures / "a.jpg", exif=exif)
    assert decode(frames_of(pictures)[0]).shape == (40, 20, 3)


@given(st.lists(st.text("ab01239_²", max_size=6), max_size=6))
def test_any_names_can_be_sorted_and_numbers_sort_as_numbers(names: list[str]) -> None:
    sorted((Path("/x") / f"n{name}" for name in names), key=natural_key)
    files = [Path(f"a{n}b") for n in range(120)]
    shuffled = sorted(files, key=str)
    assert sorted(shuffled, key=natural_key) == files


@given(
    st.floats(0.05, 200),
    st.lists(st.integers(0, 60_000_000_000), min_size=1, max_size=60).map(sorted),
)
def test_sampling_takes_one_frame_per_period_and_the_earliest(hz: float, stamps: list[int]) -> None:
    sampler = Sampler(hz)
    taken = []
    for stamp in stamps:
        if sampler.due(stamp):
            sampler.take(stamp)
            taken.append(stamp)
    assert taken[0] == stamps[0]
    slack = 1_001 / 1e9 * hz + 1e-3
    periods = [(stamp - stamps[0]) / 1e9 * hz for stamp in taken]
    assert all(math.floor(b + slack) > math.floor(a - slack) for a, b in pairwise(periods))
    assert len(taken) <= sampler.expected(len(stamps), stamps[-1] - stamps[0])  # type: ignore[operator]


def test_passwords_of_a_stream_are_not_shown() -> None:
    assert without_credentials("rtsp://me:s3cret@cam/1?a=b") == "rtsp://cam/1?a=b"
    with pytest.raises(SourceError) as caught:
        open_source("rtsp://me:s3cret@127.0.0.1:1/", SourceSettings(open_timeout_s=1))
    assert "s3cret" not in str(caught.value)


def test_an_absent_camera_is_an_error() -> None:
    for spec in ("/dev/video987", "987"):
        with pytest.raises(SourceError, match="987"):
            open_source(spec, ALL)


def test_a_recording_in_shared_memory_is_no_camera(walk: Path) -> None:
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        pytest.skip("no /dev/shm here")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        copy = shutil.copytree(walk, Path(folder) / "walk")
        assert not is_live(str(copy))
        assert not is_live(str(copy / "0000.png"))
        with open_source(str(copy), ALL) as source:
            assert len(list(source)) == 30
    assert is_live("/dev/video987")
    assert is_live("/dev/null")


class _Camera(http.server.BaseHTTPRequestHandler):
    """An MJPEG camera that hangs, or hangs up, after ten pictures."""

    hang = threading.Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for n in range(10):
            data = picture_bytes(n * 20)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")
        if self.path == "/hangs":
            self.hang.wait(60)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def camera() -> Iterator[str]:
    _Camera.hang.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    _Camera.hang.set()
    server.shutdown()
    thread.join(60)
    server.server_close()


@pytest.mark.parametrize("path", ["/ends", "/hangs"])
def test_a_stream_is_live_and_its_end_or_silence_is_an_error(camera: str, path: str) -> None:
    quick = SourceSettings(open_timeout_s=60, read_timeout_s=5)
    with open_source(f"{camera}{path}", quick) as source:
        assert source.live
        assert source.expected_frames is None
        frames: list[Frame] = []
        with pytest.raises(SourceError, match="no more pictures"):
            frames.extend(source)
    assert len(frames) >= 5
    assert all(a.stamp_ns < b.stamp_ns for a, b in pairwise(frames))


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_server_that_never_answers_is_given_up(scheme: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/"
        with pytest.raises(SourceError, match="sends no video"):
            open_source(url, SourceSettings(open_timeout_s=1))
