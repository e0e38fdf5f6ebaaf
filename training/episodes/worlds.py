"""Text-only episodes: journeys through simulated worlds, without rendering.

Journeys, perceiver's mistakes and teacher are those of `training.reasoner`; here they become rows
that can be split, stored and evaluated.

Out of scope: the use of each range of seeds (`sim_clips.splits`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from embodied_agent.reasoning.prompts import Style
from embodied_agent.records import Delta, Question
from embodied_agent.transcript.recall import recall
from sim_clips.journey import Journey
from sim_clips.questions import MAKERS, ClipQuestion, Notes, past_of, question_of, shown
from sim_clips.questions.free import Wordings
from sim_clips.scene import WorldName
from sim_clips.splits import FIRST_TRAINING_SEED
from training.episodes.rows import DatasetError, Episode, prompt_of
from training.free_questions.renaming import renamed_words
from training.text_worlds import TYPICAL_NOISE, noted, renamed, sample_journey
from training.traces import trace

#: Scenes per unit.
BLOCK = 50
#: Longest journey, in keyframes after the first.
LONGEST = 32
WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")


@dataclass(frozen=True, slots=True)
class WorldUnit:
    """Scenes ``first`` to ``first + count - 1`` of a world, ``questions`` of each.

    ``noise`` scales a perceiver's typical mistakes. ``answerable`` keeps only questions whose right
    answer follows from the deltas, including that the memory does not tell. ``rename`` gives the
    objects new names in most scenes, as in training. In a share ``words_share`` of the scenes,
    kinds and colours become words that no world uses (`training.free_questions.renaming`), of
    ``words``.
    """

    world: WorldName
    first: int
    count: int
    _: KW_ONLY
    questions: int = 24
    noise: float = 1.0
    answerable: bool = False
    rename: bool = True
    words_share: float = 0.0
    words: Wordings = "taught"
    seed: int = 1

    @property
    def name(self) -> str:
        """The unit's name, for its files."""
        return f"{self.world}_{self.first}_{self.count}"


def parse_worlds(text: str) -> tuple[WorldName, int, int]:
    """Parse ``house:2000`` or ``house:2000@500000``: world, number of scenes, first seed.

    Raises:
        DatasetError: the text has another form.
    """
    world, _, rest = text.partition(":")
    count, _, first = rest.partition("@")
    known = next((name for name in WORLDS if name == world), None)
    if known is None or not count.isdigit() or int(count) < 1 or (first and not first.isdigit()):
        raise DatasetError(
            f"--worlds needs WORLD:SCENES or WORLD:SCENES@FIRST_SEED with a world of "
            f"{', '.join(WORLDS)}, not {text!r}"
        )
    return known, int(count), int(first or FIRST_TRAINING_SEED)


def world_episodes(
    unit: WorldUnit, style: Style, provenance: dict[str, str]
) -> tuple[list[Episode], Counter[str]]:
    """All episodes of a unit (without their split), and the number of skipped items by reason."""
    episodes: list[Episode] = []
    skipped: Counter[str] = Counter()
    for scene in range(unit.first, unit.first + unit.count):
        digest = hashlib.sha256(f"{unit.seed} {unit.world} {scene}".encode()).digest()
        rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
        episodes += _scene_episodes(unit, scene, rng, style, provenance, skipped)
    return episodes, skipped


def _scene_episodes(
    unit: WorldUnit,
    seed: int,
    rng: np.random.Generator,
    style: Style,
    provenance: dict[str, str],
    skipped: Counter[str],
) -> list[Episode]:
    journey = sample_journey(unit.world, seed, rng)
    in_words = unit.words_share > 0 and rng.random() < unit.words_share
    if unit.rename and not in_words and rng.random() < 0.7:
        journey = renamed(journey, rng)
    deltas = noted(journey, rng, TYPICAL_NOISE.scaled(unit.noise))[: LONGEST + 1]
    if in_words:
        journey, (deltas,) = renamed_words(journey, (deltas,), rng, unit.words)
        journey = replace(journey, renamed=True)
    past = past_of(journey, Notes(deltas, unit.world), settled_only=unit.answerable)
    if not past.done:
        skipped["journey without a finished step"] += 1
        return []
    kinds = list(MAKERS)
    episodes: list[Episode] = []
    asked_before: set[tuple[str, str, frozenset[str]]] = set()
    for attempt in range(3 * unit.questions):
        if len(episodes) == unit.questions:
            break
        kind = kinds[(attempt + int(rng.integers(2))) % len(kinds)]
        drawn = question_of(kind, past, rng, tries=3)
        if drawn is None:
            continue
        now, question = drawn
        key = shown(question)
        if key in asked_before:
            continue
        asked_before.add(key)
        reasoning = trace(deltas, now, question) or ""
        episodes.append(
            _episode(unit, seed, len(episodes), journey, deltas, now, question, reasoning, style)
        )
    return [replace(episode, provenance=provenance) for episode in episodes]


def _episode(
    unit: WorldUnit,
    seed: int,
    number: int,
    journey: Journey,
    deltas: list[Delta],
    now: int,
    question: ClipQuestion,
    reasoning: str,
    style: Style,
) -> Episode:
    known = deltas[: now + 1]
    asked = Question(question.text, question.choices)
    prompt = prompt_of(known, asked, style)
    scene = f"{unit.world}_{seed}"
    return Episode(
        id=f"{scene}_{number:02d}",
        scene=scene,
        source=f"worlds:{scene}",
        segment=0,
        stamp_ns=journey.views[now].stamp_ns,
        category=question.type,
        kind="choice",
        question=question.text,
        choices=question.choices,
        answer="ABCDE"[question.answer],
        style=style,
        system=prompt.system,
        transcript=prompt.transcript,
        recalled=recall(known, asked)[0],
        task=prompt.task,
        deltas=tuple(known),
        reasoning=reasoning,
        domain=unit.world,
        about=question.about,
        derivable=question.derivable,
    )
