"""The question queue: cancelling a question, a fault in one, closing the queue."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from embodied_agent.agent.question_queue import QueueListener
from embodied_agent.errors import Busy
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Answer, Question
from tests.support.questions import held, occupied, put, queue, result
from tests.support.web import WAIT_S, Paced


def test_a_cancelled_question_gives_up_its_place() -> None:
    reasoner = held()
    with queue(reasoner, waiting=1) as (_, questions):
        occupied(questions, reasoner)
        ask = questions.submit(Question("never mind", id="mine"), client="a")
        ask.cancel()
        assert (result(ask).problem, result(ask).question_id) == ("cancelled", "mine")
        assert questions.status().waiting == 0
        put(questions, "another", "b")


def test_cancelling_an_answer_in_the_making_stops_the_model() -> None:
    reasoner = Paced(hold_after=1)
    with queue(reasoner) as (_, questions):
        came = threading.Event()
        ask = questions.submit(Question("Where?"), on_piece=lambda piece: came.set())
        assert came.wait(WAIT_S)
        ask.cancel()
        assert result(ask).problem == "cancelled"
        reasoner.more.set()
        assert reasoner.stopped.wait(WAIT_S)
        assert result(put(questions, "And now?")).text == "left"


def test_closing_tells_those_that_wait_and_those_in_the_making() -> None:
    reasoner = Paced(hold_after=1)
    with queue(reasoner) as (_, questions):
        first = occupied(questions, reasoner)
        second = put(questions, "second?")
        closing = threading.Thread(target=questions.close)
        closing.start()
        assert "stopping" in result(first).problem
        assert "stopping" in result(second).problem
        reasoner.more.set()
        closing.join(WAIT_S)
        assert not closing.is_alive()
        with pytest.raises(Busy, match="stopping"):
            put(questions, "too late")


def threads() -> list[threading.Thread]:
    """The threads of the queues that run now, in the order of their names."""
    every = (t for t in threading.enumerate() if t.name.startswith("questions-"))
    return sorted(every, key=lambda thread: thread.name)


def test_its_threads_have_names_and_do_not_keep_a_program_from_ending() -> None:
    with queue(Paced(), parallel=2):
        assert [t.name for t in threads()] == ["questions-0", "questions-1", "questions-clock"]
        assert all(thread.daemon for thread in threads())


def test_when_it_is_closed_its_threads_have_ended() -> None:
    with queue(Paced(), parallel=2) as (_, questions):
        running = threads()
        questions.close()
        assert not any(thread.is_alive() for thread in running)


def test_closing_does_not_wait_for_a_model_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embodied_agent.agent.question_queue._CLOSE_S", 0.05)
    reasoner = held()
    with queue(reasoner) as (_, questions):
        first = occupied(questions, reasoner)
        worker = threads()[0]
        questions.close()
        assert worker.is_alive()
        assert result(first).problem == "the agent is stopping; ask again once it runs"
        assert (questions.status().waiting, first.cancelled.is_set()) == (0, True)


def test_an_answer_is_given_and_told_once_even_if_its_question_is_cancelled_later() -> None:
    with queue(Paced()) as (_, questions):
        told: SimpleQueue[Answer] = SimpleQueue()
        questions.listen(QueueListener(on_answer=lambda _, answer: told.put(answer)))
        ask = put(questions, "Where?")
        answer = told.get(timeout=WAIT_S)
        ask.cancel()
        assert result(ask) is answer
        assert answer.text == "left"
        assert told.empty()


class Faulty(Paced):
    """A reasoner with a fault that nobody foresaw, at its first question."""

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        if not self.asked:
            self.asked.append(prompt.task)
            raise ZeroDivisionError("nobody foresaw it")
        return super().stream(prompt, timeout_s=timeout_s, max_tokens=max_tokens)


def test_a_fault_in_the_agent_is_told_and_the_next_question_is_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with queue(Faulty()) as (_, questions):
        ask = put(questions, "Where?")
        assert "a fault in the agent (ZeroDivisionError)" in result(ask).problem
        assert result(ask).question_id == ask.question.id
        assert result(put(questions, "And now?")).text == "left"
        assert questions.status().running == 0
    assert "could not be answered" in caplog.text


class Reading(Paced):
    """Says twice that it is still reading the prompt before it replies; it can be closed there."""

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        try:
            yield ""
            self.started.release()
            assert self.go.wait(WAIT_S)
            yield ""
        except GeneratorExit:
            self.stopped.set()
            raise
        yield from super().stream(prompt, timeout_s=timeout_s, max_tokens=max_tokens)


def test_pieces_without_text_are_not_passed_on() -> None:
    pieces: list[str] = []
    with queue(Reading()) as (_, questions):
        question = Question("Where?", timeout_s=WAIT_S)
        answer = result(questions.submit(question, client="a", on_piece=pieces.append))
        assert (answer.text, answer.problem) == ("left", "")
        assert "".join(pieces) == Reading().reply
        assert "" not in pieces


def test_a_question_is_cancelled_while_the_model_is_still_reading() -> None:
    reasoner = Reading()
    reasoner.go.clear()
    with queue(reasoner) as (_, questions):
        ask = occupied(questions, reasoner)
        ask.cancel()
        reasoner.go.set()
        assert reasoner.stopped.wait(WAIT_S)
        assert not reasoner.asked
