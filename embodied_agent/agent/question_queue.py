"""Questions from many clients at once: a bounded queue with fair turns, for every interface.

Clients take turns, however many questions each has waiting. When the queue is full, whoever has
most waiting gives up the newest of them to somebody with fewer; where nobody has more, the newcomer
is refused. A question's time-out counts from when it was submitted, and whoever waits in vain hears
of it when the time is up. Cancelling frees the place at once and stops generation at its next
piece.

Not here: how a question is answered (`embodied_agent.agent`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace

from embodied_agent.agent import Agent
from embodied_agent.agent.answerer import check_question
from embodied_agent.errors import Busy
from embodied_agent.records import Answer, Question

_log = logging.getLogger(__name__)

#: The threads wake this often without questions, so that no wait lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for answers that are being made, in seconds.
_CLOSE_S = 10.0
#: An answer in the making gets this much longer than its time-out to say itself what is wrong.
_GRACE_S = 2.0


@dataclass(eq=False)
class QueuedQuestion:
    """A question that was taken. ``answer`` is done when the answer is there; it never fails: what
    went wrong stands in the answer's ``problem``. Leave its setting to `QuestionQueue`."""

    question: Question
    client: str
    on_piece: Callable[[str], None] | None
    submitted: float
    withdraw: Callable[[QueuedQuestion], None]
    answer: Future[Answer] = field(default_factory=Future)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop it wherever it is; the answer then says that it was cancelled."""
        self.cancelled.set()
        self.withdraw(self)

    def settle(self, answer: Answer) -> bool:
        """Give the answer, unless there is one; whether it counted."""
        with suppress(InvalidStateError):
            self.answer.set_result(answer)
            return True
        return False


@dataclass(frozen=True)
class QueueListener:
    """Callbacks for displays, each optional: a question was taken; it has its answer. They are
    called on the threads of `QuestionQueue` or of whoever asks, and must return at once."""

    on_ask: Callable[[QueuedQuestion], None] | None = None
    on_answer: Callable[[QueuedQuestion, Answer], None] | None = None


class QuestionQueue:
    """The questions of all clients of one agent. Every method may be called from any thread.

    Args:
        agent: answers them.
        parallel: how many are answered at once.
        waiting: how many may wait.
    """

    def __init__(self, agent: Agent, *, parallel: int, waiting: int) -> None:
        self._agent = agent
        self._limit = waiting
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[QueuedQuestion]] = OrderedDict()
        self._running: set[QueuedQuestion] = set()
        self._listeners: tuple[QueueListener, ...] = ()
        self._closed = False
        self.refused = 0
        self.expired = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"asks-{n}", daemon=True)
            for n in range(parallel)
        ]
        self._threads.append(threading.Thread(target=self._watch, name="asks-clock", daemon=True))
        for thread in self._threads:
            thread.start()

    def listen(self, listener: QueueListener) -> Callable[[], None]:
        """Tell ``listener`` from now on, until the function that is returned is called."""
        with self._changed:
            self._listeners = (*self._listeners, listener)

        def remove() -> None:
            with self._changed:
                self._listeners = tuple(x for x in self._listeners if x is not listener)

        return remove

    def submit(
        self,
        question: Question,
        *,
        client: str = "",
        on_piece: Callable[[str], None] | None = None,
    ) -> QueuedQuestion:
        """Take a question; returns at once.

        Args:
            question: what to ask.
            client: who asks; clients take turns.
            on_piece: told each piece of the reply, on another thread; must return at once.

        Raises:
            QuestionError: the question can't be asked.
            Busy: too many wait, or the queue is closed.
        """
        check_question(question)
        ask = QueuedQuestion(question, client, on_piece, time.monotonic(), self._withdraw)
        pushed_out = None
        with self._changed:
            if self._closed:
                raise Busy("the agent is stopping; ask again once it runs")
            if self._count() >= self._limit:
                self.refused += 1
                pushed_out = self._make_room(client)
            self._waiting.setdefault(client, deque()).append(ask)
            self._changed.notify_all()
        if pushed_out is not None:
            self._finish(
                pushed_out,
                f"too many questions: {self._limit} waited and most of them were yours, so this "
                "one gave way to another client's; ask again later",
            )
        self._tell(lambda listener: listener.on_ask and listener.on_ask(ask))
        return ask

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        with self._changed:
            return self._count()

    @property
    def running(self) -> int:
        """How many questions are being answered."""
        with self._changed:
            return len(self._running)

    def close(self) -> None:
        """Take no more. Those that wait, and those in the making, are told that the agent stops."""
        with self._changed:
            self._closed = True
            left = [*self._running, *(ask for asks in self._waiting.values() for ask in asks)]
            self._waiting.clear()
            self._changed.notify_all()
        for ask in left:
            ask.cancelled.set()
            self._finish(ask, "the agent is stopping; ask again once it runs")
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _make_room(self, newcomer: str) -> QueuedQuestion:
        """Take out the newest question of the client with most, where that is fair."""
        client, most = max(self._waiting.items(), key=lambda item: len(item[1]))
        if len(most) <= len(self._waiting.get(newcomer, ())) + 1:
            raise Busy(f"{self._limit} questions wait already; ask again later")
        ask = most.pop()
        if not most:
            del self._waiting[client]
        return ask

    def _withdraw(self, ask: QueuedQuestion) -> None:
        """A cancelled question gives up its place."""
        with self._changed:
            self._drop(ask)
            self._changed.notify_all()
        self._finish(ask, "cancelled")

    def _drop(self, ask: QueuedQuestion) -> None:
        asks = self._waiting.get(ask.client)
        if asks is not None and ask in asks:
            asks.remove(ask)
            if not asks:
                del self._waiting[ask.client]

    def _finish(self, ask: QueuedQuestion, answer: Answer | str) -> None:
        """Give the answer, or say why there is none, to whoever asked and to the listeners."""
        if isinstance(answer, str):
            answer = Answer.failure(answer, ask.question.id)
        if ask.settle(answer):
            self._tell(lambda listener: listener.on_answer and listener.on_answer(ask, answer))

    def _tell(self, call: Callable[[QueueListener], object]) -> None:
        for listener in self._listeners:
            try:
                call(listener)
            except Exception:
                # A display that breaks must not stop the answers: this is its outermost call.
                _log.exception("a listener failed; the questions go on")

    def _next(self) -> QueuedQuestion | None:
        """The next question, of the client whose turn it is; ``None`` once closed."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait(_WAKE_S)
            client, asks = self._waiting.popitem(last=False)
            ask = asks.popleft()
            if asks:
                self._waiting[client] = asks  # to the end: the others come first
            self._running.add(ask)
            self._changed.notify_all()  # the clock allows it more from now on
            return ask

    def _work(self) -> None:
        while (ask := self._next()) is not None:
            try:
                answer: Answer | str = self._answered(ask)
            except Exception as error:
                # The outermost loop of a thread: whoever asked must hear of the fault.
                _log.exception("a question could not be answered")
                answer = f"a fault in the agent: {type(error).__name__}; its log says more"
            with self._changed:
                self._running.discard(ask)
            self._finish(ask, answer)

    def _watch(self) -> None:
        """Tell those whose time is up, waiting or in the making."""
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                late = [
                    ask for asks in self._waiting.values() for ask in asks if _deadline(ask) <= now
                ]
                stuck = [
                    ask
                    for ask in self._running
                    if _deadline(ask) + _GRACE_S <= now and not ask.answer.done()
                ]
                if not late and not stuck:
                    self._changed.wait(self._next_deadline_s(now))
                    continue
                for ask in late:
                    self._drop(ask)
                self.expired += len(late)
            for ask in late:
                self._finish(
                    ask,
                    f"its turn did not come within {ask.question.timeout_s:g} s; other questions "
                    "came first: ask again, or allow more with timeout_s",
                )
            for ask in stuck:
                ask.cancelled.set()
                self._finish(ask, f"no answer within {ask.question.timeout_s:g} s")

    def _next_deadline_s(self, now: float) -> float:
        """Seconds until the first time-out of all, at most until the clock wakes anyway."""
        times = [_deadline(ask) for asks in self._waiting.values() for ask in asks]
        times += [_deadline(ask) + _GRACE_S for ask in self._running if not ask.answer.done()]
        return max(0.0, min([*times, now + _WAKE_S]) - now)

    def _answered(self, ask: QueuedQuestion) -> Answer | str:
        waited_s = time.monotonic() - ask.submitted
        # The clock takes what is late out of the queue; this one may just have slipped through.
        left_s = max(ask.question.timeout_s - waited_s, 1e-3)
        pieces = self._agent.ask_stream(replace(ask.question, timeout_s=left_s))
        for piece in pieces:
            if isinstance(piece, Answer):
                return replace(piece, latency_s={"queue": waited_s, **piece.latency_s})
            if ask.cancelled.is_set():
                pieces.close()
                break
            if ask.on_piece is not None:
                ask.on_piece(piece)
        return "cancelled"


def _deadline(ask: QueuedQuestion) -> float:
    return ask.submitted + ask.question.timeout_s
