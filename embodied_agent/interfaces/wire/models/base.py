"""What all requests and replies have in common, and the reply to a refused request.

Out of scope: which refusal has which code (`embodied_agent.interfaces.wire.refusals`).
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class StrictRequest(BaseModel):
    """What a client sends: wrong types and unknown fields are refused."""

    # Strict: "12" is not a number and 1 is not a text; such requests are refused.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class FrozenReply(BaseModel):
    """What a client gets."""

    model_config = ConfigDict(frozen=True)


class ErrorDetail(FrozenReply):
    """What went wrong: ``code`` is one of a few words, for programs; ``message`` is for people."""

    code: str
    message: str


class ErrorReply(FrozenReply):
    """Every refusal and fault."""

    error: ErrorDetail
