"""Question-free against question-conditioned deltas: the cost of perceiving online.

    python -m training.experiments.conditioning

An online memory can't know the question. The published system can: its perceiver reads it. On
held-out text worlds, with a perceiver's usual mistakes, four kinds of deltas of the same journeys
are compared: the five largest objects in view (as in the runtime); only the objects that the
question names; both; and the five largest objects plus the question's objects on a watch list,
which are never missed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embodied_agent.records import Delta, Mention
from embodied_agent.transcript.recall import named_objects
from sim_clips.journey import Journey
from sim_clips.questions import MAKERS, ClipQuestion, Notes, past_of, question_of
from sim_clips.scene import VISIBLE_PIXELS
from training.episodes.rows import Episode
from training.evaluate import evaluate
from training.evaluation.answering import open_model
from training.experiments.common import HELD_SEED, options, save
from training.experiments.comparing import by_question, cells, paired
from training.text_worlds import TYPICAL_NOISE, noted, sample_journey

WAYS = (
    "question-free",
    "question-conditioned",
    "question-free and named",
    "watch list, never missed",
)
LONGEST = 20


def _true(journey: Journey, index: int, name: str) -> Mention | None:
    view = journey.views[index]
    if view.visible.get(name, 0) < VISIBLE_PIXELS:
        return None
    return Mention(name, journey.direction(name, view.pose), journey.distance(name, view.pose))


def _with(delta: Delta, extra: Sequence[Mention]) -> Delta:
    names = {m.name for m in delta.mentions}
    return replace(delta, mentions=(*delta.mentions, *(m for m in extra if m.name not in names)))


def ways(
    journey: Journey, deltas: Sequence[Delta], question: ClipQuestion, rng: np.random.Generator
) -> dict[str, list[Delta]]:
    """The deltas of all four kinds for one question."""
    names = named_objects(" ; ".join((question.text, *question.choices)), journey.objects)
    by_way: dict[str, list[Delta]] = {way: [] for way in WAYS}
    for index, delta in enumerate(deltas):
        true = [m for m in (_true(journey, index, name) for name in names) if m]
        perceived = [m for m in true if rng.random() >= TYPICAL_NOISE.missed]
        named_mentions = tuple(m for m in delta.mentions if m.name in names)
        by_way[WAYS[0]].append(delta)
        by_way[WAYS[1]].append(_with(replace(delta, mentions=named_mentions), perceived))
        by_way[WAYS[2]].append(_with(delta, perceived))
        by_way[WAYS[3]].append(_with(delta, true))
    return by_way


def questions(count: int, seed: int) -> dict[str, list[Episode]]:
    """Episodes of each kind, with the same questions."""
    rng = np.random.default_rng([seed, 23])
    by_way: dict[str, list[Episode]] = {way: [] for way in WAYS}
    scene, kinds = HELD_SEED + 300, list(MAKERS)
    while len(by_way[WAYS[0]]) < count:
        world: Any = ("house", "city")[scene % 2]
        journey = sample_journey(world, scene, rng)
        deltas = noted(journey, rng, TYPICAL_NOISE)[: LONGEST + 1]
        past = past_of(journey, Notes(deltas, world), settled_only=False)
        scene += 1
        for kind in kinds if past.done else ():
            moment_and_question = question_of(kind, past, rng, tries=3)
            if moment_and_question is None:
                continue
            now, question = moment_and_question
            for way, entries in ways(journey, deltas[: now + 1], question, rng).items():
                by_way[way].append(_episode(question, entries, world, scene, len(by_way[way])))
    return {way: some[:count] for way, some in by_way.items()}


def _episode(
    question: ClipQuestion, deltas: list[Delta], world: str, scene: int, number: int
) -> Episode:
    empty = Episode(
        id=str(number), scene=f"{world}_{scene}", source="text", segment=0, stamp_ns=0,
        category=question.type, kind="choice", question=question.text, choices=question.choices,
        answer="ABCDE"[question.answer], style="compact", system="", transcript="", recalled="",
        task="", deltas=(), domain=world, split="test", about=question.about,
    )  # fmt: skip
    return empty.with_deltas(deltas)


def main() -> None:
    """Evaluate on all kinds of deltas, and save the result."""
    opts = options("conditioning", __doc__)
    answerer, _ = open_model("builtin")
    rows, shares, tokens, marks = [], {}, {}, {}
    for way, episodes in questions(opts.scaled(400, 16), 1).items():
        evaluation = evaluate(answerer, episodes, max_tokens=200)
        marks[way] = by_question(evaluation.marks)
        share = float(np.mean([m.right for m in evaluation.marks]))
        shares[way] = share
        tokens[way] = float(np.mean([len(e.transcript) / 4 for e in episodes]))
        rows.append(
            {
                "noted": way,
                "questions": len(episodes),
                **cells(evaluation.marks),
                "transcript, tokens of 4 characters": f"{tokens[way]:.0f}",
            }
        )
    change = {way: paired(marks[WAYS[0]], marks[way]) for way in WAYS[1:]}
    result = opts.result(
        name="conditioning",
        title="Question-free against question-conditioned deltas",
        question="What does it cost that an online memory does not know the question?",
        finding=(
            f"Compared with question-free deltas, noting only the objects that the question names "
            f"changes accuracy by {change[WAYS[1]]}, noting them in addition by "
            f"{change[WAYS[2]]}; a watch list without misses would change it by {change[WAYS[3]]}."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            "All rows have the same questions. Mistakes are simulated at a perceiver's usual "
            "rates; the places of the named objects are true if they are noted.",
            "The reasoner was trained on question-free deltas only.",
            "Intervals of differences: bootstrapped over scenes.",
        ),
    )

    def plot(axes: Any) -> None:
        axes.barh(list(shares), [100 * s for s in shares.values()])
        axes.set_xlabel("accuracy, %")

    save(result, opts, plot)


if __name__ == "__main__":
    main()
