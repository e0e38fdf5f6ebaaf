"""Callbacks for decisions, keyframes, deltas and alerts.

Listeners are called on the agent's own threads, in order. They must return soon, because perception
waits for them, and must not call `observe` or `ask`, which may wait for perception. If a callback
raises, that is logged and counted, and the agent continues.

Out of scope: questions and answers (`question_queue`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from embodied_agent.object_records import Alert
from embodied_agent.records import Decision, Delta, Frame, Keyframe

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listener:
    """Callbacks, each optional. ``on_decision`` comes for every frame, ``on_keyframe`` once a
    keyframe is stored, ``on_delta`` once its delta is committed (in keyframe order), ``on_alert``
    once a standing question's alert is stored."""

    on_decision: Callable[[Frame, Decision], None] | None = None
    on_keyframe: Callable[[Keyframe], None] | None = None
    on_delta: Callable[[Keyframe, Delta], None] | None = None
    on_alert: Callable[[Alert], None] | None = None


class Listeners:
    """The listeners of one agent. ``failures`` counts callbacks that raised."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()
        self._lock = threading.Lock()
        self.failures = 0

    def add(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` from now on, until the function that is returned is called."""
        with self._lock:
            self._listeners = (*self._listeners, listener)

        def remove() -> None:
            with self._lock:
                self._listeners = tuple(x for x in self._listeners if x is not listener)

        return remove

    def decision(self, frame: Frame, decision: Decision) -> None:
        """A frame was decided on."""
        for listener in self._listeners:
            self._call(listener.on_decision, frame, decision)

    def keyframe(self, keyframe: Keyframe) -> None:
        """A keyframe was stored."""
        for listener in self._listeners:
            self._call(listener.on_keyframe, keyframe)

    def delta(self, keyframe: Keyframe, delta: Delta) -> None:
        """A delta was committed."""
        for listener in self._listeners:
            self._call(listener.on_delta, keyframe, delta)

    def alert(self, alert: Alert) -> None:
        """An alert was stored."""
        for listener in self._listeners:
            self._call(listener.on_alert, alert)

    def _call(self, callback: Callable[..., None] | None, *values: Any) -> None:
        if callback is None:
            return
        try:
            callback(*values)
        except Exception:
            # A callback that raises must not stop the memory.
            self.failures += 1
            _log.exception("a listener's callback raised; the agent goes on")
