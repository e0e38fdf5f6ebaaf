"""A live camera: only the latest frame counts; restarts and resets open segments."""

from __future__ import annotations

import threading
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from tests.support.agents import frames, replay, settings


def test_live_keeps_the_latest_frame_and_counts_what_it_drops() -> None:
    source = frames(30)
    entered, go_on = threading.Event(), threading.Event()
    decided: list[int] = []

    def hold(frame: Frame, decision: Decision) -> None:
        decided.append(frame.index)
        entered.set()
        assert go_on.wait(60)

    with Agent(settings(), listener=Listener(on_decision=hold)) as agent:
        assert agent.observe(source[0], wait=False) is None
        assert entered.wait(60)
        for frame in source[1:]:
            agent.observe(frame, wait=False)
        assert agent.status().frames_dropped == 28
        go_on.set()
        agent.finish()
        assert agent.drain(60)
        assert decided[:2] == [0, 29]
        assert agent.store.keyframes()[-1].stamp_ns == source[-1].stamp_ns


def test_a_live_restart_opens_a_segment(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    for start in (0, 10**12):
        with Agent(settings(path)) as agent:
            for frame in frames(20, start_ns=start):
                agent.observe(frame)
            assert agent.drain(60)
    with Agent(settings(path)) as agent:
        assert {k.segment for k in agent.store.keyframes()} == {0, 1}


def test_a_reset_opens_a_segment_and_keeps_the_memory() -> None:
    source = frames(40)
    with Agent(settings()) as agent:
        for frame in source[:20]:
            agent.observe(frame)
        before = len(agent.store.keyframes())
        agent.reset()
        agent.observe(source[20])
        keyframes = agent.store.keyframes()
        assert len(keyframes) == before + 1
        assert (keyframes[-1].segment, keyframes[-1].reason) == (1, "first")


def test_frames_that_came_before_a_reset_do_not_begin_the_new_segment() -> None:
    source = frames(12)
    reasons: list[str | None] = []
    noted = Listener(on_decision=lambda _, decision: reasons.append(decision.reason))
    with Agent(settings(), listener=noted) as agent:
        agent.observe_together(source[:10])
        agent.reset()
        agent.observe_together(source[10:])
        agent.finish()
        assert [at for at, reason in enumerate(reasons) if reason == "first"] == [0, 10]
        assert agent.frames_dropped == 0


def test_a_listener_that_fails_is_counted_and_stops_nothing() -> None:
    def fail(keyframe: Keyframe, delta: Delta) -> None:
        raise RuntimeError("a display broke")

    with Agent(settings(), listener=Listener(on_delta=fail)) as agent:
        replay(agent, frames(12))
        assert agent.status().listener_failures == len(agent.store.deltas())


def test_the_rules_word_lists_are_read_before_the_first_question() -> None:
    from embodied_agent.rules import load_rules

    load_rules.cache_clear()
    with Agent(settings()):
        assert load_rules.cache_info().currsize == 1
