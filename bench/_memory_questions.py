"""What `bench.memory` asks of a generated memory, and the agent that it asks.

The models of that agent are scripted, so that nothing is loaded and only the memory is measured.

Out of scope: the generated memories (`bench._generated_memory`), and what is measured of the
answers (`bench._memory_processes`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from bench._generated_memory import ADJECTIVES, COLOURS, KINDS, Hidden
from bench._scripted import Scripted
from embodied_agent.agent import Agent
from embodied_agent.records import Question
from embodied_agent.settings import Settings, load_settings


def settings_for(path: Path, free: str = "rules") -> Settings:
    """The settings of an agent on this memory, which loads no model; ``free`` is who answers."""
    return load_settings(
        perception__backend="geometry",
        reasoning__prompt="full",
        reasoning__free=free,
        memory__path=str(path),
        web__rate_hz=100_000,
        web__burst=1_000_000,
    )


def open_agent(path: Path, reasoner: Scripted | None = None, *, free: str = "rules") -> Agent:
    """An agent on this memory."""
    return Agent(settings_for(path, free), reasoner=reasoner or Scripted())


def questions(seed: int) -> Iterator[tuple[str, Question]]:
    """Questions without end, each with its kind: what people ask a robot that was about."""
    rng = random.Random(seed)
    while True:
        kind, other = rng.sample(KINDS, 2)
        colour, adjective = rng.choice(COLOURS), rng.choice(ADJECTIVES)
        for name, text in (
            ("kind", f"Did you see a {kind}?"),
            ("name", f"Where is the {colour} {adjective} {kind}?"),
            ("colour", f"Did you see a {colour} {kind}?"),
            ("number", f"How many {colour} {kind}s did you see?"),
            ("when", f"When did you last see the {colour} {adjective} {kind}?"),
            ("unseen", f"Is there a {colour} accordion?"),
            ("order", f"Did you see the {adjective} {kind} before the {adjective} {other}?"),
            ("view", "What is in view now?"),
            ("motion", "How often did you turn left?"),
            ("side", "What is behind you?"),
        ):
            yield name, Question(text)
        choices = (f"the {colour} {kind}", f"the {adjective} {other}", "the memory does not tell")
        yield "choice", Question("Which of these is nearest?", choices)


def stamps_of(agent: Agent) -> tuple[int, int]:
    """A moment in the recording that the memory holds, and one in the last live stretch."""
    first = agent.store.keyframes(limit=12)[-1]
    last = agent.store.horizon()
    assert last is not None
    return first.stamp_ns, agent.store.keyframes(since=last[1] - 1, limit=1)[0].stamp_ns


def asked_about(thing: Hidden) -> Iterator[tuple[str, Question]]:
    """The questions that look for a hidden thing."""
    yield "by_kind", Question(f"Did you see a {thing.kind}?")
    yield "by_synonym", Question(f"Did you see a {thing.synonym}?")
    yield "by_colour", Question(f"Did you see a {thing.colour} {thing.kind}?")
    yield "recalled", Question(f"Where was the {thing.synonym}?", ("ahead", "behind"))
