"""Read MVBench: one JSON list per task, for example egocentric_navigation.json.

Each object has video, question, candidates (option texts) and answer (the text of the right one).
In some tasks it also has start and end, in seconds: the question is about that part of the video.
The task is the file's name. Schema: huggingface.co/datasets/OpenGVLab/MVBench.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.questions.base import Asked, BadRow, Read, letter_of, read_rows, table, text_of


def read(path: Path) -> Read:
    """All usable questions of the file.

    Raises:
        DatasetError: the file can't be read, or has no usable question.
    """
    task = path.stem
    numbered = [
        {**row, "_number": number} if isinstance(row, dict) else row
        for number, row in enumerate(table(path))
    ]
    return read_rows(numbered, lambda row: _one(row, task), path)


def _one(row: Mapping[str, Any], task: str) -> Asked:
    candidates = row.get("candidates")
    if not isinstance(candidates, list) or len(candidates) < 2:
        raise BadRow("no candidates")
    choices = tuple(str(candidate).strip() for candidate in candidates)
    video = text_of(row, "video")
    start_s, end_s = _seconds(row, "start"), _seconds(row, "end")
    if start_s is not None and end_s is not None and end_s <= start_s:
        raise BadRow("the end is before the start")
    truth = text_of(row, "answer")
    matches = [i for i, choice in enumerate(choices) if choice.casefold() == truth.casefold()]
    return Asked(
        id=f"mvbench_{task}_{row['_number']}",
        category=task,
        kind="choice",
        question=text_of(row, "question"),
        choices=choices,
        # The answer is a text; if texts are single letters, it must not be read as a label.
        answer="ABCDEFGHIJKLMNOPQRSTUVWXYZ"[matches[0]] if matches else letter_of(truth, choices),
        scene=Path(video).with_suffix("").as_posix(),
        video=video,
        domain="mvbench",
        start_s=start_s,
        end_s=end_s,
    )


def _seconds(row: Mapping[str, Any], name: str) -> float | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError) as error:
        raise BadRow(f"{name} is not a time in seconds") from error
    if not (math.isfinite(seconds) and seconds >= 0):
        raise BadRow(f"{name} is not a time in seconds")
    return seconds
