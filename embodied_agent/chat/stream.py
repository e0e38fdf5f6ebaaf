"""The pieces of a streamed reply, and one deadline for the whole reply.

Out of scope: requesting the reply (`client`), classifying errors (`errors`).
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
    """A piece of a reply. ``reasoning`` means that it came in a separate field, not in the content.
    ``cut`` means that the reply ended here because it reached its maximum length or, with
    ``repeats``, because it only repeated itself."""

    text: str
    reasoning: bool = False
    cut: bool = False
    repeats: bool = False


@contextmanager
def cut_at(deadline: float, response: Any) -> Iterator[threading.Event]:
    """Close ``response`` at the end, or cut its connection if the deadline passes first.

    A read timeout is not enough: it starts over with every byte received, even of a keep-alive.
    """
    expired = threading.Event()

    def cut() -> None:
        expired.set()
        stream = response.response.extensions.get("network_stream")
        connection = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(connection, socket.socket):
            # Even for TLS, call the plain socket's method: it wakes up a reader in another thread.
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
    """The pieces in a streamed chunk, and whether it is the last one. Its types are not trusted."""
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
