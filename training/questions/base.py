"""The records of all question sources, and reading tables of questions.

An unusable row is left out and counted by reason; a file without usable rows is an error.

Out of scope: the formats themselves (`urbanvideo`, `vsi`, `egoschema`, `mvbench`, `sis`).
"""

from __future__ import annotations

import csv
import json
import string
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodied_agent.agent.answerer import MAX_CHOICES, check_question
from embodied_agent.errors import QuestionError
from embodied_agent.records import Question
from training.episodes.rows import DatasetError, Kind


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a recording, with its true answer.

    ``video`` is the recording's name in the benchmark ("" if the recording is known already);
    ``start_s`` and ``end_s`` limit the part that the question is about, in seconds from the start.
    ``at_ns`` is the moment of the question; ``None`` means the end. ``answer`` is as in `Episode`.
    """

    id: str
    category: str
    kind: Kind
    question: str
    choices: tuple[str, ...]
    answer: str
    scene: str = ""
    video: str = ""
    domain: str = ""
    at_ns: int | None = None
    start_s: float | None = None
    end_s: float | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Read:
    """The questions of a file, and the number of rows left out by reason."""

    questions: tuple[Asked, ...]
    skipped: Mapping[str, int]


class BadRow(DatasetError):
    """A row can't be used; the message is the reason by which it is counted."""


def read_rows(rows: Iterable[Any], one: Callable[[Mapping[str, Any]], Asked], path: Path) -> Read:
    """Convert each row with ``one``; bad rows are left out and counted.

    Raises:
        DatasetError: no row is usable; the message has the reasons.
    """
    questions: list[Asked] = []
    skipped: Counter[str] = Counter()
    ids: set[str] = set()
    for row in rows:
        try:
            if not isinstance(row, dict):
                raise BadRow("not an object")
            asked = one(row)
            if asked.id in ids:
                raise BadRow("duplicate id")
            check_question(Question(asked.question, asked.choices))
        except (BadRow, QuestionError) as error:
            skipped[str(error)] += 1
            continue
        ids.add(asked.id)
        questions.append(asked)
    if not questions:
        reasons = "; ".join(f"{count} × {reason}" for reason, count in skipped.most_common(3))
        raise DatasetError(f"no usable question in {path}: {reasons or 'it is empty'}")
    return Read(tuple(questions), dict(skipped))


def table(path: Path) -> list[Any]:
    """The rows of a CSV, JSON, JSON-lines or parquet file.

    Raises:
        DatasetError: the file can't be read, or has another format.
    """
    try:
        match path.suffix.lower():
            case ".csv":
                with path.open(encoding="utf-8-sig", newline="") as file:
                    return list(csv.DictReader(file))
            case ".jsonl":
                text = path.read_text("utf-8")
                return [json.loads(line) for line in text.splitlines() if line.strip()]
            case ".json":
                rows = json.loads(path.read_text("utf-8"))
                if not isinstance(rows, list):
                    raise DatasetError(f"{path} must contain a JSON list of questions")
                return rows
            case ".parquet":
                import pyarrow.parquet

                return list(pyarrow.parquet.read_table(path).to_pylist())
            case _:
                raise DatasetError(
                    f"{path}: questions must come as .csv, .json, .jsonl or .parquet"
                )
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"can't read questions from {path}: {error}") from error


def text_of(row: Mapping[str, Any], name: str) -> str:
    """The text in a column; numbers are converted to text.

    Raises:
        BadRow: the column is missing or empty.
    """
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRow(f"no {name}")
    text = str(value).strip()
    if not text:
        raise BadRow(f"no {name}")
    return text


def letter_of(answer: str, choices: Sequence[str]) -> str:
    """The letter of an answer, which is given as a letter, a lettered option or an option's text.

    Raises:
        BadRow: the answer is not one of the choices.
    """
    if len(choices) > MAX_CHOICES:
        raise BadRow("more choices than letters")
    letters = string.ascii_uppercase[: len(choices)]
    plain = answer.strip().rstrip(".").strip()
    if len(plain) == 1 and plain.upper() in letters:
        return plain.upper()
    matches = [
        i for i, c in enumerate(choices) if c.strip().casefold() == answer.strip().casefold()
    ]
    if len(matches) == 1:
        return letters[matches[0]]
    if len(plain) > 1 and plain[0].upper() in letters and plain[1] in ".):":
        return plain[0].upper()
    raise BadRow("the answer is not one of the choices")


def without_letters(options: Sequence[Any]) -> tuple[str, ...]:
    """Option texts without the letters with which some files prefix them ("A. left").

    Raises:
        BadRow: an option is not text.
    """
    if not all(isinstance(option, str) for option in options):
        raise BadRow("an option is not text")
    texts = [option.strip() for option in options]
    lettered = all(
        len(text) > 2 and text[0] == letter and text[1] in ".):"
        for letter, text in zip(string.ascii_uppercase, texts, strict=False)
    )
    return tuple(text[2:].strip() if lettered else text for text in texts)
