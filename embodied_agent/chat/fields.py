"""The fields of a request, and those that some models refuse, as OpenAI's reasoning models do.

They expect the reply's length limit under another name, and allow no temperature. A field that a
server has refused is not sent to it again.

Out of scope: schemas and thinking, which a server may refuse too (`client`, `thinking`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import openai

from embodied_agent.chat.errors import refused, server_message
from embodied_agent.chat.messages import Message
from embodied_agent.codec import JsonObject


def request_fields(
    messages: Sequence[Message],
    max_tokens: int,
    temperature: float,
    seed: int | None,
    schema: JsonObject | None,
) -> dict[str, Any]:
    """A request for a streamed reply; without a seed and a schema where these are ``None``."""
    request: dict[str, Any] = {
        "messages": list(messages),
        "max_tokens": max_tokens,
        "temperature": temperature,
        "stream": True,
    }
    if seed is not None:
        request["seed"] = seed
    if schema is not None:
        request["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": schema, "strict": True},
        }
    return request


class Fields:
    """What one server accepts. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._limit = "max_tokens"
        self._temperature = True

    def fitted(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """``request`` as the server takes it."""
        fitted = {k: v for k, v in request.items() if k not in ("max_tokens", "temperature")}
        fitted[self._limit] = request["max_tokens"]
        if self._temperature:
            fitted["temperature"] = request["temperature"]
        return fitted

    def learned(self, error: Exception, sent: Mapping[str, Any]) -> bool:
        """Whether ``error`` is about a field of ``sent`` that can be sent otherwise."""
        if not refused(error):
            return False
        assert isinstance(error, openai.OpenAIError)
        text = server_message(error)
        if "max_tokens" in sent and "max_completion_tokens" in text:
            self._limit = "max_completion_tokens"
            return True
        if "temperature" in sent and "'temperature'" in text:
            self._temperature = False
            return True
        return False
