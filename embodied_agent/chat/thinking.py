"""The request fields that turn off a model's thinking before its reply.

Models that think first may use up a reply's whole length, so that its content is empty. Servers
differ in the field that turns thinking off; a field that a server refuses is not sent to it again.

Out of scope: when to turn it off (`client`, `embodied_agent.reasoning.served`).
"""

from __future__ import annotations

from typing import Any

#: vLLM, SGLang and llama.cpp pass the first on to the chat template (Qwen says ``enable_thinking``,
#: DeepSeek ``thinking``); Ollama and cloud models know the second.
_WAYS: tuple[dict[str, Any], ...] = (
    {
        "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
        "reasoning_effort": "none",
    },
    {"chat_template_kwargs": {"enable_thinking": False, "thinking": False}},
    {"reasoning_effort": "none"},
)


class Thinking:
    """What one server accepts.

    ``only_thinks``: a reply of its model was nothing but reasoning, so it is asked without from now
    on.
    """

    def __init__(self) -> None:
        self._way = 0
        self.only_thinks = False

    def off(self) -> dict[str, Any]:
        """Further fields of a request that turn thinking off; empty if the server knows none."""
        return dict(_WAYS[self._way]) if self._way < len(_WAYS) else {}

    def refused(self) -> bool:
        """Note that the server refused these fields; returns whether there are others to try."""
        self._way = min(self._way + 1, len(_WAYS))
        return self._way < len(_WAYS)
