"""The exception tree. Each boundary maps its library's errors to one of these.

AgentError
├── SettingsError          a setting is unknown, missing or out of range
├── SourceError            a bag, video, folder or camera can't be read
│   └── DecodeError        one image can't be decoded (encoding, step, truncation)
├── FrameError             a frame that was passed in is malformed
├── StoreError             the memory file can't be opened, read or written
│   └── DatabaseError      the fleet's database can't be reached or used; retry later
├── ModelError             a model can't be loaded or gave no usable reply
│   ├── ModelUnavailable   the server is down, slow or turns calls away; retry later
│   ├── RequestRefused     the server rejects this one request; others may be accepted
│   └── ReplyError         the reply came but can't be used
├── QuestionError          a question is empty or too long, or its choices are unusable
├── Busy                   too many questions are queued; ask again later
├── LinkError              a broker can't be reached or refuses a message
└── OutputError            a file that was asked for can't be written

Every message says what was attempted and what to do about it.

Out of scope: exit codes (`embodied_agent.cli`) and HTTP statuses (`embodied_agent.interfaces.web`).
"""

from __future__ import annotations


class AgentError(Exception):
    """Base of all errors raised on purpose by this package."""


class SettingsError(AgentError):
    """A setting is unknown, missing or out of range."""


class SourceError(AgentError):
    """A bag, video, folder or camera can't be opened or read."""


class DecodeError(SourceError):
    """One image can't be decoded; the rest of its source may be usable."""


class FrameError(AgentError):
    """A frame that was passed in has no picture, a malformed array or a non-integer stamp."""


class StoreError(AgentError):
    """The memory file can't be opened, read or written."""


class DatabaseError(StoreError):
    """The fleet's database can't be reached or used; the same request may succeed later."""


class ModelError(AgentError):
    """A model can't be loaded, or gave no usable reply."""


class ModelUnavailable(ModelError):
    """A model's server is down, slow or turns calls away; the same call may succeed later."""


class RequestRefused(ModelError):
    """A model's server rejects the content of this request; it may accept others."""


class ReplyError(ModelError):
    """A model's reply can't be used; ``reply`` is its text."""

    def __init__(self, message: str, *, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply


class QuestionError(AgentError):
    """A question is empty, too long, or its choices can't be used."""


class Busy(AgentError):
    """Too many questions are queued; the same one may be accepted later."""


class LinkError(AgentError):
    """A broker, or the robot behind it, can't be reached or refuses; retrying later may help."""


class OutputError(AgentError):
    """A file or folder that was asked for, such as a report, can't be written."""
