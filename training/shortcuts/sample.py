"""Questions to answer without a memory: those that clips would get, about many scenes.

Nothing is rendered: they are generated like a clip's questions, from journeys with approximate
visibility. Their seeds have no other use (`sim_clips.splits`).

Out of scope: answering them (`classifier`, `blind`).
"""

from __future__ import annotations

import json
import multiprocessing
import string
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sim_clips.questions import MAKERS, questions_about
from sim_clips.scene import WorldName
from sim_clips.splits import FIRST_PROBE_SEED
from training.episodes.rows import DatasetError
from training.text_worlds import sample_journey

#: Questions per type and scene.
PER_SCENE = 4
_WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")


@dataclass(frozen=True, slots=True)
class Shown:
    """The visible parts of a question, the index of its right option, and its scene."""

    scene: str
    type: str
    text: str
    choices: tuple[str, ...]
    answer: int


def sample(
    per_type: int,
    *,
    first: int = FIRST_PROBE_SEED,
    workers: int = 1,
    on_progress: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Shown]]:
    """Generate ``per_type`` questions of each type, alternating between the worlds.

    Args:
        per_type: questions per type.
        first: seed of the first scene; the same seeds give the same questions.
        workers: processes.
        on_progress: called with the number of scenes asked about so far.
    """
    by_type: dict[str, list[Shown]] = {kind: [] for kind in MAKERS}
    for number, questions in enumerate(_scenes(first, workers), 1):
        for question in questions:
            if len(by_type[question.type]) < per_type:
                by_type[question.type].append(question)
        on_progress(number)
        if all(len(questions_of_type) == per_type for questions_of_type in by_type.values()):
            break
    return by_type


def _scenes(first: int, workers: int) -> Iterator[list[Shown]]:
    """The questions of consecutive scenes, endlessly."""
    if workers < 2:
        seed = first
        while True:
            yield about_scene(seed)
            seed += 1
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        seed = first
        while True:
            chunk = 16 * workers
            yield from pool.map(about_scene, range(seed, seed + chunk), chunksize=4)
            seed += chunk


def about_scene(seed: int) -> list[Shown]:
    """The questions of one scene; the seed determines its world."""
    world = _WORLDS[seed % len(_WORLDS)]
    rng = np.random.default_rng([seed, 29])
    journey = sample_journey(world, seed, rng)
    return [
        Shown(f"{world}_{seed}", question.type, question.text, question.choices, question.answer)
        for _, question in questions_about(journey, rng, per_type=PER_SCENE)
    ]


def part_of(questions: Sequence[Shown], most: int) -> list[Shown]:
    """At most so many, drawn from all of them. Taken at regular steps they might all be a scene's
    first question, at an early moment, where some answers are right more often."""
    count = min(most, len(questions))
    drawn = np.random.default_rng(len(questions)).choice(len(questions), count, replace=False)
    return [questions[int(i)] for i in sorted(drawn)]


def read_sample(file: Path) -> dict[str, list[Shown]]:
    """Read questions by type from one JSON object per line, with scene, type, text, choices and
    answer (a letter).

    Raises:
        DatasetError: the file can't be read, or is not in this format.
    """
    by_type: dict[str, list[Shown]] = defaultdict(list)
    try:
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            answer = string.ascii_uppercase.index(row["answer"])
            choices = tuple(map(str, row["choices"]))
            if not answer < len(choices):
                raise ValueError(f"answer {row['answer']} of {len(choices)} choices")
            by_type[row["type"]].append(
                Shown(str(row["scene"]), row["type"], str(row["text"]), choices, answer)
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file} is not a valid file of questions ({error})") from error
    return dict(by_type)


def write_sample(file: Path, questions: dict[str, Sequence[Shown]]) -> None:
    """Write questions in the format of `read_sample`.

    Raises:
        DatasetError: the file can't be written.
    """
    rows = [
        {
            "scene": q.scene,
            "type": q.type,
            "text": q.text,
            "choices": list(q.choices),
            "answer": string.ascii_uppercase[q.answer],
        }
        for some in questions.values()
        for q in some
    ]
    try:
        file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    except OSError as error:
        raise DatasetError(f"can't write {file}: {error}") from error
