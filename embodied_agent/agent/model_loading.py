"""Loading a language model: once, on a thread of its own, and not in the time of a question.

A model that runs in this process takes seconds to load, or a minute on a busy machine. A question
that needs it waits, with a limit of its own (``reasoning.load_timeout_s``); its own time continues
when the model is there. If the limit passes, whoever waits is told so, and loading goes on for the
next question.

Out of scope: which model is made (`embodied_agent.reasoning.factory`), closing it (`agent`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent import futures
from typing import Generic, TypeVar

from embodied_agent.errors import ModelUnavailable

#: Whoever waits is given an empty piece this often, in seconds, so that the wait can be cancelled.
_PIECE_S = 0.2
_Model = TypeVar("_Model")


class ModelLoading(Generic[_Model]):
    """A model, loaded at the first need. Every method may be called from any thread.

    Args:
        what: what the model is, for messages: "the reasoner".
        make: makes the model; returns the same one each time, or raises `ModelError`.
        limit_s: the longest wait of a question for it, in seconds.
    """

    def __init__(self, what: str, make: Callable[[], _Model], limit_s: float) -> None:
        self._what = what
        self._make = make
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._load: futures.Future[_Model] | None = None
        self._began = 0.0
        #: How long loading took, in seconds; ``None`` before it ended well.
        self.took_s: float | None = None

    @property
    def model(self) -> _Model | None:
        """The model; ``None`` before it is loaded, and after loading failed."""
        load = self._load
        if load is None or not load.done() or load.exception() is not None:
            return None
        return load.result()

    @property
    def running_s(self) -> float | None:
        """For how long it has been loading, in seconds; ``None`` if it is not being loaded."""
        with self._lock:
            if self._load is None or self._load.done():
                return None
            return time.monotonic() - self._began

    def use(self, model: _Model) -> None:
        """``model`` is there already: nothing is to be loaded."""
        with self._lock:
            self._load = futures.Future()
            self._load.set_result(model)

    def start(self) -> futures.Future[_Model]:
        """Begin to load, unless that was done or is going on; returns at once. A load that failed
        is tried again."""
        with self._lock:
            load = self._load
            if load is None or (load.done() and load.exception() is not None):
                load = self._load = futures.Future()
                self._began = time.monotonic()
                threading.Thread(
                    target=self._run, args=(load,), name="model-loading", daemon=True
                ).start()
            return load

    def wait(self, limit_s: float | None = None) -> Generator[str, None, _Model]:
        """Yield empty pieces until the model is loaded, and return it.

        Args:
            limit_s: the longest wait, in seconds, instead of the usual one.

        Raises:
            ModelUnavailable: that took longer than the limit.
            ModelError: it can't be loaded.
        """
        load = self.start()
        limit_s = self._limit_s if limit_s is None else limit_s
        deadline = time.monotonic() + limit_s
        while (left := deadline - time.monotonic()) > 0:
            done, _ = futures.wait([load], timeout=min(left, _PIECE_S))
            if done:
                return load.result()
            yield ""
        raise ModelUnavailable(
            f"{self._what} is still being loaded, after {limit_s:.3g} s of waiting; that goes "
            "on: ask again later, or allow more with reasoning.load_timeout_s"
        )

    def _run(self, load: futures.Future[_Model]) -> None:
        try:
            model = self._make()
        except BaseException as error:
            # The thread's outermost level: those who wait raise it.
            load.set_exception(error)
            return
        self.took_s = time.monotonic() - self._began
        load.set_result(model)
