"""Reads EgoSchema: one five-way question per three-minute egocentric video.

questions.json is a list of objects with q_uid, question and "option 0" to "option 4";
subset_answers.json beside it maps q_uid to the number of the right option. Rows that hold their own
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
    """All questions of the file whose answer is known.

    Raises:
        DatasetError: it or its answers can't be read, or none is usable.
    """
    answers: dict[str, Any] = {}
    beside = path.with_name(ANSWERS)
    if beside.exists():
        try:
            answers = json.loads(beside.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise DatasetError(f"can't read answers from {beside}: {error}") from error
        if not isinstance(answers, dict):
            raise DatasetError(f"{beside} must map each q_uid to the number of an option")
    return read_rows(table(path), lambda row: _one(row, answers), path)


def _one(row: Mapping[str, Any], answers: Mapping[str, Any]) -> Asked:
    uid = text_of(row, "q_uid" if "q_uid" in row else "video_idx")
    listed = row.get("option")
    if isinstance(listed, list):
        choices = without_letters(listed)
    else:
        choices = tuple(text_of(row, f"option {i}") for i in range(_OPTIONS))
    said = answers.get(uid, row.get("answer"))
    if said is None:
        raise BadRow("its answer was not published")
    if isinstance(said, bool) or not str(said).isdigit() or int(said) >= len(choices):
        raise BadRow("the answer is none of the options")
    return Asked(
        id=f"egoschema_{row.get('question_idx', uid)}",
        category="egoschema",
        kind="choice",
        question=text_of(row, "question"),
        choices=choices,
        answer="ABCDEFGHIJ"[int(said)],
        scene=uid,
        video=f"{uid}.mp4",
        domain="egoschema",
    )
