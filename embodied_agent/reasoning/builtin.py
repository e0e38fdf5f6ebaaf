"""The reasoner in process: the small model that is shipped, or any decoder on disk.

Not here: the prompt (`prompts`), what is kept from prompt to prompt (`kept_prefix`), reading the
reply (`answer`), training (`training.reasoner`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.models.checkpoints import checkpoint_folder, load
from embodied_agent.reasoning.base import (
    ANSWER,
    END_OF_ANSWER,
    END_OF_THOUGHT,
    Prompt,
    too_long,
)
from embodied_agent.reasoning.votes import TEMPERATURE
from embodied_agent.settings import ReasoningSettings


class BuiltinReasoner:
    """`Reasoner` that runs a language model in this process, one reply at a time.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        folder = checkpoint_folder(settings.model_path, "reasoner")
        self._model, self._tokenizer = load(folder, "reasoner")
        # After `load`, which says that it loads: this imports the model library, too.
        from embodied_agent.reasoning.kept_prefix import KeptPrefix

        self._settings = settings
        ends = self._model.generation_config.eos_token_id
        self._stops = set(ends) if isinstance(ends, list) else {ends}
        self._kept = KeptPrefix(self._model, settings.kept_cache_mb * 1_000_000)
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    @property
    def tokens_read(self) -> tuple[int, int]:
        """Tokens of prompts that were computed, and that were kept from the prompt before."""
        return self._kept.read_tokens, self._kept.kept_tokens

    def stream(
        self,
        prompt: Prompt,
        *,
        timeout_s: float,
        max_tokens: int | None = None,
        temperature: float | None = None,
        seed: int | None = None,
    ) -> Generator[str, None, None]:
        """The reply token by token; closing the generator stops generation at once.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out, also while another reply was made.
            ModelError: the prompt is longer than the model can read.
            ReplyError: the reply reached its longest length before its answer ended.
        """
        limit = max_tokens or self._settings.max_tokens
        with self._read(prompt, limit, timeout_s) as (logits, cache, check):
            choose = _Choice(
                self._settings.temperature if temperature is None else temperature,
                self._settings.seed if seed is None else seed,
                self._model.device,
            )
            choices = prompt.choices if self._settings.choose else ()
            yield from self._continued(logits, cache, choose, limit, choices, check)

    def sampled(
        self, prompt: Prompt, count: int, *, timeout_s: float, max_tokens: int | None = None
    ) -> list[str]:
        """``count`` replies at random, in one batch, the same for the same prompt; one that comes
        to no end within ``max_tokens`` is as far as it got.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out, also while another reply was made.
            ModelError: the prompt is longer than the model can read.
        """
        import torch

        from embodied_agent.reasoning.kept_prefix import repeated

        limit = max_tokens or self._settings.max_tokens
        random = torch.Generator(device=self._model.device).manual_seed(self._settings.seed or 0)
        with self._read(prompt, limit, timeout_s) as (logits, kept, check), torch.inference_mode():
            cache = repeated(kept, count)
            logits = logits.expand(count, -1)
            made = torch.empty((count, 0), dtype=torch.long, device=self._model.device)
            said, over = [""] * count, [False] * count
            while not all(over) and made.shape[1] < limit:
                check()
                chances = torch.softmax(logits.float() / TEMPERATURE, -1)
                tokens = torch.multinomial(chances, 1, generator=random)
                made = torch.cat((made, tokens), 1)
                for row, token in enumerate(tokens[:, 0].tolist()):
                    if not over[row]:
                        said[row] = self._tokenizer.decode(made[row], skip_special_tokens=True)
                        over[row] = token in self._stops or (
                            said[row].endswith(END_OF_ANSWER) and END_OF_THOUGHT in said[row]
                        )
                logits = self._model(
                    input_ids=tokens, past_key_values=cache, use_cache=True
                ).logits[:, -1]
        return said

    @contextmanager
    def _read(
        self, prompt: Prompt, limit: int, timeout_s: float
    ) -> Iterator[tuple[Any, Any, Callable[[], None]]]:
        """The logits after the prompt, its cache, and what raises once the time is up; meanwhile
        nobody else uses the model."""
        deadline = time.monotonic() + timeout_s
        if not self._lock.acquire(timeout=timeout_s):
            raise ModelUnavailable(
                f"the built-in reasoner was busy with other questions for {timeout_s:.3g} s"
            )

        def check() -> None:
            if time.monotonic() > deadline:
                raise ModelUnavailable(
                    f"the built-in reasoner did not finish within {timeout_s:.3g} s; "
                    "raise timeout_s"
                )

        try:
            yield *self._kept.read(self._prompt_ids(prompt, limit), check), check
        finally:
            self._kept.release()
            self._lock.release()

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _prompt_ids(self, prompt: Prompt, limit: int) -> list[int]:
        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        messages.append({"role": "user", "content": prompt.user})
        text = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        longest = self._model.config.max_position_embeddings
        if len(ids) + limit > longest:
            raise ModelError(
                f"transcript and question take {len(ids)} tokens; with {limit} for the answer "
                f"the model reads {longest}: lower reasoning.token_budget"
            )
        return ids

    def _continued(
        self,
        logits: Any,
        cache: Any,
        choose: _Choice,
        limit: int,
        choices: Sequence[str],
        check: Any,
    ) -> Iterator[str]:
        """The text that follows a prompt whose last logits and cache these are."""
        import torch

        made: list[int] = []
        said = ""
        while True:
            token = choose(logits)
            if token in self._stops:
                return
            made.append(token)
            text = self._tokenizer.decode(made, skip_special_tokens=True)
            whole = not text.endswith("\ufffd")  # else in the middle of a character's bytes
            if whole and len(text) > len(said):
                yield text[len(said) :]
                said = text
            ids = torch.tensor([[token]], device=self._model.device)
            if choices and whole and said.endswith(ANSWER):
                yield self._likeliest(ids, cache, choices) + END_OF_ANSWER
                return
            if said.endswith(END_OF_ANSWER) and END_OF_THOUGHT in said:
                return
            if len(made) == limit:
                if END_OF_ANSWER in said:
                    return
                raise too_long(limit, said)
            check()
            with torch.inference_mode():
                logits = self._model(input_ids=ids, past_key_values=cache, use_cache=True).logits
            logits = logits[0, -1]

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


class _Choice:
    """Chooses the next token: the likeliest, or one at random with a generator of its own."""

    def __init__(self, temperature: float, seed: int | None, device: Any) -> None:
        import torch

        self._temperature = temperature
        self._random = torch.Generator(device=device)
        if seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(seed)

    def __call__(self, logits: Any) -> int:
        import torch

        if self._temperature == 0:
            return int(logits.argmax())
        chances = torch.softmax(logits.float() / self._temperature, -1)
        return int(torch.multinomial(chances, 1, generator=self._random))
