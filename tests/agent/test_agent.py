"""The agent: the way of a frame, live and in replay, and what happens when a stage fails."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from embodied_agent.settings import MemorySettings, Settings, load_settings
from tests.support.views import panorama_views
from tests.support.waiting import until

PERIOD_NS = 100_000_000


def settings(path: Path | str = "", **more: object) -> Settings:
    return load_settings(
        memory__path=str(path),
        perception__backend="geometry",
        perception__retry_s=0.001,
        perception__retry_max_s=0.004,
        **more,
    )


def frames(count: int = 32, start_ns: int = 0) -> list[Frame]:
    return [
        Frame(stamp_ns=start_ns + i * PERIOD_NS, image=view, index=i)
        for i, view in enumerate(panorama_views(count, width=160))
    ]


def replay(agent: Agent, source: Sequence[Frame], name: str = "walk") -> list[Decision]:
    agent.begin_replay(name)
    decisions = [agent.observe(frame) for frame in source]
    agent.finish()
    assert agent.drain(60)
    return decisions


def memory(store: Store) -> tuple[list[tuple[object, ...]], list[Delta]]:
    keyframes = [
        tuple(getattr(k, name) for name in k.__dataclass_fields__)
        for k in store.keyframes(pictures=True)
    ]
    return keyframes, [replace(delta, latency_s=0.0) for delta in store.deltas()]


class Faulty(GeometryPerceiver):
    """Raises what ``fault`` gives for the n-th call, as long as it gives something."""

    def __init__(self, fault: Callable[[int, Keyframe], Exception | None]) -> None:
        self._fault = fault
        self._lock = threading.Lock()
        self.calls = 0

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        with self._lock:
            self.calls += 1
            error = self._fault(self.calls, current)
        if error is not None:
            raise error
        return super().perceive(previous, current)


class Gate(GeometryPerceiver):
    """Perceives nothing until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        assert self.opened.wait(60)
        return super().perceive(previous, current)


def test_importing_the_agent_loads_no_model_library() -> None:
    code = (
        "import sys, embodied_agent.agent, embodied_agent.perception.geometry; "
        "print({'torch', 'transformers', 'openai', 'rosbags'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "set()"


def test_a_replay_stores_and_perceives_its_keyframes_in_order() -> None:
    told: list[tuple[str, int]] = []
    listener = Listener(
        on_decision=lambda frame, decision: told.append(("decision", frame.index)),
        on_keyframe=lambda keyframe: told.append(("keyframe", keyframe.id)),
        on_delta=lambda keyframe, delta: told.append(("delta", delta.keyframe_id)),
    )
    source = frames()
    with Agent(settings(), listener=listener) as agent:
        decisions = replay(agent, source)
        keyframes = agent.store.keyframes(pictures=True)
        kept = [d for d in decisions if d.keep]
        assert [k.reason for k in keyframes[: len(kept)]] == [d.reason for d in kept]
        assert keyframes[0].reason == "first"
        assert keyframes[-1].stamp_ns == source[-1].stamp_ns
        ids = list(range(len(keyframes)))
        assert [d.keyframe_id for d in agent.store.deltas()] == ids
        assert [n for what, n in told if what == "keyframe"] == ids
        assert [n for what, n in told if what == "delta"] == ids
        decided = [n for what, n in told if what == "decision"]
        assert decided[: len(source)] == [frame.index for frame in source]
        assert agent.status().perception.pending == 0


def test_a_jpeg_is_stored_as_it_came_and_other_pictures_as_jpeg() -> None:
    view = panorama_views(1)[0]
    jpeg = cv2.imencode(".jpg", view)[1].tobytes()
    png = cv2.imencode(".png", view)[1].tobytes()
    for frame in (
        Frame(0, encoded=jpeg),
        Frame(0, encoded=png),
        Frame(0, image=view),
        Frame(0, image=view[:, :, 0].copy()),
    ):
        with Agent(settings()) as agent:
            agent.observe(frame)
            (stored,) = agent.store.keyframes(pictures=True)
        assert (stored.width, stored.height) == (320, 240)
        assert stored.jpeg.startswith(b"\xff\xd8")
        assert (stored.jpeg == jpeg) == (frame.encoded == jpeg)


def test_the_same_replay_gives_the_same_memory_whatever_the_workers() -> None:
    memories = []
    for workers, batch in ((1, 1), (4, 1), (2, 3)):
        with Agent(
            settings(perception__workers=workers, perception__batch=batch, perception__queue=3)
        ) as agent:
            replay(agent, frames())
            memories.append(memory(agent.store))
    assert memories[0] == memories[1] == memories[2]


@pytest.mark.parametrize("stop_after", [0, 1, 13, 25, 32])
def test_a_replay_that_was_cut_short_goes_on_to_the_same_memory(
    tmp_path: Path, stop_after: int
) -> None:
    source = frames()
    with Agent(settings()) as agent:
        replay(agent, source)
        whole = memory(agent.store)
    path = tmp_path / "m.db"
    with Agent(settings(path)) as agent:
        agent.begin_replay("walk")
        for frame in source[:stop_after]:
            agent.observe(frame)
    with Agent(settings(path)) as agent:
        replay(agent, source)
        assert memory(agent.store) == whole
        again = agent.begin_replay("walk")
        assert (again.finished, again.keyframes) == (True, len(whole[0]))
    with Agent(settings(path)) as agent:
        replay(agent, source)
        assert memory(agent.store) == whole


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


def test_a_replay_of_another_recording_under_the_same_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.db"
    with Agent(settings(path)) as agent:
        replay(agent, frames(20))
    for other in (frames(20, start_ns=5), frames(12), frames(32)):
        with Agent(settings(path)) as agent, pytest.raises(StoreError, match="another memory file"):
            replay(agent, other)
    with (
        Agent(settings(path, keyframes__overlap_threshold=0.3)) as agent,
        pytest.raises(StoreError, match="other keyframe settings"),
    ):
        agent.begin_replay("walk")


def test_a_second_recording_gets_a_segment_of_its_own(tmp_path: Path) -> None:
    with Agent(settings(tmp_path / "m.db")) as agent:
        replay(agent, frames(16))
        replay(agent, frames(16), name="another walk")
        segments = [k.segment for k in agent.store.keyframes()]
        assert set(segments) == {0, 1}
        first = agent.store.keyframes(segment=1)[0]
        assert first.reason == "first"
        assert agent.store.deltas(segment=1)[0].action is None


def test_a_clock_that_jumps_back_opens_a_segment_and_jitter_does_not() -> None:
    source = frames(24)
    late = replace(source[20], stamp_ns=source[19].stamp_ns - 1)
    with Agent(settings()) as agent:
        replay(agent, [*source[:20], late, *source[20:], *source])
        keyframes = agent.store.keyframes()
        assert agent.status().frames_late == 1
        assert {k.segment for k in keyframes} == {0, 1}
        assert [k.reason for k in keyframes].count("first") == 2


def test_a_frame_that_cannot_be_decoded_is_counted_and_the_rest_goes_on() -> None:
    source = frames(20)
    source[10] = Frame(source[10].stamp_ns, encoded=b"\xff\xd8\xff nothing")
    with Agent(settings()) as agent:
        replay(agent, source)
        status = agent.status()
        assert status.frames_unreadable == 1
        assert status.last_error
        assert agent.store.keyframes()[-1].stamp_ns == source[-1].stamp_ns


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


def test_a_replay_waits_while_its_queue_is_full() -> None:
    gate = Gate()
    most = 0

    def count(keyframe: Keyframe) -> None:
        nonlocal most
        most = max(most, agent.store.pending_count())
        if keyframe.id == 2:
            gate.opened.set()

    with Agent(settings(perception__queue=3), perceiver=gate) as agent:
        agent.listen(Listener(on_keyframe=count))
        replay(agent, frames())
        assert most <= 3


def test_a_full_disk_is_told_and_the_replay_goes_on_once_there_is_space(tmp_path: Path) -> None:
    path = str(tmp_path / "m.db")
    source = frames()
    with Agent(settings()) as agent:
        replay(agent, source)
        whole = memory(agent.store)
    with Store.open(path, MemorySettings()) as store, Agent(settings(), store=store) as agent:
        store._writer.pragma("max_page_count", 40)
        with pytest.raises(StoreError, match="disk is full"):
            replay(agent, source)
        store._writer.pragma("max_page_count", 1_000_000)
        replay(agent, source)
        assert memory(store) == whole


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


def test_a_blank_stretch_is_resumed_in_as_it_was_left(tmp_path: Path) -> None:
    source = frames(32)
    for i in range(12, 24):
        source[i] = replace(source[i], image=np.full((120, 160, 3), 90, np.uint8))
    with Agent(settings()) as agent:
        replay(agent, source)
        whole = memory(agent.store)
    path = tmp_path / "m.db"
    with Agent(settings(path)) as agent:
        agent.begin_replay("walk")
        for frame in source[:19]:
            agent.observe(frame)
    with Agent(settings(path)) as agent:
        replay(agent, source)
        assert memory(agent.store) == whole


def test_the_rules_word_lists_are_read_before_the_first_question() -> None:
    from embodied_agent.rules import load_rules

    load_rules.cache_clear()
    with Agent(settings()):
        assert load_rules.cache_info().currsize == 1
