"""Key-value caches for prompts with a common prefix: grown in place, and shared between rows.

The dynamic cache of transformers copies its whole content with every token; with dozens of long
rows that takes longer than the model itself.

Out of scope: the inference that fills the cache (`batched`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.cache_utils import Cache, DynamicLayer

#: Positions to allocate at once.
_MORE = 64
#: Prompts that share at least this many initial tokens are grouped.
_ALIKE = 24


class RoomyLayer(DynamicLayer):
    """A cache layer with spare capacity: new tokens are written next to the old ones."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._room: tuple[torch.Tensor, torch.Tensor] | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *_: Any, **__: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values (rows, heads, tokens, size); returns all of them."""
        old = self.get_seq_length()
        new = old + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        if self._room is None or self._room[0].shape[-2] < new:
            rows, heads, _, size = key_states.shape
            keys = key_states.new_empty((rows, heads, new + _MORE, size))
            values = value_states.new_empty((rows, heads, new + _MORE, value_states.shape[-1]))
            if old:
                keys[:, :, :old], values[:, :, :old] = self.keys, self.values
            self._room = keys, values
        keys, values = self._room
        keys[:, :, old:new], values[:, :, old:new] = key_states, value_states
        self.keys, self.values = keys[:, :, :new], values[:, :, :new]
        return self.keys, self.values

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep these rows, in this order; a row may occur more than once."""
        super().batch_select_indices(indices)
        self._room = None


def new_cache() -> Cache:
    """An empty cache of `RoomyLayer`."""
    return Cache(layer_class_to_replicate=RoomyLayer)


def selected(cache: Cache, indices: torch.Tensor) -> Cache:
    """A copy of some rows of a cache."""
    layers = []
    for layer in cache.layers:
        copy = RoomyLayer()
        copy.lazy_initialization(layer.keys, layer.values)
        copy.keys, copy.values = layer.keys[indices], layer.values[indices]
        layers.append(copy)
    return Cache(layers=layers)


@dataclass(frozen=True, slots=True)
class Alike:
    """Prompts with a common prefix: the trunk is read once, then the rest of each prompt.

    ``shared[n]`` is how many initial tokens prompt ``members[n]`` has in common with ``trunk``.
    """

    trunk: Sequence[int]
    members: tuple[int, ...]
    shared: tuple[int, ...]


def alike(ids: Sequence[Sequence[int]], most: int) -> list[Alike]:
    """Group up to ``most`` prompts with a common prefix, such as questions about one journey.

    Each prompt keeps at least one token that is not part of the trunk.
    """
    by_start: dict[tuple[int, ...], list[int]] = {}
    for index, prompt in enumerate(ids):
        by_start.setdefault(tuple(prompt[:_ALIKE]), []).append(index)
    groups = []
    for members in by_start.values():
        members.sort(key=lambda i: len(ids[i]))
        for start in range(0, len(members), most):
            part = members[start : start + most]
            longest = ids[part[-1]]
            shared = [min(_common(ids[i], longest), len(ids[i]) - 1) for i in part]
            # The trunk contains no more of the longest prompt than others share.
            shared[-1] = max(shared[:-1], default=len(longest) - 1)
            groups.append(Alike(longest[: max(shared)], tuple(part), tuple(shared)))
    return groups


def _common(a: Sequence[int], b: Sequence[int]) -> int:
    """Length of the common prefix."""
    for place, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return place
    return min(len(a), len(b))
