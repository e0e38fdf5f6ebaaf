"""Questions from options and files, and answers in words, for the command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING

from embodied_agent.cli.common import ExitCode, plain
from embodied_agent.errors import QuestionError

if TYPE_CHECKING:
    from rich.console import Console

    from embodied_agent.records import Answer
    from embodied_agent.report.scoring import Case, Scored
    from embodied_agent.settings import Settings

#: How each status is shown, besides "answered" and "failed": in words, and in which style.
_STATUSES = {
    "not_seen": ("not seen", "magenta"),
    "cannot_tell": ("can't tell", "yellow"),
    "out_of_scope": ("not about what was seen", "bright_black"),
}


def cases_from(
    texts: Sequence[str],
    choices: Sequence[str],
    file: Path | None,
    settings: Settings,
    *,
    at_ns: int | None = None,
) -> list[Case]:
    """The questions from options and file. The first ``choices`` belong to the first text, etc.

    Raises:
        QuestionError: there are more choices than texts, or a question can't be asked.
    """
    from embodied_agent.agent.answerer import check_question
    from embodied_agent.records import Question
    from embodied_agent.report.scoring import Case, read_cases

    if len(choices) > len(texts):
        raise QuestionError("there are more --choices than questions; each belongs to one question")
    cases = []
    for i, text in enumerate(texts):
        options = choices[i].split("|") if i < len(choices) else []
        cases.append(Case(Question(text, tuple(o.strip() for o in options), at_ns=at_ns)))
    cases += read_cases(file) if file is not None else ()
    timed = [
        replace(case, question=replace(case.question, timeout_s=settings.reasoning.timeout_s))
        for case in cases
    ]
    for case in timed:
        check_question(case.question)
    return timed


def show_answer(say: Console, result: Scored, *, reasoning: bool = True) -> None:
    """One question with its answer: choices, reasoning, evidence and time per stage."""
    question, answer = result.case.question, result.answer
    say.print()
    say.print(plain(question.text), style="bold", markup=False)
    for letter, choice in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", question.choices, strict=False):
        picked, true = letter == answer.choice, letter == result.case.truth
        mark = ("answered" if picked else "") + (", correct" if picked and true else "")
        mark = mark or ("correct answer" if true else "")
        style = ("green" if true else "red" if result.case.truth else "cyan") if picked else ""
        say.print(
            f"  {letter}  {plain(choice)}" + (f"  ({mark})" if mark else ""),
            style=style,
            markup=False,
        )
    if reasoning and answer.reasoning:
        # Rules show the notes that they read.
        label = "notes" if answer.models.get("reasoner") == "rules" else "reasoning"
        say.print(f"  {label}:", style="dim", markup=False)
        say.print(indent(plain(answer.reasoning), "    "), style="dim", markup=False)
    if answer.status == "failed":
        say.print(f"  no answer: {plain(answer.problem)}", style="red", markup=False)
    elif answer.status != "answered":
        word, style = _STATUSES[answer.status]
        say.print(f"  {word}: {plain(answer.text)}", style=style, markup=False)
    elif not question.choices:
        say.print(f"  {plain(answer.text)}", style="cyan", markup=False)
    if answer.notice:
        say.print(f"  note: {plain(answer.notice)}", style="yellow", markup=False)
    if answer.consistency is not None:
        how = f" ({plain(answer.verified_by)})" if answer.verified_by else ""
        say.print(f"  consistency {answer.consistency:.2f}{how}", markup=False)
    if answer.evidence:
        cited = ", ".join(str(item.keyframe_id) for item in answer.evidence)
        noun = "keyframe" if len(answer.evidence) == 1 else "keyframes"
        say.print(f"  evidence: {noun} {cited}", markup=False)
    by = models_of(answer)
    if by:
        say.print(f"  by {by}", style="dim", markup=False)
    say.print(f"  {latency(answer)}", style="dim", markup=False)


def models_of(answer: Answer) -> str:
    """The models behind an answer, and whether they are the ones that come with the package."""
    from embodied_agent.models.naming import demo_note

    names = list(dict.fromkeys(filter(None, answer.models.values())))
    note = demo_note(names)
    return plain(", ".join(names)) + (f" ({note})" if note else "")


def latency(answer: Answer) -> str:
    """Time per stage, in words."""
    return ", ".join(
        f"{stage.replace('_', ' ')} {seconds:.2f} s" for stage, seconds in answer.latency_s.items()
    )


def show_score(say: Console, results: Sequence[Scored]) -> None:
    """How many answers were correct, per type and in total; nothing if no truth is known."""
    from rich.table import Table

    from embodied_agent.report.scoring import score

    total = score(results)
    if total is None:
        return
    say.print()
    if len(total.types) > 1:
        table = Table(box=None, pad_edge=False)
        table.add_column("type")
        table.add_column("correct", justify="right")
        table.add_column("rate", justify="right")
        for name, part in total.types.items():
            counts = f"{part.right} of {part.count}"
            table.add_row(plain(name.replace("_", " ")), counts, f"{100 * part.score:.0f} %")
        say.print(table)
    say.print(f"{total.right} of {total.count} answers correct", style="bold")


def outcome(results: Sequence[Scored]) -> ExitCode:
    """`ExitCode.MODEL` if there were questions and none of them got an answer."""
    failed = results and all(result.answer.status == "failed" for result in results)
    return ExitCode.MODEL if failed else ExitCode.SUCCESS
