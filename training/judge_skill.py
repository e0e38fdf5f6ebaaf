"""Measure how well a frozen reference follows reasoning, which the consistency reward relies on.

    python -m training.judge_skill --reference http://127.0.0.1:8001/v1 --model NAME --style full

The reference gets question, choices and reasoning, without a memory. *True* reasonings lead to the
right answer, *redirected* ones were rewritten to lead to another choice: a reference that guesses
the likely answer instead of reading is wrong on those. One that is right less than nine times in
ten is no basis for a reward: it rejects consistent answers or accepts inconsistent ones too often.

The reasonings are the teacher's, about simulated scenes of development; nothing is trained on them.

Out of scope: training a judge (`training.judge`), other rewards.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.errors import AgentError
from sim_clips.questions import ClipQuestion
from sim_clips.splits import TRAINED_WORLDS
from training.redirect import redirected
from training.reference import Reasoned, Reference, open_reference
from training.samples import samples_of
from training.watch import Sign

log = logging.getLogger(__name__)

#: A reference should be right at least this often.
GOOD = 0.9
#: Scenes of development (`sim_clips.splits`).
FIRST_SCENE = 500_000

#: A question, its true reasoning, and whether its choices are shown.
Base = tuple[ClipQuestion, str, bool]


def bases(count: int, first_scene: int, seed: int, worlds: Sequence[str]) -> list[Base]:
    """``count`` questions with their true reasoning, and whether their choices are shown."""
    rng = np.random.default_rng([seed, 11])
    collected: list[Base] = []
    scene = first_scene
    while len(collected) < count:
        world: Any = worlds[scene % len(worlds)]
        noise = float(rng.choice([0.0, 0.5, 1.0]))
        longest = int(rng.integers(4, 28))
        _, samples = samples_of(world, scene, rng, questions=8, longest=longest, noise=noise)
        for sample in samples:
            reasoning = sample.reply.split("</think>")[0].removeprefix("<think>")
            collected.append((sample.question, reasoning, "Options:" in sample.task))
        scene += 1
    return collected[:count]


def accuracy(judge: Reference, pool: Sequence[Base], seed: int = 0) -> dict[str, Any]:
    """The judge's accuracy on true and redirected reasoning, in total and per type."""
    rng = np.random.default_rng([seed, 13])
    items: list[tuple[str, str, Reasoned, str]] = []
    for base in pool:
        for way, share in (("true", 0.0), ("redirected", 1.0)):
            question, reasoning, shown = base
            conclusion = (
                redirected(question, reasoning, rng) if share else (reasoning, question.answer)
            )
            if conclusion is not None and shown:
                item = Reasoned(question.text, question.choices, conclusion[0])
                items.append((way, question.type, item, question.choices[conclusion[1]]))
    answers = judge.answers([item for _, _, item, _ in items])
    marks: dict[str, list[bool]] = defaultdict(list)
    for (way, kind, _, target), answer in zip(items, answers, strict=True):
        marks[way].append(answer == target)
        marks[f"{way} {kind}"].append(answer == target)
    return {
        key: {"right": round(float(np.mean(v)), 4), "count": len(v)}
        for key, v in sorted(marks.items())
    }


def skill(judge: Reference, questions: int) -> dict[str, Any]:
    """`accuracy` on ``questions`` questions of development, and ``least``: the lower of the two
    totals.

    Raises:
        ModelError: the reference can't be used.
    """
    figures = accuracy(judge, bases(questions, FIRST_SCENE, 1, TRAINED_WORLDS))
    totals = [figures[way]["right"] for way in ("true", "redirected") if way in figures]
    return {"least": min(totals, default=0.0), **figures}


def warn_of_weak_judge(judge: Reference, questions: int, run: Path) -> None:
    """Measure a run's reference, and warn in the log and in ``signs.jsonl`` if it is below `GOOD`.

    In a run of several processes, only the first does this.

    Raises:
        ModelError: the reference can't be used.
    """
    if not questions or int(os.environ.get("RANK", "0")):
        return
    figures = skill(judge, questions)
    true, other = (figures.get(way, {}).get("right", 0.0) for way in ("true", "redirected"))
    log.info("the reference %s follows %.0f%% of true and %.0f%% of redirected reasonings",
             judge.name, 100 * true, 100 * other)  # fmt: skip
    if figures["least"] >= GOOD:
        return
    text = (
        f"the reference {judge.name} follows {true:.0%} of true and {other:.0%} of redirected "
        f"reasonings, below {GOOD:.0%}: the consistency reward will be noise to that extent. Use a "
        "larger or a trained reference (`reference` in the configuration, `python -m "
        "training.judge`), or lower the consistency weight in `curriculum`."
    )
    log.warning("weak_judge: %s", text)
    if run.is_dir():
        with (run / "signs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(Sign("weak_judge", 0, text))) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line, measure and print; returns 1 below `GOOD`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--reference", default="builtin", help="builtin, a checkpoint folder or http://…/v1"
    )
    parser.add_argument("--model", default="", help="its name on the server")
    parser.add_argument("--style", choices=("compact", "full"), default="compact")
    parser.add_argument("--questions", type=int, default=400)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    a = parser.parse_args(arguments)
    try:
        figures = skill(open_reference(a.reference, model=a.model, style=a.style), a.questions)
    except AgentError as error:
        print(error, file=sys.stderr)
        return 2
    if a.json:
        print(json.dumps(figures, indent=1))
    else:
        for way in ("true", "redirected"):
            for key, value in figures.items():
                if key.startswith(way):
                    print(f"{key:<32} {value['right']:7.1%}  of {value['count']}")
        verdict = "good enough" if figures["least"] >= GOOD else f"below {GOOD:.0%}"
        print(f"{'the lower of the two':<32} {figures['least']:7.1%}  {verdict}")
    return 0 if figures["least"] >= GOOD else 1


if __name__ == "__main__":
    sys.exit(main())
