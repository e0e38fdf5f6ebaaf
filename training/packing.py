"""Several questions about one transcript in one training sequence.

The transcript is read once; each question block sees the transcript up to its own moment and
itself, never another question, and its positions continue from that moment: just what the model
sees when it is asked live. This costs a third of training on each question by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

IGNORED = -100
Ints = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Packed:
    """One sequence of T tokens, all arrays (T,) int32.

    ``limits``: how many leading tokens of the transcript a token may see; ``blocks``: 0 for the
    transcript, n for the n-th question; ``labels``: `IGNORED` outside replies.
    """

    tokens: Ints
    labels: Ints
    positions: Ints
    limits: Ints
    blocks: Ints

    def __len__(self) -> int:
        return len(self.tokens)


def pack(transcript: list[int], questions: list[tuple[int, list[int], list[int]]]) -> Packed:
    """A sequence from the transcript's tokens and, per question, how many of them it may see, its
    own tokens and those of the reply."""
    tokens = list(transcript)
    labels = [IGNORED] * len(transcript)
    positions = list(range(len(transcript)))
    limits = list(range(1, len(transcript) + 1))
    blocks = [0] * len(transcript)
    for number, (limit, task, reply) in enumerate(questions, 1):
        count = len(task) + len(reply)
        tokens += task + reply
        labels += [IGNORED] * len(task) + reply
        positions += range(limit, limit + count)
        limits += [limit] * count
        blocks += [number] * count
    arrays = (np.asarray(a, np.int32) for a in (tokens, labels, positions, limits, blocks))
    return Packed(*arrays)


def collate(batch: list[Packed], pad: int) -> dict[str, torch.Tensor]:
    """Padded tensors: ids, labels and positions (B, T), attention mask (B, 1, T, T) additive."""
    longest = max(len(p) for p in batch)
    longest += -longest % 8
    count = len(batch)
    ids = np.full((count, longest), pad, np.int64)
    labels = np.full((count, longest), IGNORED, np.int64)
    positions = np.zeros((count, longest), np.int64)
    seen = np.zeros((count, longest, longest), bool)
    for row, p in enumerate(batch):
        n = len(p)
        ids[row, :n], labels[row, :n], positions[row, :n] = p.tokens, p.labels, p.positions
        index = np.arange(n)
        own = (p.blocks[:, None] == p.blocks[None, :]) & (index[None, :] <= index[:, None])
        read = (p.blocks[None, :] == 0) & (index[None, :] < p.limits[:, None])
        seen[row, :n, :n] = own | read
        seen[row, range(longest), range(longest)] = True
    mask = np.where(seen, 0.0, np.finfo(np.float32).min).astype(np.float32)
    return {
        "input_ids": torch.from_numpy(ids),
        "labels": torch.from_numpy(labels),
        "position_ids": torch.from_numpy(positions),
        "attention_mask": torch.from_numpy(mask[:, None]),
    }
