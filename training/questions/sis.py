"""Read SIS-Bench: multiple-choice questions about drone videos and the drone's own motion.

Columns: question_id, video_path, video_name, task_type, question, options (an object from letter to
text), answer (a letter). Schema: huggingface.co/datasets/choucsan/SIS-Bench.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.questions.base import Asked, BadRow, Read, letter_of, read_rows, table, text_of


def read(path: Path) -> Read:
    """All usable questions of the file.

    Raises:
        DatasetError: the file can't be read, or has no usable question.
    """
    return read_rows(table(path), _one, path)


def _one(row: Mapping[str, Any]) -> Asked:
    options = row.get("options")
    if not isinstance(options, Mapping):
        raise BadRow("no options")
    # In parquet, letters that other questions have are null in this one.
    given = {letter: text for letter, text in options.items() if text is not None}
    letters = string.ascii_uppercase[: len(given)]
    if len(given) < 2 or sorted(given) != list(letters):
        raise BadRow("the options are not lettered from A")
    if not all(isinstance(text, str) for text in given.values()):
        raise BadRow("an option is not text")
    choices = tuple(given[letter].strip() for letter in letters)
    video = str(row.get("video_path") or "").strip() or text_of(row, "video_name")
    return Asked(
        id=f"sis_{text_of(row, 'question_id')}",
        category=text_of(row, "task_type").lower().replace(" ", "_"),
        kind="choice",
        question=text_of(row, "question"),
        choices=choices,
        answer=letter_of(text_of(row, "answer"), choices),
        scene=Path(video).stem,
        video=video,
        domain="sis",
    )
