"""`embodied-agent export`: a memory as a data set that other programs read."""

from __future__ import annotations

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


def export(
    lerobot: Annotated[
        Path, typer.Option("--lerobot", metavar="DIR", help="Write a LeRobot data set (v3.0) here.")
    ],
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Write the keyframes, deltas and questions of a memory as a LeRobot data set.

    Read it back like any other: `embodied-agent replay DIR --set source.episode=0`.
    """
    with explained():
        settings = memory_settings_from(path, config)
        from embodied_agent.codec import to_values
        from embodied_agent.memory.store import Store
        from embodied_agent.sources.lerobot.export import Noted, export_lerobot

        with Store.open(settings.memory.path, settings.memory, read_only=True) as store:
            deltas = {delta.keyframe_id: delta for delta in store.deltas()}
            pictured = (store.keyframe(keyframe.id) for keyframe in store.keyframes())
            noted = (
                Noted(keyframe, to_values(deltas[keyframe.id]) if keyframe.id in deltas else None)
                for keyframe in pictured
                if keyframe is not None
            )
            questions = [
                {"question": to_values(question), "answer": to_values(answer)}
                for question, answer in store.answers()
            ]
            episodes, frames = export_lerobot(lerobot, noted, questions)
        if json_output:
            print_json(
                {
                    "path": str(lerobot),
                    "episodes": episodes,
                    "frames": frames,
                    "questions": len(questions),
                }
            )
            return
        console().print(
            f"{lerobot}: {counted(frames, 'keyframe')} in {counted(episodes, 'episode')}, "
            f"{counted(len(questions), 'question')}",
            markup=False,
            soft_wrap=True,
        )
