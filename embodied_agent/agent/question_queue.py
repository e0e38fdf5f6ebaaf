"""Questions from many clients at once: a bounded queue with fair turns, for every interface.

Clients take turns, however many questions each has waiting, and whatever names it gives itself
(`turns`). When the queue is full, the client with most questions waiting gives up its newest one to
a client with fewer; where nobody has more, the newcomer is refused. A question's time-out counts
from its submission, and whoever waits in vain is told when the time is up. Cancelling frees the
place at once and stops generation at its next piece.

Out of scope: how a question is answered (`embodied_agent.agent`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace

from embodied_agent.agent import Agent
from embodied_agent.agent.answerer import check_question
from embodied_agent.agent.status import QueueStatus
from embodied_agent.agent.turns import Turns
from embodied_agent.errors import Busy
from embodied_agent.records import Answer, Question

_log = logging.getLogger(__name__)

#: The threads wake this often without questions, so that no wait lasts forever.
_WAKE_S = 60.0
#: How long `close` waits for answers that are being made, in seconds.
_CLOSE_S = 10.0
#: A running question gets this much longer than its time-out to say itself what is wrong.
_GRACE_S = 2.0


@dataclass(eq=False)
class QueuedQuestion:
    """A question that was accepted. ``answer`` is done when the answer is there; it never fails:
    what went wrong stands in the answer's ``problem``. Only `QuestionQueue` sets it."""

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
        """Set the answer unless there is one already; whether it was set."""
        with suppress(InvalidStateError):
            self.answer.set_result(answer)
            return True
        return False

    @property
    def deadline(self) -> float:
        """When its time-out ends, by `time.monotonic`."""
        return self.submitted + self.question.timeout_s


@dataclass(frozen=True)
class QueueListener:
    """Callbacks, each optional: ``on_question`` when a question was accepted, ``on_answer`` when it
    has its answer. They are called on the threads of `QuestionQueue` or of the client, and must
    return at once."""

    on_question: Callable[[QueuedQuestion], None] | None = None
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
        self._waiting: Turns[QueuedQuestion] = Turns()
        self._running: set[QueuedQuestion] = set()
        self._listeners: tuple[QueueListener, ...] = ()
        self._closed = False
        self._refused = self._expired = 0
        self._threads = [
            threading.Thread(target=self._work, name=f"questions-{n}", daemon=True)
            for n in range(parallel)
        ]
        self._threads.append(
            threading.Thread(target=self._watch, name="questions-clock", daemon=True)
        )
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
        """Accept a question; returns at once.

        Args:
            question: what to ask.
            client: who asks (`client_name`); clients take turns.
            on_piece: told each piece of the reply, on another thread; must return at once.

        Raises:
            QuestionError: the question can't be asked.
            Busy: too many wait, or the queue is closed.
        """
        check_question(question)
        queued = QueuedQuestion(question, client, on_piece, time.monotonic(), self._withdraw)
        displaced = None
        with self._changed:
            if self._closed:
                raise Busy("the agent is stopping; ask again once it runs")
            if len(self._waiting) >= self._limit:
                self._refused += 1
                displaced = self._waiting.displace(client)
                if displaced is None:
                    raise Busy(f"{self._limit} questions wait already; ask again later")
            self._waiting.push(client, queued)
            self._changed.notify_all()
        if displaced is not None:
            self._fail(
                displaced,
                f"too many questions: {self._limit} were waiting and most of them were yours, so "
                "this one gave way to another client's; ask again later",
            )
        self._tell(lambda listener: listener.on_question and listener.on_question(queued))
        return queued

    def status(self) -> QueueStatus:
        """How many questions wait and run now, and how many were refused or expired so far."""
        with self._changed:
            return QueueStatus(
                waiting=len(self._waiting),
                running=len(self._running),
                refused=self._refused,
                expired=self._expired,
            )

    def close(self) -> None:
        """Accept no more. Whoever waits for an answer is told that the agent stops."""
        with self._changed:
            self._closed = True
            unanswered = [*self._running, *self._waiting]
            self._waiting.clear()
            self._changed.notify_all()
        for queued in unanswered:
            queued.cancelled.set()
            self._fail(queued, "the agent is stopping; ask again once it runs")
        deadline = time.monotonic() + _CLOSE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _withdraw(self, queued: QueuedQuestion) -> None:
        """A cancelled question gives up its place."""
        with self._changed:
            self._waiting.remove(queued.client, queued)
            self._changed.notify_all()
        self._fail(queued, "cancelled")

    def _fail(self, queued: QueuedQuestion, problem: str) -> None:
        """Say why there is no answer."""
        self._settle(queued, Answer.failure(problem, queued.question.id))

    def _settle(self, queued: QueuedQuestion, answer: Answer) -> None:
        """Give the answer to the client and to the listeners."""
        if queued.settle(answer):
            self._tell(lambda listener: listener.on_answer and listener.on_answer(queued, answer))

    def _tell(self, call: Callable[[QueueListener], object]) -> None:
        for listener in self._listeners:
            try:
                call(listener)
            except Exception:
                # This is the callback's outermost level: one that raises must not stop the answers.
                _log.exception("a listener's callback raised; the questions go on")

    def _next(self) -> QueuedQuestion | None:
        """The next question, of the client whose turn it is; ``None`` once closed."""
        with self._changed:
            while not self._waiting:
                if self._closed:
                    return None
                self._changed.wait(_WAKE_S)
            queued = self._waiting.pop()
            self._running.add(queued)
            self._changed.notify_all()  # the clock allows it more from now on
            return queued

    def _work(self) -> None:
        while (queued := self._next()) is not None:
            try:
                answer = self._answer(queued)
            except Exception as error:
                # The outermost loop of a thread: the client must hear of the fault.
                _log.exception("a question could not be answered")
                answer = None
                problem = f"a fault in the agent ({type(error).__name__}); its log says more"
            else:
                problem = "cancelled"
            with self._changed:
                self._running.discard(queued)
            if answer is None:
                self._fail(queued, problem)
            else:
                self._settle(queued, answer)

    def _watch(self) -> None:
        """Answer questions whose time is up, whether they wait or run."""
        while True:
            with self._changed:
                if self._closed:
                    return
                now = time.monotonic()
                late = [q for q in self._waiting if q.deadline <= now]
                stuck = [
                    q for q in self._running if q.deadline + _GRACE_S <= now and not q.answer.done()
                ]
                if not late and not stuck:
                    self._changed.wait(self._next_deadline_s(now))
                    continue
                for queued in late:
                    self._waiting.remove(queued.client, queued)
                self._expired += len(late)
            for queued in late:
                self._fail(
                    queued,
                    f"its turn did not come within {queued.question.timeout_s:g} s; other "
                    "questions came first: ask again, or allow more with timeout_s",
                )
            for queued in stuck:
                queued.cancelled.set()
                self._fail(queued, f"no answer within {queued.question.timeout_s:g} s")

    def _next_deadline_s(self, now: float) -> float:
        """Seconds until the first time-out of all, at most until the clock wakes anyway."""
        times = [q.deadline for q in self._waiting]
        times += [q.deadline + _GRACE_S for q in self._running if not q.answer.done()]
        return max(0.0, min([*times, now + _WAKE_S]) - now)

    def _answer(self, queued: QueuedQuestion) -> Answer | None:
        """The agent's answer; ``None`` where the question was cancelled first."""
        waited_s = time.monotonic() - queued.submitted
        # The clock takes what is late out of the queue; this one may just have slipped through.
        left_s = max(queued.question.timeout_s - waited_s, 1e-3)
        pieces = self._agent.ask_stream(replace(queued.question, timeout_s=left_s))
        for piece in pieces:
            if isinstance(piece, Answer):
                return replace(piece, latency_s={"queue": waited_s, **piece.latency_s})
            if queued.cancelled.is_set():
                pieces.close()
                break
            # An empty piece says only that the model is still reading.
            if piece and queued.on_piece is not None:
                queued.on_piece(piece)
        return None
