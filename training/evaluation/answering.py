"""Who answers: a model in process by the batch, or any `Reasoner` by the question.

Not here: what is right (`marking`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, Protocol

from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.reasoning.base import Prompt, Reasoner
from embodied_agent.reasoning.prompts import Style
from embodied_agent.settings import ReasoningSettings, ServerSettings
from training.evaluation.batched import BatchedModel, Reply

#: This many questions in a row without a reply, and the model counts as gone.
_GIVE_UP = 8


class Answerer(Protocol):
    """Replies to prompts."""

    @property
    def name(self) -> str:
        """The model's name, for the table."""
        ...

    def replies(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 512,
        tell: Callable[[int], None] = lambda _: None,
    ) -> list[Reply]:
        """The reply to each prompt, in order; ``tell`` hears how many more are done.

        Raises:
            ModelError: the model can't be used, or has gone.
        """
        ...


class OneByOne:
    """`Answerer` that puts each prompt to a `Reasoner`, several at once.

    A question without a reply counts as wrong, and is counted; when `_GIVE_UP` in a row get none,
    the model has gone and the evaluation ends: no zeros are made up for it.

    Args:
        reasoner: answers; closed by `close`.
        parallel: questions at once.
        timeout_s: for each.
    """

    def __init__(self, reasoner: Reasoner, *, parallel: int = 1, timeout_s: float = 300.0) -> None:
        self._reasoner, self._parallel, self._timeout_s = reasoner, parallel, timeout_s
        self.unanswered = 0

    @property
    def name(self) -> str:
        """The reasoner's name."""
        return self._reasoner.name

    def replies(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 512,
        tell: Callable[[int], None] = lambda _: None,
    ) -> list[Reply]:
        """As `Answerer.replies`. Tokens are counted as the runtime does: four characters each.

        Raises:
            ModelUnavailable: many questions in a row got no reply.
            ModelError: the model refuses.
        """
        found: list[Reply] = []
        in_a_row = 0
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="asking") as pool:
            try:
                for reply, problem in pool.map(lambda p: self._one(p, max_tokens), prompts):
                    in_a_row = in_a_row + 1 if problem else 0
                    self.unanswered += bool(problem)
                    if in_a_row >= min(_GIVE_UP, len(prompts)):
                        raise ModelUnavailable(
                            f"{in_a_row} questions in a row got no reply ({problem}); start the "
                            "model again, nothing was marked"
                        )
                    found.append(reply)
                    tell(1)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return found

    def close(self) -> None:
        """Release the reasoner."""
        self._reasoner.close()

    def _one(self, prompt: Prompt, max_tokens: int) -> tuple[Reply, str]:
        started = time.monotonic()
        text = ""
        problem = ""
        try:
            for piece in self._reasoner.stream(
                prompt, timeout_s=self._timeout_s, max_tokens=max_tokens
            ):
                text += piece
        except ReplyError as error:
            # It replied, but came to no end: that is the model's own doing.
            text = error.reply or text
        except ModelUnavailable as error:
            problem = str(error)
        return Reply(text, -(-len(text) // 4), time.monotonic() - started), problem


def open_model(
    spec: str,
    *,
    server_model: str = "",
    parallel: int = 8,
    choose: bool = True,
    one_by_one: bool = False,
    timeout_s: float = 300.0,
) -> tuple[Answerer, Style | Literal["as made"]]:
    """The model that ``spec`` names, and the style of prompt it reads.

    Args:
        spec: ``builtin``, a checkpoint folder, or the address of an OpenAI-compatible server.
        server_model: name as the server knows it; empty: its first.
        parallel: questions at once to a server.
        choose: a model in process gives the likeliest of a question's choices.
        one_by_one: a model in process answers one question at a time, as it does live.
        timeout_s: per question, where questions are asked one by one.

    Raises:
        ModelError: there is no such model.
    """
    if spec.startswith(("http://", "https://")):
        from embodied_agent.reasoning.served import ServedReasoner

        server = ServerSettings(base_url=spec, model=server_model, timeout_s=min(timeout_s, 3600))
        settings = ReasoningSettings(backend="served", server=server)
        return OneByOne(ServedReasoner(settings), parallel=parallel, timeout_s=timeout_s), "full"
    path = "" if spec == "builtin" else spec
    if not one_by_one:
        return BatchedModel(path, choose=choose), "as made"
    from embodied_agent.reasoning.builtin import BuiltinReasoner

    try:
        reasoner = BuiltinReasoner(ReasoningSettings(model_path=path, choose=choose))
    except OSError as error:
        raise ModelError(f"can't load {spec}: {error}") from error
    return OneByOne(reasoner, timeout_s=timeout_s), "as made"
