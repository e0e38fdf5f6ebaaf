"""Measures the built-in models on recorded clips of held-out scenes, through the runtime itself.

    python -m training.evaluate_clips --clips 8 --out runs/evaluation

Per world: what the perceiver noted of the keyframes against the truth; and the share of questions
answered right from pixels end to end, from the true deltas, by a plain program that reads the same
entries, and blind (without memory), with chance beside them. Clips are recorded where they are
missing; scene seeds from 500,000 on are never trained on.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from embodied_agent.agent import Agent
from embodied_agent.errors import ReplyError
from embodied_agent.perception.builtin import BuiltinPerceiver
from embodied_agent.reasoning.base import transcript_budget
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.votes import elected
from embodied_agent.records import Delta, Question
from embodied_agent.settings import Settings, load_settings
from embodied_agent.sources import open_source
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript
from sim_clips.record import record
from training import program
from training.true_perception import true_delta

FIRST_HELD_OUT_SEED = 500_000

Marks = dict[str, list[float]]


def perception_marks(noted: Sequence[Delta], truths: Sequence[Delta]) -> Marks:
    """Lists to average: action right, and per object hit, miss, false alarm, place right."""
    marks: Marks = defaultdict(list)
    for said, truth in zip(noted, truths, strict=True):
        if truth.action is not None:
            marks["action"].append(float(said.action is truth.action))
        wanted = {m.name: m for m in truth.mentions}
        given = {m.name: m for m in said.mentions}
        marks["hits"].append(len(wanted.keys() & given.keys()))
        marks["missed"].append(len(wanted.keys() - given.keys()))
        marks["invented"].append(len(given.keys() - wanted.keys()))
        for name in wanted.keys() & given.keys():
            marks["direction"].append(float(given[name].direction == wanted[name].direction))
            marks["distance"].append(float(given[name].distance == wanted[name].distance))
    return marks


def reply_to(
    reasoner: BuiltinReasoner, settings: Settings, deltas: Sequence[Delta], row: dict[str, Any]
) -> tuple[str | None, bool]:
    """The letter that the reasoner gives from these deltas, and whether the format was right."""
    question = Question(row["text"], tuple(row["choices"]))
    transcript = Transcript.of(deltas, transcript_budget(settings.reasoning)).text()
    recalled, _ = recall(deltas, question)
    prompt = build_prompt("compact", transcript, recalled, question)
    more = settings.reasoning.votes - 1
    try:
        reply = "".join(reasoner.stream(prompt, timeout_s=120.0))
    except ReplyError as error:
        reply = error.reply
    others = reasoner.sampled(prompt, more, timeout_s=120.0) if more else []
    try:
        return elected(reply, others, question.choices).parsed.choice, True
    except ReplyError:
        return None, False


def evaluate_clip(
    folder: Path, settings: Settings, perceiver: BuiltinPerceiver, reasoner: BuiltinReasoner
) -> tuple[Marks, list[dict[str, Any]]]:
    """Perception marks and one row per question, right or wrong by each way of answering."""
    truth = json.loads((folder / "truth.json").read_text())
    rows = json.loads((folder / "questions.json").read_text())
    answered: list[dict[str, Any]] = []
    with (
        Agent(settings, perceiver=perceiver, reasoner=reasoner) as agent,
        open_source(str(folder), settings.source) as frames,
    ):
        agent.begin_replay(str(folder))
        for frame in frames:
            agent.observe(frame)
        agent.finish()
        while not agent.drain(120.0):
            pass
        noted = agent.store.deltas()
        keyframes = agent.store.keyframes()
        truths = [
            true_delta(truth, before, keyframe)
            for before, keyframe in zip([None, *keyframes], keyframes, strict=False)
        ]
        marks = perception_marks(noted, truths)
        marks["seconds_per_keyframe"] = [d.latency_s for d in noted]
        stamps = {k.id: k.stamp_ns for k in keyframes}
        for row in rows:
            asked = Question(
                row["text"], tuple(row["choices"]), at_ns=row["stamp_ns"], timeout_s=120.0
            )
            started = time.monotonic()
            live = agent.ask(asked)
            seconds = time.monotonic() - started
            then = [d for d in truths if stamps[d.keyframe_id] <= row["stamp_ns"]]
            said = [d for d in noted if stamps[d.keyframe_id] <= row["stamp_ns"]]
            from_truth, formed = reply_to(reasoner, settings, then, row)
            blind, _ = reply_to(reasoner, settings, then[:1], row)
            given = {
                "pixels": live.choice,
                "true_deltas": from_truth,
                "program_pixels": program.answer(said, row, truth["world"]),
                "program_true": program.answer(then, row, truth["world"]),
                "blind": blind,
            }
            answered.append(
                {
                    "id": row["id"], "type": row["type"], "truth": row["answer"],
                    "chance": 1 / len(row["choices"]), "format": float(formed), "seconds": seconds,
                    **{way: float(choice == row["answer"]) for way, choice in given.items()},
                }
            )  # fmt: skip
    return marks, answered


WAYS = ("pixels", "true_deltas", "program_pixels", "program_true", "blind", "chance")


def summary(marks: Marks, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Averages of one world."""
    hits, missed, invented = (sum(marks[k]) for k in ("hits", "missed", "invented"))

    def mean(values: Sequence[float]) -> float:
        return round(float(np.mean(values)), 4) if len(values) else float("nan")

    types = sorted({row["type"] for row in rows})
    return {
        "perception": {
            "keyframes": len(marks["hits"]),
            "action": mean(marks["action"]),
            "f1": round(2 * hits / max(1, 2 * hits + missed + invented), 4),
            "precision": round(hits / max(1, hits + invented), 4),
            "recall": round(hits / max(1, hits + missed), 4),
            "direction": mean(marks["direction"]),
            "distance": mean(marks["distance"]),
            "seconds_per_keyframe": mean(marks["seconds_per_keyframe"]),
        },
        "questions": len(rows),
        "format": mean([row["format"] for row in rows]),
        "seconds_per_answer": mean([row["seconds"] for row in rows]),
        "all": {way: mean([row[way] for row in rows]) for way in WAYS},
        "types": {
            kind: {
                "count": sum(row["type"] == kind for row in rows),
                **{way: mean([row[way] for row in rows if row["type"] == kind]) for way in WAYS},
            }
            for kind in types
        },
    }


def markdown(found: dict[str, Any]) -> str:
    """The summary as tables."""
    lines = [
        "| world | keyframes | action | objects F1 | precision | recall | direction | distance |"
    ]
    lines.append("|---|---|---|---|---|---|---|---|")
    for world, part in found.items():
        p = part["perception"]
        cells = (p[k] for k in ("action", "f1", "precision", "recall", "direction", "distance"))
        lines.append(
            f"| {world} | {p['keyframes']} | " + " | ".join(f"{100 * c:.1f}" for c in cells) + " |"
        )
    for world, part in found.items():
        lines += ["", f"{world}, {part['questions']} questions, right in %:", ""]
        lines.append("| type | n | " + " | ".join(w.replace("_", " ") for w in WAYS) + " |")
        lines.append("|" + "---|" * (len(WAYS) + 2))
        for name, row in [
            *part["types"].items(),
            ("all", {"count": part["questions"], **part["all"]}),
        ]:
            cells = " | ".join(f"{100 * row[w]:.1f}" for w in WAYS)
            lines.append(f"| {name.replace('_', ' ')} | {row['count']} | {cells} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worlds", nargs="+", default=["house", "city", "warehouse"])
    parser.add_argument("--clips", type=int, default=8, help="clips per world")
    parser.add_argument("--first", type=int, default=FIRST_HELD_OUT_SEED, help="first scene seed")
    parser.add_argument("--held", type=Path, default=Path("runs/held"), help="where clips are kept")
    parser.add_argument("--out", type=Path, default=Path("runs/evaluation"), help=".json and .md")
    parser.add_argument("--perceiver", default="", help="checkpoint folder; empty: the shipped one")
    parser.add_argument("--reasoner", default="", help="checkpoint folder; empty: the shipped one")
    a = parser.parse_args()
    cv2.setNumThreads(1)
    settings = load_settings(perception__model_path=a.perceiver, reasoning__model_path=a.reasoner)
    perceiver, reasoner = BuiltinPerceiver(settings.perception), BuiltinReasoner(settings.reasoning)
    found: dict[str, Any] = {}
    for world in a.worlds:
        marks: Marks = defaultdict(list)
        rows: list[dict[str, Any]] = []
        for seed in range(a.first, a.first + a.clips):
            folder = a.held / f"{world}_{seed}"
            if not (folder / "questions.json").exists():
                record(world, seed, folder)
            some, answered = evaluate_clip(folder, settings, perceiver, reasoner)
            for name, values in some.items():
                marks[name] += values
            rows += answered
            so_far = summary(marks, rows)
            print(world, seed, so_far["perception"], so_far["all"], flush=True)
        found[world] = summary(marks, rows)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    a.out.with_suffix(".md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
