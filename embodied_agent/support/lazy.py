"""A model that several stages use: made when it is first needed, closed by whoever made it.

Out of scope: which model a stage uses (`embodied_agent.perception.base`,
`embodied_agent.reasoning.base`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Closable(Protocol):
    """Something that holds resources until it is closed."""

    def close(self) -> None:
        """Release them. Safe to call twice."""
        ...


_T = TypeVar("_T", bound=Closable)


class Lazy(Generic[_T]):
    """Makes a model at the first call, and gives the same one to every caller on any thread.

    Args:
        make: makes the model. What it raises is raised to the caller, and the next call tries
            again.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._model: _T | None = None
        self._owned = True

    @classmethod
    def borrowed(cls, model: _T) -> Lazy[_T]:
        """A model that exists already and belongs to somebody else: `close` leaves it open."""
        lazy = cls(lambda: model)
        lazy._model, lazy._owned = model, False
        return lazy

    def __call__(self) -> _T:
        with self._lock:
            if self._model is None:
                self._model = self._make()
            return self._model

    @property
    def loaded(self) -> _T | None:
        """The model, ``None`` while nobody has needed it."""
        return self._model

    def close(self) -> None:
        """Close the model if it was made here. Safe to call twice."""
        with self._lock:
            if self._model is not None and self._owned:
                self._model.close()
