"""The built-in reasoner in process: chooses among the choices, stops, and says what is too long."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.settings import load_settings
from embodied_agent.sources import open_source
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript
from training.evaluate_clips import true_delta
from training.evaluation.choices import one_by_one, replies_to

DELTAS = (
    Delta(0, None, None, (Mention("red sofa", "front", "mid"),)),
    Delta(1, Action.ROTATE_LEFT, 90.0, (Mention("blue lamp", "front", "far"),)),
)
WHERE = Question("Where is the red sofa now?", ("left", "right", "back", "front"))


@pytest.fixture(scope="module")
def reasoner() -> BuiltinReasoner:
    return BuiltinReasoner(load_settings().reasoning)


def prompt_for(question: Question):
    recalled, _ = recall(DELTAS, question)
    return build_prompt("compact", Transcript.of(DELTAS, 500).text(), recalled, question)


def test_two_shipped_walks_are_answered_from_true_notes_far_above_chance(
    reasoner: BuiltinReasoner,
) -> None:
    settings = load_settings(perception__backend="geometry")
    right = count = 0
    for name in ("house_8", "house_58"):
        clip = Path("sim_clips/clips") / name
        truth = json.loads((clip / "truth.json").read_text())
        with Agent(settings) as agent, open_source(str(clip), settings.source) as frames:
            agent.begin_replay(name)
            for frame in frames:
                agent.observe(frame)
            agent.finish()
            keyframes = agent.store.keyframes()
        pairs = zip([None, *keyframes], keyframes, strict=False)
        notes = [(k.stamp_ns, true_delta(truth, before, k)) for before, k in pairs]
        rows = json.loads((clip / "questions.json").read_text())
        asked = [
            (
                [delta for stamp, delta in notes if stamp <= row["stamp_ns"]],
                Question(row["text"], tuple(row["choices"])),
            )
            for row in rows
        ]
        replies = replies_to(settings, one_by_one(reasoner, settings), asked, check=False)
        for row, reply in zip(rows, replies, strict=True):
            right += reply.alone == row["answer"]
            count += 1
    assert count >= 50
    assert right / count >= 0.5  # chance is 0.25


@pytest.mark.parametrize("text", ["Where is the red sofa now?", "Why?", "¿Dónde está?", "# # #"])
def test_the_answer_is_always_one_of_the_choices(reasoner: BuiltinReasoner, text: str) -> None:
    question = Question(text, ("a green door", "nowhere", "42"))
    reply = "".join(reasoner.stream(prompt_for(question), timeout_s=60))
    if "<answer>" in reply:
        assert parse_answer(reply, question.choices).choice in ("A", "B", "C")


def test_the_same_question_gives_the_same_reply(reasoner: BuiltinReasoner) -> None:
    replies = {"".join(reasoner.stream(prompt_for(WHERE), timeout_s=60)) for _ in range(3)}
    assert len(replies) == 1


def test_closing_the_stream_frees_the_model_for_the_next_question(
    reasoner: BuiltinReasoner,
) -> None:
    stream = reasoner.stream(prompt_for(WHERE), timeout_s=60)
    next(stream)
    stream.close()
    assert "".join(reasoner.stream(prompt_for(WHERE), timeout_s=60))


def test_running_out_of_time_is_said(reasoner: BuiltinReasoner) -> None:
    stream = reasoner.stream(prompt_for(WHERE), timeout_s=0.001)
    time.sleep(0.002)
    with pytest.raises(ModelUnavailable, match="within"):
        list(stream)


def test_a_prompt_that_is_too_long_is_an_error_that_names_the_setting(
    reasoner: BuiltinReasoner,
) -> None:
    question = Question("Where is the red sofa? " * 2000)
    with pytest.raises(ModelError, match="token_budget"):
        list(reasoner.stream(prompt_for(question), timeout_s=60))
