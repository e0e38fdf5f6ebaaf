"""Arguments and options that several subcommands share, each defined once.

Imported by every command, `--help` included, so nothing heavy is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from embodied_agent.errors import SettingsError
from embodied_agent.settings.stages import PerceptionBackend, ReasoningBackend

_MODELS = "Models"
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

PerceptionOption = Annotated[
    PerceptionBackend | None,
    typer.Option(
        "--perception",
        metavar="BACKEND",
        help="What describes keyframes: auto, builtin, served, detector or geometry "
        "(perception.backend).",
        rich_help_panel=_MODELS,
    ),
]
PerceptionServerOption = Annotated[
    str | None,
    typer.Option(
        "--perception-server",
        metavar="URL",
        help="The VLM's server, such as http://127.0.0.1:8000/v1. Implies --perception served.",
        rich_help_panel=_MODELS,
    ),
]
PerceptionModelOption = Annotated[
    str | None,
    typer.Option(
        "--perception-model",
        metavar="NAME",
        help="The model on that server. Default: the first one it lists.",
        rich_help_panel=_MODELS,
    ),
]
ReasoningOption = Annotated[
    ReasoningBackend | None,
    typer.Option(
        "--reasoning",
        metavar="BACKEND",
        help="What answers questions: builtin or served (reasoning.backend).",
        rich_help_panel=_MODELS,
    ),
]
ReasoningServerOption = Annotated[
    str | None,
    typer.Option(
        "--reasoning-server",
        metavar="URL",
        help="The language model's server. Implies --reasoning served.",
        rich_help_panel=_MODELS,
    ),
]
ReasoningModelOption = Annotated[
    str | None,
    typer.Option(
        "--reasoning-model",
        metavar="NAME",
        help="The model on that server. Default: the first one it lists.",
        rich_help_panel=_MODELS,
    ),
]

PortOption = Annotated[
    int | None,
    typer.Option(
        "--port",
        metavar="PORT",
        help="Port of the page; 0 picks a free one (web.port).",
        rich_help_panel=_PAGE,
    ),
]


def model_settings(
    perception: PerceptionBackend | None,
    perception_server: str | None,
    perception_model: str | None,
    reasoning: ReasoningBackend | None,
    reasoning_server: str | None,
    reasoning_model: str | None,
) -> dict[str, Any]:
    """The settings that the options of models stand for, as `load_settings` takes them.

    Raises:
        SettingsError: a server is named for a backend that has none.
    """
    return {
        **_stage_settings("perception", perception, perception_server, perception_model),
        **_stage_settings("reasoning", reasoning, reasoning_server, reasoning_model),
    }


def _stage_settings(
    stage: str, backend: str | None, server: str | None, model: str | None
) -> dict[str, Any]:
    named = f"--{stage}-server" if server is not None else f"--{stage}-model"
    if server is not None or model is not None:
        if backend not in (None, "served"):
            raise SettingsError(f"{named} needs --{stage} served, not {backend}; leave one out")
        backend = "served"
    return {
        f"{stage}__backend": backend,
        f"{stage}__server__base_url": server,
        f"{stage}__server__model": model,
    }
