"""Read VSI-Bench and its debiased part: questions about indoor scans, with choices or numbers.

Columns: id, dataset (arkitscenes, scannet, scannetpp), scene_name, question_type, question,
options ("A. left", …; null for numbers), ground_truth (a letter, or a number as text). The video of
a scene is DATASET/SCENE_NAME.mp4. Schema: huggingface.co/datasets/nyu-visionx/VSI-Bench.

VSI-Bench-Debiased leaves out the questions that can be answered from their text: those with
``pruned`` set in the whole file, or what the file test_debiased lacks (arXiv 2511.04655).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from training.episodes.rows import DatasetError
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
        DatasetError: the file can't be read, or has no usable question.
    """
    return read_rows(table(path), _one, path)


def read_debiased(path: Path) -> Read:
    """The usable questions of VSI-Bench-Debiased, from its own file or from the whole one.

    Raises:
        DatasetError: the file can't be read, has no usable question, or does not say which
            questions are pruned.
    """
    rows = table(path)
    if "debiased" not in path.stem and not any(
        isinstance(row, Mapping) and isinstance(row.get("pruned"), bool) for row in rows
    ):
        raise DatasetError(
            f"{path} has no column `pruned`, so the debiased questions can't be told apart: use a "
            "newer edition, or its file test_debiased"
        )
    return read_rows(rows, _unpruned, path)


def _unpruned(row: Mapping[str, Any]) -> Asked:
    if row.get("pruned") is True:
        raise BadRow("pruned from the debiased edition")
    return replace(_one(row), domain="vsi_debiased")


def _one(row: Mapping[str, Any]) -> Asked:
    scene, dataset = text_of(row, "scene_name"), text_of(row, "dataset")
    category, truth = text_of(row, "question_type"), text_of(row, "ground_truth")
    options = row.get("options")
    choices: tuple[str, ...] = ()
    if category in NUMERIC:
        if options:
            raise BadRow("a numeric question with options")
        try:
            number = float(truth)
        except ValueError as error:
            raise BadRow("ground_truth is not a number") from error
        if not math.isfinite(number):
            raise BadRow("ground_truth is not a number")
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
