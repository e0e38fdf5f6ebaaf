"""Read a prompt once for all completions of its group, in generation and in training.

GRPO samples several completions per prompt. trl reads the prompt again for each of them; with a
transcript as the prompt and short replies, that is most of the work. Here the prompt is read once
per group: generation shares one key–value cache within the group, and training packs the group into
one row (`training.packing`) and skips groups without a gradient. The results equal trl's up to
rounding (tested).

For decoders on one device without a generation server, with or without an adapter.

Out of scope: the trainer (`training.grpo`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface
from trl.models import unwrap_model_for_generation

from training.packing import ATTENTION, Block, Packed, collate

#: Name under which the attention function of generation is registered with transformers.
DECODING = "shared_prompt_decoding"
#: Initial capacity in tokens per row; it doubles as needed.
FIRST_ROOM = 64
#: Finished rows are dropped once at most this share of the rows is unfinished.
KEPT_SHARE = 0.75
#: A smaller advantage is the rounding error of a group's mean divided by almost zero.
LEAST_ADVANTAGE = 1e-2
#: Losses that are normalised by the tokens of the whole batch, whichever rows are trained on.
WHOLE_BATCH = frozenset({"dapo", "cispo", "vespo"})
Ids = list[int]


def grouped(prompts: Sequence[Sequence[int]]) -> tuple[list[tuple[int, ...]], list[int]]:
    """The distinct prompts in order of appearance, and the index of each row's prompt."""
    index_of: dict[tuple[int, ...], int] = {}
    rows = [index_of.setdefault(tuple(prompt), len(index_of)) for prompt in prompts]
    return list(index_of), rows


def _decoder(model: Any) -> Any:
    """The causal model whose layers an adapter of peft changes, or ``model`` if it has none."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def logps_of(
    model: Any,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    temperature: float,
    entropy: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Log-probabilities (rows, longest completion) of the completions' tokens and, if ``entropy``,
    the entropies at them; both are 0.0 after a completion's end."""
    model = _decoder(model)
    distinct, rows = grouped(prompts)
    members: list[list[int]] = [[] for _ in distinct]
    for row, group in enumerate(rows):
        members[group].append(row)
    # Each block starts with the prompt's last token, which predicts the first of the reply.
    packed = [
        Packed(
            list(prompt[:-1]),
            [Block(len(prompt) - 1, [prompt[-1]], list(completions[r])) for r in members[group]],
        )
        for group, prompt in enumerate(distinct)
    ]
    batch = collate(packed)
    device = next(model.parameters()).device
    before = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    try:
        hidden = model.model(
            input_ids=batch.ids.to(device),
            position_ids=batch.positions.to(device),
            use_cache=False,
            layout=batch.layout if device.type == "cpu" else batch.layout.to(device),
        ).last_hidden_state[0, :-1]
    finally:
        model.set_attn_implementation(before)
    targets = batch.labels[0, 1:].to(device)
    learned = targets >= 0
    scores = torch.log_softmax(model.lm_head(hidden[learned]).float() / temperature, -1)
    flat = scores.gather(1, targets[learned][:, None])[:, 0]
    longest = max(len(c) for c in completions)
    # Tokens in `flat` are ordered by group; `place` is the index of each in the table.
    place = torch.tensor(
        [r * longest + i for part in members for r in part for i in range(len(completions[r]))],
        dtype=torch.long,
        device=device,
    )

    def table(values: torch.Tensor) -> torch.Tensor:
        empty = values.new_zeros(len(completions) * longest)
        return empty.index_put((place,), values).view(len(completions), longest)

    spread = None
    if entropy:
        with torch.no_grad():
            spread = table(-(scores.exp() * scores).sum(-1))
    return table(flat), spread


@dataclass(eq=False)
class Decoding:
    """Keys and values of the prompts, read once per group, and of each row's completion so far.

    ``prompts`` has two tensors (groups, heads, longest prompt, size) per layer, ``hidden`` (groups,
    1, 1, longest prompt) is True for padding, ``completions`` has two tensors (rows, heads,
    capacity, size) per layer, filled up to ``length``, and ``table`` (groups, members) has the
    rows of each group.
    """

    prompts: list[tuple[torch.Tensor, torch.Tensor]]
    hidden: torch.Tensor
    completions: list[tuple[torch.Tensor, torch.Tensor]]
    table: torch.Tensor
    length: int = 0


def attend_decoding(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    layout: Decoding,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of one new token per row; q, k, v are (1, heads, rows, size)."""
    layer: Any = module.layer_idx
    repeat = query.shape[1] // key.shape[1]
    old_k, old_v = layout.prompts[layer]
    new_k, new_v = layout.completions[layer]
    new_k[:, :, layout.length] = key[0].transpose(0, 1)
    new_v[:, :, layout.length] = value[0].transpose(0, 1)
    end = layout.length + 1
    rows = query[0].transpose(0, 1)  # (rows, heads, size)
    count, heads, size = rows.shape
    scale = size**-0.5 if scaling is None else scaling

    def widened(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.repeat_interleave(repeat, 1) if repeat > 1 else tensor

    grouped_queries = rows[layout.table].transpose(1, 2) * scale  # (groups, heads, members, size)
    before = grouped_queries @ widened(old_k).transpose(2, 3)
    before = before.masked_fill(layout.hidden, float("-inf"))
    own = (rows * scale)[:, :, None] @ widened(new_k[:, :, :end]).transpose(2, 3)
    own_grouped = own[layout.table][:, :, :, 0].transpose(1, 2)
    share = torch.softmax(torch.cat((before, own_grouped), -1).float(), -1).to(rows.dtype)
    width = before.shape[-1]
    prompt_part = share[..., :width] @ widened(old_v)  # (groups, heads, members, size)
    prompt_rows = prompt_part.transpose(1, 2).reshape(-1, heads, size)
    output = torch.empty_like(rows)
    flat = layout.table.reshape(-1)
    output[flat] = prompt_rows
    weights = torch.empty(count, heads, 1, end, dtype=rows.dtype, device=rows.device)
    weights[flat] = share[..., width:].transpose(1, 2).reshape(-1, heads, 1, end)
    output = output + (weights @ widened(new_v[:, :, :end]))[:, :, 0]
    return output[None], None


AttentionInterface.register(DECODING, attend_decoding)


@torch.no_grad()
def generate(
    model: Any,
    prompts: Sequence[Sequence[int]],
    *,
    pad: int,
    stops: Collection[int],
    most_tokens: int,
    temperature: float = 1.0,
) -> list[Ids]:
    """Sample a completion for each row of ``prompts``, including its stop token. Equal prompts form
    a group, and each group's prompt is read once.

    Args:
        model: a decoder that supports custom attention functions of transformers.
        prompts: token ids of each row.
        pad: the padding token.
        stops: tokens that end a completion.
        most_tokens: longest completion.
        temperature: of sampling; 0 takes the likeliest token.

    Raises:
        ValueError: the groups differ in size.
    """
    model = _decoder(model)
    distinct, rows = grouped(prompts)
    members: list[list[int]] = [[] for _ in distinct]
    for row, group in enumerate(rows):
        members[group].append(row)
    if len({len(part) for part in members}) > 1:
        raise ValueError("all groups must have the same number of rows")
    device = next(model.parameters()).device
    state = _read(model, distinct, torch.tensor(members, device=device), len(rows), pad)
    tokens = torch.tensor([prompts[row][-1] for row in range(len(rows))], device=device)
    start = torch.tensor([len(p) - 1 for p in prompts], device=device)
    completions: list[Ids] = [[] for _ in rows]
    running = set(range(len(rows)))
    alive = list(range(len(rows)))
    before = model.config._attn_implementation
    model.set_attn_implementation(DECODING)
    try:
        for step in range(most_tokens):
            if step == state.completions[0][0].shape[2]:
                _widen(state)
            state.length = step
            hidden = model.model(
                input_ids=tokens[None],
                position_ids=(start + step)[None],
                use_cache=False,
                layout=state,
            ).last_hidden_state[0]
            tokens = _drawn(model.lm_head(hidden).float(), temperature)
            for row, token in zip(alive, tokens.tolist(), strict=True):
                if row in running:
                    completions[row].append(token)
                    if token in stops:
                        running.discard(row)
            if not running:
                break
            if len(running) <= KEPT_SHARE * len(alive):
                unfinished = [place for place, row in enumerate(alive) if row in running]
                state = _without_finished(state, unfinished)
                alive = [alive[place] for place in unfinished]
                tokens, start = tokens[unfinished], start[unfinished]
    finally:
        model.set_attn_implementation(before)
    return completions


def _read(
    model: Any, prompts: Sequence[Sequence[int]], table: torch.Tensor, rows: int, pad: int
) -> Decoding:
    """Read each distinct prompt once, except for its last token."""
    width = max(len(prompt) for prompt in prompts) - 1
    device = table.device
    ids = torch.full((len(prompts), width), pad)
    mask = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids[row, : len(prompt) - 1] = torch.tensor(list(prompt[:-1]))
        mask[row, : len(prompt) - 1] = 1
    mask = mask.to(device)
    cache = model.model(input_ids=ids.to(device), attention_mask=mask, use_cache=True)
    layers = [(layer.keys, layer.values) for layer in cache.past_key_values.layers]
    completions = [
        tuple(t.new_zeros(rows, t.shape[1], FIRST_ROOM, t.shape[3]) for t in layer)
        for layer in layers
    ]
    return Decoding(layers, mask[:, None, None] == 0, completions, table)  # type: ignore[arg-type]


def _without_finished(state: Decoding, kept: Sequence[int]) -> Decoding:
    """The state of the rows ``kept`` and their groups only."""
    device = state.table.device
    places = {row: place for place, row in enumerate(kept)}
    members = [[places[r] for r in part if r in places] for part in state.table.tolist()]
    groups = [group for group, part in enumerate(members) if part]
    most = max(len(part) for part in members)
    # Shorter groups repeat their last row, which is then computed redundantly.
    table = [members[g] + [members[g][-1]] * (most - len(members[g])) for g in groups]
    rows = torch.tensor(list(kept), device=device)
    group_ids = torch.tensor(groups, device=device)
    return Decoding(
        [(k[group_ids], v[group_ids]) for k, v in state.prompts],
        state.hidden[group_ids],
        [(k[rows], v[rows]) for k, v in state.completions],
        torch.tensor(table, device=device),
        state.length,
    )


def _widen(state: Decoding) -> None:
    """Double the capacity of the completions."""
    state.completions = [
        (torch.cat((k, torch.zeros_like(k)), 2), torch.cat((v, torch.zeros_like(v)), 2))
        for k, v in state.completions
    ]


def _drawn(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    return torch.multinomial(torch.softmax(logits / temperature, -1), 1)[:, 0]


def informative(advantages: torch.Tensor) -> torch.Tensor:
    """Indices of the rows with a significant advantage; at least one index."""
    rows = torch.nonzero(advantages.abs() > LEAST_ADVANTAGE).flatten()
    return rows if len(rows) else rows.new_zeros(1)


class SharedPrompts:
    """Mixin for trl's GRPO trainer that reads each group's prompt once, and skips groups whose
    completions all have the same reward: without a KL term they have no gradient.

    trl's update metrics (entropy, clipping) then cover only the rows trained on.
    """

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        trainer: Any = self
        advantages = inputs["advantages"]
        if trainer.model.training and not trainer.beta and trainer.loss_type in WHOLE_BATCH:
            selected, rows = informative(advantages), len(advantages)
            inputs = {
                name: value[selected]
                if torch.is_tensor(value) and value.shape[:1] == (rows,)
                else value
                for name, value in inputs.items()
            }
        loss: torch.Tensor = super()._compute_loss(model, inputs)  # type: ignore[misc]
        return loss

    def _get_per_token_logps_and_entropies(
        self,
        model: Any,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        logits_to_keep: int,
        batch_size: int | None = None,
        compute_entropy: bool = False,
        compute_aux_loss: bool = False,
        **others: Any,
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        trainer: Any = self
        split = input_ids.shape[1] - logits_to_keep
        keep = attention_mask.bool()
        prompts = [
            r[k].tolist() for r, k in zip(input_ids[:, :split], keep[:, :split], strict=True)
        ]
        replies = [
            r[k].tolist() for r, k in zip(input_ids[:, split:], keep[:, split:], strict=True)
        ]
        plain = trainer.accelerator.unwrap_model(model, keep_fp32_wrapper=False)
        # accelerate's mixed precision wraps the whole model, of which only parts are called here.
        with trainer.accelerator.autocast():
            logps, entropies = logps_of(
                plain, prompts, replies, temperature=trainer.temperature, entropy=compute_entropy
            )
        short = logits_to_keep - logps.shape[1]
        if short:
            logps = torch.nn.functional.pad(logps, (0, short))
            if entropies is not None:
                entropies = torch.nn.functional.pad(entropies, (0, short))
        return logps, entropies, None

    def _generate_single_turn(
        self, prompt_ids: Any, images: Any, multimodal_fields: Any, num_generations: int, **_: Any
    ) -> tuple[list[Ids], None]:
        trainer: Any = self
        with (
            unwrap_model_for_generation(
                trainer.model_wrapped,
                trainer.accelerator,
                generation_kwargs=trainer.generation_kwargs,
            ) as model,
            trainer.accelerator.autocast(),
        ):
            completions = generate(
                model,
                prompt_ids,
                pad=trainer.processing_class.pad_token_id,
                stops=set(trainer.eos_token_ids),
                most_tokens=trainer.max_completion_length,
                temperature=trainer.temperature,
            )
        return completions, None
