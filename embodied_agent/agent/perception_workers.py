"""Worker threads that turn pending keyframes into deltas, committed in keyframe order.

The queue is the store itself, so it outlives crashes and any outage of the model. If the model
can't be reached, keyframes stay pending, and a circuit breaker spaces the retries. A model that
refuses requests is tried again too, because somebody may repair the server; callers that wait get
the error. Only a model that can't be loaded at all stops perception.

If the perceiver fails on a keyframe in any other way, the keyframe is unusable (`perceiving`), and
the next one is perceived. If several in a row fail, further tries are spaced like retries of a
server, and callers that wait get the error.

A keyframe that a question needs is perceived out of turn when the backlog is long. Its delta is
given to the question (`look`) and committed to the memory in its turn (`ordered_commits`).

Out of scope: the requests to a model (`embodied_agent.perception`), the order of work (`backlog`).
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, replace

from embodied_agent.agent.backlog import Backlog
from embodied_agent.agent.cameras import in_robot_frame
from embodied_agent.agent.listeners import Listeners
from embodied_agent.agent.ordered_commits import OrderedCommits
from embodied_agent.agent.perceiving import Outcome, Pair, perceive_batch
from embodied_agent.agent.status import PerceptionState, PerceptionStatus
from embodied_agent.chat.status import CountsReplies
from embodied_agent.errors import (
    ModelError,
    ModelUnavailable,
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

#: Waits without another limit end after this long, so that none lasts forever, in seconds.
_WAKE_S = 60.0
#: How long `close` waits for running calls, in seconds.
_CLOSE_S = 5.0
#: The part of a question's time that may be spent on perception; the rest is for the answer.
_PATIENCE = 0.75
#: A model is down after this many failures in a row: questions don't wait for it.
_DOWN = 2
#: This many faults in a row can't be chance: callers that wait get the error.
_FAULTS = 3


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
    """The workers of one store. They start at once with what is pending.

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
        self._changed = threading.Condition()
        self._breaker = Breaker(settings.retry_s, settings.retry_max_s)
        self._backlog = Backlog(store)
        self._commits = OrderedCommits(store, listeners)
        self._fatal: ModelError | None = None
        self._refused: ModelError | None = None
        self._refusals = 0  # in a row
        self._closed = False
        self._last_error = ""
        self._retries = 0
        self._faults = 0
        self._faults_in_a_row = 0
        self._given_up = 0
        self._out_of_turn = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"perception-{n}", daemon=True)
            for n in range(settings.workers)
        ]
        for thread in self._threads:
            thread.start()

    def notify(self) -> None:
        """Tell the workers that a keyframe was stored."""
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
                ready = self._commits.waiting(keyframe_id)
                left = deadline - time.monotonic()
                down = self._fatal is not None or self._breaker.failures >= _DOWN
                waits = left > 0 and not down and not self._closed
                if not waits or (urgent and ready is not None) or self._breaker.wait_s() > left:
                    reason = self._last_error if down or not ready else ""
                    return View(missing, ready, reason or "a backlog")
                parallel = self._settings.workers * self._settings.batch
                slack = left - self._commits.expected_s(missing, parallel)
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
            committed, since = self._commits.count, time.monotonic()
            while (pending := self._store.pending_count()) >= limit and not self._closed:
                self.check()
                if self._commits.count != committed:
                    committed, since = self._commits.count, time.monotonic()
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
        """Raise the `ModelError` of what keeps perception from working, if there is one: the model
        can't be loaded, refuses every request, or fails on every keyframe."""
        if self._fatal is not None:
            raise self._fatal
        if self._faults_in_a_row >= _FAULTS:
            raise ModelError(
                f"{self._faults_in_a_row} keyframes in a row could not be perceived: "
                f"{self._last_error}"
            )
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
                perceived=self._commits.count,
                unusable=self._commits.unusable,
                given_up=self._given_up,
                faults=self._faults,
                disagreed_with_egomotion=self._commits.disagreed,
                awaiting_commit=len(self._commits),
                asked_out_of_turn=self._out_of_turn,
                retries=self._retries,
                retry_in_s=round(self._breaker.wait_s(), 3),
                mean_latency_s=self._commits.mean_latency_s,
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
        batch: list[Keyframe] | None = []
        while batch is not None:
            try:
                batch = self._claim()
                if batch is not None:
                    self._perceive(batch)
            except Exception as error:
                # A fault must be shown, and must not end perception.
                _log.exception("perception failed on a fault and goes on")
                with self._changed:
                    self._faults += 1
                    self._put_back(
                        [k for k in batch or () if self._commits.waiting(k.id) is None],
                        ModelUnavailable(f"a fault in perception: {error!r}; see the log"),
                    )

    def _claim(self) -> list[Keyframe] | None:
        """Wait for the next keyframes to perceive; ``None`` once closed or stopped."""
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
            pairs: list[Pair] = [(self._store.before(keyframe), keyframe) for keyframe in batch]
        except StoreError as error:
            self._put_back(batch, error)
            return
        try:
            outcomes = perceive_batch(perceiver, pairs, self._settings.field_of_view_deg)
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
            if any(outcome.fault for outcome in outcomes):
                self._breaker.failure()
            else:
                self._breaker.success()
            self._refused, self._refusals = None, 0
            for (_, keyframe), outcome in zip(pairs, outcomes, strict=True):
                self._count(outcome)
                delta = outcome.delta
                timed = delta if delta.latency_s else replace(delta, latency_s=each_s)
                self._commits.add(keyframe, in_robot_frame(timed, keyframe))
            self._give_up(self._backlog.passed(pairs), perceiver.name)
            self._changed.notify_all()  # a question may wait for one of them
            try:
                self._commit_ready()
            except StoreError as error:
                self._failed(error)

    def _count(self, outcome: Outcome) -> None:
        if outcome.fault:
            self._faults += 1
            self._faults_in_a_row += 1
        elif not outcome.problem:
            self._faults_in_a_row = 0
        self._last_error = outcome.problem or self._last_error

    def _commit_ready(self) -> None:
        if self._commits.commit():
            self._changed.notify_all()

    def _give_up(self, hopeless: list[Keyframe], model: str) -> None:
        """Commit keyframes that the model keeps failing on with their measured motion only."""
        for keyframe in hopeless:
            try:
                previous = self._store.before(keyframe)
            except StoreError:
                self._backlog.put_back([keyframe])
                continue
            delta = delta_from_egomotion(
                previous, keyframe, model=model, usable=False, problem=self._last_error
            )
            self._commits.add(keyframe, in_robot_frame(delta, keyframe))
            self._given_up += 1
            _log.warning("keyframe %d is given up: %s", keyframe.id, self._last_error)

    def _put_back(self, batch: list[Keyframe], error: ModelUnavailable | StoreError) -> None:
        with self._changed:
            self._backlog.put_back(batch)
            self._failed(error)

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
