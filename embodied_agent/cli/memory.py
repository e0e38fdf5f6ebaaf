"""`embodied-agent memory`: look into a memory file, or copy it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embodied_agent.cli.common import (
    ConfigOption,
    JsonOption,
    MemoryOption,
    console,
    explained,
    noted,
    plain,
    print_json,
    settings_from,
)
from embodied_agent.errors import AgentError, SettingsError, StoreError

if TYPE_CHECKING:
    from embodied_agent.codec import JsonObject
    from embodied_agent.memory.store import Store
    from embodied_agent.records import Delta, Keyframe

memory = typer.Typer(
    help="Look into a memory file: list, show, export, stats.", no_args_is_help=True
)


@contextmanager
def _opened(path: Path | None, config: Path | None) -> Iterator[Store]:
    settings = settings_from(config, None, memory__path=None if path is None else str(path))
    if not settings.memory.path:
        raise SettingsError("which memory? name the file with --memory")
    from embodied_agent.memory.store import Store

    with Store.open(settings.memory.path, settings.memory, read_only=True) as store:
        yield store


def keyframe_values(keyframe: Keyframe, delta: Delta | None) -> JsonObject:
    """What ``--json`` shows of a keyframe and its delta."""
    from embodied_agent.interfaces.wire.from_records import keyframe_reply

    # Where the HTTP API has the picture is of no use here.
    return keyframe_reply(keyframe, delta).model_dump(mode="json", exclude={"picture"})


def _everything(store: Store) -> dict[str, list[JsonObject]]:
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
    path: MemoryOption = None, config: ConfigOption = None, json_output: JsonOption = False
) -> None:
    """List the keyframes: when, why kept, what was noted."""
    with explained(), _opened(path, config) as store:
        if json_output:
            print_json({"keyframes": _everything(store)["keyframes"]})
            return
        say = console()
        deltas = {delta.keyframe_id: delta for delta in store.deltas()}
        for keyframe in store.keyframes():
            delta = deltas.get(keyframe.id)
            say.print(
                f"{keyframe.id:>5}  {keyframe.stamp_ns / 1e9:.2f} s  {keyframe.reason:<12} "
                + (noted(delta) if delta else "waits for perception"),
                markup=False,
                soft_wrap=True,
            )


@memory.command()
def show(
    keyframe_id: Annotated[int, typer.Argument(metavar="ID", help="A keyframe's number.")],
    path: MemoryOption = None,
    picture: Annotated[
        Path | None, typer.Option(metavar="FILE.jpg", help="Write its picture here.")
    ] = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Show one keyframe with all that is known of it."""
    with explained(), _opened(path, config) as store:
        keyframe = store.keyframe(keyframe_id)
        if keyframe is None:
            raise StoreError(f"{store.path} has no keyframe {keyframe_id}; see `memory list`")
        deltas = store.deltas(since=keyframe_id, until=keyframe_id)
        if picture is not None:
            if not keyframe.jpeg:
                raise StoreError(f"the picture of keyframe {keyframe_id} is no longer kept")
            _write(picture, keyframe.jpeg)
        values = keyframe_values(keyframe, deltas[0] if deltas else None)
        if json_output:
            print_json(values)
            return
        say = console()
        for name, value in values.items():
            text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)
            say.print(f"{name:<14} {plain(text)}", markup=False)


@memory.command()
def export(
    target: Annotated[
        Path,
        typer.Argument(
            metavar="TARGET",
            help="A new file: .json for text, .html for a report, else a copy of the memory.",
        ),
    ],
    path: MemoryOption = None,
    config: ConfigOption = None,
) -> None:
    """Copy a memory, also while it is written to."""
    with explained(), _opened(path, config) as store:
        if target.exists():
            raise StoreError(f"{target} exists; name a new file for the export")
        if target.suffix == ".json":
            from embodied_agent.codec import document

            _write(target, document(_everything(store), indent=2).encode())
        elif target.suffix == ".html":
            from embodied_agent.report.html import Replay, write
            from embodied_agent.report.scoring import Case, Scored

            answers = [Scored(Case(question), answer) for question, answer in store.answers()]
            keyframes = store.keyframes(pictures=True)
            write(Replay(store.path, keyframes, store.deltas(), results=answers), target)
        else:
            store.export(str(target))
        console().print(f"wrote {target}", markup=False, soft_wrap=True)


@memory.command()
def stats(
    path: MemoryOption = None, config: ConfigOption = None, json_output: JsonOption = False
) -> None:
    """Count what is stored."""
    with explained(), _opened(path, config) as store:
        from embodied_agent.codec import to_values

        values = to_values(store.status())
        if json_output:
            print_json(values)
            return
        say = console()
        for name, value in values.items():
            say.print(f"{name.replace('_', ' '):<16} {value}", markup=False, soft_wrap=True)


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise AgentError(f"can't write {path}: {error.strerror}") from error
