"""Answers by the reasoner: its replies, votes, verification, and further attempts after failures.

If a reply cites or names what the memory does not hold, or says that the memory does not tell where
the notes settle the question, the reasoner is asked once more; a second such reply is discarded. An
answer with low consistency may get a second look at the pictures and further attempts. The most
consistent answer is given, or none if that is still too low.

Out of scope: deciding which answers are given (`scrutiny`), answers without a model
(`embodied_agent.rules`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace

from embodied_agent.agent.notes_check import (
    NotesCheck,
    contradiction,
    with_original_letter,
    without_untold,
)
from embodied_agent.agent.notices import with_notice
from embodied_agent.agent.reasoner_loading import ReasonerLoading
from embodied_agent.agent.scrutiny import fault_of, lower_unsure, status_of, without_answer
from embodied_agent.agent.second_look import Findings, SecondLook
from embodied_agent.chat.status import HasServer, ServerStatus
from embodied_agent.errors import ModelError, ReplyError
from embodied_agent.reasoning.base import Prompt, Reasoner, prompt_style
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.reasoning.votes import Resampling, elected
from embodied_agent.records import Answer, Question
from embodied_agent.rules.notes import Notes
from embodied_agent.settings import ReasoningSettings


@dataclass(frozen=True, slots=True)
class Known:
    """What a question is answered from."""

    question: Question
    segment: int
    last_id: int
    notes: Notes
    transcript: str
    recalled: str
    recalled_ids: tuple[int, ...]
    measured: str = ""
    noted: str = ""
    perceiver: str = ""
    check: NotesCheck | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer of the reasoner. ``fault`` says why it can't be given; empty if it can. ``cited``
    are the keyframes that it rests on, with a note each."""

    answer: Answer
    cited: dict[int, str]
    fault: str = ""


class ReasonedAnswers:
    """Asks the reasoner. Safe to call from several threads.

    Args:
        settings: of reasoning.
        make: makes the reasoner when it is first needed.
        make_verifier: makes the verifier when it is first needed.
        second_look: looks at stored pictures again; ``None`` disables it.
    """

    def __init__(
        self,
        settings: ReasoningSettings,
        make: Callable[[], Reasoner],
        *,
        make_verifier: Callable[[], Verifier] | None = None,
        second_look: SecondLook | None = None,
    ) -> None:
        self._settings = settings
        self.loading = ReasonerLoading(make, settings.load_timeout_s)
        self._make_verifier = make_verifier
        self._second_look = second_look
        self._lock = threading.Lock()
        self._verifier: Verifier | None = None
        #: How often it was asked again because it had missed that the notes settle a question.
        self.asked_again = 0
        #: Time from the latest prompt to the reply's first piece, in seconds; ``None`` before it.
        self.first_token_s: float | None = None

    @property
    def reasoner(self) -> Reasoner | None:
        """The reasoner; ``None`` until it is loaded."""
        return self.loading.reasoner

    @property
    def model(self) -> str:
        """The reasoner's name; its backend until it is loaded."""
        reasoner = self.reasoner
        return reasoner.name if reasoner else self._settings.backend

    @property
    def server(self) -> ServerStatus | None:
        """State of the reasoner's server; ``None`` if there is none, or it was never asked."""
        reasoner = self.reasoner
        return reasoner.server_status() if isinstance(reasoner, HasServer) else None

    def close(self) -> None:
        """Release the verifier and the second look; the reasoner's creator closes it."""
        for model in (self._verifier, self._second_look):
            if model is not None:
                model.close()

    def stream(
        self, answer: Answer, known: Known, deadline: float
    ) -> Generator[str, None, Attempt]:
        """Yield pieces of the replies as they come, and return the best attempt.

        The pieces of further attempts, and a reply that was voted for instead of the first, come
        after those of the first, on a line of their own.

        Args:
            answer: filled in as far as it is known.
            known: what to answer from.
            deadline: by `time.monotonic`, in seconds; it moves by as long as the reasoner is
                loaded.

        Raises:
            StoreError: the memory can't be read.
        """
        if self.reasoner is None:
            began = time.monotonic()
            problem = ""
            try:
                yield from self.loading.wait()
            except ModelError as error:
                problem = str(error)
            spent = time.monotonic() - began
            deadline += spent
            answer = replace(answer, latency_s={**answer.latency_s, "load": spent})
            if problem:
                return Attempt(_failed(answer, problem, ""), {})
            answer = replace(answer, models={**answer.models, "reasoner": self.model})
        looked = Findings()
        if self._settings.second_look.mode == "on":
            answer, looked = self._look(answer, known, deadline)
        best = yield from self._attempt(answer, known, looked, deadline, attempt=0)
        if best.fault:
            best = yield from self._once_more(best, known, looked, deadline)
            if best.fault:
                return best
        if known.check is not None and known.check.refuses(best.answer.choice):
            best = yield from self._without_untold(best, known, known.check, looked, deadline)
        best = self._verified(best, known.question, deadline)
        if self._settings.second_look.mode == "auto" and self._low(best.answer):
            answer, looked = self._look(best.answer, known, deadline)
            best = replace(best, answer=answer)
            if looked.said:
                # It knows more than the first attempt, so it wins if both are equally consistent.
                best = yield from self._again(best, known, looked, deadline, 0, ties_win=True)
        attempts = self._settings.verify.attempts if self._settings.verify.mode == "on" else 1
        for number in range(1, attempts):
            if not self._low(best.answer):
                break
            best = yield from self._again(best, known, looked, deadline, number)
        answer = lower_unsure(best.answer, known.question, self._settings.verify.low)
        if known.check is not None:
            answer = with_notice(answer, contradiction(answer, known.question, known.check))
        return replace(best, answer=answer)

    def _without_untold(
        self, first: Attempt, known: Known, check: NotesCheck, looked: Findings, deadline: float
    ) -> Generator[str, None, Attempt]:
        """Another attempt, without the choice that the memory does not tell, after the reasoner
        chose that although the notes settle the question."""
        spent = sum(first.answer.latency_s.get(name, 0.0) for name in ("first_token", "reason"))
        if deadline - time.monotonic() < spent:
            return first
        self.asked_again += 1
        yield "\n"
        offered = replace(known, question=without_untold(known.question, check))
        second = yield from self._attempt(first.answer, offered, looked, deadline, attempt=0)
        if second.fault or second.answer.status == "failed":
            return replace(first, answer=replace(first.answer, latency_s=second.answer.latency_s))
        answer = with_notice(
            with_original_letter(second.answer, known.question),
            "asked again, because the notes settle this",
        )
        return replace(second, answer=answer)

    def _once_more(
        self, first: Attempt, known: Known, looked: Findings, deadline: float
    ) -> Generator[str, None, Attempt]:
        """Another attempt after one with a fault. If it has one too, or fails, the answer says that
        no answer can be given."""
        spent = sum(first.answer.latency_s.get(name, 0.0) for name in ("first_token", "reason"))
        fault = first.fault
        if deadline - time.monotonic() > spent:
            yield "\n"
            second = yield from self._attempt(first.answer, known, looked, deadline, attempt=1)
            if not second.fault and second.answer.status != "failed":
                return second
            fault = second.fault or fault
            first = replace(first, answer=replace(first.answer, latency_s=second.answer.latency_s))
        text = f"I can't tell: the reasoner's reply is not given out, because {fault}."
        unfounded = replace(first.answer, reasoning="", consistency=None, verified_by="")
        answer = without_answer(unfounded, known.question, "cannot_tell", text)
        return replace(first, answer=answer, fault=fault)

    def _look(self, answer: Answer, known: Known, deadline: float) -> tuple[Answer, Findings]:
        """The findings of a second look, and ``answer`` with its duration and model."""
        if self._second_look is None:
            return with_notice(answer, "no second look: nobody can look"), Findings()
        started = time.monotonic()
        findings = self._second_look.find(
            known.question,
            known.recalled_ids,
            segment=known.segment,
            last_id=known.last_id,
            deadline=deadline,
        )
        latency_s = {**answer.latency_s, "second_look": time.monotonic() - started}
        models = {**answer.models, "looker": findings.model} if findings.model else answer.models
        answer = replace(answer, latency_s=latency_s, models=models)
        return (with_notice(answer, findings.problem) if findings.problem else answer), findings

    def _attempt(
        self, answer: Answer, known: Known, looked: Findings, deadline: float, attempt: int
    ) -> Generator[str, None, Attempt]:
        """``answer`` with what the reasoner says, whose reply is streamed."""
        question = known.question
        style = prompt_style(self._settings)
        prompt = build_prompt(
            style,
            known.transcript,
            known.recalled,
            question,
            looked.said,
            known.measured,
            known.noted,
        )
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
        findings = [said for _, said in looked.said]
        started = time.monotonic()
        reply, first_at = "", None
        cited: tuple[int, ...] = ()
        fault = ""
        try:
            endless: ReplyError | None = None
            try:
                with closing(self._reply(prompt, deadline, attempt)) as pieces:
                    for piece in pieces:
                        if piece and first_at is None:
                            first_at = time.monotonic()
                            self.first_token_s = first_at - started
                        reply += piece
                        yield piece
            except ReplyError as error:
                endless = error
            others: list[str] = []
            problem = ""
            if attempt == 0:
                others, problem = yield from self._others(prompt, deadline)
            if endless is not None and not others:
                raise endless
            chosen = elected(
                reply,
                others,
                question.choices,
                lambda parsed: (
                    not (
                        fault_of(parsed, question, known.notes, findings)
                        or (known.check is not None and known.check.refuses(parsed.choice))
                    )
                ),
            )
            if chosen.reply != reply:
                yield f"\n{chosen.reply}"
            parsed = chosen.parsed
            fault = fault_of(parsed, question, known.notes, findings)
            answer = replace(
                answer, text=parsed.text, choice=parsed.choice, reasoning=parsed.reasoning
            )
            answer = replace(answer, status=status_of(answer, question))
            cited = parsed.cited
            if problem:
                answer = with_notice(answer, problem)
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
        notes = dict.fromkeys(known.recalled_ids, "recalled")
        notes.update(dict.fromkeys((number for number, _ in looked.said), "second look"))
        notes.update({number: "cited" for number in cited if known.notes.index(number) is not None})
        answer = replace(
            answer,
            latency_s={**answer.latency_s, "first_token": first, "reason": spent},
            models={**answer.models, "reasoner": self.model},
        )
        return Attempt(answer, notes, fault)

    def _again(
        self,
        best: Attempt,
        known: Known,
        looked: Findings,
        deadline: float,
        attempt: int,
        *,
        ties_win: bool = False,
    ) -> Generator[str, None, Attempt]:
        """The more consistent of two attempts, if there is time left for another one."""
        spent = sum(best.answer.latency_s.get(name, 0.0) for name in ("first_token", "reason"))
        if deadline - time.monotonic() < spent:
            return best
        yield "\n"
        other = yield from self._attempt(best.answer, known, looked, deadline, attempt)
        other = other if other.fault else self._verified(other, known.question, deadline)
        ours, theirs = best.answer.consistency or 0.0, other.answer.consistency or 0.0
        usable = not other.fault and other.answer.status != "failed"
        better = usable and (theirs > ours or (ties_win and theirs == ours))
        chosen = other if better else best
        # Both took time, whichever is given.
        latency_s = other.answer.latency_s
        return replace(chosen, answer=replace(chosen.answer, latency_s=latency_s))

    def _verified(self, attempt: Attempt, question: Question, deadline: float) -> Attempt:
        """``attempt`` with its consistency, if settings ask for it and it can be had."""
        settings, answer = self._settings.verify, attempt.answer
        if settings.mode == "off" or self._make_verifier is None or answer.status == "failed":
            return attempt
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
            answer = with_notice(answer, f"not verified: {error}")
        else:
            answer = replace(
                answer,
                consistency=verdict.consistency,
                verified_by=verdict.method,
                models={**answer.models, "verifier": verifier.name},
            )
        spent = answer.latency_s.get("verify", 0.0) + time.monotonic() - started
        return replace(
            attempt, answer=replace(answer, latency_s={**answer.latency_s, "verify": spent})
        )

    def _low(self, answer: Answer) -> bool:
        return answer.consistency is not None and answer.consistency < self._settings.verify.low

    def _reply(self, prompt: Prompt, deadline: float, attempt: int) -> Generator[str, None, None]:
        reasoner, left = self.reasoner, deadline - time.monotonic()
        if reasoner is None or left <= 0:
            raise ModelError(
                "no time was left to reason; allow more with timeout_s (reasoning.timeout_s)"
            )
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

    def _others(
        self, prompt: Prompt, deadline: float
    ) -> Generator[str, None, tuple[list[str], str]]:
        """Further replies that are counted with the first, if the reasoner can give them at once;
        else none, and the reason. Yields empty pieces while they are sampled."""
        count, reasoner = self._settings.votes - 1, self.reasoner
        if not count or not prompt.choices or not isinstance(reasoner, Resampling):
            return [], ""
        left = deadline - time.monotonic()
        try:
            if left <= 0:
                raise ModelError("no time was left")
            replies = yield from reasoner.sampling(
                prompt, count, timeout_s=left, max_tokens=self._settings.max_tokens
            )
        except ModelError as error:
            return [], f"answered from one reasoning: {error}"
        return replies, ""


def _failed(answer: Answer, problem: str, reply: str) -> Answer:
    """``answer`` as a failed one; what the model said so far is kept as its reasoning."""
    return replace(answer, text="", choice=None, reasoning=reply, status="failed", problem=problem)
