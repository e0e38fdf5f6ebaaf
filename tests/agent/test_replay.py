"""A replay gives the same memory every time, and resumes where it stopped."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import StoreError
from embodied_agent.memory.store import Store
from embodied_agent.records import Frame, Keyframe
from embodied_agent.settings import MemorySettings
from tests.support.agents import Gate, frames, memory, replay, settings
from tests.support.views import panorama_views


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
