"""A keyframe on which a perceiver fails, in whatever way, costs that keyframe and nothing else."""

from __future__ import annotations

import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelError
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe
from tests.support.agents import Faulty, frames, replay, settings

ODD: list[Exception] = [
    KeyError("maybe"),
    RecursionError("too deep"),
    ZeroDivisionError(),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    StopIteration("gone"),
    RuntimeError("CUDA error"),
]


@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("error", ODD, ids=lambda error: type(error).__name__)
def test_a_fault_on_one_keyframe_makes_it_unusable_with_the_reason(
    error: Exception, batch: int, caplog: pytest.LogCaptureFixture
) -> None:
    def fault(call: int, keyframe: Keyframe) -> Exception | None:
        return error if keyframe.id == 2 else None

    with Agent(settings(perception__batch=batch), perceiver=Faulty(fault)) as agent:
        replay(agent, frames())
        deltas = agent.store.deltas()
        status = agent.status().perception
    assert [d.keyframe_id for d in deltas if not d.usable] == [2]
    assert type(error).__name__ in deltas[2].problem
    assert [d.problem for d in deltas if d.usable] == [""] * (len(deltas) - 1)
    assert status is not None
    assert (status.faults, status.unusable, status.pending) == (1, 1, 0)
    assert any("keyframe 2 met a fault" in record.message for record in caplog.records)


class WrongKeyframe(GeometryPerceiver):
    """Gives the delta of another keyframe."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        delta = super().perceive(previous, current)
        return Delta(99, None) if current.id == 1 else delta


def test_a_delta_of_another_keyframe_is_not_taken() -> None:
    with Agent(settings(), perceiver=WrongKeyframe()) as agent:
        replay(agent, frames())
        assert [d.keyframe_id for d in agent.store.deltas() if not d.usable] == [1]


def test_too_little_memory_is_waited_out() -> None:
    calls: list[int] = []

    def fault(call: int, keyframe: Keyframe) -> Exception | None:
        calls.append(call)
        return MemoryError("no room") if keyframe.id == 1 and len(calls) < 6 else None

    with Agent(settings(), perceiver=Faulty(fault)) as agent:
        replay(agent, frames())
        assert all(d.usable for d in agent.store.deltas())


def test_a_fault_on_every_keyframe_is_told_to_a_replay() -> None:
    broken = Faulty(lambda call, keyframe: ValueError("a fault in the program"))
    with Agent(settings(perception__queue=2), perceiver=broken) as agent:
        with pytest.raises(ModelError, match=r"keyframes in a row.*a fault in the program"):
            replay(agent, frames(count=60))
        assert agent.status().perception.state != "stopped"
