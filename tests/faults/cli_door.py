"""Bad options, settings and environments.

Out of scope: sources and memory files that can be opened (`sources_door`, `memory_door`).
"""

from __future__ import annotations

import os
import random
import string
from pathlib import Path
from typing import Any

import yaml
from typer.testing import CliRunner

from embodied_agent.cli.common import ExitCode
from embodied_agent.cli.main import app
from embodied_agent.errors import SettingsError
from embodied_agent.settings import Settings, load_settings
from tests.faults.runner import ROOT
from tests.faults.tally import Tally
from tests.support.injections import INJECTIONS, STEERS

_JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 1e309, float("nan"), 2**70, "", " ", "0x", "\u202e", [], {}, ["a"],
    {"a": 1}, "x" * 3_000, "1e999", "yes", *INJECTIONS,
)  # fmt: skip
#: What means something in YAML, or breaks it.
_YAML = (b"\t", b": ", b"- ", b"{", b"&a *a", b"!!x ", b"\xff", b"\n ", b"<<: ")
_CODES = {int(code) for code in ExitCode}


def inputs(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Settings in files, the environment and by name, and command lines."""
    os.chdir(folder)
    for name in [name for name in os.environ if name.startswith("EMBODIED_AGENT_")]:
        del os.environ[name]
    documents = [path.read_text() for path in sorted((ROOT / "config").glob("*.yaml"))]
    fields = [
        (section, name)
        for section, field in Settings.model_fields.items()
        for name in getattr(field.annotation, "model_fields", {})
    ]
    for number in range(count):
        kind = draw.randrange(10)
        if kind < 3:
            _file(tally, draw, number, draw.choice(documents), fields)
        elif kind < 5:
            _environment(tally, draw, number, fields)
        elif kind < 7:
            _named(tally, draw, number, fields)
        else:
            _command(tally, draw, number, fields)


def _refused(tally: Tally, told: str, *arguments: Any, **named: Any) -> None:
    with tally.attempt(told):
        problem = "accepted"
        try:
            load_settings(*arguments, **named)
        except SettingsError as error:
            problem = str(error)
        assert problem.strip(), "an error without a text"
        assert len(problem) < 20_000, "an error that is too long to read"


def _file(
    tally: Tally, draw: random.Random, number: int, document: str, fields: list[tuple[str, str]]
) -> None:
    path = Path("settings.yaml")
    data = bytearray(document.encode())
    if draw.random() < 0.4:
        section, name = draw.choice(fields)
        data = bytearray(yaml.safe_dump({section: {name: draw.choice(_JUNK)}}).encode())
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(data) + 1)
        data[at:at] = draw.choice(_YAML)
        del data[draw.randrange(len(data)) :: draw.choice((7, 10_000, 10_000))]
    path.write_bytes(data)
    _refused(tally, f"file {number}: {bytes(data[:400])!r}", path)


def _environment(
    tally: Tally, draw: random.Random, number: int, fields: list[tuple[str, str]]
) -> None:
    section, name = draw.choice(fields)
    variable = f"EMBODIED_AGENT_{section}__{name}".upper()
    if draw.random() < 0.2:
        variable += draw.choice(("__X", "_", "__0"))
    value = str(draw.choice(_JUNK)).replace("\0", "").encode("utf-8", "replace").decode()
    os.environ[variable] = value
    try:
        _refused(tally, f"environment {number}: {variable}={value!r}")
    finally:
        del os.environ[variable]


def _named(tally: Tally, draw: random.Random, number: int, fields: list[tuple[str, str]]) -> None:
    section, name = draw.choice(fields)
    key = f"{section}__{name}" + draw.choice(("", "", "", "x", "__y"))
    value = draw.choice(_JUNK)
    _refused(tally, f"override {number}: {key}={value!r}", None, **{key: value})


def _command(tally: Tally, draw: random.Random, number: int, fields: list[tuple[str, str]]) -> None:
    words = _words(draw, fields)
    with tally.attempt(f"command {number}: {words!r}"):
        result = CliRunner().invoke(app, words)
        said = result.output + (result.stderr if result.stderr_bytes is not None else "")
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(
            result.exception
        )
        assert result.exit_code in _CODES, result.exit_code
        assert result.exit_code, f"it is accepted: {said[-300:]}"
        assert "Traceback" not in said, said[-500:]
        assert not STEERS.search(said.replace("\x1b[", "")), repr(said[-500:])


def _words(draw: random.Random, fields: list[tuple[str, str]]) -> list[str]:
    source, memory = _source(draw), _memory(draw)
    section, name = draw.choice(fields)
    assignment = f"{section}.{name}={draw.choice(_JUNK)}"
    templates: tuple[list[str], ...] = (
        ["replay", source, "--memory", memory],
        ["replay", source, "--set", assignment],
        ["run", source, "--memory", memory, "--page", "--port", "0"],
        ["keyframes", source, "--json"],
        ["keyframes", source, "--method", _text(draw)],
        ["inspect", source],
        ["clip", source, "--output", "clip.mcap"],
        ["export", source, "--output", "out"],
        ["ask", _text(draw), "--memory", memory],
        ["ask", _text(draw), "--memory", memory, "--at", _text(draw)],
        ["memory", draw.choice(("list", "check", "repair", "status", _text(draw))), memory],
        ["memory", "export", memory, "out.db"],
        [draw.choice(("replay", "run", "ask", "inspect", "vllm")), f"--{_text(draw)}", source],
        ["run", source, "--speed", _text(draw)],
        ["replay", source, "--config", memory],
        [f"x{_text(draw)}"],
    )
    return [word.replace("\0", "") for word in draw.choice(templates)]


def _text(draw: random.Random) -> str:
    if draw.random() < 0.5:
        return draw.choice(INJECTIONS)
    return "".join(draw.choices(string.printable, k=draw.randrange(1, 20)))


def _source(draw: random.Random) -> str:
    """Nothing that can be read as a source, and no camera."""
    path = Path(f"source{draw.choice(('.mcap', '.bag', '.db3', '.mp4', '.jpg', '.txt', ''))}")
    kind = draw.randrange(4)
    if kind == 0:
        path.write_bytes(draw.randbytes(draw.randrange(300)))
        return str(path)
    if kind == 1:
        folder = Path("folder")
        folder.mkdir(exist_ok=True)
        (folder / "metadata.yaml").write_bytes(draw.randbytes(draw.randrange(60)))
        return str(folder)
    return "absent " + _text(draw) if kind == 2 else "x" * draw.choice((10, 255, 5_000))


def _memory(draw: random.Random) -> str:
    """Nothing that is a memory."""
    path = Path("memory.db")
    path.unlink(missing_ok=True)
    kind = draw.randrange(3)
    if kind == 0:
        path.write_bytes(draw.randbytes(draw.randrange(1, 4_000)))
        return str(path)
    if kind == 1:
        path.write_bytes(b"SQLite format 3\0" + draw.randbytes(draw.randrange(4_000)))
        return str(path)
    return f"absent/{_text(draw)}"
