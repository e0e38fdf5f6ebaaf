"""Question-free against question-conditioned deltas: what does noting online cost?

    python -m training.experiments.conditioning

An online memory can't know the question. The published system can: its perceiver is shown it. On
held-out text worlds, with a perceiver's usual mistakes, four ways of noting the same journeys:
all objects of a view up to the five largest (what the runtime does); only what the question names;
the five largest and what the question names; and the first with the question's objects on a watch
list from the start, noted without being missed.
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
    known = {m.name for m in delta.mentions}
    return replace(delta, mentions=(*delta.mentions, *(m for m in extra if m.name not in known)))


def ways(
    journey: Journey, deltas: Sequence[Delta], question: ClipQuestion, rng: np.random.Generator
) -> dict[str, list[Delta]]:
    """The four transcripts' deltas for one question."""
    names = named_objects(" ; ".join((question.text, *question.choices)), journey.objects)
    found: dict[str, list[Delta]] = {way: [] for way in WAYS}
    for index, delta in enumerate(deltas):
        true = [m for m in (_true(journey, index, name) for name in names) if m]
        seen = [m for m in true if rng.random() >= TYPICAL_NOISE.missed]
        told = tuple(m for m in delta.mentions if m.name in names)
        found[WAYS[0]].append(delta)
        found[WAYS[1]].append(_with(replace(delta, mentions=told), seen))
        found[WAYS[2]].append(_with(delta, seen))
        found[WAYS[3]].append(_with(delta, true))
    return found


def questions(count: int, seed: int) -> dict[str, list[Episode]]:
    """Episodes of each way, of the same questions."""
    rng = np.random.default_rng([seed, 23])
    made: dict[str, list[Episode]] = {way: [] for way in WAYS}
    scene, kinds = HELD_SEED + 300, list(MAKERS)
    while len(made[WAYS[0]]) < count:
        world: Any = ("house", "city")[scene % 2]
        journey = sample_journey(world, scene, rng)
        deltas = noted(journey, rng, TYPICAL_NOISE)[: LONGEST + 1]
        past = past_of(journey, Notes(deltas, world), settled_only=False)
        scene += 1
        for kind in kinds if past.done else ():
            drawn = question_of(kind, past, rng, tries=3)
            if drawn is None:
                continue
            now, question = drawn
            for way, entries in ways(journey, deltas[: now + 1], question, rng).items():
                made[way].append(_episode(question, entries, world, scene, len(made[way])))
    return {way: some[:count] for way, some in made.items()}


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
    """Ask, mark, save."""
    opts = options("conditioning", __doc__)
    answerer, _ = open_model("builtin")
    rows, shares, tokens, marks = [], {}, {}, {}
    for way, episodes in questions(opts.scaled(400, 16), 1).items():
        found = evaluate(answerer, episodes, max_tokens=200)
        marks[way] = by_question(found.marks)
        share = float(np.mean([m.right for m in found.marks]))
        shares[way] = share
        tokens[way] = float(np.mean([len(e.transcript) / 4 for e in episodes]))
        rows.append(
            {
                "noted": way,
                "questions": len(episodes),
                **cells(found.marks),
                "transcript, tokens of 4 characters": f"{tokens[way]:.0f}",
            }
        )
    change = {way: paired(marks[WAYS[0]], marks[way]) for way in WAYS[1:]}
    result = opts.result(
        name="conditioning",
        title="Question-free against question-conditioned deltas",
        question="What does it cost that an online memory can't know the question?",
        finding=(
            f"Against noting without the question, noting only what it names changes accuracy by "
            f"{change[WAYS[1]]}, noting that as well by {change[WAYS[2]]}; a watch list that "
            f"misses nothing would change it by {change[WAYS[3]]}."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            "The same questions in all rows. Mistakes are simulated at a perceiver's usual rates; "
            "the named objects' places are true where they are seen.",
            "The reasoner was trained on question-free entries only.",
            "Intervals of differences: by drawing scenes anew.",
        ),
    )

    def plot(axes: Any) -> None:
        axes.barh(list(shares), [100 * s for s in shares.values()])
        axes.set_xlabel("accuracy, %")

    save(result, opts, plot)


if __name__ == "__main__":
    main()
