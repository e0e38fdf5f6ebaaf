"""`embodied-agent clip`: the part of a recording that a keyframe came from, for a viewer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from embodied_agent.cli.common import (
    console,
    counted,
    explained,
    memory_settings_from,
    print_json,
)
from embodied_agent.cli.options import ConfigOption, JsonOption, MemoryOption
from embodied_agent.errors import SettingsError, SourceError


def clip(
    around: Annotated[int, typer.Option(metavar="KEYFRAME", help="The keyframe's number.")],
    out: Annotated[Path, typer.Option(metavar="FILE.mcap", help="Write the clip here.")],
    seconds: Annotated[float, typer.Option(min=0.1, max=3600, help="Its length.")] = 10.0,
    source: Annotated[
        Path | None,
        typer.Option(metavar="BAG", help="The recording, if it has moved since the replay."),
    ] = None,
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Cut the seconds around a keyframe out of the recording it came from.

    The clip holds the original messages of all topics; masks are not applied.
    """
    with explained():
        settings = memory_settings_from(path, config)
        from embodied_agent.memory.store import Store
        from embodied_agent.sources.bags.cut import cut_recording

        with Store.open(settings.memory.path, settings.memory, read_only=True) as store:
            keyframe = store.keyframe(around)
            if keyframe is None:
                raise SettingsError(
                    f"{settings.memory.path} holds no keyframe {around}; see `memory list`"
                )
            recording = source or recording_of(store.source_of(around))
        if recording is None:
            raise SourceError(
                f"keyframe {around} came from a camera, or its recording is unknown: "
                "name the recording with --source"
            )
        cut = cut_recording(recording, keyframe.stamp_ns, seconds, out)
        if json_output:
            print_json(
                {
                    "path": str(out),
                    "recording": str(recording),
                    "messages": cut.messages,
                    "topics": cut.topics,
                    "duration_s": cut.duration_s,
                }
            )
            return
        say = console()
        say.print(
            f"{out}: {counted(cut.messages, 'message')} of {counted(cut.topics, 'topic')}, "
            f"{cut.duration_s:.1f} s of {recording}",
            markup=False,
            soft_wrap=True,
        )
        say.print(f"look at it: rerun {out}   or   foxglove-studio {out}", markup=False)


def recording_of(key: str) -> Path | None:
    """The path in what identifies a recording in a memory: a path, and settings as JSON."""
    at = key.find(" {")
    while at > 0:
        try:
            json.loads(key[at + 1 :])
        except ValueError:
            at = key.find(" {", at + 1)
        else:
            return Path(key[:at])
    return None
