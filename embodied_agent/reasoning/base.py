"""The seam between the agent and the language model that answers from the transcript."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, Protocol

from embodied_agent.errors import ReplyError
from embodied_agent.settings import ReasoningSettings

ANSWER, END_OF_ANSWER, END_OF_THOUGHT = "<answer>", "</answer>", "</think>"
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
        self,
        prompt: Prompt,
        *,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        """The reply in pieces as they come: ``<think>…</think><answer>…</answer>``.

        Closing the generator stops generation.

        Args:
            prompt: what to continue.
            timeout_s: for all of it, in seconds.
            max_tokens: the longest reply, ``temperature``: 0 is greedy, ``seed``: of sampling;
                each instead of the setting.

        Raises:
            ModelUnavailable: the model can't be reached, or ``timeout_s`` ran out.
            ModelError: the model can't be used.
            ReplyError: the reply reached its longest length before its answer ended.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


def too_long(limit: int, reply: str) -> ReplyError:
    """The error of a reply that reached its longest length before its answer."""
    return ReplyError(
        f"the reply reached its limit of {limit} tokens before its answer ended; raise "
        "reasoning.max_tokens",
        reply=reply,
    )


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
