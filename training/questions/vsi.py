"""Reads VSI-Bench: questions about indoor scans, some with choices, some answered by a number.

Columns: id, dataset (arkitscenes, scannet, scannetpp), scene_name, question_type, question,
options ("A. left", …; null for numbers), ground_truth (a letter, or a number as text). The video of
a scene is DATASET/SCENE_NAME.mp4. Schema: huggingface.co/datasets/nyu-visionx/VSI-Bench.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.questions.base import (
    Asked,
    BadRow,
    Read,
    letter_of,
    read_rows,
    table,
    text_of,
    without_letters,
)

#: The types whose answer is a number, marked by mean relative accuracy.
NUMERIC = frozenset(
    {"object_counting", "object_abs_distance", "object_size_estimation", "room_size_estimation"}
)


def read(path: Path) -> Read:
    """All usable questions of the file.

    Raises:
        DatasetError: it can't be read, or holds none.
    """
    return read_rows(table(path), _one, path)


def _one(row: Mapping[str, Any]) -> Asked:
    scene, dataset = text_of(row, "scene_name"), text_of(row, "dataset")
    category, truth = text_of(row, "question_type"), text_of(row, "ground_truth")
    options = row.get("options")
    choices: tuple[str, ...] = ()
    if category in NUMERIC:
        if options:
            raise BadRow("a number is asked for, but there are options")
        try:
            number = float(truth)
        except ValueError as error:
            raise BadRow("ground_truth is no number") from error
        if not math.isfinite(number):
            raise BadRow("ground_truth is no number")
    elif isinstance(options, list) and len(options) > 1:
        choices = without_letters(options)
        truth = letter_of(truth, choices)
    else:
        raise BadRow("no options")
    return Asked(
        id=f"vsi_{text_of(row, 'id')}",
        category=category,
        kind="choice" if choices else "number",
        question=text_of(row, "question"),
        choices=choices,
        answer=truth,
        scene=f"{dataset}_{scene}",
        video=f"{dataset}/{scene}.mp4",
        domain="vsi",
    )
