"""The pieces of a streamed reply, and one deadline for all of them.

Out of scope: requesting it (`client`), what can go wrong with it (`errors`).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

#: Fields in which servers return reasoning separately from the content.
_REASONING_FIELDS = ("reasoning_content", "reasoning")


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a reply. ``reasoning``: it came in a field of its own, not in the content.
    ``cut``: the reply ended here because it reached its maximum length."""

    text: str
    reasoning: bool = False
    cut: bool = False


@contextmanager
def cut_at(deadline: float, response: Any) -> Iterator[threading.Event]:
    """Close ``response`` at the end, and cut its connection if the deadline passes first.

    A read timeout is not enough: it starts over with every byte, even of a keep-alive.
    """
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        stream = response.response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connection, socket.socket):
            # The plain socket's method even for TLS, so that a reader in another thread wakes up.
            with suppress(OSError):  # it was closed already
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
    """The texts of a streamed chunk, and whether it is the last. Nothing in it is trusted."""
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not choices:
        return [], False
    delta = getattr(choices[0], "delta", None)
    pieces = []
    for name in (*_REASONING_FIELDS, "content"):
        text = getattr(delta, name, None)
        if isinstance(text, str) and text:
            pieces.append(Piece(text, reasoning=name != "content"))
    finish = getattr(choices[0], "finish_reason", None)
    if finish == "length":
        pieces.append(Piece("", cut=True))
    return pieces, finish is not None
