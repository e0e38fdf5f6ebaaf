"""The question queue: turns, refusals, time-outs, listeners."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from queue import SimpleQueue

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QueueListener
from embodied_agent.errors import Busy, QuestionError
from embodied_agent.records import Answer, Question
from tests.support.questions import held, occupied, put, queue, result
from tests.support.web import WAIT_S, Paced


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


def test_a_model_that_forgets_the_time_keeps_nobody_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embodied_agent.agent.question_queue._GRACE_S", 0.05)
    reasoner = held()
    with queue(reasoner) as (_, questions):
        ask = put(questions, "Where?", timeout_s=5)
        assert reasoner.started.acquire(timeout=WAIT_S)
        assert result(ask).problem == "no answer within 5 s"
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


def test_listeners_may_hear_of_questions_or_of_answers_only_and_go_one_by_one() -> None:
    with queue(Paced()) as (_, questions):
        heard: SimpleQueue[str] = SimpleQueue()
        remove = questions.listen(QueueListener(on_question=lambda ask: heard.put("question")))
        questions.listen(QueueListener())
        questions.listen(QueueListener(on_answer=lambda ask, answer: heard.put("answer")))
        put(questions, "one")
        assert [heard.get(timeout=WAIT_S) for _ in range(2)] == ["question", "answer"]
        remove()
        put(questions, "two")
        assert heard.get(timeout=WAIT_S) == "answer"


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """The questions as the agent is asked them."""
    questions: list[Question] = []
    ask_stream = Agent.ask_stream

    def noted(agent: Agent, question: Question) -> Iterator[str | Answer]:
        questions.append(question)
        return ask_stream(agent, question)

    monkeypatch.setattr(Agent, "ask_stream", noted)
    return questions


def test_the_time_that_a_question_waited_is_taken_off_its_time_out(given: list[Question]) -> None:
    with queue(Paced()) as (_, questions):
        question = Question("Where?", timeout_s=500.0)
        waited_s = result(questions.submit(question)).latency_s["queue"]
        assert 0.0 < waited_s < 500.0
        assert given == [replace(question, timeout_s=500.0 - waited_s)]


def test_every_question_whose_time_is_up_is_counted_and_none_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("embodied_agent.agent.question_queue._GRACE_S", 1000.0)
    reasoner = held()
    with queue(reasoner) as (_, questions):
        first = occupied(questions, reasoner)
        for number in (1, 2):
            assert "did not come" in result(put(questions, "late?", timeout_s=0.05)).problem
            assert questions.status().expired == number
        other = put(questions, "in time?", "b")
        reasoner.go.set()
        assert not result(first).problem
        assert not result(other).problem
        assert questions.status().expired == 2


def test_a_question_that_gives_way_leaves_the_turns_of_others_as_they_are() -> None:
    reasoner = held()
    with queue(reasoner) as (_, questions):
        occupied(questions, reasoner)
        told: SimpleQueue[str] = SimpleQueue()
        waiting = [put(questions, f"{client}{n}", client) for client in "ab" for n in range(2)]
        waiting[0].cancel()
        questions.listen(QueueListener(on_answer=lambda ask, _: told.put(ask.question.text)))
        reasoner.go.set()
        assert [told.get(timeout=WAIT_S) for _ in range(4)] == ["first?", "a1", "b0", "b1"]


def test_what_was_asked_is_kept_with_the_question() -> None:
    with queue(Paced()) as (_, questions):
        pieces: list[str] = []
        question = Question("Where?", timeout_s=77.0)
        before = time.monotonic()
        ask = questions.submit(question, client="alice", on_piece=pieces.append)
        assert (ask.question, ask.client, ask.on_piece) == (question, "alice", pieces.append)
        assert before + 77.0 <= ask.deadline <= time.monotonic() + 77.0
        assert questions.submit(Question("Where?")).client == ""
