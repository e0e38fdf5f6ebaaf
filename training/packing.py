"""Several questions about one transcript in one training sequence, without padding.

The transcript is read once; each question block sees the transcript up to its own moment and
itself, never another question, and its positions continue from that moment: just what the model
sees when it is asked live. All tokens of a batch lie in one row; only attention, which would pay
for the square of that, gathers them into transcripts and blocks. Both together cost about a fifth
of training on each question by itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

IGNORED = -100
#: A bucket's longest block has at most so many times the tokens of its shortest, or of `SHORT`.
STRETCH, SHORT = 1.5, 24
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
class Bucket:
    """Blocks of about one length: ``blocks`` (Q, Lb) index tables, ``parents`` (Q,): the transcript
    of each block, ``seen`` (Q, 1, Lb, Lt + Lb) bool."""

    blocks: torch.Tensor
    parents: torch.Tensor
    seen: torch.Tensor

    def to(self, device: torch.device) -> Bucket:
        """The same on another device."""
        return Bucket(self.blocks.to(device), self.parents.to(device), self.seen.to(device))


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the tokens of a flat row lie: ``transcripts`` (S, Lt) and buckets of blocks; index
    tables, padded with the row's length N."""

    transcripts: torch.Tensor
    buckets: tuple[Bucket, ...]

    def to(self, device: torch.device) -> Layout:
        """The same on another device."""
        return Layout(self.transcripts.to(device), tuple(b.to(device) for b in self.buckets))


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
    table = _table(transcripts, total)
    return Batch(
        ids=torch.tensor(ids)[None],
        labels=torch.tensor(labels)[None],
        recalled=torch.tensor(recalled)[None],
        positions=torch.tensor(positions)[None],
        layout=Layout(
            torch.from_numpy(table),
            tuple(_bucketed(blocks, parents, limits, table.shape[1], total)),
        ),
        questions=len(blocks),
    )


def _bucketed(
    blocks: list[range], parents: list[int], limits: list[int], width_t: int, total: int
) -> Iterator[Bucket]:
    """Blocks of about one length together: attention pays for the longest of a bucket."""
    order = sorted(range(len(blocks)), key=lambda i: len(blocks[i]))
    while order:
        longest = STRETCH * max(len(blocks[order[0]]), SHORT)
        count = sum(len(blocks[i]) <= longest for i in order)
        some, order = order[:count], order[count:]
        table = _table([blocks[i] for i in some], total)
        width = table.shape[1]
        seen = np.zeros((count, 1, width, width_t + width), bool)
        known = np.asarray([limits[i] for i in some])[:, None]
        seen[..., :width_t] = (np.arange(width_t) < known)[:, None, None]
        seen[..., width_t:] = np.tril(np.ones((width, width), bool))
        yield Bucket(
            torch.from_numpy(table),
            torch.tensor([parents[i] for i in some]),
            torch.from_numpy(seen),
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
    tables, results = [layout.transcripts], [read]
    for bucket in layout.buckets:
        asked = scaled_dot_product_attention(
            take(q, bucket.blocks),
            torch.cat((kt[bucket.parents], take(k, bucket.blocks)), 2),
            torch.cat((vt[bucket.parents], take(v, bucket.blocks)), 2),
            attn_mask=bucket.seen,
            scale=scaling,
        )
        tables.append(bucket.blocks)
        results.append(asked)
    index = torch.cat([table.reshape(-1) for table in tables])
    rows_out = torch.cat([r.transpose(1, 2).reshape(-1, heads, size) for r in results])
    out = out.index_put((index,), rows_out)
    return out[None, :total], None


AttentionInterface.register(ATTENTION, attend)
