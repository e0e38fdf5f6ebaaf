"""An adapter behind a real vLLM (``--enable-lora``) replies as the merged model does in process."""

from __future__ import annotations

import json
import os
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from embodied_agent.models.checkpoints import load
from embodied_agent.reasoning.restating import (
    MOST_TOKENS,
    messages,
    restater_folder,
)
from tests.models.test_adapters import adapter
from tests.models.test_llama_gguf import TEXTS, checkpoint
from tests.support.adapted_model import CONTEXT, RANK, adapted_model, answers_with, marks_of
from tests.support.served import free_port
from tests.support.server_process import server_process
from tests.support.trained_adapter import (
    MAX_TOKENS,
    assert_equal,
    marks_in_process,
    shipped_restater,
    trained_adapter,
)
from training.evaluation.agreement import compare
from training.restating.bank import development, filled

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
#: How long a server may take to start, seconds.
START_S = 900
#: How long it may take from there until it listens, seconds.
LISTENS_S = 60.0
TOKENS = 12
#: Holds the short questions of a trained adapter and their replies, in tokens.
SHORT_CONTEXT = 1024
#: In 16 bits, engines may write different replies where the model is less sure of its own.
SURE = 0.9
#: Stands for a character that is not whole.
PART = "\N{REPLACEMENT CHARACTER}"


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A base and an adapter on it."""
    root = tmp_path_factory.mktemp("adapted")
    base = checkpoint(root / "base", head_dim=32)  # vLLM's attention on a CPU takes no smaller ones
    return base, adapter(base, root / "adapter", r=8, lora_alpha=16)


@contextmanager
def serving(
    base: Path, adapter: Path, *, context: int, rank: int, dtype: str = "float32"
) -> Iterator[str]:
    """The address of a vLLM with a base, called ``base``, and an adapter, called ``reasoner``."""
    port = free_port()
    with server_process(
        [
            Path(os.environ["VLLM_PROGRAM"]).absolute(), "serve", base,
            "--served-model-name", "base", "--host", "127.0.0.1", "--port", str(port),
            "--dtype", dtype, "--enforce-eager", "--max-model-len", str(context),
            "--enable-lora", "--max-lora-rank", str(rank), "--lora-modules", f"reasoner={adapter}",
        ],
        ready="Application startup complete",
        start_s=START_S,
        env={
            "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
            "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind",
            "OMP_NUM_THREADS": "1",
        },
        cwd=adapter,  # not this checkout, whose packages it would import
    ):  # fmt: skip
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"


def _wait_for(port: int) -> None:
    """Wait until a server listens: it says that it has started just before."""
    until = time.monotonic() + LISTENS_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=LISTENS_S).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


@pytest.fixture(scope="module")
def url(folders: tuple[Path, Path]) -> Iterator[str]:
    base, adapted = folders
    with serving(base, adapted, context=256, rank=8) as address:
        yield address


def completed(url: str, model: str, ids: list[int]) -> str:
    """The greedy continuation of a prompt, as text."""
    body: dict[str, Any] = {"model": model, "prompt": ids, "max_tokens": TOKENS, "temperature": 0}
    request = urllib.request.Request(
        f"{url}/v1/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        text: str = json.load(reply)["choices"][0]["text"]
    return text


def test_the_adapter_and_its_base_reply_as_in_process(folders: tuple[Path, Path], url: str) -> None:
    replies: dict[str, list[str]] = {}
    for name, folder in zip(("base", "reasoner"), folders, strict=True):
        model, tokenizer = load(folder, "reasoner")
        for text in TEXTS:
            ids = tokenizer(text, return_tensors="pt").input_ids
            with torch.inference_mode():
                ours = model.generate(ids, max_new_tokens=TOKENS, do_sample=False)
            expected = tokenizer.decode(ours[0, ids.shape[1] :], skip_special_tokens=True)
            # vLLM leaves out a character of which the last token gives only a part.
            reply = completed(url, name, ids[0].tolist())
            assert reply.rstrip(PART) == expected.rstrip(PART)
            replies.setdefault(name, []).append(expected)
    assert replies["base"] != replies["reasoner"]


def test_an_evaluation_through_vllm_has_the_marks_of_one_in_process(tmp_path: Path) -> None:
    adapted = adapted_model(tmp_path)
    here = marks_of(str(adapted.adapter), adapted.episodes)
    with serving(adapted.base, adapted.adapter, context=CONTEXT, rank=RANK) as address:
        base = marks_of(f"{address}/v1", adapted.episodes, server_model="base")
        there = marks_of(f"{address}/v1", adapted.episodes, server_model="reasoner")
    assert answers_with(base, adapted.episodes, "A")
    assert answers_with(there, adapted.episodes, "B")
    found = compare(here, there)
    assert found.questions >= 50
    assert (found.equal_marks, found.equal_replies) == (found.questions, found.questions)


def test_a_trained_adapter_has_equal_marks_behind_vllm(tmp_path: Path) -> None:
    adapted = trained_adapter(tmp_path)
    here = marks_in_process(adapted)
    with serving(adapted.base, adapted.adapter, context=SHORT_CONTEXT, rank=32) as address:
        there = marks_of(
            f"{address}/v1", adapted.episodes, server_model="reasoner",
            max_tokens=MAX_TOKENS,
        )  # fmt: skip
    assert_equal(adapted, here, there)


def restated(url: str, question: str) -> str:
    """What the served adapter makes of a question, greedily."""
    body = {
        "model": "reasoner", "messages": messages(question), "max_tokens": MOST_TOKENS,
        "temperature": 0,
    }  # fmt: skip
    request = urllib.request.Request(
        f"{url}/v1/chat/completions",
        json.dumps(body).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=120) as reply:
        text: str = json.load(reply)["choices"][0]["message"]["content"]
    return text.strip()


def test_the_shipped_adapter_restates_questions_behind_vllm_as_in_process(
    tmp_path: Path,
) -> None:
    here = shipped_restater(tmp_path)
    (base,) = (tmp_path / "cache").iterdir()
    rng = np.random.default_rng(7)
    questions = [filled(phrasing, rng)[0] for phrasing in development()[::20]]
    with serving(
        base, restater_folder(""), context=SHORT_CONTEXT, rank=32, dtype="bfloat16"
    ) as address:
        replies = [(restated(address, q), here.restate(q, timeout_s=120.0)) for q in questions]
    sure = [(there, ours.reply) for there, ours in replies if ours.probability >= SURE]
    assert len(sure) >= 25
    assert [there for there, _ in sure] == [ours for _, ours in sure]
