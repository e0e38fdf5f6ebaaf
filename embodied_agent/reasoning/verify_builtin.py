"""The in-process judge of verified answers: a small model that reads the compact style.

All samples are drawn in one batch. If the question has choices, the probability that the judge
assigns to the answer among them can replace the samples.

Out of scope: the verdict (`verify`), how such a judge is trained (`training.judge`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

from embodied_agent.errors import ModelError, ModelUnavailable
from embodied_agent.models.checkpoints import SHIPPED, checkpoint_folder, load
from embodied_agent.models.prompting import read_prompting
from embodied_agent.reasoning.base import ANSWER, END_OF_ANSWER, END_OF_THOUGHT
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.reasoning.stand_ins import Restored, stand_ins_for_judge
from embodied_agent.reasoning.verify import Verdict, verdict_of
from embodied_agent.records import Question
from embodied_agent.settings import ReasoningSettings

#: Longest conclusion of the judge, in tokens.
_MAX_TOKENS = 24


class BuiltinVerifier:
    """`Verifier` that runs a small model in this process; it reads the compact style.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(self, settings: ReasoningSettings) -> None:
        own = settings.verify
        shipped = SHIPPED / "judge"
        default = str(shipped) if (shipped / "config.json").is_file() else ""
        folder = checkpoint_folder(own.model_path or default, "reasoner")
        self._model, self._tokenizer = load(folder, "reasoner")
        prompting = read_prompting(folder)
        self._names = prompting.names if prompting else ()
        eos = self._model.generation_config.eos_token_id
        self._stops = set(eos) if isinstance(eos, list) else {eos}
        self._settings = own
        self._seed = settings.seed or 0
        self._lock = threading.Lock()
        self.name = f"builtin:{folder.name}"

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """See `Verifier.verify`. The same question, reasoning and answer give the same verdict."""
        deadline = time.monotonic() + timeout_s
        stand_ins, asked, reasoning = stand_ins_for_judge(question, reasoning, self._names)
        if not self._lock.acquire(timeout=timeout_s):
            raise ModelUnavailable(f"the judge was busy for {timeout_s:g} s")
        try:
            ids = self._ids(asked, reasoning)
            if self._settings.method == "likelihood" and question.choices:
                return Verdict(
                    self._likelihood(ids, asked.choices, question.choices.index(answer)),
                    f"likelihood among the choices, {self.name}, question and reasoning only",
                )
            replies = self._samples(ids, deadline, timeout_s)
        finally:
            self._lock.release()
        restored = Restored(stand_ins)
        return verdict_of(list(map(restored.whole, replies)), question, answer, self.name)

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _ids(self, question: Question, reasoning: str) -> Any:
        import torch

        prompt = build_prompt("compact", "", "", Question(question.text, question.choices))
        head = self._tokenizer.apply_chat_template(
            [{"role": "user", "content": prompt.user}], add_generation_prompt=True, tokenize=False
        )
        text = f"{head}<think>{reasoning}{END_OF_THOUGHT}{ANSWER}"
        ids = self._tokenizer(text, add_special_tokens=False, return_tensors="pt").input_ids
        longest = self._model.config.max_position_embeddings
        if ids.shape[1] + _MAX_TOKENS > longest:
            raise ModelError(
                f"question and reasoning take {ids.shape[1]} tokens; the judge reads {longest}"
            )
        assert isinstance(ids, torch.Tensor)
        return ids.to(self._model.device)

    def _samples(self, ids: Any, deadline: float, timeout_s: float) -> list[str]:
        """Sample conclusions, each from <answer> on."""
        import torch

        random = torch.Generator(device=self._model.device).manual_seed(self._seed)
        count = self._settings.samples
        replies_ids = torch.empty((count, 0), dtype=torch.long, device=self._model.device)
        ended = [False] * count
        with torch.inference_mode():
            output = self._model(input_ids=ids, use_cache=True, logits_to_keep=1)
            cache = output.past_key_values
            cache.batch_repeat_interleave(count)
            logits = output.logits[:, -1].expand(count, -1)
            while True:
                probabilities = torch.softmax(logits.float() / self._settings.temperature, -1)
                tokens = torch.multinomial(probabilities, 1, generator=random)
                replies_ids = torch.cat((replies_ids, tokens), 1)
                replies = self._decoded(replies_ids)
                ended = [
                    over or int(token) in self._stops or END_OF_ANSWER in reply
                    for over, token, reply in zip(ended, tokens, replies, strict=True)
                ]
                if all(ended) or replies_ids.shape[1] == _MAX_TOKENS:
                    return replies
                if time.monotonic() > deadline:
                    raise ModelUnavailable(f"verification took longer than {timeout_s:g} s")
                output = self._model(input_ids=tokens, past_key_values=cache, use_cache=True)
                cache, logits = output.past_key_values, output.logits[:, -1]

    def _decoded(self, replies_ids: Any) -> list[str]:
        texts = self._tokenizer.batch_decode(replies_ids, skip_special_tokens=True)
        return [f"{ANSWER}{text}" for text in texts]

    def _likelihood(self, ids: Any, choices: Sequence[str], place: int) -> float:
        """The probability of the choice at ``place`` relative to all, computed in one batch."""
        import torch

        tails = [
            self._tokenizer(f" {choice}{END_OF_ANSWER}", add_special_tokens=False).input_ids
            for choice in choices
        ]
        width = max(map(len, tails))
        with torch.inference_mode():
            output = self._model(input_ids=ids, use_cache=True, logits_to_keep=1)
            cache = output.past_key_values
            cache.batch_repeat_interleave(len(choices))
            padded = torch.tensor([tail + [0] * (width - len(tail)) for tail in tails])
            padded = padded.to(ids.device)
            first = output.logits[:, -1:].expand(len(choices), -1, -1)
            rest = self._model(input_ids=padded, past_key_values=cache, use_cache=True).logits
            logits = torch.cat((first, rest[:, :-1]), 1).float()
        scores = torch.log_softmax(logits, -1).gather(2, padded[..., None])[..., 0]
        sums = torch.stack(
            [row[: len(tail)].sum() for row, tail in zip(scores, tails, strict=True)]
        )
        return float(torch.softmax(sums, 0)[place])
