"""The queue of questions: turns, refusals, time-outs, cancelling, the end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.errors import Busy, QuestionError
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
    """A reasoner that waits for its sign."""
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


def test_an_answer_tells_how_long_it_waited() -> None:
    with queue(Paced()) as (_, questions):
        answer = result(put(questions, "Where?"))
        assert (answer.text, answer.problem) == ("left", "")
        assert set(answer.latency_s) >= {"queue", "total"}


def test_clients_take_turns_however_many_questions_each_has() -> None:
    reasoner = held()
    with queue(reasoner) as (_, questions):
        first = occupied(questions, reasoner)
        told: SimpleQueue[str] = SimpleQueue()
        questions.listen(QueueListener(on_answer=lambda ask, _: told.put(ask.question.text)))
        waiting = [put(questions, f"a{n}", "a") for n in range(4)]
        waiting += [put(questions, "b0", "b"), put(questions, "b1", "b"), put(questions, "c0", "c")]
        reasoner.go.set()
        for ask in (first, *waiting):
            assert not result(ask).problem
        order = [told.get(timeout=WAIT_S) for _ in range(8)]
        assert order == ["first?", "a0", "b0", "c0", "a1", "b1", "a2", "a3"]


def test_a_full_queue_refuses_whoever_has_as_much_in_it_as_anybody() -> None:
    reasoner = held()
    with queue(reasoner, waiting=2) as (_, questions):
        occupied(questions, reasoner)
        put(questions, "a0", "a")
        put(questions, "b0", "b")
        with pytest.raises(Busy, match="2 questions wait"):
            put(questions, "c0", "c")
        with pytest.raises(Busy):
            put(questions, "a1", "a")
        assert questions.status().refused == 2


def test_who_fills_the_queue_gives_way_to_others() -> None:
    reasoner = held()
    with queue(reasoner, waiting=3) as (_, questions):
        first = occupied(questions, reasoner)
        greedy = [put(questions, f"a{n}", "a") for n in range(3)]
        modest = put(questions, "b0", "b")
        assert "gave way" in result(greedy[-1]).problem
        reasoner.go.set()
        assert not any(result(ask).problem for ask in (first, modest, *greedy[:2]))


def test_who_waits_in_vain_hears_of_it_when_the_time_is_up_and_not_later() -> None:
    reasoner = held()
    with queue(reasoner) as (_, questions):
        first = occupied(questions, reasoner)
        late = put(questions, "late?", timeout_s=0.05)
        assert "did not come within 0.05 s" in result(late).problem
        assert not first.answer.done()
        assert (questions.status().waiting, questions.status().expired) == (0, 1)


def test_a_cancelled_question_gives_up_its_place() -> None:
    reasoner = held()
    with queue(reasoner, waiting=1) as (_, questions):
        occupied(questions, reasoner)
        ask = put(questions, "never mind", "a")
        ask.cancel()
        assert result(ask).problem == "cancelled"
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


def test_a_model_that_forgets_the_time_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embodied_agent.agent.question_queue._GRACE_S", 0.05)
    reasoner = held()
    with queue(reasoner) as (_, questions):
        ask = put(questions, "Where?", timeout_s=0.5)
        assert reasoner.started.acquire(timeout=WAIT_S)
        assert result(ask).problem == "no answer within 0.5 s"
        assert questions.status().running == 1


def test_pieces_come_in_order_and_make_up_the_reply() -> None:
    reasoner = Paced()
    with queue(reasoner) as (_, questions):
        pieces: list[str] = []
        result(questions.submit(Question("Where?"), on_piece=pieces.append))
        assert "".join(pieces) == reasoner.reply


def test_as_many_are_answered_at_once_as_are_set() -> None:
    reasoner = held()
    with queue(reasoner, parallel=3) as (_, questions):
        waiting = [put(questions, f"q{n}", f"client {n}") for n in range(4)]
        for _ in range(3):
            assert reasoner.started.acquire(timeout=WAIT_S)
        assert (questions.status().running, questions.status().waiting) == (3, 1)
        reasoner.go.set()
        assert not any(result(ask).problem for ask in waiting)


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


def test_a_question_that_can_not_be_asked_takes_no_place() -> None:
    with queue(Paced()) as (_, questions):
        with pytest.raises(QuestionError):
            put(questions, "   ")
        assert questions.status().waiting == 0


def test_a_callback_that_raises_stops_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("no screen")

    with queue(Paced()) as (_, questions):
        questions.listen(QueueListener(broken, broken))
        assert result(put(questions, "Where?")).text == "left"
        assert result(put(questions, "And now?")).text == "left"
    assert "callback raised" in caplog.text


def test_a_listener_hears_of_questions_and_answers_until_it_is_removed() -> None:
    with queue(Paced()) as (_, questions):
        heard: SimpleQueue[str] = SimpleQueue()
        remove = questions.listen(
            QueueListener(
                lambda ask: heard.put(f"ask {ask.question.text}"),
                lambda ask, answer: heard.put(f"answer {answer.text}"),
            )
        )
        result(put(questions, "one"))
        assert [heard.get(timeout=WAIT_S) for _ in range(2)] == ["ask one", "answer left"]
        remove()
        result(put(questions, "two"))
        result(put(questions, "three"))
        assert heard.empty()
