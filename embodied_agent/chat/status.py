"""Status records: the connection to a model server, and how many of its replies were usable.

Out of scope: keeping the counts (`guard`, `embodied_agent.perception.served`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """One OpenAI-compatible server, as its circuit breaker sees it.

    ``state`` is ``closed`` while calls may proceed, ``open`` while they wait after a failure,
    ``half-open`` while one call probes. ``retry_in_s`` is in seconds. ``turned_away`` counts the
    calls that failed at once, without contacting the server.
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
    """Counts of a served perceiver's replies: requested again because the first could not be used
    (``asked_again``), used in part (``repaired``), not used even then (``unusable``);
    ``boxes_refused`` could not be where the objects are."""

    url: str
    asked_again: int
    repaired: int
    unusable: int
    boxes_refused: int = 0


@runtime_checkable
class HasServer(Protocol):
    """A model that runs on a server."""

    def server_status(self) -> ServerStatus | None:
        """The state of its server; ``None`` without a circuit breaker."""
        ...


@runtime_checkable
class CountsReplies(Protocol):
    """A model that counts how many of its replies were usable."""

    def reply_counts(self) -> ReplyCounts:
        """The counts so far."""
        ...
