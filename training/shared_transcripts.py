"""Supervised training that reads each transcript once for several questions about it.

In a prompt the transcript comes first and is most of the tokens; 20 questions about one journey
repeat it 20 times. Here the questions of one scene become one sequence (`training.packing`): what
their tokenised prompts share, and then each question's own tokens, which attend to the shared ones
and to themselves only. Every token's loss is the same as in a sequence of its own (tested).

What is shared is found in the tokens, not in the text, so it holds for any chat template and
tokenizer. Logits are computed for replies only: a vocabulary of 50,000 words costs as much as the
layers of a small model.

Out of scope: attention (`training.packing`), sharing within groups of completions
(`training.sharing`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any

import torch
from datasets import Dataset

from training.packing import ATTENTION, IGNORED, Block, Packed, collate
from training.rows import Row

#: Longest sequence in tokens, if ``trainer.max_length`` is not set.
LONGEST = 4096


def packed_rows(
    rows: Sequence[Row], tokenizer: Any, *, longest: int, questions: int = 8
) -> Dataset:
    """The rows as sequences, each of one scene, in the order of the scenes' first rows.

    Args:
        rows: of `training.rows`.
        tokenizer: with a chat template.
        longest: most tokens of a sequence; questions beyond it begin the next one. A single
            question that is longer is left out.
        questions: most questions of a sequence; many make a step's questions much alike.
    """
    by_scene: dict[str, list[tuple[list[int], list[int]]]] = {}
    for row in rows:
        # Free and other questions about a scene have journeys of their own: the transcript decides.
        journey = f"{row['scene']} {row['category'].startswith('free_')}"
        by_scene.setdefault(journey, []).append(_tokens(row, tokenizer))
    items: list[Packed] = []
    for members in by_scene.values():
        for begin in range(0, len(members), questions):
            items += _sequences(members[begin : begin + questions], longest)
    return Dataset.from_list(
        [
            {
                "input_ids": item.transcript,
                "limits": [block.limit for block in item.blocks],
                "tasks": [block.task for block in item.blocks],
                "replies": [block.reply for block in item.blocks],
            }
            for item in items
        ]
    )


def _tokens(row: Row, tokenizer: Any) -> tuple[list[int], list[int]]:
    """A row's prompt and reply, as inference and trl tokenise them: the prompt, and what follows
    it when the whole conversation is written."""
    reply = [{"role": "assistant", "content": row["reply"]}]
    prompt = tokenizer.apply_chat_template(
        row["prompt"], add_generation_prompt=True, tokenize=False
    )
    whole = tokenizer.apply_chat_template(row["prompt"] + reply, tokenize=False)
    if not whole.startswith(prompt):
        raise ValueError("the chat template writes a prompt differently before a reply")
    ids = tokenizer([prompt, whole[len(prompt) :]], add_special_tokens=False).input_ids
    return list(ids[0]), list(ids[1])


def _sequences(members: Sequence[tuple[list[int], list[int]]], longest: int) -> Iterable[Packed]:
    """As few sequences as hold the members, none longer than ``longest`` tokens."""
    pending = [m for m in members if len(m[0]) + len(m[1]) <= longest]
    while pending:
        count = len(pending)
        item = _packed(pending)
        while len(item) > longest and count > 1:
            count -= 1
            item = _packed(pending[:count])
        yield item
        pending = pending[count:]


def _packed(members: Sequence[tuple[list[int], list[int]]]) -> Packed:
    """One sequence: the shared part is of the member that shares the most with another one."""
    if len(members) == 1:
        prompt, reply = members[0]
        return Packed(prompt[:-1], [Block(len(prompt) - 1, prompt[-1:], list(reply))])
    prompts = [prompt for prompt, _ in members]
    trunk = max((p[: _shared(p, q)] for i, p in enumerate(prompts) for q in prompts[:i]), key=len)
    blocks = []
    for prompt, reply in members:
        # The last token of a prompt predicts the reply's first, so it is always the question's own.
        limit = min(_shared(prompt, trunk), len(prompt) - 1)
        blocks.append(Block(limit, prompt[limit:], list(reply)))
    return Packed(trunk, blocks)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def collated(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A batch of `packed_rows` as a trainer passes it to the model."""
    batch = collate(
        [
            Packed(
                item["input_ids"],
                [
                    Block(*parts)
                    for parts in zip(item["limits"], item["tasks"], item["replies"], strict=True)
                ],
            )
            for item in items
        ]
    )
    return {
        "input_ids": batch.ids,
        "position_ids": batch.positions,
        "labels": batch.labels,
        "layout": batch.layout,
    }


class SharedTranscripts:
    """Mixin for trl's SFTTrainer whose data come from `packed_rows`; it must be the first base."""

    def compute_loss(
        self,
        model: Any,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Mean loss over the tokens of replies, like that of `SFTTrainer` with completions only."""
        trainer: Any = self
        labels = inputs["labels"][0, 1:]
        learned = (labels != IGNORED).nonzero()[:, 0]
        outputs = model(
            input_ids=inputs["input_ids"],
            position_ids=inputs["position_ids"],
            layout=inputs["layout"],
            use_cache=False,
            logits_to_keep=learned,
        )
        logits, targets = outputs.logits[0].float(), labels[learned]
        total = torch.nn.functional.cross_entropy(logits, targets, reduction="sum")
        count = targets.numel() if num_items_in_batch is None else num_items_in_batch
        loss = total / count
        if num_items_in_batch is not None and trainer.args.average_tokens_across_devices:
            loss = loss * trainer.accelerator.num_processes
        mode = "train" if trainer.model.training else "eval"
        right = (logits.argmax(-1) == targets).float().mean().item()
        trainer._metrics[mode]["mean_token_accuracy"].append(right)
        if mode == "train":
            trainer._total_train_tokens += inputs["input_ids"].shape[1]
        trainer._metrics[mode]["num_tokens"] = [trainer._total_train_tokens]
        return (loss, outputs) if return_outputs else loss


def use_packing(model: Any) -> None:
    """Switch a model to the attention that packed sequences need."""
    model.set_attn_implementation(ATTENTION)
