"""The command `embodied-agent`: replay, run, ask, keyframes, models and more.

Each subcommand is a module of `embodied_agent.cli` and imports what it needs when it runs, so that
`--help` is quick and `keyframes` needs no model library.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from embodied_agent.cli.ask import ask
from embodied_agent.cli.clip import clip
from embodied_agent.cli.common import EXIT_CODES, plain
from embodied_agent.cli.doctor import doctor
from embodied_agent.cli.export import export
from embodied_agent.cli.facts import facts
from embodied_agent.cli.fleet import fleet
from embodied_agent.cli.groups import Commands, Group
from embodied_agent.cli.inspect import inspect
from embodied_agent.cli.keyframes import keyframes
from embodied_agent.cli.memory import memory
from embodied_agent.cli.models import models
from embodied_agent.cli.objects import objects
from embodied_agent.cli.places import places
from embodied_agent.cli.replay import replay
from embodied_agent.cli.run import run
from embodied_agent.cli.vllm import vllm


class _Root(Group):
    """The commands. The name of an option that doesn't exist is shown without characters that steer
    the terminal."""

    def main(self, args: Sequence[str] | None = None, *rest: Any, **options: Any) -> Any:
        words = sys.argv[1:] if args is None else args
        return super().main([_plain_option(word) for word in words], *rest, **options)


def _plain_option(word: str) -> str:
    if not word.startswith("-"):
        return word
    name, equals, value = word.partition("=")
    return plain(name) + equals + value


app = Commands(
    name="embodied-agent",
    cls=_Root,
    help="Spatial memory and reasoning from a camera: recordings in, answered questions out.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(requested: bool) -> None:
    if requested:
        from importlib.metadata import version

        typer.echo(f"embodied-agent {version('embodied-agent')}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool,
        typer.Option("--debug", metavar="", help="Log everything, and show tracebacks of errors."),
    ] = False,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            metavar="",
            callback=_version,
            is_eager=True,
            help="Show the version and exit.",
        ),
    ] = False,
) -> None:
    if not debug:
        # FFmpeg writes lines of its own about each try to reach a camera; our messages say why.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    logger = logging.getLogger("embodied_agent")
    handler = _log_handler(debug)
    level = logging.DEBUG if debug else logging.WARNING
    handler.setLevel(level)
    logger.handlers = [handler]
    logger.setLevel(level)


def _log_handler(debug: bool) -> logging.Handler:
    from rich.console import Console
    from rich.logging import RichHandler

    stderr = Console(stderr=True)
    if stderr.is_terminal:
        return RichHandler(console=stderr, show_path=debug, show_time=debug)
    handler = logging.StreamHandler()
    style = "{asctime} {levelname} {name}: {message}" if debug else "{levelname}: {message}"
    handler.setFormatter(logging.Formatter(style, style="{"))
    return handler


app.command()(replay)
app.command()(run)
app.command()(ask)
app.command()(keyframes)
app.command()(inspect)
app.command()(clip)
app.command()(export)
app.add_typer(facts, name="facts")
app.add_typer(fleet, name="fleet")
app.add_typer(memory, name="memory")
app.add_typer(objects, name="objects")
app.add_typer(models, name="models")
app.add_typer(places, name="places")
app.command()(vllm)
app.command()(doctor)


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
