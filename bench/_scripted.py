"""A reasoner that answers at once, so that only the code around it is measured.

Out of scope: models of perception; these measurements perceive only motion.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from embodied_agent.reasoning.base import Prompt


class Scripted:
    """Gives the first choice, and "C" to questions without choices.

    ``called_s`` is when it was last called, by the time of the thread, in seconds.
    """

    name = "scripted"
    called_s = 0.0

    def stream(
        self,
        prompt: Prompt,
        *,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Iterator[str]:
        """One piece, which is the whole reply."""
        self.called_s = time.thread_time()
        answer = prompt.choices[0] if prompt.choices else "C"
        yield f"<think>I look it up.</think><answer>{answer}</answer>"

    def close(self) -> None:
        """Nothing to release."""
