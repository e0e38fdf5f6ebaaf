"""The interface between the agent and the language model that answers from the transcript."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

from embodied_agent.errors import ReplyError
from embodied_agent.models.checkpoints import recorded_style
from embodied_agent.settings import ReasoningSettings

ANSWER, END_OF_ANSWER, END_OF_THOUGHT = "<answer>", "</answer>", "</think>"
#: The transcript length that the built-in model was trained on. Recall brings back objects from
#: older entries.
_COMPACT_BUDGET = 550
#: The published prompt length.
_FULL_BUDGET = 6144
#: In process, on a CPU, every token of a transcript that is new takes milliseconds.
_IN_PROCESS_BUDGET = 1536


@dataclass(frozen=True, slots=True)
class Prompt:
    """A reasoner's input. ``transcript`` only grows at its end, which prefix caches rely on;
    everything that depends on the question is in ``task``, after it. If ``choices`` is not empty,
    the answer must be one of these texts."""

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
        """The model's name as it appears in answers."""
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
        """Generate a reply in pieces: ``<think>…</think><answer>…</answer>``.

        Closing the generator stops generation. An empty piece says that the prompt is still being
        read; the generator can be closed there, too.

        Args:
            prompt: the prompt to answer.
            timeout_s: limit for the whole reply, in seconds.
            max_tokens: the longest reply; overrides the setting.
            temperature: 0 is greedy; overrides the setting.
            seed: seeds the sampling; overrides the setting.

        Raises:
            ModelUnavailable: the model can't be reached, or ``timeout_s`` ran out.
            ModelError: the model can't be used.
            ReplyError: the reply reached ``max_tokens`` before its answer ended.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


@runtime_checkable
class InProcess(Reasoner, Protocol):
    """A `Reasoner` that runs in this process and keeps what it has read."""

    def held_bytes(self) -> int:
        """Memory that the model and what it keeps take, in bytes."""
        ...

    def read_ahead(self, prompt: Prompt) -> bool:
        """Read what prompts about the transcript of ``prompt`` begin with, while nobody asks; gives
        way to replies at once. Returns whether all of it is kept now.

        Raises:
            ModelError: it is longer than the model can read.
        """
        ...


def too_long(limit: int, reply: str) -> ReplyError:
    """The error for a reply that reached ``limit`` tokens before its answer ended."""
    return ReplyError(
        f"the reply reached its limit of {limit} tokens before its answer ended; raise "
        "reasoning.max_tokens",
        reply=reply,
    )


def endless(reply: str) -> ReplyError:
    """The error of a reply that went round in circles before its answer."""
    return ReplyError(
        "the reply repeated itself and was ended before its answer; another seed or a higher "
        "reasoning.temperature may help",
        reply=reply,
    )


def prompt_style(settings: ReasoningSettings) -> Literal["full", "compact"]:
    """The prompt style that ``settings`` select: the one that is set, or else the one that the
    model was trained with, or else ``full`` for servers and ``compact`` in process."""
    if settings.prompt != "auto":
        return settings.prompt
    if settings.backend != "builtin":
        return "full"
    return recorded_style(settings.model_path) or "compact"


def transcript_budget(settings: ReasoningSettings) -> int:
    """The longest transcript in a prompt, in tokens as `Transcript` counts them."""
    if settings.token_budget:
        return settings.token_budget
    if prompt_style(settings) == "compact":
        return _COMPACT_BUDGET
    in_process = settings.backend == "builtin" and settings.prompt == "auto"
    return _IN_PROCESS_BUDGET if in_process else _FULL_BUDGET
