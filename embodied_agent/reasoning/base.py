"""The seam between the agent and the language model that answers from the transcript."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from embodied_agent.settings import ReasoningSettings

#: What the built-in model was trained to read; recall brings back what older entries named.
_COMPACT_BUDGET = 550
#: The published prompt length.
_FULL_BUDGET = 6144


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a reasoner reads. ``transcript`` only ever grows at its end (prefix caches rely on it);
    everything that depends on the question stands in ``task``, after it. ``choices`` are the texts
    of which the answer must be one, where there are any."""

    system: str
    transcript: str
    task: str
    choices: tuple[str, ...] = ()

    @property
    def user(self) -> str:
        """Transcript and task as one message."""
        return f"{self.transcript}{self.task}"


class Reasoner(Protocol):
    """A language model that continues a prompt. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The model's name, as given in answers."""
        ...

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        """The reply in pieces as they come: ``<think>…</think><answer>…</answer>``.

        Closing the iterator stops generation.

        Raises:
            ModelUnavailable: the model can't be reached, or ``timeout_s`` (seconds) ran out.
            ModelError: the model can't be used.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


def prompt_style(settings: ReasoningSettings) -> Literal["full", "compact"]:
    """The style of prompt that ``settings`` ask for."""
    if settings.prompt != "auto":
        return settings.prompt
    return "compact" if settings.backend == "builtin" else "full"


def transcript_budget(settings: ReasoningSettings) -> int:
    """Longest transcript in a prompt, in tokens as `Transcript` counts them."""
    if settings.token_budget:
        return settings.token_budget
    return _COMPACT_BUDGET if prompt_style(settings) == "compact" else _FULL_BUDGET


def make_reasoner(settings: ReasoningSettings) -> Reasoner:
    """The reasoner that ``settings.backend`` names.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """
    if settings.backend == "served":
        from embodied_agent.reasoning.served import ServedReasoner

        return ServedReasoner(settings)
    from embodied_agent.reasoning.builtin import BuiltinReasoner

    return BuiltinReasoner(settings)
