"""The queue of questions: turns, refusals, time-outs, cancelling, the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from queue import SimpleQueue

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.errors import Busy, QuestionError
from embodied_agent.reasoning.base import Prompt
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
