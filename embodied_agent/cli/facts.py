"""`embodied-agent facts`: values that were noted beside what was seen, and noting one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embodied_agent.cli.common import (
    console,
    explained,
    memory_settings_from,
    plain,
    print_json,
    refuse_options_of_the_list,
)
from embodied_agent.cli.groups import Commands
from embodied_agent.cli.objects import ByOption, author
from embodied_agent.cli.options import ConfigOption, JsonOption, MemoryOption

if TYPE_CHECKING:
    from embodied_agent.agent.fact_notes import FactNotes
    from embodied_agent.memory.store import Store
    from embodied_agent.records import Fact

#: Stamps from here on count nanoseconds since 1970: 2001-09-09.
_EPOCH_NS = 10**18

facts = Commands(
    help="List the values that were noted beside what was seen, and note one.",
    rich_markup_mode="markdown",
)


@contextmanager
def _opened(
    path: Path | None, config: Path | None, *, read_only: bool
) -> Iterator[tuple[Store, FactNotes]]:
    settings = memory_settings_from(path, config)
    from embodied_agent.agent.fact_notes import FactNotes
    from embodied_agent.memory.store import Store

    with Store.open(settings.memory.path, settings.memory, read_only=read_only) as store:
        yield store, FactNotes(store, settings.facts, lambda error: None)


NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help="All values of this fact, newest first."),
]
LimitOption = Annotated[
    int,
    typer.Option("--limit", min=1, max=100_000, metavar="N", help="List at most this many values."),
]


@facts.callback(invoke_without_command=True)
def _facts(
    context: typer.Context,
    path: MemoryOption = None,
    name: NameOption = None,
    limit: LimitOption = 100,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the values that were noted beside what was seen, and note one."""
    if context.invoked_subcommand is None:
        list_facts(path, name, limit, config, json_output)
        return
    with explained():
        refuse_options_of_the_list(context)


@facts.command("list")
def list_facts(
    path: MemoryOption = None,
    name: NameOption = None,
    limit: LimitOption = 100,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the latest value of each fact that was noted, or with --name all of one."""
    with explained(), _opened(path, config, read_only=True) as (store, _):
        from embodied_agent.interfaces.wire.facts import fact_reply

        found = (
            store.facts.latest()[:limit] if name is None else store.facts.history(name, limit=limit)
        )
        if json_output:
            print_json([fact_reply(fact).model_dump(mode="json") for fact in found])
            return
        for fact in found:
            console().print(fact_line(fact), markup=False, soft_wrap=True)
        if not found:
            console().print("no facts", markup=False)


def fact_line(fact: Fact) -> str:
    """A fact in one line."""
    when = f"{fact.stamp_ns / 1e9:.3f} s"
    if fact.stamp_ns >= _EPOCH_NS:
        moment = datetime.fromtimestamp(fact.stamp_ns / 1e9, tz=timezone.utc)
        when = f"{moment:%Y-%m-%d %H:%M:%S} UTC"
    by = f", by {fact.by}" if fact.by else ""
    return plain(f"{fact.name:<24} {fact.value:<32} at {when}{by}")


@facts.command()
def note(
    name: Annotated[str, typer.Argument(metavar="NAME", help='Such as "battery".')],
    value: Annotated[str, typer.Argument(metavar="VALUE", help="A text or a number.")],
    path: MemoryOption = None,
    stamp_ns: Annotated[
        int | None,
        typer.Option(
            "--stamp", metavar="NS", help="By the sensor's clock, in nanoseconds; default: now."
        ),
    ] = None,
    by: ByOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Note a value. No agent may be writing to the memory."""
    with explained(), _opened(path, config, read_only=False) as (_, notes):
        from embodied_agent.interfaces.wire.facts import fact_reply

        fact = notes.note(name, value, stamp_ns, by=author(by))
        notes.close()
        if json_output:
            print_json(fact_reply(fact).model_dump(mode="json"))
        else:
            console().print(fact_line(fact), markup=False, soft_wrap=True)
