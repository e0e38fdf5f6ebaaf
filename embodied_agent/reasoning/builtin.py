"""The reasoner in process: the small model that is shipped, or any decoder on disk.

Not here: the prompt (`prompts`), reading the reply (`answer`), training (`training.reasoner`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from embodied_agent.checkpoints import checkpoint_folder, load
from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.reasoning.base import Prompt
from embodied_agent.settings import ReasoningSettings

ANSWER, END_OF_ANSWER = "<answer>", "</answer>"


class BuiltinReasoner:
    """`Reasoner` that runs a language model in this process.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        folder = checkpoint_folder(settings.model_path, "reasoner")
        self._model, self._tokenizer = load(folder, "reasoner")
        self._settings = settings
        ends = self._model.generation_config.eos_token_id
        self._stops = set(ends) if isinstance(ends, list) else {ends}
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        """The reply token by token; closing the iterator stops generation at once.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out, also while another reply was made.
            ModelError: the prompt is longer than the model can read.
        """
        deadline = time.monotonic() + timeout_s
        limit = max_tokens or self._settings.max_tokens
        if not self._lock.acquire(timeout=timeout_s):
            raise ModelUnavailable(
                f"the built-in reasoner was busy with other questions for {timeout_s:g} s"
            )
        try:
            yield from self._generate(prompt, limit, deadline, timeout_s)
        finally:
            self._lock.release()

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _generate(
        self, prompt: Prompt, limit: int, deadline: float, timeout_s: float
    ) -> Iterator[str]:
        import torch

        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        messages.append({"role": "user", "content": prompt.user})
        text = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        ids = self._tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        longest = self._model.config.max_position_embeddings
        if ids.shape[1] + limit > longest:
            raise ModelError(
                f"transcript and question take {ids.shape[1]} tokens; with {limit} for the answer "
                f"the model reads {longest}: lower reasoning.token_budget"
            )
        choices = prompt.choices if self._settings.choose else ()
        made: list[int] = []
        said, cache = "", None
        ids = ids.to(self._model.device)
        for _ in range(limit):
            if time.monotonic() > deadline:
                raise ModelUnavailable(
                    f"the built-in reasoner did not finish within {timeout_s:g} s; raise timeout_s"
                )
            with torch.inference_mode():
                output = self._model(input_ids=ids, past_key_values=cache, use_cache=True)
            cache = output.past_key_values
            token = self._choose(output.logits[0, -1])
            if token in self._stops:
                break
            made.append(token)
            ids = torch.tensor([[token]], device=self._model.device)
            text = self._tokenizer.decode(made, skip_special_tokens=True)
            if text.endswith("\ufffd"):
                continue  # a character in the middle of its bytes
            if len(text) > len(said):
                yield text[len(said) :]
                said = text
            if choices and said.endswith(ANSWER):
                yield self._likeliest(ids, cache, choices) + END_OF_ANSWER
                return

    def _likeliest(self, ids: Any, cache: Any, choices: Sequence[str]) -> str:
        """The choice whose tokens, up to the end of the answer, are the most probable to follow.

        ``ids`` is the last token (1, 1), not yet in ``cache``.
        """
        import torch

        scores = []
        for choice in choices:
            after = self._tokenizer(f" {choice}{END_OF_ANSWER}", add_special_tokens=False)
            tokens = torch.tensor([after.input_ids], device=ids.device)
            with torch.inference_mode():
                read = torch.cat((ids, tokens[:, :-1]), 1)
                logits = self._model(input_ids=read, past_key_values=cache, use_cache=True).logits
            cache.crop(-read.shape[1])
            chances = torch.log_softmax(logits[0].float(), -1)
            scores.append(float(chances.gather(1, tokens[0][:, None]).sum()))
        return choices[scores.index(max(scores))]

    def _choose(self, logits: object) -> int:
        import torch

        assert isinstance(logits, torch.Tensor)
        if self._settings.temperature == 0:
            return int(logits.argmax())
        chances = torch.softmax(logits.float() / self._settings.temperature, -1)
        return int(torch.multinomial(chances, 1))
