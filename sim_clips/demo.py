"""``python -m sim_clips.demo``: the demo behind `make demo`.

Replays a shipped clip with its live page, asks five questions, two of them free questions, and
writes a report. In a terminal the page stays until Enter is pressed; otherwise the demo ends when
the replay ends.

Out of scope: the replay itself (`embodied_agent.cli.replay_run`).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from embodied_agent.cli.common import explained, settings_from
from embodied_agent.cli.live_page import Showing
from embodied_agent.cli.questions import cases_from
from embodied_agent.cli.replay_run import run_replay

CLIP = Path(__file__).parent / "clips" / "house_8"
QUESTIONS = Path(__file__).parent / "clips" / "demo.json"

_NEXT = """
Three things to try next:
  1. Ask another question about this walk, in your own words:
       {program} ask "remind me whereabouts that green bed has got to" --memory {memory}
  2. Replay a video of your own. The built-in models only know the simulated worlds; without another
     model, the memory contains just the pictures and the camera's motion:
       {program} replay YOUR.mp4 --report walk.html
  3. Use a model server to describe and answer; first check whether it works:
       {program} doctor --perception-server http://127.0.0.1:8000/v1
"""


def demo(
    clip: Annotated[Path, typer.Option(help="The recording to replay.")] = CLIP,
    questions: Annotated[
        Path, typer.Option(help="JSON file with the questions to ask.")
    ] = QUESTIONS,
    out: Annotated[Path, typer.Option(help="Folder for report.html and memory.db.")] = Path("demo"),
    port: Annotated[int, typer.Option(help="Port of the page; 0 picks a free one.")] = 0,
    speed: Annotated[
        float | None,
        typer.Option(help="Pace of the clip, 1 for the original. Default: as fast as possible."),
    ] = None,
) -> None:
    """Replay a simulated walk with its live page, ask five questions, and write a report."""
    with explained():
        stay = sys.stdin.isatty() and sys.stdout.isatty()
        page = Showing(page=True, stay=stay, speed=speed)
        memory = out / "memory.db"
        for old in out.glob("memory.db*"):  # an earlier demo's memory would be resumed
            old.unlink()
        out.mkdir(parents=True, exist_ok=True)
        settings = settings_from(None, None, memory__path=str(memory), **page.settings(port))
        cases = cases_from([], [], questions, settings)
        raise typer.Exit(
            run_replay(
                str(clip),
                cases,
                settings,
                page,
                report=out / "report.html",
                closing_words=_closing_words(memory, stay=stay),
            )
        )


def _closing_words(memory: Path, *, stay: bool) -> str:
    program = Path(sys.executable).parent / "embodied-agent"
    here = Path.cwd()
    command = program.relative_to(here) if program.is_relative_to(here) else program
    text = _NEXT.format(program=command, memory=memory)
    if not stay:
        text += (
            "\nNot a terminal: the page ends now. In a terminal it stays until you press Enter.\n"
        )
    return text


def main() -> None:
    """Run the command line."""
    typer.run(demo)


if __name__ == "__main__":
    main()
