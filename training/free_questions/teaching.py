"""Training rows for free questions: question, short reasoning over the notes, answer.

They are converted from ordinary episodes by `training.rows.make_row`. Most are about journeys with
renamed kinds and colours; none uses a held-out phrasing or word.

Out of scope: the reasoning (`teacher`), training (`training.sft`, `training.grpo`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from embodied_agent.reasoning.base import transcript_budget
from embodied_agent.reasoning.prompts import Style
from embodied_agent.records import Question
from embodied_agent.settings import ReasoningSettings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript
from sim_clips.questions.free import FAMILIES, FreeQuestion, Wordings, free_questions, to_json
from sim_clips.scene import WorldName
from sim_clips.splits import refuse_held_out
from training.episodes.rows import Episode, prompt_of
from training.episodes.worlds import parse_worlds
from training.free_questions.memories import Memory, text_memory
from training.free_questions.teacher import lesson
from training.rows import Row, make_row

#: Prefix of a family's category in rows.
PREFIX = "free_"


@dataclass(frozen=True, slots=True)
class FreeUnit:
    """Scenes ``first`` to ``first + count - 1`` of a world, ``questions`` of each.

    ``noise`` scales a perceiver's typical mistakes; a share ``renamed_share`` of the scenes is
    renamed. ``wordings`` is "taught" for training.
    """

    world: WorldName
    first: int
    count: int
    questions: int = 23
    noise: float = 1.0
    renamed_share: float = 0.7
    wordings: Wordings = "taught"
    seed: int = 1


def parse_units(spec: str, **how: object) -> list[FreeUnit]:
    """Parse units such as ``house:200,city:200``; ``how`` has further fields of `FreeUnit`.

    Raises:
        DatasetError: ``spec`` has another form.
        HeldOutError: some of the scenes are held out.
    """
    parts = [parse_worlds(part.strip()) for part in spec.split(",") if part.strip()]
    for world, count, first in parts:
        refuse_held_out(world, *range(first, first + count))
    return [FreeUnit(world, first, count, **how) for world, count, first in parts]  # type: ignore[arg-type]


def free_episodes(
    unit: FreeUnit, style: Style, skipped: Counter[str] | None = None
) -> Iterator[Episode]:
    """The episodes of a unit; the same unit gives the same episodes.

    Args:
        unit: the scenes and options.
        style: of the prompts.
        skipped: incremented for each question that is left out, by reason.
    """
    skipped = Counter() if skipped is None else skipped
    for scene in range(unit.first, unit.first + unit.count):
        rng = np.random.default_rng([unit.seed, scene, 0xF])
        renamed = unit.wordings if rng.random() < unit.renamed_share else None
        memory = text_memory(unit.world, scene, noise=unit.noise, renamed=renamed, seed=unit.seed)
        # Derived from the notes themselves, so that there are no questions about their mistakes.
        questions = free_questions(
            memory.journey, memory.deltas, rng, count=unit.questions, wordings=unit.wordings
        )
        for number, question in enumerate(questions):
            episode = _episode(memory, question, number, style, skipped)
            if episode is not None:
                yield episode


def free_rows(spec: str, style: Style, **how: object) -> list[Row]:
    """Rows for trl in the form of `training.rows`; ``how`` has further fields of `FreeUnit`.

    Raises:
        DatasetError: ``spec`` names no worlds.
    """
    return [
        make_row(episode, style)
        for unit in parse_units(spec, **how)
        for episode in free_episodes(unit, style)
    ]


def _episode(
    memory: Memory, question: FreeQuestion, number: int, style: Style, skipped: Counter[str]
) -> Episode | None:
    taught = lesson(question, memory.standpoint(question.now))
    if taught is None:
        skipped["the notes do not lead to the true answer in a few steps"] += 1
        return None
    deltas = memory.deltas[: question.now + 1]
    if Transcript.of(deltas, transcript_budget(ReasoningSettings(prompt=style))).dropped_entries:
        skipped["the prompt does not contain all deltas"] += 1
        return None
    reasoning, answer = taught
    user_question = Question(question.text)
    prompt = prompt_of(deltas, user_question, style)
    return Episode(
        id=f"{memory.name}_free_{number:02d}",
        scene=memory.name,
        source=f"worlds:{memory.name}",
        segment=0,
        stamp_ns=question.stamp_ns,
        category=f"{PREFIX}{question.family}",
        kind="text",
        question=question.text,
        choices=(),
        answer=answer,
        style=style,
        system=prompt.system,
        transcript=prompt.transcript,
        recalled=recall(deltas, user_question)[0],
        task=prompt.task,
        deltas=tuple(deltas),
        reasoning=reasoning,
        domain=memory.world,
        about={"free": to_json(question)},
    )


FREE_CATEGORIES = tuple(f"{PREFIX}{family}" for family in FAMILIES)
