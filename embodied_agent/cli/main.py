"""The command `embodied-agent`: replay, run, ask, keyframes, inspect, memory, serve and more.

Each subcommand lies in `embodied_agent.cli` and imports what it needs when it runs, so that
`--help` is quick and `keyframes` needs no model library.

Exit codes: 0 fine, 1 a check failed or a file couldn't be written, 2 bad usage or settings,
3 the source, 4 the memory, 5 a model, 6 a broker, 130 interrupted.
"""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from embodied_agent.cli.ask import ask
from embodied_agent.cli.clip import clip
from embodied_agent.cli.doctor import doctor
from embodied_agent.cli.export import export
from embodied_agent.cli.inspect import inspect
from embodied_agent.cli.keyframes import keyframes
from embodied_agent.cli.memory import memory
from embodied_agent.cli.replay import replay
from embodied_agent.cli.run import run
from embodied_agent.cli.vllm import serve

app = typer.Typer(
    name="embodied-agent",
    help="Spatial memory and reasoning from a camera: recordings in, answered questions out.",
    epilog="Exit codes: 0 fine, 1 a check failed, 2 usage or settings, 3 source, 4 memory, "
    "5 model, 6 broker, 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"embodied-agent {version('embodied-agent')}")
        raise typer.Exit


@app.callback()
def _options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Log everything and show tracebacks.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    from rich.console import Console
    from rich.logging import RichHandler

    handler = RichHandler(console=Console(stderr=True), show_path=debug, show_time=debug)
    logger = logging.getLogger("embodied_agent")
    logger.handlers = [handler]
    logger.setLevel(logging.DEBUG if debug else logging.WARNING)


app.command()(replay)
app.command()(run)
app.command()(ask)
app.command()(keyframes)
app.command()(inspect)
app.command()(clip)
app.command()(export)
app.command()(serve)
app.command()(doctor)
app.add_typer(memory, name="memory")


def main() -> None:
    """The console script."""
    app()


if __name__ == "__main__":
    main()
