"""The commands and their options: the same words everywhere, explained, and quick to show."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
from tests.support.command_line import run


def test_help_loads_no_model_or_vision_library() -> None:
    code = (
        "import sys; from embodied_agent.cli.main import app\n"
        "app(['--help'], standalone_mode=False)\n"
        "assert not {'torch', 'transformers', 'cv2', 'numpy', 'apsw'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240, capture_output=True)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["replay"],
        ["run"],
        ["ask"],
        ["keyframes"],
        ["vllm"],
        ["doctor"],
        ["memory"],
        *(["memory", name] for name in ("list", "show", "export", "stats")),
    ],
    ids=" ".join,
)
def test_every_command_explains_itself(command: list[str]) -> None:
    result = run(*command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.stdout


def commands(group: Any = None, prefix: str = "") -> dict[str, Any]:
    """The subcommands by name, those of groups as "memory list"."""
    found: dict[str, Any] = {}
    for name, command in (group or get_command(app)).commands.items():
        if hasattr(command, "commands"):
            found |= commands(command, f"{name} ")
        else:
            found[f"{prefix}{name}"] = command
    return found


def options(command: Any) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


def test_every_command_but_the_one_that_only_logs_takes_json() -> None:
    without = {name for name, command in commands().items() if "--json" not in options(command)}
    assert without == {"run"}


def test_commands_that_use_models_take_the_same_options_for_them() -> None:
    ours = ("--perception", "--reasoning")
    taken = {
        name: {option for option in options(commands()[name]) if option.startswith(ours)}
        for name in ("ask", "replay", "run", "doctor")
    }
    assert taken["ask"] == {
        f"--{stage}{part}"
        for stage in ("perception", "reasoning")
        for part in ("", "-server", "-model")
    }
    assert all(each == taken["ask"] for each in taken.values())


def test_the_page_is_switched_on_by_the_same_option_everywhere() -> None:
    assert "--page" in options(commands()["replay"])
    assert "--page" in options(commands()["run"])


def test_what_lists_also_lists_by_that_word(tmp_path: Path) -> None:
    target = tmp_path / "walk.db"
    with Store.open(str(target), MemorySettings()):
        pass
    for group in ("objects", "facts", "places"):
        assert run(group, "list", "--memory", target, "--json").stdout == "[]\n", group
    for group in ("objects", "facts"):
        assert run(group, "--memory", target, "--json").stdout == "[]\n", group


@pytest.mark.parametrize("name", ["list", "stats", "check", "rebuild-objects", "repair"])
def test_a_memory_is_named_by_the_option_or_by_the_argument(tmp_path: Path, name: str) -> None:
    target = tmp_path / "walk.db"
    with Store.open(str(target), MemorySettings()):
        pass
    extra = ["--output"] if name == "repair" else []
    for number, named in enumerate(([target], ["--memory", target], ["-m", target])):
        copies = [tmp_path / f"{number}.db" for _ in extra]
        result = run("memory", name, *named, *extra, *copies)
        assert result.exit_code == 0, result.output
    twice = run("memory", name, target, "--memory", target)
    assert twice.exit_code == 2
    assert "name the memory once" in twice.stderr
    nothing = run("memory", name)
    assert nothing.exit_code == 2
    assert "no memory was named: add --memory FILE" in nothing.stderr


@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["objects", "--memory", "walk.db", "relabel", "1", "desk"], "relabel ... --memory"),
        (["facts", "-m", "walk.db", "note", "mode", "auto"], "note ... --memory"),
        (["fleet", "--port", "1", "ask", "who?"], "ask does not take --port; leave it out"),
    ],
)
def test_an_option_that_a_subcommand_would_not_see_is_refused(
    words: list[str], advice: str
) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert advice in result.stderr


def test_every_option_and_command_has_a_help_text() -> None:
    for name, command in commands().items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", ""), f"{name} {parameter.name}"


@pytest.mark.parametrize("word", ["--\u202egnp.exe\u2066x\u2069", "-\x9b31m", "x\u202ey"])
def test_a_word_that_is_refused_does_not_steer_the_terminal(word: str) -> None:
    result = CliRunner().invoke(app, ["replay" if word.startswith("-") else word, word, "walk"])
    assert result.exit_code == 2
    assert not set("\u202e\u2066\u2069\x9b") & set(result.output + result.stderr)


def test_the_value_of_an_option_stays_as_it_is(tmp_path: Path) -> None:
    target = tmp_path / "\u202ewalk.db"
    with Store.open(str(target), MemorySettings()):
        pass
    assert json.loads(run("memory", "list", f"--memory={target}", "--json").stdout)
