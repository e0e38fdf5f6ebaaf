"""What FFmpeg reads and no camera writes is refused: text, random bytes, a song's cover."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import av
import numpy as np
import pytest
from av.stream import Disposition

from embodied_agent.errors import SourceError
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import open_source

ALL = SourceSettings()
#: An instruction of karaoke graphics; FFmpeg tells a file of them by its first byte.
KARAOKE = b"\x09" + bytes(23)


def refusal(spec: Path | str) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(str(spec), ALL)
    return str(caught.value)


@pytest.mark.parametrize("name", ["log.txt", "read.nfo", "poses.asc", "diary.diz"])
def test_text_is_no_video(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("".join(f"{n},{n / 7:.3f},{n / 3:.3f}\n" for n in range(2000)))
    said = refusal(tmp_path / name)
    assert "neither a recording (.mcap, .db3, .bag), a picture nor a video" in said
    assert "Tele-typewriter" in said


@pytest.mark.parametrize("name", ["source", "cloud.npy", "walk.mp4"])
def test_bytes_that_could_be_karaoke_are_no_video(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(KARAOKE * 300)
    assert "CD Graphics" in refusal(tmp_path / name)


@pytest.mark.parametrize(
    "suffix", ["", ".mp4", ".txt", ".npy", ".ts", ".cdg", ".bin", ".yuv", ".nfo"]
)
def test_random_bytes_are_no_video(tmp_path: Path, suffix: str) -> None:
    draw = random.Random(suffix)
    path = tmp_path / f"source{suffix}"
    for length in (30, 300, 3000, 30_000):
        for first in (b"", b"\x09", b"\x00\x00\x01", b"\xff\xd8"):
            path.write_bytes(first + draw.randbytes(length))
            with pytest.raises(SourceError), open_source(str(path), ALL) as source:
                list(source)


@pytest.mark.parametrize(
    ("name", "kind", "codec"),
    [
        ("a.mp4", "mp4", "mpeg4"),
        ("a.mkv", "matroska", "mpeg4"),
        ("a.ts", "mpegts", "mpeg2video"),
        ("a.mpg", "mpeg", "mpeg1video"),
        ("a.avi", "avi", "mjpeg"),
        ("a.flv", "flv", "flv"),
        ("a.mjpeg", "mjpeg", "mjpeg"),
        ("a.y4m", "yuv4mpegpipe", "wrapped_avframe"),
        ("a.nut", "nut", "mpeg4"),
        ("a.wmv", "asf", "wmv2"),
        ("a.gif", "gif", "gif"),
    ],
)
def test_what_cameras_and_tools_write_is_read(
    tmp_path: Path, name: str, kind: str, codec: str
) -> None:
    write_frames(tmp_path / name, kind, codec, 5)
    with open_source(str(tmp_path / name), ALL) as source:
        assert len(list(source)) == 5


def write_frames(path: Path, kind: str, codec: str, count: int) -> None:
    with av.open(str(path), "w", format=kind) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height = 64, 48
        formats = {"mjpeg": "yuvj420p", "gif": "rgb8"}
        stream.pix_fmt = formats.get(codec, "yuv420p")
        for n in range(count):
            picture = np.full((48, 64, 3), (20 + 40 * n) % 250, np.uint8)
            picture[:, : n % 64] = 250
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def test_a_songs_cover_is_no_video(tmp_path: Path) -> None:
    write_song(tmp_path / "song.mp3")
    assert "holds no video stream" in refusal(tmp_path / "song.mp3")


def write_song(path: Path) -> None:
    with av.open(str(path), "w") as container:
        sound = container.add_stream("libmp3lame", rate=44_100)
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="bgr24")
        container.mux(cover.encode(picture))
        silence = av.AudioFrame.from_ndarray(
            np.zeros((1, 44_100), np.float32), format="fltp", layout="mono"
        )
        silence.rate = 44_100
        container.mux(sound.encode(silence))
        container.mux(sound.encode(None))
        container.mux(cover.encode(None))


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where ``tmp_path`` is served over HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join(60)
    server.server_close()


def test_text_from_the_network_is_no_video(tmp_path: Path, address: str) -> None:
    (tmp_path / "log.txt").write_text("all is well\n" * 5000)
    assert "sends no video" in refusal(f"{address}/log.txt")


@pytest.mark.parametrize(
    ("name", "kind", "codec"),
    [
        ("a.mp4", "mp4", "mpeg4"),
        ("a.ts", "mpegts", "mpeg2video"),
        ("a.mkv", "matroska", "mpeg4"),
        ("a.flv", "flv", "flv"),
        ("a.mjpeg", "mjpeg", "mjpeg"),
        ("a.m3u8", "hls", "mpeg2video"),
    ],
)
def test_what_is_streamed_is_read(
    tmp_path: Path, address: str, name: str, kind: str, codec: str
) -> None:
    write_frames(tmp_path / name, kind, codec, 30)
    frames: list[Frame] = []
    with (
        open_source(f"{address}/{name}", SourceSettings(open_timeout_s=60)) as source,
        pytest.raises(SourceError, match="no more pictures"),
    ):
        frames.extend(source)
    assert len(frames) >= 29
