"""Memories for free questions: of text worlds and of recorded clips.

A memory is the runtime's memory after a journey, together with the truth. Clips are replayed
through the runtime's own keyframer; the notes of their keyframes come from the truth ("true") or
from the built-in perceiver ("pixels").

Out of scope: the questions (`sim_clips.questions.free`), the answers (`answerers`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.memory.store import Store
from embodied_agent.perception.base import Perceiver
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import Settings
from embodied_agent.sources import open_source
from sim_clips.journey import Journey
from sim_clips.questions.free import (
    FAMILIES,
    FreeQuestion,
    Standpoint,
    Wordings,
    free_questions,
    from_notes,
    keyframe_journey,
)
from sim_clips.scene import WorldName
from training.episodes.worlds import parse_worlds
from training.free_questions.renaming import renamed_words
from training.text_worlds import TYPICAL_NOISE, noted, sample_journey
from training.true_perception import TruePerceiver, true_delta

Notes = Literal["true", "pixels"]
#: Longest journey of a text world, in keyframes after the first.
LONGEST = 40
_PATIENCE_S = 120.0


@dataclass(frozen=True)
class Memory:
    """The memory of one journey.

    ``true_deltas`` are a perfect perceiver's, ``deltas`` those in the memory; both have one delta
    per keyframe and view of ``journey``. ``name`` is the clip's or the scene's name.
    """

    name: str
    world: WorldName
    journey: Journey
    deltas: Sequence[Delta]
    true_deltas: Sequence[Delta]
    keyframes: Sequence[Keyframe] = field(repr=False)

    def standpoint(self, now: int) -> Standpoint:
        """The notes up to a keyframe."""
        return Standpoint(self.journey, self.deltas, now)

    def blank(self) -> Memory:
        """The memory with the same keyframes and empty notes."""
        return replace(self, deltas=[Delta(d.keyframe_id, None) for d in self.deltas])

    def store_in(self, settings: Settings, path: str = "") -> Store:
        """Write the notes to a memory file at ``path``; empty: a store in RAM.

        Raises:
            StoreError: the file can't be written.
        """
        store = Store.open(path, settings.memory)
        for keyframe, delta in zip(self.keyframes, self.deltas, strict=True):
            stored = store.add_keyframe(
                stamp_ns=keyframe.stamp_ns,
                jpeg=keyframe.jpeg,
                width=keyframe.width,
                height=keyframe.height,
                reason=keyframe.reason,
                segment=0,
                egomotion=keyframe.egomotion,
                pose=keyframe.pose,
            )
            store.commit_delta(replace(delta, keyframe_id=stored.id))
        return store


def questions_about(
    memory: Memory,
    count: int,
    *,
    wordings: Wordings = "both",
    families: Sequence[str] = FAMILIES,
    phrasings: Mapping[str, Sequence[str]] | None = None,
    seed: int = 1,
) -> list[FreeQuestion]:
    """Questions about a memory, the same for the same seed; ``phrasings`` by form, instead of the
    taught ones.

    They are derived from the true notes, so that two perceivers get the same questions; the
    expected answers follow from the notes in the memory.
    """
    rng = np.random.default_rng(_seed_of(memory.name, seed))
    questions = free_questions(
        memory.journey, memory.true_deltas, rng, count=count, wordings=wordings,
        families=families, phrasings=phrasings,
    )  # fmt: skip
    if memory.deltas is memory.true_deltas:
        return questions
    return [from_notes(q, memory.standpoint(q.now)) for q in questions]


def text_memories(
    spec: str, *, noise: float = 0.0, renamed: Wordings | None = None, seed: int = 1
) -> Iterator[Memory]:
    """Memories of text worlds, given as ``house:40@700000`` (scenes and first seed).

    Args:
        spec: one or more worlds, joined by commas.
        noise: scales a perceiver's typical mistakes.
        renamed: the words for new names; ``None`` keeps the simulated ones.
        seed: of mistakes and words.

    Raises:
        DatasetError: ``spec`` has another form.
    """
    for part in filter(None, (p.strip() for p in spec.split(","))):
        world, count, first = parse_worlds(part)
        for scene in range(first, first + count):
            yield text_memory(world, scene, noise=noise, renamed=renamed, seed=seed)


def text_memory(
    world: WorldName,
    scene: int,
    *,
    noise: float = 0.0,
    renamed: Wordings | None = None,
    seed: int = 1,
) -> Memory:
    """The memory of one text world; the same for the same arguments."""
    name = f"{world}_{scene}"
    rng = np.random.default_rng(_seed_of(name, seed))
    journey = sample_journey(world, scene, rng)
    true = noted(journey, rng, NO_NOISE)[: LONGEST + 1]
    deltas = noted(journey, rng, TYPICAL_NOISE.scaled(noise))[: LONGEST + 1] if noise else true
    if renamed is not None:
        journey, (true, deltas) = renamed_words(journey, (true, deltas), rng, renamed)
    deltas = deltas if noise else true
    return Memory(name, world, journey, deltas, true, _blank_keyframes(journey, len(true)))


NO_NOISE = TYPICAL_NOISE.scaled(0.0)


def clip_memories(
    folders: Iterable[Path], settings: Settings, notes: Notes, perceiver: Perceiver | None = None
) -> Iterator[Memory]:
    """Memories of recorded clips, each replayed through the runtime's keyframer.

    Args:
        folders: clips with their truth.json.
        settings: of keyframes and sources.
        notes: the source of the notes.
        perceiver: required for ``pixels``.

    Raises:
        SourceError: a clip can't be read.
        ModelError: a clip has no truth, or can't be perceived.
    """
    for folder in folders:
        yield clip_memory(folder, settings, notes, perceiver)


def clip_memory(
    folder: Path, settings: Settings, notes: Notes, perceiver: Perceiver | None = None
) -> Memory:
    """The memory of one recorded clip; raises the errors of `clip_memories`."""
    if notes == "true":
        perceiver = TruePerceiver(folder)
    elif perceiver is None:
        raise ModelError("notes from pixels need a perceiver")
    quiet = settings.model_copy(update={"memory": settings.memory.model_copy(update={"path": ""})})
    with (
        open_source(str(folder), quiet.source) as frames,
        Agent(quiet, perceiver=perceiver) as agent,
    ):
        agent.begin_replay(str(folder))
        for frame in frames:
            agent.observe(frame)
        agent.finish()
        _drain(agent)
        deltas = agent.store.deltas()
        keyframes = agent.store.keyframes()
    try:
        truth = json.loads((folder / "truth.json").read_text("utf-8"))
        journey = keyframe_journey(truth, [k.stamp_ns for k in keyframes])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{folder} has no usable truth.json ({error}); free questions need simulated clips"
        ) from error
    true = [
        true_delta(truth, before, keyframe)
        for before, keyframe in zip([None, *keyframes], keyframes, strict=False)
    ]
    memory_deltas = true if notes == "true" else deltas
    return Memory(folder.name, journey.world, journey, memory_deltas, true, keyframes)


def _drain(agent: Agent) -> None:
    pending = agent.store.counts().pending
    while not agent.drain(_PATIENCE_S):
        left = agent.store.counts().pending
        if left >= pending:
            raise ModelUnavailable(f"no keyframe was perceived for {_PATIENCE_S:g} s")
        pending = left


def _blank_keyframes(journey: Journey, count: int) -> list[Keyframe]:
    """Keyframes with a grey picture, because text worlds are not rendered."""
    jpeg = cv2.imencode(".jpg", np.full((24, 32, 3), 128, np.uint8))[1].tobytes()
    return [
        Keyframe(i, view.stamp_ns, jpeg, "first" if i == 0 else "overlap", 32, 24)
        for i, view in enumerate(journey.views[:count])
    ]


def _seed_of(name: str, seed: int) -> int:
    digest = hashlib.sha256(f"free {seed} {name}".encode()).digest()
    return int.from_bytes(digest[:8], "big")
