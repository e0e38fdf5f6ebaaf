"""Credentials in URLs, through the whole process: on no interface, in no line of the log."""

from __future__ import annotations

import io
import logging
import os
import stat
from pathlib import Path

import httpx2 as httpx
import pytest
from typer.testing import CliRunner

from embodied_agent.agent import Agent
from embodied_agent.cli.main import app
from embodied_agent.errors import SourceError
from embodied_agent.host.event_log import JsonFormatter, TextFormatter, log_event, log_questions
from embodied_agent.host.interfaces import serving
from embodied_agent.report.html import Replay, write
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import open_source
from embodied_agent.support.private_files import open_private
from tests.support.mqtt import free_port
from tests.support.web import Naming, frames, web_settings

SECRET = "s3cret"


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()])
def test_no_interface_shows_the_credentials_of_a_camera_or_a_server(
    formatter: logging.Formatter, caplog: pytest.LogCaptureFixture
) -> None:
    """A camera and a model server that can't be reached, both with a password in their URLs."""
    port = free_port()
    server = f"http://me:{SECRET}@127.0.0.1:{port}/v1?api_key={SECRET}"
    settings = web_settings(
        reasoning__backend="served",
        reasoning__free="reasoner",
        reasoning__server__base_url=server,
        reasoning__server__max_retries=0,
        reasoning__timeout_s=60.0,
    )
    log = io.StringIO()
    handler = logging.StreamHandler(log)
    handler.setFormatter(formatter)
    caplog.set_level(logging.DEBUG, "embodied_agent")
    logging.getLogger("embodied_agent").addHandler(handler)
    try:
        with Agent(settings, perceiver=Naming()) as agent:
            stream = f"http://me:{SECRET}@127.0.0.1:{port}/video?password={SECRET}"
            with (
                pytest.raises(SourceError) as caught,
                open_source(stream, SourceSettings()) as source,
            ):
                next(iter(source))
            problem = str(caught.value)
            log_event("source_lost", source=stream, problem=f"{stream} is gone")
            with serving(
                agent, settings, not_ready=lambda: [f"{stream} is gone"], on_queue=log_questions
            ) as interfaces:
                for frame in frames(6):
                    agent.observe(frame)
                agent.drain(30)
                url = str(interfaces.url).rstrip("/")
                with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
                    answer = client.post("/api/ask", json={"question": "Where is lamp 2?"})
                    assert answer.json()["status"] == "failed"
                    assert f"127.0.0.1:{port}" in answer.json()["problem"]
                    texts = [problem, answer.text]
                    paths = ("/api/status", "/readyz", "/metrics", "/api/answers")
                    texts += [client.get(path).text for path in paths]
    finally:
        logging.getLogger("embodied_agent").removeHandler(handler)
    assert "is gone" in texts[3]
    assert log.getvalue().count("\n") >= 3
    for text in (*texts, log.getvalue()):
        assert SECRET not in text
        assert "me:" not in text


def test_the_command_line_shows_none_either() -> None:
    stream = f"http://me:{SECRET}@127.0.0.1:{free_port()}/video"
    for command in (["inspect", stream], ["keyframes", stream]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code != 0
        assert SECRET not in result.output
        assert "127.0.0.1" in result.output


def test_a_report_is_for_its_owner_only(tmp_path: Path) -> None:
    for path in (tmp_path / "new.html", tmp_path / "old.html"):
        if path.name == "old.html":
            path.write_text("old")
            path.chmod(0o644)
        write(Replay("clip", [], []), path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_text(encoding="utf-8").startswith("<!")


def test_a_private_file_is_private_from_the_beginning(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with open_private(tmp_path / "x") as file:
            assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o600
            file.write(b"inside")
    finally:
        os.umask(before)
    assert (tmp_path / "x").read_bytes() == b"inside"


def test_what_is_no_file_keeps_its_mode(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        mode = pipe.stat().st_mode
        with open_private(pipe) as file:
            file.write(b"x")
        assert pipe.stat().st_mode == mode
    finally:
        os.close(reader)
