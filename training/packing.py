"""Pack several questions about one transcript into one training sequence, without padding.

The transcript is read once. Each question block attends to the transcript up to its own moment and
to itself, never to another question, and its positions continue from that moment: exactly what the
model sees live. All tokens of a batch form one row; only attention, whose cost is quadratic in the
length, gathers them into transcripts and blocks. This costs about a fifth of training on each
question separately.

Out of scope: the texts (`training.samples`).
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
#: A bucket's longest block has at most `STRETCH` times the tokens of its shortest, or of `SHORT`.
STRETCH, SHORT = 1.5, 24
#: Name under which the attention is registered with transformers.
ATTENTION = "packed_questions"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Block:
    """A question: its tokens, the reply's tokens, and the number of transcript tokens it sees.

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
    """Q blocks of similar length: ``blocks`` (Q, Lb) are token indices, ``parents`` (Q,) their
    transcripts, ``seen`` (Q, 1, Lb, Lt + Lb) the attention mask, True for visible tokens."""

    blocks: torch.Tensor
    parents: torch.Tensor
    seen: torch.Tensor

    def to(self, device: torch.device) -> Bucket:
        """Move to another device."""
        return Bucket(self.blocks.to(device), self.parents.to(device), self.seen.to(device))


@dataclass(frozen=True, eq=False)
class Layout:
    """The positions of transcripts and blocks in a flat row of N tokens: ``transcripts`` (S, Lt),
    and buckets of blocks. Index tables are padded with N."""

    transcripts: torch.Tensor
    buckets: tuple[Bucket, ...]

    def to(self, device: torch.device) -> Layout:
        """Move to another device."""
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
    """Collate several sequences into one batch."""
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
    """Group blocks of similar length: attention costs as much as the longest of a bucket."""
    order = sorted(range(len(blocks)), key=lambda i: len(blocks[i]))
    while order:
        longest = STRETCH * max(len(blocks[order[0]]), SHORT)
        count = sum(len(blocks[i]) <= longest for i in order)
        members, order = order[:count], order[count:]
        table = _table([blocks[i] for i in members], total)
        width = table.shape[1]
        visible = np.zeros((count, 1, width, width_t + width), bool)
        visible_counts = np.asarray([limits[i] for i in members])[:, None]
        visible[..., :width_t] = (np.arange(width_t) < visible_counts)[:, None, None]
        visible[..., width_t:] = np.tril(np.ones((width, width), bool))
        yield Bucket(
            torch.from_numpy(table),
            torch.tensor([parents[i] for i in members]),
            torch.from_numpy(visible),
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
    """Attention over a flat row: q (1, heads, N, size), k and v (1, heads or fewer, N, size), the
    result (1, N, heads, size). Where several heads share keys and values, these are repeated."""
    heads, total, size = query.shape[1:]

    def rows(tensor: torch.Tensor) -> torch.Tensor:
        flat = tensor[0].transpose(0, 1)  # (N, its heads, size)
        return torch.cat((flat, flat.new_zeros(1, *flat.shape[1:])))

    q, k, v = rows(query), rows(key), rows(value)

    def take(flat: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        return flat[table].transpose(1, 2)  # (rows, its heads, length, size)

    kt, vt = take(k, layout.transcripts), take(v, layout.transcripts)
    out = query.new_zeros(total + 1, heads, size)
    length = layout.transcripts.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=query.device).tril()
    attended_transcripts = _attended(take(q, layout.transcripts), kt, vt, causal, scaling)
    tables, results = [layout.transcripts], [attended_transcripts]
    for bucket in layout.buckets:
        attended = _attended(
            take(q, bucket.blocks),
            torch.cat((kt[bucket.parents], take(k, bucket.blocks)), 2),
            torch.cat((vt[bucket.parents], take(v, bucket.blocks)), 2),
            bucket.seen,
            scaling,
        )
        tables.append(bucket.blocks)
        results.append(attended)
    index = torch.cat([table.reshape(-1) for table in tables])
    rows_out = torch.cat([r.transpose(1, 2).reshape(-1, heads, size) for r in results])
    out = out.index_put((index,), rows_out)
    return out[None, :total], None


def _attended(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    seen: torch.Tensor,
    scaling: float | None,
) -> torch.Tensor:
    """Attention of q (R, heads, Lq, size) to k and v (R, heads or fewer, Lk, size) where ``seen``,
    which broadcasts to (R, 1, Lq, Lk), is True.

    On a CPU, torch's fused attention takes three times as long to go back through as these
    products.
    """
    rows, heads, count, size = query.shape
    shared = heads // key.shape[1]
    if query.device.type != "cpu":
        return scaled_dot_product_attention(
            query,
            key.repeat_interleave(shared, 1),
            value.repeat_interleave(shared, 1),
            attn_mask=seen,
            scale=scaling,
        )
    grouped = query.reshape(rows, key.shape[1], shared * count, size)
    scores = (grouped * (size**-0.5 if scaling is None else scaling)) @ key.transpose(-1, -2)
    hidden = torch.zeros(seen.shape, dtype=query.dtype).masked_fill_(~seen, float("-inf"))
    scores = scores.view(rows, heads, count, -1) + hidden
    weights = torch.softmax(scores, -1).view(rows, key.shape[1], shared * count, -1)
    return (weights @ value).view(rows, heads, count, size)


AttentionInterface.register(ATTENTION, attend)
