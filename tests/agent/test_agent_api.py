"""The agent as a library: whole recordings, single arrays, plain questions, typed state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from embodied_agent import (
    Agent,
    Frame,
    FrameError,
    Listener,
    ModelUnavailable,
    Question,
    QuestionError,
    ReplayProgress,
    Settings,
    SourceError,
    Store,
    load_settings,
    open_source,
)
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import MemorySettings
from embodied_agent.sources.base import Skips, Source
from tests.agent.test_agent_ask import Scripted
from tests.support.views import panorama_views
from tests.support.waiting import until

PERIOD_NS = 100_000_000


def settings(path: Path | str = "", **more: object) -> Settings:
    return load_settings(memory__path=str(path), perception__backend="geometry", **more)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    for number, view in enumerate(panorama_views(24, width=160)):
        cv2.imwrite(str(folder / f"{number}.png"), view)
    return folder


def stored(agent: Agent) -> list[tuple[int, str, int]]:
    return [(k.stamp_ns, k.reason, k.segment) for k in agent.store.keyframes()]


def interrupt_at(index: int) -> Callable[[Frame, object], None]:
    def on_decision(frame: Frame, decision: object) -> None:
        if frame.index == index:
            raise KeyboardInterrupt

    return on_decision


@pytest.mark.parametrize("as_type", [str, Path])
def test_a_recording_is_replayed_in_one_call(pictures: Path, as_type: type) -> None:
    seen: list[ReplayProgress] = []
    with Agent(settings()) as agent:
        summary = agent.replay(as_type(pictures), on_progress=seen.append)
        deltas = agent.store.deltas()
        assert len(deltas) == len(agent.store.keyframes()) == summary.keyframes > 3
        assert (summary.frames, summary.resumed, summary.skipped) == (24, 0, {})
        assert agent.status().live is False
        assert len(agent.store.keyframes(source=summary.key)) == summary.keyframes
    assert seen[0] == ReplayProgress(expected_frames=24)
    assert seen[-1].frames == 24
    assert max(progress.perceived for progress in seen) == summary.keyframes


def test_a_replay_that_was_interrupted_goes_on_where_it_was(pictures: Path, tmp_path: Path) -> None:
    with Agent(settings()) as agent:
        agent.replay(pictures)
        whole = stored(agent)
    path = tmp_path / "m.db"
    with (
        pytest.raises(KeyboardInterrupt),
        Agent(settings(path), listener=Listener(on_decision=interrupt_at(13))) as agent,
    ):
        agent.replay(pictures)
    with Agent(settings(path)) as agent:
        before = len(agent.store.keyframes())
        assert 0 < before < len(whole)
        summary = agent.replay(pictures)
        assert (summary.resumed, summary.keyframes) == (before, len(whole))
        assert stored(agent) == whole


def test_a_recording_that_is_known_completely_is_not_read_again(
    pictures: Path, tmp_path: Path
) -> None:
    with Agent(settings(tmp_path / "m.db")) as agent:
        first = agent.replay(pictures)
        again = agent.replay(pictures)
        assert (again.frames, again.keyframes) == (0, first.keyframes)
        told = agent.replay(pictures, again=True)
        assert (told.frames, told.keyframes) == (24, first.keyframes)
        assert len(agent.store.keyframes()) == first.keyframes


def test_an_open_source_is_replayed_under_the_callers_name_and_left_open(pictures: Path) -> None:
    closed: list[bool] = []
    views = [
        Frame(i * PERIOD_NS, image=view) for i, view in enumerate(panorama_views(8, width=160))
    ]
    source = Source("views", iter(views), skips=Skips(), close=lambda: closed.append(True))
    with Agent(settings()) as agent:
        with pytest.raises(SourceError, match="key="):
            agent.replay(source)
        summary = agent.replay(source, key="views")
        assert (summary.key, summary.frames) == ("views", 8)
    assert closed == []
    with open_source(pictures) as opened, Agent(settings()) as agent:
        assert agent.replay(opened, key="pictures").frames == 24


def test_a_camera_has_no_end_to_replay_to() -> None:
    source = Source("camera 0", iter(()), skips=Skips(), live=True)
    with Agent(settings()) as agent, pytest.raises(SourceError, match="observe"):
        agent.replay(source, key="camera")


def test_a_replay_gives_up_when_nothing_is_perceived_for_too_long(pictures: Path) -> None:
    class Down(GeometryPerceiver):
        def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
            raise ModelUnavailable("the server is down")

    with Agent(settings(perception__stall_timeout_s=0.05), perceiver=Down()) as agent:
        agent.observe(Frame(0, image=panorama_views(1)[0]))
        until(lambda: agent.status().perception.last_error)  # it was tried
        with pytest.raises(ModelUnavailable, match=r"are pending: the server is down"):
            agent.replay(pictures)


def test_frames_after_a_replay_are_live_and_not_the_recordings(
    pictures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "m.db"
    views = panorama_views(8, width=160)
    with Agent(settings(path), reasoner=Scripted()) as agent:
        summary = agent.replay(pictures)
        for number, view in enumerate(views):
            agent.observe(Frame(stamp_ns=number * PERIOD_NS, image=view))
        agent.ask("What is here?")
        assert agent.status().live
        last = agent.store.keyframes()[-1]
        assert (last.segment, last.stamp_ns) == (1, 7 * PERIOD_NS)
        assert len(agent.store.keyframes(source=summary.key)) == summary.keyframes
    with Agent(settings(path)) as agent:
        assert agent.replay(pictures, again=True).keyframes == summary.keyframes


def test_plain_text_asks_as_a_question_does(pictures: Path) -> None:
    reasoner = Scripted()
    with Agent(settings(reasoning__timeout_s=17), reasoner=reasoner) as agent:
        agent.replay(pictures)
        stamp = agent.store.keyframes()[2].stamp_ns
        answer = agent.ask("Which?", choices=["left", "right"], at_ns=stamp, timeout_s=9)
        assert (answer.choice, answer.text) == ("B", "right")
        *_, streamed = agent.ask_stream("Which?", choices=("left", "right"))
        assert replace(streamed, latency_s={}) == replace(
            agent.ask(Question("Which?", ("left", "right"))), latency_s={}
        )
        questions = [question for question, _ in agent.store.answers()]
    assert questions[0] == Question("Which?", ("left", "right"), at_ns=stamp, timeout_s=9)
    assert questions[1].timeout_s == 17


def test_a_question_is_given_once(pictures: Path) -> None:
    with Agent(settings(), reasoner=Scripted()) as agent:
        for more in ({"choices": ["a", "b"]}, {"at_ns": 3}, {"timeout_s": 2.0}):
            with pytest.raises(QuestionError, match="itself"):
                agent.ask(Question("Which?"), **more)
        with pytest.raises(QuestionError, match="list of texts"):
            agent.ask("Which?", choices="left")


BGR = np.zeros((6, 8, 3), np.uint8)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (Frame(0), "exactly one of image"),
        (Frame(0, image=BGR, encoded=b"\xff\xd8"), "exactly one of image"),
        (Frame(0, image=BGR.astype(np.float64)), "uint8, not of float64"),
        (Frame(0, image=BGR.tolist()), "uint8, not of list"),
        (Frame(0, image=np.zeros((6, 8, 4), np.uint8)), r"not \(6, 8, 4\)"),
        (Frame(0, image=np.zeros((0, 8, 3), np.uint8)), r"not \(0, 8, 3\)"),
        (Frame(0, image=np.zeros(8, np.uint8)), r"not \(8,\)"),
        (Frame(1.5e9, image=BGR), "must be an int of nanoseconds, not 1500000000.0"),
        (Frame(np.int64(3), image=BGR), "int64"),
    ],
)
@pytest.mark.parametrize("wait", [True, False])
def test_a_frame_that_is_put_together_wrongly_is_refused_at_once(
    frame: Frame, message: str, wait: bool
) -> None:
    with Agent(settings()) as agent:
        with pytest.raises(FrameError, match=message):
            agent.observe(frame, wait=wait)
        assert agent.status().frames == 0


def test_an_agent_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_PERCEPTION__BACKEND", "geometry")
    with Agent() as agent:
        agent.observe(Frame(stamp_ns=0, image=panorama_views(1)[0]))
        assert agent.drain()
        assert agent.status().memory.path == ":memory:"
        assert agent.settings.perception.backend == "geometry"


def test_the_status_is_typed_and_can_not_be_changed(pictures: Path) -> None:
    with Agent(settings()) as agent:
        agent.replay(pictures)
        status = agent.status()
        count = len(agent.store.keyframes())
    assert status.frames == 24
    assert status.memory.keyframes == status.memory.done == count
    assert status.perception is not None
    assert (status.perception.state, status.perception.perceived) == ("closed", count)
    assert status.reasoning.server is None
    with pytest.raises(FrozenInstanceError):
        status.frames = 3  # type: ignore[misc]


class Closing(GeometryPerceiver):
    """Counts how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("read_only", [True, False])
@pytest.mark.parametrize("brought", [True, False])
def test_a_perceiver_is_closed_by_whoever_made_it(
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    read_only: bool,
    brought: bool,
) -> None:
    path = tmp_path / "m.db"
    with Agent(settings(path)) as agent:
        agent.replay(pictures)
    perceiver = Closing()
    monkeypatch.setattr("embodied_agent.agent.lazy_models.make_perceiver", lambda *_: perceiver)
    # A second look needs the perceiver, also where nothing is to be perceived.
    look = load_settings(reasoning__second_look__mode="on")
    with (
        Store.open(str(path), MemorySettings(), read_only=read_only) as store,
        Agent(
            look, store=store, perceiver=perceiver if brought else None, reasoner=Scripted()
        ) as agent,
    ):
        answer = agent.ask("Where is the red sofa?", choices=["left", "right"])
        assert answer.models["looker"] == perceiver.name
        assert perceiver.closed == 0
    assert perceiver.closed == (not brought)
