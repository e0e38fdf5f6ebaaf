"""Batches of rendered keyframes: windows for the vision tower, and pairs with target replies.

Out of scope: rendering (`training.frames`), the losses (`training.perceiver`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedTokenizerFast

from embodied_agent.perception.language import compact_prompt, compact_reply
from embodied_agent.records import Action, Egomotion, Mention
from sim_clips.scene import COLOURS
from training.frames import GRID, KINDS, PATCH_PX, Shard, load_shard
from training.perceiver_model import prompt_ids
from training.vocabulary import END

#: Label of patches and tokens that are excluded from the loss.
IGNORED = -100
#: The directions that an object in the picture can have.
SIDES = ("front-left", "front", "front-right")
#: Side of a window, in patches.
WINDOW = 6


class Frames:
    """All shards of a folder, in memory; `refresh` loads shards written since."""

    def __init__(self, folder: Path, limit: int) -> None:
        self.folder, self.limit = folder, limit
        self.shards: list[Shard] = []
        self._names: set[str] = set()
        self.refresh()

    def refresh(self) -> None:
        """Load new shards, up to ``limit`` frames."""
        for path in sorted(self.folder.glob("*.npz")):
            if path.name not in self._names and len(self) < self.limit:
                self._names.add(path.name)
                self.shards.append(load_shard(path))

    def __len__(self) -> int:
        return sum(len(s.rows) for s in self.shards)

    def draw(self, rng: np.random.Generator) -> tuple[Shard, int]:
        """A random frame: its shard and its index there."""
        shard = self.shards[int(rng.integers(len(self.shards)))]
        return shard, int(rng.integers(len(shard.rows)))


def normalised(pictures: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Convert (B, h, w, 3) uint8 to (B, 3, h, w) floats, scaled like the processor does."""
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255.0 - 0.5) / 0.5


def window_batch(frames: Frames, count: int, rng: np.random.Generator) -> dict[str, Any]:
    """Windows of WINDOW×WINDOW patches; nine in ten contain an object, half are mirrored."""
    pictures, labels, positions = [], [], []
    grid = np.arange(GRID * GRID).reshape(GRID, GRID)
    while len(pictures) < count:
        shard, index = frames.draw(rng)
        kinds = shard.kinds[index]
        things = np.argwhere(kinds > 0)
        if len(things) and rng.random() < 0.92:
            r, c = things[int(rng.integers(len(things)))] - rng.integers(0, WINDOW, 2)
        else:
            r, c = rng.integers(0, GRID - WINDOW + 1, 2)
        r, c = (int(np.clip(v, 0, GRID - WINDOW)) for v in (r, c))
        cut = (slice(r, r + WINDOW), slice(c, c + WINDOW))
        picture = shard.pictures[
            index, r * PATCH_PX : (r + WINDOW) * PATCH_PX, c * PATCH_PX : (c + WINDOW) * PATCH_PX
        ]
        layers = np.stack(
            [shard.kinds[index][cut], shard.colours[index][cut], shard.ranges[index][cut]]
        )
        place = grid[cut]
        if rng.random() < 0.5:
            picture, layers = picture[:, ::-1], layers[:, :, ::-1]
        pictures.append(picture)
        labels.append(layers.reshape(3, -1))
        positions.append(place.reshape(-1))
    stacked = torch.from_numpy(np.stack(labels)).long()
    return {
        "pictures": normalised(np.stack(pictures)),
        "labels": stacked,
        "positions": torch.from_numpy(np.stack(positions)),
    }


def hint_of(row: dict[str, Any]) -> Egomotion | None:
    """The simulated egomotion in a frame's row; ``None`` for the first frame."""
    if row["yaw"] is None:
        return None
    travel = row["travel"]
    action = Action(row["hinted"]) if row["hinted"] else None
    return Egomotion(action, row["yaw"], row["pitch"], 0.0, (travel[0], travel[1], travel[2]))


def reply_of(row: dict[str, Any]) -> str:
    """The reply of a perfect perceiver to a frame."""
    mentions = tuple(Mention(*m) for m in row["mentions"])
    return compact_reply(Action(row["action"]) if row["action"] else None, mentions)


def sides_of(shard: Shard, index: int) -> npt.NDArray[np.int64]:
    """Per patch, the index in `SIDES` of its object's direction; `IGNORED` without one."""
    table = np.full((len(KINDS) + 1, len(COLOURS) + 1), IGNORED)
    colours = list(COLOURS)
    for name, direction, _ in shard.rows[index]["mentions"]:
        colour, kind = name.split()
        if direction in SIDES:
            table[KINDS.index(kind) + 1, colours.index(colour) + 1] = SIDES.index(direction)
    return table[shard.kinds[index], shard.colours[index]].astype(np.int64)


@dataclass(frozen=True, eq=False)
class PairBatch:
    """Pictures (n, 3, h, w) with their labels, and B prompts; ``sources`` are the indices of the
    pictures that fill the image tokens, in order."""

    pictures: torch.Tensor
    labels: torch.Tensor
    ids: torch.Tensor
    targets: torch.Tensor
    mask: torch.Tensor
    sources: list[int]


def pair_batch(
    frames: Frames,
    tokenizer: PreTrainedTokenizerFast,
    runs: int,
    length: int,
    single: float,
    rng: np.random.Generator,
) -> PairBatch:
    """Build a batch from ``runs`` stretches of ``length`` consecutive keyframes. Each picture is
    encoded once and used twice, as current and as previous keyframe. A share ``single`` of the
    prompts gets no previous keyframe."""
    pictures, labels, prompts, sources = [], [], [], []
    end = tokenizer.convert_tokens_to_ids(END)
    for _ in range(runs):
        shard, index = frames.draw(rng)
        index = min(index, len(shard.rows) - length)
        for number in range(index, index + length):
            row = shard.rows[number]
            place = len(pictures)
            pictures.append(shard.pictures[number])
            layers = [grid[number] for grid in (shard.kinds, shard.colours, shard.ranges)]
            labels.append(np.stack([*layers, sides_of(shard, number)]).reshape(4, -1))
            follows = number > index and row["view"] > 0
            if number == index and row["view"] > 0:
                continue  # its previous picture is not in the batch
            alone = not follows or rng.random() < single
            head = prompt_ids(tokenizer, 1 if alone else 2, compact_prompt(hint_of(row)))
            reply = tokenizer.backend_tokenizer.encode(
                " " + reply_of(row), add_special_tokens=False
            ).ids
            prompts.append((head, [*reply, end]))
            sources += [place] if alone else [place - 1, place]
    longest = max(len(a) + len(b) for a, b in prompts)
    pad = int(tokenizer.pad_token_id or 0)
    ids = np.full((len(prompts), longest), pad, np.int64)
    targets = np.full((len(prompts), longest), IGNORED, np.int64)
    mask = np.zeros((len(prompts), longest), np.int64)
    for row_number, (head, reply) in enumerate(prompts):
        n = len(head) + len(reply)
        ids[row_number, :n] = head + reply
        targets[row_number, len(head) : n] = reply
        mask[row_number, :n] = 1
    return PairBatch(
        normalised(np.stack(pictures)), torch.from_numpy(np.stack(labels)).long(),
        torch.from_numpy(ids), torch.from_numpy(targets), torch.from_numpy(mask), sources,
    )  # fmt: skip
