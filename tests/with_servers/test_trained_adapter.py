"""An adapter trained on a pretrained base has equal marks behind llama.cpp and in process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.adapted_model import marks_of
from tests.support.trained_adapter import (
    MAX_TOKENS,
    assert_equal,
    marks_in_process,
    trained_adapter,
)
from tests.with_servers.llama_cpp import serving
from training.export_gguf import export

pytestmark = [
    pytest.mark.servers,
    pytest.mark.timeout(1500),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def test_a_trained_adapter_has_equal_marks_behind_llama_cpp(tmp_path: Path) -> None:
    adapted = trained_adapter(tmp_path)
    here = marks_in_process(adapted)
    file = export(str(adapted.adapter), tmp_path / "model.gguf", kind="f32")
    with serving(file) as server:
        there = marks_of(f"{server.url}/v1", adapted.episodes, max_tokens=MAX_TOKENS)
    assert_equal(adapted, here, there)
