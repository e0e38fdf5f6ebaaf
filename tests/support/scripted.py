"""A reasoner whose replies are given, and a memory to ask it about."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from embodied_agent.agent.answerer import Answerer
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Answer, Delta, Question
from embodied_agent.settings import load_settings


class Scripted:
    """A reasoner that gives these replies in turn, the last one again and again; and in a batch,
    where several are wanted, the ``others``."""

    name = "scripted"

    def __init__(self, *replies: str, others: tuple[str, ...] = ()) -> None:
        self.replies, self.others = list(replies), list(others)
        self.prompts: list[Prompt] = []

    def stream(self, prompt: Prompt, **_: object) -> Iterator[str]:
        self.prompts.append(prompt)
        yield self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def close(self) -> None:
        """Nothing."""


class Voting(Scripted):
    """The same, and it can reply several times at once."""

    def sampling(self, prompt: Prompt, count: int, **_: object) -> Generator[str, None, list[str]]:
        yield ""
        return list(self.others)


def reply(answer: str, thought: str = "#2 shows the red sofa") -> str:
    return f"<think>{thought}</think><answer>{answer}</answer>"


def remember(store: Store, deltas: tuple[Delta, ...]) -> None:
    for delta in deltas:
        store.add_keyframe(
            stamp_ns=delta.keyframe_id, jpeg=b"", width=4, height=3, reason="overlap", segment=0
        )
        store.commit_delta(delta)


def asked(store: Store, reasoner: Scripted, question: Question, **settings: object) -> Answer:
    values = {f"reasoning__{name}": value for name, value in settings.items()}
    answerer = Answerer(store, load_settings(**values).reasoning, lambda: reasoner)
    last = store.keyframes()[-1].id
    *_, answer = answerer.stream(question, 0, last, time.monotonic() + 60)
    assert isinstance(answer, Answer)
    return answer
