"""From a question and the memory to an answer: rules and recall first, then the reasoner.

Questions in free words are answered by rules, without a model, where these understand them. What
nothing in the memory fits is not asked of the reasoner: the answer is that it was not seen. So is
what a memory of motion alone can't know.

Works on what is committed when it is called; whether to perceive the present first, and how long to
wait for that, is decided by `ask_flow`. Whatever a model does wrong ends as an `Answer` that says
so; only a question that can't be asked raises.

Out of scope: the rules (`embodied_agent.rules`), asking the reasoner (`reasoned`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import replace

from embodied_agent.agent.reasoned import Known, ReasonedAnswers
from embodied_agent.agent.scrutiny import without_answer
from embodied_agent.agent.second_look import SecondLook
from embodied_agent.agent.segment_view import SegmentView
from embodied_agent.chat.status import ServerStatus
from embodied_agent.errors import QuestionError
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import Reasoner, prompt_style, transcript_budget
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.records import Answer, Delta, Evidence, Question
from embodied_agent.rules import (
    NAME,
    Notes,
    Saying,
    answer_by_rule,
    not_understood,
    unanswerable,
)
from embodied_agent.settings import ReasoningSettings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import entry_text

#: Longest question, in characters; choices count.
MAX_QUESTION = 4000
#: As many as there are letters.
MAX_CHOICES = 26
#: Most entries that an answer by rule gives as what it read.
_MOST_ENTRIES = 8
#: What rules have no answer to, but a general model may read out of observations.
_FOR_MODELS = frozenset({"unclear", "unnoted"})


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
        make: makes the reasoner when it is first needed,
        make_verifier: and the verifier,
        second_look: looks at stored pictures; ``None``: nobody can.
    """

    def __init__(
        self,
        store: Store,
        settings: ReasoningSettings,
        make: Callable[[], Reasoner],
        *,
        make_verifier: Callable[[], Verifier] | None = None,
        second_look: SecondLook | None = None,
    ) -> None:
        self._store = store
        self._settings = settings
        self._reasoned = ReasonedAnswers(
            settings, make, make_verifier=make_verifier, second_look=second_look
        )
        self._lock = threading.Lock()
        self._view: SegmentView | None = None

    @property
    def model(self) -> str:
        """The reasoner's name, its backend while it is not loaded."""
        return self._reasoned.model

    @property
    def server(self) -> ServerStatus | None:
        """State of the reasoner's server; ``None`` where there is none, or it was never asked."""
        return self._reasoned.server

    def stream(
        self,
        question: Question,
        segment: int,
        last_id: int,
        deadline: float,
        *,
        provisional: Delta | None = None,
    ) -> Generator[str | Answer, None, None]:
        """Pieces of the reasoner's reply as they come, then the answer. Closing stops the model at
        once.

        Args:
            question: one that `check_question` let pass.
            segment: answer from this segment,
            last_id: up to this keyframe.
            deadline: by `time.monotonic`, in seconds.
            provisional: of a later keyframe than all that are committed; counts as the last entry.

        Raises:
            StoreError: the memory can't be read.
        """
        started = time.monotonic()
        answer = Answer(text="", question_id=question.id)
        with self._lock:  # the notes are for one thread at a time
            if self._view is None or self._view.segment != segment:
                self._view = SegmentView(segment, transcript_budget(self._settings))
            held = self._view.read(self._store, last_id, provisional)
            saying = self._saying(question, held.notes) if held.deltas else None
        deltas = held.deltas
        if not deltas:
            problem = "nothing that was seen has been perceived yet"
            yield replace(answer, status="failed", problem=problem)
            return
        answer = replace(answer, models={"perceiver": deltas[-1].model})
        if saying is not None:
            answer = self._said(answer, question, saying, deltas)
            yield replace(answer, latency_s={"rules": time.monotonic() - started})
            return
        recalled, recalled_ids = recall(deltas, question)
        known = Known(
            question, segment, last_id, held.notes, held.transcript, recalled, recalled_ids
        )
        answer = replace(
            answer,
            latency_s={"recall": time.monotonic() - started},
            models={**answer.models, "reasoner": self.model},
        )
        attempt = yield from self._reasoned.stream(answer, known, deadline)
        yield replace(attempt.answer, evidence=self._evidence(attempt.cited))

    def close(self) -> None:
        """Release the verifier and the second look; the reasoner belongs to whoever made it."""
        self._reasoned.close()

    def _saying(self, question: Question, notes: Notes) -> Saying | None:
        """What is said without the reasoner; ``None`` where it is to be asked."""
        settings = self._settings
        # Looked at again with the question in mind, pictures may show what was not noted.
        looks = settings.second_look.mode == "on"
        if question.choices or settings.free == "reasoner":
            return None if looks else unanswerable(question.text, question.choices, notes)
        ruling = answer_by_rule(question.text, notes)
        if settings.free == "auto" and prompt_style(settings) == "full":
            status = ruling.saying.status if ruling.saying else ""
            if looks and status not in ("answered", "out_of_scope"):
                return None
            if ruling.asked.family in _FOR_MODELS:
                return unanswerable(question.text, (), notes)
        return ruling.saying or not_understood(notes)

    def _said(
        self, answer: Answer, question: Question, saying: Saying, deltas: Sequence[Delta]
    ) -> Answer:
        """``answer`` as the rules give it, with the entries that it rests on."""
        read = [deltas[index] for index in saying.evidence]
        evidence = self._evidence({delta.keyframe_id: "cited" for delta in read})
        answer = replace(
            answer,
            reasoning="".join(entry_text(delta) for delta in read[-_MOST_ENTRIES:]).strip(),
            evidence=evidence,
            models={**answer.models, "reasoner": NAME},
            verified_by=f"{NAME} over {len(deltas)} entries of the memory",
        )
        if question.choices:
            return without_answer(answer, question, saying.status, saying.text)
        return replace(answer, text=saying.text, status=saying.status)

    def _evidence(self, notes: Mapping[int, str]) -> tuple[Evidence, ...]:
        """The keyframes of these ids that the memory really holds, with their notes."""
        found = []
        for number in sorted(notes):
            for keyframe in self._store.keyframes(since=number, limit=1):
                if keyframe.id == number:
                    found.append(
                        Evidence(number, keyframe.stamp_ns, note=notes[number], pose=keyframe.pose)
                    )
        return tuple(found)
