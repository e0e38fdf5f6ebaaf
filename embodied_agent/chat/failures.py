"""A request that failed, as one of this package's errors: what was tried, and what to correct.

`ModelUnavailable` means that the same request may succeed later, any other `ModelError` that the
user has to correct something.

Out of scope: what the openai client's errors mean (`errors`), retrying (`client`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai

from embodied_agent.chat.bounds import ResponseTooLong
from embodied_agent.chat.errors import (
    certificate_problem,
    out_of_memory,
    server_message,
    takes_no_pictures,
    timed_out,
)
from embodied_agent.chat.guard import TooSlow
from embodied_agent.errors import ModelError, ModelUnavailable, RequestRefused


def our_error(
    error: Exception,
    where: str,
    timeout_s: float,
    model: str,
    hint: Callable[[], str] = lambda: "",
) -> ModelError:
    """``error``, which a request raised, as one of this package's errors.

    Args:
        error: one of `errors.THEIR_ERRORS`.
        where: the server's address as it may be shown.
        timeout_s: the limit for the whole reply, in seconds.
        model: the name of the model that was asked.
        hint: called if the server refuses the request; the end of that message.
    """
    if timed_out(error):
        return too_slow(where, timeout_s)
    oversized = next((e for e in (error, error.__cause__) if isinstance(e, ResponseTooLong)), None)
    if oversized is not None:
        return ModelError(f"{where} can't be used: {oversized}; check server.base_url")
    if isinstance(error, openai.APIStatusError):
        return _status_error(error, where, model, hint)
    if isinstance(error, ValueError):
        return ModelError(
            f"{where} sent something that is not JSON; check server.base_url, which usually "
            "ends in /v1"
        )
    if isinstance(error, openai.APIConnectionError) or not isinstance(error, openai.APIError):
        cause = error.__cause__ or error
        tls_problem = certificate_problem(error)
        if tls_problem:
            return ModelError(f"can't talk to {where} over TLS: {tls_problem}")
        return ModelUnavailable(
            f"can't reach {where} ({cause}); check that the server is running, and server.base_url"
        )
    return ModelUnavailable(f"{where} failed during its reply ({server_message(error)})")


def too_slow(where: str, timeout_s: float) -> TooSlow:
    """The reply took longer than ``timeout_s`` seconds."""
    return TooSlow(
        f"{where} did not finish its reply within {timeout_s:.3g} s; allow "
        "more time, or serve a smaller model"
    )


def check_event_stream(response: Any, where: str) -> None:
    """Check that a server streams its reply.

    Raises:
        ModelError: ``response`` is anything else, such as a web page.
    """
    kind = response.response.headers.get("content-type", "")
    if "event-stream" not in kind:
        raise ModelError(
            f"{where} replied with {kind or 'no content type'} instead of an "
            "event stream; check server.base_url, which usually ends in /v1"
        )


def _status_error(
    error: openai.APIStatusError, where: str, model: str, hint: Callable[[], str]
) -> ModelError:
    """The server replied with an HTTP status that is an error."""
    status, text = error.status_code, server_message(error)
    if out_of_memory(error):
        return ModelUnavailable(
            f"{where} ran out of memory ({status}: {text}); serve a smaller model, or send "
            "shorter prompts and fewer concurrent requests"
        )
    if takes_no_pictures(error):
        return ModelError(
            f"{where} takes no pictures ({status}: {text}); serve a vision model, with "
            "its picture part (llama.cpp: --mmproj FILE)"
        )
    if status in (401, 403):
        return ModelError(f"{where} rejects the API key ({status}: {text}); set server.api_key")
    if status in (408, 409, 425, 429) or status >= 500:
        return ModelUnavailable(f"{where} can't reply now ({status}: {text})")
    kind = RequestRefused if status in (400, 413, 422) else ModelError
    return kind(f"{where} refuses the request for model {model!r} ({status}: {text}){hint()}")
