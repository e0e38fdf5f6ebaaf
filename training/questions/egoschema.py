"""Read EgoSchema: one five-way question per three-minute egocentric video.

questions.json is a list of objects with q_uid, question and "option 0" to "option 4";
subset_answers.json next to it maps q_uid to the number of the right option. Rows with their own
``answer`` (a number from 0, as in the parquet edition, whose options are a list ``option`` and
whose video is ``video_idx``) need no second file. Schema: github.com/egoschema/EgoSchema.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.episodes.rows import DatasetError
from training.questions.base import (
    Asked,
    BadRow,
    Read,
    read_rows,
    table,
    text_of,
    without_letters,
)

_OPTIONS = 5
ANSWERS = "subset_answers.json"


def read(path: Path) -> Read:
    """All questions of the file with a known answer.

    Raises:
        DatasetError: the file or its answers can't be read, or no question is usable.
    """
    answers: dict[str, Any] = {}
    answers_path = path.with_name(ANSWERS)
    if answers_path.exists():
        try:
            answers = json.loads(answers_path.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't read answers from {answers_path}: {error}") from error
        if not isinstance(answers, dict):
            raise DatasetError(f"{answers_path} must map each q_uid to the number of an option")
    return read_rows(table(path), lambda row: _one(row, answers), path)


def _one(row: Mapping[str, Any], answers: Mapping[str, Any]) -> Asked:
    uid = text_of(row, "q_uid" if "q_uid" in row else "video_idx")
    options = row.get("option")
    if isinstance(options, list):
        choices = without_letters(options)
    else:
        choices = tuple(text_of(row, f"option {i}") for i in range(_OPTIONS))
    answer_number = answers.get(uid, row.get("answer"))
    if answer_number is None:
        raise BadRow("the answer is not published")
    if (
        isinstance(answer_number, bool)
        or not str(answer_number).isdigit()
        or int(answer_number) >= len(choices)
    ):
        raise BadRow("the answer is not one of the options")
    return Asked(
        id=f"egoschema_{row.get('question_idx', uid)}",
        category="egoschema",
        kind="choice",
        question=text_of(row, "question"),
        choices=choices,
        answer="ABCDEFGHIJ"[int(answer_number)],
        scene=uid,
        video=f"{uid}.mp4",
        domain="egoschema",
    )
