"""Servers that fail while an agent runs: no keyframe is lost or doubled, and questions are answered
from what is there."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.backlog import FAILURES, REFUSALS, Backlog
from embodied_agent.agent.listeners import Listener
from embodied_agent.chat import guard
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.memory.store import Store
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.records import Answer, Delta, Keyframe, Question
from embodied_agent.settings import (
    MemorySettings,
    ReasoningSettings,
    ServerSettings,
    Settings,
)
from tests.support.fault_proxy import FAULTS, Fault, FaultProxy
from tests.support.outage import REPLY, Says, frames, replayed, settings
from tests.support.served import MODEL, FaultyServer, Handler, faulty, refuses, says
from tests.support.served_models import keyframe


@pytest.mark.parametrize("workers", [1, 3])
def test_a_proxy_full_of_faults_loses_nothing_and_doubles_nothing(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Between tries it waits for less than usual: there are seven faults in a row.
    monkeypatch.setattr(guard, "_FIRST_S", 0.05)
    monkeypatch.setattr(guard, "_LONGEST_S", 0.1)
    chance = random.Random(workers)
    schedule: list[Fault] = [*FAULTS, "none", "refuse", "busy", "half"]
    chance.shuffle(schedule)
    lock = threading.Lock()

    def next_fault() -> Fault:
        with lock:
            return schedule.pop() if schedule else "none"

    with faulty(says(REPLY)) as server:
        calm, _, _, _ = replayed(settings(server.url))
        with FaultProxy(server.server_port, next_fault) as proxy:
            deltas, stored, told, status = replayed(settings(proxy.url, workers=workers))
    assert not schedule
    assert set(proxy.faults) == set(FAULTS)
    assert [delta.keyframe_id for delta in deltas] == stored == told
    assert [(d.action, d.mentions, d.observation, d.usable) for d in deltas] == [
        (d.action, d.mentions, d.observation, d.usable) for d in calm
    ]
    assert status.retries >= len(FAULTS) - 2
    assert (status.state, status.given_up, status.pending) == ("closed", 0, 0)


def test_a_server_that_is_gone_during_a_replay_and_comes_back_loses_nothing() -> None:
    with faulty(says(REPLY)) as first:
        upstream = first.server_port
        with FaultProxy(upstream, lambda: "none") as proxy:
            told: list[int] = []
            gone, back = threading.Event(), threading.Event()

            def on_delta(kept: Keyframe, delta: Delta) -> None:
                told.append(kept.id)
                if len(told) == 2:
                    proxy.upstream = 1  # nobody listens there
                    gone.set()

            used = settings(proxy.url, workers=2, queue=1000)
            with Agent(used, reasoner=Says(), listener=Listener(on_delta=on_delta)) as agent:
                agent.begin_replay("walk")
                for frame in frames():
                    agent.observe(frame)
                agent.finish()
                assert gone.wait(60)
                answer = agent.ask(Question("Where am I?", timeout_s=60))
                proxy.upstream = upstream
                back.set()
                assert agent.drain(100)
                stored = [kept.id for kept in agent.store.keyframes()]
                assert [delta.keyframe_id for delta in agent.store.deltas()] == stored == told
    assert (answer.text, answer.problem) == ("here", "")
    assert "not been perceived yet" in answer.notice
    assert "can't reach" in answer.notice or "broke off" in answer.notice


class Gate(GeometryPerceiver):
    """Perceives keyframes once they are let through, and notes the order."""

    def __init__(self) -> None:
        self.open: set[int] = set()
        self.all = False
        self.order: list[int] = []
        self.changed = threading.Condition()
        self.down = False
        self.when: Callable[[], bool] = lambda: True

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        pause = threading.Event()
        with self.changed:
            assert self.changed.wait_for(
                lambda: self.all or self.down or current.id in self.open, 60
            )
        while not self.when() and not self.all:
            pause.wait(0.02)
        with self.changed:
            if self.down and not self.all:
                raise ModelUnavailable("the camera model is down")
            self.order.append(current.id)
        return super().perceive(previous, current)

    def let(self, *numbers: int, everything: bool = False) -> None:
        with self.changed:
            self.open.update(numbers)
            self.all = self.all or everything
            self.changed.notify_all()


@contextmanager
def live(gate: Gate, count: int, **values: Any) -> Iterator[Agent]:
    """A live agent that has seen ``count`` keyframes, which wait to be perceived."""
    used = settings(backend="geometry", **values)
    with Agent(used, perceiver=gate, reasoner=Says()) as agent:
        for frame in frames(60):
            agent.observe(frame)
            if agent.store.pending_count() >= count:
                break
        try:
            yield agent
        finally:
            gate.let(everything=True)


def test_behind_a_backlog_the_newest_is_perceived_for_the_question_before_the_rest() -> None:
    gate = Gate()
    with live(gate, 5, workers=2) as agent:
        # Both workers are at keyframes 0 and 1. The first ends once the question has asked.
        last = agent.store.keyframes()[-1].id  # the question may keep the current frame, too
        gate.when = lambda: agent.status().perception.asked_out_of_turn > 0
        gate.let(0, last, last + 1)
        answer = agent.ask(Question("What is here?", timeout_s=60))
        newest = agent.store.keyframes()[-1].id
        assert gate.order == [0, newest]
        assert answer.text == "here"
        assert "before the present view have not been perceived yet" in answer.notice
        assert Says.transcript.splitlines()[-1].startswith(f"#{newest} ")
        # In the memory it comes in its turn.
        assert [delta.keyframe_id for delta in agent.store.deltas()] == [0]
        gate.let(everything=True)
        assert agent.drain(60)
        assert [d.keyframe_id for d in agent.store.deltas()] == [
            kept.id for kept in agent.store.keyframes()
        ]
        assert sorted(gate.order) == [kept.id for kept in agent.store.keyframes()]


def test_during_an_outage_the_answer_rests_on_what_is_there_and_says_so() -> None:
    gate = Gate()
    with live(gate, 3) as agent:
        gate.let(0)
        done = threading.Event()
        agent.listen(Listener(on_delta=lambda kept, delta: done.set()))
        assert done.wait(60) or agent.store.deltas()
        with gate.changed:
            gate.down = True
            gate.changed.notify_all()
        answer = agent.ask(Question("What is here?", timeout_s=60))
        assert (answer.text, answer.problem) == ("here", "")
        assert "the camera model is down" in answer.notice
        assert "rests on what was seen before" in answer.notice
        assert Says.transcript.startswith("#0 ")
        assert agent.store.answers()[-1][1].notice == answer.notice


def test_an_answer_that_rests_on_everything_has_no_notice() -> None:
    gate = Gate()
    gate.let(everything=True)
    with live(gate, 1) as agent:
        assert agent.drain(30)
        assert agent.ask(Question("What is here?")).notice == ""


def test_a_server_that_refuses_is_tried_on_until_somebody_mends_it() -> None:
    with faulty(refuses(404), models=["other"]) as server:
        gave_up = threading.Event()
        with Agent(settings(server.url), reasoner=Says()) as agent:
            for frame in frames(12):
                agent.observe(frame, wait=False)
            agent.finish()
            with pytest.raises(ModelError, match="it has other"):
                agent.drain(60)
            assert agent.status().perception.state == "refused"
            server.models, server.behaviours = [MODEL], [says(REPLY)]
            for _ in range(200):
                try:
                    if agent.drain(0.2):
                        break
                except ModelError:
                    gave_up.wait(0.05)
            assert agent.status().perception.state == "closed"
            assert all(delta.usable for delta in agent.store.deltas())


def test_a_keyframe_that_the_model_can_not_stand_does_not_hold_back_the_rest() -> None:
    poison = 2

    def behave(handler: Handler) -> None:
        # Only the third keyframe's request fails, again and again.
        server = handler.server
        assert isinstance(server, FaultyServer)
        (refuses(400) if spoiled(server.requests[-1]) else says(REPLY))(handler)

    pictures: dict[str, int] = {}

    def spoiled(request: dict[str, Any]) -> bool:
        urls = [
            part["image_url"]["url"]
            for part in request["messages"][0]["content"]
            if part["type"] == "image_url"
        ]
        for url in urls:
            pictures.setdefault(url, len(pictures))
        return len(urls) == 2 and pictures[urls[-1]] == poison

    with faulty(behave) as server:
        deltas, stored, _, status = replayed(settings(server.url))
    assert [delta.keyframe_id for delta in deltas] == stored
    assert [delta.usable for delta in deltas] == [number != poison for number in stored]
    assert (status.given_up, status.unusable) == (1, 1)


def backlog(count: int) -> tuple[Backlog, Callable[[int], Keyframe]]:
    store = Store.open("", MemorySettings())
    for number in range(count):
        kept = keyframe(number)
        store.add_keyframe(
            stamp_ns=kept.stamp_ns, jpeg=kept.jpeg, width=1, height=1, reason="overlap", segment=0
        )
    return Backlog(store), lambda number: store.pending(1, since=number)[0]


def test_the_backlog_is_oldest_first_but_for_what_was_asked_for() -> None:
    waiting, _ = backlog(6)
    assert [kept.id for kept in waiting.take(2)] == [0, 1]
    waiting.ask(4)
    waiting.ask(5)
    assert [kept.id for kept in waiting.take(2)] == [5]
    assert [kept.id for kept in waiting.take(2)] == [4]
    assert [kept.id for kept in waiting.take(9)] == [2, 3]
    assert waiting.take(9) == []


def test_what_failed_comes_before_what_is_new() -> None:
    waiting, _ = backlog(3)
    failed = waiting.take(1)
    waiting.failed([(None, failed[0])], refused=False)
    assert [kept.id for kept in waiting.take(9)] == [0]
    assert [kept.id for kept in waiting.take(9)] == [1, 2]


def test_an_asked_keyframe_that_failed_is_taken_once() -> None:
    waiting, _ = backlog(2)
    failed = waiting.take(1)
    waiting.failed([(None, failed[0])], refused=False)
    waiting.ask(0)
    waiting.ask(1)
    waiting.ask(0)
    taken = [kept.id for _ in range(4) for kept in waiting.take(1)]
    assert sorted(taken) == [0, 1]


@pytest.mark.parametrize(("refused", "tries"), [(True, REFUSALS), (False, FAILURES)])
def test_a_keyframe_is_given_up_only_after_others_of_its_kind_passed(
    refused: bool, tries: int
) -> None:
    waiting, get = backlog(4)
    before, bad = waiting.take(2)
    for _ in range(tries):
        waiting.failed([(before, bad)], refused=refused)
        assert waiting.passed([(None, before)]) == []  # one picture proves nothing about two
    assert waiting.passed([(bad, get(2))]) == [bad]
    assert bad not in waiting.take(9)


def test_a_reasoner_that_is_down_is_asked_by_one_for_all() -> None:
    with faulty(refuses(503)) as server:
        used = ReasoningSettings(
            backend="served",
            free="reasoner",
            server=ServerSettings(base_url=server.url, model=MODEL, timeout_s=60, max_retries=0),
        )
        reasoner = ServedReasoner(used)
        prompt = Prompt("", "#0 start: nothing named.\n", "Where?")
        failures = []
        for timeout_s in (60, 0.4, 0.4, 0.4, 0.4, 0.4):
            with pytest.raises(ModelUnavailable) as caught:
                list(reasoner.stream(prompt, timeout_s=timeout_s))
            failures.append(str(caught.value))
        assert len(server.requests) < 6
        assert "503" in failures[0]
        assert any("tried again in" in text and "503" in text for text in failures[1:])
        status = reasoner.server_status()
        assert status.failures_in_a_row >= 1
        assert status.turned_away == 6 - len(server.requests)
        server.behaviours = [says("<answer>A</answer>")]
        assert "".join(reasoner.stream(prompt, timeout_s=100)) == "<answer>A</answer>"
        assert reasoner.server_status().state == "closed"
        reasoner.close()


def test_the_status_tells_how_the_reasoners_server_is() -> None:
    with faulty(refuses(503)) as server:
        used = ReasoningSettings(
            backend="served",
            server=ServerSettings(base_url=server.url, model=MODEL, timeout_s=60, max_retries=0),
        )
        gate = Gate()
        gate.let(everything=True)
        with Agent(Settings(reasoning=used), perceiver=gate) as agent:
            assert agent.status().reasoning.server is None
            agent.observe(frames(1)[0])
            assert "503" in agent.ask(Question("Where?", timeout_s=60)).problem
            told = agent.status().reasoning.server
    assert told.url == server.url
    assert told.failed >= 1
    assert "503" in told.last_error


def test_answers_keep_their_notice_in_the_memory() -> None:
    with Store.open("", MemorySettings()) as store:
        store.save_answer(Question("q"), Answer("a", notice="the last keyframe is missing"))
        assert store.answers()[0][1].notice == "the last keyframe is missing"
