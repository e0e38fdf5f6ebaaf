"""The messages to a client when its request is refused or fails.

Out of scope: which requests are refused (`embodied_agent.interfaces.web`,
`embodied_agent.interfaces.mqtt`).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic_core import ErrorDetails

from embodied_agent.codec import encodable
from embodied_agent.interfaces.wire.models import ErrorDetail, ErrorReply
from embodied_agent.settings.mistakes import plain_message
from embodied_agent.support.redaction import without_credentials

#: Maximum number of errors named in one message.
_NAMED = 5


def error_reply(code: str, message: str) -> ErrorReply:
    """A refusal or fault."""
    return ErrorReply(error=ErrorDetail(code=code, message=without_credentials(encodable(message))))


def field_errors(errors: Sequence[ErrorDetails]) -> str:
    """Pydantic's errors on one line. Of the request, only names of fields are repeated."""
    parts = []
    for error in errors[:_NAMED]:
        place = ".".join(str(part)[:64] for part in error["loc"] if part != "body")
        parts.append(f"{place or 'the request'}: {plain_message(error['msg'])}")
    more = f"; and {len(errors) - _NAMED} more" if len(errors) > _NAMED else ""
    return encodable("; ".join(parts) + more)
