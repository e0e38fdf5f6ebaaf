"""How the connection to a model server is doing, and what became of the replies: typed values.

Out of scope: keeping the counts (`guard`, `embodied_agent.perception.served`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One OpenAI-compatible server, as its circuit breaker sees it.

    ``state`` is ``closed`` while calls pass, ``open`` while they wait after a failure,
    ``half-open`` while one call probes. ``turned_away`` calls were refused without asking the
    server.
    """

    url: str
    state: Literal["closed", "open", "half-open"]
    failures_in_a_row: int
    retry_in_s: float
    calls: int
    failed: int
    turned_away: int
    last_error: str


@dataclass(frozen=True, slots=True)
class ReplyCounts:
    """Replies of a served perceiver: ``asked_again`` after one that could not be used, ``repaired``
    by leaving something out, ``unusable`` all the same."""

    url: str
    asked_again: int
    repaired: int
    unusable: int


@runtime_checkable
class HasServer(Protocol):
    """A model that stands behind a server."""

    def server_status(self) -> ServerStatus | None:
        """How its server is doing; ``None`` where nobody counts."""
        ...


@runtime_checkable
class CountsReplies(Protocol):
    """A model that counts what became of its replies."""

    def reply_counts(self) -> ReplyCounts:
        """What became of its replies so far."""
        ...
