"""Restating many questions at once, for measuring.

Out of scope: one question at a time (`embodied_agent.reasoning.restating`), the figures (`measure`,
`training.evaluate_free`).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence

from embodied_agent.models.checkpoints import load
from embodied_agent.reasoning.restating import (
    MOST_CHARACTERS,
    MOST_TOKENS,
    Restatement,
    messages,
    restater_folder,
)

_BATCH = 32


class BatchedRestater:
    """Stands in for `Restater`; what `prepare` was told is restated in batches.

    Args:
        model_path: folder of an adapter or of a model; empty: the shipped adapter.

    Raises:
        ModelError: the model can't be loaded, or the adapter's base was not fetched.
    """

    def __init__(self, model_path: str = "") -> None:
        folder = restater_folder(model_path)
        self._model, self._tokenizer = load(folder, "reasoner")
        self._tokenizer.padding_side = "left"
        self._known: dict[str, Restatement] = {}
        self.name = f"batched:{folder.name}"

    def prepare(self, questions: Sequence[str]) -> None:
        """Restate those of the questions that are not known yet, greedily."""
        fitting = (q for q in questions if q not in self._known and len(q) <= MOST_CHARACTERS)
        new = sorted(set(fitting), key=lambda q: (len(q), q))
        for begin in range(0, len(new), _BATCH):
            part = new[begin : begin + _BATCH]
            self._known.update(zip(part, self._replies(part), strict=True))

    def restate(self, question: str) -> Restatement:
        """The restatement of a question."""
        self.prepare([question])
        return self._known[question]

    def restating(self, question: str, *, timeout_s: float) -> Generator[str, None, Restatement]:
        """As `Restater.restating`, without a time limit."""
        yield ""
        return self.restate(question)

    def close(self) -> None:
        """Nothing to release before the process ends."""

    def _replies(self, questions: Sequence[str]) -> list[Restatement]:
        import torch

        texts = [
            self._tokenizer.apply_chat_template(
                messages(question), add_generation_prompt=True, tokenize=False
            )
            for question in questions
        ]
        inputs = self._tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=False)
        with torch.inference_mode():
            output = self._model.generate(
                **inputs, max_new_tokens=MOST_TOKENS, do_sample=False,
                return_dict_in_generate=True, output_logits=True,
            )  # fmt: skip
        tokens = output.sequences[:, inputs.input_ids.shape[1] :]
        scores = torch.stack(output.logits, 1).float().log_softmax(-1)
        chosen = scores.gather(2, tokens[..., None])[..., 0]
        # The first end of a reply counts, the padding after it does not.
        ended = (tokens == self._tokenizer.pad_token_id).cumsum(1)
        sums = chosen.masked_fill(ended > 1, 0.0).sum(1)
        replies = self._tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [
            Restatement(reply.strip(), float(total.exp()))
            for reply, total in zip(replies, sums, strict=True)
        ]
