"""What the subcommands share: settings from options, exit codes, and careful output.

Imported by every command, `--help` included, so nothing heavy is imported here at the top.

Out of scope: the options themselves (`options`).
"""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from embodied_agent.errors import (
    AgentError,
    LinkError,
    ModelError,
    OutputError,
    QuestionError,
    SettingsError,
    SourceError,
    StoreError,
)
from embodied_agent.support.private_files import open_private
from embodied_agent.support.redaction import without_credentials

if TYPE_CHECKING:
    from rich.console import Console
    from typer.core import TyperGroup

    from embodied_agent.records import Delta, Keyframe
    from embodied_agent.settings import Settings

#: What a command says that needs a memory and got none.
NO_MEMORY = "no memory was named: add --memory FILE"

#: Lines in a pipe or a file are not wrapped; rich needs a number all the same.
_PIPE_WIDTH = 10_000


class ExitCode(IntEnum):
    """What the process returns to a script."""

    SUCCESS = 0
    FAILED = 1
    USAGE = 2
    SOURCE = 3
    MEMORY = 4
    MODEL = 5
    BROKER = 6
    INTERRUPTED = 130


#: The codes in words, for ``--help``.
EXIT_CODES = (
    "Exit codes: 0 success, 1 a check failed or an output file can't be written, "
    "2 usage or settings, 3 source, 4 memory file, 5 model, 6 broker, 130 interrupted."
)

_CODES: tuple[tuple[type[AgentError], ExitCode], ...] = (
    (OutputError, ExitCode.FAILED),
    (SettingsError, ExitCode.USAGE),
    (QuestionError, ExitCode.USAGE),
    (SourceError, ExitCode.SOURCE),
    (StoreError, ExitCode.MEMORY),
    (ModelError, ExitCode.MODEL),
    (LinkError, ExitCode.BROKER),
)


def exit_code(error: AgentError) -> ExitCode:
    """The exit code of a command that ``error`` ends."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), ExitCode.FAILED)


@contextmanager
def explained() -> Iterator[None]:
    """End the command with one clear line and an exit code when an `AgentError` is raised.

    With ``--debug`` the error is raised on, with its traceback.
    """
    try:
        yield
    except AgentError as error:
        if debugging():
            raise
        console(stderr=True).print(
            f"error: {plain(without_credentials(str(error)))}",
            style="bold red",
            markup=False,
            soft_wrap=True,
        )
        raise typer.Exit(exit_code(error)) from error
    except KeyboardInterrupt as error:
        console(stderr=True).print("interrupted", style="yellow")
        raise typer.Exit(ExitCode.INTERRUPTED) from error


def debugging() -> bool:
    """Whether ``--debug`` was given."""
    return logging.getLogger("embodied_agent").isEnabledFor(logging.DEBUG)


def settings_from(config: Path | None, assignments: Sequence[str] | None, **named: Any) -> Settings:
    """Settings from the file, the environment, ``--set`` and the named options; later ones take
    precedence.

    Raises:
        SettingsError: an assignment isn't SECTION.NAME=VALUE, or a setting can't be used.
    """
    from embodied_agent.settings import load_settings
    from embodied_agent.support.documents import DocumentError, read_yaml

    overrides: dict[str, Any] = {}
    for assignment in assignments or ():
        name, equals, value = assignment.partition("=")
        if not equals or not re.fullmatch(r"[a-z_]+(\.[a-z_]+)+", name):
            raise SettingsError(f"--set needs SECTION.NAME=VALUE, not {assignment!r}")
        try:
            overrides[name.replace(".", "__")] = read_yaml(value) if value else ""
        except DocumentError as error:
            raise SettingsError(f"--set {assignment}: the value is not valid: {error}") from error
    overrides.update({name: value for name, value in named.items() if value is not None})
    return load_settings(config, **overrides)


def memory_settings_from(
    path: Path | None, config: Path | None, *, file: Path | None = None
) -> Settings:
    """The settings of a command that needs an existing memory: ``path`` (``--memory``) or ``file``
    (the argument), or else memory.path of the settings' file or the environment.

    Raises:
        SettingsError: nothing names a memory, or both do, or a setting can't be used.
    """
    if file is not None and path is not None:
        raise SettingsError("name the memory once, as FILE or with --memory")
    path = file or path
    settings = settings_from(config, None, memory__path=None if path is None else str(path))
    if not settings.memory.path:
        raise SettingsError(NO_MEMORY)
    return settings


def refuse_options_of_the_list(context: typer.Context) -> None:
    """For a group that lists by itself: an option before the subcommand would be for the list, and
    the subcommand would not see it.

    Raises:
        SettingsError: one was given there.
    """
    name = context.invoked_subcommand or ""
    subcommand = cast("TyperGroup", context.command).commands[name]
    known = {option for parameter in subcommand.params for option in parameter.opts}
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if source is None or source.name != "COMMANDLINE":
            continue
        option = max(parameter.opts, key=len)
        if option in known:
            raise SettingsError(f"put {option} after the subcommand: {name} ... {option}")
        raise SettingsError(f"{name} does not take {option}; leave it out")


def console(*, stderr: bool = False) -> Console:
    """The console for messages to people: stdout, or ``stderr`` if stdout is for JSON.

    Lines are wrapped on a terminal only.
    """
    from rich.console import Console

    terminal = Console(stderr=stderr, highlight=False)
    if terminal.is_terminal or "COLUMNS" in os.environ:
        return terminal
    return Console(stderr=stderr, highlight=False, width=_PIPE_WIDTH)


@contextmanager
def announced_loading(say: Console) -> Iterator[None]:
    """Say on ``say`` when a model is being loaded, which takes seconds, until the block ends."""
    if debugging():  # then the log says it already
        yield
        return
    logger = logging.getLogger("embodied_agent.models")
    handler = _Announcer(say)
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


class _Announcer(logging.Handler):
    def __init__(self, say: Console) -> None:
        super().__init__(logging.INFO)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno == logging.INFO:  # warnings go to the log as always
            self._say.print(plain(record.getMessage()), style="dim", markup=False, soft_wrap=True)


def print_json(values: object) -> None:
    """Print records and other JSON values as one document on stdout."""
    from embodied_agent.codec import document

    sys.stdout.write(document(values, indent=2) + "\n")


def check_writable(path: Path) -> None:
    """Find out before a long command whether the file ``path`` can be written, not after it.

    Raises:
        OutputError: it can't.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        existed = path.exists()
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from error


def write_file(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, for this user only; missing folders are created.

    Raises:
        OutputError: it can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open_private(path) as file:
            file.write(content)
    except OSError as error:
        raise OutputError(f"can't write {path}: {error.strerror}") from error


def counted(number: int, noun: str) -> str:
    """``number`` of what ``noun`` names: "1 frame", "2 frames"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def plain(text: str) -> str:
    """Text without control characters, and without those that change the order of what is shown: a
    model's reply must not steer the terminal."""
    return re.sub(
        r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]",
        "\N{REPLACEMENT CHARACTER}",
        text,
    )


def keyframe_line(keyframe: Keyframe, delta: Delta | None, start_ns: int) -> str:
    """A keyframe in one line: its id, the seconds since ``start_ns`` (the first keyframe of its
    segment), why it was kept, and what its delta says."""
    seconds = (keyframe.stamp_ns - start_ns) / 1e9
    reason = keyframe.reason.replace("_", " ")
    text = delta_text(delta) if delta else "not perceived yet"
    return f"{keyframe.id:>4}  {seconds:7.2f} s  {reason:<13} {text}"


def delta_text(delta: Delta) -> str:
    """A delta in one line: the action, and what was seen where."""
    action = delta.action.value if delta.action else ""
    if action and delta.angle_deg is not None:
        action += f" {delta.angle_deg:.0f}°"
    objects = ", ".join(f"{m.name} {m.direction}" for m in delta.mentions) or delta.observation
    text = "; ".join(part for part in (action, objects) if part) or "nothing"
    return plain(text.replace("\n", " ")) + ("" if delta.usable else " (unusable reply)")
