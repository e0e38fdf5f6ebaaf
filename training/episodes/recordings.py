"""Episodes of one recording, made by the runtime itself.

The recording is replayed into an `Agent`: its keyframes, its perception, its memory. Each question
is then put to that agent, with a reasoner that answers nothing and keeps the prompt: what a row
holds is what the runtime would have shown to a model, byte for byte.

Not here: which recordings (`making`), what is asked (`sim_clips.questions`, `training.questions`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelUnavailable
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.factory import make_perceiver
from embodied_agent.reasoning.base import Prompt, prompt_style
from embodied_agent.records import Delta, Frame, Keyframe, Question
from embodied_agent.settings import Settings
from embodied_agent.sources import open_source
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.transcript.recall import recall
from training.episodes.rows import DatasetError, Episode, checked, follows
from training.questions.base import Asked
from training.questions.odometry import Place, odometry_questions, place_of
from training.true_perception import TruePerceiver

Perception = Literal["true", "builtin", "geometry", "served"]
QuestionSource = Literal["truth", "odometry"]


@dataclass(frozen=True, slots=True)
class RecordingUnit:
    """A recording, or a part of it, and what is asked about it.

    ``asked`` are a benchmark's questions; ``kinds`` are made from what lies beside the recording
    (truth) or in it (odometry), ``per_type`` of each type where they are made anew.
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
        """Of the unit's files."""
        part = (
            "" if self.start_s is None and self.end_s is None else f"@{self.start_s}-{self.end_s}"
        )
        return f"{self.scene}:{self.source}{part}"


class _PromptKeeper:
    """`Reasoner` that keeps the prompt instead of answering it."""

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
    """Makes episodes of recordings; loads its perceiver once.

    Raises:
        ModelError: the perceiver can't be loaded.
    """

    def __init__(self, settings: Settings, perception: Perception) -> None:
        # A prompt is wanted for each question, also for those that rules would answer.
        reasoning = settings.reasoning.model_copy(update={"free": "reasoner"})
        self._settings = settings.model_copy(update={"reasoning": reasoning})
        self._perception = perception
        self._perceiver: Perceiver | None = None
        if perception != "true":
            chosen = settings.perception.model_copy(update={"backend": perception})
            self._perceiver = make_perceiver(chosen)

    def episodes(
        self, unit: RecordingUnit, provenance: dict[str, str]
    ) -> tuple[list[Episode], Counter[str]]:
        """All episodes of a unit (their split is not yet set), and what was left out, by reason.

        Raises:
            SourceError: the recording can't be read, or holds no usable frame.
            ModelError: a keyframe can't be perceived.
            DatasetError: nothing can be asked about it.
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
                    f"{unit.source}: no frame between {unit.start_s} s and {unit.end_s} s"
                )
            deltas = {delta.keyframe_id: delta for delta in agent.store.deltas()}
            domain, asked = self._questions(unit, track, keyframes, skipped)
            episodes: list[Episode] = []
            for one in asked:
                episode = self._ask(agent, keeper, unit, one, keyframes, deltas)
                if episode is None:
                    skipped["asked before anything was seen"] += 1
                    continue
                made = {
                    **provenance,
                    "perceiver": episode.deltas[-1].model or self._perception,
                    "questions": str(one.about.get("made_from", one.domain or "odometry")),
                }
                episode = checked(replace(episode, domain=one.domain or domain, provenance=made))
                episodes.append(replace(episode, derivable=follows(episode)))
        if not episodes:
            raise DatasetError(
                f"{unit.source}: nothing to ask about it; it has neither truth.json or "
                "questions.json beside it nor odometry that moves"
            )
        return episodes, skipped

    def _questions(
        self,
        unit: RecordingUnit,
        track: Sequence[tuple[int, Place]],
        keyframes: Sequence[Keyframe],
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
                places = [
                    place_of(k.stamp_ns, k.pose)
                    for k in keyframes
                    if k.segment == segment and k.pose is not None
                ]
                way = [place for number, place in track if number == part]
                found = odometry_questions(
                    way, places, rng, per_type=unit.per_type, scene=f"{unit.scene}_{segment}"
                )
                asked += found
                if not found:
                    skipped["segment without odometry that moves"] += 1
        return domain, asked

    def _ask(
        self,
        agent: Agent,
        keeper: _PromptKeeper,
        unit: RecordingUnit,
        asked: Asked,
        keyframes: Sequence[Keyframe],
        deltas: dict[int, Delta],
    ) -> Episode | None:
        at_ns = keyframes[-1].stamp_ns if asked.at_ns is None else asked.at_ns
        question = Question(asked.question, asked.choices, at_ns=at_ns, timeout_s=600, id=asked.id)
        keeper.prompt = None
        answer = agent.ask(question)
        if keeper.prompt is None:
            if answer.status == "not_seen" or answer.problem.startswith("nothing was seen"):
                return None  # about something that was not noted by then
            raise ModelUnavailable(f"{unit.source}: {answer.problem}")
        horizon = agent.store.horizon(at_ns=at_ns, source=unit.name)
        assert horizon is not None
        segment, last = horizon
        inside = {k.id for k in keyframes if k.segment == segment and k.id <= last}
        known = tuple(deltas[number] for number in sorted(inside) if number in deltas)
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
            recalled=recall(known, question)[0],
            task=keeper.prompt.task,
            deltas=known,
            about={key: value for key, value in asked.about.items() if key != "made_from"},
        )


def _observe(
    agent: Agent, frames: Iterator[Frame] | Any, unit: RecordingUnit
) -> list[tuple[int, Place]]:
    """Feed the frames of the unit's part; every frame's place, with how often the clock restarted
    before it."""
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
    """The questions of questions.json, or new ones from truth.json where there are none."""
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
            f"{folder / 'questions.json'}: not as sim_clips writes it: {error}"
        ) from error
