"""From a question and the memory to an answer: rules and recall first, then the reasoner.

Rules answer questions in free words, without a model, if they understand them. If a small model
that restates questions is there, it puts them into plain words first (`restated`). If a question
names something that the memory does not hold, or that a memory of motion can't know, the reasoner
is not asked: the answer says so.

Works on what is committed when it is called; `ask_flow` decides whether to perceive the current
view first, and how long to wait for that. A model's failure becomes an `Answer` that says so; only
a question that can't be asked raises.

Out of scope: the rules (`embodied_agent.rules`) and answers by them (`ruled_answers`),
asking the reasoner (`reasoned`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from functools import partial

from embodied_agent.agent.driven_paths import driven_path
from embodied_agent.agent.fact_answers import FactAnswers
from embodied_agent.agent.from_here import FromHere
from embodied_agent.agent.model_loading import ModelLoading
from embodied_agent.agent.note_index import LostDelta
from embodied_agent.agent.notes_check import NotesCheck, checked
from embodied_agent.agent.notices import with_break, with_kept, with_notice
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.agent.position_answers import PositionAnswers
from embodied_agent.agent.reasoned import ReasonedAnswers
from embodied_agent.agent.reasoner_attempts import Known
from embodied_agent.agent.recalled import recall_from
from embodied_agent.agent.restated import Reading, Restating
from embodied_agent.agent.ruled_answers import RuledAnswers
from embodied_agent.agent.second_look import SecondLook
from embodied_agent.agent.surroundings import surroundings
from embodied_agent.agent.views import Views
from embodied_agent.chat.status import ServerStatus
from embodied_agent.errors import QuestionError
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import Prompt, Reasoner, prompt_style
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.restating import Restater
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.records import Answer, Delta, Question
from embodied_agent.rules import (
    Notes,
    Restated,
    Saying,
)
from embodied_agent.rules.fact_questions import FactAsked
from embodied_agent.rules.families import asks_for_things
from embodied_agent.settings import ObjectSettings, ReasoningSettings

#: Longest question with its choices, in characters.
MAX_QUESTION = 4000
#: Most choices: each has a letter.
MAX_CHOICES = 26


def check_question(question: Question) -> None:
    """Refuse a question that can't be asked.

    Raises:
        QuestionError: it is empty or too long, or its choices or time-out are unusable.
    """
    if not question.text.strip():
        raise QuestionError("the question is empty; ask something")
    length = len(question.text) + sum(map(len, question.choices))
    if length > MAX_QUESTION:
        raise QuestionError(
            f"the question has {length} characters with its choices; at most {MAX_QUESTION} fit"
        )
    if len(question.choices) > MAX_CHOICES:
        raise QuestionError(f"{len(question.choices)} choices; at most {MAX_CHOICES} have letters")
    plain = [" ".join(choice.split()).casefold() for choice in question.choices]
    if not all(plain):
        raise QuestionError("a choice is empty; leave it out or fill it in")
    if len(set(plain)) < len(plain):
        raise QuestionError("two choices are the same; an answer could not tell them apart")
    if not (question.timeout_s > 0 and math.isfinite(question.timeout_s)):
        raise QuestionError(f"timeout_s must be a positive number, not {question.timeout_s}")


class Answerer:
    """Answers from the committed part of one store. Safe to call from several threads.

    Args:
        store: the memory.
        settings: of reasoning.
        make: makes the reasoner when it is first needed.
        make_verifier: makes the verifier when it is first needed.
        second_look: looks at stored pictures again; ``None`` disables it.
        objects: the memory's objects, for their directions from the camera; ``None`` leaves these
            out.
        facts: answers questions about facts; ``None`` if no facts are noted.
        make_restater: makes the model that restates questions when it is first needed; ``None``:
            as the settings say.
    """

    def __init__(
        self,
        store: Store,
        settings: ReasoningSettings,
        make: Callable[[], Reasoner],
        *,
        make_verifier: Callable[[], Verifier] | None = None,
        second_look: SecondLook | None = None,
        objects: ObjectMemory | None = None,
        facts: FactAnswers | None = None,
        make_restater: Callable[[], Restater] | None = None,
    ) -> None:
        self._store = store
        self._facts = facts
        self._objects = objects
        self._object_settings = ObjectSettings() if objects is None else objects.settings
        self._positions = PositionAnswers(settings, objects, store)
        self._settings = settings
        self._reasoned = ReasonedAnswers(
            settings, make, make_verifier=make_verifier, second_look=second_look
        )
        self._lock = threading.Lock()
        self._views = Views(store, settings)
        self._ruled = RuledAnswers(store, settings)
        #: Puts questions in free words into plain ones.
        self.restating = Restating(settings, make_restater)
        #: Questions with choices that the notes left open, so that no reasoner was asked.
        self.left_open = 0

    @property
    def model(self) -> str:
        """The reasoner's name; its backend until it is loaded."""
        return self._reasoned.model

    @property
    def loading(self) -> ModelLoading[Reasoner]:
        """Loads the reasoner."""
        return self._reasoned.loading

    @property
    def first_token_s(self) -> float | None:
        """Time from the latest prompt to the reply's first piece, in seconds; ``None`` before
        it."""
        return self._reasoned.first_token_s

    @property
    def asked_again(self) -> int:
        """How often the reasoner was asked again because it had missed that the notes settle a
        question."""
        return self._reasoned.asked_again

    @property
    def server(self) -> ServerStatus | None:
        """State of the reasoner's server; ``None`` if there is none, or it was never asked."""
        return self._reasoned.server

    def stream(
        self,
        question: Question,
        segment: int,
        last_id: int,
        deadline: float,
        *,
        source: str = "",
        provisional: Delta | None = None,
    ) -> Generator[str | Answer, None, None]:
        """Pieces of the reasoner's reply as they come, then the answer. Closing stops the model at
        once.

        Args:
            question: one that `check_question` accepts.
            segment: the present one.
            last_id: the last keyframe that may be used.
            deadline: by `time.monotonic`, in seconds.
            source: answer from this recording; empty: from the whole memory.
            provisional: the delta of a keyframe after all committed ones; counts as the last entry.

        Raises:
            StoreError: the memory can't be read.
            ModelError: the model that restates questions can't be loaded, and the settings insist
                on it.
        """
        started = time.monotonic()
        answer = Answer(text="", question_id=question.id)
        # Objects are not read under the lock: forgetting holds theirs while it waits for this one.
        here = self._positions.here(question, last_id)
        read = partial(self._known, answer, question, source, segment, last_id, provisional, here)
        known, ruling = self._from_memory(read, source)
        notes = known.notes
        if ruling is not None and self._is_restatable(question, notes):
            reading = yield from self.restating.read(question.text, deadline)
            restated: Answer | None = None
            if self._is_off_topic_by_mistake(reading, question, notes):
                reading = replace(reading, restated=None)
            if reading.restated is not None:
                _, restated = self._from_memory(partial(read, reading.restated), source)
            yield self._as_read(ruling, restated, reading, started)
            return
        if ruling is not None:
            yield replace(ruling, latency_s={"rules": time.monotonic() - started})
            return
        measured = self._measured(question, notes.id(notes.last))
        noted = self._noted(question, source)
        known = replace(known, measured=measured, noted=noted)
        answer = replace(answer, models={"perceiver": known.perceiver})
        answer = replace(
            answer,
            latency_s={"recall": time.monotonic() - started},
            models={**answer.models, "reasoner": self.model},
        )
        attempt = yield from self._reasoned.stream(answer, known, deadline)
        answer = replace(attempt.answer, evidence=self._ruled.evidence(attempt.cited))
        yield self._noticed(answer, notes, last_id)

    def _is_restatable(self, question: Question, notes: Notes) -> bool:
        """Whether a question that the rules answer is put into plain words first."""
        of_facts = self._facts is not None and self._facts.asked(question.text) is not None
        return bool(notes.deltas) and not of_facts and self.restating.is_wanted(question, notes)

    @staticmethod
    def _is_off_topic_by_mistake(reading: Reading, question: Question, notes: Notes) -> bool:
        """Whether a model took a question for another topic that asks for things."""
        restated = reading.restated
        return (
            restated is not None
            and restated.meaning == "off_topic"
            and asks_for_things(question.text, notes.nouns)
        )

    def _as_read(
        self, as_put: Answer, restated: Answer | None, reading: Reading, started: float
    ) -> Answer:
        """The answer to a question that went through the model that restates questions.

        Args:
            as_put: the answer to the question as it was put.
            restated: the answer to the restated question, if there is one.
            reading: how the question was read.
            started: when the question came, by `time.monotonic`, in seconds.
        """
        spent_s = {"load": reading.loading_s, "restate": reading.restating_s}
        rules_s = time.monotonic() - started - sum(spent_s.values())
        latency_s = {"rules": rules_s, **{stage: s for stage, s in spent_s.items() if s}}
        if restated is None:
            return with_notice(replace(as_put, latency_s=latency_s), reading.notice)
        self.restating.note_used()
        models = {**restated.models, "restater": self.restating.model}
        answer = replace(restated, latency_s=latency_s, models=models)
        same = (answer.status, answer.text) == (as_put.status, as_put.text)
        return answer if same else with_notice(answer, reading.notice)

    def beginning(self, source: str, segment: int, last_id: int) -> Prompt:
        """The prompt of a question about the time up to keyframe ``last_id``, without its task.

        Raises:
            StoreError: the memory can't be read.
            LostDelta: a delta is damaged.
        """
        with self._lock:
            transcript = self._views.read(source, segment, last_id, None).transcript()
        prompt = build_prompt(prompt_style(self._settings), transcript, "", Question("?"))
        return replace(prompt, task="")

    def asks_of_facts(self, question: Question) -> bool:
        """Whether a question is about noted facts, and not about what was seen at some time: what
        the camera sees now adds nothing to its answer."""
        fact_question = None if self._facts is None else self._facts.asked(question.text)
        return (
            fact_question is not None and fact_question.thing is None and not self._leaves_facts()
        )

    def before_any_frame(self, question: Question) -> Answer | None:
        """The answer to a question about facts where nothing was seen yet; ``None`` for others."""
        if self._facts is None or (asked := self._facts.asked(question.text)) is None:
            return None
        answer = Answer(text="", question_id=question.id)
        return self._of_facts(answer, question, asked, Notes([]), "")

    def forget(self) -> None:
        """Something was removed from the memory: read it anew for the next question."""
        with self._lock:
            self._views.clear()

    def close(self) -> None:
        """Release the models that were made here; the reasoner's creator closes it."""
        self._reasoned.close()
        self.restating.close()

    def _measured(self, question: Question, keyframe_id: int) -> str:
        """Where objects are, seen from that keyframe, if settings give this to the reasoner."""
        settings = self._settings
        if self._objects is None or not settings.bearings or prompt_style(settings) != "full":
            return ""
        return surroundings(question, keyframe_id, self._objects, self._store)

    def _noted(self, question: Question, source: str) -> str:
        """The facts that the question names, if the reasoner is told of facts."""
        if self._facts is None or prompt_style(self._settings) != "full":
            return ""
        return self._facts.mentioned(question.text, source, question.at_ns)

    def _leaves_facts(self) -> bool:
        """Whether the reasoner, which is told of facts, answers questions about them."""
        return self._settings.free == "reasoner" and prompt_style(self._settings) == "full"

    def _of_facts(
        self, answer: Answer, question: Question, asked: FactAsked, notes: Notes, source: str
    ) -> Answer:
        """``answer`` to a question about facts."""
        assert self._facts is not None
        seen = notes if notes.deltas else None
        fact_saying = self._facts.answer(asked, seen, source, question.at_ns)
        return self._ruled.of_facts(answer, question, fact_saying, notes)

    def _from_memory(
        self, read: Callable[[], tuple[Known, Answer | None]], source: str
    ) -> tuple[Known, Answer | None]:
        """What ``read`` returns, also where the memory's file is damaged."""
        with self._lock:  # views serve one thread at a time
            try:
                return read()
            except LostDelta:
                # The file is damaged: read delta by delta what is intact.
                self._views.read_plainly(source)
                return read()

    def _known(
        self,
        answer: Answer,
        question: Question,
        source: str,
        segment: int,
        last_id: int,
        provisional: Delta | None,
        here: FromHere | None,
        restated: Restated | None = None,
    ) -> tuple[Known, Answer | None]:
        """What the question is answered from, and ``answer`` where the reasoner is not to be
        asked."""
        held = self._views.read(source, segment, last_id, provisional)
        notes = held.notes
        notes.clock = self._store.stamp_of
        notes.path = lambda: driven_path(last_id, self._store, self._object_settings)
        known = Known(question, segment, last_id, notes, "", "", ())
        fact_question = None if self._facts is None else self._facts.asked(question.text)
        if fact_question is not None and not self._leaves_facts():
            return known, self._of_facts(answer, question, fact_question, notes, source)
        if not notes.deltas:
            problem = "nothing that was seen has been perceived yet"
            return known, replace(answer, status="failed", problem=problem)
        known = replace(known, perceiver=notes.deltas[-1].model)
        answer = replace(answer, models={"perceiver": known.perceiver})
        settled = here and self._positions.answer(answer, question, notes, here)
        if settled:
            located, shown = settled
            evidence = self._ruled.evidence(dict.fromkeys(shown, "cited"))
            return known, self._noticed(replace(located, evidence=evidence), notes, last_id)
        ruling = self._ruled.chosen(answer, question, notes)
        if ruling is not None:
            ruling = replace(ruling, models={**ruling.models, **answer.models})
        elif (saying := self._ruled.saying(question, notes, here, restated)) is not None:
            ruling = self._ruled.said(answer, question, saying, notes)
        check = self._check(question, notes) if ruling is None else None
        if check is not None and check.is_open:
            self.left_open += 1
            settlement = check.settlement
            text = f"I can't tell: {settlement.reason}"
            saying = Saying(text, settlement.evidence, "cannot_tell")
            ruling = self._ruled.said(answer, question, saying, notes)
        if ruling is not None:
            return known, self._noticed(ruling, notes, last_id)
        known = replace(known, check=check)
        recalled, recalled_ids = recall_from(notes, question)
        known = replace(
            known,
            transcript=held.transcript(),
            recalled=recalled,
            recalled_ids=recalled_ids,
        )
        return known, None

    def _noticed(self, answer: Answer, notes: Notes, last_id: int) -> Answer:
        """``answer`` with notices of what it rests on."""
        return with_kept(with_break(answer, notes), self._views.text_from, last_id)

    def _check(self, question: Question, notes: Notes) -> NotesCheck | None:
        """What the notes say to a question with choices; ``None`` if the reasoner is told more than
        the notes hold, or if settings turn the check off."""
        settings = self._settings
        told_more = settings.second_look.mode == "on" or (
            settings.bearings and self._objects is not None and prompt_style(settings) == "full"
        )
        if not settings.check_notes or told_more:
            return None
        return checked(question, notes)
