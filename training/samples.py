"""Questions about text-only journeys with the teacher's reasoning, as training sequences.

A sequence is one transcript and several questions asked at different moments of it. Every
sequence has a new journey through a training scene (`sim_clips.splits`).

Out of scope: journeys and a perceiver's mistakes (`training.text_worlds`), the reasoning
(`training.traces`), attention within a sequence (`training.packing`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from transformers import PreTrainedTokenizerFast

from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Delta, Question
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import entry_text
from sim_clips.questions import MAKERS, NOT_TOLD, ClipQuestion, Notes, Past, question_of
from sim_clips.scene import WorldName
from sim_clips.splits import FIRST_TRAINING_SEED, TRAINED_WORLDS, refuse_held_out
from training.packing import Block, Packed
from training.text_worlds import TYPICAL_NOISE, noted, renamed, sample_journey
from training.traces import LONGEST_CHAIN, trace
from training.vocabulary import ASSISTANT, END, USER

#: Longest training sequence in tokens; longer ones lose their last questions.
LONGEST = 1280
#: How many times as often to try types that are learned last or can rarely be asked.
OFTEN = {
    "landmark_position": 1.5, "counterfactual": 1.5, "appearance_order": 1.3,
    "relative_direction": 4.0, "progress_evaluation": 0.7,
}  # fmt: skip
#: How often `NOT_TOLD` is offered, and is right if it is offered: more often than in evaluation,
#: because recognising what is missing is learned last.
OFFERED, UNTOLD = 0.65, 0.4
#: Directions as compass points, with the camera facing north: a notation that the shipped judge
#: never saw.
COMPASS = {
    "front": "N", "front-left": "NW", "left": "W", "back-left": "SW", "back": "S",
    "back-right": "SE", "right": "E", "front-right": "NE",
}  # fmt: skip
#: Types whose question makes no sense without choices; the others also occur as open questions.
NEEDS_CHOICES = frozenset({"relative_distance"})


@dataclass(frozen=True)
class Sample:
    """One question with its prompt text and target reply; ``now`` is its last delta's index."""

    question: ClipQuestion
    now: int
    task: str
    reply: str


def training_scene(rng: np.random.Generator) -> tuple[WorldName, int]:
    """Draw the world and seed of a training scene.

    Raises:
        HeldOutError: the scene is held out, because the ranges of seeds were changed.
    """
    world = TRAINED_WORLDS[int(rng.integers(len(TRAINED_WORLDS)))]
    seed = FIRST_TRAINING_SEED + int(rng.integers(1 << 30))
    refuse_held_out(world, seed)
    return world, seed


def in_compass_points(reply: str) -> str:
    """The reply with the direction that its reasoning concludes as a compass point (`COMPASS`)."""
    reasoning, closed, answer = reply.partition("</think>")
    begun, newline, last = reasoning.rpartition("\n")
    point = COMPASS.get(last.removesuffix("."))
    return f"{begun}{newline}{point}.{closed}{answer}" if newline and point else reply


def reply_text(reasoning: str, question: ClipQuestion) -> str:
    """The whole reply that the model is to learn.

    The answer is the option's text, not its letter: finding the letter is a look-up of its own,
    which a small model learns long after the rest, and a parser does it without fail.
    """
    return f"<think>{reasoning}</think><answer> {question.choices[question.answer]}</answer>"


def samples_of(
    world: WorldName,
    seed: int,
    rng: np.random.Generator,
    *,
    questions: int,
    longest: int,
    noise: float,
) -> tuple[list[Delta], list[Sample]]:
    """What the transcript holds of one journey, and questions at several moments; each sample's
    ``now`` counts the transcript's entries."""
    journey = sample_journey(world, seed, rng)
    if rng.random() < 0.7:
        journey = renamed(journey, rng)
    deltas = noted(journey, rng, TYPICAL_NOISE.scaled(noise), first_id=_first_id(rng))[
        : longest + 1
    ]
    # Old entries leave a long transcript in blocks; what they named can still be recalled.
    blocks = (len(deltas) - LONGEST_CHAIN - 2) // 8
    gone = 8 * int(rng.integers(1, blocks + 1)) if blocks > 0 and rng.random() < 0.3 else 0
    since = gone + LONGEST_CHAIN + 1 if gone else 0
    ends = [i for i, v in enumerate(journey.views[: len(deltas)]) if v.at_end and i >= since]
    past = Past(journey, Notes(deltas, world), tuple(ends))
    found: list[Sample] = []
    kinds = list(MAKERS)
    shares = np.array([OFTEN.get(kind, 1.0) for kind in kinds])
    shares /= shares.sum()
    for _ in range(3 * questions):
        if len(found) == questions or not ends:
            break
        kind = str(rng.choice(kinds, p=shares))
        offered = bool(rng.random() < OFFERED)
        drawn = question_of(kind, past, rng, tries=3, offered=offered, untold=UNTOLD)
        if drawn is None:
            continue
        now, question = drawn
        reasoning: str | None
        if gone and kind == "progress_evaluation":
            if NOT_TOLD not in question.choices:
                continue
            question = _without_start(question)
            reasoning = trace(deltas[gone:], now - gone, question)
        else:
            reasoning = trace(deltas, now, question)
        if reasoning is None:
            continue
        lettered = kind in NEEDS_CHOICES or rng.random() < 0.88
        asked = Question(question.text, question.choices if lettered else ())
        recalled, _ = recall(deltas[: now + 1], asked)
        task = build_prompt("compact", "", recalled, asked).task
        found.append(Sample(question, now - gone, task, reply_text(reasoning, question)))
    return deltas[gone:], found


def _without_start(question: ClipQuestion) -> ClipQuestion:
    """How far a plan has come, asked of a transcript that has lost its start."""
    answer = question.choices.index(NOT_TOLD)
    about = {**question.about, "open": "no start"}
    return replace(question, answer=answer, about=about, derivable=False)


def _first_id(rng: np.random.Generator) -> int:
    """Most memories are young; some began long ago."""
    return 0 if rng.random() < 0.5 else int(rng.integers(0, 200))


def pack_samples(
    tokenizer: PreTrainedTokenizerFast, deltas: list[Delta], samples: list[Sample]
) -> Packed:
    """One training sequence."""

    def ids(text: str) -> list[int]:
        return tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids

    head = ids(USER)
    limits, transcript = [], head
    for delta in deltas:
        transcript = transcript + ids(entry_text(delta))
        limits.append(len(transcript))
    blocks, total = [], len(transcript)
    for sample in samples:
        line = sample.task.index("\n") + 1
        block = Block(
            limits[sample.now],
            ids(sample.task + ASSISTANT),
            ids(sample.reply + END),
            recalled=len(ids(sample.task[:line])),
        )
        total += len(block.task) + len(block.reply)
        if total > LONGEST:
            break
        blocks.append(block)
    return Packed(transcript, blocks)


def sequences(
    seed: int, tokenizer: PreTrainedTokenizerFast, longest: int, *, compass: float = 0.0
) -> Iterator[Packed]:
    """Endless fresh training sequences of journeys of up to ``longest`` views; ``compass`` is
    the share of replies that conclude in compass points."""
    rng = np.random.default_rng([seed, 7])
    while True:
        world, scene = training_scene(rng)
        noise = float(rng.choice([0.0, 0.0, 0.5, 1.0, 1.0]))
        views = min(longest, int(4 + (longest - 3) * float(rng.random()) ** 1.4))
        deltas, samples = samples_of(world, scene, rng, questions=7, longest=views, noise=noise)
        samples = [
            replace(s, reply=in_compass_points(s.reply))
            if compass and rng.random() < compass
            else s
            for s in samples
        ]
        if samples:
            yield pack_samples(tokenizer, deltas, samples)


def corpus(episodes: int, seed: int = 1) -> Iterator[str]:
    """Texts for the tokenizer."""
    rng = np.random.default_rng([seed, 3])
    for _ in range(episodes):
        world, scene = training_scene(rng)
        deltas, samples = samples_of(world, scene, rng, questions=8, longest=30, noise=0.0)
        yield "".join(entry_text(d) for d in deltas)
        for sample in samples:
            yield f"{sample.task}{sample.reply}"
