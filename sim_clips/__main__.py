"""Command line of the simulated clips: ``python -m sim_clips record``, ``shipped`` and
``questions``."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from embodied_agent.errors import AgentError
from sim_clips.record import Recording, record, regenerate_questions, write_sample
from sim_clips.splits import SHIPPED

CLIPS = Path(__file__).parent / "clips"
#: JPEG quality of the shipped clips: every checkout contains them, so they are kept small.
SHIPPED_QUALITY = 70

app = typer.Typer(
    help="Record clips of simulated worlds with truth and questions.", add_completion=False
)


class World(str, Enum):
    """The worlds that can be named on the command line."""

    HOUSE = "house"
    CITY = "city"
    WAREHOUSE = "warehouse"


@app.command("record")
def record_command(
    world: Annotated[World, typer.Option(help="world to record")],
    seed: Annotated[int, typer.Option(help="scene seed; the same seed gives the same clip")],
    out: Annotated[Path, typer.Option(help="folder to write; replaces an older clip there")],
    width: Annotated[int, typer.Option(min=32, help="pixels")] = 320,
    height: Annotated[int, typer.Option(min=32, help="pixels")] = 240,
    fps: Annotated[float, typer.Option(min=0.5, max=60.0, help="frames per second")] = 10.0,
    jpeg_quality: Annotated[int, typer.Option(min=1, max=100)] = 85,
) -> None:
    """Record one clip: a rosbag2 MCAP with truth.json and questions.json beside it."""
    recording = Recording(width, height, fps, jpeg_quality)
    try:
        record(world.value, seed, out, recording, report=typer.echo)
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def shipped(
    out: Annotated[Path, typer.Option(help="folder that contains the clips")] = CLIPS,
) -> None:
    """Record every clip that ships with the repository again."""
    try:
        for world, seed in SHIPPED:
            recording = Recording(jpeg_quality=SHIPPED_QUALITY)
            record(world, seed, out / f"{world}_{seed}", recording, report=typer.echo)
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


@app.command()
def questions(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="clip folders; default: all shipped clips")
    ] = None,
    demo: Annotated[
        Path | None,
        typer.Option(help="also write a sample of the first clip's questions to this file"),
    ] = None,
) -> None:
    """Regenerate the questions of recorded clips from their truth.json."""
    try:
        clips = folders or [CLIPS / f"{world}_{seed}" for world, seed in SHIPPED]
        question_lists = [regenerate_questions(folder, report=typer.echo) for folder in clips]
        if folders is None or demo is not None:
            truth = json.loads((clips[0] / "truth.json").read_text("utf-8"))
            write_sample(question_lists[0], truth, demo or CLIPS / "demo.json")
    except AgentError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    app()
