"""Measures the built-in models on recorded clips of held-out scenes, through the runtime itself.

    python -m training.evaluate_clips --out runs/evaluation

Per world: what the perceiver noted of the keyframes against the truth; and the share of questions
answered right from pixels end to end, from the true deltas, by a plain program that reads the same
entries, and with an empty memory, with chance beside them, each with its interval by clips. What
follows from the notes is told from what does not, for the perceiver's notes and for the true ones.

Clips are recorded where they are missing. By default they are those of the held-out block
(`sim_clips.splits`), which a released model is measured on once; while developing, look at others
with ``--first 500000``.
"""

from __future__ import annotations

import argparse
import json
import string
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

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
from sim_clips.questions import NOT_TOLD
from sim_clips.splits import HELD_OUT_CLIPS
from training import program
from training.evaluation.clip_tables import Marks, markdown, summary
from training.held import FOLDER, WORLDS, held_clips
from training.true_perception import true_delta

#: What was noted by an agent that has seen nothing.
NOTHING = (Delta(0, None),)


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
            blind, _ = reply_to(reasoner, settings, NOTHING, row)
            given = {
                "pixels": live.choice,
                "true_deltas": from_truth,
                "program_pixels": program.answer(said, row, truth["world"]),
                "program_true": program.answer(then, row, truth["world"]),
                "blind": blind,
            }
            not_told = NOT_TOLD in row["choices"] and row["choices"].index(NOT_TOLD)
            letter = "" if not_told is False else string.ascii_uppercase[not_told]
            answered.append(
                {
                    "id": row["id"], "clip": folder.name, "type": row["type"],
                    "truth": row["answer"], "not_told": letter, "given": given,
                    "derivable": {
                        "pixels": program.derivable(said, row, truth["world"]),
                        "true_deltas": program.derivable(then, row, truth["world"]),
                    },
                    "chance": 1 / len(row["choices"]), "format": float(formed), "seconds": seconds,
                    **{way: float(choice == row["answer"]) for way, choice in given.items()},
                }
            )  # fmt: skip
    return marks, answered


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS))
    parser.add_argument("--clips", type=int, default=len(HELD_OUT_CLIPS), help="clips per world")
    parser.add_argument(
        "--first", type=int, default=HELD_OUT_CLIPS[0], help="first scene seed, never a trained one"
    )
    parser.add_argument("--held", type=Path, default=FOLDER, help="where clips are kept")
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
        for folder in held_clips((world,), range(a.first, a.first + a.clips), a.held):
            some, answered = evaluate_clip(folder, settings, perceiver, reasoner)
            for name, values in some.items():
                marks[name] += values
            rows += answered
            so_far = summary(marks, rows)
            print(folder.name, so_far["perception"], so_far["all"], flush=True)
        found[world] = summary(marks, rows)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    a.out.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")
    a.out.with_suffix(".md").write_text(markdown(found))
    print(markdown(found))


if __name__ == "__main__":
    main()
