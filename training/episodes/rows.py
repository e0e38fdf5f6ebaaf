"""An episode: one question, the memory at that moment, and the true answer.

A row contains the parts of the runtime's prompt (system, transcript, recalled, task) and the deltas
behind it, so that the question can be asked in another style without the recording. Columns are
strings, integers and lists of strings; structured values (deltas, about, provenance) are stored as
JSON text, so that all rows have the same columns in both JSONL and parquet.

Out of scope: creating rows (`recordings`, `worlds`), files (`dataset`).
"""

from __future__ import annotations

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from embodied_agent.codec import from_values
from embodied_agent.errors import AgentError
from embodied_agent.reasoning.base import Prompt, transcript_budget
from embodied_agent.reasoning.prompts import Style, build_prompt
from embodied_agent.records import Delta, Question
from embodied_agent.settings import ReasoningSettings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript
from sim_clips.questions import MAKERS
from training.program import derivable

#: How an answer is marked: as the letter of a choice, a number (relative accuracy), or free text.
Kind = Literal["choice", "number", "text"]


class DatasetError(AgentError):
    """A data set of episodes can't be created, read or used."""


@dataclass(frozen=True, slots=True)
class Episode:
    """One question with its true answer and the memory at that moment.

    ``answer`` is the letter of a choice for ``kind`` "choice", a decimal number for "number", else
    the text itself. ``deltas`` are all deltas of the segment up to the question; ``transcript`` is
    the part that fits the token budget. ``reasoning`` is the teacher's, empty if there is none.
    ``domain`` names the world or data set of the scene. ``about`` has the question's content as
    data (see `sim_clips.questions`). ``derivable``: whether the true answer follows from the deltas
    (`training.program`); ``None`` if no program can decide that, as for a benchmark's questions.
    ``provenance`` has models, settings and versions.
    """

    id: str
    scene: str
    source: str
    segment: int
    stamp_ns: int
    category: str
    kind: Kind
    question: str
    choices: tuple[str, ...]
    answer: str
    style: Style
    system: str
    transcript: str
    recalled: str
    task: str
    deltas: tuple[Delta, ...]
    reasoning: str = ""
    domain: str = ""
    split: str = "train"
    about: Mapping[str, Any] = field(default_factory=dict)
    derivable: bool | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)

    @property
    def answer_text(self) -> str:
        """The answer in words: the text of the choice if there are choices."""
        if self.kind != "choice":
            return self.answer
        return self.choices[string.ascii_uppercase.index(self.answer)]

    @property
    def asked(self) -> Question:
        """The question as a record for the agent."""
        return Question(self.question, self.choices, id=self.id)

    @property
    def prompt(self) -> Prompt:
        """The prompt as the runtime built it."""
        return Prompt(self.system, self.transcript, self.task, self.choices)

    def prompt_in(self, style: Style) -> Prompt:
        """The prompt in ``style``; rebuilt from the deltas if the row has another style."""
        return self.prompt if style == self.style else prompt_of(self.deltas, self.asked, style)

    def without_memory(self) -> Episode:
        """The episode with an empty memory: one delta without mentions."""
        first = self.deltas[0].keyframe_id if self.deltas else 0
        return self.with_deltas((Delta(first, None),))

    def with_deltas(self, deltas: Sequence[Delta]) -> Episode:
        """The episode with ``deltas`` as its memory."""
        prompt = prompt_of(deltas, self.asked, self.style)
        changed = replace(
            self,
            deltas=tuple(deltas),
            system=prompt.system,
            transcript=prompt.transcript,
            recalled=recall(deltas, self.asked)[0],
            task=prompt.task,
            reasoning="",
        )
        return replace(changed, derivable=follows(changed))


def prompt_of(deltas: Sequence[Delta], question: Question, style: Style) -> Prompt:
    """Build the prompt from deltas, with the same functions as the runtime."""
    budget = transcript_budget(ReasoningSettings(prompt=style))
    recalled, _ = recall(deltas, question)
    return build_prompt(style, Transcript.of(deltas, budget).text(), recalled, question)


def follows(episode: Episode) -> bool | None:
    """Whether the true answer follows from the episode's deltas; ``None`` if no program can decide
    that, because the question is not one of the simulated worlds'."""
    world = next((w for w in ("house", "city", "warehouse") if w == episode.domain), None)
    if world is None or episode.category not in MAKERS or episode.kind != "choice":
        return None
    row = {
        "type": episode.category,
        "about": episode.about,
        "choices": episode.choices,
        "answer": episode.answer,
    }
    try:
        return derivable(episode.deltas, row, world)  # type: ignore[arg-type]
    except KeyError:
        return None  # an old question that lacks data that the program needs


def checked(episode: Episode) -> Episode:
    """Return the episode if its answer can be marked.

    Raises:
        DatasetError: the answer is not one of the choices, or not a number although it has to be.
    """
    if episode.kind == "choice":
        letters = string.ascii_uppercase[: len(episode.choices)]
        if len(episode.answer) != 1 or episode.answer not in letters:
            raise DatasetError(
                f"episode {episode.id}: answer {episode.answer!r} is not one of {letters}"
            )
    if episode.kind == "number":
        try:
            float(episode.answer)
        except ValueError as error:
            raise DatasetError(
                f"episode {episode.id}: answer {episode.answer!r} is not a number"
            ) from error
    return episode


def to_row(episode: Episode) -> dict[str, Any]:
    """Convert an episode to a row."""
    return {
        "id": episode.id,
        "scene": episode.scene,
        "split": episode.split,
        "source": episode.source,
        "segment": episode.segment,
        "stamp_ns": episode.stamp_ns,
        "domain": episode.domain,
        "category": episode.category,
        "kind": episode.kind,
        "question": episode.question,
        "choices": list(episode.choices),
        "answer": episode.answer,
        "reasoning": episode.reasoning,
        "style": episode.style,
        "system": episode.system,
        "transcript": episode.transcript,
        "recalled": episode.recalled,
        "task": episode.task,
        "deltas": _dump([_delta_values(delta) for delta in episode.deltas]),
        "about": _dump(dict(episode.about)),
        "derivable": _IN_WORDS[episode.derivable],
        "provenance": _dump(dict(episode.provenance)),
    }


def from_row(row: Mapping[str, Any]) -> Episode:
    """Convert a row back to an episode; the inverse of `to_row`.

    Raises:
        DatasetError: a column is missing or invalid.
    """
    try:
        values = dict(row)
        values["choices"] = tuple(values["choices"])
        deltas = json.loads(values["deltas"])
        values["deltas"] = tuple(_delta(entry) for entry in deltas)
        values["about"] = json.loads(values["about"])
        values["derivable"] = {word: value for value, word in _IN_WORDS.items()}[
            values.get("derivable", "")
        ]
        values["provenance"] = json.loads(values["provenance"])
        return Episode(**values)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"row {row.get('id', '?')} is not a valid episode ({error}); create the data set again "
            "with python -m training.episodes"
        ) from error


#: ``derivable`` as text, so that the column's type does not depend on its rows.
_IN_WORDS = {True: "yes", False: "no", None: ""}
_EMPTY = asdict(Delta(0, None))


def _delta_values(delta: Delta) -> dict[str, Any]:
    """A delta's fields without default values, to keep rows small."""
    return {k: v for k, v in asdict(delta).items() if v != _EMPTY[k] or k == "keyframe_id"}


def _delta(values: dict[str, Any]) -> Delta:
    return from_values(Delta, {**_EMPTY, **values})


def _dump(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
