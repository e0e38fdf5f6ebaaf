"""Keeps tracebacks that are logged: a fault of ours, even where the client got a proper reply."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


class Tracebacks(logging.Handler):
    """The messages of records with a traceback, and of those that asyncio logs as errors."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or (record.name == "asyncio" and record.levelno >= logging.ERROR):
            trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
            self.messages.append(f"{record.name}: {record.getMessage()}\n{trace[-800:]}")


@contextmanager
def tracebacks() -> Iterator[Tracebacks]:
    """What is logged within the block."""
    handler = Tracebacks()
    names = ("", "uvicorn", "uvicorn.error", "embodied_agent", "asyncio", "mcp")
    for name in names:
        logging.getLogger(name).addHandler(handler)
    try:
        yield handler
    finally:
        for name in names:
            logging.getLogger(name).removeHandler(handler)
