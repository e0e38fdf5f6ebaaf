"""What MCAP files and ROS 1 bags have in common: chunks of messages, which may overlap in time.

Out of scope: how a chunk is read (`mcap_file`, `ros1_file`).
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from embodied_agent.sources.bags.recording import Channel, RawMessage
from embodied_agent.sources.limits import MAX_SURVEY_S, Deadline

#: Messages of overlapping chunks that are held back until their turn, in bytes.
_MOST_WAITING_BYTES = 128_000_000


class ChunkPlace(NamedTuple):
    """A chunk as the index describes it: its times of receipt, where it begins, and the keys of the
    channels in it."""

    start_ns: int
    end_ns: int
    offset: int
    channels: frozenset[int]


def by_time(
    chunks: Iterable[ChunkPlace], read: Callable[[int], Iterator[RawMessage]], start_ns: int
) -> Iterator[RawMessage]:
    """The messages received at ``start_ns`` or later, by time of receipt.

    Args:
        chunks: those to read, by start.
        read: the messages of the chunk at an offset.
        start_ns: the earliest time of receipt.
    """
    waiting: list[tuple[int, int, RawMessage]] = []
    size = number = 0
    for chunk in chunks:
        while waiting and (waiting[0][0] < chunk.start_ns or size > _MOST_WAITING_BYTES):
            message = heapq.heappop(waiting)[2]
            size -= len(message.data)
            yield message
        for message in read(chunk.offset):
            if message.receive_ns >= start_ns:
                number += 1
                size += len(message.data)
                heapq.heappush(waiting, (message.receive_ns, number, message))
    while waiting:
        yield heapq.heappop(waiting)[2]


class Survey:
    """Counts the messages of a file that has no usable index.

    ``span_ns`` is the first and last time of receipt, ``None`` without messages; ``complete`` is
    False if counting took too long and stopped.
    """

    def __init__(self, messages: Iterable[RawMessage], counts: dict[Channel, int]) -> None:
        self.span_ns: tuple[int, int] | None = None
        self.complete = True
        deadline = Deadline(MAX_SURVEY_S)
        for message in messages:
            counts[message.channel] = counts.get(message.channel, 0) + 1
            at_ns = message.receive_ns
            first_ns, last_ns = self.span_ns or (at_ns, at_ns)
            self.span_ns = (min(first_ns, at_ns), max(last_ns, at_ns))
            if deadline.passed:
                self.complete = False
                return
