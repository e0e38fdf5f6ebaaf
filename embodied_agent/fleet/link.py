"""Requests to a fleet server, by robots and by those who ask.

Failures are of two kinds: those that may pass (an outage of the link, the server or its database),
and refusals. A request that was refused for its size may be accepted if it is smaller.

Out of scope: what is sent and when (`sending`), the messages (`wire`).
"""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from embodied_agent.errors import LinkError, SettingsError
from embodied_agent.support.redaction import without_credentials

Reply = TypeVar("Reply", bound=BaseModel)

#: Maximum size of a reply, in bytes.
_MOST_REPLY = 16_777_216


class Refused(LinkError):
    """The server refuses the request, with this HTTP ``status``. Sending it again does not help."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_too_large(self) -> bool:
        """Whether a smaller request may be accepted: this one was too large or came too slowly."""
        return self.status in (408, 413)

    @property
    def is_of_content(self) -> bool:
        """Whether the server can't use something in the request."""
        return self.status in (400, 422)


class Unreachable(LinkError):
    """The server, or its database, can't be reached. ``retry_after_s`` is how long the server asks
    to wait, in seconds; 0 if it does not say."""

    def __init__(self, message: str, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class Link:
    """Requests to one server.

    Args:
        url: of the server.
        token: sent with each request; "" for none.
        ca_file: CA certificates (PEM) for the server; "": the system's.
        timeout_s: longest wait for a reply, in seconds.

    Raises:
        SettingsError: the CA certificates can't be read.
    """

    def __init__(self, url: str, *, token: str = "", ca_file: str = "", timeout_s: float) -> None:
        self._url = url.rstrip("/")
        self._token = token
        self._timeout_s = timeout_s
        try:
            context = ssl.create_default_context(cafile=ca_file or None)
        except OSError as error:
            raise SettingsError(f"can't read fleet.ca_file {ca_file}: {error}") from error
        self._opener = urllib.request.build_opener(
            _NoRedirects, urllib.request.HTTPSHandler(context=context)
        )

    @property
    def server(self) -> str:
        """The address of the server, without credentials."""
        return without_credentials(self._url)

    def get(self, path: str, kind: type[Reply]) -> Reply:
        """The reply to a request without a body.

        Raises:
            Refused: the server refuses it.
            Unreachable: there is no reply.
        """
        return self._request(path, None, kind)

    def post(self, path: str, body: BaseModel, kind: type[Reply]) -> Reply:
        """The reply to a request with a body. Raises as `get`."""
        return self._request(path, body.model_dump_json(exclude_defaults=True).encode(), kind)

    def _request(self, path: str, body: bytes | None, kind: type[Reply]) -> Reply:
        headers = {"User-Agent": "embodied-agent", "Content-Type": "application/json"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        name = without_credentials(self._url)
        request = urllib.request.Request(f"{self._url}{path}", data=body, headers=headers)
        try:
            with self._opener.open(request, timeout=self._timeout_s) as response:
                text = response.read(_MOST_REPLY)
        except urllib.error.HTTPError as error:
            with error:
                raise _of_status(name, error) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = str(getattr(error, "reason", "") or error) or type(error).__name__
            raise Unreachable(f"the fleet server {name} can't be reached: {reason}") from error
        try:
            return kind.model_validate_json(text)
        except ValidationError as error:
            raise Unreachable(f"{name} is not a fleet server, or runs another version") from error


def _of_status(name: str, error: urllib.error.HTTPError) -> LinkError:
    try:
        message = str(json.loads(error.read(65_536))["error"]["message"])
    except (OSError, ValueError, LookupError, TypeError, http.client.HTTPException):
        message = str(error.reason)
    text = f"the fleet server {name} answered with status {error.code}: {message}"
    after = error.headers.get("Retry-After", "")
    return failure_of(text, error.code, float(after) if after.isdecimal() else 0.0)


def failure_of(message: str, status: int, retry_after_s: float = 0.0) -> LinkError:
    """The error for a reply with this HTTP status."""
    if status in (429, 500, 502, 503, 504):
        return Unreachable(message, retry_after_s)
    return Refused(status, message)
