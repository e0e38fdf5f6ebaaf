"""Command line of the simulated clips: ``python -m sim_clips record``, ``… shipped`` and
``… questions``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from embodied_agent.errors import AgentError
from sim_clips.record import Recording, ask_anew, record, write_sample
from sim_clips.splits import SHIPPED

CLIPS = Path(__file__).parent / "clips"
#: JPEG quality of the shipped clips: they come with every checkout, so they are kept small.
SHIPPED_QUALITY = 70

app = typer.Typer(
    help="Simulated worlds: record clips with truth and questions.", add_completion=False
)


class World(str, Enum):
    """The worlds, as choices on the command line."""

    HOUSE = "house"
    CITY = "city"
    WAREHOUSE = "warehouse"


@app.command("record")
def record_command(
    world: Annotated[World, typer.Option(help="which world")],
    seed: Annotated[int, typer.Option(help="the same seed gives the same clip")],
    out: Annotated[Path, typer.Option(help="folder to write; an older clip there is replaced")],
    width: Annotated[int, typer.Option(min=32, help="pixels")] = 320,
    height: Annotated[int, typer.Option(min=32, help="pixels")] = 240,
    fps: Annotated[float, typer.Option(min=0.5, max=60.0, help="frames a second")] = 10.0,
    jpeg_quality: Annotated[int, typer.Option(min=1, max=100)] = 85,
) -> None:
    """Record one clip: a rosbag2 MCAP with truth.json and questions.json beside it."""
    how = Recording(width, height, fps, jpeg_quality)
    try:
        record(world.value, seed, out, how, say=typer.echo)
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def shipped(
    out: Annotated[Path, typer.Option(help="folder of the clips")] = CLIPS,
) -> None:
    """Record again every clip that comes with the repository."""
    try:
        for world, seed in SHIPPED:
            how = Recording(jpeg_quality=SHIPPED_QUALITY)
            record(world, seed, out / f"{world}_{seed}", how, say=typer.echo)
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def questions(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="clips; default: all that come with the repository")
    ] = None,
    demo: Annotated[
        Path | None, typer.Option(help="also a sample of the first clip's questions, to this file")
    ] = None,
) -> None:
    """Make the questions of recorded clips again, from their truth.json."""
    try:
        every = folders or [CLIPS / f"{world}_{seed}" for world, seed in SHIPPED]
        made = [ask_anew(folder, say=typer.echo) for folder in every]
        if folders is None or demo is not None:
            truth = json.loads((every[0] / "truth.json").read_text("utf-8"))
            write_sample(made[0], truth, demo or CLIPS / "demo.json")
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
