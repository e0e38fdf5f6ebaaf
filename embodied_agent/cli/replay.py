"""`embodied-agent replay`: a recording through the whole agent, then questions about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied_agent.cli.common import explained, settings_from
from embodied_agent.cli.live_page import Showing
from embodied_agent.cli.model_options import ModelOptions
from embodied_agent.cli.option_groups import with_option_groups
from embodied_agent.cli.options import (
    CHOICES_HELP,
    ConfigOption,
    JsonOption,
    MemoryOption,
    PortOption,
    SetOption,
    SourceArgument,
)
from embodied_agent.cli.questions import cases_from
from embodied_agent.cli.replay_run import run_replay


@with_option_groups
def replay(
    source: SourceArgument,
    questions: Annotated[
        list[str] | None,
        typer.Option("--ask", metavar="QUESTION", help="Ask this at the end. Repeatable."),
    ] = None,
    choices: Annotated[
        list[str] | None,
        typer.Option(
            "--choices", metavar="A|B|…", help=CHOICES_HELP + " One per --ask, in the same order."
        ),
    ] = None,
    question_file: Annotated[
        Path | None,
        typer.Option(
            "--questions",
            metavar="FILE.json",
            help="Ask these questions; answers are scored if the file has the right ones.",
        ),
    ] = None,
    memory: MemoryOption = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write a report of the replay to this file."),
    ] = None,
    rerun: Annotated[
        Path | None,
        typer.Option(
            "--rerun",
            metavar="FILE.rrd",
            help="Write a recording for the Rerun viewer to this file.",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="FACTOR",
            min=0.01,
            max=100.0,
            help="Pace of a recording, 1 for the original. Default: as fast as possible.",
        ),
    ] = None,
    page: Annotated[
        bool,
        typer.Option(
            "--page",
            metavar="",
            help="Serve the live page during the replay, and print its address.",
            rich_help_panel="Page",
        ),
    ] = False,
    stay: Annotated[
        bool,
        typer.Option(
            "--stay",
            metavar="",
            help="Keep serving the page after the replay, until Enter or Ctrl-C. Implies --page.",
            rich_help_panel="Page",
        ),
    ] = False,
    port: PortOption = None,
    *,
    models: ModelOptions,
    config: ConfigOption = None,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Replay SOURCE into a memory, then ask it questions.

    If it is interrupted or killed, the same command with the same --memory resumes. A camera is
    watched until Ctrl-C; then the questions are asked.
    """
    with explained():
        showing = Showing(page=page or stay, stay=stay, speed=speed)
        settings = settings_from(
            config,
            assignments,
            memory__path=None if memory is None else str(memory),
            **showing.settings(port),
            **models.settings(),
        )
        cases = cases_from(questions or [], choices or [], question_file, settings)
        code = run_replay(
            source, cases, settings, showing, report=report, rerun=rerun, json_output=json_output
        )
        raise typer.Exit(code)
