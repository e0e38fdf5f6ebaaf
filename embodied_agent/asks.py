"""Questions from many clients at once: a bounded queue with fair turns, for every interface.

Clients take turns, however many questions each has waiting; a full queue refuses. A question's
time-out counts from when it was submitted. Cancelling stops generation at once.

Not here: how a question is answered (`embodied_agent.agent`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from embodied_agent.agent import Agent
from embodied_agent.asking import check_question
from embodied_agent.errors import Busy
from embodied_agent.records import Answer, Question

_log = logging.getLogger(__name__)

#: The threads wake this often without questions, so that no wait lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for answers that are being made, in seconds.
_CLOSE_S = 10.0


@dataclass(eq=False)
class Ask:
    """A question that was taken. ``answer`` is done when the answer is there; it never fails: what
    went wrong stands in the answer's ``problem``."""

    question: Question
    client: str
    on_piece: Callable[[str], None] | None
    submitted: float
    answer: Future[Answer] = field(default_factory=Future)
    cancelled: threading.Event = field(default_factory=threading.Event)

    def cancel(self) -> None:
        """Stop generation; the answer then says that it was cancelled."""
        self.cancelled.set()


class Asks:
    """The questions of all clients of one agent. Every method may be called from any thread.

    Args:
        agent: answers them.
        parallel: how many are answered at once.
        waiting: how many may wait; more are refused.
    """

    def __init__(self, agent: Agent, *, parallel: int, waiting: int) -> None:
        self._agent = agent
        self._limit = waiting
        self._changed = threading.Condition()
        self._waiting: OrderedDict[str, deque[Ask]] = OrderedDict()
        self._running: set[Ask] = set()
        self._closed = False
        self.refused = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"asks-{n}", daemon=True)
            for n in range(parallel)
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self,
        question: Question,
        *,
        client: str = "",
        on_piece: Callable[[str], None] | None = None,
    ) -> Ask:
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
        ask = Ask(question, client, on_piece, time.monotonic())
        with self._changed:
            if self._closed:
                raise Busy("the agent is stopping; ask again once it runs")
            if self.waiting >= self._limit:
                self.refused += 1
                raise Busy(f"{self.waiting} questions wait already; ask again later")
            self._waiting.setdefault(client, deque()).append(ask)
            self._changed.notify()
        return ask

    @property
    def waiting(self) -> int:
        """How many questions wait."""
        with self._changed:
            return sum(map(len, self._waiting.values()))

    @property
    def running(self) -> int:
        """How many questions are being answered."""
        with self._changed:
            return len(self._running)

    def close(self) -> None:
        """Take no more; answers in the making are stopped and say so, and so do those that wait."""
        with self._changed:
            self._closed = True
            left = [*self._running, *(ask for asks in self._waiting.values() for ask in asks)]
            for ask in left:
                ask.cancel()
            self._changed.notify_all()
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _next(self) -> Ask | None:
        """The next question, of the client whose turn it is; ``None`` once closed and empty."""
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
            return ask

    def _work(self) -> None:
        while (ask := self._next()) is not None:
            try:
                answer = self._answered(ask)
            except Exception as error:
                # The outermost loop of a thread: whoever asked must hear of the fault.
                _log.exception("a question could not be answered")
                answer = _unanswered(ask.question, f"a fault in the agent: {error!r}; see the log")
            with self._changed:
                self._running.discard(ask)
            ask.answer.set_result(answer)

    def _answered(self, ask: Ask) -> Answer:
        waited_s = time.monotonic() - ask.submitted
        left_s = ask.question.timeout_s - waited_s
        if ask.cancelled.is_set():
            return _unanswered(ask.question, "cancelled before its turn came")
        if left_s <= 0:
            return _unanswered(
                ask.question,
                f"its turn did not come within {ask.question.timeout_s:g} s; other questions came "
                "first: ask again, or allow more with timeout_s",
            )
        pieces = self._agent.ask_stream(replace(ask.question, timeout_s=left_s))
        for piece in pieces:
            if isinstance(piece, Answer):
                return replace(piece, latency_s={"queue": waited_s, **piece.latency_s})
            if ask.cancelled.is_set():
                pieces.close()
                break
            if ask.on_piece is not None:
                ask.on_piece(piece)
        return _unanswered(ask.question, "cancelled")


def _unanswered(question: Question, problem: str) -> Answer:
    return Answer(text="", problem=problem, question_id=question.id)
