"""What was seen before a restart is remembered as that: by the rules, and for the reasoner."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.segment_view import BREAK
from embodied_agent.records import Delta, Frame, Mention, Question
from embodied_agent.rules import Notes, answer_by_rule
from tests.agent.test_agent_ask import Scripted
from tests.support.seeing import Seeing
from tests.support.seeing import quick_settings as settings
from tests.support.views import panorama_views

PERIOD_NS = 100_000_000


def frames(count: int = 16, start_ns: int = 0) -> list[Frame]:
    return [
        Frame(stamp_ns=start_ns + i * PERIOD_NS, image=view, index=i)
        for i, view in enumerate(panorama_views(count, width=160))
    ]


def live(agent: Agent, source: list[Frame]) -> None:
    for frame in source:
        agent.observe(frame)
    assert agent.drain(60)


@pytest.fixture
def restarted(tmp_path: Path) -> Iterator[Agent]:
    """A robot that saw a red sofa and two lamps, was restarted, and sees a blue chair."""
    path = tmp_path / "memory.db"
    with Agent(settings(path), perceiver=Seeing("red sofa", "lamp", "lamp")) as agent:
        live(agent, frames())
    with Agent(settings(path), perceiver=Seeing("blue chair")) as agent:
        agent.begin_live()
        live(agent, frames(start_ns=5 * 10**9))
        yield agent


@pytest.mark.parametrize(
    ("question", "status", "words"),
    [
        ("Did you see a red sofa?", "answered", "before the restart"),
        ("What colour was the sofa?", "answered", "red"),
        ("How many lamps did you see?", "answered", "two"),
        ("When did you first see the sofa?", "answered", "#0 before the restart"),
        ("When did you last see the sofa?", "answered", "before the restart"),
        ("What did you see before the restart?", "answered", "the red sofa"),
        ("Where is the sofa?", "cannot_tell", "I was restarted since"),
        ("Is the sofa behind you?", "cannot_tell", "restarted"),
        ("How do I get back to the sofa?", "cannot_tell", "restarted"),
    ],
)
def test_what_was_seen_before_a_restart_is_told_as_that(
    restarted: Agent, question: str, status: str, words: str
) -> None:
    answer = restarted.ask(question)
    first = restarted.store.keyframes(segment=1)[0].id
    assert (answer.status, answer.problem) == (status, "")
    assert words in answer.text
    assert answer.evidence
    assert all(evidence.keyframe_id < first for evidence in answer.evidence)
    assert f"before the restart, which lies before #{first}" in answer.notice


def test_what_is_seen_since_is_told_as_before(restarted: Agent) -> None:
    first = restarted.store.keyframes(segment=1)[0].id
    for question in ("What do you see now?", "Where is the chair?", "What is nearest to you?"):
        answer = restarted.ask(question)
        assert answer.status == "answered"
        assert "blue chair" in answer.text
        assert "sofa" not in answer.text
        assert answer.notice == ""
        assert all(evidence.keyframe_id >= first for evidence in answer.evidence)
    assert "since the restart" in restarted.ask("What did you do so far?").text
    assert restarted.ask("Did you see a red sofa since the restart?").status == "not_seen"
    assert restarted.ask("Have you seen a fridge?").status == "not_seen"
    assert f"before #{first}" in restarted.ask("How many keyframes are there?").text


def test_until_something_is_seen_nothing_is_in_view(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    with Agent(settings(path), perceiver=Seeing("red sofa")) as agent:
        live(agent, frames())
    with Agent(settings(path), perceiver=Seeing("blue chair")) as agent:
        agent.begin_live()
        assert agent.ask("What do you see now?").status == "cannot_tell"
        answer = agent.ask("Did you see a red sofa?")
        assert "before the restart" in answer.text
        assert "nothing has been perceived since the restart" in answer.notice


@pytest.mark.parametrize("jump_s", [-3, -86_400, 86_400 * 2])
def test_a_clock_that_jumps_for_good_makes_nothing_forgotten(jump_s: int) -> None:
    start_ns = 200_000 * 10**9
    source = frames(40, start_ns)
    later = [Frame(f.stamp_ns + jump_s * 10**9, image=f.image, index=f.index) for f in source[20:]]
    with Agent(settings(), perceiver=Seeing("red sofa")) as agent:
        live(agent, source[:20] + later)
        assert {k.segment for k in agent.store.keyframes()} == {0, 1}
        answer = agent.ask("When did you first see the sofa?")
        assert "#0 before the restart" in answer.text
        assert agent.status().frames_out_of_line == 0


@pytest.mark.parametrize("off_ns", [86_400 * 10**9, -2_500_000_000])
@pytest.mark.parametrize("name", ["walk", ""])
def test_one_absurd_stamp_opens_no_segment_and_is_counted(off_ns: int, name: str) -> None:
    source = frames(40, start_ns=10**10)
    wrong = Frame(source[20].stamp_ns + off_ns, image=source[20].image, index=20)
    with Agent(settings(), perceiver=Seeing("red sofa")) as agent:
        if name:
            agent.begin_replay(name)
        live(agent, [*source[:20], wrong, *source[20:]])
        agent.finish()
        assert {k.segment for k in agent.store.keyframes()} == {0}
        assert agent.status().frames_out_of_line == 1
        assert agent.status().frames == 40


def test_a_replay_with_a_jump_goes_on_where_it_was(tmp_path: Path) -> None:
    source = [*frames(30, start_ns=10**11), *frames(30)]
    path = tmp_path / "memory.db"
    with Agent(settings(path), perceiver=Seeing("sofa")) as agent:
        agent.begin_replay("walk")
        live(agent, source[:40])
    with Agent(settings(path), perceiver=Seeing("sofa")) as agent:
        agent.begin_replay("walk")
        live(agent, source)
        agent.finish()
        agent.drain(60)
        resumed = [(k.stamp_ns, k.segment) for k in agent.store.keyframes()]
    with Agent(settings(), perceiver=Seeing("sofa")) as agent:
        agent.begin_replay("walk")
        live(agent, source)
        agent.finish()
        assert [(k.stamp_ns, k.segment) for k in agent.store.keyframes()] == resumed


@pytest.mark.parametrize("style", ["full", "compact"])
def test_the_reasoner_reads_where_the_break_lies(tmp_path: Path, style: str) -> None:
    path = tmp_path / "memory.db"
    with Agent(settings(path), perceiver=Seeing("red sofa")) as agent:
        live(agent, frames())
        before = len(agent.store.keyframes())
    reasoner = Scripted("<think>#0 shows it</think><answer>A</answer>")
    with Agent(
        settings(path, reasoning__prompt=style), perceiver=Seeing("blue chair"), reasoner=reasoner
    ) as agent:
        agent.begin_live()
        live(agent, frames(start_ns=10**12))
        answer = agent.ask(Question("What was left of you?", ("red sofa", "blue chair")))
    prompt = reasoner.prompts[0]
    assert "(before the restart) red sofa left near" in prompt.task
    assert f"; #{before} " in prompt.task
    if style == "full":
        told_before, _, told_since = prompt.transcript.partition(BREAK)
        assert "red sofa" in told_before
        assert "red sofa" not in told_since
        assert told_since.startswith(f"#{before} start: blue chair")
    else:
        assert prompt.transcript.startswith(f"#{before} start: blue chair")
    assert (answer.status, answer.text) == ("answered", "red sofa")
    assert "before the restart" in answer.notice


def test_rules_do_not_carry_directions_over_a_break() -> None:
    notes = Notes([Delta(0, None, None, (Mention("red sofa", "front", "near"),))])
    notes.add(Delta(1, None, None, (Mention("lamp", "left", "near"),)), after_break=True)
    for question in (
        "Where is the sofa?",
        "How far is the sofa?",
        "Which is nearer, sofa or lamp?",
    ):
        saying = answer_by_rule(question, notes).saying
        assert saying is not None
        assert saying.status == "cannot_tell"
    ruling = answer_by_rule("What did you do right after you first saw the sofa?", notes)
    assert ruling.saying is not None
    assert ruling.saying.status == "cannot_tell"


def test_without_a_restart_a_question_about_one_is_not_guessed() -> None:
    notes = Notes([Delta(0, None, None, (Mention("red sofa", "front", "near"),))])
    saying = answer_by_rule("What did you see before the restart?", notes).saying
    assert saying is not None
    assert saying.status == "cannot_tell"
