"""One OpenAI-compatible server, as the served perceiver and the served reasoner use it.

Every failure ends in one of two errors: `ModelUnavailable` (the server is down, slow or overloaded;
the same call may work later) or `ModelError` (wrong address, key or model; somebody has to change
something). What fails before the first piece of a reply is retried with back-off and jitter, except
for timeouts, which would only burden a slow server further.

Replies are always streamed, so that one deadline covers a whole reply, however slowly it arrives.

Out of scope: what is asked (`embodied_agent.perception.prompts`,
`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

import openai

from embodied_agent.chat.errors import (
    THEIR_ERRORS,
    certificate_problem,
    out_of_memory,
    refused,
    retry_after_s,
    said,
    timed_out,
)
from embodied_agent.chat.guard import Guard, TooSlow
from embodied_agent.chat.messages import Message
from embodied_agent.chat.status import ServerStatus
from embodied_agent.chat.stream import Piece, cut_at, pieces_of
from embodied_agent.codec import JsonObject
from embodied_agent.errors import ModelError, ModelUnavailable, RequestRefused
from embodied_agent.settings import ServerSettings
from embodied_agent.support.backoff import Backoff

__all__ = ["ChatServer", "Message", "Piece"]

#: A server that takes longer than this to accept a connection is down, in seconds.
_CONNECT_S = 10.0
#: How long listing the models may take when that is only for an error message, in seconds.
_LIST_S = 5.0
#: First and longest wait before another try, in seconds; a server may ask for more.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0


class ChatServer:
    """A connection to one server. Every method may be called from any thread.

    Args:
        settings: its address, model, key, timeout and retries.
        guarded: use a circuit breaker: after a failure, calls fail at once for a growing time, and
            only one of them tries the server. Without it, the caller spaces its calls.

    Raises:
        ModelError: ``server.base_url`` is not an http(s) URL, or the CA certificates can't be read.
    """

    def __init__(self, settings: ServerSettings, *, guarded: bool = True) -> None:
        if not settings.base_url.startswith(("http://", "https://")):
            raise ModelError(
                f"server.base_url {settings.base_url!r} is not an http(s) URL; it looks like "
                "http://127.0.0.1:8000/v1"
            )
        self._settings = settings
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._client = openai.OpenAI(
            base_url=settings.base_url,
            # Never empty, or the library would send the key from its own environment variable.
            api_key=key or "none",
            timeout=settings.timeout_s,
            max_retries=0,
            http_client=_client(settings),
        )
        self._guard = Guard(settings.base_url) if guarded else None
        self._closed = threading.Event()
        self._first_model = ""
        self._schemas_refused = False

    @property
    def name(self) -> str:
        """The model's name; the server's address until its name is known."""
        return self._settings.model or self._first_model or self._settings.base_url

    @property
    def schemas_refused(self) -> bool:
        """Whether the server refused a request because of its schema, and accepted it without."""
        return self._schemas_refused

    def status(self) -> ServerStatus | None:
        """State and counters; ``None`` without a circuit breaker (``guarded=False``)."""
        return None if self._guard is None else self._guard.status()

    def models(self, timeout_s: float) -> list[str]:
        """The names of the server's models.

        Raises:
            ModelUnavailable: the server can't be reached within ``timeout_s`` seconds.
            ModelError: it does not list its models.
        """
        try:
            page = self._client.models.list(timeout=timeout_s)
            return [model.id for model in page.data if isinstance(model.id, str)]
        except THEIR_ERRORS as error:
            raise self._mapped(error, timeout_s, hint=False) from error
        except (AttributeError, TypeError) as error:  # JSON or HTML of another shape
            raise ModelError(
                f"{self._settings.base_url} does not list models; check server.base_url, which "
                "usually ends in /v1"
            ) from error

    def stream(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        timeout_s: float,
        temperature: float = 0.0,
        seed: int | None = None,
        schema: JsonObject | None = None,
    ) -> Generator[Piece, None, None]:
        """The reply in pieces. Closing the iterator ends the request.

        Args:
            messages: of the chat, in order.
            max_tokens: maximum length of the reply.
            timeout_s: for the whole reply including retries, in seconds.
            temperature: 0 is greedy.
            seed: of the sampling, for servers that take one.
            schema: JSON schema of the reply, for servers that can enforce it; others are asked
                without it, and the reply may be anything.

        Raises:
            ModelUnavailable: the server is down, slow or overloaded, or broke off.
            ModelError: it refuses the request, or is not an OpenAI-compatible server.
        """
        deadline = time.monotonic() + timeout_s
        request = self._request(messages, max_tokens, temperature, seed, schema)
        if self._guard is None:
            yield from self._streamed(request, deadline, timeout_s)
            return
        with (
            self._guard.call(timeout_s) as call,
            closing(self._streamed(request, deadline, timeout_s)) as pieces,
        ):
            for piece in pieces:
                call.began = True
                yield piece

    def _request(
        self,
        messages: Sequence[Message],
        max_tokens: int,
        temperature: float,
        seed: int | None,
        schema: JsonObject | None,
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
        }
        if seed is not None:
            request["seed"] = seed
        if schema is not None and not self._schemas_refused:
            request["response_format"] = {
                "type": "json_schema",
                "json_schema": {"name": "reply", "schema": schema, "strict": True},
            }
        return request

    def _streamed(
        self, request: dict[str, Any], deadline: float, timeout_s: float
    ) -> Generator[Piece, None, None]:
        response = self._open(request, deadline, timeout_s)
        finished = False
        with cut_at(deadline, response) as expired:
            try:
                self._check_kind(response)
                for chunk in response:
                    pieces, last = pieces_of(chunk)
                    finished = finished or last
                    yield from pieces
            except THEIR_ERRORS as error:
                if expired.is_set():
                    raise self._too_slow(timeout_s) from error
                raise self._mapped(error, timeout_s) from error
            if not finished:
                if expired.is_set():
                    raise self._too_slow(timeout_s)
                raise ModelUnavailable(
                    f"{self._settings.base_url} broke off in the middle of a reply; see its log"
                )

    def complete(
        self,
        messages: Sequence[Message],
        *,
        max_tokens: int,
        schema: JsonObject | None = None,
    ) -> str:
        """The whole greedy reply, without reasoning that the server returns in a field of its own.

        Raises:
            ModelUnavailable: as `stream`.
            ModelError: as `stream`.
        """
        pieces = self.stream(
            messages, max_tokens=max_tokens, timeout_s=self._settings.timeout_s, schema=schema
        )
        return "".join(piece.text for piece in pieces if not piece.reasoning)

    def close(self) -> None:
        """Stop waiting for retries, and close idle connections. Safe to call twice."""
        self._closed.set()
        self._client.close()

    def _model(self, timeout_s: float) -> str:
        if not self._settings.model and not self._first_model:
            try:
                names = self.models(timeout_s)
            except ModelError as error:
                # `transformers serve`, for example, fails to list models that it has not cached.
                advice = "if it never lists its models, set server.model"
                raise type(error)(f"{error}; {advice}") from error
            if not names:
                raise ModelError(f"{self._settings.base_url} lists no models; set server.model")
            self._first_model = names[0]
        return self._settings.model or self._first_model

    def _open(self, request: dict[str, Any], deadline: float, timeout_s: float) -> Any:
        backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        while True:
            if self._closed.is_set():
                raise ModelUnavailable("the connection was closed")
            left = deadline - time.monotonic()
            if left <= 0:
                raise self._too_slow(timeout_s)
            try:
                model = self._model(left)
                response = self._client.chat.completions.create(
                    **{**request, "model": model},
                    timeout=openai.Timeout(left, connect=min(left, _CONNECT_S)),
                )
            except ModelUnavailable as error:  # the list of models
                failure, wait_s = error, backoff.failure_s()
            except THEIR_ERRORS as error:
                if "response_format" in request and refused(error):
                    # It may be the schema. If not, the next try says what it is.
                    del request["response_format"]
                    response = self._open(request, deadline, timeout_s)
                    self._schemas_refused = True
                    return response
                mapped = self._mapped(error, timeout_s)
                if not isinstance(mapped, ModelUnavailable) or timed_out(error):
                    raise mapped from error
                failure, wait_s = mapped, max(backoff.failure_s(), retry_after_s(error))
                failure.__cause__ = error
            else:
                return response
            if (
                backoff.failures > self._settings.max_retries
                or wait_s > deadline - time.monotonic()
            ):
                raise failure
            self._closed.wait(wait_s)

    def _check_kind(self, response: Any) -> None:
        kind = response.response.headers.get("content-type", "")
        if "event-stream" not in kind:
            raise ModelError(
                f"{self._settings.base_url} replied with {kind or 'no content type'} instead of an "
                "event stream; check server.base_url, which usually ends in /v1"
            )

    def _too_slow(self, timeout_s: float) -> ModelUnavailable:
        return TooSlow(
            f"{self._settings.base_url} did not finish its reply within {timeout_s:g} s; allow "
            "more time, or serve a smaller model"
        )

    def _mapped(self, error: Exception, timeout_s: float, *, hint: bool = True) -> ModelError:
        """``error`` as one of this package's errors. ``hint``: name the server's models."""
        where = self._settings.base_url
        if timed_out(error):
            return self._too_slow(timeout_s)
        if isinstance(error, openai.APIStatusError):
            status, text = error.status_code, said(error)
            if out_of_memory(error):
                return ModelUnavailable(
                    f"{where} ran out of memory ({status}: {text}); serve a smaller model, or send "
                    "shorter prompts and fewer concurrent requests"
                )
            if status in (401, 403):
                return ModelError(
                    f"{where} rejects the API key ({status}: {text}); set server.api_key"
                )
            if status in (408, 409, 425, 429) or status >= 500:
                return ModelUnavailable(f"{where} can't reply now ({status}: {text})")
            kind = RequestRefused if status in (400, 413, 422) else ModelError
            return kind(
                f"{where} refuses the request for model {self.name!r} ({status}: {text})"
                + (self._models_hint() if hint else "")
            )
        if isinstance(error, ValueError):
            return ModelError(
                f"{where} sent something that is not JSON; check server.base_url, which usually "
                "ends in /v1"
            )
        if isinstance(error, openai.APIConnectionError) or not isinstance(error, openai.APIError):
            cause = error.__cause__ or error
            distrust = certificate_problem(error)
            if distrust:
                return ModelError(f"can't talk to {where} over TLS: {distrust}")
            return ModelUnavailable(
                f"can't reach {where} ({cause}); check that the server is running, and "
                "server.base_url"
            )
        return ModelUnavailable(f"{where} failed during its reply ({said(error)})")

    def _models_hint(self) -> str:
        try:
            names = self.models(_LIST_S)
        except ModelError:
            names = []
        if not names:
            return "; it does not list its models. Check server.base_url and server.model"
        if self.name in names:
            return ""
        return f"; it has {', '.join(names[:10])}. Set server.model to one of them"


def _client(settings: ServerSettings) -> Any:
    """An HTTP client that trusts the CA certificates of the settings; ``None``: the default one."""
    if not settings.ca_file:
        return None
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ModelError(
            f"can't read CA certificates from {settings.ca_file} (server.ca_file): {error}"
        ) from error
    return openai.DefaultHttpxClient(verify=context)
