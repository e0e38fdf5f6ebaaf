"""The agent: frames in, answers out. Everything outside goes through this class.

    with Agent() as agent:
        agent.replay("kitchen.mcap")           # a recording, from its first frame to its last
        answer = agent.ask("Where is the sofa now?", choices=["left", "right"])

    with Agent() as agent:
        for frame in camera:
            agent.observe(frame, wait=False)   # live: the latest frame only
        answer = agent.ask("What is in front of me?")

A replay waits for perception, drops nothing, and gives the same memory every time, even if it was
killed halfway and repeated with the same memory file. Live, the agent keeps only the latest frame,
counts what it drops, and looks at the current frame before it answers.

The agent joins the stages and decides nothing itself: `inlet` (frames from any thread, to stored
keyframes), `perception_workers` (keyframes to deltas), `asked` (the path of a question), `answerer`
(memory and question to answer), `listeners` (callbacks), `replay`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from pathlib import Path

from embodied_agent.agent.alerts import StandingQuestions
from embodied_agent.agent.answerer import Answerer
from embodied_agent.agent.ask_flow import AskFlow
from embodied_agent.agent.asked import Asked, as_question
from embodied_agent.agent.fact_answers import FactAnswers
from embodied_agent.agent.fact_methods import FactMethods
from embodied_agent.agent.fact_notes import FactNotes
from embodied_agent.agent.frame_methods import FrameMethods
from embodied_agent.agent.inlet import Inlet
from embodied_agent.agent.lazy_models import lazy_perceiver, lazy_reasoner
from embodied_agent.agent.listeners import Listener, Listeners
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.agent.object_methods import ObjectMethods
from embodied_agent.agent.perception_workers import PerceptionWorkers
from embodied_agent.agent.read_ahead import ReadAhead
from embodied_agent.agent.replay import ReplayProgress, ReplaySummary, open_replay, replay
from embodied_agent.agent.second_look import SecondLook
from embodied_agent.agent.status import AgentStatus, ReasoningStatus
from embodied_agent.errors import ModelError
from embodied_agent.memory.store import Store
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.look import make_looker
from embodied_agent.reasoning.base import InProcess, Reasoner, prompt_style
from embodied_agent.reasoning.factory import make_verifier
from embodied_agent.reasoning.restating import Restater
from embodied_agent.records import Answer, Question
from embodied_agent.rules import load_rules
from embodied_agent.settings import Settings, load_settings
from embodied_agent.sources import Source
from embodied_agent.support.memory_use import resident_bytes

_log = logging.getLogger(__name__)


class Agent(FrameMethods, ObjectMethods, FactMethods):
    """One camera's memory and what is asked of it. Every method may be called from any thread.

    Use it as a context manager, or call `close`. Keyframes that an existing memory holds without a
    delta are perceived from the start on. Models are loaded when they are first needed; the
    rules' word lists at once.

    Args:
        settings: of all stages; by default the built-in values and the environment
            (`load_settings`). With an empty ``memory.path`` the memory is gone at the end.
        store: an open store instead of ``settings.memory.path``; one that was opened read-only can
            be asked, and nothing else.
        perceiver: instead of the one that the settings name.
        reasoner: instead of the one that the settings name.
        restater: restates questions, instead of the one that the settings name.
        listener: told of decisions, keyframes and deltas; `listen` adds more.

    The agent does not close what is passed in: its creator does.

    Attributes:
        store: the memory: ``store.keyframes()``, ``store.deltas()``, ``store.search(text="sofa")``.

    Raises:
        SettingsError: the environment holds a setting that can't be used.
        StoreError: the memory can't be opened.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        store: Store | None = None,
        perceiver: Perceiver | None = None,
        reasoner: Reasoner | None = None,
        restater: Restater | None = None,
        listener: Listener | None = None,
    ) -> None:
        settings = load_settings() if settings is None else settings
        self._settings = settings
        self._owns_store = store is None
        self.store = store or Store.open(settings.memory.path, settings.memory)
        self._objects = ObjectMemory(self.store, settings.objects, on_forget=self._on_forget)
        self._facts = FactNotes(self.store, settings.facts, self._note_error)
        self._listeners = Listeners()
        self._standing = StandingQuestions(
            self.store, self._objects, settings.alerts, self._listeners.alert
        )
        self._listeners.add(Listener(on_delta=self._objects.add))
        self._listeners.add(Listener(on_delta=self._standing.look))
        if listener is not None:
            self._listeners.add(listener)
        self._perceiver = lazy_perceiver(perceiver, settings.perception, self.store)
        self._reasoner = lazy_reasoner(reasoner, settings.reasoning)
        look = settings.reasoning.second_look
        self._answerer = Answerer(
            self.store,
            settings.reasoning,
            self._reasoner,
            make_verifier=lambda: make_verifier(settings.reasoning),
            second_look=SecondLook(
                self.store,
                look,
                lambda: make_looker(settings.perception, look.max_tokens, self._perceiver),
            ),
            objects=self._objects,
            facts=FactAnswers(self.store, self._facts),
            make_restater=None if restater is None else lambda: restater,
        )
        if reasoner is not None:
            self._answerer.loading.use(reasoner)
        self._read_ahead = ReadAhead(
            self.store, lambda: self._answerer.loading.model, self._answerer.beginning
        )
        if settings.reasoning.read_ahead:
            self._listeners.add(Listener(on_delta=lambda *_: self._read_ahead.notify()))
        self._perception: PerceptionWorkers | None = None
        if not self.store.read_only:
            self._perception = PerceptionWorkers(
                self.store, settings.perception, self._perceiver, self._listeners
            )
        self._last_error = ""
        self._inlet = Inlet(
            self.store, settings.keyframes, self._listeners, self._perception, self._note_error
        )
        flow = AskFlow(self.store, self._perception, self._answerer, self._inlet)
        self._asked = Asked(self.store, flow, self._standing, self._objects, self._note_error)
        load_rules()

    def __enter__(self) -> Agent:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        """The settings that the agent was made with."""
        return self._settings

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` from now on, until the function that is returned is called."""
        return self._listeners.add(listener)

    def replay(
        self,
        source: str | Path | Source,
        *,
        key: str = "",
        speed: float | None = None,
        again: bool = False,
        on_progress: Callable[[ReplayProgress], object] = lambda progress: None,
    ) -> ReplaySummary:
        """Take a whole recording in: returns once its last keyframe is perceived.

        With a memory file, a replay that was interrupted or killed goes on where it was: call it
        again with the same file and recording. A recording that the memory holds completely is not
        read again.

        Args:
            source: what `open_source` opens (a bag, a video, a folder of pictures), read by
                ``settings.source``; or an open source, which stays the caller's to close.
            key: identifies the recording in the memory; by default its path and how it is read.
                Needed for an open source.
            speed: pace against the recording's stamps; ``None``: as fast as perception goes.
            again: decide on every frame again where the memory holds all of them, so that listeners
                hear the decisions. Nothing is stored twice.
            on_progress: told how far the replay is, first before its first frame. It is called on
                the agent's threads like a `Listener`: it must return soon, and must not call
                `observe` or `ask`.

        Returns:
            What came in, and what had to be left out.

        Raises:
            SourceError: the recording can't be read, is a camera or a stream, or has no key.
            StoreError: the memory can't be written, or holds another recording under this key, or
                part of this one chosen with other keyframe settings.
            ModelError: perception has stopped, or (`ModelUnavailable`) made no progress for
                ``perception.stall_timeout_s``. What was stored is safe.
        """
        opened, name = open_replay(source, key, self._settings.source)
        try:
            self._hear_facts(opened, name)
            summary = replay(self, opened, name, speed=speed, again=again, on_progress=on_progress)
            self._end_facts(opened, name, unread=not summary.frames)
            return summary
        finally:
            if opened is not source:
                opened.close()

    def ask(
        self,
        question: Question | str,
        *,
        choices: Sequence[str] = (),
        at_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Answer a question; where there is no answer, its ``problem`` says why.

        Live, the current frame is kept and perceived first. With ``at_ns`` nothing seen later than
        that is used. What was seen before a restart, a loop or a jump of the clock is told as seen
        before it; directions do not carry over it. Recordings stay apart from one another.

        Args:
            question: plain text, or a `Question`, which holds all of the following itself.
            choices: option texts without letters; the answer is one of them.
            at_ns: answer as of this stamp, in nanoseconds.
            timeout_s: longest wait, in seconds; by default ``settings.reasoning.timeout_s``.

        Raises:
            QuestionError: the question is empty or too long, its choices can't be used, or a
                `Question` came with further arguments.
        """
        stream = self.ask_stream(question, choices=choices, at_ns=at_ns, timeout_s=timeout_s)
        for piece in stream:
            if isinstance(piece, Answer):
                return piece
        raise AssertionError("a stream ends with its answer")

    def ask_stream(
        self,
        question: Question | str,
        *,
        choices: Sequence[str] = (),
        at_ns: int | None = None,
        timeout_s: float | None = None,
    ) -> Generator[str | Answer, None, None]:
        """`ask`, giving pieces of the reply as they come and the `Answer` at the end.

        Closing the generator stops the model at once.

        Raises:
            QuestionError: as `ask`, at the call, not at the first piece.
        """
        usual_s = self._settings.reasoning.timeout_s
        return self._asked.stream(as_question(question, choices, at_ns, timeout_s, usual_s))

    def prepare(self) -> None:
        """Load the models that questions need in this process now, in the background, instead of at
        the first question: the one that restates questions, if there is one, and a reasoner, which
        then reads the memory ahead. Returns at once.

        A served reasoner is not loaded here, and the small built-in one is asked rarely and loaded
        soon.
        """
        self._answerer.restating.prepare()
        settings = self._settings.reasoning
        try:
            useful = settings.backend == "builtin" and prompt_style(settings) == "full"
        except ModelError as error:
            self._note_error(error)  # the first question fails with it
            return
        if useful:
            self._answerer.loading.start().add_done_callback(self._on_loaded)

    def _on_loaded(self, load: Future[Reasoner]) -> None:
        error = load.exception()
        if isinstance(error, Exception):
            _log.warning("the reasoner can't be loaded: %s", error)
            self._note_error(error)
        elif self._settings.reasoning.read_ahead:
            self._read_ahead.notify()

    def status(self) -> AgentStatus:
        """Counters, queues, states, last errors and models of every stage at this moment.

        Raises:
            StoreError: the memory can't be read.
        """
        intake = self._inlet.intake
        return AgentStatus(
            live=intake.live,
            source=intake.source,
            segment=intake.segment,
            frames=intake.frames,
            frames_dropped=self._inlet.mailbox.dropped,
            frames_late=intake.late,
            frames_unreadable=self._inlet.unreadable,
            frames_out_of_line=intake.absurd,
            last_error=self._last_error or self._inlet.mailbox.last_error,
            store_problem=intake.store_problem,
            camera_problem=self._objects.camera_problem,
            listener_failures=self._listeners.failures,
            keyframer=self._inlet.keyframer(self._settings.perception.field_of_view_deg),
            memory=self.store.status(),
            perception=None if self._perception is None else self._perception.status(),
            reasoning=self._reasoning_status(),
        )

    def _reasoning_status(self) -> ReasoningStatus:
        loading = self._answerer.loading
        reasoner = loading.model
        return ReasoningStatus(
            model=self._answerer.model,
            asked=self._asked.count,
            problems=self._asked.problems,
            server=self._answerer.server,
            left_open=self._answerer.left_open,
            asked_again=self._answerer.asked_again,
            restated=self._answerer.restating.count,
            loading_s=loading.running_s,
            load_s=loading.took_s,
            first_token_s=self._answerer.first_token_s,
            model_bytes=reasoner.held_bytes() if isinstance(reasoner, InProcess) else None,
            resident_bytes=resident_bytes(),
        )

    def close(self) -> None:
        """Stop all threads, and release models and memory.

        Keyframes that are still pending are perceived at the next start. Safe to call twice.
        """
        self._inlet.close()
        self._read_ahead.close()
        self._facts.close()
        if self._perception is not None:
            self._perception.close()
        self._answerer.close()
        self._reasoner.close()
        self._perceiver.close()
        if self._owns_store:
            self.store.close()

    def _on_forget(self) -> None:
        self._answerer.forget()
        self._facts.forget()

    def _note_error(self, error: Exception) -> None:
        self._last_error = str(error)
