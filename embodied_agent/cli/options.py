"""Arguments and options that several subcommands share, each defined once.

Imported by every command, `--help` included, so nothing heavy is imported here.

Out of scope: the options of models (`model_options`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

_PAGE = "Page"

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A rosbag2 folder, .mcap, .db3 or .bag, a video, a folder of images, a LeRobot "
        "data set, a camera (its number or /dev/video0), or a URL.",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE.yaml", help="A YAML file of settings, by section."),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="SECTION.NAME=VALUE", help="One setting. Repeatable."),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json", metavar="", help="Print one JSON document on stdout and messages on stderr."
    ),
]
MemoryOption = Annotated[
    Path | None,
    typer.Option("--memory", "-m", metavar="FILE", help="The memory file (memory.path)."),
]
FileArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[FILE]", help="The memory file; --memory does the same."),
]
CHOICES_HELP = 'Choices of the question, separated by bars: "left|right|straight on".'

PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="PORT",
        help="Port of the page; 0 picks a free one (web.port).",
        rich_help_panel=_PAGE,
    ),
]
