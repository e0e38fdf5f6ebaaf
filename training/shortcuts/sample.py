"""The questions that are measured without a memory: those that clips would get, of many scenes.

Nothing is rendered: the same maker asks about journeys with approximate visibility. Their seeds are
used for nothing else (`sim_clips.splits`).

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

#: Of each type and scene.
PER_SCENE = 4
_WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")


@dataclass(frozen=True, slots=True)
class Shown:
    """A question as it is shown, the index of its right option, and the scene that it is about."""

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
    tell: Callable[[int], None] = lambda _: None,
) -> dict[str, list[Shown]]:
    """So many questions of each type, of houses, cities and warehouses in turn.

    Args:
        per_type: questions of each type.
        first: seed of the first scene; the same seeds give the same questions.
        workers: processes.
        tell: hears of how many scenes were asked about.
    """
    found: dict[str, list[Shown]] = {kind: [] for kind in MAKERS}
    for number, questions in enumerate(_scenes(first, workers), 1):
        for question in questions:
            if len(found[question.type]) < per_type:
                found[question.type].append(question)
        tell(number)
        if all(len(some) == per_type for some in found.values()):
            break
    return found


def _scenes(first: int, workers: int) -> Iterator[list[Shown]]:
    """The questions of scene after scene, without end."""
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
    """The questions of one scene; which world it is goes by the seed."""
    world = _WORLDS[seed % len(_WORLDS)]
    rng = np.random.default_rng([seed, 29])
    journey = sample_journey(world, seed, rng)
    return [
        Shown(f"{world}_{seed}", question.type, question.text, question.choices, question.answer)
        for _, question in questions_about(journey, rng, per_type=PER_SCENE)
    ]


def read_sample(file: Path) -> dict[str, list[Shown]]:
    """Questions that something else made, by type: a JSON object a line with scene, type, text,
    choices and answer (a letter).

    Raises:
        DatasetError: the file can't be read, or holds something else.
    """
    found: dict[str, list[Shown]] = defaultdict(list)
    try:
        for line in file.read_text("utf-8").splitlines():
            row = json.loads(line)
            answer = string.ascii_uppercase.index(row["answer"])
            choices = tuple(map(str, row["choices"]))
            if not answer < len(choices):
                raise ValueError(f"answer {row['answer']} of {len(choices)} choices")
            found[row["type"]].append(
                Shown(str(row["scene"]), row["type"], str(row["text"]), choices, answer)
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DatasetError(f"{file} holds no questions ({error})") from error
    return dict(found)


def write_sample(file: Path, questions: dict[str, Sequence[Shown]]) -> None:
    """Write questions so that `read_sample` gives them back.

    Raises:
        DatasetError: the disk refuses.
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
