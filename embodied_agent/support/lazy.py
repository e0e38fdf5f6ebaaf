"""Models that stages share or a caller brought: made when first needed, closed by their owner only.

Not here: which model a stage uses (`embodied_agent.perception.base`, `embodied_agent.reasoning`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any


class Lazy:
    """Makes a perceiver when it is first needed, and gives the same to all who need one."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._made: Any = None

    def __call__(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = self._make()
            return self._made


class Borrowed:
    """A model that its maker closes: everything passes through but `close`."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def close(self) -> None:
        """Nothing: the model is somebody else's."""
