"""One attempt of the reasoner to answer: its reply, streamed, and those that vote with it.

A fault in a reply is noted, not judged: whether there is another attempt is decided elsewhere.

Out of scope: further attempts (`reasoned`), consistency by a judge (`verification`), which faults
there are (`scrutiny`).
"""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass, replace

from embodied_agent.agent.model_loading import ModelLoading
from embodied_agent.agent.notes_check import NotesCheck
from embodied_agent.agent.notices import with_notice
from embodied_agent.agent.scrutiny import fault_of, status_of
from embodied_agent.agent.second_look import Findings
from embodied_agent.chat.status import HasServer, ServerStatus
from embodied_agent.errors import ModelError, ReplyError
from embodied_agent.reasoning.base import Prompt, Reasoner, prompt_style
from embodied_agent.reasoning.prompts import build_prompt
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


class ReasonerAttempts:
    """Asks the reasoner. Safe to call from several threads.

    Args:
        settings: of reasoning.
        loading: of the reasoner.
    """

    def __init__(self, settings: ReasoningSettings, loading: ModelLoading[Reasoner]) -> None:
        self._settings = settings
        self._loading = loading
        #: Time from the latest prompt to the reply's first piece, in seconds; ``None`` before it.
        self.first_token_s: float | None = None

    @property
    def _reasoner(self) -> Reasoner | None:
        return self._loading.model

    @property
    def model(self) -> str:
        """The reasoner's name; its backend until it is loaded."""
        reasoner = self._reasoner
        return reasoner.name if reasoner else self._settings.backend

    @property
    def server(self) -> ServerStatus | None:
        """State of the reasoner's server; ``None`` if there is none, or it was never asked."""
        reasoner = self._reasoner
        return reasoner.server_status() if isinstance(reasoner, HasServer) else None

    def stream(
        self, answer: Answer, known: Known, looked: Findings, deadline: float, attempt: int
    ) -> Generator[str, None, Attempt]:
        """``answer`` with what the reasoner says, whose reply is streamed.

        Args:
            answer: filled in as far as it is known.
            known: what to answer from.
            looked: what a second look found.
            deadline: by `time.monotonic`, in seconds.
            attempt: 0 for the first; further ones are sampled differently.
        """
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
            answer = failed(answer, f"no usable reply: {error}", reply)
        except ModelError as error:
            answer = failed(answer, str(error), reply)
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

    def _reply(self, prompt: Prompt, deadline: float, attempt: int) -> Generator[str, None, None]:
        reasoner, left = self._reasoner, deadline - time.monotonic()
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
        count, reasoner = self._settings.votes - 1, self._reasoner
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


def failed(answer: Answer, problem: str, reply: str = "") -> Answer:
    """``answer`` as a failed one; what the model said so far is kept as its reasoning."""
    return replace(answer, text="", choice=None, reasoning=reply, status="failed", problem=problem)
