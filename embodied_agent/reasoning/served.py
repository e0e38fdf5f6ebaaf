"""The reasoner behind an OpenAI-compatible server.

Servers differ in where a model's reasoning goes: into the content as <think>…</think>, or into a
field of its own. Either way the reply that comes out of here has it in <think></think>.

Not here: the connection (`embodied_agent.chat.client`), reading the reply (`reasoning.answer`).
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing

from embodied_agent.chat.client import ChatServer, Piece
from embodied_agent.chat.messages import Message
from embodied_agent.chat.status import ServerStatus
from embodied_agent.reasoning.base import END_OF_ANSWER, END_OF_THOUGHT, Prompt, too_long
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
        self,
        prompt: Prompt,
        *,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        """The reply in pieces, its reasoning in <think></think>. Closing ends the request.

        The request also ends with the answer: some models would go on.

        Raises:
            ModelUnavailable: the server is down, slow or broke off, or ``timeout_s`` seconds ran
                out.
            ModelError: it refuses the request.
            ReplyError: the reply reached its longest length before its answer ended.
        """
        limit = max_tokens or self._settings.max_tokens
        pieces = self._server.stream(
            messages_of(prompt),
            max_tokens=limit,
            timeout_s=timeout_s,
            temperature=self._settings.temperature if temperature is None else temperature,
            seed=self._settings.seed if seed is None else seed,
        )
        # Without `closing`, the request would end only when the garbage collector comes by.
        with closing(pieces):
            yield from _marked(pieces, limit)

    def server_status(self) -> ServerStatus | None:
        """How the server is doing."""
        return self._server.status()

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()


def messages_of(prompt: Prompt) -> list[Message]:
    """The chat that puts ``prompt`` to a server.

    System message and transcript come first, byte for byte as for the question before, so that the
    server finds what it computed then.
    """
    user: Message = {"role": "user", "content": prompt.user}
    return [{"role": "system", "content": prompt.system}, user] if prompt.system else [user]


def _marked(pieces: Iterator[Piece], limit: int) -> Iterator[str]:
    """The texts, with <think> and </think> around those that came as reasoning."""
    inside, reply = False, ""
    for piece in pieces:
        if piece.cut:
            if END_OF_ANSWER not in reply:
                raise too_long(limit, reply)
            break
        text = piece.text
        if piece.reasoning != inside:
            text = ("<think>" if piece.reasoning else END_OF_THOUGHT) + text
            inside = piece.reasoning
        reply += text
        yield text
        if not inside and END_OF_ANSWER in reply.partition(END_OF_THOUGHT)[2]:
            return
    if inside:
        yield END_OF_THOUGHT
