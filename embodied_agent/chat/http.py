"""The HTTP client below the chat: which certificates it trusts, and how much it reads.

Out of scope: requests and replies (`embodied_agent.chat.client`).
"""

from __future__ import annotations

import ssl
from typing import Any

import openai

from embodied_agent.chat.bounds import limit_response
from embodied_agent.errors import ModelError
from embodied_agent.settings import ServerSettings


def http_client(settings: ServerSettings) -> Any:
    """An HTTP client with a limit on the size of responses. It trusts ``settings.ca_file``, or the
    default certificates without one.

    Raises:
        ModelError: the CA certificates can't be read.
    """
    hooks = {"response": [limit_response]}
    if not settings.ca_file:
        return openai.DefaultHttpxClient(event_hooks=hooks)
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ModelError(
            f"can't read CA certificates from {settings.ca_file} (server.ca_file): {error}"
        ) from error
    return openai.DefaultHttpxClient(verify=context, event_hooks=hooks)
