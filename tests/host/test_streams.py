"""A feeder of streams: what is lost is opened again, what can never be read is refused at once."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

import cv2
import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import SourceError
from embodied_agent.host import feeder as feeding
from embodied_agent.host.feeder import Feeder
from embodied_agent.settings import SourceSettings
from tests.support.views import panorama_views
from tests.support.web import Naming, Paced, web_settings

WAIT_S = 90.0


class _Stream(BaseHTTPRequestHandler):
    """Motion JPEG over HTTP, a few pictures per connection."""

    pictures: ClassVar = [cv2.imencode(".jpg", view)[1].tobytes() for view in panorama_views(12)]

    def do_GET(self) -> None:
        self.server.connections += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        for picture in self.pictures:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _when(condition: Callable[[], bool]) -> None:
    given_up = time.monotonic() + WAIT_S
    turn = threading.Event()
    while not condition():
        assert time.monotonic() < given_up
        turn.wait(0.02)


def test_a_stream_that_is_lost_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_RETRY_S", 0.05)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stream)
    server.connections = 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with Agent(web_settings(), perceiver=Naming(), reasoner=Paced()) as agent:
            spec = f"http://127.0.0.1:{server.server_port}/stream"
            feeder = Feeder(agent, spec, SourceSettings(open_timeout_s=60))
            assert feeder.live
            assert feeder.not_ready() == ["no frame has arrived yet"]
            feeder.start()
            _when(lambda: server.connections >= 3)  # type: ignore[attr-defined]
            _when(lambda: len({k.segment for k in agent.store.keyframes()}) >= 2)
            server.shutdown()
            thread.join(WAIT_S)
            server.server_close()
            _when(lambda: any("retrying in" in line for line in feeder.not_ready()))
            feeder.stop(WAIT_S)
            assert feeder.error is None or isinstance(feeder.error, SourceError)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(WAIT_S)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("absent.mcap", "does not exist"),
        ("foo://camera/1", "foo:// is not supported; streams can be read by rtsp"),
        ("rtsp:///front", "names no host"),
        ("rtsp://camera:port/", "malformed"),
        ("file:///tmp/walk.mp4", "name the file itself, /tmp/walk.mp4"),
        ("/dev/null", "it is not a video device"),
    ],
)
def test_what_no_waiting_would_bring_ends_at_once(spec: str, words: str) -> None:
    with (
        Agent(web_settings(), perceiver=Naming(), reasoner=Paced()) as agent,
        pytest.raises(SourceError, match=re.escape(words)),
    ):
        Feeder(agent, spec, SourceSettings())
