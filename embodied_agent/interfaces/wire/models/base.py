"""What every request and reply has in common, and the reply to what is refused.

Out of scope: which refusal has which code (`embodied_agent.interfaces.wire.refusals`).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Request(BaseModel):
    """What a client sends."""

    # Strict: "12" is not a number and 1 is not a text; such requests are refused.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Reply(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(frozen=True)


class ErrorDetail(Reply):
    """What went wrong: ``code`` is one of a few words, for programs; ``message`` is for people."""

    code: str
    message: str


class ErrorReply(Reply):
    """Every refusal and fault."""

    error: ErrorDetail
