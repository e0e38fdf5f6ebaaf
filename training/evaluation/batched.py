"""Batched inference with a language model in this process, dozens of prompts at a time.

The model answers as the built-in reasoner does: greedily, multiple-choice questions with the
likeliest choice, and with stand-ins for names that it does not know. Prompts are padded on the
left. Rows that have reached ``<answer>`` leave the batch together, and their choices are scored in
one pass. The replies equal those that `embodied_agent.reasoning.builtin` gives one by one (tested).

Out of scope: one question at a time, with time-outs (`embodied_agent.reasoning.builtin`).
"""

from __future__ import annotations

import string
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from embodied_agent.errors import ModelError
from embodied_agent.models.checkpoints import checkpoint_folder, load
from embodied_agent.models.prompting import read_prompting
from embodied_agent.reasoning.base import ANSWER, END_OF_ANSWER, END_OF_THOUGHT, Prompt
from embodied_agent.reasoning.stand_ins import Restored, stand_ins_for
from training.evaluation.caches import Alike, alike, new_cache, selected


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's reply: its text and its length in tokens, including those of a choice that was
    scored rather than generated. ``latency_s`` is the reply's share of its batch's time."""

    text: str
    tokens: int
    latency_s: float = 0.0


@dataclass
class _Row:
    """A row of the batch: the index of its prompt, and its reply so far."""

    index: int
    length: int  # of the prompt, in tokens
    tokens: list[int] = field(default_factory=list)
    text: str = ""


class BatchedModel:
    """`Answerer` that runs a causal language model in batches.

    Args:
        model_path: a checkpoint folder; empty: the shipped reasoner.
        padded_tokens: most prompt tokens in a batch, padding included.
        rows: most prompts in a batch.
        choose: answer with the likeliest of a prompt's choices; else generate the answer.
        letters: the model answers by letter, so choices are compared as letters; ``None``: as its
            folder says, else by text.
        stand_ins: names that the model does not know, by its folder, get stand-ins.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """

    def __init__(
        self,
        model_path: str | Path = "",
        *,
        padded_tokens: int = 49_152,
        rows: int = 64,
        choose: bool = True,
        letters: bool | None = None,
        stand_ins: bool = True,
    ) -> None:
        folder = checkpoint_folder(str(model_path), "reasoner")
        prompting = read_prompting(folder)
        model, tokenizer = load(folder, "reasoner")
        name = folder.as_posix() if model_path else f"builtin:{folder.name}"
        if letters is None:
            letters = prompting is not None and prompting.answers == "letter"
        self._prepare(model, tokenizer, name, padded_tokens, rows, choose, letters)
        self.names = prompting.names if prompting and stand_ins else ()

    @classmethod
    def of(
        cls,
        model: Any,
        tokenizer: Any,
        name: str,
        *,
        padded_tokens: int = 49_152,
        rows: int = 64,
        choose: bool = True,
        letters: bool = False,
        names: Sequence[str] = (),
    ) -> BatchedModel:
        """Wrap a model that is already loaded, for example one in training. If ``names`` are given,
        all other names get stand-ins.

        Raises:
            ModelError: not all of its layers use full attention.
        """
        self = cls.__new__(cls)
        self._prepare(model, tokenizer, name, padded_tokens, rows, choose, letters)
        self.names = tuple(names)
        return self

    def _prepare(
        self,
        model: Any,
        tokenizer: Any,
        name: str,
        padded_tokens: int,
        rows: int,
        choose: bool,
        letters: bool,
    ) -> None:
        self.model, self.tokenizer, self.name = model, tokenizer, name
        self._padded_tokens, self._rows, self._choose = padded_tokens, rows, choose
        self._letters = letters
        self.names: tuple[str, ...] = ()
        ends = model.generation_config.eos_token_id
        self._stops = set(ends) if isinstance(ends, list) else {ends}
        kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
        if kinds != {"full_attention"}:
            raise ModelError(
                f"{name} has layers without full attention ({', '.join(sorted(kinds))}), which "
                "batches don't support: ask one question at a time"
            )
        self._pad = tokenizer.pad_token_id
        if self._pad is None:
            self._pad = tokenizer.eos_token_id

    def replies(
        self,
        prompts: Sequence[Prompt],
        *,
        max_tokens: int = 512,
        on_progress: Callable[[int], None] = lambda _: None,
    ) -> list[Reply]:
        """The reply to each prompt, in order.

        Args:
            prompts: any number.
            max_tokens: longest reply.
            on_progress: called after each batch with its number of replies.

        Raises:
            ModelError: a prompt is longer than the model can read.
        """
        stand_ins = [stand_ins_for(prompt, self.names) for prompt in prompts]
        prompts = [own.put(prompt) for own, prompt in zip(stand_ins, prompts, strict=True)]
        ids = [self._ids(self._chat(prompt)) for prompt in prompts]
        longest = self.model.config.max_position_embeddings
        for prompt_ids in ids:
            if len(prompt_ids) + max_tokens > longest:
                raise ModelError(
                    f"a prompt of {len(prompt_ids)} tokens and a reply of {max_tokens} exceed the "
                    f"model's {longest} tokens: lower the token budget or --max-tokens"
                )
        results: list[Reply | None] = [None] * len(prompts)
        groups = alike(ids, self._rows)
        # The longest first: running out of memory then shows at once.
        groups.sort(key=lambda group: -len(group.trunk))
        while groups:
            batch, rows, width = [groups[0]], len(groups[0].members), 0
            width = max(len(ids[i]) for i in groups[0].members)
            for group in groups[1:]:
                total = rows + len(group.members)
                if total > self._rows or total * width > self._padded_tokens:
                    break
                batch.append(group)
                rows = total
            groups = groups[len(batch) :]
            started = time.monotonic()
            self._batch(batch, ids, prompts, max_tokens, results)
            share_s = (time.monotonic() - started) / rows
            for i in (i for group in batch for i in group.members):
                results[i] = replace(results[i] or Reply("", 0), latency_s=share_s)
            on_progress(rows)
        return [
            replace(reply, text=Restored(own).whole(reply.text))
            for own, reply in zip(stand_ins, results, strict=True)
            if reply is not None
        ]

    def _chat(self, prompt: Prompt) -> str:
        messages = [{"role": "system", "content": prompt.system}] if prompt.system else []
        messages.append({"role": "user", "content": prompt.user})
        return str(
            self.tokenizer.apply_chat_template(messages, add_generation_prompt=True, tokenize=False)
        )

    def _ids(self, text: str) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=False).input_ids)

    @torch.inference_mode()
    def _batch(
        self,
        groups: Sequence[Alike],
        ids: Sequence[list[int]],
        prompts: Sequence[Prompt],
        max_tokens: int,
        results: list[Reply | None],
    ) -> None:
        """Reply to the prompts of ``groups``; fills ``results``."""
        device = self.model.device
        cache, mask, logits = self._read(groups, ids)
        rows = [_Row(i, len(ids[i])) for group in groups for i in group.members]
        ended: list[int] = []  # rows that have reached <answer>
        closed: list[int] = []  # rows whose reply is complete
        for step in range(max_tokens):
            next_tokens = logits.argmax(-1)
            live = torch.ones(len(rows), dtype=torch.long, device=device)
            for place, token in enumerate(next_tokens.tolist()):
                if place in ended or place in closed:
                    live[place] = 0
                    continue
                if token in self._stops:
                    closed.append(place)
                    live[place] = 0
                    continue
                row = rows[place]
                row.tokens.append(token)
                row.text = self.tokenizer.decode(row.tokens, skip_special_tokens=True)
                if row.text.endswith(ANSWER) and self._choose and prompts[row.index].choices:
                    ended.append(place)
                elif row.text.endswith(END_OF_ANSWER) and END_OF_THOUGHT in row.text:
                    closed.append(place)
            done = len(ended) + len(closed)
            last = done == len(rows) or step == max_tokens - 1
            # A row's last token is read in the next step; rows that ended need it as well.
            mask = torch.cat((mask, live[:, None]), 1)
            if not last:
                positions = mask.sum(1, keepdim=True) - 1
                output = self.model(
                    input_ids=next_tokens[:, None],
                    attention_mask=mask,
                    position_ids=positions.clamp(min=0),
                    past_key_values=cache,
                    use_cache=True,
                )
                cache, logits = output.past_key_values, output.logits[:, -1]
            if last or done >= max(8, len(rows) // 2):
                self._settle(rows, ended, prompts, cache, mask[:, : cache.get_seq_length()])
                finished = set(ended) | set(closed)
                if last:
                    finished = set(range(len(rows)))
                for place in finished:
                    row = rows[place]
                    results[row.index] = Reply(row.text, len(row.tokens))
                keep = [place for place in range(len(rows)) if place not in finished]
                if not keep:
                    return
                index = torch.tensor(keep, device=device)
                cache.batch_select_indices(index)
                mask, logits = mask[index], logits[index]
                rows = [rows[place] for place in keep]
                ended, closed = [], []

    def _read(
        self, groups: Sequence[Alike], ids: Sequence[list[int]]
    ) -> tuple[Any, torch.Tensor, torch.Tensor]:
        """Read all prompts; returns the cache, its attention mask (rows, positions) and the logits
        after each prompt (rows, vocabulary)."""
        device = self.model.device
        cache = new_cache()
        width = max(len(group.trunk) for group in groups)
        trunks = torch.full((len(groups), width), self._pad, device=device)
        real = torch.zeros_like(trunks)
        for n, group in enumerate(groups):
            trunks[n, : len(group.trunk)] = torch.tensor(list(group.trunk), device=device)
            real[n, : len(group.trunk)] = 1
        self.model(
            input_ids=trunks,
            attention_mask=real,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        members = [
            (n, i, shared)
            for n, group in enumerate(groups)
            for i, shared in zip(group.members, group.shared, strict=True)
        ]
        cache.batch_select_indices(torch.tensor([n for n, _, _ in members], device=device))
        begins = torch.tensor([shared for _, _, shared in members], device=device)
        own = max(len(ids[i]) - shared for _, i, shared in members)
        tokens = torch.full((len(members), own), self._pad, device=device)
        rest = torch.zeros_like(tokens)
        for row, (_, i, shared) in enumerate(members):
            text = ids[i][shared:]
            tokens[row, own - len(text) :] = torch.tensor(text, device=device)
            rest[row, own - len(text) :] = 1
        mask = torch.cat(
            ((torch.arange(width, device=device)[None] < begins[:, None]).long(), rest), 1
        )
        output = self.model(
            input_ids=tokens,
            attention_mask=mask,
            position_ids=(begins[:, None] + rest.cumsum(1) - 1).clamp(min=0),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return cache, mask, output.logits[:, -1]

    def _answers(self, choices: Sequence[str]) -> Sequence[str]:
        """The choices as the model writes them."""
        return string.ascii_uppercase[: len(choices)] if self._letters else choices

    def _settle(
        self,
        rows: Sequence[_Row],
        ended: Sequence[int],
        prompts: Sequence[Prompt],
        cache: Any,
        mask: torch.Tensor,
    ) -> None:
        """Append the likeliest of its choices to each row that has reached ``<answer>``."""
        if not ended:
            return
        device = self.model.device
        index = torch.tensor(list(ended), device=device)
        own = selected(cache, index)
        visible = mask[index].clone()
        # A row's last token, <answer>, is read again with each choice: mask its first reading.
        lengths = torch.tensor([rows[p].length + len(rows[p].tokens) for p in ended], device=device)
        for n, place in enumerate(ended):
            extra = int(visible[n].sum()) - (rows[place].length + len(rows[place].tokens) - 1)
            if extra > 0:
                visible[n, torch.nonzero(visible[n])[-extra:, 0]] = 0
        options = [self._answers(prompts[rows[place].index].choices) for place in ended]
        scores = torch.full((len(ended), max(map(len, options))), -torch.inf, device=device)
        spent = torch.zeros_like(scores, dtype=torch.long)
        for number in range(scores.shape[1]):
            texts = [
                self._ids(f" {choices[number]}{END_OF_ANSWER}") if number < len(choices) else []
                for choices in options
            ]
            width = max(map(len, texts))
            tokens = torch.full((len(ended), width + 1), self._pad, device=device)
            real = torch.zeros_like(tokens)
            for n, (place, text) in enumerate(zip(ended, texts, strict=True)):
                tokens[n, 0] = rows[place].tokens[-1]
                tokens[n, 1 : 1 + len(text)] = torch.tensor(text, dtype=torch.long, device=device)
                real[n, : 1 + len(text)] = 1
            positions = lengths[:, None] - 1 + torch.arange(width + 1, device=device)[None]
            output = self.model(
                input_ids=tokens[:, :-1],
                attention_mask=torch.cat((visible, real[:, :-1]), 1),
                position_ids=positions[:, :-1],
                past_key_values=own,
                use_cache=True,
            )
            own.crop(-width)
            chances = torch.log_softmax(output.logits.float(), -1)
            each = chances.gather(2, tokens[:, 1:, None])[..., 0] * real[:, 1:]
            for n, text in enumerate(texts):
                if text:
                    scores[n, number] = each[n].sum()
                    spent[n, number] = len(text)
        for n, place in enumerate(ended):
            best = int(scores[n].argmax())
            row = rows[place]
            row.text += options[n][best] + END_OF_ANSWER
            row.tokens += [self._pad] * int(spent[n, best])
