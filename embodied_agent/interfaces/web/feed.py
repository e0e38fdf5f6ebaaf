"""Live events for any number of watchers, each event encoded once.

Keyframes, deltas and answers are numbered and kept in a ring. A watcher holds only its place in the
ring. If it falls so far behind that its place is overwritten, it gets ``resync`` (read the lists
again) and continues with the newest. Of decisions and status, only the latest is kept; a slow
watcher misses those in between. So memory use is bounded, however many clients watch and however
slowly they read.

The agent's threads hand events over and return; encoding is done on the loop, and only while
somebody watches.

Out of scope: HTTP (`embodied_agent.interfaces.web.api`).
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass

from pydantic import BaseModel
from sse_starlette import ServerSentEvent

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.errors import AgentError, Busy, DecodeError
from embodied_agent.images import frame_size
from embodied_agent.interfaces.wire.from_records import (
    answer_reply,
    decision_reply,
    delta_reply,
    keyframe_reply,
)
from embodied_agent.interfaces.wire.models import StatusReply
from embodied_agent.interfaces.wire.standing import alert_reply
from embodied_agent.object_records import Alert
from embodied_agent.records import Answer, Decision, Delta, Frame, Keyframe
from embodied_agent.settings import WebSettings

_log = logging.getLogger(__name__)

#: Events that are kept for watchers that were briefly away.
RING = 1024
#: How often the status is sent, in seconds; it also keeps silent connections alive.
STATUS_S = 1.0
#: Delay before a browser reconnects, in milliseconds.
RETRY_MS = 1000


def encode(event: str, data: BaseModel | None, number: str = "") -> bytes:
    """One server-sent event; the data is one line of JSON."""
    body = "{}" if data is None else data.model_dump_json()
    return ServerSentEvent(body, event=event, id=number or None, sep="\n").encode()


@dataclass
class _Latest:
    """The newest event of a kind: its number, and its encoding."""

    number: int = 0
    data: bytes = b""


class Feed:
    """The live events of one agent. Made and used on one loop, except `close`.

    Args:
        agent: the agent whose events are sent.
        questions: the question queue, whose answers are sent.
        settings: most watchers, and most decisions per second.
        status: the status of everything; called on a worker thread.
    """

    def __init__(
        self,
        agent: Agent,
        questions: QuestionQueue,
        settings: WebSettings,
        status: Callable[[], StatusReply],
    ) -> None:
        self._settings = settings
        self._status_of = status
        self._loop = asyncio.get_running_loop()
        #: Distinguishes this process's numbers from those of an earlier one.
        self._epoch = secrets.token_hex(4)
        self._ring: deque[bytes] = deque(maxlen=RING)
        self._next = 0  # the number that the next event gets
        self._decision, self._status = _Latest(), _Latest()
        #: The latest frame with its decision.
        self.newest: tuple[Frame, Decision] | None = None
        self._segment: int | None = None
        self._due = False  # a decision waits to be encoded
        self._shown_at = 0.0
        self._woken = asyncio.Event()
        self._closed = False
        self._teller: asyncio.Task[None] | None = None
        self.watchers = 0
        self._watching: Counter[str] = Counter()  # by client
        self.resyncs = 0
        self._remove = (
            agent.listen(
                Listener(self._on_decision, self._on_keyframe, self._on_delta, self._on_alert)
            ),
            questions.listen(QueueListener(on_answer=self._on_answer)),
        )

    async def watch(self, last_event_id: str = "", client: str = "") -> AsyncIterator[bytes]:
        """Encoded events from now on, or from the one after ``last_event_id``.

        Ends when the feed is closed. One ``client`` gets at most half of the places.

        Raises:
            Busy: too many are watching; raised by the call, not while iterating.
        """
        if self.watchers >= self._settings.watchers:
            raise Busy(f"{self.watchers} clients watch already; try again later")
        if self._watching[client] >= max(1, self._settings.watchers // 2):
            raise Busy(f"{self._watching[client]} watch from your address already")
        return self._events(self._place(last_event_id), client)

    async def _events(self, place: int | None, client: str) -> AsyncIterator[bytes]:
        self.watchers += 1
        self._watching[client] += 1
        # What was encoded for earlier watchers may be hours old.
        alone = self.watchers == 1
        decision = self._decision.number if alone else 0
        status = self._status.number if alone else 0
        try:
            if self._teller is None or self._teller.done():
                self._teller = asyncio.create_task(self._tell_status())
            if self.newest is not None and not self._due:
                self._due = True
                self._soon()
            if place is None:
                self.resyncs += 1
                yield encode("resync", None, self._number(self._next - 1))
                place = self._next
            else:
                yield ServerSentEvent(retry=RETRY_MS, sep="\n").encode()
            while not self._closed:
                parts: list[bytes] = []
                first = self._next - len(self._ring)
                if place < first:
                    self.resyncs += 1
                    parts.append(encode("resync", None, self._number(self._next - 1)))
                elif place < self._next:
                    parts.extend(list(self._ring)[place - first :])
                place = self._next
                if status != self._status.number:
                    status = self._status.number
                    parts.append(self._status.data)
                if decision != self._decision.number:
                    decision = self._decision.number
                    parts.append(self._decision.data)
                if parts:
                    yield b"".join(parts)
                else:
                    await self._wait()
        finally:
            self.watchers -= 1
            self._watching[client] -= 1
            self._watching += Counter()  # drops clients at zero

    async def _wait(self) -> None:
        # The event is replaced once it is set, so that all who wait are woken once.
        await self._woken.wait()

    def _wake(self) -> None:
        woken, self._woken = self._woken, asyncio.Event()
        woken.set()

    def close(self) -> None:
        """End all watchers' streams and stop listening. Call it on the loop."""
        self._closed = True
        for remove in self._remove:
            remove()
        if self._teller is not None:
            self._teller.cancel()
        self._wake()

    def _number(self, number: int) -> str:
        return f"{self._epoch}-{number}"

    def _place(self, last_event_id: str) -> int | None:
        """Where a watcher continues; ``None`` if what it missed is no longer kept."""
        if not last_event_id:
            return self._next
        epoch, _, number = last_event_id.partition("-")
        # -1 if nothing had happened yet when the watcher came.
        if epoch != self._epoch or not re.fullmatch(r"-1|[0-9]{1,18}", number):
            return None
        place = int(number) + 1
        return place if self._next - len(self._ring) <= place <= self._next else None

    def _hand_over(self, call: Callable[[], None]) -> None:
        """Run ``call`` on the loop; called from any thread."""
        with suppress(RuntimeError):  # the loop has ended: nobody watches
            self._loop.call_soon_threadsafe(call)

    def _on_decision(self, frame: Frame, decision: Decision) -> None:
        self.newest = frame, decision
        if not self._due and self.watchers:
            self._due = True
            self._hand_over(self._soon)

    def _soon(self) -> None:
        """Encode the latest decision, at most ``decision_hz`` times a second."""
        period_s = 1 / self._settings.decision_hz
        now = self._loop.time()
        due = max(now, self._shown_at + period_s)
        self._shown_at = due
        self._loop.call_at(due, self._show_decision)

    def _show_decision(self) -> None:
        self._due = False
        newest = self.newest
        if newest is None or not self.watchers:
            return
        frame, decision = newest
        data = decision_reply(frame, decision, self._segment, _size_of(frame))
        self._decision = _Latest(self._decision.number + 1, encode("decision", data))
        self._wake()

    def _on_keyframe(self, keyframe: Keyframe) -> None:
        self._segment = keyframe.segment
        self._hand_over(lambda: self._append("keyframe", keyframe_reply(keyframe, None)))

    def _on_delta(self, keyframe: Keyframe, delta: Delta) -> None:
        self._hand_over(lambda: self._append("delta", delta_reply(delta)))

    def _on_alert(self, alert: Alert) -> None:
        self._hand_over(lambda: self._append("alert", alert_reply(alert)))

    def _on_answer(self, queued: QueuedQuestion, answer: Answer) -> None:
        self._hand_over(lambda: self._append("answered", answer_reply(queued.question, answer)))

    def _append(self, event: str, data: BaseModel) -> None:
        self._ring.append(encode(event, data, self._number(self._next)))
        self._next += 1
        self._wake()

    async def _tell_status(self) -> None:
        """Send the status every second while anybody watches."""
        while self.watchers and not self._closed:
            try:
                data = await asyncio.to_thread(self._status_of)
            except AgentError as error:
                _log.warning("no status: %s", error)
            else:
                self._segment = data.segment if self._segment is None else self._segment
                self._status = _Latest(self._status.number + 1, encode("status", data))
                self._wake()
            await asyncio.sleep(STATUS_S)


def _size_of(frame: Frame) -> tuple[int, int] | None:
    """Width and height of a frame's picture in pixels; ``None`` if unknown."""
    try:
        return frame_size(frame)
    except DecodeError:
        return None
