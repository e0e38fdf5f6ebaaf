"""Whether an answer follows from its reasoning, by a judge model, as settings ask for it.

Out of scope: the judges (`embodied_agent.reasoning.verify`), what follows from a low consistency
(`reasoned`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from embodied_agent.agent.notices import with_notice
from embodied_agent.agent.reasoner_attempts import Attempt
from embodied_agent.errors import ModelError, ReplyError
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.records import Answer, Question
from embodied_agent.settings import VerifySettings


class Verification:
    """Verifies attempts. Safe to call from several threads.

    Args:
        settings: of verification.
        make: makes the verifier when it is first needed; ``None`` if there is none.
    """

    def __init__(self, settings: VerifySettings, make: Callable[[], Verifier] | None) -> None:
        self._settings = settings
        self._make = make
        self._lock = threading.Lock()
        self._verifier: Verifier | None = None

    def verified(self, attempt: Attempt, question: Question, deadline: float) -> Attempt:
        """``attempt`` with its consistency, if settings ask for it and it can be had."""
        settings, answer = self._settings, attempt.answer
        if settings.mode == "off" or self._make is None or answer.status == "failed":
            return attempt
        started = time.monotonic()
        try:
            if not answer.reasoning:
                raise ReplyError("the reply gave no reasoning")
            with self._lock:
                self._verifier = verifier = self._verifier or self._make()
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

    def is_low(self, answer: Answer) -> bool:
        """Whether an answer has a consistency, and one that is too low."""
        return answer.consistency is not None and answer.consistency < self._settings.low

    def close(self) -> None:
        """Release the verifier."""
        if self._verifier is not None:
            self._verifier.close()
