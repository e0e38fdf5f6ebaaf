"""Episodes of one recording, created by the runtime itself.

The recording is replayed into an `Agent`, with its keyframes, perception and memory. Each question
is then put to that agent, whose reasoner stores the prompt instead of answering. A row therefore
contains exactly the prompt that the runtime would have sent to a model, byte for byte.

Out of scope: the choice of recordings (`building`), the questions (`sim_clips.questions`,
`training.questions`).
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelUnavailable
from embodied_agent.images import decode
from embodied_agent.perception.auto import FIRST
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.factory import make_perceiver
from embodied_agent.perception.simulated_look import odds
from embodied_agent.reasoning.base import Prompt, prompt_style
from embodied_agent.records import Delta, Frame, Keyframe, Question
from embodied_agent.settings import Settings
from embodied_agent.sources import open_source
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.transcript.recall import recall
from training.episodes.rows import DatasetError, Episode, checked, follows
from training.questions.base import Asked
from training.questions.objects import object_questions
from training.questions.odometry import Place, odometry_questions, place_of
from training.true_perception import TruePerceiver

Perception = Literal["true", "builtin", "geometry", "served"]
QuestionSource = Literal["truth", "odometry", "objects"]


@dataclass(frozen=True, slots=True)
class RecordingUnit:
    """A recording, or a part of it, and the questions about it.

    ``asked`` are a benchmark's questions; ``kinds`` are sources of other questions: files next to
    the recording (truth), its poses (odometry), or its notes and poses (objects: drafts that people
    have to review). ``per_type`` is the number of generated questions
    per type.
    """

    source: str
    scene: str
    kinds: tuple[QuestionSource, ...] = ("truth", "odometry")
    asked: tuple[Asked, ...] = ()
    start_s: float | None = None
    end_s: float | None = None
    per_type: int = 4
    seed: int = 1

    @property
    def name(self) -> str:
        """The unit's name, for its files."""
        part = (
            "" if self.start_s is None and self.end_s is None else f"@{self.start_s}-{self.end_s}"
        )
        return f"{self.scene}:{self.source}{part}"


class _PromptKeeper:
    """`Reasoner` that stores the first prompt instead of answering it."""

    name = "none"

    def __init__(self) -> None:
        self.prompt: Prompt | None = None

    def stream(
        self,
        prompt: Prompt,
        *,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        self.prompt = self.prompt or prompt
        yield "<think></think><answer>A</answer>"

    def close(self) -> None:
        """Nothing to release."""


class Recorder:
    """Creates the episodes of recordings; loads its perceiver once.

    Raises:
        ModelError: the perceiver can't be loaded.
    """

    def __init__(self, settings: Settings, perception: Perception) -> None:
        # Every question needs a prompt, including those that rules would answer.
        reasoning = settings.reasoning.model_copy(update={"free": "reasoner"})
        self._settings = settings.model_copy(update={"reasoning": reasoning})
        self._perception = perception
        self._perceiver: Perceiver | None = None
        if perception != "true":
            perception_settings = settings.perception.model_copy(update={"backend": perception})
            self._perceiver = make_perceiver(perception_settings)

    def episodes(
        self, unit: RecordingUnit, provenance: dict[str, str]
    ) -> tuple[list[Episode], Counter[str]]:
        """All episodes of a unit (without their split), and the numbers of skipped frames and
        questions by reason.

        Raises:
            SourceError: the recording can't be read, or has no usable frame.
            ModelError: a keyframe can't be perceived.
            DatasetError: there are no questions about it.
        """
        skipped: Counter[str] = Counter()
        keeper = _PromptKeeper()
        with (
            open_source(unit.source, self._settings.source) as frames,
            Agent(
                self._settings,
                perceiver=self._perceiver or TruePerceiver(Path(unit.source)),
                reasoner=keeper,
            ) as agent,
        ):
            agent.begin_replay(unit.name)
            track = _observe(agent, frames, unit)
            agent.finish()
            agent.drain()
            skipped.update({f"frame: {reason}": n for reason, n in frames.skipped.items()})
            keyframes = agent.store.keyframes()
            if not keyframes:
                raise DatasetError(
                    f"{unit.source} has no frame between {unit.start_s} s and {unit.end_s} s"
                )
            if self._perception == "builtin" and not self._settings.perception.model_path:
                first = [agent.store.keyframe(keyframe.id) for keyframe in keyframes[:FIRST]]
                _refuse_real_pictures(unit.source, [k.jpeg for k in first if k is not None])
            deltas = {delta.keyframe_id: delta for delta in agent.store.deltas()}
            domain, asked = self._questions(unit, track, keyframes, deltas, skipped)
            episodes: list[Episode] = []
            for question in asked:
                episode = self._ask(agent, keeper, unit, question, keyframes, deltas)
                if isinstance(episode, str):
                    skipped[episode] += 1
                    continue
                origin = {
                    **provenance,
                    "perceiver": episode.deltas[-1].model or self._perception,
                    "questions": str(
                        question.about.get("made_from", question.domain or "odometry")
                    ),
                }
                episode = checked(
                    replace(episode, domain=question.domain or domain, provenance=origin)
                )
                episodes.append(replace(episode, derivable=follows(episode)))
        if not episodes:
            raise DatasetError(
                f"{unit.source}: no questions about it; there is no truth.json or questions.json "
                "next to it, and no moving odometry in it"
            )
        return episodes, skipped

    def _questions(
        self,
        unit: RecordingUnit,
        track: Sequence[tuple[int, Place]],
        keyframes: Sequence[Keyframe],
        deltas: dict[int, Delta],
        skipped: Counter[str],
    ) -> tuple[str, list[Asked]]:
        """The domain of the recording, and all questions about it."""
        folder = Path(unit.source) if Path(unit.source).is_dir() else Path(unit.source).parent
        truth = _json(folder / "truth.json")
        domain = str(truth["world"]) if isinstance(truth, dict) and "world" in truth else ""
        asked = list(unit.asked)
        if "truth" in unit.kinds:
            asked += _from_truth(folder, truth, unit)
        if "odometry" in unit.kinds:
            digest = hashlib.sha256(f"{unit.seed} {unit.scene}".encode()).digest()
            rng = np.random.default_rng(int.from_bytes(digest[:8], "big"))
            for part, segment in enumerate(sorted({keyframe.segment for keyframe in keyframes})):
                keyframe_places = [
                    place_of(k.stamp_ns, k.pose)
                    for k in keyframes
                    if k.segment == segment and k.pose is not None
                ]
                places_of_part = [place for number, place in track if number == part]
                generated = odometry_questions(
                    places_of_part,
                    keyframe_places,
                    rng,
                    per_type=unit.per_type,
                    scene=f"{unit.scene}_{segment}",
                )
                asked += generated
                if not generated:
                    skipped["segment without odometry that moves"] += 1
        if "objects" in unit.kinds:
            rng = np.random.default_rng([unit.seed, zlib.crc32(unit.scene.encode())])
            for segment in sorted({keyframe.segment for keyframe in keyframes}):
                drafts, left_out = object_questions(
                    deltas,
                    [k for k in keyframes if k.segment == segment],
                    rng,
                    per_type=unit.per_type,
                    scene=f"{unit.scene}_{segment}_{Path(unit.source).stem}",
                )
                asked += drafts
                skipped.update(left_out)
        return domain, asked

    def _ask(
        self,
        agent: Agent,
        keeper: _PromptKeeper,
        unit: RecordingUnit,
        asked: Asked,
        keyframes: Sequence[Keyframe],
        deltas: dict[int, Delta],
    ) -> Episode | str:
        """The episode of a question, or why there is none."""
        at_ns = keyframes[-1].stamp_ns if asked.at_ns is None else asked.at_ns
        question = Question(asked.question, asked.choices, at_ns=at_ns, timeout_s=600, id=asked.id)
        keeper.prompt = None
        answer = agent.ask(question)
        if keeper.prompt is None:
            if answer.status == "not_seen" or answer.problem.startswith("nothing was seen"):
                return "asked before anything was seen"
            if not answer.problem:
                return "answered without a model: the memory has nothing of what it is about"
            raise ModelUnavailable(f"{unit.source}: {answer.problem}")
        horizon = agent.store.horizon(at_ns=at_ns, source=unit.name)
        assert horizon is not None
        segment, last = horizon
        known_ids = {k.id for k in keyframes if k.segment == segment and k.id <= last}
        # How long a model took is no part of the data: the same recording gives the same rows.
        known_deltas = tuple(
            replace(deltas[number], latency_s=0.0)
            for number in sorted(known_ids)
            if number in deltas
        )
        return Episode(
            id=asked.id,
            scene=unit.scene,
            source=unit.source,
            segment=segment,
            stamp_ns=at_ns,
            category=asked.category,
            kind=asked.kind,
            question=asked.question,
            choices=asked.choices,
            answer=asked.answer,
            style=prompt_style(self._settings.reasoning),
            system=keeper.prompt.system,
            transcript=keeper.prompt.transcript,
            recalled=recall(known_deltas, question)[0],
            task=keeper.prompt.task,
            deltas=known_deltas,
            about={key: value for key, value in asked.about.items() if key != "made_from"},
        )


def _refuse_real_pictures(source: str, jpegs: Sequence[bytes]) -> None:
    """Raise `DatasetError` if the built-in perceiver would name what it does not know."""
    pictures = [decode(Frame(0, encoded=jpeg)) for jpeg in jpegs if jpeg]
    if pictures and fmean(odds(picture) for picture in pictures) <= 0:
        raise DatasetError(
            f"{source}: its pictures don't look like the simulated worlds, which are all that the "
            "built-in perceiver knows. Use a vision-language model (--perception served --set "
            "perception.server.base_url=http://…/v1), or --perception geometry for questions "
            "about the way alone"
        )


def _observe(
    agent: Agent, frames: Iterator[Frame] | Any, unit: RecordingUnit
) -> list[tuple[int, Place]]:
    """Feed the unit's frames to the agent; returns every frame's place, with the number of clock
    restarts before it."""
    track: list[tuple[int, Place]] = []
    first_ns: int | None = None
    part = 0
    for frame in frames:
        first_ns = frame.stamp_ns if first_ns is None else first_ns
        passed_s = (frame.stamp_ns - first_ns) / 1e9
        if unit.start_s is not None and passed_s < unit.start_s:
            continue
        if unit.end_s is not None and passed_s > unit.end_s:
            break
        agent.observe(frame)
        if frame.pose is not None:
            place = place_of(frame.stamp_ns, frame.pose)
            part += bool(track) and place.stamp_ns < track[-1][1].stamp_ns - CLOCK_RESTART_NS
            track.append((part, place))
    return track


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise DatasetError(f"can't read {path}: {error}") from error


def _from_truth(folder: Path, truth: Any, unit: RecordingUnit) -> list[Asked]:
    """The questions in questions.json or, if it is missing, new ones from truth.json."""
    rows = _json(folder / "questions.json")
    if rows is None and isinstance(truth, dict):
        from sim_clips.questions import make_questions

        rows = make_questions(truth, int(truth["seed"]), per_type=unit.per_type)
    try:
        return [
            Asked(
                id=str(row["id"]),
                category=str(row["type"]),
                kind="choice",
                question=str(row["text"]),
                choices=tuple(row["choices"]),
                answer=str(row["answer"]),
                at_ns=int(row["stamp_ns"]),
                about={**row.get("about", {}), "made_from": "truth"},
            )
            for row in rows or ()
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{folder / 'questions.json'} is not in the format of sim_clips: {error}"
        ) from error
