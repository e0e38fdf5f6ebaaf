"""The stored result of an experiment: its question, its command and the rows of its table.

Rows are plain values, so that table and page can be regenerated without running the experiment.

Out of scope: the page of all results (`report`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

RESULTS = Path("docs/results")
#: The earlier questions, some of which can be answered without the memory, and those that replaced
#: them.
FORMER, EVEN = "former", "even"


@dataclass(frozen=True)
class Result:
    """The stored outcome of an experiment. ``questions`` is `FORMER` or `EVEN`; files without it
    date from before `EVEN` existed."""

    name: str
    title: str
    question: str
    finding: str
    command: str
    seeds: tuple[int, ...]
    scale: float
    minutes: float
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    caveats: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    questions: str = FORMER


def write_result(result: Result, folder: Path) -> None:
    """Write the result as JSON into ``folder``, atomically."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.name}.json"
    part = path.with_suffix(".part")
    part.write_text(json.dumps(asdict(result), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def table(result: Result) -> str:
    """Format the rows as a Markdown table."""
    lines = [f"| {' | '.join(result.columns)} |", f"|{'---|' * len(result.columns)}"]
    lines += [
        "| " + " | ".join(str(row.get(c, "–")) for c in result.columns) + " |"
        for row in result.rows
    ]
    return "\n".join(lines)
