"""Measure what the agent's check of the notes changes, without rendering a clip.

    python -m training.evaluate_notes_check --scenes 8

The questions have choices and are about text-only journeys through development scenes, with true
notes or with a perceiver's mistakes. The built-in reasoner's own choices are compared with the
answers after the check whether the notes settle a question (`embodied_agent.agent.notes_check`).

Out of scope: recorded clips and pixels (`training.evaluate_clips`).
"""

from __future__ import annotations

import argparse
import string
from dataclasses import dataclass

import numpy as np
import torch

from embodied_agent.records import Question
from embodied_agent.settings import load_settings
from sim_clips.questions import NOT_TOLD, questions_about, true_notes
from sim_clips.splits import DEVELOPMENT
from training import program
from training.evaluation.batched import BatchedModel
from training.evaluation.choices import in_batches, replies_to
from training.held import WORLDS
from training.text_worlds import TYPICAL_NOISE, noted, sample_journey


@dataclass(frozen=True, slots=True)
class Row:
    """A question's right letter, that of "The memory does not tell", whether the notes settle it,
    the reasoner's choice (``alone``) and the answer after the check (``checked``)."""

    right: str
    untold: str | None
    derivable: bool
    alone: str | None
    checked: str | None


def rows_of(
    world: str, seeds: range, per_type: int, noise: float, model: BatchedModel
) -> list[Row]:
    """The questions about one world's scenes, asked."""
    settings = load_settings(reasoning__votes=1)
    asked, known = [], []
    for seed in seeds:
        rng = np.random.default_rng([seed, 1])
        journey = sample_journey(world, seed, rng)
        deltas = noted(journey, rng, TYPICAL_NOISE.scaled(noise)) if noise else true_notes(journey)
        questions = np.random.default_rng([seed, 2])
        for now, question in questions_about(journey, questions, per_type=per_type):
            then = deltas[: now + 1]
            row = {
                "type": question.type,
                "choices": list(question.choices),
                "answer": string.ascii_uppercase[question.answer],
                "about": question.about,
            }
            asked.append((then, Question(question.text, question.choices)))
            known.append((row, program.derivable(then, row, journey.world)))
    replies = replies_to(settings, in_batches(model), asked, check=True)
    return [
        Row(
            row["answer"],
            string.ascii_uppercase[row["choices"].index(NOT_TOLD)]
            if NOT_TOLD in row["choices"]
            else None,
            derivable,
            reply.alone,
            reply.choice,
        )
        for (row, derivable), reply in zip(known, replies, strict=True)
    ]


def figures(rows: list[Row], way: str) -> tuple[str, ...]:
    """Cells of one line: right, derivable right, derivable refused, not derivable admitted, each in
    per cent of how many."""
    settled = [row for row in rows if row.derivable]
    others = [row for row in rows if not row.derivable and row.untold]

    def share(part: list[Row], letters: list[str | None]) -> str:
        hits = [getattr(row, way) == letter for row, letter in zip(part, letters, strict=True)]
        return f"{100 * float(np.mean(hits)):.1f} of {len(part)}" if part else "–"

    refused = [getattr(row, way) in (None, row.untold) for row in settled]
    return (
        share(rows, [row.right for row in rows]),
        share(settled, [row.right for row in settled]),
        f"{100 * float(np.mean(refused)):.1f} of {len(settled)}" if settled else "–",
        share(others, [row.untold for row in others]),
    )


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--scenes", type=int, default=8, help="per world")
    parser.add_argument("--first", type=int, default=620_000, help="first development seed")
    parser.add_argument("--per-type", type=int, default=4, help="questions of each type and scene")
    parser.add_argument("--noise", type=float, default=0.0, help="scale of a perceiver's mistakes")
    parser.add_argument("--reasoner", default="", help="checkpoint folder; empty: the shipped one")
    a = parser.parse_args()
    seeds = range(a.first, a.first + a.scenes)
    if not all(seed in DEVELOPMENT for seed in seeds):
        parser.error("only development seeds: see sim_clips/splits.py")
    torch.set_num_threads(1)
    model = BatchedModel(a.reasoner)
    print(
        "| world | method | right | derivable | derivable, refused "
        "| not derivable, “does not tell” |"
    )
    print("|---|---|---|---|---|---|")
    for world in WORLDS:
        rows = rows_of(world, seeds, a.per_type, a.noise, model)
        for way, name in (("alone", "reasoner alone"), ("checked", "notes checked first")):
            print(f"| {world} | {name} | {' | '.join(figures(rows, way))} |", flush=True)


if __name__ == "__main__":
    main()
