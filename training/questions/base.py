"""What every question source gives, and how tables of questions are read.

A row that can't be used is left out and counted with its reason; a file that can't be used at all
is an error. Not here: the formats themselves (`urbanvideo`, `vsi`, `egoschema`, `mvbench`).
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
    """A question about a recording, with its truth.

    ``video`` names the recording as the benchmark does ("" for one that is known already), with
    ``start_s`` and ``end_s`` the part of it that is asked about, in seconds from its beginning.
    ``at_ns`` asks as of a stamp; ``None`` is the end. ``answer`` as in `Episode`.
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
    """Questions of a file, and how many rows were left out, by reason."""

    questions: tuple[Asked, ...]
    skipped: Mapping[str, int]


class BadRow(DatasetError):
    """A row can't be used; its text is the reason under which it is counted."""


def read_rows(rows: Iterable[Any], one: Callable[[Mapping[str, Any]], Asked], path: Path) -> Read:
    """Each row by ``one``, bad ones left out and counted.

    Raises:
        DatasetError: not one row is usable; the message gives the reasons.
    """
    found: list[Asked] = []
    skipped: Counter[str] = Counter()
    known: set[str] = set()
    for row in rows:
        try:
            if not isinstance(row, dict):
                raise BadRow("not an object")
            asked = one(row)
            if asked.id in known:
                raise BadRow("the same id again")
            check_question(Question(asked.question, asked.choices))
        except (BadRow, QuestionError) as error:
            skipped[str(error)] += 1
            continue
        known.add(asked.id)
        found.append(asked)
    if not found:
        reasons = "; ".join(f"{count} × {reason}" for reason, count in skipped.most_common(3))
        raise DatasetError(f"no usable question in {path}: {reasons or 'it is empty'}")
    return Read(tuple(found), dict(skipped))


def table(path: Path) -> list[Any]:
    """The rows of a CSV, JSON, JSON-lines or parquet file.

    Raises:
        DatasetError: the file can't be read, or is none of these.
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
                    raise DatasetError(f"{path} must hold a JSON list of questions")
                return rows
            case ".parquet":
                import pyarrow.parquet

                return list(pyarrow.parquet.read_table(path).to_pylist())
            case _:
                raise DatasetError(f"{path}: questions come as .csv, .json, .jsonl or .parquet")
    except (OSError, ValueError, csv.Error) as error:
        raise DatasetError(f"can't read questions from {path}: {error}") from error


def text_of(row: Mapping[str, Any], name: str) -> str:
    """The text in a column; numbers count as text.

    Raises:
        BadRow: it is missing or empty.
    """
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise BadRow(f"no {name}")
    text = str(value).strip()
    if not text:
        raise BadRow(f"no {name}")
    return text


def letter_of(said: str, choices: Sequence[str]) -> str:
    """The letter that an answer column means: a letter, a lettered option, or an option's text.

    Raises:
        BadRow: it is none of the choices.
    """
    if len(choices) > MAX_CHOICES:
        raise BadRow("more choices than letters")
    letters = string.ascii_uppercase[: len(choices)]
    plain = said.strip().rstrip(".").strip()
    if len(plain) == 1 and plain.upper() in letters:
        return plain.upper()
    same = [i for i, c in enumerate(choices) if c.strip().casefold() == said.strip().casefold()]
    if len(same) == 1:
        return letters[same[0]]
    if len(plain) > 1 and plain[0].upper() in letters and plain[1] in ".):":
        return plain[0].upper()
    raise BadRow("the answer is none of the choices")


def without_letters(options: Sequence[Any]) -> tuple[str, ...]:
    """Option texts without the letters that some files put before them ("A. left").

    Raises:
        BadRow: an option is no text.
    """
    if not all(isinstance(option, str) for option in options):
        raise BadRow("an option is no text")
    texts = [option.strip() for option in options]
    lettered = all(
        len(text) > 2 and text[0] == letter and text[1] in ".):"
        for letter, text in zip(string.ascii_uppercase, texts, strict=False)
    )
    return tuple(text[2:].strip() if lettered else text for text in texts)
