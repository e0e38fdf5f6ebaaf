"""Answerers of free questions: the runtime's agent, and its baselines.

`AgentAnswerer` asks the agent itself, with a memory file that contains the notes. `BlindAnswerer`
asks the same agent with empty notes. `NotesAnswerer` is a plain program that gets a question's
content as data and reads the notes: the upper bound. `HabitAnswerer` gives the most frequent answer
to the question's form on other scenes: the lower bound.

Out of scope: marking (`marking`).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from embodied_agent.agent import Agent
from embodied_agent.reasoning.base import Reasoner
from embodied_agent.records import Question
from embodied_agent.rules.families import is_plain
from embodied_agent.settings import Settings
from sim_clips.questions.free import READERS, FreeQuestion
from training.free_questions.memories import Memory
from training.free_questions.wording import CANNOT_TELL, answer_of
from training.restating.batched import BatchedRestater


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer: its text for the user, its status (empty if there is none), and the seconds that
    it took."""

    text: str
    status: str = ""
    seconds: float = 0.0


class Answerer(Protocol):
    """A program or agent that answers questions about a memory."""

    @property
    def name(self) -> str:
        """The answerer's name in tables."""
        ...

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[GivenAnswer]:
        """The answer to each question, in order."""
        ...


class AgentAnswerer:
    """Asks `Agent.ask` as a user would, with text only, at the question's keyframe.

    Raises:
        ModelError: the reasoner can't be loaded; raised when it is first needed.
    """

    name = "agent"

    def __init__(
        self,
        settings: Settings,
        reasoner: Reasoner | None = None,
        *,
        restater: BatchedRestater | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        self._settings, self._reasoner, self._timeout_s = settings, reasoner, timeout_s
        self._restater = restater

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[GivenAnswer]:
        """The answer to each question, in order."""
        if self._restater is not None:
            self._restater.prepare([q.text for q in questions if not is_plain(q.text)])
        with (
            memory.store_in(self._settings) as store,
            Agent(
                self._settings, store=store, reasoner=self._reasoner, restater=self._restater
            ) as agent,
        ):
            return [self._ask(agent, question) for question in questions]

    def _ask(self, agent: Agent, question: FreeQuestion) -> GivenAnswer:
        started = time.monotonic()
        answer = agent.ask(
            Question(question.text, at_ns=question.stamp_ns, timeout_s=self._timeout_s)
        )
        return GivenAnswer(answer.text, answer.status, time.monotonic() - started)


class BlindAnswerer(AgentAnswerer):
    """The same agent, with the same keyframes but empty notes."""

    name = "blind"

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[GivenAnswer]:
        """The answer to each question, in order."""
        return super().answers(memory.blank(), questions)


class NotesAnswerer:
    """A plain program that gets each question's content as data and reads the notes."""

    name = "notes"

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[GivenAnswer]:
        """The answer to each question, in order."""
        return [self._answer(memory, question) for question in questions]

    def _answer(self, memory: Memory, question: FreeQuestion) -> GivenAnswer:
        standpoint = memory.standpoint(question.now)
        reading = READERS[question.form](standpoint, question.about)
        if reading is None:
            return GivenAnswer(CANNOT_TELL, "cannot_tell")
        return GivenAnswer(answer_of(question, reading, standpoint), reading.claim.status)


class HabitAnswerer:
    """Gives the most frequent answer to each form of question on other scenes."""

    name = "habit"

    def __init__(self, memories: Iterable[tuple[Memory, Sequence[FreeQuestion]]]) -> None:
        counts: dict[str, Counter[tuple[str, str]]] = {}
        for memory, questions in memories:
            for question, given in zip(
                questions, NotesAnswerer().answers(memory, questions), strict=True
            ):
                counts.setdefault(question.form, Counter())[given.text, given.status] += 1
        self._habits = {
            form: GivenAnswer(*count.most_common(1)[0][0]) for form, count in counts.items()
        }

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[GivenAnswer]:
        """The answer to each question, in order."""
        unknown = GivenAnswer(CANNOT_TELL, "cannot_tell")
        return [self._habits.get(question.form, unknown) for question in questions]
