"""Ask the agent free questions with a model in process that answers many of them at once.

The agent is asked twice about each memory. The first time, its reasoner only collects the prompts;
then the model replies to all of them in batches, greedily; the second time, the agent gets these
replies and treats them as live ones: what it makes of them, what it refuses and what it asks again
is the same, in about a fifth of the time.

Out of scope: asking one question at a time (`training.free_questions.answerers`).
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

from embodied_agent.models.checkpoints import reasoner_folder
from embodied_agent.reasoning.base import Prompt
from embodied_agent.settings import Settings
from sim_clips.questions.free import FreeQuestion
from training.evaluation.batched import BatchedModel
from training.free_questions.answerers import AgentAnswerer, GivenAnswer
from training.free_questions.memories import Memory

#: How often the agent is asked at most: a reply may lead to a further prompt.
_ROUNDS = 4
_PLACEHOLDER = "<think>.</think><answer>The notes do not tell.</answer>"


class _Played:
    """`Reasoner` with replies that were made beforehand; collects the prompts without one."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.replies: dict[Prompt, str] = {}
        self.missing: dict[Prompt, None] = {}

    def stream(self, prompt: Prompt, **_: Any) -> Generator[str, None, None]:
        """The reply to ``prompt``, or a placeholder."""
        if prompt not in self.replies:
            self.missing[prompt] = None
        yield self.replies.get(prompt, _PLACEHOLDER)

    def close(self) -> None:
        """Nothing to release."""


class BatchedAnswerer:
    """`Answerer` that asks the agent with the model of ``reasoning.model_path``.

    Args:
        settings: of the agent; one reasoning is made per answer.
        blind: whether the notes are taken away from the memories.

    Raises:
        ModelError: the model can't be loaded.
    """

    def __init__(self, settings: Settings, *, blind: bool = False) -> None:
        reasoning = settings.reasoning.model_copy(update={"votes": 1})
        self._settings = settings.model_copy(update={"reasoning": reasoning})
        path = reasoning.model_path
        self._model = BatchedModel(reasoner_folder(path) if path else "", choose=reasoning.choose)
        self._max_tokens = reasoning.max_tokens
        self._blind = blind
        self.name = f"{'blind ' if blind else ''}{Path(self._model.name).name}"

    def answers(self, memory: Memory, questions: Sequence[FreeQuestion]) -> list[GivenAnswer]:
        """The answer to each question, in order; ``seconds`` are without the model's."""
        if self._blind:
            memory = memory.blank()
        reasoner = _Played(self._model.name)
        agent = AgentAnswerer(self._settings, reasoner)
        for _ in range(_ROUNDS):
            answers = agent.answers(memory, questions)
            if not reasoner.missing:
                break
            reasoner.replies |= self._replies(list(reasoner.missing))
            reasoner.missing.clear()
        return answers

    def _replies(self, prompts: Sequence[Prompt]) -> Mapping[Prompt, str]:
        made = self._model.replies(prompts, max_tokens=self._max_tokens)
        return {prompt: reply.text for prompt, reply in zip(prompts, made, strict=True)}
