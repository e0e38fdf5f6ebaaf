"""What is kept between prompts saves reading and never changes a reply."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from embodied_agent.errors import ModelUnavailable
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.kept_prefix import BLOCK
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.served import messages_of
from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.settings import load_settings
from embodied_agent.transcript.text import Transcript
from tests.support.tiny_checkpoints import make_reasoner as make_tiny_reasoner

NAMES = ("red sofa", "blue lamp", "green door", "white table")
WHERE = Question("Where is the red sofa now?", ("left", "right", "back", "front"))
OPEN = Question("What is there?")


def deltas(count: int, seed: int = 0) -> list[Delta]:
    rng = random.Random(seed)
    found = []
    for number in range(count):
        mentions = tuple(
            Mention(name, rng.choice(("front", "left", "back-right")), "near")
            for name in rng.sample(NAMES, 2)
        )
        action = Action.ROTATE_LEFT if number else None
        found.append(Delta(number, action, 45.0 if number else None, mentions))
    return found


def prompt_of(known: list[Delta], question: Question = WHERE, budget: int = 5000):
    return build_prompt("compact", Transcript.of(known, budget).text(), "", question)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    prompt = prompt_of(deltas(6))
    make_tiny_reasoner(
        folder, [(prompt.user, "<think>red sofa left.</think><answer>left</answer>")]
    )
    return folder


@pytest.fixture(scope="module")
def anew(folder: Path) -> BuiltinReasoner:
    return BuiltinReasoner(
        load_settings(
            reasoning__model_path=str(folder),
            reasoning__kept_cache_mb=0,
            reasoning__max_tokens=24,
        ).reasoning
    )


def keeping(folder: Path, **more: object) -> BuiltinReasoner:
    values = {"model_path": str(folder), "max_tokens": 24, **more}
    return BuiltinReasoner(
        load_settings(**{f"reasoning__{name}": value for name, value in values.items()}).reasoning
    )


def logits(reasoner: BuiltinReasoner, prompt) -> torch.Tensor:
    """What follows the prompt, before anything is chosen."""
    ids = reasoner._prompt_ids(prompt, 24)
    found, _ = reasoner._kept.read(ids, lambda: None)
    reasoner._kept.release()
    return found.clone()


def reply(reasoner: BuiltinReasoner, prompt) -> str:
    try:
        return "".join(reasoner.stream(prompt, timeout_s=60))
    except Exception as error:  # what goes wrong must go wrong the same way
        return repr(error)


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["grow", "earlier", "compacted", "other", "cancel"]), st.integers(0, 9)
    ),
    min_size=1,
    max_size=8,
)


@given(STEPS)
@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_number_is_the_same_as_computed_anew_whatever_was_asked_before(
    folder: Path, anew: BuiltinReasoner, steps: list[tuple[str, int]]
) -> None:
    kept, known = keeping(folder), 5
    for step, size in steps:
        known += size
        prompt = {
            "grow": lambda k=known: prompt_of(deltas(k)),
            "earlier": lambda k=known: prompt_of(deltas(k)[: k // 2]),
            "compacted": lambda k=known: prompt_of(deltas(k), budget=120),
            "other": lambda k=known: prompt_of(deltas(k, seed=1)),
            "cancel": lambda k=known: prompt_of(deltas(k), OPEN),
        }[step]()
        if step == "cancel":
            stream = kept.stream(prompt, timeout_s=60)
            next(stream)
            stream.close()
        assert torch.equal(logits(kept, prompt), logits(anew, prompt))


def test_replies_are_the_same_while_the_memory_grows(folder: Path, anew: BuiltinReasoner) -> None:
    kept = keeping(folder)
    for count in (3, 6, 7, 7, 12, 20):
        for question in (WHERE, OPEN):
            prompt = prompt_of(deltas(count), question)
            assert reply(kept, prompt) == reply(anew, prompt)


def test_only_what_is_new_is_read(folder: Path) -> None:
    kept = keeping(folder)
    logits(kept, prompt_of(deltas(40)))
    before, _ = kept.tokens_read
    logits(kept, prompt_of(deltas(41)))
    after, _ = kept.tokens_read
    new = len(kept._prompt_ids(prompt_of(deltas(41)), 24)) - len(
        kept._tokenizer(prompt_of(deltas(40)).transcript).input_ids
    )
    assert after - before <= new + BLOCK


def test_nothing_is_kept_beyond_the_limit(folder: Path) -> None:
    kept = keeping(folder, kept_cache_mb=0)
    for _ in range(2):
        logits(kept, prompt_of(deltas(40)))
    assert kept.tokens_read[1] == 0
    assert kept._kept._cache is None


def test_a_reading_that_runs_out_of_time_keeps_what_it_read(
    folder: Path, anew: BuiltinReasoner
) -> None:
    kept, prompt = keeping(folder), prompt_of(deltas(40))
    blocks = []

    def two_blocks() -> None:
        if len(blocks) == 2:
            raise ModelUnavailable("no time")
        blocks.append(1)

    ids = kept._prompt_ids(prompt, 24)
    with pytest.raises(ModelUnavailable):
        kept._kept.read(ids, two_blocks)
    kept._kept.release()
    assert torch.equal(logits(kept, prompt), logits(anew, prompt))
    assert kept.tokens_read[1] == 2 * BLOCK


def test_a_model_that_fails_midway_leaves_nothing_half_written(
    folder: Path, anew: BuiltinReasoner, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, prompt = keeping(folder), prompt_of(deltas(40))
    logits(kept, prompt_of(deltas(20)))
    last = kept._model.model.layers[-1]

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(last, "forward", fail)
        with pytest.raises(RuntimeError):
            list(kept.stream(prompt, timeout_s=60))
    assert torch.equal(logits(kept, prompt), logits(anew, prompt))


def test_questions_from_many_threads_get_the_replies_they_get_alone(
    folder: Path, anew: BuiltinReasoner
) -> None:
    kept = keeping(folder)
    prompts = [prompt_of(deltas(n), q) for n in (4, 9, 15) for q in (WHERE, OPEN)]
    alone = [reply(anew, prompt) for prompt in prompts]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda prompt: reply(kept, prompt), prompts * 2))
    assert together == alone * 2


def test_closing_the_stream_stops_the_model_at_once(folder: Path) -> None:
    kept = keeping(folder, max_tokens=1000)
    calls = threading.Semaphore(0)
    forward = kept._model.forward

    def counted(*args: object, **kwargs: object) -> object:
        calls.release()
        return forward(*args, **kwargs)

    kept._model.forward = counted
    stream = kept.stream(prompt_of(deltas(6), OPEN), timeout_s=60)
    next(stream)
    stream.close()
    while calls.acquire(blocking=False):
        pass
    assert list(stream) == []
    assert not calls.acquire(blocking=False)


def test_a_seed_makes_sampled_replies_repeatable(folder: Path) -> None:
    reasoner, prompt = keeping(folder, temperature=1.5, seed=3), prompt_of(deltas(6), OPEN)
    assert reply(reasoner, prompt) == reply(reasoner, prompt)
    assert len({reply_with(reasoner, prompt, seed) for seed in range(6)}) > 1


def reply_with(reasoner: BuiltinReasoner, prompt, seed: int) -> str:
    pieces = []
    for piece in reasoner.stream(prompt, timeout_s=60, seed=seed):
        pieces.append(piece)
        if len(pieces) == 6:
            break
    return "".join(pieces)


def test_what_goes_to_a_server_begins_with_the_same_bytes_while_the_memory_grows() -> None:
    before = None
    for count in (10, 11, 25, 60):
        for question in (WHERE, OPEN):
            transcript = Transcript.of(deltas(count), 6144).text()
            prompt = build_prompt("full", transcript, "#1 red sofa left", question)
            system, user = messages_of(prompt)
            if before is not None:
                assert system == before[0]
                assert user["content"].startswith(before[1])
            before = system, transcript


def test_long_memories_lose_a_quarter_at_once_so_that_prompts_are_seldom_read_anew() -> None:
    transcript, losses, count = Transcript(2000), 0, 0
    for delta in deltas(600):
        transcript.add(delta)
        lines = transcript.text().splitlines(keepends=True)
        losses += len(lines) <= count
        count = len(lines)
        assert sum(-(-len(line) // 4) for line in lines) <= 2000
    assert (600 - count) / losses >= 16
