"""The reasoner behind an OpenAI-compatible server.

Servers differ in where they put a model's reasoning: in the content as <think>…</think>, or in a
separate field. The replies returned here have it in <think></think> in both cases.

Out of scope: the connection (`embodied_agent.chat.client`), parsing the reply (`reasoning.answer`).
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import closing

from embodied_agent.chat.client import ChatServer, Piece
from embodied_agent.chat.messages import Message
from embodied_agent.chat.status import ServerStatus
from embodied_agent.reasoning.base import END_OF_ANSWER, END_OF_THOUGHT, Prompt, endless, too_long
from embodied_agent.settings import ReasoningSettings


class ServedReasoner:
    """`Reasoner` on a server. Connects at the first question.

    Raises:
        ModelError: base_url is not an http(s) URL.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        self._settings = settings
        self._server = ChatServer(settings.server)

    @property
    def name(self) -> str:
        """The model's name on the server."""
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
        """Generate a reply in pieces, its reasoning in <think></think>.

        Closing the generator ends the request. It also ends after the answer, because some models
        would go on. If the model only thinks, it is asked once more, without thinking first, in
        what is left of the time.

        Raises:
            ModelUnavailable: the server is down or slow or dropped the connection, or ``timeout_s``
                seconds ran out.
            ModelError: the server refuses the request.
            ReplyError: the reply reached ``max_tokens`` before its answer ended.
        """
        limit = max_tokens or self._settings.max_tokens
        deadline = time.monotonic() + timeout_s
        for think in (True, False):
            pieces = self._server.stream(
                messages_of(prompt),
                max_tokens=limit,
                timeout_s=max(0.001, deadline - time.monotonic()),
                temperature=self._settings.temperature if temperature is None else temperature,
                seed=self._settings.seed if seed is None else seed,
                think=think,
            )
            # Without `closing`, the request would last until the generator is garbage-collected.
            with closing(pieces):
                only_thought = yield from _tagged(pieces, limit, last=not think)
            if not only_thought:
                return

    def server_status(self) -> ServerStatus | None:
        """The server's state."""
        return self._server.status()

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()


def messages_of(prompt: Prompt) -> list[Message]:
    """The chat messages for ``prompt``.

    System message and transcript come first and begin with the same bytes as for the previous
    question, so that the server's prefix cache applies.
    """
    user: Message = {"role": "user", "content": prompt.user}
    return [{"role": "system", "content": prompt.system}, user] if prompt.system else [user]


def _tagged(pieces: Iterator[Piece], limit: int, *, last: bool) -> Generator[str, None, bool]:
    """The pieces' texts, with <think> and </think> around those marked as reasoning.

    Returns whether there was nothing but reasoning, so that it is worth asking again without; not
    if this was the ``last`` attempt.
    """
    inside, reply, content = False, "", ""
    for piece in pieces:
        if piece.cut:
            if inside and not content.strip() and not last:
                break
            if END_OF_ANSWER not in reply:
                raise endless(reply) if piece.repeats else too_long(limit, reply)
            break
        text = piece.text
        if not piece.reasoning:
            content += text
        if piece.reasoning != inside:
            text = ("<think>" if piece.reasoning else END_OF_THOUGHT) + text
            inside = piece.reasoning
        reply += text
        yield text
        if not inside and END_OF_ANSWER in reply.partition(END_OF_THOUGHT)[2]:
            return False
    if inside:
        yield END_OF_THOUGHT
    return bool(reply) and not content.strip() and not last
