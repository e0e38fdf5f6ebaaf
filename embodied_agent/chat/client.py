"""The client of one OpenAI-compatible server, used by the served perceiver, reasoner and judge.

Every failure is raised as one of two errors: `ModelUnavailable` (the server is down, slow or
overloaded; the same call may succeed later) or `ModelError` (a wrong address, key or model, which
the user has to correct). A failure before the first piece of a reply is retried with back-off and
jitter, except for a timeout: a retry would only burden a slow server further.

Replies are always streamed, so that one deadline covers a whole reply, however slowly it arrives.

Out of scope: which error becomes which (`failures`), which model is asked (`served_models`), the
prompts (`embodied_agent.perception.prompts`, `embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

import openai

from embodied_agent.chat.bounds import bounded
from embodied_agent.chat.errors import THEIR_ERRORS, ill_formed, refused, retry_after_s, timed_out
from embodied_agent.chat.failures import check_event_stream, our_error, too_slow
from embodied_agent.chat.fields import Fields, request_fields
from embodied_agent.chat.guard import Guard
from embodied_agent.chat.http import http_client
from embodied_agent.chat.messages import Message
from embodied_agent.chat.served_models import LIST_S, ServedModels
from embodied_agent.chat.status import ServerStatus
from embodied_agent.chat.stream import Piece, cut_at, pieces_of
from embodied_agent.chat.thinking import Thinking
from embodied_agent.codec import JsonObject
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.settings import ServerSettings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.redaction import without_credentials

__all__ = ["ChatServer", "Message", "Piece"]

#: A server that takes longer than this to accept a connection is down, in seconds.
_CONNECT_S = 10.0
#: What a router keeps this process to one server by, where the settings name nothing.
_SESSION = uuid.uuid4().hex
#: First and longest delay before a retry, in seconds; a server may ask for more.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0


class ChatServer:
    """A connection to one server. Every method may be called from any thread.

    Args:
        settings: the server's address, model, key, timeout and retries.
        guarded: use a circuit breaker: after a failure, calls fail at once for a growing time, and
            only one of them tries the server. Without it, the caller has to space its calls.

    Raises:
        ModelError: ``server.base_url`` is not an http(s) URL, or the CA certificates can't be read.
    """

    def __init__(self, settings: ServerSettings, *, guarded: bool = True) -> None:
        if not settings.base_url.startswith(("http://", "https://")):
            raise ModelError(
                f"server.base_url {without_credentials(settings.base_url)!r} is not an http(s) "
                "URL; it looks like http://127.0.0.1:8000/v1"
            )
        self._settings = settings
        #: The address as it may be shown.
        self._where = without_credentials(settings.base_url)
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._client = openai.OpenAI(
            base_url=settings.base_url,
            # Never empty, or the library would send the key from its own environment variable.
            api_key=key or "none",
            timeout=settings.timeout_s,
            max_retries=0,
            default_headers={
                "Accept-Encoding": "identity",
                "X-Session-ID": settings.session or _SESSION,
            },
            http_client=http_client(settings),
        )
        self._guard = Guard(self._where) if guarded else None
        self._closed = threading.Event()
        self._models = ServedModels(self._client, settings.model, self._where)
        self._schemas_refused = False
        self._thinking, self._fields = Thinking(), Fields()

    @property
    def name(self) -> str:
        """The model's name; the server's address until the name is known."""
        return self._models.name

    def model_name(self) -> str:
        """The model's name, which the server is asked for if the settings have none.

        Raises:
            ModelUnavailable: the server can't be reached.
            ModelError: the server does not list its models.
        """
        return self._models.chosen(min(self._settings.timeout_s, LIST_S))

    @property
    def schemas_refused(self) -> bool:
        """Whether the server refused a request with a schema and accepted it without one."""
        return self._schemas_refused

    def status(self) -> ServerStatus | None:
        """State and counters; ``None`` without a circuit breaker (``guarded=False``)."""
        return None if self._guard is None else self._guard.status()

    def models(self, timeout_s: float) -> list[str]:
        """The names of the server's models.

        Raises:
            ModelUnavailable: the server can't be reached within ``timeout_s`` seconds.
            ModelError: the server does not list its models.
        """
        return self._models.names(timeout_s)

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        timeout_s: float,
        temperature: float = 0.0,
        seed: int | None = None,
        schema: JsonObject | None = None,
        think: bool = True,
    ) -> Generator[Piece, None, None]:
        """Request a reply and yield it in pieces. Closing the generator ends the request.

        Args:
            messages: the chat, in order.
            max_tokens: maximum length of the reply.
            timeout_s: limit for the whole reply including retries, in seconds.
            temperature: 0 is greedy.
            seed: seeds the sampling on servers that support it.
            schema: JSON schema of the reply, for servers that can enforce it. For others, it is
                left out of the request, and the reply may be any text.
            think: ``False`` asks a model that thinks first to reply at once, in the ways that
                servers know (`embodied_agent.chat.thinking`).

        Raises:
            ModelUnavailable: the server is down, slow or overloaded, or dropped the connection.
            ModelError: it refuses the request, or is not an OpenAI-compatible server.
        """
        deadline = time.monotonic() + timeout_s
        usable_schema = None if self._schemas_refused else schema
        request = request_fields(messages, max_tokens, temperature, seed, usable_schema)
        if not think:
            request["extra_body"] = self._thinking.off()
        with closing(self._streamed(request, deadline, timeout_s)) as pieces:
            if self._guard is None:
                yield from bounded(pieces, max_tokens)
                return
            with self._guard.call(timeout_s) as call:
                for piece in bounded(pieces, max_tokens):
                    call.began = True
                    yield piece

    def _streamed(
        self, request: dict[str, Any], deadline: float, timeout_s: float
    ) -> Generator[Piece, None, None]:
        response = self._open(request, deadline, timeout_s)
        finished = False
        with cut_at(deadline, response) as expired:
            try:
                check_event_stream(response, self._where)
                for chunk in response:
                    pieces, last = pieces_of(chunk)
                    finished = finished or last
                    yield from pieces
            except THEIR_ERRORS as error:
                if expired.is_set():
                    raise too_slow(self._where, timeout_s) from error
                if not ill_formed(error):
                    raise self._ours(error, timeout_s) from error
                # To ask again would bring the same reply; its beginning may be usable.
                yield Piece("", cut=True)
                return
            if not finished:
                if expired.is_set():
                    raise too_slow(self._where, timeout_s)
                raise ModelUnavailable(
                    f"{self._where} broke off in the middle of a reply; see its log"
                )

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: JsonObject | None = None,
    ) -> str:
        """The whole greedy reply, without reasoning that the server returns in a separate field.

        If there is nothing but reasoning, the model is asked once more, without thinking first, and
        from then on at once.

        Raises:
            ModelUnavailable: as `stream`.
            ModelError: as `stream`.
        """
        deadline = time.monotonic() + self._settings.timeout_s
        while True:
            think = not self._thinking.only_thinks
            pieces = list(
                self.stream(
                    messages,
                    max_tokens=max_tokens,
                    timeout_s=max(0.001, deadline - time.monotonic()),
                    schema=schema,
                    think=think,
                )
            )
            reply = "".join(piece.text for piece in pieces if not piece.reasoning)
            if not think or reply.strip() or not any(piece.reasoning for piece in pieces):
                return reply
            self._thinking.only_thinks = True

    def close(self) -> None:
        """Stop waiting for retries, and close idle connections. Safe to call twice."""
        self._closed.set()
        self._client.close()

    def _open(self, request: dict[str, Any], deadline: float, timeout_s: float) -> Any:
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            if self._closed.is_set():
                raise ModelUnavailable("the connection was closed")
            left = deadline - time.monotonic()
            if left <= 0:
                raise too_slow(self._where, timeout_s)
            sent = self._fields.fitted(request)
            try:
                model = self._models.chosen(left)
                response = self._client.chat.completions.create(
                    **{**sent, "model": model},
                    timeout=openai.Timeout(left, connect=min(left, _CONNECT_S)),
                )
            except ModelUnavailable as error:  # the list of models
                failure, wait_s = error, backoff.failure_s()
            except THEIR_ERRORS as error:
                if self._fields.learned(error, sent):
                    continue
                if "extra_body" in request and refused(error):
                    # The server may not know this way of saying it.
                    del request["extra_body"]
                    if self._thinking.refused():
                        request["extra_body"] = self._thinking.off()
                    continue
                if "response_format" in request and refused(error):
                    # The schema may be the cause. If not, the next attempt raises the real one.
                    del request["response_format"]
                    response = self._open(request, deadline, timeout_s)
                    self._schemas_refused = True
                    return response
                ours = self._ours(error, timeout_s)
                if not isinstance(ours, ModelUnavailable) or timed_out(error):
                    raise ours from error
                failure, wait_s = ours, max(backoff.failure_s(), retry_after_s(error))
                failure.__cause__ = error
            else:
                return response
            if (
                backoff.failures > self._settings.max_retries
                or wait_s > deadline - time.monotonic()
            ):
                raise failure
            self._closed.wait(wait_s)

    def _ours(self, error: Exception, timeout_s: float) -> ModelError:
        return our_error(error, self._where, timeout_s, self.name, self._models.hint)
