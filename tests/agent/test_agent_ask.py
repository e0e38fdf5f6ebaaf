"""Questions to the agent: what the reasoner reads, what comes back, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelError, ModelUnavailable, QuestionError
from embodied_agent.memory.store import Store
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Answer, Delta, Frame, Keyframe, Mention, Question
from embodied_agent.settings import MemorySettings, Settings, load_settings
from tests.support.views import panorama_views
from tests.support.waiting import until

PERIOD_NS = 100_000_000
SETTINGS: Settings = load_settings(
    perception__backend="geometry", perception__retry_s=0.001, reasoning__free="reasoner"
)
REPLY = "<think>#0 shows it</think><answer>B</answer>"


class Naming(GeometryPerceiver):
    """Names an object by the keyframe's number: lamp 0, lamp 1, …"""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        mention = Mention(f"lamp {current.id}", "front", "near")
        return Delta(current.id, action=None, mentions=(mention,), model="naming")


class Scripted:
    """A reasoner that replies what it is told to, piece by piece, and remembers the prompts."""

    name = "scripted"

    def __init__(self, reply: str = REPLY, error: Exception | None = None) -> None:
        self._reply, self._error = reply, error
        self.prompts: list[Prompt] = []

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        assert 0 < timeout_s <= 30
        self.prompts.append(prompt)
        for start in range(0, len(self._reply), 7):
            yield self._reply[start : start + 7]
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        raise AssertionError("a reasoner that was passed in is not the agent's to close")


def frames(count: int = 24, start_ns: int = 0) -> list[Frame]:
    return [
        Frame(stamp_ns=start_ns + i * PERIOD_NS, image=view, index=i)
        for i, view in enumerate(panorama_views(count, width=160))
    ]


def replayed(reasoner: Scripted, source: list[Frame] | None = None) -> Agent:
    agent = Agent(SETTINGS, perceiver=Naming(), reasoner=reasoner)
    agent.begin_replay("walk")
    for frame in frames() if source is None else source:
        agent.observe(frame)
    agent.finish()
    return agent


def test_an_answer_carries_choice_reasoning_evidence_models_and_times() -> None:
    reasoner = Scripted()
    with replayed(reasoner) as agent:
        answer = agent.ask(Question("Where is lamp 2?", ("left", "right"), id="q7"))
        assert (answer.text, answer.choice, answer.reasoning) == ("right", "B", "#0 shows it")
        assert (answer.problem, answer.question_id) == ("", "q7")
        assert answer.models == {"perceiver": "naming", "reasoner": "scripted"}
        assert {"perceive_wait", "recall", "first_token", "reason", "total"} == set(
            answer.latency_s
        )
        keyframes = agent.store.keyframes()
        assert [(e.keyframe_id, e.note, e.stamp_ns) for e in answer.evidence] == [
            (0, "cited", keyframes[0].stamp_ns),
            (2, "recalled", keyframes[2].stamp_ns),
        ]
        assert agent.store.answers() == [
            (Question("Where is lamp 2?", ("left", "right"), id="q7"), answer)
        ]


def test_the_reasoner_reads_all_that_was_perceived_and_the_recall() -> None:
    reasoner = Scripted()
    with replayed(reasoner) as agent:
        agent.ask(Question("Where is lamp 2?"))
        (prompt,) = reasoner.prompts
        count = len(agent.store.keyframes())
        assert prompt.transcript.count("\n") == count
        assert f"#{count - 1} " in prompt.transcript
        assert "#2 lamp 2 front near" in prompt.task


def test_a_question_as_of_a_stamp_uses_nothing_seen_later() -> None:
    reasoner = Scripted()
    with replayed(reasoner) as agent:
        keyframes = agent.store.keyframes()
        answer = agent.ask(Question("Where is lamp 1?", at_ns=keyframes[2].stamp_ns + 1))
        assert reasoner.prompts[0].transcript.count("\n") == 3
        assert "lamp 3" not in reasoner.prompts[0].transcript
        assert [e.keyframe_id for e in answer.evidence] == [0, 1]
        early = agent.ask(Question("Where is lamp 1?", at_ns=-1))
        assert "nothing was seen up to stamp -1" in early.problem


def test_a_replay_gets_no_keyframes_from_questions() -> None:
    with replayed(Scripted(), source=[]) as agent:
        agent.begin_replay("another")
        for frame in frames(12):
            agent.observe(frame)
            stored = len(agent.store.keyframes())
            agent.ask(Question("What now?"))
            assert len(agent.store.keyframes()) == stored


def test_live_the_current_frame_is_kept_and_perceived_before_the_answer() -> None:
    reasoner = Scripted()
    source = frames(12)
    with Agent(SETTINGS, perceiver=Naming(), reasoner=reasoner) as agent:
        for frame in source:
            agent.observe(frame)
        assert agent.store.keyframes()[-1].stamp_ns < source[-1].stamp_ns
        agent.ask(Question("What is here now?"))
        last = agent.store.keyframes()[-1]
        assert (last.reason, last.stamp_ns) == ("asked", source[-1].stamp_ns)
        assert f"#{last.id} " in reasoner.prompts[0].transcript
        agent.ask(Question("And now?"))
        assert agent.store.keyframes()[-1].id == last.id


def test_live_a_frame_that_still_waits_is_the_current_one() -> None:
    source = frames(12)
    with Agent(SETTINGS, perceiver=Naming(), reasoner=Scripted()) as agent:
        for frame in source:
            agent.observe(frame, wait=False)
        agent.ask(Question("What is here now?"))
        assert agent.store.keyframes()[-1].stamp_ns == source[-1].stamp_ns


def test_pieces_come_before_the_answer_and_make_up_the_reply() -> None:
    with replayed(Scripted()) as agent:
        *pieces, answer = agent.ask_stream(Question("Which?", ("a", "b")))
        assert "".join(str(piece) for piece in pieces) == REPLY
        assert isinstance(answer, Answer)
        assert answer.choice == "B"


def test_only_the_segment_of_the_question_speaks() -> None:
    reasoner = Scripted("<think>so</think><answer>left</answer>")
    with replayed(reasoner) as agent:
        agent.begin_replay("another")
        for frame in frames(20, start_ns=10**12):
            agent.observe(frame)
        agent.finish()
        first = agent.store.keyframes(segment=1)[0].id
        agent.ask(Question(f"Where is lamp {first}?"))
        assert reasoner.prompts[0].transcript.startswith(f"#{first} ")
        answer = agent.ask(Question("Where is lamp 0?"))
        assert (answer.status, len(reasoner.prompts)) == ("not_seen", 1)


@pytest.mark.parametrize(
    ("reply", "error", "problem"),
    [
        ("<think>hm</think>", None, "no usable reply"),
        ("<answer>Z</answer>", None, "not one of the choices"),
        ("<think>so f", ModelUnavailable("the server went away"), "the server went away"),
        ("", ModelError("no checkpoint"), "no checkpoint"),
    ],
)
def test_model_trouble_is_a_problem_of_the_answer(
    reply: str, error: Exception | None, problem: str
) -> None:
    with replayed(Scripted(reply, error)) as agent:
        answer = agent.ask(Question("Which?", ("a", "b")))
        assert problem in answer.problem
        assert (answer.text, answer.choice) == ("", None)
        assert answer.reasoning == reply
        assert agent.status().reasoning.problems == 1


def test_a_view_that_is_not_perceived_in_time_is_a_problem_of_the_answer() -> None:
    class Down(GeometryPerceiver):
        def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
            raise ModelUnavailable("the camera model is down")

    with Agent(SETTINGS, perceiver=Down(), reasoner=Scripted()) as agent:
        agent.observe(frames(1)[0])
        until(lambda: agent.status().perception.last_error)  # it was tried
        answer = agent.ask(Question("What is here?", timeout_s=0.1))
        assert "not perceived within 0.1 s" in answer.problem
        assert "the camera model is down" in answer.problem


def test_an_empty_memory_is_a_problem_of_the_answer() -> None:
    with Agent(SETTINGS, reasoner=Scripted()) as agent:
        assert agent.ask(Question("Where am I?")).problem == "nothing has been seen yet"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (Question(" \n"), "empty"),
        (Question("x" * 4001), "4000"),
        (Question("x", ("a" * 4000,)), "4000"),
        (Question("x", tuple(map(str, range(27)))), "26"),
        (Question("x", ("left", " Left ")), "the same"),
        (Question("x", ("left", " ")), "a choice is empty"),
        (Question("x", timeout_s=0), "timeout_s"),
        (Question("x", timeout_s=float("nan")), "timeout_s"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_at_once(
    question: Question, message: str
) -> None:
    with Agent(SETTINGS, reasoner=Scripted()) as agent:
        with pytest.raises(QuestionError, match=message):
            agent.ask(question)
        with pytest.raises(QuestionError, match=message):
            agent.ask_stream(question)


def test_a_memory_opened_read_only_can_be_asked(tmp_path: Path) -> None:
    path = str(tmp_path / "m.db")
    with (
        Store.open(path, MemorySettings()) as store,
        Agent(SETTINGS, store=store, perceiver=Naming()) as writer,
    ):
        writer.begin_replay("walk")
        for frame in frames():
            writer.observe(frame)
        writer.finish()
        assert writer.drain(60)
        with (
            Store.open(path, MemorySettings(), read_only=True) as reader,
            Agent(SETTINGS, store=reader, reasoner=Scripted()) as agent,
        ):
            assert agent.ask(Question("Which?", ("a", "b"))).choice == "B"
            assert reader.answers() == []


def test_the_transcript_is_the_same_after_a_restart(tmp_path: Path) -> None:
    settings = load_settings(
        perception__backend="geometry",
        memory__path=str(tmp_path / "m.db"),
        reasoning__token_budget=256,
        reasoning__free="reasoner",
    )
    texts = []
    with Agent(settings, perceiver=Naming(), reasoner=(reasoner := Scripted())) as agent:
        agent.begin_replay("walk")
        for frame in frames(50):
            agent.observe(frame)
            agent.ask(Question("What now?"))
        agent.finish()
        agent.ask(Question("What now?"))
        texts.append(reasoner.prompts[-1].transcript)
    with Agent(settings, reasoner=(reasoner := Scripted())) as agent:
        agent.ask(Question("What now?"))
        texts.append(reasoner.prompts[-1].transcript)
    assert texts[0] == texts[1]
