"""A model shared by several stages: created at its first use, closed by its creator.

Out of scope: which model a stage uses (`embodied_agent.perception.base`,
`embodied_agent.reasoning.base`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from embodied_agent.errors import ModelUnavailable


class Closable(Protocol):
    """An object that holds resources until it is closed."""

    def close(self) -> None:
        """Release the resources. Safe to call twice."""
        ...


_T = TypeVar("_T", bound=Closable)


class Lazy(Generic[_T]):
    """Creates a model at the first call and returns the same one to every caller on any thread.

    Args:
        make: creates the model. Its exceptions propagate to the caller, and the next call tries
            again.
    """

    def __init__(self, make: Callable[[], _T]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._state = threading.Lock()
        self._model: _T | None = None
        self._owned = True
        self._closed = False

    @classmethod
    def borrowed(cls, model: _T) -> Lazy[_T]:
        """Wrap a model that the caller owns: `close` leaves it open."""
        lazy = cls(lambda: model)
        lazy._model, lazy._owned = model, False
        return lazy

    def __call__(self) -> _T:
        with self._making:
            if self._model is not None:
                return self._model
            model = self._make()
            with self._state:
                if not self._closed:
                    self._model = model
                    return model
        model.close()
        raise ModelUnavailable("the model was closed while it was loaded")

    @property
    def loaded(self) -> _T | None:
        """The model; ``None`` before its first use."""
        return self._model

    def close(self) -> None:
        """Close the model if it was created here. Safe to call twice.

        It does not wait for a model that another thread is still loading, which can take long:
        that thread closes it.
        """
        with self._state:
            self._closed = self._owned
            if self._model is not None and self._owned:
                self._model.close()
