"""The reply to what is refused.

Out of scope: which refusal has which code (`embodied_agent.interfaces.wire.refusals`).
"""

from __future__ import annotations

from embodied_agent.interfaces.wire.fields import FrozenReply


class ErrorDetail(FrozenReply):
    """What went wrong: ``code`` is one of a few words, for programs; ``message`` is for people."""

    code: str
    message: str


class ErrorReply(FrozenReply):
    """Every refusal and fault."""

    error: ErrorDetail
