"""The wheel as somebody installs it: into an empty environment, where nobody knows the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import get_args

import pytest

from embodied_agent.support.extras import Extra, missing_package

ROOT = Path(__file__).resolve().parent.parent

pytestmark = pytest.mark.timeout(900)

#: Modules that need an extra, or ROS.
OPTIONAL = (
    "embodied_agent.fleet.serving",
    "embodied_agent.fleet.sending.mqtt_uplink",
    "embodied_agent.interfaces.mqtt",
    "embodied_agent.interfaces.web",
    "embodied_agent.reasoning.kept_prefix",
    "embodied_agent.reasoning.shared_heads",
    "embodied_agent.ros",
)
IMPORT_ALL = """
import importlib, pkgutil, sys
import embodied_agent
skipped = tuple(sys.argv[1:])
for module in pkgutil.walk_packages(embodied_agent.__path__, "embodied_agent."):
    if not module.name.startswith(skipped) and not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(embodied_agent.__file__)
"""
#: Ten pictures from numpy go in; printed is how many of them are in the memory at the end.
FROM_PYTHON = """
import numpy as np
from embodied_agent import Agent, Frame, load_settings

wide = np.random.default_rng(7).integers(0, 255, (30, 80, 3), np.uint8).repeat(8, 0).repeat(8, 1)
with Agent(load_settings(perception__backend="geometry")) as agent:
    for i in range(10):
        agent.observe(Frame(i * 100_000_000, wide[:, i * 32 : i * 32 + 320].copy()))
    agent.finish()
    assert agent.drain(60.0)
    print(len(agent.store.keyframes()))
"""


class Installed:
    """An environment with the wheel in it and nothing else of ours."""

    def __init__(self, folder: Path, wheel: Path) -> None:
        self.folder, self.wheel = folder, wheel
        run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
        self.install("")

    def install(self, extras: str) -> None:
        """Install the wheel, with ``extras`` such as "[web]"."""
        # What is imported is compiled then; most of what is installed never is.
        command = [self.program("python"), "-m", "pip", "install", "--quiet", "--no-compile"]
        run(*command, "-c", ROOT / "constraints.txt", f"{self.wheel}{extras}", cwd=self.folder)

    def program(self, name: str) -> Path:
        return self.folder / "venv" / "bin" / name

    def python(self, code: str, *arguments: str) -> str:
        return run(self.program("python"), "-c", code, *arguments, cwd=self.folder).stdout

    def command(self, *arguments: str | Path, fails: bool = False) -> str:
        """What the command line prints; where it ``fails``, the error."""
        done = run(self.program("embodied-agent"), *arguments, cwd=self.folder, fails=fails)
        return " ".join(done.stderr.split()) if fails else done.stdout


def run(*command: str | Path, cwd: Path, fails: bool = False) -> subprocess.CompletedProcess[str]:
    """Run a command as in a new shell: without this process's paths."""
    ours = ("PYTHON", "VIRTUAL_ENV", "EMBODIED_AGENT", "COLUMNS")
    done = subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={k: v for k, v in os.environ.items() if not k.startswith(ours)},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    if "NewConnectionError" in done.stderr or "NameResolutionError" in done.stderr:
        pytest.skip("no package registry can be reached")
    assert (done.returncode != 0) == fails, f"{command}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git would publish, so that no leftover gets in."""
    source, made = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in ("LICENSE", "README.md", "pyproject.toml"):
        (source / name).write_bytes((ROOT / name).read_bytes())
    (source / "embodied_agent").symlink_to(ROOT / "embodied_agent")
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", made, source, cwd=made)
    (built,) = made.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return Installed(tmp_path_factory.mktemp("installed"), wheel)


def test_the_wheel_holds_the_runtime_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        extras = Parser().parsestr(archive.read(metadata).decode()).get_all("Provides-Extra")
    assert {name.split("/")[0].split("-")[0] for name in names} == {"embodied_agent"}
    assert set(extras) == set(get_args(Extra)), "each belongs to code that names it"
    missing = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "embodied_agent").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    } - set(names)
    assert not missing


def test_without_extras_every_other_module_imports_and_none_brings_torch(
    installed: Installed,
) -> None:
    place = installed.python(IMPORT_ALL, *OPTIONAL)
    assert Path(place.strip()).is_relative_to(installed.folder)
    heavy = ("torch", "transformers", "safetensors", "fastapi", "uvicorn", "aiomqtt", "psycopg")
    find = (
        "from importlib.util import find_spec; import sys; print(*filter(find_spec, sys.argv[1:]))"
    )
    assert installed.python(find, *heavy).strip() == ""


def test_without_extras_keyframes_are_chosen(installed: Installed, walk: Path) -> None:
    assert "of 30 frames" in installed.command("keyframes", walk)


def test_without_extras_a_recording_becomes_a_memory(installed: Installed, walk: Path) -> None:
    memory = installed.folder / "memory.db"
    shown = installed.command(
        "replay", walk, "--perception", "geometry", "--memory", memory, "--json"
    )
    assert json.loads(shown)
    assert memory.stat().st_size > 0
    assert "move right" in installed.command("memory", "list", "--memory", memory)


def test_without_extras_python_code_feeds_an_agent(installed: Installed) -> None:
    assert int(installed.python(FROM_PYTHON)) > 1


def test_without_extras_the_built_in_models_name_the_command_that_installs_them(
    installed: Installed, walk: Path
) -> None:
    shown = installed.command("replay", walk, "--perception", "builtin", fails=True)
    error = ModuleNotFoundError(name="torch")
    assert missing_package("the built-in perceiver", "builtin", error) in shown
    assert "Traceback" not in shown


def test_without_extras_the_page_names_the_command_that_installs_it(
    installed: Installed, walk: Path
) -> None:
    command = ("run", str(walk), "--set", "perception.backend=geometry")
    shown = installed.command(*command, "--set", "web.enabled=true", fails=True)
    assert "pip install 'embodied-agent[web]'" in shown
    shown = installed.command(*command, "--set", "mqtt.enabled=true", fails=True)
    assert "pip install 'embodied-agent[mqtt]'" in shown
    assert "Traceback" not in shown


def test_with_the_extras_of_the_interfaces_their_modules_import(installed: Installed) -> None:
    installed.install("[web,mqtt,fleet]")
    built_in = [name for name in OPTIONAL if name.startswith("embodied_agent.reasoning.")]
    installed.python(IMPORT_ALL, *built_in, "embodied_agent.ros")
