"""A log that a flood of bad messages can't fill."""

from __future__ import annotations

import logging
import time

_EVERY_S = 5.0


class ThrottledLog:
    """Passes on at most one warning every few seconds, and says how many it kept to itself."""

    def __init__(self, log: logging.Logger, every_s: float = _EVERY_S) -> None:
        self._log = log
        self._every_s = every_s
        self._next = 0.0
        self._kept = 0

    def warning(self, text: str, *values: object) -> None:
        """Log, unless something was logged a moment ago."""
        now = time.monotonic()
        if now < self._next:
            self._kept += 1
            return
        if self._kept:
            text += " (and %d more like it)"
            values = (*values, self._kept)
        self._next, self._kept = now + self._every_s, 0
        self._log.warning(text, *values)
