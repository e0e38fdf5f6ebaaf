"""The memory is read while nobody asks: a question then reads only itself, and is never held up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.read_ahead import ReadAhead
from embodied_agent.memory.store import Store
from embodied_agent.models.prompting import Prompting, write_prompting
from embodied_agent.reasoning.base import InProcess, Prompt
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.kept_prefix import BLOCK
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Delta, Mention, Question
from embodied_agent.settings import MemorySettings, ReasoningSettings, Settings, load_settings
from embodied_agent.transcript.text import Transcript
from tests.agent.test_agent_ask import Naming, frames
from tests.support.scripted import remember
from tests.support.tiny_checkpoints import make_reasoner
from tests.support.waiting import until

WAIT_S = 60.0
WHERE = Question("Where is lamp 2?", ("left", "right"), timeout_s=WAIT_S)


def deltas(count: int) -> tuple[Delta, ...]:
    lamps = (Mention(f"lamp {n}", "front", "near") for n in range(count))
    return tuple(Delta(n, None, None, (lamp,)) for n, lamp in enumerate(lamps))


def prompt_of(count: int, question: Question = WHERE) -> Prompt:
    return build_prompt("full", Transcript.of(deltas(count), 5000).text(), "", question)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    reply = "<think>#2 shows lamp 2.</think><answer>A</answer>"
    make_reasoner(folder, [(prompt_of(12).system + prompt_of(12).user, reply)])
    write_prompting(folder, Prompting("full", "letter"))
    return folder


def reasoner_in(folder: Path) -> BuiltinReasoner:
    return BuiltinReasoner(
        ReasoningSettings(model_path=str(folder), max_tokens=24, kept_cache_mb=64)
    )


def reply_of(reasoner: BuiltinReasoner, prompt: Prompt) -> str:
    return "".join(reasoner.stream(prompt, timeout_s=WAIT_S))


def test_a_question_reads_only_its_own_part_and_the_reply_is_the_same(folder: Path) -> None:
    ahead, plain = reasoner_in(folder), reasoner_in(folder)
    assert isinstance(ahead, InProcess)
    prompt = prompt_of(40)
    assert ahead.read_ahead(prompt)
    beginning = ahead.tokens_read[0]
    assert beginning >= BLOCK
    assert beginning % BLOCK == 0
    assert reply_of(ahead, prompt) == reply_of(plain, prompt)
    asked, kept = ahead.tokens_read
    assert kept == beginning
    assert asked == plain.tokens_read[0]
    task = len(ahead._ids(prompt.task))
    assert asked - beginning < task + 2 * BLOCK


def test_what_is_kept_already_is_not_read_again(folder: Path) -> None:
    reasoner = reasoner_in(folder)
    assert reasoner.read_ahead(prompt_of(20))
    reply_of(reasoner, prompt_of(20))
    read = reasoner.tokens_read[0]
    assert reasoner.read_ahead(prompt_of(20))
    assert reasoner.tokens_read[0] == read
    assert reasoner.read_ahead(Prompt("", "", ""))
    assert reasoner.held_bytes() > 0


def test_reading_gives_way_to_a_question_and_what_was_read_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasoner, prompt = reasoner_in(folder), prompt_of(40)
    reading, replies = reasoner._kept.reading, list[str]()
    asking = threading.Thread(target=lambda: replies.append(reply_of(reasoner, prompt)))

    def asked_at_the_second_block(ids, check):
        for number, read in enumerate(reading(ids, check)):
            if number == 1 and not asking.is_alive():
                asking.start()
                until(lambda: reasoner._wanted == 1)
            yield read

    monkeypatch.setattr(reasoner._kept, "reading", asked_at_the_second_block)
    assert not reasoner.read_ahead(prompt)
    asking.join(WAIT_S)
    assert replies == [reply_of(reasoner_in(folder), prompt)]
    assert reasoner.tokens_read[1] >= 2 * BLOCK


def test_a_reply_that_is_being_made_is_not_disturbed(folder: Path) -> None:
    reasoner = reasoner_in(folder)
    stream = reasoner.stream(prompt_of(12), timeout_s=WAIT_S)
    next(stream)
    assert not reasoner.read_ahead(prompt_of(40))
    stream.close()
    assert reasoner.read_ahead(prompt_of(40))


@contextmanager
def agent_on(folder: Path, **more: object) -> Iterator[tuple[Agent, BuiltinReasoner]]:
    settings: Settings = load_settings(
        perception__backend="geometry",
        reasoning__free="reasoner",
        reasoning__model_path=str(folder),
        reasoning__votes=1,
        **more,
    )
    reasoner = reasoner_in(folder)
    with Agent(settings, perceiver=Naming(), reasoner=reasoner) as agent:
        yield agent, reasoner


def test_an_agent_reads_its_memory_as_it_grows(folder: Path) -> None:
    with agent_on(folder) as (agent, reasoner):
        agent.begin_live()
        for frame in frames():
            agent.observe(frame)
        assert agent.drain(WAIT_S)
        until(lambda: agent._read_ahead.completed)
        until(lambda: reasoner.tokens_read[0] >= BLOCK)
        before = reasoner.tokens_read
        agent.ask(WHERE)
        assert reasoner.tokens_read[1] >= before[0], "what was read is used"
        status = agent.status().reasoning
        assert status.model_bytes == reasoner.held_bytes()


def test_it_can_be_turned_off(folder: Path) -> None:
    with agent_on(folder, reasoning__read_ahead=False) as (agent, reasoner):
        agent.begin_live()
        for frame in frames():
            agent.observe(frame)
        assert agent.drain(WAIT_S)
        assert agent._read_ahead._thread is None
        assert reasoner.tokens_read == (0, 0)


def test_nothing_is_read_while_keyframes_wait() -> None:
    class Reader:
        name = "reader"
        reads = 0

        def stream(self, prompt: Prompt, **_: object) -> Iterator[str]:
            yield ""

        def held_bytes(self) -> int:
            return 0

        def read_ahead(self, prompt: Prompt) -> bool:
            self.reads += 1
            return True

        def close(self) -> None:
            """Nothing."""

    reader = Reader()
    with Store.open(":memory:", MemorySettings()) as store:
        remember(store, deltas(2))
        ahead = ReadAhead(store, lambda: reader, lambda *_: prompt_of(2))
        ahead._read()
        assert (reader.reads, ahead.completed) == (1, 1)
        store.add_keyframe(stamp_ns=9, jpeg=b"", width=4, height=3, reason="overlap", segment=0)
        ahead._read()
        assert reader.reads == 1
        ahead.close()
