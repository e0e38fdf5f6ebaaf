"""Command line: ``python -m training.shortcuts``.

Exits with 1 if, for any type, the accuracy without a memory is more than ``--tolerance`` points
above chance.

Out of scope: the answers (`classifier`, `blind`), their figures (`measure`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from embodied_agent.cli.common import ExitCode, explained
from training.episodes.rows import DatasetError
from training.experiments.results import EVEN, Result, table, write_result
from training.shortcuts.classifier import guesses
from training.shortcuts.measure import Measured, measured, rows_of, together
from training.shortcuts.sample import Shown, part_of, read_sample, sample, write_sample


def shortcuts(
    questions: Annotated[int, typer.Option(min=8, help="questions per type")] = 4000,
    tolerance: Annotated[float, typer.Option(min=0, help="allowed points above chance")] = 3.0,
    reasoner: Annotated[
        str,
        typer.Option(help="also ask this model with an empty memory: builtin, a folder, http://…"),
    ] = "",
    reasoner_questions: Annotated[int, typer.Option(min=1, help="its questions per type")] = 1000,
    made: Annotated[
        Path | None,
        typer.Option(help="measure the questions in this file (one JSON object per line)"),
    ] = None,
    old: Annotated[
        Path | None, typer.Option(help="file of questions to show for comparison only")
    ] = None,
    keep: Annotated[Path | None, typer.Option(help="write the questions to this file")] = None,
    results: Annotated[
        Path | None, typer.Option(help="write the section of the results page into this folder")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="write all figures to this JSON file")] = None,
    workers: Annotated[int, typer.Option(min=1, help="processes that generate questions")] = 1,
) -> None:
    """Measure how well questions can be answered without the memory."""
    say = Console(stderr=True, highlight=False)
    began = time.monotonic()
    with explained():
        asked = (
            read_sample(made)
            if made
            else sample(questions, workers=workers, on_progress=_count(say))
        )
        if keep is not None:
            write_sample(keep, asked)
        named = {"classifier": classified(asked, say)}
        if reasoner:
            named["reasoner"] = answered(reasoner, asked, reasoner_questions, say)
        judged = list(named)
        if old is not None:
            named = {"classifier, old questions": classified(read_sample(old), say), **named}
        rows = rows_of(named, tolerance)
        result = _result(rows, named, tolerance, time.monotonic() - began, command(
            questions, reasoner, reasoner_questions, old
        ))  # fmt: skip
        print(table(result))
        above = [
            f"{name}, {p.type}: {100 * p.excess:+.1f} points (two standard deviations of "
            f"guessing: {100 * p.margin:.1f})"
            for name in judged
            for p in named[name]
            if 100 * p.excess > tolerance
        ]
        _write(out, results, named, result)
        for line in above:
            say.print(f"above chance by more than {tolerance:g} points: {line}", markup=False)
        if above:
            raise typer.Exit(ExitCode.FAILED)
        say.print(f"no type is above chance by more than {tolerance:g} points", markup=False)


def classified(asked: dict[str, list[Shown]], say: Console) -> list[Measured]:
    """The classifier's figures per type."""
    found = []
    for kind, some in asked.items():
        found.append(measured(kind, some, guesses(some)))
        say.print(f"{kind}: {100 * found[-1].excess:+.1f} points", markup=False)
    return found


def answered(
    model: str, asked: dict[str, list[Shown]], per_type: int, say: Console
) -> list[Measured]:
    """A model's figures per type, with an empty memory."""
    from training.shortcuts.blind import blind_guesses

    some = {kind: part_of(questions, per_type) for kind, questions in asked.items()}
    every = [question for questions in some.values() for question in questions]
    say.print(f"asking {model} {len(every)} questions", markup=False)
    answers = iter(blind_guesses(model, every))
    return [
        measured(kind, questions, [next(answers) for _ in questions])
        for kind, questions in some.items()
    ]


def _count(say: Console) -> Any:
    def on_progress(scenes: int) -> None:
        if scenes % 100 == 0:
            say.print(f"{scenes} scenes", markup=False)

    return on_progress


def command(questions: int, reasoner: str, reasoner_questions: int, old: Path | None) -> str:
    """The command line that repeats the measurement."""
    parts = [f"python -m training.shortcuts --questions {questions}"]
    if reasoner:
        parts.append(f"--reasoner {reasoner} --reasoner-questions {reasoner_questions}")
    if old is not None:
        parts.append(f"--old {old.name}")
    return " ".join(parts)


def _result(
    rows: Sequence[dict[str, str]],
    named: dict[str, list[Measured]],
    tolerance: float,
    elapsed_s: float,
    command: str,
) -> Result:
    worst = {name: max(parts, key=lambda p: p.excess) for name, parts in named.items()}
    said = [
        f"the {name} is right {100 * together(parts)[0]:.1f} % of the time, by chance it would be "
        f"{100 * together(parts)[1]:.1f} %, and most above it in "
        f"{worst[name].type.replace('_', ' ')} ({100 * worst[name].excess:+.1f} points)"
        for name, parts in named.items()
    ]
    caveats = [
        "Gradient boosting on the question's words, the options' words and how the options relate "
        "to each other (angles, inverses, reversals, edits, order of numbers, lengths, words that "
        "the question has too, things named); trained and asked on different scenes.",
        f"Beside each share its 95 % interval, clustered by scene, and its distance from chance; ! "
        f"marks more than {tolerance:g} points. Pure guessing would differ from chance by up to "
        f"{100 * max(p.margin for p in named['classifier']):.1f} points (two standard deviations).",
    ]
    if "reasoner" in named:
        caveats.append("The reasoner is asked with an empty memory.")
    if "classifier, old questions" in named:
        caveats.append(
            "Old questions: commit 9be03f5, `question_of` at random moments of scenes of the same "
            "kind, four of each type and scene."
        )
    return Result(
        name="shortcuts",
        title="Questions without the memory",
        question="How many of the questions can be answered from their text alone?",
        finding=f"{'; '.join(said)}.".capitalize(),
        command=command,
        seeds=(),
        scale=1.0,
        minutes=round(elapsed_s / 60, 1),
        columns=tuple(dict.fromkeys(key for row in rows for key in row)),
        rows=tuple(rows),
        caveats=tuple(caveats),
        questions=EVEN,
        details={name: [p.as_dict() for p in parts] for name, parts in named.items()},
    )


def _write(
    out: Path | None, results: Path | None, named: dict[str, list[Measured]], result: Result
) -> None:
    try:
        if out is not None:
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_text(json.dumps(dict(result.details), indent=1) + "\n", "utf-8")
        if results is not None:
            write_result(result, results)
    except OSError as error:
        raise DatasetError(f"can't write the figures: {error}") from error


app = typer.Typer(add_completion=False)
app.command()(shortcuts)

if __name__ == "__main__":
    app()
