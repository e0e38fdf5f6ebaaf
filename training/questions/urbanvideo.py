"""Read UrbanVideo-Bench: MCQ.parquet (or .csv) of multiple-choice questions about drone videos.

Columns: Question_id, video_id (a file name such as X.mp4), question_category, question, answer (a
letter). The choices are part of the question's text, after "Choices:", each with its letter.
Schema: huggingface.co/datasets/EmbodiedCity/UrbanVideo-Bench.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.questions.base import Asked, BadRow, Read, letter_of, read_rows, table, text_of

_CHOICES = re.compile(r"\b(?:Choices|Options)\s*:", re.IGNORECASE)
_QUESTION = re.compile(r"\bQuestion\s*:", re.IGNORECASE)


def read(path: Path) -> Read:
    """All usable questions of the file.

    Raises:
        DatasetError: the file can't be read, or has no usable question.
    """
    return read_rows(table(path), _one, path)


def _one(row: Mapping[str, Any]) -> Asked:
    video = text_of(row, "video_id")
    text, choices = split_choices(text_of(row, "question"))
    return Asked(
        id=f"urbanvideo_{text_of(row, 'Question_id')}",
        category=text_of(row, "question_category").lower().replace(" ", "_"),
        kind="choice",
        question=text,
        choices=choices,
        answer=letter_of(text_of(row, "answer"), choices),
        scene=Path(video).stem,
        video=video,
        domain="urbanvideo",
    )


def split_choices(text: str) -> tuple[str, tuple[str, ...]]:
    """Split "… Question: … Choices: A. … B. …" into the question and the option texts.

    Letters count only in order from A, so an option may contain another letter and a full stop.

    Raises:
        BadRow: there are fewer than two lettered choices.
    """
    heads = list(_CHOICES.finditer(text))
    if not heads:
        raise BadRow("no choices in the question")
    question, rest = text[: heads[-1].start()], text[heads[-1].end() :]
    introductions = list(_QUESTION.finditer(question))
    if introductions:
        question = question[introductions[-1].end() :]
    starts: list[tuple[int, int]] = []
    place = 0
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        match = re.compile(rf"(?:^|(?<=\s)|(?<=[;,]))\(?{letter}[.):]\s*").search(rest, place)
        if match is None:
            break
        starts.append((match.start(), match.end()))
        place = match.end()
    if len(starts) < 2:
        raise BadRow("no lettered choices in the question")
    ends = [start for start, _ in starts[1:]] + [len(rest)]
    choices = tuple(
        " ".join(rest[begin:end].strip().strip(";,").split())
        for (_, begin), end in zip(starts, ends, strict=True)
    )
    return " ".join(question.split()), choices
