"""Latest only: a thread that takes the newest frame in, and counts those that it replaced.

A live camera does not wait. While one frame is taken in, only the newest of those that arrive
stays.

Out of scope: what becomes of a frame (`embodied_agent.agent.intake`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from embodied_agent.errors import AgentError
from embodied_agent.records import Frame

_log = logging.getLogger(__name__)

#: The thread wakes this often without frames, so that no wait lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for the frame that is being taken in, in seconds.
_CLOSE_S = 30.0


class Mailbox:
    """Holds at most one frame.

    Args:
        take: takes one frame in; called on the mailbox's thread, under ``lock``.
        lock: held from choosing a frame until it is taken in, so that whoever holds the lock sees
            it either waiting or finished.
    """

    def __init__(self, take: Callable[[Frame], object], lock: threading.RLock) -> None:
        self._take = take
        self._lock = lock
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self.dropped = 0
        self.last_error = ""

    def post(self, frame: Frame) -> None:
        """Leave a frame, which replaces one that still waits. Returns at once."""
        with self._changed:
            self.dropped += self._frame is not None
            self._frame = frame
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="mailbox", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def pop(self) -> Frame | None:
        """The waiting frame, if there is one, for the caller to take in. Hold the lock."""
        with self._changed:
            frame, self._frame = self._frame, None
            return frame

    def close(self) -> None:
        """Stop the thread once the frame that it takes in is done."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(_CLOSE_S)

    def _work(self) -> None:
        while True:
            with self._changed:
                while self._frame is None and not self._closed:
                    self._changed.wait(_WAKE_S)
                if self._closed:
                    return
            with self._lock:
                frame = self.pop()
                try:
                    if frame is not None:
                        self._take(frame)
                except AgentError as error:
                    self.last_error = str(error)
                    _log.error("a frame could not be taken in: %s", error)
                except Exception as error:
                    # The outermost loop of a thread: seen in status, and the next frame is tried.
                    self.last_error = repr(error)
                    _log.exception("a frame could not be taken in")
