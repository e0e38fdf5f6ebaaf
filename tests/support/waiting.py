"""Waiting for something to come true, on a quiet machine as on a busy one."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

WAIT_S = 60.0


def until(what: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """The first true value of ``what``; looked at often, and failing loudly."""
    deadline = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
    return found
