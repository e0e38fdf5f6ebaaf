"""The files of deploy/ agree with the command line and the settings."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

from embodied_agent.settings import Settings

ROOT = Path(__file__).resolve().parents[1]


def _options() -> set[str]:
    from typer.main import get_command

    from embodied_agent.cli.main import app

    command = get_command(app).commands["run"]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in parameter.opts}


def test_the_systemd_unit_uses_options_that_exist() -> None:
    unit = (ROOT / "deploy" / "embodied-agent.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    words = shlex.split(start)
    assert words[0].endswith("/embodied-agent")
    assert words[1] == "run"
    used = [word for word in words if word.startswith("--")]
    assert used
    assert set(used) <= _options()
    assert "Type=notify" in unit
    assert "WatchdogSec=" in unit


def test_the_container_file_uses_options_and_settings_that_exist() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)
    words = json.loads(entry)
    assert words[:2] == ["embodied-agent", "run"]
    assert {word for word in words if word.startswith("--")} <= _options()
    for copied in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists()
    for name in set(re.findall(r"EMBODIED_AGENT_[A-Z_]+(?==)", text)):
        section, _, setting = name.removeprefix("EMBODIED_AGENT_").lower().partition("__")
        assert setting in type(getattr(Settings(), section)).model_fields, name
