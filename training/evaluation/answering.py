"""Models to evaluate: one in this process in batches, or any `Reasoner` question by question.

Out of scope: marking the replies (`marking`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal, Protocol

from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.models.prompting import FILE as PROMPTING
from embodied_agent.models.prompting import read_prompting
from embodied_agent.reasoning.base import Prompt, Reasoner
from embodied_agent.reasoning.prompts import Style
from embodied_agent.settings import ReasoningSettings, ServerSettings
from training.evaluation.batched import BatchedModel, Reply

log = logging.getLogger(__name__)

#: After this many consecutive questions without a reply, the model counts as unavailable.
_GIVE_UP = 8


class Answerer(Protocol):
    """A model that replies to prompts."""

    @property
    def name(self) -> str:
        """The model's name, for tables."""
        ...

    def replies(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 512,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> list[Reply]:
        """The reply to each prompt, in order; ``on_progress`` gets the number of new replies.

        Raises:
            ModelError: the model can't be used, or stopped responding.
        """
        ...


class OneByOne:
    """`Answerer` that puts each prompt to a `Reasoner`, several concurrently.

    A question without a reply counts as wrong and is counted in ``unanswered``. After `_GIVE_UP` in
    a row the evaluation fails instead of recording zeros.

    Args:
        reasoner: answers the prompts; closed by `close`.
        parallel: concurrent questions.
        timeout_s: per question, seconds.
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
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> list[Reply]:
        """See `Answerer.replies`. Tokens are estimated as in the runtime: four characters each.

        Raises:
            ModelUnavailable: too many questions in a row got no reply.
            ModelError: the model refuses a prompt.
        """
        replies: list[Reply] = []
        in_a_row = 0
        with ThreadPoolExecutor(self._parallel, thread_name_prefix="asking") as pool:
            try:
                for reply, problem in pool.map(lambda p: self._one(p, max_tokens), prompts):
                    in_a_row = in_a_row + 1 if problem else 0
                    self.unanswered += bool(problem)
                    if in_a_row >= min(_GIVE_UP, len(prompts)):
                        raise ModelUnavailable(
                            f"{in_a_row} questions in a row got no reply ({problem}); nothing was "
                            "marked: restart the model and evaluate again"
                        )
                    replies.append(reply)
                    on_progress(1)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        return replies

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
            # The model did reply, but without a valid ending: that counts against it.
            text = error.reply or text
        except ModelUnavailable as error:
            problem = str(error)
        return Reply(text, -(-len(text) // 4), time.monotonic() - started), problem


#: Which prompts a model is asked with: as the rows were made, in a style, or as the published
#: weights were trained (`training.evaluation.published`).
Asked = Style | Literal["as made", "published"]


def trained_style(spec: str) -> Asked:
    """How the model that ``spec`` names was trained to be asked: as its folder says; the full style
    for a model that says nothing, and for servers, whose models are general ones.

    Raises:
        ModelError: the folder's file is damaged.
    """
    if spec.startswith(("http://", "https://")):
        return "full"
    if spec == "builtin":
        return "as made"
    prompting = read_prompting(Path(spec).expanduser())
    if prompting is not None:
        return prompting.style
    log.warning(
        "%s has no %s, so it is asked in the full style, with letters for choices; --style compact "
        "asks it as small models of this project are", spec, PROMPTING,
    )  # fmt: skip
    return "full"


def open_model(
    spec: str,
    *,
    server_model: str = "",
    parallel: int = 8,
    choose: bool = True,
    one_by_one: bool = False,
    timeout_s: float = 300.0,
    asked: Asked | None = None,
    stand_ins: bool = True,
) -> tuple[Answerer, Asked]:
    """Open the model that ``spec`` names; returns it and how to ask it.

    Args:
        spec: ``builtin``, a checkpoint folder, or the address of an OpenAI-compatible server.
        server_model: the model's name on the server; empty: the first it lists.
        parallel: concurrent questions to a server.
        choose: a model in this process picks the likeliest of a question's choices.
        one_by_one: a model in this process answers one question at a time, as it does live.
        timeout_s: per question, seconds; not for batches.
        asked: how to ask it; ``None``: as it was trained (`trained_style`).
        stand_ins: whether a model in this process, in batches, gets stand-ins for names that it
            does not know, as it does live.

    Raises:
        ModelError: the model can't be loaded.
    """
    style = trained_style(spec) if asked is None else asked
    if spec.startswith(("http://", "https://")):
        from embodied_agent.reasoning.served import ServedReasoner

        server = ServerSettings(base_url=spec, model=server_model, timeout_s=min(timeout_s, 3600))
        settings = ReasoningSettings(backend="served", server=server)
        return OneByOne(ServedReasoner(settings), parallel=parallel, timeout_s=timeout_s), style
    path = "" if spec == "builtin" else spec
    if not one_by_one:
        letters = {"as made": None, "compact": False, "full": True, "published": True}[style]
        return BatchedModel(path, choose=choose, letters=letters, stand_ins=stand_ins), style
    from embodied_agent.reasoning.builtin import BuiltinReasoner

    try:
        reasoner = BuiltinReasoner(ReasoningSettings(model_path=path, choose=choose))
    except OSError as error:
        raise ModelError(f"can't load {spec}: {error}") from error
    return OneByOne(reasoner, timeout_s=timeout_s), style
