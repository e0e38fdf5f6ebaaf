"""`embodied-agent memory`: look into a memory file, copy it, check and repair it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embodied_agent.cli.common import (
    console,
    counted,
    explained,
    keyframe_line,
    memory_settings_from,
    print_json,
    write_file,
)
from embodied_agent.cli.damage import check, repair
from embodied_agent.cli.groups import Commands
from embodied_agent.cli.keyframe_table import keyframe_table, stamp_text
from embodied_agent.cli.options import ConfigOption, FileArgument, JsonOption, MemoryOption
from embodied_agent.errors import OutputError, StoreError

if TYPE_CHECKING:
    from embodied_agent.codec import JsonObject
    from embodied_agent.memory.store import Store
    from embodied_agent.records import Delta, Keyframe

#: What `stats` calls a count, where its name doesn't say it.
_LABELS = {
    "objects": "names of objects",
    "pictures_from": "all pictures from #",
    "text_from": "full text from #",
}
#: What `stats` shows only where retention or damage has left something to say.
_ONLY_IF_ANY = frozenset(("damaged", "pictures_from", "text_from"))

memory = Commands(
    help="Look into a memory file, copy it, check and repair it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)


@contextmanager
def _opened(path: Path | None, config: Path | None, *, file: Path | None = None) -> Iterator[Store]:
    settings = memory_settings_from(path, config, file=file)
    from embodied_agent.memory.store import Store

    with Store.open(settings.memory.path, settings.memory, read_only=True) as store:
        yield store


def keyframe_values(keyframe: Keyframe, delta: Delta | None) -> JsonObject:
    """What ``--json`` shows of a keyframe and its delta."""
    from embodied_agent.interfaces.wire.from_records import keyframe_reply

    # Where the HTTP API has the picture is of no use here.
    return keyframe_reply(keyframe, delta).model_dump(mode="json", exclude={"picture"})


def _contents(store: Store) -> dict[str, list[JsonObject]]:
    from embodied_agent.codec import to_values

    deltas = {delta.keyframe_id: delta for delta in store.deltas()}
    return {
        "keyframes": [keyframe_values(k, deltas.get(k.id)) for k in store.keyframes()],
        "answers": [
            {"question": to_values(question), "answer": to_values(answer)}
            for question, answer in store.answers()
        ],
    }


@memory.command("list")
def list_keyframes(
    file: FileArgument = None,
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """List the keyframes: when they were taken, why they were kept, and what they show.

    Times count from the first keyframe of each segment, as in a replay.
    """
    with explained(), _opened(path, config, file=file) as store:
        if json_output:
            print_json({"keyframes": _contents(store)["keyframes"]})
            return
        say = console()
        deltas = {delta.keyframe_id: delta for delta in store.deltas()}
        first: Keyframe | None = None
        for keyframe in store.keyframes():
            if first is None or keyframe.segment != first.segment:
                first = keyframe
                say.print(
                    f"segment {first.segment}, from stamp {stamp_text(first.stamp_ns)}",
                    style="bold",
                    markup=False,
                )
            line = keyframe_line(keyframe, deltas.get(keyframe.id), first.stamp_ns)
            say.print(line, markup=False, soft_wrap=True)


@memory.command()
def show(
    keyframe_id: Annotated[int, typer.Argument(metavar="ID", help="The keyframe's id.")],
    path: MemoryOption = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.jpg", help="Write its picture to this file.")
    ] = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show everything that is known about one keyframe."""
    with explained(), _opened(path, config) as store:
        keyframe = store.keyframe(keyframe_id)
        if keyframe is None:
            raise StoreError(f"{store.path} has no keyframe {keyframe_id}; see `memory list`")
        deltas = store.deltas(since=keyframe_id, until=keyframe_id)
        if picture is not None:
            if not keyframe.jpeg:
                raise StoreError(f"the picture of keyframe {keyframe_id} has been dropped")
            write_file(picture, keyframe.jpeg)
        delta = deltas[0] if deltas else None
        if json_output:
            print_json(keyframe_values(keyframe, delta))
            return
        say = console()
        for line in keyframe_table(keyframe, delta):
            say.print(line, markup=False, soft_wrap=True)


@memory.command()
def export(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET",
            help="A new file: .json for text, .html for a report, anything else for a copy of "
            "the memory.",
        ),
    ],
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Copy a memory, even while it is being written to."""
    with explained(), _opened(path, config) as store:
        if target.exists():
            raise OutputError(f"{target} exists; name a new file for the export")
        kind = {".json": "json", ".html": "report"}.get(target.suffix, "memory")
        if kind == "json":
            from embodied_agent.codec import document

            write_file(target, document(_contents(store), indent=2).encode())
        elif kind == "report":
            write_report(store, target)
        else:
            store.export(str(target))
        if json_output:
            values = {"path": str(target), "kind": kind, "bytes": target.stat().st_size}
            print_json(values)
        else:
            console().print(f"wrote {target}", markup=False, soft_wrap=True)


def write_report(store: Store, target: Path) -> None:
    """Write a memory as a report in HTML."""
    from embodied_agent.report.html import Replay, write
    from embodied_agent.report.scoring import Case, Scored
    from embodied_agent.support.again import Again

    def picture(keyframe: Keyframe) -> bytes:
        found = store.keyframe(keyframe.id)
        return b"" if found is None else found.jpeg

    last = store.last_id()
    replay = Replay(
        store.path,
        Again(lambda: store.each_keyframe(last)),
        Again(lambda: store.each_delta(last)),
        results=[Scored(Case(question), answer) for question, answer in store.answers()],
        picture=picture,
    )
    write(replay, target)


@memory.command("rebuild-objects")
def rebuild_objects(
    file: FileArgument = None,
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Derive all objects again, from the deltas and from what people corrected."""
    from embodied_agent.cli.objects import opened

    with explained(), opened(path, config, read_only=False, file=file) as objects:
        count = objects.rebuild()
        if json_output:
            print_json({"objects": count})
        else:
            console().print(counted(count, "object"), markup=False)


@memory.command()
def stats(
    file: FileArgument = None,
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Count what the memory holds."""
    with explained(), _opened(path, config, file=file) as store:
        from embodied_agent.codec import to_values

        values = to_values(store.status())
        if json_output:
            print_json(values)
            return
        say = console()
        for name, value in values.items():
            if name in _ONLY_IF_ANY and not value:
                continue
            label = _LABELS.get(name, name.replace("_", " "))
            text = ", ".join(map(str, value)) if isinstance(value, list) else value
            say.print(f"{label:<22} {text}", markup=False, soft_wrap=True)


memory.command()(check)
memory.command()(repair)
