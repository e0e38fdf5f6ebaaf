"""Sources that can't be opened: each cause has a sentence of its own, with what to do."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from embodied_agent.errors import SourceError
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import diagnosis, open_source

NOBODY = 65534
SETTINGS = SourceSettings(open_timeout_s=5)


@contextmanager
def without_privileges() -> Iterator[None]:
    """As an ordinary user, where the tests run as root, who may read everything."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def refusal(spec: object) -> str:
    with pytest.raises(SourceError) as caught:
        open_source(str(spec), SETTINGS).close()
    return str(caught.value)


@pytest.fixture
def forbidden(tmp_path: Path) -> Iterator[Path]:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.stat().st_uid == os.getuid() and str(parent).startswith("/tmp/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    folder = tmp_path / "bag"
    folder.mkdir()
    yield folder
    folder.chmod(0o755)


@pytest.mark.parametrize("name", ["walk.mcap", "walk.db3", "walk.mp4", "walk.png"])
def test_a_file_without_permission_is_not_called_damaged(forbidden: Path, name: str) -> None:
    file = forbidden / name
    file.write_bytes(b"x" * 100)
    with suppress(SourceError):  # imports the reader, which others may not be allowed to
        open_source(str(file), SETTINGS).close()
    file.chmod(0)
    with without_privileges():
        for spec in (file, forbidden) if name.endswith((".mcap", ".db3")) else (file,):
            message = refusal(spec)
            assert f"no permission to read {file}" in message
            assert "chmod" in message
            assert "damaged" not in message
            assert "stopped cleanly" not in message


def test_a_folder_without_permission_is_told_as_such(forbidden: Path) -> None:
    forbidden.chmod(0)
    with without_privileges():
        assert f"no permission to read {forbidden}" in refusal(forbidden)


def test_an_empty_file_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").touch()
    assert "empty (0 bytes)" in refusal(tmp_path / "walk.mp4")


def test_a_file_that_is_no_video_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "walk.mp4").write_text("not a video")
    assert "not a video that FFmpeg can read" in refusal(tmp_path / "walk.mp4")


def test_a_camera_that_is_not_there_names_those_that_are() -> None:
    message = refusal(97)
    assert "there is no /dev/video97" in message
    assert "camera" in message


def test_a_camera_in_use_names_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    device = tmp_path / "video0"
    device.touch()
    process = tmp_path / "proc" / "4242"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "7").symlink_to(device)
    (process / "comm").write_text("cheese\n")
    monkeypatch.setattr(diagnosis, "_PROCESSES", tmp_path / "proc")
    why = diagnosis.why_no_camera(str(device))
    assert f"{device} is in use by cheese (process 4242)" in why


def test_a_camera_without_permission_names_the_group(forbidden: Path) -> None:
    device = forbidden / "video0"
    device.touch()
    device.chmod(0)
    with without_privileges():
        why = diagnosis.why_no_camera(str(device))
    assert "no permission" in why
    assert "usermod" in why


def test_an_unknown_host_is_told_as_such() -> None:
    message = refusal("rtsp://user:secret@no-such-host.invalid/stream")
    assert "the host name no-such-host.invalid is unknown" in message
    assert "secret" not in message


def test_a_port_where_nothing_listens_is_told_as_such() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert f"nothing listens on 127.0.0.1:{port}" in refusal(f"rtsp://127.0.0.1:{port}/stream")


class _Missing(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def test_a_wrong_path_on_a_web_server_is_told_with_its_status() -> None:
    server = HTTPServer(("127.0.0.1", 0), _Missing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        message = refusal(f"http://127.0.0.1:{server.server_port}/stream")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert "HTTP status 404" in message


@pytest.mark.parametrize(
    ("url", "words"),
    [("rtsp:///stream", "names no host"), ("rtsp://127.0.0.1:99999/x", "port")],
)
def test_a_malformed_url_is_told_as_such(url: str, words: str) -> None:
    assert words in diagnosis.why_no_stream(url, 1.0)
