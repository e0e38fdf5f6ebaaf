"""A real OpenAI-compatible server with the built-in models gives what they give in process.

The server is `transformers serve`. The checkpoints are the shipped ones where they are there, else
tiny ones of the same architectures: what is tested is everything around the models.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import ModelError
from embodied_agent.perception.factory import make_perceiver
from embodied_agent.perception.language import PICTURE_PX
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.factory import make_reasoner
from embodied_agent.records import Answer, Delta, Mention, Question
from embodied_agent.settings import (
    PerceptionSettings,
    ReasoningSettings,
    ServerSettings,
    Settings,
    SourceSettings,
)
from embodied_agent.sources import open_source
from tests.support.served import free_port
from tests.support.server_process import server_process
from tests.support.tiny_checkpoints import make_perceiver as make_tiny_perceiver
from tests.support.tiny_checkpoints import make_reasoner as make_tiny_reasoner

pytest.importorskip("fastapi", reason="the server needs transformers[serving]")
pytestmark = pytest.mark.timeout(1500)

SHIPPED = Path(__file__).parents[2] / "embodied_agent" / "models"
#: It names nothing, so it is left to the reasoner whatever the perceiver noted.
QUESTION = Question("Which way?", ("left", "right"))
#: Equal texts need equal limits: a small model does not always stop by itself.
MAX_TOKENS = 128
START_S = 300.0
#: How long a reply may take, on a machine that has much else to do.
REPLY_S = 300.0


@dataclass(frozen=True)
class Served:
    """A running server and the checkpoints that it loads when asked for them."""

    url: str
    perceiver: str
    reasoner: str


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    perceiver, reasoner = SHIPPED / "perceiver", SHIPPED / "reasoner"
    if (perceiver / "config.json").exists() and (reasoner / "config.json").exists():
        return perceiver, reasoner
    folder = tmp_path_factory.mktemp("checkpoints")
    rng = np.random.default_rng(3)
    views = [rng.integers(0, 255, (PICTURE_PX, PICTURE_PX, 3), np.uint8) for _ in range(3)]
    make_tiny_perceiver(
        folder / "perceiver",
        [
            (views[:1], "Motion: first. Seen:", "start: red sofa front-left near."),
            (
                views[:2],
                "Motion: rotate left left 30 level. Seen:",
                "rotate left: blue lamp right far.",
            ),
            (
                views[1:],
                "Motion: move right level level rightward 3. Seen:",
                "move right: nothing.",
            ),
        ],
    )
    make_tiny_reasoner(
        folder / "reasoner",
        [
            (
                "#0 start: red sofa front-left near.\n#12 rotate left 45: nothing named.\nWhere?",
                "<think>#0 red sofa front-left near. So right.</think><answer>B</answer>",
            )
        ],
    )
    return folder / "perceiver", folder / "reasoner"


@pytest.fixture(scope="module")
def served(
    checkpoints: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    port = free_port()
    program = Path(sys.executable).with_name("transformers")
    with server_process(
        [program, "serve", "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        ready="Uvicorn running",
        start_s=START_S,
        env={
            "HF_HUB_OFFLINE": "1",
            "HF_HUB_CACHE": str(tmp_path_factory.mktemp("hub")),
            "OMP_NUM_THREADS": "1",
        },
    ):
        yield Served(f"http://127.0.0.1:{port}/v1", *map(str, checkpoints))


def settings(served: Served, backend: str) -> Settings:
    """The same models, in process or behind the server."""
    patient: dict[str, Any] = {"base_url": served.url, "timeout_s": REPLY_S}
    perceiver = ServerSettings(model=served.perceiver, **patient)
    reasoner = ServerSettings(model=served.reasoner, **patient)
    return Settings(
        perception=PerceptionSettings(
            backend=backend,
            prompt="compact",
            model_path=served.perceiver,
            server=perceiver,
            max_tokens=MAX_TOKENS,
        ),
        reasoning=ReasoningSettings(
            backend=backend,
            free="reasoner",
            prompt="compact",
            model_path=served.reasoner,
            server=reasoner,
            max_tokens=MAX_TOKENS,
            choose=False,  # a server can't: it replies as the model decodes
        ),
    )


def replay(walk: Path, used: Settings) -> tuple[list[Delta], Answer]:
    """The deltas of a replay, without what may differ, and the answer to the question."""
    with (
        open_source(str(walk), SourceSettings()) as source,
        Agent(used) as agent,
    ):
        agent.begin_replay(str(walk))
        for frame in source:
            agent.observe(frame)
        agent.finish()
        assert agent.drain(2 * REPLY_S)
        answer = agent.ask(replace(QUESTION, timeout_s=REPLY_S))
        return [said(delta) for delta in agent.store.deltas()], answer


def said(delta: Delta) -> Delta:
    """What the model said: a server gives no features to measure from."""
    mentions = tuple(Mention(m.name, m.direction, m.distance) for m in delta.mentions)
    return replace(delta, mentions=mentions, model="", latency_s=0.0)


def test_a_replay_through_the_server_gives_the_same_deltas_and_answer(
    served: Served, walk: Path
) -> None:
    deltas, answer = replay(walk, settings(served, "served"))
    expected, expected_answer = replay(walk, settings(served, "builtin"))
    assert len(deltas) >= 3
    assert deltas == expected
    assert answer.models["reasoner"] == served.reasoner
    assert (answer.text, answer.choice, answer.reasoning) == (
        expected_answer.text,
        expected_answer.choice,
        expected_answer.reasoning,
    )


def test_reasoning_streams_through_the_server_with_its_marks(served: Served) -> None:
    prompt = Prompt(
        system="",
        transcript="#0 start: orange sofa front-left near.\n#1 rotate left 45: nothing named.\n",
        task="Recall: #0 orange sofa front-left near.\nQuestion: Where is the orange sofa now?\n",
    )
    texts = []
    for backend in ("served", "builtin"):
        reasoner = make_reasoner(settings(served, backend).reasoning)
        pieces = list(reasoner.stream(prompt, timeout_s=REPLY_S, max_tokens=MAX_TOKENS))
        reasoner.close()
        texts.append("".join(pieces))
        assert len(pieces) > 3
    assert texts[0] == texts[1]
    assert texts[0].startswith("<think>")


def test_a_model_that_the_server_can_not_load_is_an_error_of_ours(served: Served) -> None:
    used = settings(served, "served").reasoning
    server = used.server.model_copy(update={"model": "no/such/model", "max_retries": 0})
    reasoner = make_reasoner(used.model_copy(update={"server": server}))
    with pytest.raises(ModelError, match="500"):
        list(reasoner.stream(Prompt("", "", "Where?"), timeout_s=REPLY_S))
    reasoner.close()


def test_a_server_that_lists_no_models_asks_for_a_name(served: Served) -> None:
    server = ServerSettings(base_url=served.url, model="")
    perceiver = make_perceiver(PerceptionSettings(backend="served", server=server))
    assert perceiver.name == served.url
    reasoner = make_reasoner(ReasoningSettings(backend="served", server=server))
    with pytest.raises(ModelError, match=r"server\.model"):
        list(reasoner.stream(Prompt("", "", "Where?"), timeout_s=REPLY_S))
    reasoner.close()
    perceiver.close()
