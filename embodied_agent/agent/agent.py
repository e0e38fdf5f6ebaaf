"""The agent: frames in, answers out. Everything outside goes through this class.

    with Agent(settings) as agent:
        agent.begin_replay("kitchen.mcap")     # a recording; leave it out for a camera
        for frame in source:
            agent.observe(frame)               # a camera: observe(frame, wait=False)
        agent.finish()
        agent.drain(timeout_s=600)
        answer = agent.ask(Question("Where is the sofa now?"))

Replay waits for perception, drops nothing, and gives the same memory every time, also when it was
killed halfway and repeated with the same memory file. Live keeps the latest frame only, counts
what it drops, and looks at the current frame before it answers.

It wires the stages and decides nothing itself: `intake` (frames to stored keyframes), `pipeline`
(keyframes to deltas), `inquiry` (the way of a question), `asking` (memory and question to answer),
`mailbox` (latest only), `events` (who is told).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from typing import Any, Literal, overload

from embodied_agent.agent.answerer import Answerer, check_question
from embodied_agent.agent.ask_flow import AskFlow, Moment
from embodied_agent.agent.intake import Intake, Progress
from embodied_agent.agent.listeners import Listener, Listeners
from embodied_agent.agent.mailbox import Mailbox
from embodied_agent.agent.perception_workers import PerceptionWorkers
from embodied_agent.agent.second_look import SecondLook
from embodied_agent.errors import DecodeError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.perception.base import Perceiver, make_perceiver
from embodied_agent.perception.look import make_looker
from embodied_agent.reasoning.base import Reasoner
from embodied_agent.reasoning.factory import make_reasoner, make_verifier
from embodied_agent.records import Answer, Decision, Frame, Question
from embodied_agent.settings import KeyframeSettings, Settings
from embodied_agent.support.lazy import Borrowed, Lazy


class Agent:
    """One camera's memory and what is asked of it. Every method may be called from any thread.

    What is pending in an existing memory is perceived from the start on. Models are loaded when
    they are first needed.

    Args:
        settings: of all stages.
        store: an open store instead of ``settings.memory.path``; a read-only one can be asked,
            and nothing else.
        perceiver: instead of the one that the settings name.
        reasoner: instead of the one that the settings name.
        listener: told of decisions, keyframes and deltas; `listen` adds more.

    Whatever is passed in is not closed by `close`.

    Raises:
        StoreError: the memory can't be opened.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store | None = None,
        perceiver: Perceiver | None = None,
        reasoner: Reasoner | None = None,
        listener: Listener | None = None,
    ) -> None:
        self._owns_store = store is None
        self.store = store or Store.open(settings.memory.path, settings.memory)
        self._listeners = Listeners()
        if listener is not None:
            self._listeners.add(listener)
        self._intake = Intake(self.store, settings.keyframes, self._listeners)
        self._intake_lock = threading.RLock()
        shared = Lazy(
            lambda: Borrowed(perceiver) if perceiver else make_perceiver(settings.perception)
        )
        look = settings.reasoning.second_look
        self._answerer = Answerer(
            self.store,
            settings.reasoning,
            lambda: Borrowed(reasoner) if reasoner else make_reasoner(settings.reasoning),
            make_verifier=lambda: make_verifier(settings.reasoning),
            second_look=SecondLook(
                self.store,
                look,
                lambda: make_looker(settings.perception, look.max_tokens, shared),
            ),
        )
        self._perception: PerceptionWorkers | None = None
        if not self.store.read_only:
            self._perception = PerceptionWorkers(
                self.store,
                settings.perception,
                shared,
                self._listeners,
            )
        self._ask_flow = AskFlow(self.store, self._perception, self._answerer, self._present)
        self._mailbox = Mailbox(self._take, self._intake_lock)
        self._keyframes = settings.keyframes
        self._unreadable = self._asked = self._problems = 0
        self._last_error = ""

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` from now on, until the function that is returned is called."""
        return self._listeners.add(listener)

    def begin_replay(self, source: str) -> Progress:
        """The frames that follow are a recording's, from its first on.

        If the memory holds some of it already, they are recognised and not stored twice. Nothing
        new will come when the progress that is returned is ``finished``.

        Args:
            source: what identifies the recording and how it is read: path, topic, rate.

        Raises:
            StoreError: the memory can't be written, or holds part of this source chosen with
                other keyframe settings.
        """
        with self._intake_lock:
            return self._intake.begin_replay(source)

    @overload
    def observe(self, frame: Frame, *, wait: Literal[True] = True) -> Decision: ...

    @overload
    def observe(self, frame: Frame, *, wait: Literal[False]) -> None: ...

    def observe(self, frame: Frame, *, wait: bool = True) -> Decision | None:
        """Take in the next frame.

        Args:
            frame: in the order of stamps.
            wait: True: decide now, and wait while too many keyframes are yet to be perceived.
                False: return at once; the frame replaces one that still waits (that one is
                counted as dropped), and listeners hear of the decision.

        Returns:
            The decision; ``None`` without ``wait``. A kept frame is on the disk by then. A frame
            that can't be decoded is counted and not kept.

        Raises:
            StoreError: the keyframe can't be stored, or the recording is not what the memory holds.
            ModelError: perception has stopped, or (`ModelUnavailable`) makes no progress.
        """
        if not wait:
            self._mailbox.post(frame)
            return None
        with self._intake_lock:
            decision = self._take(frame)
        if self._perception is not None:
            self._perception.check()
            if decision.keep:
                self._perception.wait_for_room()
        return decision

    def finish(self) -> None:
        """The source ended: its last frame is kept. The next frame begins a new segment.

        Raises:
            StoreError: it can't be stored, or the memory holds more of the recording than came.
        """
        with self._intake_lock:
            waiting = self._mailbox.pop()
            if waiting is not None:
                self._take(waiting)
            self._intake.finish()
        if self._perception is not None:
            self._perception.notify()

    def reset(self) -> None:
        """Forget where the camera was: the next frame begins a new segment. The memory stays."""
        with self._intake_lock:
            self._intake.reset()

    def retune(self, settings: KeyframeSettings) -> None:
        """Choose keyframes by these thresholds from the next frame on; the method stays."""
        with self._intake_lock:
            self._intake.retune(settings)
            self._keyframes = settings

    @property
    def frames_dropped(self) -> int:
        """Frames so far that a newer one replaced before their turn."""
        return self._mailbox.dropped

    def drain(self, timeout_s: float) -> bool:
        """Wait until everything stored is perceived; whether it is.

        Raises:
            ModelError: perception has stopped for good.
            StoreError: the memory can't be read.
        """
        return self._perception is None or self._perception.wait(None, timeout_s)

    def ask(self, question: Question) -> Answer:
        """The answer; where there is none, its ``problem`` says why.

        Live, the current frame is kept and perceived first. With ``at_ns`` nothing seen later than
        that is used. Only the segment of that time speaks: others have another frame of reference.

        Raises:
            QuestionError: the question is empty or too long, or its choices can't be used.
        """
        for piece in self.ask_stream(question):
            if isinstance(piece, Answer):
                return piece
        raise AssertionError("a stream ends with its answer")

    def ask_stream(self, question: Question) -> Generator[str | Answer, None, None]:
        """`ask`, giving pieces of the reply as they come and the answer at the end.

        Closing the generator stops the model at once.

        Raises:
            QuestionError: as `ask`, at once.
        """
        check_question(question)
        return self._answer(question)

    def status(self) -> dict[str, Any]:
        """Counters, queue, states, last errors and models, as JSON-ready values.

        Raises:
            StoreError: the memory can't be read.
        """
        return {
            "live": self._intake.live,
            "source": self._intake.source,
            "segment": self._intake.segment,
            "frames": self._intake.frames,
            "frames_dropped": self._mailbox.dropped,
            "frames_late": self._intake.late,
            "frames_unreadable": self._unreadable,
            "last_error": self._last_error or self._mailbox.last_error,
            "store_problem": self._intake.store_problem,
            "listener_failures": self._listeners.failures,
            "keyframer": {
                "method": self._keyframes.method,
                "overlap_threshold": self._keyframes.overlap_threshold,
            },
            "memory": self.store.stats(),
            "perception": self._perception.status() if self._perception else None,
            "reasoning": {
                "model": self._answerer.model,
                "asked": self._asked,
                "problems": self._problems,
                "server": self._answerer.server,
            },
        }

    def close(self) -> None:
        """Stop all threads and release models and memory. What is pending stays for next time."""
        self._mailbox.close()
        if self._perception is not None:
            self._perception.close()
        self._answerer.close()
        if self._owns_store:
            self.store.close()

    def _take(self, frame: Frame) -> Decision:
        try:
            decision = self._intake.take(frame)
        except DecodeError as error:
            self._unreadable += 1
            self._last_error = str(error)
            return Decision(frame.index, frame.stamp_ns, keep=False, reason=None)
        if decision.keep and self._perception is not None:
            self._perception.notify()
        return decision

    def _present(self, question: Question) -> Moment | None:
        """The moment that the question is about; live, it is now."""
        with self._intake_lock:
            intake = self._intake
            if question.at_ns is None and intake.live and self._perception is not None:
                frame = self._mailbox.pop()
                if frame is not None:
                    self._take(frame)
                now = intake.keep_current()
                self._perception.notify()
                if now is not None and intake.segment is not None:
                    return intake.segment, now
            source = intake.source or None
            return self.store.horizon(at_ns=question.at_ns, source=source)

    def _answer(self, question: Question) -> Generator[str | Answer, None, None]:
        self._asked += 1
        answer = yield from self._ask_flow.stream(question)
        if not self.store.read_only:
            try:
                self.store.save_answer(question, answer)
            except StoreError as error:
                self._last_error = str(error)
        self._problems += bool(answer.problem)
        yield answer
