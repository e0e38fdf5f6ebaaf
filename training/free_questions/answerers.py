"""Who answers free questions: the runtime's agent, and what it is compared with.

`AgentAnswerer` asks the agent itself, on a memory file that holds the notes. `BlindAnswerer` asks
the same agent on a memory in which nothing is noted. `NotesAnswerer` is a plain program that is
told what a question is about and reads the notes: the upper line. `HabitAnswerer` knows nothing
but which answer is the commonest to a form of question on other scenes: the lower one.

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
from embodied_agent.settings import Settings
from sim_clips.questions.free import READERS, FreeQuestion
from training.free_questions.memories import Memory
from training.free_questions.wording import CANNOT_TELL, answer_of


@dataclass(frozen=True, slots=True)
class Given:
    """What was answered: the text that a person reads, the answer's status, empty where it has
    none, and how long it took."""

    text: str
    status: str = ""
    seconds: float = 0.0


class Answerer(Protocol):
    """Answers questions about a memory."""

    @property
    def name(self) -> str:
        """In tables."""
        ...

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[Given]:
        """One per question, in order."""
        ...


class AgentAnswerer:
    """Asks `Agent.ask` as a person would, in words alone, as of the question's keyframe.

    Raises:
        ModelError: the reasoner can't be loaded, when it is first needed.
    """

    name = "agent"

    def __init__(
        self, settings: Settings, reasoner: Reasoner | None = None, *, timeout_s: float = 120.0
    ) -> None:
        self._settings, self._reasoner, self._timeout_s = settings, reasoner, timeout_s

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[Given]:
        """One per question, in order."""
        with (
            memory.store_in(self._settings) as store,
            Agent(self._settings, store=store, reasoner=self._reasoner) as agent,
        ):
            return [self._ask(agent, question) for question in questions]

    def _ask(self, agent: Agent, question: FreeQuestion) -> Given:
        started = time.monotonic()
        answer = agent.ask(
            Question(question.text, at_ns=question.stamp_ns, timeout_s=self._timeout_s)
        )
        return Given(answer.text, answer.status, time.monotonic() - started)


class BlindAnswerer(AgentAnswerer):
    """The same agent with a memory of the same keyframes, of which nothing is noted."""

    name = "blind"

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[Given]:
        """One per question, in order."""
        return super().answers(memory.blank(), questions)


class NotesAnswerer:
    """A plain program that reads the notes; it is told what each question is about."""

    name = "notes"

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[Given]:
        """One per question, in order."""
        return [self._answer(memory, question) for question in questions]

    def _answer(self, memory: Memory, question: FreeQuestion) -> Given:
        standpoint = memory.standpoint(question.now)
        reading = READERS[question.form](standpoint, question.about)
        if reading is None:
            return Given(CANNOT_TELL, "cannot_tell")
        return Given(answer_of(question, reading, standpoint), reading.claim.status)


class HabitAnswerer:
    """The commonest answer to each form of question on other scenes."""

    name = "habit"

    def __init__(self, memories: Iterable[tuple[Memory, Sequence[FreeQuestion]]]) -> None:
        counts: dict[str, Counter[tuple[str, str]]] = {}
        for memory, questions in memories:
            for question, given in zip(
                questions, NotesAnswerer().answers(memory, questions), strict=True
            ):
                counts.setdefault(question.form, Counter())[given.text, given.status] += 1
        self._habits = {form: Given(*count.most_common(1)[0][0]) for form, count in counts.items()}

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[Given]:
        """One per question, in order."""
        unknown = Given(CANNOT_TELL, "cannot_tell")
        return [self._habits.get(question.form, unknown) for question in questions]
