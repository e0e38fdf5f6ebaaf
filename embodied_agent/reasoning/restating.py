"""Restating a question in free words in a plain form, by a small language model in this process.

The model is an adapter, trained by `training.restating`, on a fetched base
(`embodied_agent.models.catalogue`).

Out of scope: the plain forms and what a reply may say (`embodied_agent.rules.plain`), when a
question is restated (`embodied_agent.agent.restated`).
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.models.adapters import base_of, is_adapter
from embodied_agent.models.checkpoints import SHIPPED, checkpoint_folder, load
from embodied_agent.reasoning.base import prompt_style
from embodied_agent.settings import ReasoningSettings

SYSTEM = (
    "People ask a robot what its camera saw and how it moved. Put each question into plain words."
)
#: Longest reply, in tokens: the longest plain form with three long names.
MOST_TOKENS = 64
#: Longer questions are not restated: none that was trained on was half as long.
MOST_CHARACTERS = 400
#: Whoever waits for another question is given an empty piece this often, in seconds.
_PIECE_S = 0.2


def messages(question: str) -> list[dict[str, str]]:
    """The conversation in which a model is asked to restate a question."""
    return [
        {"role": "system", "content": SYSTEM},
        {"role": "user", "content": " ".join(question.split())},
    ]


@dataclass(frozen=True, slots=True)
class Restatement:
    """A model's reply, and the product of its tokens' probabilities."""

    reply: str
    probability: float


class Restater(Protocol):
    """A model that restates questions. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The model's name as it appears in answers."""
        ...

    def restating(self, question: str, *, timeout_s: float) -> Generator[str, None, Restatement]:
        """Yield empty pieces while it works, and return the likeliest reply; closing the generator
        stops at once.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out.
        """
        ...

    def close(self) -> None:
        """Release the model. Safe to call twice."""
        ...


class BuiltinRestater:
    """`Restater` by a model in this process, one question at a time.

    Args:
        model_path: folder of an adapter or of a model; empty: the shipped adapter.

    Raises:
        ModelError: the model can't be loaded, or the adapter's base was not fetched.
    """

    def __init__(self, model_path: str = "") -> None:
        folder = restater_folder(model_path)
        self._model, self._tokenizer = load(folder, "reasoner")
        eos = self._model.generation_config.eos_token_id
        self._stops = set(eos) if isinstance(eos, list) else {eos}
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    def restating(self, question: str, *, timeout_s: float) -> Generator[str, None, Restatement]:
        """Return the likeliest reply, greedily.

        Yields an empty piece after each token, and while it waits; closing the generator stops at
        once.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out, waiting for other questions included.
            ModelError: the model failed.
        """
        deadline = time.monotonic() + timeout_s
        while not self._lock.acquire(timeout=_PIECE_S):
            if time.monotonic() > deadline:
                raise ModelUnavailable(f"the model was busy for {timeout_s:.3g} s")
            yield ""
        try:
            pieces = self._generated(question)
            while True:
                if time.monotonic() > deadline:
                    raise ModelUnavailable(f"it was not restated within {timeout_s:.3g} s")
                try:
                    next(pieces)
                except StopIteration as end:
                    restatement: Restatement = end.value
                    return restatement
                except RuntimeError as error:  # of the model library, such as too little memory
                    raise ModelError(
                        f"the model that restates questions failed: {error}"
                    ) from error
                yield ""
        finally:
            self._lock.release()

    def _generated(self, question: str) -> Generator[None, None, Restatement]:
        """Yield after each token, and return the reply."""
        import torch
        from transformers import DynamicCache

        cache = DynamicCache(config=self._model.config)
        ids, log_probability = self._prompt_ids(question), 0.0
        reply_ids: list[int] = []
        while len(reply_ids) < MOST_TOKENS:
            with torch.inference_mode():
                logits = self._model(
                    input_ids=torch.tensor([ids], device=self._model.device),
                    past_key_values=cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits[0, -1]
            scores = torch.log_softmax(logits.float(), -1)
            token = int(scores.argmax())
            log_probability += float(scores[token])
            if token in self._stops:
                break
            reply_ids.append(token)
            ids = [token]
            yield
        reply = self._tokenizer.decode(reply_ids, skip_special_tokens=True).strip()
        return Restatement(reply, math.exp(log_probability))

    def restate(self, question: str, *, timeout_s: float) -> Restatement:
        """What `restating` returns, without a way to stop it."""
        pieces = self.restating(question, timeout_s=timeout_s)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                restatement: Restatement = end.value
                return restatement

    def held_bytes(self) -> int:
        """Memory that the weights take, in bytes."""
        return int(sum(p.numel() * p.element_size() for p in self._model.parameters()))

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _prompt_ids(self, question: str) -> list[int]:
        text: Any = self._tokenizer.apply_chat_template(
            messages(question), add_generation_prompt=True, tokenize=False
        )
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids


def restater_folder(model_path: str) -> Path:
    """The folder of the restating model; that of the shipped adapter if ``model_path`` is empty.

    Raises:
        ModelError: it contains no model.
    """
    return checkpoint_folder(model_path or str(SHIPPED / "restater"), "reasoner")


def lacking(model_path: str) -> str:
    """What the model lacks to be loaded; empty if it and, for an adapter, its base are there. Loads
    nothing."""
    try:
        folder = restater_folder(model_path)
        if is_adapter(folder):
            base_of(folder)
    except ModelError as error:
        return str(error)
    return ""


def restates(settings: ReasoningSettings) -> bool:
    """Whether the settings have questions restated, if the model is there: a general model reads
    questions itself."""
    try:
        compact = prompt_style(settings) == "compact"
    except ModelError:
        return False
    return settings.restate != "off" and settings.free == "auto" and compact
