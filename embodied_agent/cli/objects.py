"""`embodied-agent objects`: what the memory knows about objects, and corrections by people."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from embodied_agent.cli.common import (
    console,
    counted,
    explained,
    memory_settings_from,
    plain,
    print_json,
    refuse_options_of_the_list,
)
from embodied_agent.cli.groups import Commands
from embodied_agent.cli.option_groups import with_option_groups
from embodied_agent.cli.options import ConfigOption, JsonOption, MemoryOption
from embodied_agent.errors import SettingsError

if TYPE_CHECKING:
    from embodied_agent.agent.object_memory import ObjectMemory
    from embodied_agent.object_records import CorrectionKind, Polygon, SeenObject

objects = Commands(
    help="List the objects in a memory with their positions, and correct them.",
    rich_markup_mode="markdown",
)

NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="NAME", help='Only objects that this means: "couch".'),
]


@contextmanager
def opened(
    path: Path | None, config: Path | None, *, read_only: bool, file: Path | None = None
) -> Iterator[ObjectMemory]:
    """The objects of the memory that the options name."""
    settings = memory_settings_from(path, config, file=file)
    from embodied_agent.agent.object_memory import ObjectMemory
    from embodied_agent.memory.store import Store

    with Store.open(settings.memory.path, settings.memory, read_only=read_only) as store:
        yield ObjectMemory(store, settings.objects)


def object_values(one: SeenObject) -> dict[str, Any]:
    """What ``--json`` shows of an object: the same as over HTTP."""
    from embodied_agent.interfaces.wire.objects import object_reply

    return object_reply(one).model_dump(mode="json")


@objects.callback(invoke_without_command=True)
def _objects(
    context: typer.Context,
    path: MemoryOption = None,
    name: NameOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the objects in a memory with their positions, and correct them."""
    if context.invoked_subcommand is None:
        list_objects(path, name, config, json_output)
        return
    with explained():
        refuse_options_of_the_list(context)


@objects.command("list")
def list_objects(
    path: MemoryOption = None,
    name: NameOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the objects with their positions, as `embodied-agent objects` does.

    Those of the latest map session come first. Positions of different sessions can't be compared.
    """
    with explained(), opened(path, config, read_only=True) as memory:
        found = memory.objects(name)
        if json_output:
            print_json([object_values(one) for one in found])
            return
        _show(found)
        memory.check_camera()
        if memory.camera_problem:
            said = plain(memory.camera_problem)
            console(stderr=True).print(said, markup=False, soft_wrap=True)


def _show(found: list[SeenObject]) -> None:
    say = console()
    session: int | None = None
    for one in found:
        if one.session != session:
            session = one.session
            frame = f"in {one.frame_id}" if one.frame_id else "from where the camera started, rough"
            say.print(f"map session {session}, {frame}", style="bold", markup=False)
        say.print(object_line(one), markup=False, soft_wrap=True)
    if not found:
        say.print("no objects", markup=False)


def object_line(one: SeenObject) -> str:
    """An object in one line."""
    if one.position_m is None:
        where = "position unknown"
    else:
        x, y, z = one.position_m
        where = f"({x:.2f}, {y:.2f}, {z:.2f}) m ± {one.std_m or 0.0:.2f}"
    parts = [f"{one.id:>4}  {one.name:<24} {where}", f"seen in {counted(one.seen, 'keyframe')}"]
    if one.gone_since_ns is not None:
        parts.append(f"not there in {', '.join(f'#{number}' for number in one.missed_in[-3:])}")
    if one.places:
        parts.append(f"moved {len(one.places)} times" if len(one.places) > 1 else "moved once")
    if one.note:
        parts.append(one.note)
    return plain(", ".join(parts))


ByOption = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Who says so; default: the user's name.")
]
IdArgument = Annotated[int, typer.Argument(metavar="ID", help="The object's id in the list.")]


def author(by: str | None) -> str:
    """Who makes a correction."""
    return by or getpass.getuser()


@dataclass(frozen=True)
class CorrectionOptions:
    """What every correction needs besides what it says: of which memory, and by whom."""

    path: MemoryOption = None
    by: ByOption = None
    config: ConfigOption = None
    json_output: JsonOption = False


def _correct(options: CorrectionOptions, kind: CorrectionKind, **what: Any) -> None:
    """Store a correction; ``what`` are the fields of `Correction` besides who made it."""
    from embodied_agent.interfaces.wire.corrections import correction_reply
    from embodied_agent.object_records import Correction

    correction = Correction(kind, author(options.by), **what)
    with opened(options.path, options.config, read_only=False) as memory:
        stored = memory.correct(correction)
        if options.json_output:
            print_json(correction_reply(stored).model_dump(mode="json"))
        else:
            console().print(
                plain(f"{stored.kind}: done, noted as correction {stored.id} by {stored.by}"),
                markup=False,
                soft_wrap=True,
            )


@objects.command()
@with_option_groups
def forget(
    object_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="The object's id in the list.")
    ] = None,
    from_ns: Annotated[
        int | None, typer.Option("--from", metavar="NS", help="All from this stamp on.")
    ] = None,
    to_ns: Annotated[int | None, typer.Option("--to", metavar="NS", help="Up to this one.")] = None,
    region: Annotated[
        str | None,
        typer.Option("--region", metavar="X,Y ...", help='Corners in metres: "0,0 2,0 2,3 0,3".'),
    ] = None,
    session: Annotated[
        int | None, typer.Option("--session", metavar="N", help="The map session of the region.")
    ] = None,
    *,
    options: CorrectionOptions,
) -> None:
    """Remove an object, an interval of time, or everything in and seen from a region.

    It is removed from the file with the pictures that show it, and a replay does not bring it back.
    """
    with explained():
        _correct(
            options,
            "forget",
            object_id=object_id,
            from_ns=from_ns,
            to_ns=to_ns,
            region=() if region is None else corners(region),
            session=session,
        )


@objects.command()
@with_option_groups
def relabel(
    object_id: IdArgument,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is called from now on.")],
    *,
    options: CorrectionOptions,
) -> None:
    """Give an object another name."""
    with explained():
        _correct(options, "relabel", object_id=object_id, text=name)


@objects.command("merge")
@with_option_groups
def merge_objects(
    object_id: IdArgument,
    other_id: Annotated[
        int, typer.Argument(metavar="OTHER", help="The object that is the same one.")
    ],
    *,
    options: CorrectionOptions,
) -> None:
    """Make two objects one: OTHER becomes part of ID."""
    with explained():
        _correct(options, "merge", object_id=object_id, other_id=other_id)


@objects.command("split")
@with_option_groups
def split_object(
    object_id: IdArgument,
    keyframes: Annotated[
        list[int], typer.Argument(metavar="KEYFRAME...", help="Those that show another object.")
    ],
    *,
    options: CorrectionOptions,
) -> None:
    """Make one object two: what the keyframes show is another one."""
    with explained():
        _correct(options, "split", object_id=object_id, keyframes=tuple(keyframes))


@objects.command()
@with_option_groups
def annotate(
    object_id: IdArgument,
    text: Annotated[str, typer.Argument(metavar="NOTE", help='The note; "" removes it.')],
    *,
    options: CorrectionOptions,
) -> None:
    """Note something about an object."""
    with explained():
        _correct(options, "annotate", object_id=object_id, text=text)


@objects.command()
def corrections(
    path: MemoryOption = None, config: ConfigOption = None, json_output: JsonOption = False
) -> None:
    """List what people said about the memory, with who and when."""
    with explained(), opened(path, config, read_only=True) as memory:
        from embodied_agent.interfaces.wire.corrections import correction_reply

        stored = memory.corrections()
        if json_output:
            print_json([correction_reply(one).model_dump(mode="json") for one in stored])
            return
        for one in stored:
            moment = datetime.fromtimestamp(one.at_s, timezone.utc)
            about = "" if one.object_id is None else f" object {one.object_id}"
            line = f"{one.id:>4}  {moment:%Y-%m-%d %H:%M:%S} UTC  {one.by}: {one.kind}{about}"
            console().print(plain(f"{line} {one.text}".rstrip()), markup=False, soft_wrap=True)


def corners(text: str) -> Polygon:
    """Corners from ``x,y x,y x,y``.

    Raises:
        SettingsError: it is not such a list.
    """
    try:
        pairs = [tuple(map(float, pair.split(","))) for pair in text.split()]
        return tuple((x, y) for x, y in pairs)
    except ValueError as error:
        raise SettingsError(
            f"a region is a list of corners such as '0,0 2,0 2,3 0,3', not {text!r}"
        ) from error
