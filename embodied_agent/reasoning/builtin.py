"""The in-process reasoner: the small shipped model, any decoder on disk, or a fetched base with an
adapter.

Out of scope: the prompt (`prompts`), the cache kept between prompts (`kept_prefix`), parsing the
reply (`answer`), training (`training.reasoner`).
"""

from __future__ import annotations

import string
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from embodied_agent.errors import ModelError, ModelUnavailable, ReplyError
from embodied_agent.models.checkpoints import load, reasoner_folder
from embodied_agent.models.prompting import Prompting, read_prompting
from embodied_agent.reasoning.base import (
    ANSWER,
    END_OF_ANSWER,
    END_OF_THOUGHT,
    Prompt,
    prompt_style,
    too_long,
)
from embodied_agent.reasoning.stand_ins import Restored, stand_ins_for
from embodied_agent.reasoning.votes import TEMPERATURE
from embodied_agent.settings import ReasoningSettings


class BuiltinReasoner:
    """`Reasoner` that runs a language model in this process, one reply at a time.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        folder = reasoner_folder(settings.model_path)
        self._model, self._tokenizer = load(folder, "reasoner")
        # After `load`, which announces the wait: this import loads the model library, too.
        from embodied_agent.reasoning.kept_prefix import KeptPrefix
        from embodied_agent.reasoning.shared_heads import share_heads

        share_heads(self._model)
        self._settings = settings
        recorded = read_prompting(folder) or Prompting.of_style(prompt_style(settings))
        self._by_letter = recorded.answers == "letter"
        self._names = recorded.names
        eos = self._model.generation_config.eos_token_id
        self._stops = set(eos) if isinstance(eos, list) else {eos}
        self._kept = KeptPrefix(self._model, settings.kept_cache_mb * 1_000_000)
        self._lock = threading.Lock()
        self._wanted = 0  # replies that wait for the lock or hold it
        self._count = threading.Lock()
        self.name = f"builtin:{folder.name}"

    @property
    def tokens_read(self) -> tuple[int, int]:
        """How many prompt tokens were computed, and how many were reused from the previous
        prompt."""
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
        """Generate a reply token by token; closing the generator stops generation at once.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out, waiting for other replies included.
            ModelError: the prompt is longer than the model can read.
            ReplyError: the reply reached ``max_tokens`` before its answer ended.
        """
        limit = max_tokens or self._settings.max_tokens
        stand_ins = stand_ins_for(prompt, self._names)
        prompt, restored = stand_ins.put(prompt), Restored(stand_ins)
        with self._turn(timeout_s) as check:
            reading = self._kept.reading(self._prompt_ids(prompt, limit), check)
            while (read := next(reading)) is None:
                yield ""
            logits, cache = read
            choose = _Choice(
                self._settings.temperature if temperature is None else temperature,
                self._settings.seed if seed is None else seed,
                self._model.device,
            )
            choices = prompt.choices if self._settings.choose else ()
            try:
                for piece in self._generate(logits, cache, choose, limit, choices, check):
                    yield restored.push(piece)
            except ReplyError as error:
                error.reply = restored.whole(error.reply)
                raise
            if rest := restored.flush():
                yield rest

    def sampled(
        self, prompt: Prompt, count: int, *, timeout_s: float, max_tokens: int | None = None
    ) -> list[str]:
        """What `sampling` returns, without a way to stop it."""
        pieces = self.sampling(prompt, count, timeout_s=timeout_s, max_tokens=max_tokens)
        while True:
            try:
                next(pieces)
            except StopIteration as end:
                replies: list[str] = end.value
                return replies

    def sampling(
        self, prompt: Prompt, count: int, *, timeout_s: float, max_tokens: int | None = None
    ) -> Generator[str, None, list[str]]:
        """Return ``count`` sampled replies, in one batch; the same prompt gives the same replies.

        Yields an empty piece after each block of the prompt and each token; closing the generator
        stops at once. A reply cut off at ``max_tokens`` is returned as is.

        Raises:
            ModelUnavailable: ``timeout_s`` seconds ran out, waiting for other replies included.
            ModelError: the prompt is longer than the model can read.
        """
        import torch

        from embodied_agent.reasoning.kept_prefix import SideBySide

        limit = max_tokens or self._settings.max_tokens
        random = torch.Generator(device=self._model.device).manual_seed(self._settings.seed or 0)
        stand_ins = stand_ins_for(prompt, self._names)
        prompt, restored = stand_ins.put(prompt), Restored(stand_ins)
        with self._turn(timeout_s) as check:
            reading = self._kept.reading(self._prompt_ids(prompt, limit), check)
            while (read := next(reading)) is None:
                yield ""
            together = SideBySide(self._model, read[1], count)
            logits = read[0].expand(count, -1)
            replies_ids = torch.empty((count, 0), dtype=torch.long, device=self._model.device)
            replies, ended = [""] * count, [False] * count
            while not all(ended) and replies_ids.shape[1] < limit:
                check()
                with torch.inference_mode():
                    probabilities = torch.softmax(logits.float() / TEMPERATURE, -1)
                    tokens = torch.multinomial(probabilities, 1, generator=random)
                    replies_ids = torch.cat((replies_ids, tokens), 1)
                    for row, token in enumerate(tokens[:, 0].tolist()):
                        if not ended[row]:
                            reply = self._tokenizer.decode(
                                replies_ids[row], skip_special_tokens=True
                            )
                            replies[row] = reply
                            ended[row] = token in self._stops or (
                                reply.endswith(END_OF_ANSWER) and END_OF_THOUGHT in reply
                            )
                    if not all(ended):
                        logits = together.after(tokens)
                yield ""
        return [restored.whole(reply) for reply in replies]

    @contextmanager
    def _turn(self, timeout_s: float) -> Iterator[Callable[[], None]]:
        """Hold the model's lock until the block ends; yields a callable that raises once the
        deadline has passed."""
        deadline = time.monotonic() + timeout_s

        def check() -> None:
            if time.monotonic() > deadline:
                raise ModelUnavailable(
                    f"the built-in reasoner did not finish within {timeout_s:.3g} s; "
                    "raise timeout_s"
                )

        with self._count:
            self._wanted += 1
        try:
            if not self._lock.acquire(timeout=timeout_s):
                raise ModelUnavailable(
                    f"the built-in reasoner was busy with other questions for {timeout_s:.3g} s"
                )
            try:
                yield check
            finally:
                self._kept.release()
                self._lock.release()
        finally:
            with self._count:
                self._wanted -= 1

    def read_ahead(self, prompt: Prompt) -> bool:
        """Read what prompts about the transcript of ``prompt`` begin with, so that the next one has
        only its own part to read.

        Gives way to replies at once: it returns at the next block of tokens, and what was read
        stays kept.

        Returns:
            Whether all of it is kept now.

        Raises:
            ModelError: it is longer than the model can read.
        """
        from embodied_agent.reasoning.kept_prefix import whole_blocks

        prompt = stand_ins_for(prompt, self._names).put(prompt)
        # What two prompts have in common, in tokens: where they part, a token may span both parts.
        one, other = (self._ids(self._text(replace(prompt, task=task))) for task in ("\nA", "B"))
        pairs = enumerate(zip(one, other, strict=False))
        whole = whole_blocks(one[: next((i for i, (a, b) in pairs if a != b), 0)])
        self._check_length(len(whole), 0)
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if self._kept.holds(whole):
                return True
            return all(not self._wanted for _ in self._kept.reading(whole, lambda: None))
        finally:
            self._kept.release()
            self._lock.release()

    def held_bytes(self) -> int:
        """Memory that the weights and the kept keys and values take, in bytes."""
        weights = sum(p.numel() * p.element_size() for p in self._model.parameters())
        return int(weights) + self._kept.held_bytes()

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _text(self, prompt: Prompt) -> str:
        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        messages.append({"role": "user", "content": prompt.user})
        text: str = self._tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, tokenize=False
        )
        return text

    def _prompt_ids(self, prompt: Prompt, limit: int) -> list[int]:
        ids = self._ids(self._text(prompt))
        self._check_length(len(ids), limit)
        return ids

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False).input_ids
        return ids

    def _check_length(self, tokens: int, limit: int) -> None:
        longest = self._model.config.max_position_embeddings
        if tokens + limit > longest:
            raise ModelError(
                f"transcript and question take {tokens} tokens; with {limit} for the answer "
                f"the model reads {longest}: lower reasoning.token_budget"
            )

    def _generate(
        self,
        logits: Any,
        cache: Any,
        choose: _Choice,
        limit: int,
        choices: Sequence[str],
        check: Callable[[], None],
    ) -> Iterator[str]:
        """Generate text after a prompt, given the prompt's last logits and its cache."""
        import torch

        reply_ids: list[int] = []
        reply = ""
        while True:
            token = choose(logits)
            if token in self._stops:
                return
            reply_ids.append(token)
            text = self._tokenizer.decode(reply_ids, skip_special_tokens=True)
            complete = not text.endswith("\ufffd")  # else it ends within a character's bytes
            if complete and len(text) > len(reply):
                yield text[len(reply) :]
                reply = text
            ids = torch.tensor([[token]], device=self._model.device)
            if choices and complete and reply.endswith(ANSWER):
                yield self._likeliest(ids, cache, choices) + END_OF_ANSWER
                return
            if reply.endswith(END_OF_ANSWER) and END_OF_THOUGHT in reply:
                return
            if len(reply_ids) == limit:
                if END_OF_ANSWER in reply:
                    return
                raise too_long(limit, reply)
            check()
            with torch.inference_mode():
                logits = self._model(input_ids=ids, past_key_values=cache, use_cache=True).logits
            logits = logits[0, -1]

    def _likeliest(self, ids: Any, cache: Any, choices: Sequence[str]) -> str:
        """The choice whose tokens, up to the end of the answer, are the most probable continuation;
        its letter, if the model was trained to answer by letters.

        ``ids`` is the last token (1, 1), not yet in ``cache``.
        """
        import torch

        named = list(string.ascii_uppercase[: len(choices)]) if self._by_letter else list(choices)
        scores = []
        for choice in named:
            after = self._tokenizer(f" {choice}{END_OF_ANSWER}", add_special_tokens=False)
            tokens = torch.tensor([after.input_ids], device=ids.device)
            with torch.inference_mode():
                inputs = torch.cat((ids, tokens[:, :-1]), 1)
                logits = self._model(input_ids=inputs, past_key_values=cache, use_cache=True).logits
            cache.crop(-inputs.shape[1])
            log_probabilities = torch.log_softmax(logits[0].float(), -1)
            scores.append(float(log_probabilities.gather(1, tokens[0][:, None]).sum()))
        return named[scores.index(max(scores))]


class _Choice:
    """Picks the next token: the most probable one, or a sample from a random generator of its
    own."""

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
        probabilities = torch.softmax(logits.float() / self._temperature, -1)
        return int(torch.multinomial(probabilities, 1, generator=self._random))
