"""The interfaces of one agent on their loop: faults of one, settings that can't work, the end."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import AgentError, SettingsError
from embodied_agent.host import interfaces as host
from embodied_agent.host.interfaces import Interfaces
from embodied_agent.interfaces.status import InterfaceStatus
from tests.support.web import WAIT_S, Naming, Paced, running, web_settings


class Scripted:
    """An interface that fails as it is told, once per error, and then serves."""

    def __init__(self, *errors: Exception, deaf: bool = False) -> None:
        self.ready = threading.Event()
        self.serving = threading.Event()
        self.ended = threading.Event()
        self._errors = list(errors)
        self._deaf = deaf
        self.last_error = ""
        self.tries = 0

    async def serve(self, stop: asyncio.Event) -> None:
        self.tries += 1
        if self._errors:
            error = self._errors.pop(0)
            if not isinstance(error, SettingsError):
                self.ready.set()
            raise error
        self.ready.set()
        self.serving.set()
        try:
            await (asyncio.Event() if self._deaf else stop).wait()
        finally:
            self.ended.set()

    def status(self) -> InterfaceStatus:
        return InterfaceStatus(state="scripted", last_error=self.last_error)


@contextmanager
def hosting(**parts: Scripted) -> Iterator[Interfaces]:
    settings = web_settings(web__enabled=False)
    with Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent:
        questions = QuestionQueue(agent, parallel=1, waiting=1)
        interfaces = Interfaces(agent, questions, settings)
        interfaces._interfaces.update(parts)
        try:
            yield interfaces
        finally:
            interfaces.close()
            questions.close()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_RETRY_S", 0.01)


@pytest.mark.parametrize("error", [AgentError("no link"), RuntimeError("a fault")])
def test_one_that_fails_is_tried_again_and_disturbs_no_other(error: Exception) -> None:
    failing, well = Scripted(error, error), Scripted()
    with hosting(failing=failing, well=well) as interfaces:
        interfaces.start(WAIT_S)
        assert failing.serving.wait(WAIT_S)
        assert (failing.tries, well.tries) == (3, 1)
        assert interfaces.problems() == {}
        assert interfaces.status()["failing"] == InterfaceStatus(state="scripted")


def test_what_an_interface_says_itself_is_wrong_is_a_problem() -> None:
    part = Scripted()
    with hosting(part=part) as interfaces:
        interfaces.start(WAIT_S)
        part.last_error = "no broker"
        assert interfaces.problems() == {"part": "no broker"}
        part.last_error = ""
        assert interfaces.problems() == {}


def test_a_problem_is_told_while_it_lasts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_RETRY_S", WAIT_S)
    failing = Scripted(AgentError("no link"))
    with hosting(failing=failing) as interfaces:
        interfaces.start(WAIT_S)
        turn = threading.Event()
        for _ in range(1000):
            if interfaces.problems():
                break
            turn.wait(0.01)
        assert interfaces.problems() == {"failing": "no link"}
        assert interfaces.status()["failing"].problem == "no link"


def test_a_setting_that_can_not_work_stops_the_start(caplog: pytest.LogCaptureFixture) -> None:
    part = Scripted(SettingsError("no such certificate"))
    with (
        caplog.at_level(logging.ERROR),
        hosting(part=part) as interfaces,
        pytest.raises(SettingsError, match="part: no such certificate"),
    ):
        interfaces.start(WAIT_S)
    assert part.tries == 1


def test_one_that_does_not_begin_is_given_up() -> None:
    part = Scripted()
    part.ready.set = lambda: None  # type: ignore[method-assign]
    with hosting(part=part) as interfaces, pytest.raises(AgentError, match="part did not start"):
        interfaces.start(0.1)


def test_one_that_does_not_end_is_cut_off() -> None:
    part = Scripted(deaf=True)
    with hosting(part=part) as interfaces:
        interfaces.start(WAIT_S)
        assert part.serving.wait(WAIT_S)
        interfaces.close(0.1)
        assert part.ended.wait(WAIT_S)


def test_closing_twice_is_closing_once() -> None:
    part = Scripted()
    with hosting(part=part) as interfaces:
        interfaces.start(WAIT_S)
        interfaces.close()
        interfaces.close()
        assert part.ended.is_set()


def test_whoever_waits_for_an_answer_hears_of_the_end() -> None:
    reasoner = Paced()
    reasoner.go.clear()
    answers: list[dict[str, Any]] = []
    with running(reasoner=reasoner) as its:
        client = its.client()

        def ask() -> None:
            answers.append(client.post("/api/ask", json={"question": "Where?"}).json())

        asking = threading.Thread(target=ask)
        asking.start()
        assert reasoner.started.acquire(timeout=WAIT_S)
        # What `serving` does at its end, while the model still thinks.
        closing = threading.Thread(target=its.questions.close)
        closing.start()
        asking.join(WAIT_S)
        assert "stopping" in answers[0]["problem"]
        assert client.post("/api/ask", json={"question": "Where?"}).status_code == 503
        reasoner.go.set()
        closing.join(WAIT_S)
        client.close()
