"""Limits the length of a reply, even if its server ignores ``max_tokens``.

A server that ignores the limit, or a model that repeats itself, would send until the time-out. The
reply is cut here instead, as if it had reached its limit, because its beginning may be usable.

Out of scope: the deadline (`embodied_agent.chat.stream`), reading the reply.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from embodied_agent.chat.stream import Piece

#: A token is hardly longer than this on average, in characters; words of any language are shorter.
_CHARS_PER_TOKEN = 16
#: Replies may be this much longer all the same, in characters.
_SLACK = 2_000
#: Most bytes of one response as the network carries them: each token comes in an event of its own.
MAX_RESPONSE_BYTES = 32_000_000
#: A reply repeats itself if its end is one part so many times, over at least so many characters: a
#: short part has to come more often, because lists and routes repeat words honestly.
_TIMES, _LEAST_REPEATED = 6, 500
#: The longest part that is looked for, and how much of a reply comes between two looks, in
#: characters.
_LONGEST_PERIOD, _EVERY = 300, 150
_TAIL = _TIMES * _LONGEST_PERIOD


class ResponseTooLong(OSError):
    """A response has more bytes than any reply needs."""


def bounded(pieces: Iterable[Piece], max_tokens: int) -> Iterator[Piece]:
    """``pieces`` until they are longer than ``max_tokens`` can be or repeat themselves; then a last
    one says so."""
    limit = max_tokens * _CHARS_PER_TOKEN + _SLACK
    length, looked, tail = 0, 0, ""
    for piece in pieces:
        if length + len(piece.text) > limit:
            yield Piece(piece.text[: limit - length], piece.reasoning)
            yield Piece("", cut=True)
            return
        yield piece
        length += len(piece.text)
        tail = (tail + piece.text)[-_TAIL:]
        if length - looked >= _EVERY:
            looked = length
            if repeats(tail):
                yield Piece("", cut=True, repeats=True)
                return


def repeats(tail: str) -> bool:
    """Whether the end of a reply is one part again and again."""
    backwards = tail[: -_TAIL - 1 : -1]
    if len(backwards) < _LEAST_REPEATED:
        return False
    # The length of a text less that of its longest border is its period (Knuth, Morris, Pratt).
    # Read backwards, every end of the reply is looked at.
    borders = [0] * len(backwards)
    border = 0
    for at in range(1, len(backwards)):
        while border and backwards[at] != backwards[border]:
            border = borders[border - 1]
        border += backwards[at] == backwards[border]
        borders[at] = border
        length = at + 1
        if length >= max(_LEAST_REPEATED, _TIMES * (length - border)):
            return True
    return False


def limit_response(response: Any) -> None:
    """Event hook of an HTTP client: the response ends with an error where it gets too long."""
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        # A few bytes could unpack to gigabytes, and none was asked for.
        raise ResponseTooLong(f"the response is compressed ({encoding}), which was not asked for")
    response.stream = _counted(response.stream)


def _counted(stream: Any) -> Any:
    """``stream`` with a limit; of its own class, since HTTP clients check that."""
    kind = type(stream)

    class Counted(kind):  # type: ignore[misc, valid-type]
        def __init__(self) -> None:
            """Nothing: all is passed on."""

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for part in stream:
                size += len(part)
                if size > MAX_RESPONSE_BYTES:
                    raise ResponseTooLong(
                        f"the response has more than {MAX_RESPONSE_BYTES // 1_000_000} MB"
                    )
                yield part

        def close(self) -> None:
            stream.close()

    return Counted()
