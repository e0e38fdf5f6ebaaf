"""A source that goes and comes: a stream is opened again, and its state is told meanwhile."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import SourceError
from embodied_agent.host import feeder as host
from embodied_agent.host.feeder import Feeder
from embodied_agent.settings import load_settings
from tests.support.sources import picture_bytes

QUICK = load_settings(
    perception__backend="geometry", source__open_timeout_s=60.0, source__read_timeout_s=60.0
)
WAIT_S = 60.0


class _Camera(http.server.BaseHTTPRequestHandler):
    """An MJPEG camera that hangs up after ten pictures."""

    served = threading.Semaphore(0)

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for n in range(10):
            data = picture_bytes(n * 20)
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")
        self.served.release()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@contextmanager
def camera(port: int = 0) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), _Camera)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://user:secret@127.0.0.1:{server.server_address[1]}/"
    server.shutdown()
    thread.join(WAIT_S)
    server.server_close()


@pytest.fixture
def url() -> Iterator[str]:
    with camera() as address:
        yield address


def test_a_camera_that_hangs_up_is_opened_again_and_again(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setattr(host, "_RETRY_S", 0.05)
    monkeypatch.setattr(host, "_RETRY_MAX_S", 0.05)
    ended = threading.Event()
    with Agent(QUICK) as agent:
        feeder = Feeder(agent, url, QUICK.source, on_end=ended.set)
        assert feeder.state().state == "connecting"
        feeder.start()
        for _ in range(3):
            assert _Camera.served.acquire(timeout=WAIT_S)
        while feeder.state().losses < 2:
            assert not ended.wait(0.02)
            assert "secret" not in str(feeder.state()) + str(feeder.not_ready())
        feeder.stop(WAIT_S)
    assert feeder.error is None


def test_a_camera_that_comes_later_is_connected_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_RETRY_S", 0.05)
    monkeypatch.setattr(host, "_RETRY_MAX_S", 0.05)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    lost = threading.Event()
    with Agent(QUICK) as agent:
        feeder = Feeder(agent, f"http://127.0.0.1:{port}/", QUICK.source)
        feeder.start()
        while not feeder.state().losses:
            assert not lost.wait(0.02)
        assert feeder.state().state == "connecting"
        assert f"nothing listens on 127.0.0.1:{port}" in feeder.not_ready()[0]
        with camera(port):
            assert _Camera.served.acquire(timeout=WAIT_S)
            while feeder.state().state == "connecting":
                assert not lost.wait(0.02)
        assert agent.status().frames
        feeder.stop(WAIT_S)
    assert feeder.error is None


def test_a_recording_that_is_not_there_is_an_error_at_once(tmp_path: Path) -> None:
    with Agent(QUICK) as agent, pytest.raises(SourceError, match="does not exist"):
        Feeder(agent, str(tmp_path / "absent.mcap"), QUICK.source)
