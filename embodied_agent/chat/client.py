"""One OpenAI-compatible server, as the served perceiver and the served reasoner use it.

Whatever goes wrong between here and the server ends in one of two errors: `ModelUnavailable` (down,
slow, overloaded: the same call may work later) or `ModelError` (wrong address, key or model:
somebody has to change something). What fails before the first piece of a reply is tried again with
back-off and jitter; what would only burden a slow server further (a time-out) is not.

Replies are always streamed, so that one deadline covers all of a reply, however slowly it drips.

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
from embodied_agent.chat.status import ServerStatus
from embodied_agent.chat.stream import Piece, cut_at, pieces_of
from embodied_agent.errors import ModelError, ModelUnavailable, RequestRefused
from embodied_agent.settings import ServerSettings
from embodied_agent.support.backoff import Backoff

__all__ = ["ChatServer", "Message", "Piece"]

#: A message as the API takes it: role, and content as text or a list of parts.
Message = dict[str, Any]

#: A server that takes longer than this to accept a connection is down, in seconds.
_CONNECT_S = 10.0
#: How long a list of models may take when it only serves an error message, in seconds.
_LIST_S = 5.0
#: First and longest wait before another try, in seconds; a server may ask for more.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 0.5, 8.0


class ChatServer:
    """A connection to one server. Every method may be called from any thread.

    Args:
        settings: its address, model, key, time-out and retries.
        guarded: after a failure, callers are told at once for a growing while; only one of them
            tries. Without it, whoever calls spaces the tries.

    Raises:
        ModelError: the address is none, or the file of certificates can't be read.
    """

    def __init__(self, settings: ServerSettings, *, guarded: bool = True) -> None:
        if not settings.base_url.startswith(("http://", "https://")):
            raise ModelError(
                f"server.base_url must begin with http:// or https://, not {settings.base_url!r}"
            )
        self._settings = settings
        key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._client = openai.OpenAI(
            base_url=settings.base_url,
            # Never empty: the library would send the key of its own environment variable.
            api_key=key or "none",
            timeout=settings.timeout_s,
            max_retries=0,
            http_client=_client(settings),
        )
        self._guard = Guard(settings.base_url) if guarded else None
        self._closed = threading.Event()
        self._found = ""
        self._schemasrefused = False

    @property
    def name(self) -> str:
        """The model's name; while a server is yet to be asked for it, its address."""
        return self._settings.model or self._found or self._settings.base_url

    @property
    def schemas_refused(self) -> bool:
        """Whether the server has refused a request for its schema, and taken it without."""
        return self._schemasrefused

    def status(self) -> ServerStatus | None:
        """State and counters; ``None`` without a circuit breaker (``guarded=False``)."""
        return None if self._guard is None else self._guard.status()

    def models(self, timeout_s: float) -> list[str]:
        """Names of the models that the server says it has.

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
                f"{self._settings.base_url} does not list models; is server.base_url right? It "
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
        schema: dict[str, Any] | None = None,
    ) -> Generator[Piece, None, None]:
        """The reply in pieces. Closing the iterator ends the request.

        Args:
            messages: of the chat, in order.
            max_tokens: the longest reply.
            timeout_s: for all of it, tries included, in seconds.
            temperature: 0 is greedy.
            seed: of the sampling, for servers that take one.
            schema: JSON schema of the reply, for servers that can hold a model to one; others are
                asked without it, and the reply may be anything.

        Raises:
            ModelUnavailable: the server is down, slow, overloaded, or broke off.
            ModelError: it refuses the request, or is no such server.
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
        schema: dict[str, Any] | None,
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "messages": list(messages),
            "max_tokens": max_tokens,
            "temperature": temperature,
            "stream": True,
        }
        if seed is not None:
            request["seed"] = seed
        if schema is not None and not self._schemasrefused:
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
        schema: dict[str, Any] | None = None,
    ) -> str:
        """The whole reply, greedy, without reasoning that the server keeps apart, in one piece.

        Raises:
            ModelUnavailable: as `stream`, also when the reply breaks off.
            ModelError: as `stream`.
        """
        pieces = self.stream(
            messages, max_tokens=max_tokens, timeout_s=self._settings.timeout_s, schema=schema
        )
        return "".join(piece.text for piece in pieces if not piece.reasoning)

    def close(self) -> None:
        """End waits for another try, and close idle connections. Safe to call twice."""
        self._closed.set()
        self._client.close()

    def _model(self, timeout_s: float) -> str:
        if not self._settings.model and not self._found:
            try:
                names = self.models(timeout_s)
            except ModelError as error:
                # `transformers serve`, for one, fails to list what it does not have in a cache.
                advice = "if it never lists its models, name one with server.model"
                raise type(error)(f"{error}; {advice}") from error
            if not names:
                raise ModelError(
                    f"{self._settings.base_url} lists no models; name one with server.model"
                )
            self._found = names[0]
        return self._settings.model or self._found

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
                    # Perhaps it was the schema; if it was not, the next try says what it was.
                    del request["response_format"]
                    response = self._open(request, deadline, timeout_s)
                    self._schemasrefused = True
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
                f"{self._settings.base_url} replied with {kind or 'something unnamed'} instead of "
                "a stream of events; is server.base_url right? It usually ends in /v1"
            )

    def _too_slow(self, timeout_s: float) -> ModelUnavailable:
        return TooSlow(
            f"{self._settings.base_url} did not finish its reply within {timeout_s:g} s; allow "
            "more time, or serve a smaller model"
        )

    def _mapped(self, error: Exception, timeout_s: float, *, hint: bool = True) -> ModelError:
        """``error`` in this package's terms; ``hint``: say which models the server has."""
        where = self._settings.base_url
        if timed_out(error):
            return self._too_slow(timeout_s)
        if isinstance(error, openai.APIStatusError):
            status, text = error.status_code, said(error)
            if out_of_memory(error):
                return ModelUnavailable(
                    f"{where} ran out of memory ({status}: {text}); serve a smaller model, or give "
                    "it shorter prompts and fewer requests at once"
                )
            if status in (401, 403):
                return ModelError(f"{where} refuses the key ({status}: {text}); set server.api_key")
            if status in (408, 409, 425, 429) or status >= 500:
                return ModelUnavailable(f"{where} can't reply now ({status}: {text})")
            kind = RequestRefused if status in (400, 413, 422) else ModelError
            return kind(
                f"{where} refuses the request for model {self.name!r} ({status}: {text})"
                + (self._models_hint() if hint else "")
            )
        if isinstance(error, ValueError):
            return ModelError(
                f"{where} sent something that is not JSON; is server.base_url right? It usually "
                "ends in /v1"
            )
        if isinstance(error, openai.APIConnectionError) or not isinstance(error, openai.APIError):
            cause = error.__cause__ or error
            distrust = certificate_problem(error)
            if distrust:
                return ModelError(f"can't talk to {where} over TLS: {distrust}")
            return ModelUnavailable(
                f"can't reach {where} ({cause}); is the server running, and server.base_url right?"
            )
        return ModelUnavailable(f"{where} failed while it replied ({said(error)})")

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
    """The HTTP client, with certificates of one's own where settings name them; else the usual."""
    if not settings.ca_file:
        return None
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ModelError(f"can't read certificates from {settings.ca_file}: {error}") from error
    return openai.DefaultHttpxClient(verify=context)
