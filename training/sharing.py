"""One reading of a prompt for all completions of its group, in generation and in training.

GRPO asks each question several times. trl reads the prompt anew for every completion; with a
transcript as the prompt and short replies, that is most of the work. Here the prompt is read once
per group: generation keeps one key–value cache for all of it, training packs the group into one row
(`training.packing`) and leaves out groups that have no gradient. The figures are the same to
rounding; a test holds them against trl's.

For decoders on one device without a generation server. Not here: everything else of training.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface
from trl.models import unwrap_model_for_generation

from training.packing import ATTENTION, Block, Packed, collate

#: Name under which the attention of generation is registered with transformers.
DECODING = "shared_prompt_decoding"
#: Tokens per row for which there is room at first; it doubles as needed.
FIRST_ROOM = 64
#: Finished rows are dropped when no more than this share of the rows still goes on.
KEPT_SHARE = 0.75
#: An advantage below this is the rounding of a group's mean, divided by next to nothing.
LEAST_ADVANTAGE = 1e-2
#: Losses that are divided by the whole batch's tokens, whichever rows are trained on.
WHOLE_BATCH = frozenset({"dapo", "cispo", "vespo"})
Ids = list[int]


def grouped(prompts: Sequence[Sequence[int]]) -> tuple[list[tuple[int, ...]], list[int]]:
    """The different prompts, in order of appearance, and for each row which one it has."""
    known: dict[tuple[int, ...], int] = {}
    rows = [known.setdefault(tuple(prompt), len(known)) for prompt in prompts]
    return list(known), rows


def logps_of(
    model: Any,
    prompts: Sequence[Sequence[int]],
    completions: Sequence[Sequence[int]],
    *,
    temperature: float,
    entropy: bool,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Log-probabilities (rows, longest completion) of the completions' tokens, and the entropies
    at them where asked; 0.0 after a completion's end."""
    different, rows = grouped(prompts)
    members: list[list[int]] = [[] for _ in different]
    for row, group in enumerate(rows):
        members[group].append(row)
    # The last token of the prompt stands at each block's head: it predicts the first of the reply.
    packed = [
        Packed(
            list(prompt[:-1]),
            [Block(len(prompt) - 1, [prompt[-1]], list(completions[r])) for r in members[group]],
        )
        for group, prompt in enumerate(different)
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
    wanted = targets >= 0
    scores = torch.log_softmax(model.lm_head(hidden[wanted]).float() / temperature, -1)
    flat = scores.gather(1, targets[wanted][:, None])[:, 0]
    longest = max(len(c) for c in completions)
    # Tokens in `flat` come group by group; `place` is where each belongs in the table.
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
    """Keys and values of prompts, read once per group, and of what each row has said so far.

    ``prompts`` holds per layer two tensors (groups, heads, longest prompt, size), ``hidden``
    (groups, 1, 1, longest prompt) is True at padding, ``said`` per layer two tensors (rows, heads,
    most tokens, size), of which the first ``length`` are filled, and ``table`` (groups, members) is
    each group's rows.
    """

    prompts: list[tuple[torch.Tensor, torch.Tensor]]
    hidden: torch.Tensor
    said: list[tuple[torch.Tensor, torch.Tensor]]
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
    new_k, new_v = layout.said[layer]
    new_k[:, :, layout.length] = key[0].transpose(0, 1)
    new_v[:, :, layout.length] = value[0].transpose(0, 1)
    end = layout.length + 1
    rows = query[0].transpose(0, 1)  # (rows, heads, size)
    count, heads, size = rows.shape
    scale = size**-0.5 if scaling is None else scaling

    def widened(tensor: torch.Tensor) -> torch.Tensor:
        return tensor.repeat_interleave(repeat, 1) if repeat > 1 else tensor

    asked = rows[layout.table].transpose(1, 2) * scale  # (groups, heads, members, size)
    before = asked @ widened(old_k).transpose(2, 3)
    before = before.masked_fill(layout.hidden, float("-inf"))
    own = (rows * scale)[:, :, None] @ widened(new_k[:, :, :end]).transpose(2, 3)
    own_grouped = own[layout.table][:, :, :, 0].transpose(1, 2)
    share = torch.softmax(torch.cat((before, own_grouped), -1).float(), -1).to(rows.dtype)
    width = before.shape[-1]
    told = share[..., :width] @ widened(old_v)  # (groups, heads, members, size)
    mixed = told.transpose(1, 2).reshape(-1, heads, size)
    back = torch.empty_like(rows)
    flat = layout.table.reshape(-1)
    back[flat] = mixed
    weights = torch.empty(count, heads, 1, end, dtype=rows.dtype, device=rows.device)
    weights[flat] = share[..., width:].transpose(1, 2).reshape(-1, heads, 1, end)
    back = back + (weights @ widened(new_v[:, :, :end]))[:, :, 0]
    return back[None], None


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
    """A sampled completion per row of ``prompts``, its stop token included; equal prompts, which
    must be equally many, are read once.

    Args:
        model: a decoder that takes transformers' attention functions.
        prompts: token ids.
        pad: the padding token.
        stops: tokens that end a completion.
        most_tokens: longest completion.
        temperature: of sampling; 0 takes the likeliest token.

    Raises:
        ValueError: the groups differ in size.
    """
    different, rows = grouped(prompts)
    members: list[list[int]] = [[] for _ in different]
    for row, group in enumerate(rows):
        members[group].append(row)
    if len({len(part) for part in members}) > 1:
        raise ValueError("generation needs groups of one size")
    device = next(model.parameters()).device
    state = _read(model, different, torch.tensor(members, device=device), len(rows), pad)
    tokens = torch.tensor([prompts[row][-1] for row in range(len(rows))], device=device)
    start = torch.tensor([len(p) - 1 for p in prompts], device=device)
    made: list[Ids] = [[] for _ in rows]
    running = set(range(len(rows)))
    alive = list(range(len(rows)))
    before = model.config._attn_implementation
    model.set_attn_implementation(DECODING)
    try:
        for step in range(most_tokens):
            if step == state.said[0][0].shape[2]:
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
                    made[row].append(token)
                    if token in stops:
                        running.discard(row)
            if not running:
                break
            if len(running) <= KEPT_SHARE * len(alive):
                kept = [place for place, row in enumerate(alive) if row in running]
                state = _without_finished(state, kept)
                alive = [alive[place] for place in kept]
                tokens, start = tokens[kept], start[kept]
    finally:
        model.set_attn_implementation(before)
    return made


def _read(
    model: Any, different: Sequence[Sequence[int]], table: torch.Tensor, rows: int, pad: int
) -> Decoding:
    """Read each prompt, but for its last token, once."""
    width = max(len(prompt) for prompt in different) - 1
    device = table.device
    ids = torch.full((len(different), width), pad)
    mask = torch.zeros((len(different), width), dtype=torch.long)
    for row, prompt in enumerate(different):
        ids[row, : len(prompt) - 1] = torch.tensor(list(prompt[:-1]))
        mask[row, : len(prompt) - 1] = 1
    mask = mask.to(device)
    cache = model.model(input_ids=ids.to(device), attention_mask=mask, use_cache=True)
    layers = [(layer.keys, layer.values) for layer in cache.past_key_values.layers]
    said = [
        tuple(t.new_zeros(rows, t.shape[1], FIRST_ROOM, t.shape[3]) for t in layer)
        for layer in layers
    ]
    return Decoding(layers, mask[:, None, None] == 0, said, table)  # type: ignore[arg-type]


def _without_finished(state: Decoding, kept: Sequence[int]) -> Decoding:
    """The same for the rows ``kept`` alone, and the groups they are of."""
    device = state.table.device
    places = {row: place for place, row in enumerate(kept)}
    members = [[places[r] for r in part if r in places] for part in state.table.tolist()]
    groups = [group for group, part in enumerate(members) if part]
    most = max(len(part) for part in members)
    # A shorter group names its last row several times: the same is computed for it again.
    table = [members[g] + [members[g][-1]] * (most - len(members[g])) for g in groups]
    rows = torch.tensor(list(kept), device=device)
    some = torch.tensor(groups, device=device)
    return Decoding(
        [(k[some], v[some]) for k, v in state.prompts],
        state.hidden[some],
        [(k[rows], v[rows]) for k, v in state.said],
        torch.tensor(table, device=device),
        state.length,
    )


def _widen(state: Decoding) -> None:
    """Room for twice as many tokens."""
    state.said = [
        (torch.cat((k, torch.zeros_like(k)), 2), torch.cat((v, torch.zeros_like(v)), 2))
        for k, v in state.said
    ]


def _drawn(logits: torch.Tensor, temperature: float) -> torch.Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    return torch.multinomial(torch.softmax(logits / temperature, -1), 1)[:, 0]


def informative(advantages: torch.Tensor) -> torch.Tensor:
    """Indices of the rows whose advantage says anything; at least one."""
    found = torch.nonzero(advantages.abs() > LEAST_ADVANTAGE).flatten()
    return found if len(found) else found.new_zeros(1)


class SharedPrompts:
    """Mixin for trl's GRPO trainer that reads each group's prompt once, and trains on no group
    whose completions are all worth the same: those have no gradient (without a KL term).

    What trl logs of the update (entropy, clipping) is that of the rows trained on.
    """

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> torch.Tensor:
        trainer: Any = self
        advantages = inputs["advantages"]
        if trainer.model.training and not trainer.beta and trainer.loss_type in WHOLE_BATCH:
            kept, rows = informative(advantages), len(advantages)
            inputs = {
                name: value[kept]
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
        with unwrap_model_for_generation(
            trainer.model_wrapped,
            trainer.accelerator,
            generation_kwargs=trainer.generation_kwargs,
        ) as model:
            made = generate(
                model,
                prompt_ids,
                pad=trainer.processing_class.pad_token_id,
                stops=set(trainer.eos_token_ids),
                most_tokens=trainer.max_completion_length,
                temperature=trainer.temperature,
            )
        return made, None
