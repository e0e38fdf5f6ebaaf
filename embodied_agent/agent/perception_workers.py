"""PerceptionWorkers: worker threads that turn pending keyframes into deltas, committed in order.

The queue is the store itself, so it outlives crashes and any outage of the model. A model that
can't be reached leaves its keyframes pending; a circuit breaker spaces the retries. One that
refuses what it is asked is tried on, too: somebody may mend the server; whoever waits is told. Only
a model that can't be made at all, or a fault in the code, stops perception.

What a question needs is perceived out of turn when the backlog is long. Its delta is held here and
given to the question as it is (`look`); into the memory it comes in its turn.

Not here: what a model is asked (`embodied_agent.perception`), the order of work (`backlog`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from embodied_agent.agent.backlog import Backlog
from embodied_agent.agent.cameras import in_robot_frame
from embodied_agent.agent.listeners import Listeners
from embodied_agent.errors import (
    DecodeError,
    ModelError,
    ModelUnavailable,
    ReplyError,
    RequestRefused,
    StoreError,
)
from embodied_agent.memory.store import Store
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.geometry import delta_from_egomotion
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import PerceptionSettings
from embodied_agent.support.breaker import Breaker

_log = logging.getLogger(__name__)

#: Waits without another limit wake this often, so that none lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for calls in flight, in seconds.
_CLOSE_S = 5.0
#: Part of a question's time that may go into waiting for perception; the rest is for the answer.
_PATIENCE = 0.75
#: A model that failed so often in a row is down: questions don't wait for it.
_DOWN = 2

_Pair = tuple[Keyframe | None, Keyframe]


@dataclass(frozen=True, slots=True)
class View:
    """What is known of a keyframe that a question is about.

    ``missing``: how many keyframes up to it are not in the memory's text yet, itself included; 0:
    all is there. ``provisional``: its own delta, where that was perceived out of turn. ``reason``:
    why they are missing.
    """

    missing: int = 0
    provisional: Delta | None = None
    reason: str = ""


class PerceptionWorkers:
    """The workers of one store. They start at once on whatever is pending.

    Args:
        store: where pending keyframes are and deltas go.
        settings: workers, batch, queue and retries.
        make: makes the perceiver when the first keyframe needs it.
        events: told of each delta, in keyframe order.
    """

    def __init__(
        self,
        store: Store,
        settings: PerceptionSettings,
        make: Callable[[], Perceiver],
        events: Listeners,
    ) -> None:
        self._store = store
        self._settings = settings
        self._make = make
        self._listeners = events
        self._changed = threading.Condition()
        self._making = threading.Lock()
        self._perceiver: Perceiver | None = None
        self._breaker = Breaker(settings.retry_s, settings.retry_max_s)
        self._backlog = Backlog(store)
        self._ready: dict[int, tuple[Keyframe, Delta]] = {}  # perceived, not yet committed
        self._fatal: ModelError | None = None
        self._refused: ModelError | None = None
        self._refusals = 0  # in a row
        self._closed = False
        self._last_error = ""
        self._retries = 0
        self._committed = 0
        self._unusable = 0
        self._given_up = 0
        self._disagreed = 0
        self._asked = 0
        self._seconds = 0.0
        self._threads = [
            threading.Thread(target=self._work, name=f"perception-{n}", daemon=True)
            for n in range(settings.workers)
        ]
        for thread in self._threads:
            thread.start()

    def notify(self) -> None:
        """A keyframe was stored."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, keyframe_id: int | None, timeout_s: float) -> bool:
        """Wait until that keyframe and all before it (``None``: all) are done; whether they are.

        Returns early when the model is down until after the time-out.

        Raises:
            ModelError: perception has stopped for good.
            StoreError: the memory can't be read.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                oldest = self._store.oldest_pending()
                if oldest is None or (keyframe_id is not None and oldest > keyframe_id):
                    return True
                self.check()
                left = deadline - time.monotonic()
                if left <= 0 or self._closed or self._breaker.wait_s() > left:
                    return False
                self._changed.wait(min(left, _WAKE_S))

    def look(self, keyframe_id: int, timeout_s: float) -> View:
        """What is known of that keyframe, after waiting for it as long as that makes sense.

        Waits for all up to it, at most for a part of ``timeout_s``, seconds that a question has
        left; not for a model that is down. When the backlog would take longer, the keyframe is
        perceived before it.

        Raises:
            StoreError: the memory can't be read.
        """
        deadline = time.monotonic() + timeout_s * _PATIENCE
        with self._changed:
            asked = False
            while True:
                missing = self._store.pending_count(until=keyframe_id)
                if not missing:
                    return View()
                ready = self._ready.get(keyframe_id)
                left = deadline - time.monotonic()
                down = self._fatal is not None or self._breaker.failures >= _DOWN
                waits = left > 0 and not down and not self._closed
                if not waits or (asked and ready is not None) or self._breaker.wait_s() > left:
                    reason = self._last_error if down or not ready else ""
                    return View(missing, ready[1] if ready else None, reason or "a backlog")
                slack = left - self._expected_s(missing)
                if not asked and slack < 0:
                    asked = True
                    if ready is None:
                        self._backlog.ask(keyframe_id)
                        self._asked += 1
                        self._changed.notify_all()
                    continue
                self._changed.wait(min(left if asked else slack, _WAKE_S) + 1e-3)

    def wait_for_room(self) -> None:
        """Wait until fewer keyframes are pending than the queue holds.

        Raises:
            ModelUnavailable: none was perceived for ``stall_timeout_s``.
            ModelError: perception has stopped for good.
            StoreError: the memory can't be read.
        """
        with self._changed:
            committed, since = self._committed, time.monotonic()
            while self._store.pending_count() >= self._settings.queue and not self._closed:
                self.check()
                if self._committed != committed:
                    committed, since = self._committed, time.monotonic()
                left = since + self._settings.stall_timeout_s - time.monotonic()
                if left <= 0:
                    raise ModelUnavailable(
                        f"no keyframe was perceived for {self._settings.stall_timeout_s:g} s "
                        f"({self._last_error or 'no error was reported'}); what was stored is "
                        "safe: run the same command again once the model answers"
                    )
                self._changed.wait(min(left, _WAKE_S))

    def check(self) -> None:
        """Raise the `ModelError` that has stopped perception, or that the model refuses with."""
        if self._fatal is not None:
            raise self._fatal
        if self._refused is not None and self._refusals >= _DOWN:
            raise self._refused

    def status(self) -> dict[str, Any]:
        """Counters and states as JSON-ready values."""
        with self._changed:
            state = "refused" if self._refused else self._breaker.state
            return {
                "model": self._perceiver.name if self._perceiver else self._settings.backend,
                "state": "stopped" if self._fatal else state,
                "pending": self._store.pending_count(),
                "perceived": self._committed,
                "unusable": self._unusable,
                "given_up": self._given_up,
                "disagreed_with_egomotion": self._disagreed,
                "held_for_their_turn": len(self._ready),
                "asked_out_of_turn": self._asked,
                "retries": self._retries,
                "retry_in_s": round(self._breaker.wait_s(), 3),
                "mean_latency_s": self._seconds / self._committed if self._committed else None,
                "last_error": self._last_error,
                # A perceiver behind a server tells more.
                "replies": getattr(self._perceiver, "status", dict)(),
            }

    def close(self) -> None:
        """Stop the workers and release the perceiver; what is pending stays so."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
        if self._perceiver is not None:
            self._perceiver.close()

    def _work(self) -> None:
        try:
            while (batch := self._claim()) is not None:
                self._perceive(batch)
        except Exception as error:
            # The outermost loop of a thread: a fault in a perceiver must be seen, not vanish here.
            _log.exception("perception stopped")
            self._stop(ModelError(f"perception stopped on a fault: {error!r}; see the log"))

    def _claim(self) -> list[Keyframe] | None:
        """The next keyframes to perceive, waiting for them; ``None`` when closed or stopped."""
        with self._changed:
            while not self._closed and self._fatal is None:
                if self._breaker.begin():
                    try:
                        self._commit_ready()
                        batch = self._backlog.take(self._settings.batch)
                    except StoreError as error:
                        self._failed(error)
                        continue
                    if batch:
                        return batch
                    self._breaker.cancel()
                self._changed.wait(self._breaker.wait_s() or _WAKE_S)
        return None

    def _perceive(self, batch: list[Keyframe]) -> None:
        started = time.monotonic()
        try:
            perceiver = self._the_perceiver()
        except ModelUnavailable as error:
            self._put_back(batch, error)
            return
        except ModelError as error:
            self._stop(error)
            return
        try:
            pairs: list[_Pair] = [(self._store.before(keyframe), keyframe) for keyframe in batch]
        except StoreError as error:
            self._put_back(batch, error)
            return
        try:
            deltas = self._deltas(perceiver, pairs)
        except ModelError as error:
            refused = not isinstance(error, ModelUnavailable)
            with self._changed:
                about_it = isinstance(error, RequestRefused)
                hopeless = self._backlog.failed(pairs, refused=about_it)
                self._refusals = self._refusals + 1 if refused and not hopeless else 0
                self._refused = error if refused and not hopeless else None
                self._failed(error)
                self._give_up(hopeless, perceiver.name)
            return
        each_s = (time.monotonic() - started) / len(batch)
        with self._changed:
            self._breaker.success()
            self._refused, self._refusals = None, 0
            for (_, keyframe), delta in zip(pairs, deltas, strict=True):
                if delta.keyframe_id != keyframe.id:
                    raise ValueError(f"delta {delta.keyframe_id} for keyframe {keyframe.id}")
                timed = delta if delta.latency_s else replace(delta, latency_s=each_s)
                self._ready[keyframe.id] = keyframe, in_robot_frame(timed, keyframe)
            self._give_up(self._backlog.passed(pairs), perceiver.name)
            self._changed.notify_all()  # somebody may wait for one out of turn
            try:
                self._commit_ready()
            except StoreError as error:
                self._failed(error)

    def _give_up(self, hopeless: list[Keyframe], model: str) -> None:
        """What the model fails on while it takes others keeps its motion, and says so."""
        for keyframe in hopeless:
            try:
                previous = self._store.before(keyframe)
            except StoreError:
                self._backlog.put_back([keyframe])
                continue
            delta = delta_from_egomotion(previous, keyframe, model=model, usable=False)
            self._ready[keyframe.id] = keyframe, in_robot_frame(delta, keyframe)
            self._given_up += 1
            _log.warning("keyframe %d is given up: %s", keyframe.id, self._last_error)

    def _put_back(self, batch: list[Keyframe], error: ModelUnavailable | StoreError) -> None:
        with self._changed:
            self._backlog.put_back(batch)
            self._failed(error)

    def _expected_s(self, missing: int) -> float:
        """How long so many keyframes will take: what the past says, else none for a handful."""
        at_once = self._settings.workers * self._settings.batch
        if not self._committed:
            return 0.0 if missing <= at_once else float("inf")
        return missing / at_once * self._seconds / self._committed

    def _deltas(self, perceiver: Perceiver, pairs: list[_Pair]) -> list[Delta]:
        try:
            if len(pairs) > 1:
                return perceiver.perceive_batch(pairs)
            return [perceiver.perceive(*pairs[0])]
        except (ReplyError, DecodeError) as error:
            if len(pairs) > 1:  # one spoils the batch: find out which
                return [self._deltas(perceiver, [pair])[0] for pair in pairs]
            previous, current = pairs[0]
            _log.warning("keyframe %d could not be perceived: %s", current.id, error)
            self._last_error = str(error)
            return [delta_from_egomotion(previous, current, model=perceiver.name, usable=False)]

    def _the_perceiver(self) -> Perceiver:
        with self._making:
            if self._perceiver is None:
                self._perceiver = self._make()
            return self._perceiver

    def _commit_ready(self) -> None:
        """Commit what is perceived, as far as nothing before it is missing."""
        while self._ready:
            oldest = self._store.oldest_pending()
            if oldest is None or oldest not in self._ready:
                return
            keyframe, delta = self._ready[oldest]
            self._store.commit_delta(delta)
            del self._ready[oldest]
            self._committed += 1
            self._unusable += not delta.usable
            self._disagreed += delta.agrees_with_egomotion is False
            self._seconds += delta.latency_s
            self._listeners.delta(keyframe, delta)
            self._changed.notify_all()

    def _failed(self, error: ModelError | StoreError) -> None:
        self._last_error = str(error)
        self._retries += 1
        self._breaker.failure()
        _log.warning("perception will retry in %.1f s: %s", self._breaker.wait_s(), error)
        self._changed.notify_all()

    def _stop(self, error: ModelError) -> None:
        with self._changed:
            self._fatal = error
            self._last_error = str(error)
            self._changed.notify_all()
