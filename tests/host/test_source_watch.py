"""The state of a source: what it is called, since when, and why, on a clock of the test's own."""

from __future__ import annotations

import pytest

from embodied_agent.host.source_watch import SourceWatch


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_camera_is_connecting_until_its_first_frame(clock: Clock) -> None:
    watch = SourceWatch("camera 0", live=True, clock=clock)
    clock.now += 5
    assert (watch.state().state, watch.state().state_s) == ("connecting", 5)
    assert watch.not_ready() == ["no frame has arrived yet"]
    assert not watch.frame()
    assert watch.state().state == "connected"
    assert watch.not_ready() == []


def test_a_camera_that_was_never_there_is_connecting_and_says_why(clock: Clock) -> None:
    watch = SourceWatch("camera 0", live=True, clock=clock)
    for wait_s in (1, 2):
        watch.lost("there is no /dev/video0", wait_s)
        clock.now += wait_s
    watch.lost("there is no /dev/video0", 4)
    state = watch.state()
    assert (state.state, state.state_s, state.losses) == ("connecting", 3, 3)
    assert state.retry_in_s == 4
    assert watch.not_ready() == ["there is no /dev/video0; retrying in 4 s"]
    assert watch.frame()
    assert watch.state().problem == ""


def test_a_camera_is_silent_once_a_frame_is_overdue(clock: Clock) -> None:
    watch = SourceWatch("camera 0", live=True, clock=clock)
    for _ in range(20):
        watch.frame()
        clock.now += 0.1
    assert watch.state().state == "connected"
    clock.now += 3.5
    state = watch.state()
    assert (state.state, state.problem) == ("silent", "no frame for 4 s")
    assert state.state_s == pytest.approx(3.6)
    assert watch.not_ready() == ["camera 0: no frame for 4 s"]
    watch.frame()
    assert watch.state().state == "connected"


def test_a_slow_camera_is_not_silent_between_its_frames(clock: Clock) -> None:
    sampled = SourceWatch("camera 0", live=True, sample_hz=0.1, clock=clock)
    sampled.frame()
    clock.now += 12
    assert sampled.state().state == "connected"
    clock.now += 30
    assert sampled.state().state == "silent"


def test_a_lost_camera_is_reconnecting_since_it_was_lost(clock: Clock) -> None:
    watch = SourceWatch("stream rtsp://front", live=True, clock=clock)
    watch.frame()
    watch.lost("it hung up", 1)
    clock.now += 1
    watch.lost("nothing listens", 2)
    clock.now += 1
    state = watch.state()
    assert (state.state, state.state_s, state.problem) == ("reconnecting", 2, "nothing listens")
    assert (state.retry_in_s, state.losses) == (1, 2)


def test_a_recording_plays_and_is_finished_or_failed(clock: Clock) -> None:
    watch = SourceWatch("walk.mcap", live=False, clock=clock)
    watch.frame()
    clock.now += 60  # it waits for its reader, so it is never silent
    assert watch.state().state == "playing"
    watch.ended()
    assert (watch.state().state, watch.state().finished) == ("finished", True)
    assert watch.not_ready() == []
    watch.ended("the file broke")
    assert (watch.state().state, watch.state().finished) == ("failed", False)
    assert watch.not_ready() == ["the file broke"]
