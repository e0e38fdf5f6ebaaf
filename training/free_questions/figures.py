"""Figures of the marks of free questions, with intervals, and their Markdown tables.

Answers about one clip are correlated, so intervals are clustered: clips are drawn with replacement,
and the figure is recomputed from all their answers (bootstrap percentiles, 95 %).

Out of scope: marking (`marking`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from sim_clips.questions.free import FAMILIES, FreeQuestion
from training.free_questions.answerers import GivenAnswer
from training.free_questions.marking import MARKS, Mark, as_expected, mark_answer

_DRAWS = 2000
#: Families about absent things.
_ABSENT = ("absent", "wrong_colour")
_DERIVABLE = ("derivable", "not derivable")
_PHRASINGS = ("taught", "held out")
_STATUSES = ("answered", "not_seen", "cannot_tell", "out_of_scope")


@dataclass(frozen=True, slots=True)
class Row:
    """One answer and its mark. ``there``: the question is about something that exists and has an
    answer, whether or not the notes settle it; ``settled``: a perfect perceiver's notes do."""

    clip: str
    family: str
    form: str
    status: str
    there: bool
    derivable: bool
    settled: bool
    held_out: bool
    question: str
    answer: str
    answer_status: str
    mark: Mark
    expected: bool
    seconds: float
    stamp_ns: int

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return asdict(self)


def row_of(clip: str, question: FreeQuestion, given: GivenAnswer) -> Row:
    """Mark an answer."""
    mark = mark_answer(question, given.text, given.status)
    truth = question.truth
    return Row(
        clip=clip,
        family=question.family,
        form=question.form,
        status=truth.status,
        there=bool(truth.facts.asked) and question.family not in _ABSENT,
        derivable=truth.derivable,
        settled=truth.settled,
        held_out=question.held_out,
        question=question.text,
        answer=given.text,
        answer_status=given.status,
        mark=mark,
        expected=as_expected(question, mark),
        seconds=given.seconds,
        stamp_ns=question.stamp_ns,
    )


def share(rows: Sequence[Row], hit: Callable[[Row], bool], seed: int = 1) -> dict[str, Any]:
    """The share of rows for which ``hit`` is true, with its interval: ``None`` without rows, and no
    interval with fewer than two clips."""
    clips = sorted({row.clip for row in rows})
    if not rows:
        return {"share": None, "ci": None}
    place = {clip: index for index, clip in enumerate(clips)}
    hits, counts = np.zeros(len(clips)), np.zeros(len(clips))
    for row in rows:
        hits[place[row.clip]] += hit(row)
        counts[place[row.clip]] += 1
    value = float(hits.sum() / counts.sum())
    if len(clips) < 2:
        return {"share": value, "ci": None}
    rng = np.random.default_rng([seed, len(rows), len(clips)])
    samples = rng.integers(len(clips), size=(_DRAWS, len(clips)))
    shares = hits[samples].sum(axis=1) / counts[samples].sum(axis=1)
    low, high = np.percentile(shares, [2.5, 97.5])
    return {"share": value, "ci": [float(low), float(high)]}


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    return {
        "count": len(rows),
        "clips": len({row.clip for row in rows}),
        **{mark: share(rows, lambda row, m=mark: row.mark == m) for mark in MARKS},  # type: ignore[misc]
        "expected": share(rows, lambda row: row.expected),
    }


def _by(rows: Sequence[Row], names: Sequence[str], name_of: Callable[[Row], str]) -> dict[str, Any]:
    """The figures of each named group that has rows."""
    parts: dict[str, list[Row]] = {name: [] for name in names}
    for row in rows:
        parts[name_of(row)].append(row)
    return {name: _figures(group) for name, group in parts.items() if group}


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """All figures, JSON-ready; shares are in [0, 1]."""

    def part(keep: Callable[[Row], bool]) -> list[Row]:
        return [row for row in rows if keep(row)]

    answered = part(lambda row: row.status == "answered" and row.derivable)
    there = part(lambda row: row.there and row.settled)
    absent = part(lambda row: row.family in _ABSENT and row.form != "was_colour")
    unsettled = part(lambda row: row.status == "cannot_tell")
    outside = part(lambda row: row.status == "out_of_scope")
    refusals = ("not seen", "can't tell", "out of scope")
    return {
        "questions": len(rows),
        "clips": len({row.clip for row in rows}),
        "failed": sum(row.answer_status == "failed" for row in rows),
        "seconds": float(np.mean([row.seconds for row in rows])) if rows else None,
        "targets": {
            "what is there, right": share(there, lambda row: row.mark == "right"),
            "the same where the notes tell": share(
                [row for row in there if row.derivable], lambda row: row.mark == "right"
            ),
            "never there, not seen": share(absent, lambda row: row.mark == "not seen"),
            "invented": share(rows, lambda row: row.mark == "invented"),
            "left open by the notes, can't tell": share(unsettled, lambda row: row.expected),
            "derivable, refused": share(answered, lambda row: row.mark in refusals),
            "out of scope, said so": share(outside, lambda row: row.expected),
        },
        "families": _by(rows, FAMILIES, lambda row: row.family),
        "statuses": _by(rows, _STATUSES, lambda row: row.status),
        "derivable": _by(rows, _DERIVABLE, lambda row: _DERIVABLE[not row.derivable]),
        "phrasings": _by(rows, _PHRASINGS, lambda row: _PHRASINGS[row.held_out]),
        "all": _figures(rows),
    }  # fmt: skip


def markdown(figures: Mapping[str, Any], title: str) -> str:
    """The figures as Markdown tables; shares in per cent."""
    lines = [
        f"{title}: {figures['questions']} questions about {figures['clips']} clips; in % "
        "(95 % interval, clustered by clip)",
        "",
        "| target | share |",
        "|---|---:|",
        *(f"| {name} | {_interval(value)} |" for name, value in figures["targets"].items()),
    ]
    for group in ("families", "statuses", "derivable", "phrasings"):
        lines += [
            "",
            f"| {group} | n | " + " | ".join(MARKS) + " | as expected |",
            "|---|" + "---:|" * (len(MARKS) + 2),
        ]
        parts = {**figures[group], **({"all": figures["all"]} if group == "families" else {})}
        for name, row in parts.items():
            cells = [name.replace("_", " "), str(row["count"])]
            cells += [_per_cent(row[mark]["share"]) for mark in MARKS]
            lines.append("| " + " | ".join([*cells, _interval(row["expected"])]) + " |")
    return "\n".join(lines) + "\n"


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _interval(value: Mapping[str, Any]) -> str:
    text = _per_cent(value["share"])
    if value["ci"] is None:
        return text
    low, high = value["ci"]
    return f"{text} ({100 * low:.1f}–{100 * high:.1f})"
