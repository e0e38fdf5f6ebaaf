"""The reasoner in process with models that were trained elsewhere: style, letters, stopping."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.models.prompting import FILE, Prompting, write_prompting
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.base import prompt_style, transcript_budget
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.kept_prefix import BLOCK
from embodied_agent.settings import ReasoningSettings
from tests.reasoning.test_reasoning_builtin import WHERE, prompt_for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped reasoner, as if someone else had trained it."""
    shutil.copytree(SHIPPED / "reasoner", tmp_path / "model")
    return tmp_path / "model"


def reasoner_in(folder: Path) -> BuiltinReasoner:
    return BuiltinReasoner(ReasoningSettings(model_path=str(folder)))


def test_the_style_is_what_the_models_folder_records_unless_it_is_set(folder: Path) -> None:
    settings = ReasoningSettings(model_path=str(folder))
    write_prompting(folder, Prompting.of_style("full"))
    assert prompt_style(settings) == "full"
    assert transcript_budget(settings) == 1536
    assert prompt_style(settings.model_copy(update={"prompt": "compact"})) == "compact"
    write_prompting(folder, Prompting.of_style("compact"))
    assert (prompt_style(settings), transcript_budget(settings)) == ("compact", 550)
    (folder / FILE).unlink()
    assert prompt_style(settings) == "compact"
    assert prompt_style(ReasoningSettings(model_path="smollm2")) == "full"
    assert prompt_style(ReasoningSettings(backend="served")) == "full"
    assert transcript_budget(ReasoningSettings(backend="served")) == 6144


def test_a_model_that_was_trained_on_letters_answers_with_one(folder: Path) -> None:
    write_prompting(folder, Prompting("compact", "letter"))
    reply = "".join(reasoner_in(folder).stream(prompt_for(WHERE), timeout_s=120))
    answer = reply.rpartition("<answer>")[2].removesuffix("</answer>").strip()
    assert answer in ("A", "B", "C", "D")
    parsed = parse_answer(reply, WHERE.choices)
    assert parsed.choice == answer
    assert parsed.text in WHERE.choices


def test_a_model_that_was_trained_on_texts_answers_with_one(folder: Path) -> None:
    write_prompting(folder, Prompting("compact", "text"))
    reply = "".join(reasoner_in(folder).stream(prompt_for(WHERE), timeout_s=120))
    assert reply.rpartition("<answer>")[2].removesuffix("</answer>").strip() in WHERE.choices


def test_reading_the_prompt_can_be_cancelled_between_blocks_and_is_not_lost(folder: Path) -> None:
    reasoner = reasoner_in(folder)
    prompt = prompt_for(WHERE)
    prompt = replace(prompt, transcript=4 * prompt.transcript)
    stream = reasoner.stream(prompt, timeout_s=120)
    assert next(stream) == ""  # the first block of several
    stream.close()
    assert reasoner.tokens_read[1] == 0
    pieces = list(reasoner.stream(prompt, timeout_s=120))
    assert reasoner.tokens_read[1] == BLOCK
    assert "</answer>" in "".join(pieces)
