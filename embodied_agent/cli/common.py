"""What the subcommands share: options, settings from them, exit codes, and careful output.

Imported by every command, `--help` included, so nothing heavy is imported here at the top.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embodied_agent.errors import (
    AgentError,
    LinkError,
    ModelError,
    QuestionError,
    SettingsError,
    SourceError,
    StoreError,
)

if TYPE_CHECKING:
    from rich.console import Console

    from embodied_agent.records import Delta
    from embodied_agent.settings import Settings


class ExitCode(IntEnum):
    """What the process returns to a script."""

    FINE = 0
    FAILED = 1
    USAGE = 2
    SOURCE = 3
    STORE = 4
    MODEL = 5
    LINK = 6
    INTERRUPTED = 130


_CODES: tuple[tuple[type[AgentError], ExitCode], ...] = (
    (SettingsError, ExitCode.USAGE),
    (QuestionError, ExitCode.USAGE),
    (SourceError, ExitCode.SOURCE),
    (StoreError, ExitCode.STORE),
    (ModelError, ExitCode.MODEL),
    (LinkError, ExitCode.LINK),
)

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A rosbag2 folder, .mcap, .db3, video, folder of images, camera number or URL.",
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", metavar="FILE.yaml", help="Settings, by section.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.NAME=VALUE", help="One setting; may be repeated."),
]
JsonOption = Annotated[
    bool,
    typer.Option("--json", help="One JSON object on stdout; all else goes to stderr."),
]
MemoryOption = Annotated[
    Path | None,
    typer.Option("--memory", "-m", metavar="FILE", help="The memory file (memory.path)."),
]


def exit_code(error: AgentError) -> ExitCode:
    """The code for an error that ends a command."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)


@contextmanager
def explained() -> Iterator[None]:
    """End the command with one clear line and an exit code where an `AgentError` comes up.

    With ``--debug`` the error is raised on, with its traceback.
    """
    from rich.console import Console

    try:
        yield
    except AgentError as error:
        if _debugging():
            raise
        Console(stderr=True).print(
            f"error: {plain(str(error))}", style="bold red", markup=False, soft_wrap=True
        )
        raise typer.Exit(exit_code(error)) from error
    except KeyboardInterrupt as error:
        Console(stderr=True).print("interrupted", style="yellow")
        raise typer.Exit(ExitCode.INTERRUPTED) from error


def _debugging() -> bool:
    import logging

    return logging.getLogger("embodied_agent").isEnabledFor(logging.DEBUG)


def settings_from(config: Path | None, assignments: Sequence[str] | None, **named: Any) -> Settings:
    """Settings from the file, the environment, ``--set`` and the named options, the later winning.

    Raises:
        SettingsError: an assignment isn't SECTION.NAME=VALUE, or a setting can't be used.
    """
    import yaml

    from embodied_agent.settings import load_settings

    overrides: dict[str, Any] = {}
    for assignment in assignments or ():
        name, equals, value = assignment.partition("=")
        if not equals or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", name):
            raise SettingsError(f"--set needs SECTION.NAME=VALUE, not {assignment!r}")
        try:
            overrides[name.replace(".", "__")] = yaml.safe_load(value) if value else ""
        except yaml.YAMLError as error:
            raise SettingsError(f"--set {assignment}: the value can't be read: {error}") from error
    overrides.update({name: value for name, value in named.items() if value is not None})
    return load_settings(config, **overrides)


def console(json_output: bool = False) -> Console:
    """Where people are told things: stdout, or stderr where stdout is for JSON."""
    from rich.console import Console

    return Console(stderr=json_output, highlight=False)


def print_json(values: object) -> None:
    """Print records and other JSON values as one document on stdout."""
    from embodied_agent.codec import document

    sys.stdout.write(document(values, indent=2) + "\n")


def plain(text: str) -> str:
    """Text without control characters: a model's reply must not steer the terminal."""
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", "\N{REPLACEMENT CHARACTER}", text)


def noted(delta: Delta) -> str:
    """A delta in one line: the action, and what was seen where."""
    action = delta.action.value if delta.action else ""
    if action and delta.angle_deg is not None:
        action += f" {delta.angle_deg:.0f}°"
    seen = ", ".join(f"{m.name} {m.direction}" for m in delta.mentions) or delta.observation
    text = "; ".join(part for part in (action, seen) if part) or "nothing"
    return plain(text.replace("\n", " ")) + ("" if delta.usable else " (reply not usable)")
