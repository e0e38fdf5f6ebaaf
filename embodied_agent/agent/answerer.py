"""From a question and the memory to an answer: recall, second look, prompt, reasoner, votes,
verification, evidence.

An answer whose consistency is low may get a second look at the pictures and further attempts; the
most consistent answer is given. Works on what is committed when it is called; whether to perceive
the present first, and how long to wait for that, is decided by `ask_flow`.
Whatever a model does wrong ends as an `Answer` with its ``problem`` set; only a question that can't
be asked raises.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

from embodied_agent.agent.second_look import Findings, SecondLook
from embodied_agent.agent.segment_view import SegmentView
from embodied_agent.chat.status import HasServer, ServerStatus
from embodied_agent.errors import ModelError, QuestionError, ReplyError
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import Prompt, Reasoner, prompt_style, transcript_budget
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.reasoning.votes import Resampling, elected
from embodied_agent.records import Answer, Delta, Evidence, Question
from embodied_agent.settings import ReasoningSettings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import entry_text

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


@dataclass(frozen=True, slots=True)
class _Known:
    """What a question is answered from."""

    question: Question
    segment: int
    last_id: int
    deltas: list[Delta]
    transcript: str
    recalled: str
    recalled_ids: tuple[int, ...]


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
        self._make = make
        self._make_verifier = make_verifier
        self._second_look = second_look
        self._lock = threading.Lock()
        self._reasoner: Reasoner | None = None
        self._verifier: Verifier | None = None
        self._view: SegmentView | None = None

    @property
    def model(self) -> str:
        """The reasoner's name, its backend while it is not loaded."""
        return self._reasoner.name if self._reasoner else self._settings.backend

    @property
    def server(self) -> ServerStatus | None:
        """State of the reasoner's server; ``None`` where there is none, or it was never asked."""
        reasoner = self._reasoner
        return reasoner.server_status() if isinstance(reasoner, HasServer) else None

    def stream(
        self,
        question: Question,
        segment: int,
        last_id: int,
        deadline: float,
        *,
        provisional: Delta | None = None,
    ) -> Iterator[str | Answer]:
        """Pieces of the reply as they come, then the answer. Closing stops the model at once.

        The pieces of further attempts, and a reply that was voted for instead of the first, come
        after those of the first, on a line of their own.

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
        known = self._known(question, segment, last_id, provisional)
        deltas = known.deltas
        answer = Answer(
            text="",
            latency_s={"recall": time.monotonic() - started},
            models={"perceiver": deltas[-1].model if deltas else "", "reasoner": self.model},
            question_id=question.id,
        )
        if not deltas:
            problem = "nothing that was seen has been perceived yet"
            yield replace(answer, status="failed", problem=problem)
            return
        looked = Findings()
        if self._settings.second_look.mode == "on":
            answer, looked = self._look(answer, known, deadline)
        best = yield from self._attempt(answer, known, looked, deadline, attempt=0)
        best = self._verified(best, question, deadline)
        if self._settings.second_look.mode == "auto" and self._low(best):
            best, looked = self._look(best, known, deadline)
            if looked.said:
                # Decided anew with more to go by, so that it wins where both are as consistent.
                best = yield from self._again(best, known, looked, deadline, 0, ties_win=True)
        attempts = self._settings.verify.attempts if self._settings.verify.mode == "on" else 1
        for number in range(1, attempts):
            if not self._low(best):
                break
            best = yield from self._again(best, known, looked, deadline, number)
        yield best

    def close(self) -> None:
        """Release the verifier and the second look; the reasoner belongs to whoever made it."""
        for model in (self._verifier, self._second_look):
            if model is not None:
                model.close()

    def _known(
        self, question: Question, segment: int, last_id: int, provisional: Delta | None
    ) -> _Known:
        with self._lock:
            if self._view is None or self._view.segment != segment:
                self._view = SegmentView(segment, transcript_budget(self._settings))
            deltas, transcript = self._view.read(self._store, last_id)
        if provisional is not None:
            # Only for this question: when it is committed, it may read differently.
            deltas, transcript = [*deltas, provisional], transcript + entry_text(provisional)
        recalled, recalled_ids = recall(deltas, question)
        return _Known(question, segment, last_id, deltas, transcript, recalled, recalled_ids)

    def _look(self, answer: Answer, known: _Known, deadline: float) -> tuple[Answer, Findings]:
        """What a second look finds, and ``answer`` with its time and model."""
        if self._second_look is None:
            return _noted(answer, "no second look: nobody can look"), Findings()
        started = time.monotonic()
        found = self._second_look.find(
            known.question,
            known.recalled_ids,
            segment=known.segment,
            last_id=known.last_id,
            deadline=deadline,
        )
        latency_s = {**answer.latency_s, "second_look": time.monotonic() - started}
        models = {**answer.models, "looker": found.model} if found.model else answer.models
        answer = replace(answer, latency_s=latency_s, models=models)
        return (_noted(answer, found.problem) if found.problem else answer), found

    def _attempt(
        self, answer: Answer, known: _Known, looked: Findings, deadline: float, attempt: int
    ) -> Generator[str | Answer, None, Answer]:
        """``answer`` with what the reasoner says; its reply is streamed."""
        question, settings = known.question, self._settings
        style = prompt_style(settings)
        prompt = build_prompt(style, known.transcript, known.recalled, question, looked.said)
        answer = replace(
            answer,
            text="",
            choice=None,
            reasoning="",
            status="answered",
            problem="",
            consistency=None,
            verified_by="",
        )
        started = time.monotonic()
        reply, first_at = "", None
        cited: tuple[int, ...] = ()
        try:
            endless: ReplyError | None = None
            try:
                with closing(self._reply(prompt, deadline, attempt)) as pieces:
                    for piece in pieces:
                        first_at = first_at or time.monotonic()
                        reply += piece
                        yield piece
            except ReplyError as error:
                endless = error
            others, problem = self._others(prompt, deadline) if attempt == 0 else ([], "")
            if endless is not None and not others:
                raise endless
            chosen = elected(reply, others, question.choices)
            if chosen.reply != reply:
                yield f"\n{chosen.reply}"
            parsed = chosen.parsed
            answer = replace(
                answer, text=parsed.text, choice=parsed.choice, reasoning=parsed.reasoning
            )
            cited = parsed.cited
            if problem:
                answer = _noted(answer, problem)
            if others:
                voters = f"{chosen.agreeing} of {chosen.votes} reasonings of {self.model}"
                answer = replace(answer, consistency=chosen.share, verified_by=voters)
        except ReplyError as error:
            answer = _failed(answer, f"no usable reply: {error}", reply)
        except ModelError as error:
            answer = _failed(answer, str(error), reply)
        ended = time.monotonic()
        first = answer.latency_s.get("first_token", (first_at or ended) - started)
        spent = answer.latency_s.get("reason", 0.0) + ended - (first_at or ended)
        seen = {delta.keyframe_id for delta in known.deltas}
        notes = dict.fromkeys(known.recalled_ids, "recalled")
        notes.update(dict.fromkeys((number for number, _ in looked.said), "second look"))
        notes.update({number: "cited" for number in cited if number in seen})
        return replace(
            answer,
            latency_s={**answer.latency_s, "first_token": first, "reason": spent},
            models={**answer.models, "reasoner": self.model},
            evidence=self._evidence(notes),
        )

    def _again(
        self,
        best: Answer,
        known: _Known,
        looked: Findings,
        deadline: float,
        attempt: int,
        *,
        ties_win: bool = False,
    ) -> Generator[str | Answer, None, Answer]:
        """Another attempt, if it can be made in the time left: the more consistent of the two."""
        spent = sum(best.latency_s.get(name, 0.0) for name in ("first_token", "reason"))
        if deadline - time.monotonic() < spent:
            return best
        yield "\n"
        other = yield from self._attempt(best, known, looked, deadline, attempt)
        other = self._verified(other, known.question, deadline)
        ours, theirs = best.consistency or 0.0, other.consistency or 0.0
        better = not other.problem and (theirs > ours or (ties_win and theirs == ours))
        # Time was spent on both, whichever is given.
        return replace(other if better else best, latency_s=other.latency_s)

    def _verified(self, answer: Answer, question: Question, deadline: float) -> Answer:
        """``answer`` with its consistency, where that is wanted and can be had."""
        settings = self._settings.verify
        if settings.mode == "off" or self._make_verifier is None or answer.problem:
            return answer
        started = time.monotonic()
        try:
            if not answer.reasoning:
                raise ReplyError("the reply gave no reasoning")
            with self._lock:
                self._verifier = verifier = self._verifier or self._make_verifier()
            left = min(settings.timeout_s, deadline - time.monotonic())
            if left <= 0:
                raise ModelError("no time was left")
            verdict = verifier.verify(question, answer.reasoning, answer.text, timeout_s=left)
        except ModelError as error:
            answer = _noted(answer, f"not verified: {error}")
        else:
            answer = replace(
                answer,
                consistency=verdict.consistency,
                verified_by=verdict.method,
                models={**answer.models, "verifier": verifier.name},
            )
        spent = answer.latency_s.get("verify", 0.0) + time.monotonic() - started
        return replace(answer, latency_s={**answer.latency_s, "verify": spent})

    def _low(self, answer: Answer) -> bool:
        return answer.consistency is not None and answer.consistency < self._settings.verify.low

    def _reply(self, prompt: Prompt, deadline: float, attempt: int) -> Generator[str, None, None]:
        with self._lock:
            if self._reasoner is None:
                self._reasoner = self._make()
            reasoner = self._reasoner
        left = deadline - time.monotonic()
        if left <= 0:
            raise ModelError("no time was left to reason; allow more with timeout_s")
        settings, limit = self._settings, self._settings.max_tokens
        if attempt == 0:
            pieces = reasoner.stream(prompt, timeout_s=left, max_tokens=limit)
        else:
            pieces = reasoner.stream(
                prompt,
                timeout_s=left,
                max_tokens=limit,
                temperature=settings.verify.attempt_temperature,
                seed=None if settings.seed is None else settings.seed + attempt,
            )
        with closing(pieces):
            for piece in pieces:
                yield piece
                if time.monotonic() > deadline:
                    raise ModelError(
                        "the time-out came before the answer; allow more with timeout_s"
                    )

    def _others(self, prompt: Prompt, deadline: float) -> tuple[list[str], str]:
        """Further replies to be counted with the first, where the reasoner can give them at once;
        none, and why, where they could not be had."""
        count, reasoner = self._settings.votes - 1, self._reasoner
        if not count or not prompt.choices or not isinstance(reasoner, Resampling):
            return [], ""
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise ModelError("no time was left")
            found = reasoner.sampled(
                prompt, count, timeout_s=left, max_tokens=self._settings.max_tokens
            )
        except ModelError as error:
            return [], f"answered from one reasoning: {error}"
        return found, ""

    def _evidence(self, notes: dict[int, str]) -> tuple[Evidence, ...]:
        found = []
        for number in sorted(notes):
            for keyframe in self._store.keyframes(since=number, limit=1):
                found.append(
                    Evidence(number, keyframe.stamp_ns, note=notes[number], pose=keyframe.pose)
                )
        return tuple(found)


def _failed(answer: Answer, problem: str, reply: str) -> Answer:
    """``answer`` without an answer, for want of which stands what the model said so far."""
    return replace(answer, reasoning=reply, status="failed", problem=problem)


def _noted(answer: Answer, notice: str) -> Answer:
    """``answer`` with one more notice."""
    return replace(answer, notice="; ".join(filter(None, (answer.notice, notice))))
