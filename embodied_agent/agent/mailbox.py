"""Latest only: a thread that processes the newest frame, and counts the frames that it replaced.

A live camera does not wait. While one frame is processed, only the newest of those that arrive is
kept: one for each of a robot's cameras, which take turns. Frames that are posted together, because
they waited for the same pose, stay together until the next post replaces the rest of them.

Out of scope: processing a frame (`embodied_agent.agent.intake`).
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator

from embodied_agent.agent.cameras import camera_of
from embodied_agent.errors import AgentError
from embodied_agent.records import Frame
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: The thread wakes at least this often, so that no wait lasts forever, in seconds.
_WAKE_S = 60.0
#: Shortest time between two log lines of the same problem, in seconds: a full disk fails every
#: frame.
_LOG_EVERY_S = 60.0
#: How long `close` waits for the frame that is being taken in, in seconds.
_CLOSE_S = 30.0


class Mailbox:
    """Holds the latest post of each camera: one frame, or a few that came together.

    Args:
        take: takes one frame in; called on the mailbox's thread, under ``lock``.
        lock: held from choosing a frame until it is taken in, so that whoever holds the lock sees
            it either waiting or finished.
    """

    def __init__(self, take: Callable[[Frame], object], lock: threading.RLock) -> None:
        self._take = take
        self._lock = lock
        self._changed = threading.Condition()
        self._frames: dict[str, deque[Frame]] = {}  # by camera, the longest waiting first
        self._thread: threading.Thread | None = None
        self._closed = False
        self._problems = ThrottledLog(_log.error, every_s=_LOG_EVERY_S)
        self.dropped = 0
        self.last_error = ""

    def post(self, *frames: Frame) -> None:
        """Leave a frame, or several that came together, in their order. They replace those of their
        cameras that still wait. Returns at once."""
        posted: dict[str, deque[Frame]] = {}
        for frame in frames:
            posted.setdefault(camera_of(frame), deque()).append(frame)
        with self._changed:
            self.dropped += sum(len(self._frames.get(camera, ())) for camera in posted)
            self._frames |= posted
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._work, name="mailbox", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def pop(self) -> Frame | None:
        """Take out a waiting frame, if there is one, for the caller to process. Call it with the
        lock."""
        with self._changed:
            if not self._frames:
                return None
            camera = next(iter(self._frames))
            frames = self._frames.pop(camera)
            frame = frames.popleft()
            if frames:
                self._frames[camera] = frames  # this camera waits behind the others
            return frame

    def pop_all(self) -> Iterator[Frame]:
        """Take out all waiting frames, one at a time, for the caller to process. Call it with the
        lock."""
        with self._changed:
            count = sum(map(len, self._frames.values()))
        for _ in range(count):
            frame = self.pop()
            if frame is not None:
                yield frame

    def take_all(self) -> None:
        """Process all waiting frames on the caller's thread. Call it with the lock."""
        for frame in self.pop_all():
            self._try(frame)

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
                while not self._frames and not self._closed:
                    self._changed.wait(_WAKE_S)
                if self._closed:
                    return
            with self._lock:
                frame = self.pop()
                if frame is not None:
                    self._try(frame)

    def _try(self, frame: Frame) -> None:
        try:
            self._take(frame)
        except AgentError as error:
            self.last_error = str(error)
            self._problems.add(type(error).__name__, f"a frame could not be taken in: {error}")
        except Exception as error:
            # One frame must not end the thread: the status shows the error, and the next is tried.
            self.last_error = repr(error)
            _log.exception("a frame could not be taken in")
