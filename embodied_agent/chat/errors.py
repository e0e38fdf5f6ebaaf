"""Classifies the errors of the openai client and of the HTTP library below it.

Out of scope: how the caller responds to them (`client`), and what the user is told (`failures`).
"""

from __future__ import annotations

import importlib
import math
import ssl
from typing import Any, cast

import openai


def _transport_errors() -> tuple[type[Exception], ...]:
    # Depending on its version, openai uses httpx or httpx2. While it streams, it lets some of their
    # errors through.
    errors: list[type[Exception]] = []
    for name in ("httpx2", "httpx"):
        try:
            errors.append(importlib.import_module(name).HTTPError)
        except ImportError:
            continue
    return tuple(errors)


_TRANSPORT_ERRORS: tuple[type[Exception], ...] = _transport_errors()
#: Everything that a request can raise. ValueError means invalid JSON.
THEIR_ERRORS: tuple[type[Exception], ...] = (
    openai.OpenAIError,
    *_TRANSPORT_ERRORS,
    OSError,
    ValueError,
)


def timed_out(error: Exception) -> bool:
    """Whether the request timed out."""
    return isinstance(error, (openai.APITimeoutError, TimeoutError)) or (
        isinstance(error, _TRANSPORT_ERRORS) and "Timeout" in type(error).__name__
    )


def refused(error: Exception) -> bool:
    """Whether the server rejects the content of the request."""
    return isinstance(error, openai.APIStatusError) and error.status_code in (400, 422)


def out_of_memory(error: openai.APIStatusError) -> bool:
    """Whether the server ran out of memory, whatever the status of its reply."""
    text = server_message(error).lower()
    return "out of memory" in text or "outofmemory" in text or "cannot allocate memory" in text


def ill_formed(error: Exception) -> bool:
    """Whether the server ended a reply because of what its model wrote: llama.cpp does so where a
    reply does not have the form that was asked for, and calls that a fault of its own (500)."""
    return isinstance(error, openai.APIError) and "does not match the expected" in str(error)


def takes_no_pictures(error: openai.APIStatusError) -> bool:
    """Whether the server's model takes no pictures, whatever the status of its reply: llama.cpp
    and Ollama call that a fault of their own (500)."""
    text = server_message(error).lower()
    return "image input" in text and ("not supported" in text or "missing" in text)


def certificate_problem(error: BaseException) -> str:
    """What is wrong with the server's certificate or TLS, and what to do about it; empty if
    ``error`` has another cause."""
    cause: BaseException | None = error
    for _ in range(10):  # a chain of causes may be circular
        if cause is None:
            return ""
        if isinstance(cause, ssl.SSLCertVerificationError):
            return (
                f"its certificate is not trusted ({cause.verify_message}); set server.ca_file to "
                "the CA certificate that signed it, and use the host name that it was issued for"
            )
        # Some versions keep only the text of the error.
        text = str(cause)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return f"its certificate is not trusted ({text}); set server.ca_file"
        if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text:
            return "it does not use TLS; server.base_url should probably begin with http://"
        cause = cause.__cause__ or cause.__context__
    return ""


def server_message(error: openai.OpenAIError) -> str:
    """The server's error message, as one short line."""
    body = cast(Any, getattr(error, "body", None))
    if isinstance(body, dict):
        for name in ("message", "detail", "error"):
            if isinstance(body.get(name), str):
                body = body[name]
                break
    text = " ".join((body if isinstance(body, str) else str(error)).split())
    return text if len(text) <= 300 else f"{text[:300]}…"


def retry_after_s(error: Exception) -> float:
    """How long the server asks to wait, in seconds; 0 if it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    try:
        wait_s = float(error.response.headers.get("retry-after", ""))
    except ValueError:  # absent, or a date
        return 0.0
    return wait_s if math.isfinite(wait_s) else 0.0
