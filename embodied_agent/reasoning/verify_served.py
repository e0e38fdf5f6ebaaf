"""The judge of verified answers behind an OpenAI-compatible server: any chat model.

All samples are requested at once, so that the server can batch them.

Out of scope: the verdict (`verify`), the connection (`embodied_agent.chat.client`).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from embodied_agent.chat.client import ChatServer
from embodied_agent.errors import ModelUnavailable
from embodied_agent.reasoning.prompts import lettered
from embodied_agent.reasoning.verify import Verdict, verdict_of
from embodied_agent.records import Question
from embodied_agent.settings import ReasoningSettings, ServerSettings

#: Longest conclusion of the judge, in tokens; some models reason before they conclude.
_MAX_TOKENS = 512
_PROMPT = (
    "Someone has looked around and reasoned about a question. You know nothing but that reasoning. "
    "Say which final answer it leads to, even where you would have answered otherwise. Reply with "
    "<answer></answer> around {form}, and nothing else.\n\n"
    "Question: {question}\n{choices}Reasoning: {reasoning}"
)


class ServedVerifier:
    """`Verifier` on an OpenAI-compatible server, which samples all conclusions at once.

    Raises:
        ModelError: base_url is not an http(s) URL.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        self._settings = settings.verify
        self._seed = settings.seed or 0
        own: ServerSettings = settings.verify.server
        self._server = ChatServer(own if own.base_url else settings.server)
        self._pool = ThreadPoolExecutor(settings.verify.samples, "verify")

    @property
    def name(self) -> str:
        """The model's name on the server."""
        return self._server.name

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """See `Verifier.verify`."""
        form = "the letter of one choice" if question.choices else "one short sentence"
        choices = "".join(f"{letter}. {choice}\n" for letter, choice in lettered(question))
        prompt = _PROMPT.format(
            form=form, question=question.text, choices=choices, reasoning=reasoning
        )
        try:
            replies = list(
                self._pool.map(
                    lambda seed: self._conclusion(prompt, seed, timeout_s),
                    range(self._seed, self._seed + self._settings.samples),
                )
            )
        except RuntimeError as error:  # the pool was shut down
            raise ModelUnavailable("the verifier was closed") from error
        return verdict_of(replies, question, answer, self.name)

    def close(self) -> None:
        """Close the connection. Safe to call twice."""
        self._server.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _conclusion(self, prompt: str, seed: int, timeout_s: float) -> str:
        pieces = self._server.stream(
            [{"role": "user", "content": prompt}],
            max_tokens=_MAX_TOKENS,
            timeout_s=timeout_s,
            temperature=self._settings.temperature,
            seed=seed,
        )
        with closing(pieces):
            return "".join(piece.text for piece in pieces if not piece.reasoning)
