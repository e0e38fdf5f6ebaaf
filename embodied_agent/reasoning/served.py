"""The reasoner behind an OpenAI-compatible server.

Servers differ in where a model's reasoning goes: into the content as <think>…</think>, or into a
field of its own. Either way the reply that comes out of here has it in <think></think>.

Not here: the connection (`embodied_agent.serving`), reading the reply (`reasoning.answer`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from embodied_agent.reasoning.base import Prompt
from embodied_agent.serving import ChatServer, Message, Piece
from embodied_agent.settings import ReasoningSettings


class ServedReasoner:
    """`Reasoner` that asks a server. Connects when it is first asked.

    Raises:
        ModelError: the server's address is none.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        self._settings = settings
        self._server = ChatServer(settings.server)

    @property
    def name(self) -> str:
        """The model's name as the server knows it."""
        return self._server.name

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        """The reply in pieces, its reasoning in <think></think>. Closing ends the request.

        Raises:
            ModelUnavailable: the server is down, slow or broke off, or ``timeout_s`` seconds ran
                out.
            ModelError: it refuses the request.
        """
        pieces = self._server.stream(
            _messages(prompt),
            max_tokens=max_tokens or self._settings.max_tokens,
            timeout_s=timeout_s,
            temperature=self._settings.temperature,
        )
        # Without `closing`, the request would end only when the garbage collector comes by.
        with closing(pieces):
            yield from _marked(pieces)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()


def _messages(prompt: Prompt) -> list[Message]:
    system = [{"role": "system", "content": prompt.system}] if prompt.system else []
    return [*system, {"role": "user", "content": prompt.user}]


def _marked(pieces: Iterator[Piece]) -> Iterator[str]:
    """The texts, with <think> and </think> around those that came as reasoning."""
    inside = False
    for piece in pieces:
        if piece.reasoning != inside:
            yield "<think>" if piece.reasoning else "</think>"
            inside = piece.reasoning
        yield piece.text
    if inside:
        yield "</think>"
