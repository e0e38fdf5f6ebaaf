"""How often a model restates questions as their authors meant them.

    python -m training.restating.measure --model runs/restating/adapter

The questions are the phrasings of the authors in ``development/``, whose phrasings nothing is
trained on. The rules' own understanding of the same questions stands beside the model's.

Out of scope: answers (`training.evaluate_free`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from embodied_agent.agent.restated import LEAST_PROBABILITY
from embodied_agent.rules.families import is_plain, understand
from embodied_agent.rules.plain import read_restated
from training.restating.bank import development, filled
from training.restating.batched import BatchedRestater
from training.restating.meaning import as_asked, same
from training.restating.rows import as_typed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question: the ``form`` that its author meant, the reply that is right, the
    model's, the probability of its tokens, and whether model and rules understood the question."""

    form: str
    question: str
    right: str
    reply: str
    probability: float
    by_model: bool
    by_rules: bool


def outcomes(restater: BatchedRestater, *, fills: int, seed: int) -> list[Outcome]:
    """The outcome of each development phrasing, filled ``fills`` times."""
    rng = np.random.default_rng([seed, 37])
    asked = [(p.form, *filled(p, rng)) for p in development() for _ in range(fills)]
    asked = [(form, as_typed(question, rng), right) for form, question, right in asked]
    restater.prepare([question for _, question, _ in asked])
    found = []
    for form, question, right in asked:
        meant = read_restated(right, question)
        if meant is None:
            continue
        restatement = restater.restate(question)
        reply, probability = restatement.reply, restatement.probability
        target, restated = as_asked(meant), read_restated(reply, question)
        own = understand(question)
        own_stands = is_plain(question) or probability < LEAST_PROBABILITY
        if target is None:  # what the rules make of it, nothing may replace
            by_model, by_rules = (
                own_stands or restated is None or restated.meaning == "as_put",
                True,
            )
        else:
            taken = own if own_stands or restated is None else as_asked(restated) or own
            by_model, by_rules = same(taken, target), same(own, target)
        found.append(Outcome(form, question, right, reply, probability, by_model, by_rules))
    return found


def _share(values: Iterable[bool]) -> str:
    return f"{100 * float(np.mean(list(values))):.1f}"


def table(found: Sequence[Outcome]) -> str:
    """The shares by form as a Markdown table, in per cent."""
    forms: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in found:
        forms[outcome.form].append(outcome)
    left = forms.pop("as_put", [])
    simple = [outcome for part in forms.values() for outcome in part]
    rows = [("all but the next", simple), ("as_put", left), *sorted(forms.items())]
    rows = [(form, part) for form, part in rows if part]
    return "\n".join(
        [
            "| form | questions | restated | rules alone |",
            "|---|---:|---:|---:|",
            *(
                f"| {form} | {len(part)} | {_share(o.by_model for o in part)} | "
                f"{_share(o.by_rules for o in part)} |"
                for form, part in rows
            ),
        ]
    )


def _write(found: Sequence[Outcome], out: Path) -> None:
    """Write all outcomes, the table, and what was asked."""
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(asdict(outcome)) + "\n" for outcome in found)
    out.with_name(f"{out.name}.jsonl").write_text("".join(lines), encoding="utf-8")
    out.with_name(f"{out.name}.md").write_text(table(found) + "\n", encoding="utf-8")
    simple = [outcome for outcome in found if outcome.form != "as_put"]
    record = {
        "questions": len(found),
        "authors": "training/restating/development",
        "restated": float(np.mean([outcome.by_model for outcome in simple])),
        "rules_alone": float(np.mean([outcome.by_rules for outcome in simple])),
    }
    text = json.dumps(record, indent=1) + "\n"
    out.with_name(f"{out.name}.json").write_text(text, encoding="utf-8")


def main(
    model: Annotated[
        str, typer.Option(help="folder of the adapter or model; empty: the shipped adapter")
    ] = "",
    fills: Annotated[int, typer.Option(min=1, help="fillings of each phrasing")] = 1,
    seed: Annotated[int, typer.Option(help="seed of the fillings")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="path of the results, without .json, .md and .jsonl")
    ] = None,
) -> None:
    """Measure a model that restates questions."""
    found = outcomes(BatchedRestater(model), fills=fills, seed=seed)
    if out is not None:
        _write(found, out)
    print(table(found))


app = typer.Typer(add_completion=False)
app.command()(main)

if __name__ == "__main__":
    app()
