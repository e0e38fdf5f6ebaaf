"""Loading the reasoner takes none of a question's time, can be seen, and has a limit of its own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from embodied_agent.agent import Agent, lazy_models
from embodied_agent.errors import ModelError
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Answer, Question
from embodied_agent.settings import ReasoningSettings, load_settings
from tests.agent.test_agent_ask import REPLY, Naming, frames
from tests.support.waiting import until

WAIT_S = 60.0
WHERE = Question("Where is lamp 2?", ("left", "right"), timeout_s=WAIT_S)


class Loaded:
    """A reasoner that the agent has made, so that the agent closes it."""

    name = "loaded"

    def __init__(self) -> None:
        self.times: list[float] = []

    def stream(self, prompt: Prompt, *, timeout_s: float, max_tokens: int) -> Iterator[str]:
        self.times.append(timeout_s)
        yield REPLY

    def close(self) -> None:
        """Nothing."""


class Loader:
    """Loads it once it is let ``go``; fails with each of the ``errors`` first."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.began, self.go = threading.Semaphore(0), threading.Event()
        self.reasoner = Loaded()

    def __call__(self, _: ReasoningSettings) -> Loaded:
        self.began.release()
        assert self.go.wait(WAIT_S)
        if self.errors:
            raise self.errors.pop(0)
        return self.reasoner


@contextmanager
def agent_with(
    loader: Loader, monkeypatch: pytest.MonkeyPatch, **settings: object
) -> Iterator[Agent]:
    monkeypatch.setattr(lazy_models, "make_reasoner", loader)
    values = load_settings(
        perception__backend="geometry",
        reasoning__free="reasoner",
        **{f"reasoning__{name}": value for name, value in settings.items()},
    )
    with Agent(values, perceiver=Naming()) as agent:
        agent.begin_replay("walk")
        for frame in frames():
            agent.observe(frame)
        agent.finish()
        assert agent.drain(WAIT_S)
        try:
            yield agent
        finally:
            loader.go.set()


def answer_of(agent: Agent, question: Question, answers: list[Answer]) -> threading.Thread:
    thread = threading.Thread(target=lambda: answers.append(agent.ask(question)))
    thread.start()
    return thread


def test_loading_for_longer_than_a_question_may_take_costs_none_of_its_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loader, answers = Loader(), list[Answer]()
    with agent_with(loader, monkeypatch) as agent:
        question = Question(WHERE.text, WHERE.choices, timeout_s=2.0)
        asking = answer_of(agent, question, answers)
        assert loader.began.acquire(timeout=WAIT_S)
        until(lambda: (agent.status().reasoning.loading_s or 0) > question.timeout_s)
        loader.go.set()
        asking.join(WAIT_S)
        (answer,) = answers
        assert (answer.text, answer.problem) == ("right", "")
        assert answer.latency_s["load"] > question.timeout_s
        assert 0 < loader.reasoner.times[0] <= question.timeout_s


def test_the_status_says_that_it_is_loaded_and_then_how_long_that_took(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loader, answers = Loader(), list[Answer]()
    with agent_with(loader, monkeypatch) as agent:
        before = agent.status().reasoning
        assert (before.loading_s, before.load_s, before.first_token_s) == (None, None, None)
        asking = answer_of(agent, WHERE, answers)
        assert loader.began.acquire(timeout=WAIT_S)
        during = agent.status().reasoning
        assert during.loading_s is not None
        assert (during.load_s, during.model) == (None, "builtin")
        loader.go.set()
        asking.join(WAIT_S)
        after = agent.status().reasoning
        assert (after.loading_s, after.model) == (None, "loaded")
        assert after.load_s is not None
        assert after.first_token_s is not None
        assert "load" not in agent.ask(WHERE).latency_s
        assert after.resident_bytes is None or after.resident_bytes > 1_000_000


def test_waiting_for_it_has_a_limit_and_loading_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader()
    with agent_with(loader, monkeypatch, load_timeout_s=0.3) as agent:
        answer = agent.ask(WHERE)
        assert answer.status == "failed"
        assert "still being loaded" in answer.problem
        assert "reasoning.load_timeout_s" in answer.problem
        assert agent.status().reasoning.loading_s is not None
        loader.go.set()
        until(lambda: agent.status().reasoning.model == "loaded")
        assert agent.ask(WHERE).text == "right"
        assert loader.began.acquire(timeout=0)
        assert not loader.began.acquire(timeout=0), "it was loaded once"


def test_a_question_that_waits_for_it_can_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader()
    with agent_with(loader, monkeypatch) as agent:
        stream = agent.ask_stream(WHERE)
        assert next(stream) == ""
        stream.close()
        assert agent.status().reasoning.loading_s is not None


def test_a_reasoner_that_could_not_be_loaded_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loader = Loader(ModelError("the file is damaged"))
    loader.go.set()
    with agent_with(loader, monkeypatch) as agent:
        answer = agent.ask(WHERE)
        assert (answer.status, answer.problem) == ("failed", "the file is damaged")
        assert agent.status().reasoning.loading_s is None
        assert agent.ask(WHERE).text == "right"


def test_a_host_loads_a_model_that_reads_any_question_before_one_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loader = Loader()
    with agent_with(loader, monkeypatch, prompt="full") as agent:
        agent.prepare()
        assert loader.began.acquire(timeout=WAIT_S)
        loader.go.set()
        until(lambda: agent.status().reasoning.model == "loaded")
        assert "load" not in agent.ask(WHERE).latency_s


def test_what_can_not_be_loaded_ahead_is_said(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    loader = Loader(ModelError("the base has not been fetched"))
    loader.go.set()
    with agent_with(loader, monkeypatch, prompt="full") as agent:
        agent.prepare()
        until(lambda: "the base has not been fetched" in agent.status().last_error)
        assert "the base has not been fetched" in caplog.text


def test_the_small_built_in_reasoner_waits_for_a_question(monkeypatch: pytest.MonkeyPatch) -> None:
    loader = Loader()
    with agent_with(loader, monkeypatch) as agent:
        agent.prepare()
        assert agent.status().reasoning.loading_s is None
        assert not loader.began.acquire(timeout=0)
