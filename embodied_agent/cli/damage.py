"""`embodied-agent memory check` and `memory repair`: what is damaged in a memory file, and its
intact part in a new one.

Out of scope: the other commands of `memory`, which need a memory that can be opened (`memory`).
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from embodied_agent.cli.common import (
    ExitCode,
    console,
    explained,
    memory_settings_from,
    plain,
    print_json,
)
from embodied_agent.cli.options import ConfigOption, FileArgument, JsonOption, MemoryOption

if TYPE_CHECKING:
    from embodied_agent.memory.salvage import Findings


def check(
    file: FileArgument = None,
    path: MemoryOption = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Read everything in a memory, and list what is damaged.

    The exit code is 1 if anything is damaged.
    """
    with explained():
        from embodied_agent.memory.repair import check as examine

        memory_file = memory_settings_from(path, config, file=file).memory.path
        found = examine(memory_file)
        if json_output:
            print_json({**asdict(found), "is_whole": found.is_whole})
        else:
            _tell(found)
            if not found.is_whole:
                _say(f"`embodied-agent memory repair {memory_file}` recovers the intact part")
        if not found.is_whole:
            raise typer.Exit(ExitCode.FAILED)


def repair(
    file: FileArgument = None,
    path: MemoryOption = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="NEW", help="Write the intact part to this new file; FILE stays as it is."
        ),
    ] = None,
    config: ConfigOption = None,
    json_output: JsonOption = False,
) -> None:
    """Recover the intact part of a damaged memory.

    Without `--output` the repaired memory replaces FILE, which is kept as FILE.damaged.
    Keyframes whose deltas are lost are perceived again at the next start.
    """
    with explained():
        from embodied_agent.memory.repair import repair as mend

        memory_file = memory_settings_from(path, config, file=file).memory.path
        found, kept = mend(memory_file, "" if output is None else str(output))
        if json_output:
            values = {
                "path": str(output or memory_file),
                "damaged_file": kept,
                "found": asdict(found),
            }
            print_json(values)
            return
        _tell(found)
        _say(f"wrote {output or memory_file}; the damaged file is kept as {kept}")


def _tell(found: Findings) -> None:
    counts = ", ".join(
        f"{table.replace('_', ' ')} {count}" for table, count in found.whole.items() if count
    )
    _say(f"{found.path}: intact rows: {counts or 'none'}")
    for name, reason in found.damaged.items():
        _say(f"damaged: {name} ({reason})")
    for line in found.structure:
        _say(f"structure: {line}")
    if found.is_whole:
        _say("nothing is damaged")


def _say(line: str) -> None:
    console().print(plain(line), markup=False, soft_wrap=True)
