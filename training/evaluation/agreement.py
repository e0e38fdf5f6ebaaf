"""Compare evaluations of one model that was asked in several ways: in process, behind servers.

    python -m training.evaluation.agreement runs/paths/process runs/paths/vllm runs/paths/llama

Each is the ``--out`` of `training.evaluate` on the same questions. Prints, for each evaluation
against the first, how many marks and how many replies are equal; then the questions whose marks
differ. Exits with 1 if any do. Marks may be equal where replies are not: engines round differently,
and where a model wavers between two tokens it may write either.

Out of scope: marking (`training.evaluation.marking`), comparing different models (their intervals
are in the tables of `training.evaluate`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.episodes.rows import DatasetError

#: What of a question's mark has to be equal: all but the reply itself, its length and its time.
COMPARED = ("right", "formatted", "said", "consistent")

Marks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Agreement:
    """Of two evaluations: the number of questions, how many have equal marks and how many equal
    replies, and the ids of those whose marks differ."""

    questions: int
    equal_marks: int
    equal_replies: int
    differing: tuple[str, ...]


def read_marks(out: Path) -> dict[str, dict[str, Any]]:
    """The marks of an evaluation, by question; ``out`` is its ``--out``, or the .jsonl itself.

    Raises:
        DatasetError: the file can't be read, or has a question twice.
    """
    file = out if out.suffix == ".jsonl" else out.with_name(f"{out.name}.jsonl")
    marks: dict[str, dict[str, Any]] = {}
    try:
        for line in file.read_text("utf-8").splitlines():
            mark = json.loads(line)
            if mark["id"] in marks:
                raise DatasetError(f"{file} has the question {mark['id']} twice")
            marks[mark["id"]] = mark
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file} is no evaluation of training.evaluate: {error!r}") from error
    return marks


def compare(first: Marks, other: Marks) -> Agreement:
    """How far two evaluations agree.

    Raises:
        DatasetError: they are not about the same questions.
    """
    if first.keys() != other.keys():
        lacking = len(first.keys() ^ other.keys())
        raise DatasetError(
            f"{lacking} questions are in one evaluation only: evaluate the same episodes, splits "
            "and --most"
        )
    differing = tuple(
        name
        for name, mark in first.items()
        if any(mark[part] != other[name][part] for part in COMPARED)
    )
    replies = sum(mark["reply"] == other[name]["reply"] for name, mark in first.items())
    return Agreement(len(first), len(first) - len(differing), replies, differing)


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, compare, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("evaluations", type=Path, nargs="+", help="--out of training.evaluate")
    a = parser.parse_args(arguments)
    if len(a.evaluations) < 2:
        parser.error("at least two evaluations are compared")
    first, *others = a.evaluations
    try:
        marks = read_marks(first)
        agreements = {other: compare(marks, read_marks(other)) for other in others}
    except DatasetError as error:
        print(error, file=sys.stderr)
        return 1
    right = sum(mark["right"] for mark in marks.values())
    print(f"{first}: {len(marks)} questions, {right:g} right\n")
    print("| compared with it | questions | equal marks | equal replies |")
    print("|---|---|---|---|")
    for other, found in agreements.items():
        print(f"| {other} | {found.questions} | {found.equal_marks} | {found.equal_replies} |")
    for other, found in agreements.items():
        for name in found.differing:
            print(f"\n{name} is marked differently in {other}")
    return int(any(found.differing for found in agreements.values()))


if __name__ == "__main__":
    sys.exit(main())
