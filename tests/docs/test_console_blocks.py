"""Every console block of the README and of docs/ runs as it stands, or says why it is not run here.

A block that can't run on a machine like this one (it needs a camera, a GPU, hours) is preceded by
``<!-- not run: the reason -->``. Its `embodied-agent` commands are parsed all the same, so that a
renamed command or option is noticed, and so are the modules that `python -m` names.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import pytest
import typer

from embodied_agent.cli.main import app
from tests.support.views import panorama_views

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+?) -->\n)?^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """One console block: its commands, and why they are not run (empty: they are)."""

    page: str
    line: int
    commands: tuple[str, ...]
    reason: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks() -> Iterator[Block]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for match in _BLOCK.finditer(text):
            body = match["body"].replace("\\\n", " ")
            if match["language"] in ("sh", "bash"):
                commands = [line for line in body.splitlines() if line.split("#")[0].strip()]
            elif match["language"] in ("", "console") and re.search(r"^\$ ", body, re.MULTILINE):
                commands = list(prompted(body))
            else:
                continue
            line = text.count("\n", 0, match.start()) + 1
            name = page.relative_to(ROOT).as_posix()
            yield Block(name, line, tuple(commands), match["reason"] or "")


def prompted(body: str) -> Iterator[str]:
    """The commands after the prompts of a transcript; a quoted text may go on over lines."""
    lines = iter(body.splitlines())
    for line in lines:
        if not line.startswith("$ "):
            continue
        command = line[2:]
        while command.count("'") % 2 or command.count('"') % 2:
            command += "\n" + next(lines)
        yield command


BLOCKS = list(blocks())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a reader would have it: the checkout's parts, and recordings of their own."""
    here = tmp_path_factory.mktemp("reader")
    for name in ("sim_clips", "config", "training", "bench", "docs"):
        (here / name).symlink_to(ROOT / name)
    (here / ".venv").mkdir()
    (here / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    clip = ROOT / "sim_clips" / "clips" / "house_8"
    shutil.copytree(clip, here / "walk")
    shutil.copy(clip / "house_8.mcap", here / "walk.mcap")
    (here / "frames").mkdir()
    for number, view in enumerate(panorama_views(12)):
        cv2.imwrite(str(here / "frames" / f"frame_{number}.png"), view)
    run(here, "embodied-agent replay walk.mcap --memory walk.db --perception geometry")
    return here


def run(folder: Path, command: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"


@pytest.mark.models
@pytest.mark.parametrize("block", [b for b in BLOCKS if not b.reason], ids=str)
def test_a_block_runs_as_it_stands(block: Block, folder: Path) -> None:
    for command in block.commands:
        run(folder, command)


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_the_commands_of_a_block_exist(block: Block) -> None:
    for command in block.commands:
        for part in re.split(r"\s(?:&&|\|)\s", command):
            words = shlex.split(part, comments=True)
            if words and Path(words[0]).name == "embodied-agent":
                parse(words[1:])
            elif words[1:2] == ["-m"] and Path(words[0]).name.startswith("python"):
                module = words[2]
                if module.partition(".")[0] in ("training", "sim_clips", "embodied_agent", "bench"):
                    assert importlib.util.find_spec(module), f"no module {module}"


def parse(arguments: list[str]) -> None:
    """Parse a command line without running it."""
    command: Any = typer.main.get_command(app)
    rest = arguments
    while hasattr(command, "commands"):
        if command.invoke_without_command and (not rest or rest[0].startswith("-")):
            break  # a group that does something by itself
        name, *rest = rest or [""]
        assert name in command.commands, f"no command {name!r}"
        command = command.commands[name]
    command.make_context(command.name, rest).close()


def test_pages_have_blocks_of_both_sorts() -> None:
    assert sum(not block.reason for block in BLOCKS) >= 5
    assert sum(bool(block.reason) for block in BLOCKS) >= 5
