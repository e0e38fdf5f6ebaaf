"""Several questions about one transcript in one training sequence, without padding.

The transcript is read once; each question block sees the transcript up to its own moment and
itself, never another question, and its positions continue from that moment: just what the model
sees when it is asked live. All tokens of a batch lie in one row; only attention, which would pay
for the square of that, gathers them into transcripts and blocks. Both together cost about a fifth
of training on each question by itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

IGNORED = -100
#: Name under which the attention is registered with transformers.
ATTENTION = "packed_questions"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Block:
    """A question: how many of the transcript's tokens it sees, its tokens, and the reply's.

    The first ``recalled`` tokens of the task repeat parts of the transcript.
    """

    limit: int
    task: list[int]
    reply: list[int]
    recalled: int = 0


@dataclass(frozen=True, eq=False)
class Packed:
    """A transcript's tokens and the questions about it."""

    transcript: list[int]
    blocks: list[Block]

    def __len__(self) -> int:
        return len(self.transcript) + sum(len(b.task) + len(b.reply) for b in self.blocks)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the tokens of a flat row lie: index tables, padded with the row's length N.

    ``transcripts`` (S, Lt), ``blocks`` (Q, Lb), ``parents`` (Q,): the transcript of each block,
    ``seen`` (Q, 1, Lb, Lt + Lb) bool.
    """

    transcripts: torch.Tensor
    blocks: torch.Tensor
    parents: torch.Tensor
    seen: torch.Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Flat tensors (1, N) and their layout. ``labels`` are the replies' tokens, ``recalled`` those
    of the recall lines; both `IGNORED` elsewhere."""

    ids: torch.Tensor
    labels: torch.Tensor
    recalled: torch.Tensor
    positions: torch.Tensor
    layout: Layout
    questions: int


def collate(items: list[Packed]) -> Batch:
    """One batch of several sequences."""
    ids: list[int] = []
    labels: list[int] = []
    recalled: list[int] = []
    positions: list[int] = []
    transcripts: list[range] = []
    blocks: list[range] = []
    parents: list[int] = []
    limits: list[int] = []
    for number, item in enumerate(items):
        start = len(ids)
        count = len(item.transcript)
        ids += item.transcript
        labels += [IGNORED] * count
        recalled += [IGNORED] * count
        positions += range(count)
        transcripts.append(range(start, start + count))
        for block in item.blocks:
            start = len(ids)
            count = len(block.task) + len(block.reply)
            ids += block.task + block.reply
            labels += [IGNORED] * len(block.task) + block.reply
            recalled += block.task[: block.recalled] + [IGNORED] * (count - block.recalled)
            positions += range(block.limit, block.limit + count)
            blocks.append(range(start, start + count))
            parents.append(number)
            limits.append(block.limit)
    total = len(ids)
    table_t, table_b = _table(transcripts, total), _table(blocks, total)
    width_t, width_b = table_t.shape[1], table_b.shape[1]
    seen = np.zeros((len(blocks), 1, width_b, width_t + width_b), bool)
    seen[..., :width_t] = (np.arange(width_t) < np.asarray(limits)[:, None])[:, None, None]
    seen[..., width_t:] = np.tril(np.ones((width_b, width_b), bool))
    return Batch(
        ids=torch.tensor(ids)[None],
        labels=torch.tensor(labels)[None],
        recalled=torch.tensor(recalled)[None],
        positions=torch.tensor(positions)[None],
        layout=Layout(
            torch.from_numpy(table_t),
            torch.from_numpy(table_b),
            torch.tensor(parents),
            torch.from_numpy(seen),
        ),
        questions=len(blocks),
    )


def _table(ranges: list[range], filler: int) -> Ints:
    table = np.full((len(ranges), max(len(r) for r in ranges)), filler, np.int64)
    for row, r in enumerate(ranges):
        table[row, : len(r)] = r
    return table


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    layout: Layout,
    scaling: float | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention over a flat row: q, k, v (1, heads, N, size), the result (1, N, heads, size)."""
    heads, total, size = query.shape[1:]

    def rows(tensor: torch.Tensor) -> torch.Tensor:
        flat = tensor[0].transpose(0, 1)  # (N, heads, size)
        return torch.cat((flat, flat.new_zeros(1, heads, size)))

    q, k, v = rows(query), rows(key), rows(value)

    def take(flat: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        return flat[table].transpose(1, 2)  # (rows, heads, length, size)

    kt, vt = take(k, layout.transcripts), take(v, layout.transcripts)
    out = query.new_zeros(total + 1, heads, size)
    read = scaled_dot_product_attention(
        take(q, layout.transcripts), kt, vt, is_causal=True, scale=scaling
    )
    asked = scaled_dot_product_attention(
        take(q, layout.blocks),
        torch.cat((kt[layout.parents], take(k, layout.blocks)), 2),
        torch.cat((vt[layout.parents], take(v, layout.blocks)), 2),
        attn_mask=layout.seen,
        scale=scaling,
    )
    index = torch.cat((layout.transcripts.reshape(-1), layout.blocks.reshape(-1)))
    rows_out = torch.cat(
        (
            read.transpose(1, 2).reshape(-1, heads, size),
            asked.transpose(1, 2).reshape(-1, heads, size),
        )
    )
    out = out.index_put((index,), rows_out)
    return out[None, :total], None


AttentionInterface.register(ATTENTION, attend)
