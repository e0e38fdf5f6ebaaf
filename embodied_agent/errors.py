"""The exception tree. Each boundary maps its library's errors into it.

AgentError
├── SettingsError          a setting is unknown, missing or out of range
├── SourceError            a bag, video, folder or camera can't be read
│   └── DecodeError        one image can't be decoded (encoding, step, truncation)
├── FrameError             a frame that was passed in is malformed
├── StoreError             the memory file can't be opened, read or written
├── ModelError             a model can't be loaded or gave no usable reply
│   ├── ModelUnavailable   the server is down, slow or refuses; retry later
│   ├── RequestRefused     the server rejects this one request; others may be accepted
│   └── ReplyError         the reply came but can't be used
├── QuestionError          a question is empty, too long or its choices are unusable
├── Busy                   too many questions are queued; ask again later
├── LinkError              a broker can't be reached, or refuses what is sent to it
└── OutputError            a file that was asked for can't be written

Every message says what was tried and what to do.

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
    """A frame that was passed in holds no picture, a wrong array, or a stamp that is no integer."""


class StoreError(AgentError):
    """The memory file can't be opened, read or written."""


class ModelError(AgentError):
    """A model can't be loaded, or gave no usable reply."""


class ModelUnavailable(ModelError):
    """A model's server is down, slow or refuses; the same call may work later."""


class RequestRefused(ModelError):
    """A model's server rejects the content of this request; others may be accepted."""


class ReplyError(ModelError):
    """A model's reply can't be used; ``reply`` holds its text."""

    def __init__(self, message: str, *, reply: str = "") -> None:
        super().__init__(message)
        self.reply = reply


class QuestionError(AgentError):
    """A question is empty, too long, or its choices can't be used."""


class Busy(AgentError):
    """Too many questions are queued; the same one may be accepted later."""


class LinkError(AgentError):
    """A broker, or the robot behind it, can't be reached or refuses; it may work later."""


class OutputError(AgentError):
    """A file or folder that was asked for, such as a report, can't be written."""
