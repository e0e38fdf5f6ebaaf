"""Answers by the reasoner: when it is asked again, and which of its attempts is given.

If a reply cites or names what the memory does not hold, the reasoner is asked once more; a second
such reply is discarded. An answer with low consistency may get a second look at the pictures and
further attempts. The most consistent answer is given, or none if that is still too low. Where the
notes settle a question, they have the last word (`notes_check`).

Out of scope: one attempt (`reasoner_attempts`), consistency by a judge (`verification`), which
faults there are (`scrutiny`), answers without a model (`embodied_agent.rules`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace

from embodied_agent.agent.model_loading import ModelLoading
from embodied_agent.agent.notes_check import (
    NotesCheck,
    by_notes,
    contradiction,
    with_original_letter,
    without_untold,
)
from embodied_agent.agent.notices import with_notice
from embodied_agent.agent.reasoner_attempts import Attempt, Known, ReasonerAttempts, failed
from embodied_agent.agent.scrutiny import lower_unsure, without_answer
from embodied_agent.agent.second_look import Findings, SecondLook
from embodied_agent.agent.verification import Verification
from embodied_agent.chat.status import ServerStatus
from embodied_agent.errors import ModelError
from embodied_agent.reasoning.base import Reasoner
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.records import Answer
from embodied_agent.settings import ReasoningSettings


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
        self.loading = ModelLoading("the reasoner", make, settings.load_timeout_s)
        self._attempts = ReasonerAttempts(settings, self.loading)
        self._judge = Verification(settings.verify, make_verifier)
        self._second_look = second_look
        #: How often it was asked again because it had missed that the notes settle a question.
        self.asked_again = 0

    @property
    def first_token_s(self) -> float | None:
        """Time from the latest prompt to the reply's first piece, in seconds; ``None`` before
        it."""
        return self._attempts.first_token_s

    @property
    def model(self) -> str:
        """The reasoner's name; its backend until it is loaded."""
        return self._attempts.model

    @property
    def server(self) -> ServerStatus | None:
        """State of the reasoner's server; ``None`` if there is none, or it was never asked."""
        return self._attempts.server

    def close(self) -> None:
        """Release the verifier and the second look; the reasoner's creator closes it."""
        self._judge.close()
        if self._second_look is not None:
            self._second_look.close()

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
        if self.loading.model is None:
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
                return Attempt(failed(answer, problem), {})
            answer = replace(answer, models={**answer.models, "reasoner": self.model})
        looked = Findings()
        if self._settings.second_look.mode == "on":
            answer, looked = self._look(answer, known, deadline)
        best = yield from self._attempts.stream(answer, known, looked, deadline, 0)
        if best.fault:
            first = best
            best = yield from self._once_more(first, known, looked, deadline)
            if best.fault:
                return self._settled(replace(first, fault=best.fault), known) or best
        notes_decide = self._settings.notes_decide
        refuses = known.check is not None and known.check.refuses(best.answer.choice)
        if known.check is not None and refuses and not notes_decide:
            best = yield from self._without_untold(best, known, known.check, looked, deadline)
        best = self._judge.verified(best, known.question, deadline)
        if self._settings.second_look.mode == "auto" and self._judge.is_low(best.answer):
            answer, looked = self._look(best.answer, known, deadline)
            best = replace(best, answer=answer)
            if looked.said:
                # It knows more than the first attempt, so it wins if both are equally consistent.
                best = yield from self._again(best, known, looked, deadline, 0, ties_win=True)
        attempts = self._settings.verify.attempts if self._settings.verify.mode == "on" else 1
        for number in range(1, attempts):
            if not self._judge.is_low(best.answer):
                break
            best = yield from self._again(best, known, looked, deadline, number)
        settled = self._settled(best, known)
        if settled is not None:
            return settled
        answer = lower_unsure(best.answer, known.question, self._settings.verify.low)
        if known.check is not None:
            answer = with_notice(answer, contradiction(answer, known.question, known.check))
        return replace(best, answer=answer)

    def _settled(self, best: Attempt, known: Known) -> Attempt | None:
        """The answer that the notes settle on, in place of the reasoner's; ``None`` where they
        don't decide."""
        if known.check is None or not self._settings.notes_decide:
            return None
        if best.answer.status == "failed":
            return None
        found = by_notes(
            best.answer,
            known.question,
            known.check,
            known.notes,
            least=self._settings.verify.low,
            fault=best.fault,
        )
        return found and Attempt(found[0], found[1] or best.cited)

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
        second = yield from self._attempts.stream(
            first.answer, offered, looked, deadline, attempt=0
        )
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
            second = yield from self._attempts.stream(
                first.answer, known, looked, deadline, attempt=1
            )
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
        other = yield from self._attempts.stream(best.answer, known, looked, deadline, attempt)
        other = other if other.fault else self._judge.verified(other, known.question, deadline)
        ours, theirs = best.answer.consistency or 0.0, other.answer.consistency or 0.0
        usable = not other.fault and other.answer.status != "failed"
        better = usable and (theirs > ours or (ties_win and theirs == ours))
        chosen = other if better else best
        # Both took time, whichever is given.
        latency_s = other.answer.latency_s
        return replace(chosen, answer=replace(chosen.answer, latency_s=latency_s))
