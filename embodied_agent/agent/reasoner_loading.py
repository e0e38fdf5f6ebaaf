"""Loading the reasoner: once, on a thread of its own, and not in the time of a question.

A model that runs in this process takes seconds to load, or a minute on a busy machine. A question
that needs it waits, with a limit of its own (``reasoning.load_timeout_s``); its own time continues
when the model is there. If the limit passes, the question fails and says so, and loading goes on
for the next one.

Out of scope: which reasoner is made (`embodied_agent.reasoning.factory`), closing it (`agent`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from concurrent import futures

from embodied_agent.errors import ModelUnavailable
from embodied_agent.reasoning.base import Reasoner

#: Whoever waits is given an empty piece this often, in seconds, so that the wait can be cancelled.
_PIECE_S = 0.2


class ReasonerLoading:
    """The reasoner, loaded at the first need. Every method may be called from any thread.

    Args:
        make: makes the reasoner; returns the same one each time, or raises `ModelError`.
        limit_s: the longest wait of a question for it, in seconds.
    """

    def __init__(self, make: Callable[[], Reasoner], limit_s: float) -> None:
        self._make = make
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._load: futures.Future[Reasoner] | None = None
        self._began = 0.0
        #: How long loading took, in seconds; ``None`` before it ended well.
        self.took_s: float | None = None

    @property
    def reasoner(self) -> Reasoner | None:
        """The reasoner; ``None`` before it is loaded, and after loading failed."""
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

    def use(self, reasoner: Reasoner) -> None:
        """``reasoner`` is there already: nothing is to be loaded."""
        with self._lock:
            self._load = futures.Future()
            self._load.set_result(reasoner)

    def start(self) -> futures.Future[Reasoner]:
        """Begin to load, unless that was done or is going on; returns at once. A load that failed
        is tried again."""
        with self._lock:
            load = self._load
            if load is None or (load.done() and load.exception() is not None):
                load = self._load = futures.Future()
                self._began = time.monotonic()
                threading.Thread(
                    target=self._run, args=(load,), name="reasoner-loading", daemon=True
                ).start()
            return load

    def wait(self) -> Generator[str, None, Reasoner]:
        """Yield empty pieces until the reasoner is loaded, and return it.

        Raises:
            ModelUnavailable: that took longer than the limit.
            ModelError: it can't be loaded.
        """
        load = self.start()
        deadline = time.monotonic() + self._limit_s
        while (left := deadline - time.monotonic()) > 0:
            done, _ = futures.wait([load], timeout=min(left, _PIECE_S))
            if done:
                return load.result()
            yield ""
        raise ModelUnavailable(
            f"the reasoner is still being loaded, after {self._limit_s:g} s of waiting; that goes "
            "on: ask again later, or allow more with reasoning.load_timeout_s"
        )

    def _run(self, load: futures.Future[Reasoner]) -> None:
        try:
            reasoner = self._make()
        except BaseException as error:
            # The thread's outermost level: those who wait raise it.
            load.set_exception(error)
            return
        self.took_s = time.monotonic() - self._began
        load.set_result(reasoner)
