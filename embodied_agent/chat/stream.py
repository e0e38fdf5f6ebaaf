"""The pieces of a streamed reply, and one deadline for all of them.

Out of scope: asking for it (`serving`), what can go wrong with it (`serving_errors`).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

#: What the reasoning part of a reply is called by servers that keep it apart from the content.
_REASONING_FIELDS = ("reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a reply. ``reasoning``: it came in a field of its own, not in the content.
    ``cut``: the reply ended here because it reached its longest length."""

    text: str
    reasoning: bool = False
    cut: bool = False


@contextmanager
def cut_at(deadline: float, response: Any) -> Iterator[threading.Event]:
    """Close ``response`` at the end, and cut its connection if the deadline passes before that.

    A time-out on reading would not do: it starts anew with every byte, also of a keep-alive.
    """
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        stream = response.response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connection, socket.socket):
            # The plain socket's method also for TLS: a reader in another thread wakes up.
            with suppress(OSError):  # it went away by itself
                socket.socket.shutdown(connection, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, deadline - time.monotonic()), cut)
    timer.daemon = True
    timer.start()
    try:
        yield expired
    finally:
        timer.cancel()
        response.close()


def pieces_of(chunk: object) -> tuple[list[Piece], bool]:
    """The texts of a streamed chunk, and whether it is the last; nothing in it is trusted."""
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not choices:
        return [], False
    delta = getattr(choices[0], "delta", None)
    found = []
    for name in (*_REASONING_FIELDS, "content"):
        text = getattr(delta, name, None)
        if isinstance(text, str) and text:
            found.append(Piece(text, reasoning=name != "content"))
    finish = getattr(choices[0], "finish_reason", None)
    if finish == "length":
        found.append(Piece("", cut=True))
    return found, finish is not None
