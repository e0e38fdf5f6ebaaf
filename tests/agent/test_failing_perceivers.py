"""A perceiver that fails: no keyframe is lost, and the caller gets the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.records import Keyframe
from tests.support.agents import Faulty, frames, memory, replay, settings
from tests.support.waiting import until


def test_pending_keyframes_of_an_earlier_run_are_perceived_at_the_next_start(
    tmp_path: Path,
) -> None:
    path = tmp_path / "m.db"
    down = Faulty(lambda call, keyframe: ModelUnavailable("the server is down"))
    with Agent(settings(path), perceiver=down) as agent:
        agent.begin_replay("walk")
        for frame in frames():
            agent.observe(frame)
        agent.finish()
        assert not agent.drain(0.05)
        assert agent.store.deltas() == []
        stored = len(agent.store.keyframes())
        assert "the server is down" in agent.status().perception.last_error
    with Agent(settings(path)) as agent:
        assert agent.drain(60)
        assert len(agent.store.deltas()) == stored > 5


@pytest.mark.parametrize(("workers", "batch"), [(1, 1), (3, 1), (1, 4)])
def test_a_model_that_fails_and_recovers_loses_nothing(workers: int, batch: int) -> None:
    flaky = Faulty(lambda call, keyframe: ModelUnavailable("busy") if call <= 7 else None)
    with Agent(
        settings(perception__workers=workers, perception__batch=batch), perceiver=flaky
    ) as agent:
        replay(agent, frames())
        status = agent.status().perception
        assert status.retries >= 1
        assert status.state == "closed"
        expected = memory(agent.store)
    with Agent(settings()) as agent:
        replay(agent, frames())
        assert memory(agent.store) == expected


def test_an_unusable_reply_leaves_the_motion_and_nothing_invented() -> None:
    def fault(call: int, keyframe: Keyframe) -> Exception | None:
        return ReplyError("no action in it", reply="?") if keyframe.id == 2 else None

    with Agent(settings(perception__batch=4), perceiver=Faulty(fault)) as agent:
        replay(agent, frames())
        deltas = agent.store.deltas()
        assert [d.usable for d in deltas[:4]] == [True, True, False, True]
        assert deltas[2].mentions == ()
        assert agent.store.counts().unusable == 1


def test_a_model_that_cannot_be_used_stops_the_replay_with_its_reason() -> None:
    broken = Faulty(lambda call, keyframe: ModelError("no such model"))
    with Agent(settings(perception__queue=2), perceiver=broken) as agent:
        with pytest.raises(ModelError, match="no such model"):
            replay(agent, frames())
        assert agent.status().perception.state == "refused"
        assert len(agent.store.pending(9)) >= 1


def test_a_replay_gives_up_when_nothing_is_perceived_for_too_long() -> None:
    down = Faulty(lambda call, keyframe: ModelUnavailable("the server is down"))
    impatient = settings(perception__queue=2, perception__stall_timeout_s=0.05)
    with Agent(impatient, perceiver=down) as agent:
        agent.observe(next(iter(frames())))
        until(lambda: agent.status().perception.last_error)  # it was tried
        with pytest.raises(ModelUnavailable, match="the server is down"):
            replay(agent, frames())
