"""An evaluation of an adapter through llama.cpp has the marks of one in this process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.adapted_model import adapted_model, answers_with, marks_of
from tests.with_servers.llama_cpp import serving
from training.evaluation.agreement import compare
from training.export_gguf import export

pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_an_evaluation_through_llama_cpp_has_the_marks_of_one_in_process(tmp_path: Path) -> None:
    adapted = adapted_model(tmp_path)
    base = marks_of(str(adapted.base), adapted.episodes)
    here = marks_of(str(adapted.adapter), adapted.episodes)
    assert answers_with(base, adapted.episodes, "A")
    assert answers_with(here, adapted.episodes, "B")
    assert 0 < sum(mark["right"] for mark in here.values()) < len(here)
    with serving(export(str(adapted.adapter), tmp_path / "model.gguf", kind="f32")) as server:
        there = marks_of(f"{server.url}/v1", adapted.episodes)
    found = compare(here, there)
    assert found.questions >= 50
    assert (found.equal_marks, found.equal_replies) == (found.questions, found.questions)
