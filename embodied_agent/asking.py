"""From a question and the memory to an answer: recall, prompt, reasoner, parsing, evidence.

Works on what is committed when it is called; whether to look first and how long to wait for
perception is the agent's business (`embodied_agent.agent`). Whatever a model does wrong ends as an
`Answer` with its ``problem`` set; only a question that can't be asked raises.
"""

from __future__ import annotations

import bisect
import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

from embodied_agent.errors import ModelError, QuestionError, ReplyError
from embodied_agent.memory.recall import recall
from embodied_agent.memory.store import Store
from embodied_agent.memory.transcript import Transcript, entry_text
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.base import Prompt, Reasoner, prompt_style, transcript_budget
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Answer, Delta, Evidence, Question
from embodied_agent.settings import ReasoningSettings

#: Longest question, in characters; choices count.
MAX_QUESTION = 4000
#: As many as there are letters.
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


class _Segment:
    """The deltas of one segment as they grow, and the transcript of all of them."""

    def __init__(self, segment: int, token_budget: int) -> None:
        self.segment = segment
        self.deltas: list[Delta] = []
        self._budget = token_budget
        self._transcript = Transcript(token_budget)

    def read(self, store: Store, last_id: int) -> tuple[list[Delta], str]:
        """The deltas up to keyframe ``last_id``, and their transcript."""
        since = self.deltas[-1].keyframe_id + 1 if self.deltas else 0
        for delta in store.deltas(since=since, segment=self.segment):
            self.deltas.append(delta)
            self._transcript.add(delta)
        count = bisect.bisect_right(self.deltas, last_id, key=lambda delta: delta.keyframe_id)
        if count == len(self.deltas):
            return list(self.deltas), self._transcript.text()
        # As of then, nothing had been compacted yet that later entries pushed out.
        known = self.deltas[:count]
        return known, Transcript.of(known, self._budget).text()


class Asking:
    """Answers from the committed part of one store. Safe to call from several threads."""

    def __init__(
        self, store: Store, settings: ReasoningSettings, make: Callable[[], Reasoner]
    ) -> None:
        self._store = store
        self._settings = settings
        self._make = make
        self._lock = threading.Lock()
        self._reasoner: Reasoner | None = None
        self._view: _Segment | None = None

    @property
    def model(self) -> str:
        """The reasoner's name, its backend while it is not loaded."""
        return self._reasoner.name if self._reasoner else self._settings.backend

    def stream(
        self,
        question: Question,
        segment: int,
        last_id: int,
        deadline: float,
        *,
        provisional: Delta | None = None,
    ) -> Iterator[str | Answer]:
        """Pieces of the reply as they come, then the answer.

        Args:
            question: one that `check_question` let pass.
            segment: answer from this segment,
            last_id: up to this keyframe.
            deadline: by `time.monotonic`, in seconds.
            provisional: of a keyframe perceived out of turn, after all that is committed; this
                question reads it as the last entry, the memory gets it later.

        Raises:
            StoreError: the memory can't be read.
        """
        started = time.monotonic()
        with self._lock:
            if self._view is None or self._view.segment != segment:
                self._view = _Segment(segment, transcript_budget(self._settings))
            deltas, transcript = self._view.read(self._store, last_id)
        if provisional is not None and provisional.keyframe_id not in {
            delta.keyframe_id for delta in deltas
        }:
            deltas, transcript = [*deltas, provisional], transcript + entry_text(provisional)
        recalled, recalled_ids = recall(deltas, question)
        prompt = build_prompt(prompt_style(self._settings), transcript, recalled, question)
        recalled_at = time.monotonic()
        answer = Answer(
            text="",
            latency_s={"recall": recalled_at - started},
            models={"perceiver": deltas[-1].model if deltas else "", "reasoner": self.model},
            question_id=question.id,
        )
        if not deltas:
            yield replace(answer, problem="nothing that was seen has been perceived yet")
            return
        reply, first_at = "", None
        try:
            for piece in self._reply(prompt, deadline):
                first_at = first_at or time.monotonic()
                reply += piece
                yield piece
            parsed = parse_answer(reply, question.choices)
            answer = replace(
                answer, text=parsed.text, choice=parsed.choice, reasoning=parsed.reasoning
            )
            cited = parsed.cited
        except ReplyError as error:
            answer = replace(answer, reasoning=reply, problem=f"no usable reply: {error}")
            cited = ()
        except ModelError as error:
            answer = replace(answer, reasoning=reply, problem=str(error))
            cited = ()
        ended = time.monotonic()
        latency_s = {
            **answer.latency_s,
            "first_token": (first_at or ended) - recalled_at,
            "reason": ended - (first_at or ended),
        }
        seen = {delta.keyframe_id for delta in deltas}
        notes = dict.fromkeys(recalled_ids, "recalled")
        notes.update({number: "cited" for number in cited if number in seen})
        yield replace(
            answer,
            latency_s=latency_s,
            models={**answer.models, "reasoner": self.model},
            evidence=self._evidence(notes),
        )

    def close(self) -> None:
        """Release the reasoner."""
        if self._reasoner is not None:
            self._reasoner.close()

    def _reply(self, prompt: Prompt, deadline: float) -> Iterator[str]:
        with self._lock:
            if self._reasoner is None:
                self._reasoner = self._make()
        left = deadline - time.monotonic()
        if left <= 0:
            raise ModelError("no time was left to reason; allow more with timeout_s")
        pieces = self._reasoner.stream(prompt, timeout_s=left, max_tokens=self._settings.max_tokens)
        for piece in pieces:
            yield piece
            if time.monotonic() > deadline:
                raise ModelError("the time-out came before the answer; allow more with timeout_s")

    def _evidence(self, notes: dict[int, str]) -> tuple[Evidence, ...]:
        found = []
        for number in sorted(notes):
            for keyframe in self._store.keyframes(since=number, limit=1):
                found.append(
                    Evidence(number, keyframe.stamp_ns, note=notes[number], pose=keyframe.pose)
                )
        return tuple(found)
