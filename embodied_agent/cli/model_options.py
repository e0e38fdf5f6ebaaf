"""The options that choose models, the same in every command that uses some.

Imported by `--help` too, so nothing heavy is imported here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from embodied_agent.errors import SettingsError
from embodied_agent.settings.stages import PerceptionBackend, ReasoningBackend

_PANEL = "Models"


@dataclass(frozen=True)
class ModelOptions:
    """What the user says of models; ``None`` for what the settings say already."""

    perception: Annotated[
        PerceptionBackend | None,
        typer.Option(
            "--perception",
            metavar="BACKEND",
            help="What describes keyframes: auto, builtin, served, detector or geometry "
            "(perception.backend).",
            rich_help_panel=_PANEL,
        ),
    ] = None
    perception_server: Annotated[
        str | None,
        typer.Option(
            "--perception-server",
            metavar="URL",
            help="The VLM's server, such as http://127.0.0.1:8000/v1. Implies --perception served.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    perception_model: Annotated[
        str | None,
        typer.Option(
            "--perception-model",
            metavar="NAME",
            help="The model on that server. Default: the first one it lists.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    reasoning: Annotated[
        ReasoningBackend | None,
        typer.Option(
            "--reasoning",
            metavar="BACKEND",
            help="What answers questions: builtin or served (reasoning.backend).",
            rich_help_panel=_PANEL,
        ),
    ] = None
    reasoning_server: Annotated[
        str | None,
        typer.Option(
            "--reasoning-server",
            metavar="URL",
            help="The language model's server. Implies --reasoning served.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    reasoning_model: Annotated[
        str | None,
        typer.Option(
            "--reasoning-model",
            metavar="NAME",
            help="The model on that server. Default: the first one it lists.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def settings(self) -> dict[str, Any]:
        """The settings that the options stand for, as `load_settings` takes them.

        Raises:
            SettingsError: a server is named for a backend that has none.
        """
        return {
            **_stage_settings(
                "perception", self.perception, self.perception_server, self.perception_model
            ),
            **_stage_settings(
                "reasoning", self.reasoning, self.reasoning_server, self.reasoning_model
            ),
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
