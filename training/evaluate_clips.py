"""Measure the built-in models on recorded clips of held-out scenes, through the runtime itself.

    python -m training.evaluate_clips --out runs/evaluation

Per world: the perceiver's deltas against the truth; and the share of questions answered correctly
end to end from pixels, from the true deltas (with and without asking the notes whether they settle
a question, as the agent does), by a plain program that reads the same deltas, with an empty memory,
and by chance, each with an interval clustered by clip. Questions whose answer follows from the
deltas are reported separately, for the perceiver's deltas and for the true ones.

``--positions`` also answers from pixels with `reasoning.positions`, from poses with the noise of
odometry, and says what that changes. Where the notes leave a question open, what is true in the
world counts as right, too.

Missing clips are recorded first. The default is the held-out block (`sim_clips.splits`), on which a
released model is measured once; during development use other seeds, with ``--first 500000``.
"""

from __future__ import annotations

import argparse
import json
import string
import tempfile
import time
from collections import defaultdict
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import cv2
import torch

from embodied_agent.agent import Agent
from embodied_agent.agent.position_answers import BY_POSITION
from embodied_agent.errors import ModelUnavailable
from embodied_agent.perception.builtin import BuiltinPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.records import Answer, Delta, Question
from embodied_agent.settings import Settings, load_settings
from sim_clips.journey import journey_of_truth
from sim_clips.questions import NOT_TOLD
from sim_clips.splits import HELD_OUT_CLIPS
from training import program
from training.evaluation.batched import BatchedModel
from training.evaluation.choices import in_batches, one_by_one, replies_to
from training.evaluation.clip_tables import Marks, markdown, summary
from training.evaluation.positioned import compared, noisy_copy, table, true_letter
from training.held import FOLDER, WORLDS, held_clips
from training.true_perception import true_delta

#: The memory of an agent that has seen nothing.
NOTHING = (Delta(0, None),)


def perception_marks(noted: Sequence[Delta], truths: Sequence[Delta]) -> Marks:
    """Values to average: correct actions, hits, misses, false alarms, correct places."""
    marks: Marks = defaultdict(list)
    for delta, truth in zip(noted, truths, strict=True):
        if truth.action is not None:
            marks["action"].append(float(delta.action is truth.action))
        true_mentions = {m.name: m for m in truth.mentions}
        noted_mentions = {m.name: m for m in delta.mentions}
        marks["hits"].append(len(true_mentions.keys() & noted_mentions.keys()))
        marks["missed"].append(len(true_mentions.keys() - noted_mentions.keys()))
        marks["invented"].append(len(noted_mentions.keys() - true_mentions.keys()))
        for name in true_mentions.keys() & noted_mentions.keys():
            marks["direction"].append(
                float(noted_mentions[name].direction == true_mentions[name].direction)
            )
            marks["distance"].append(
                float(noted_mentions[name].distance == true_mentions[name].distance)
            )
    return marks


def evaluate_clip(
    folder: Path,
    settings: Settings,
    perceiver: BuiltinPerceiver,
    reasoner: BuiltinReasoner,
    batches: BatchedModel | None = None,
    *,
    positions: bool = False,
) -> tuple[Marks, list[dict[str, Any]]]:
    """Perception marks, and one row per question with a mark for each way of answering.

    Args:
        folder: of the clip.
        settings: a memory file that holds the clip already is not written again.
        perceiver: shared by all clips.
        reasoner: likewise.
        batches: the same model; answers the questions to the true deltas and to none together,
            where no further votes are wanted.
        positions: whether the questions are also asked with positions.
    """
    truth = json.loads((folder / "truth.json").read_text())
    rows = json.loads((folder / "questions.json").read_text())
    results: list[dict[str, Any]] = []
    journey = journey_of_truth(truth)
    plain = _with_positions(settings, positions=False)
    with Agent(plain, perceiver=perceiver, reasoner=reasoner) as agent:
        agent.replay(str(folder))
        located: dict[str, Answer] = {}
        if positions:
            located = answers_by_position(agent, settings, perceiver, rows, truth["seed"])
        noted = agent.store.deltas()
        keyframes = agent.store.keyframes()
        truths = [
            true_delta(truth, before, keyframe)
            for before, keyframe in zip([None, *keyframes], keyframes, strict=False)
        ]
        marks = perception_marks(noted, truths)
        marks["seconds_per_keyframe"] = [d.latency_s for d in noted]
        stamps = {k.id: k.stamp_ns for k in keyframes}
        questions = [Question(row["text"], tuple(row["choices"])) for row in rows]
        truth_by_then = [
            [d for d in truths if stamps[d.keyframe_id] <= row["stamp_ns"]] for row in rows
        ]
        single = settings.reasoning.votes == 1
        reply = in_batches(batches) if batches and single else one_by_one(reasoner, settings)
        from_truths = replies_to(
            settings,
            reply,
            list(zip(truth_by_then, questions, strict=True)),
            check=settings.reasoning.check_notes,
        )
        from_nothing = replies_to(settings, reply, [(NOTHING, q) for q in questions], check=False)
        for number, row in enumerate(rows):
            question = Question(
                row["text"], tuple(row["choices"]), at_ns=row["stamp_ns"], timeout_s=120.0
            )
            started = time.monotonic()
            live = agent.ask(question)
            seconds = time.monotonic() - started
            truth_so_far, from_truth = truth_by_then[number], from_truths[number]
            noted_so_far = [d for d in noted if stamps[d.keyframe_id] <= row["stamp_ns"]]
            choices = {
                "pixels": live.choice,
                "true_deltas": from_truth.choice,
                "reasoner_true": from_truth.alone,
                "program_pixels": program.answer(noted_so_far, row, truth["world"]),
                "program_true": program.answer(truth_so_far, row, truth["world"]),
                "blind": from_nothing[number].choice,
            }
            if positions:
                by_position = located.get(row["id"])
                choices["positions"] = (by_position or live).choice
            untold_index = NOT_TOLD in row["choices"] and row["choices"].index(NOT_TOLD)
            letter = "" if untold_index is False else string.ascii_uppercase[untold_index]
            world = true_letter(journey, row)
            told = row["answer"] != letter
            right = {way: choice == row["answer"] for way, choice in choices.items()}
            if positions and not told and world is not None:
                right["positions"] = choices["positions"] in (letter, world)
            results.append(
                {
                    "id": row["id"], "clip": folder.name, "type": row["type"],
                    "truth": row["answer"], "not_told": letter, "given": choices,
                    "answer": row["answer"], "answer_told": told, "world": world,
                    "by_position": row["id"] in located,
                    "derivable": {
                        "pixels": program.derivable(noted_so_far, row, truth["world"]),
                        "true_deltas": program.derivable(truth_so_far, row, truth["world"]),
                    },
                    "chance": 1 / len(row["choices"]), "format": float(from_truth.well_formed),
                    "seconds": seconds,
                    **{way: float(value) for way, value in right.items()},
                }
            )  # fmt: skip
    return marks, results


class _Silent:
    """`Reasoner` that is not there."""

    name = "none"

    def stream(
        self,
        prompt: Prompt,
        *,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        raise ModelUnavailable("the reasoner is not asked")

    def close(self) -> None:
        pass


def answers_by_position(
    agent: Agent,
    settings: Settings,
    perceiver: BuiltinPerceiver,
    rows: Sequence[dict[str, Any]],
    seed: int,
) -> dict[str, Answer]:
    """The answers that positions settle, by the question's id, from a copy of the agent's memory
    with noise on its poses. The reasoner is not asked: its answers are those without positions."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "noisy.db"
        noisy_copy(agent.store, copy, seed)
        kept = _with_positions(_remembering(settings, copy), positions=True)
        with Agent(kept, perceiver=perceiver, reasoner=_Silent()) as other:
            for row in rows:
                answer = other.ask(
                    Question(row["text"], tuple(row["choices"]), at_ns=row["stamp_ns"])
                )
                if BY_POSITION in answer.verified_by:
                    found[row["id"]] = answer
    return found


def _with_positions(settings: Settings, *, positions: bool) -> Settings:
    reasoning = settings.reasoning.model_copy(update={"positions": positions})
    return settings.model_copy(update={"reasoning": reasoning})


def _remembering(settings: Settings, memory: Path) -> Settings:
    memory.parent.mkdir(parents=True, exist_ok=True)
    kept = settings.memory.model_copy(update={"path": str(memory)})
    return settings.model_copy(update={"memory": kept})


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--clips", type=int, default=len(HELD_OUT_CLIPS), help="clips per world")
    parser.add_argument(
        "--first",
        type=int,
        default=HELD_OUT_CLIPS[0],
        help="first scene seed; never a training seed",
    )
    parser.add_argument("--held", type=Path, default=FOLDER, help="folder of the recorded clips")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("runs/evaluation"),
        help="path of the results, without .json and .md",
    )
    parser.add_argument("--perceiver", default="", help="checkpoint folder; empty: the shipped one")
    parser.add_argument("--reasoner", default="", help="checkpoint folder; empty: the shipped one")
    parser.add_argument(
        "--votes", type=int, default=load_settings().reasoning.votes, help="reasonings per answer"
    )
    parser.add_argument(
        "--memories",
        type=Path,
        help="folder of memory files, one per clip, so that nothing is perceived twice",
    )
    parser.add_argument(
        "--perceive-only", action="store_true", help="only fill --memories; ask nothing"
    )
    parser.add_argument(
        "--positions", action="store_true", help="also answer with measured positions"
    )
    a = parser.parse_args()
    if a.perceive_only and a.memories is None:
        parser.error("--perceive-only needs --memories")
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    settings = load_settings(
        perception__model_path=a.perceiver,
        perception__backend="builtin",
        reasoning__model_path=a.reasoner,
        reasoning__votes=a.votes,
    )
    perceiver, reasoner = BuiltinPerceiver(settings.perception), BuiltinReasoner(settings.reasoning)
    batches = BatchedModel(a.reasoner)
    figures: dict[str, Any] = {}
    every: list[dict[str, Any]] = []
    for world in a.worlds:
        marks: Marks = defaultdict(list)
        rows: list[dict[str, Any]] = []
        for folder in held_clips((world,), range(a.first, a.first + a.clips), a.held):
            kept = settings
            if a.memories is not None:
                kept = _remembering(settings, a.memories / f"{folder.name}.db")
            if a.perceive_only:
                with Agent(kept, perceiver=perceiver, reasoner=reasoner) as agent:
                    agent.replay(str(folder))
                print(folder.name, flush=True)
                continue
            clip_marks, results = evaluate_clip(
                folder, kept, perceiver, reasoner, batches, positions=a.positions
            )
            for name, values in clip_marks.items():
                marks[name] += values
            rows += results
            so_far = summary(marks, rows)
            print(folder.name, so_far["perception"], so_far["all"], flush=True)
        if rows:
            figures[world] = summary(marks, rows)
            every += rows
    if a.perceive_only:
        return
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.with_suffix(".json").write_text(json.dumps(figures, indent=1) + "\n")
    a.out.with_suffix(".md").write_text(markdown(figures))
    print(markdown(figures))
    if a.positions:
        parts = {w: [row for row in every if row["clip"].startswith(f"{w}_")] for w in a.worlds}
        found = {name: compared(rows) for name, rows in {**parts, "all worlds": every}.items()}
        a.out.with_name(f"{a.out.stem}_positions.json").write_text(
            json.dumps({"figures": found, "rows": every}, indent=1) + "\n"
        )
        for name, part in found.items():
            print(f"{name}, what positions change:\n\n{table(part)}")


if __name__ == "__main__":
    main()
