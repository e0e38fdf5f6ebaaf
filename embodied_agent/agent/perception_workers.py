"""Worker threads that turn pending keyframes into deltas, committed in keyframe order.

The queue is the store itself, so it outlives crashes and any outage of the model. A model that
can't be reached leaves its keyframes pending; a circuit breaker spaces the retries. A model that
refuses what it is asked is tried again, too, because somebody may repair the server; whoever waits
is told. Only a model that can't be loaded at all, or a fault in the code, stops perception.

A keyframe that a question needs is perceived out of turn when the backlog is long. Its delta is
kept here and given to the question (`look`); it is committed to the memory in its turn.

Out of scope: what a model is asked (`embodied_agent.perception`), the order of work (`backlog`).
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace

from embodied_agent.agent.backlog import Backlog
from embodied_agent.agent.cameras import in_robot_frame
from embodied_agent.agent.listeners import Listeners
from embodied_agent.agent.status import PerceptionState, PerceptionStatus
from embodied_agent.chat.status import CountsReplies
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
from embodied_agent.support.lazy import Lazy

_log = logging.getLogger(__name__)

#: Waits without another limit wake this often, so that none lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for calls in flight, in seconds.
_CLOSE_S = 5.0
#: The part of a question's time that may be spent on perception; the rest is for the answer.
_PATIENCE = 0.75
#: A model that failed this often in a row is down: questions don't wait for it.
_DOWN = 2

_Pair = tuple[Keyframe | None, Keyframe]


@dataclass(frozen=True, slots=True)
class View:
    """How much is perceived of what a question is about.

    ``missing`` keyframes, up to the one that the question is about and including it, have no
    committed delta yet; 0: none. ``provisional`` is that keyframe's own delta, where it was
    perceived out of turn. ``reason`` says why keyframes are missing.
    """

    missing: int = 0
    provisional: Delta | None = None
    reason: str = ""


class PerceptionWorkers:
    """The workers of one store. They start at once on what is pending.

    Args:
        store: where pending keyframes are and deltas go.
        settings: workers, batch, queue and retries.
        perceiver: made when the first keyframe needs it; its owner closes it.
        listeners: told of each delta, in keyframe order.
    """

    def __init__(
        self,
        store: Store,
        settings: PerceptionSettings,
        perceiver: Lazy[Perceiver],
        listeners: Listeners,
    ) -> None:
        self._store = store
        self._settings = settings
        self._perceiver = perceiver
        self._listeners = listeners
        self._changed = threading.Condition()
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
        self._out_of_turn = 0
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
        """Wait until that keyframe and all before it (``None``: all) are perceived.

        Returns:
            Whether they are. False comes early while the model is down for longer than the
            time-out.

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
        """How much is perceived up to that keyframe, after waiting as long as that makes sense.

        Waits for all keyframes up to it, but no longer than a part of ``timeout_s``, the seconds
        that a question has left, and not for a model that is down. When the backlog would take
        longer, the keyframe is perceived before it.

        Raises:
            StoreError: the memory can't be read.
        """
        deadline = time.monotonic() + timeout_s * _PATIENCE
        with self._changed:
            urgent = False
            while True:
                missing = self._store.pending_count(until=keyframe_id)
                if not missing:
                    return View()
                ready = self._ready.get(keyframe_id)
                left = deadline - time.monotonic()
                down = self._fatal is not None or self._breaker.failures >= _DOWN
                waits = left > 0 and not down and not self._closed
                if not waits or (urgent and ready is not None) or self._breaker.wait_s() > left:
                    reason = self._last_error if down or not ready else ""
                    return View(missing, ready[1] if ready else None, reason or "a backlog")
                slack = left - self._expected_s(missing)
                if not urgent and slack < 0:
                    urgent = True
                    if ready is None:
                        self._backlog.ask(keyframe_id)
                        self._out_of_turn += 1
                        self._changed.notify_all()
                    continue
                self._changed.wait(min(left if urgent else slack, _WAKE_S) + 1e-3)

    def wait_for_room(self) -> None:
        """Wait until fewer keyframes are pending than the queue holds.

        Raises:
            ModelUnavailable: none was perceived for ``stall_timeout_s``.
            ModelError: perception has stopped for good.
            StoreError: the memory can't be read.
        """
        self._wait_below(self._settings.queue)

    def drain(self) -> None:
        """Wait until no keyframe is pending, for as long as keyframes keep being perceived.

        Raises:
            ModelUnavailable: none was perceived for ``stall_timeout_s``.
            ModelError: perception has stopped for good.
            StoreError: the memory can't be read.
        """
        self._wait_below(1)

    def _wait_below(self, limit: int) -> None:
        """Wait until fewer keyframes than ``limit`` are pending."""
        with self._changed:
            committed, since = self._committed, time.monotonic()
            while (pending := self._store.pending_count()) >= limit and not self._closed:
                self.check()
                if self._committed != committed:
                    committed, since = self._committed, time.monotonic()
                left = since + self._settings.stall_timeout_s - time.monotonic()
                if left <= 0:
                    raise ModelUnavailable(self._stalled(pending))
                self._changed.wait(min(left, _WAKE_S))

    def _stalled(self, pending: int) -> str:
        text = (
            f"no keyframe was perceived for {self._settings.stall_timeout_s:g} s, and {pending} "
            f"are pending: {self._last_error or 'no error was reported'}"
        )
        if self._store.path == ":memory:":
            return text
        return f"{text}; they are safe in the memory: run this again once the model replies"

    def check(self) -> None:
        """Raise the `ModelError` that stopped perception, or with which the model keeps
        refusing."""
        if self._fatal is not None:
            raise self._fatal
        if self._refused is not None and self._refusals >= _DOWN:
            raise self._refused

    def status(self) -> PerceptionStatus:
        """Counters and states at this moment.

        Raises:
            StoreError: the memory can't be read.
        """
        perceiver = self._perceiver.loaded
        with self._changed:
            return PerceptionStatus(
                model=self._settings.backend if perceiver is None else perceiver.name,
                state=self._state(),
                pending=self._store.pending_count(),
                perceived=self._committed,
                unusable=self._unusable,
                given_up=self._given_up,
                disagreed_with_egomotion=self._disagreed,
                awaiting_commit=len(self._ready),
                asked_out_of_turn=self._out_of_turn,
                retries=self._retries,
                retry_in_s=round(self._breaker.wait_s(), 3),
                mean_latency_s=self._seconds / self._committed if self._committed else None,
                last_error=self._last_error,
                replies=perceiver.reply_counts() if isinstance(perceiver, CountsReplies) else None,
                notice=str(getattr(perceiver, "notice", "")),
            )

    def _state(self) -> PerceptionState:
        if self._fatal is not None:
            return "stopped"
        return "refused" if self._refused is not None else self._breaker.state

    def close(self) -> None:
        """Stop the workers; keyframes still pending are perceived at the next start."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _work(self) -> None:
        try:
            while (batch := self._claim()) is not None:
                self._perceive(batch)
        except Exception as error:
            # The outermost loop of a thread: a fault in a perceiver must show, not vanish here.
            _log.exception("perception stopped")
            self._stop(ModelError(f"perception stopped on a fault: {error!r}; see the log"))

    def _claim(self) -> list[Keyframe] | None:
        """Wait for the next keyframes to perceive; ``None`` when closed or stopped."""
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
            perceiver = self._perceiver()
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
                about_request = isinstance(error, RequestRefused)
                hopeless = self._backlog.failed(pairs, refused=about_request)
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
            self._changed.notify_all()  # a question may wait for one of them
            try:
                self._commit_ready()
            except StoreError as error:
                self._failed(error)

    def _give_up(self, hopeless: list[Keyframe], model: str) -> None:
        """Give keyframes that the model keeps failing on a delta with their measured motion
        only."""
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
        """How long that many keyframes will take, in seconds, judging by those before."""
        parallel = self._settings.workers * self._settings.batch
        if not self._committed:
            return 0.0 if missing <= parallel else float("inf")
        return missing / parallel * self._seconds / self._committed

    def _deltas(self, perceiver: Perceiver, pairs: list[_Pair]) -> list[Delta]:
        try:
            if len(pairs) > 1:
                return perceiver.perceive_batch(pairs)
            return [perceiver.perceive(*pairs[0])]
        except (ReplyError, DecodeError) as error:
            if len(pairs) > 1:  # one of them spoils the batch: find out which
                return [self._deltas(perceiver, [pair])[0] for pair in pairs]
            previous, current = pairs[0]
            _log.warning("keyframe %d could not be perceived: %s", current.id, error)
            self._last_error = str(error)
            return [delta_from_egomotion(previous, current, model=perceiver.name, usable=False)]

    def _commit_ready(self) -> None:
        """Commit perceived deltas as long as no earlier one is missing."""
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
