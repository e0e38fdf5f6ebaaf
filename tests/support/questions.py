"""A question queue whose reasoner waits for a signal."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion
from embodied_agent.records import Answer, Question
from tests.support.web import WAIT_S, Naming, Paced, frames, web_settings


@contextmanager
def queue(
    reasoner: Paced, *, parallel: int = 1, waiting: int = 16
) -> Iterator[tuple[Agent, QuestionQueue]]:
    """An agent that has seen a little, with a queue; the reasoner is let go at the end."""
    with Agent(web_settings(), perceiver=Naming(), reasoner=reasoner) as agent:
        for frame in frames(6):
            agent.observe(frame)
        assert agent.drain(WAIT_S)
        questions = QuestionQueue(agent, parallel=parallel, waiting=waiting)
        try:
            yield agent, questions
        finally:
            reasoner.go.set()
            reasoner.more.set()
            questions.close()


def held() -> Paced:
    """A reasoner that waits for a signal."""
    reasoner = Paced()
    reasoner.go.clear()
    return reasoner


def put(
    questions: QuestionQueue, text: str, client: str = "a", timeout_s: float = WAIT_S
) -> QueuedQuestion:
    return questions.submit(Question(text, timeout_s=timeout_s), client=client)


def result(ask: QueuedQuestion) -> Answer:
    return ask.answer.result(WAIT_S)


def occupied(questions: QuestionQueue, reasoner: Paced) -> QueuedQuestion:
    """A question that keeps the only worker busy until the reasoner is let go."""
    first = put(questions, "first?", "occupant")
    assert reasoner.started.acquire(timeout=WAIT_S)
    return first
