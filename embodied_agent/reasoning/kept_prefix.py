"""The keys and values of the prompt that was read last, kept for the next prompt.

Prompts grow at their end, so most of the next one was read already. What the new one shares with
the kept one is not computed again. Prompts are read in blocks of `BLOCK` tokens that begin at
multiples of `BLOCK`, and only whole blocks are kept. So every number comes out of the same
operations on the same shapes, kept or not, and replies are the same to the last bit.

Not here: what the prompt says (`prompts`), generation (`builtin`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

#: Tokens read at once. Up to this many more than necessary are read again for each prompt.
BLOCK = 32
#: Room is made for this many tokens at first, and doubled when it runs out.
_ROOM = 512


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A layer's keys and values in buffers with room to grow, so that a token more copies nothing
    but itself. Shapes are (batch, heads, tokens, size)."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append; returns all keys and values, views of the buffers."""
        if self.keys is None or self.values is None:
            self.lazy_initialization(key_states, value_states)
            self._key_room = self._value_room = key_states[..., :0, :]
            self.keys, self.values = self._key_room, self._value_room
        begin = self.keys.shape[-2]
        end = begin + key_states.shape[-2]
        if end > self._key_room.shape[-2]:
            room = max(_ROOM, 2 * begin, end)
            self._key_room = _moved(self.keys, key_states, room)
            self._value_room = _moved(self.values, value_states, room)
        self._key_room[..., begin:end, :] = key_states
        self._value_room[..., begin:end, :] = value_states
        self.keys, self.values = self._key_room[..., :end, :], self._value_room[..., :end, :]
        return self.keys, self.values


def _empty(layers: int) -> Cache:
    return Cache(layers=[GrowingLayer() for _ in range(layers)])  # type: ignore[no-untyped-call]


def _moved(old: torch.Tensor, new: torch.Tensor, room: int) -> torch.Tensor:
    buffer = new.new_empty((*new.shape[:-2], room, new.shape[-1]))
    buffer[..., : old.shape[-2], :] = old
    return buffer


def repeated(cache: Any, count: int) -> Cache:
    """A cache of ``count`` rows, each of which begins as the one row of ``cache`` and which share
    nothing with it."""
    if not all(type(layer) is GrowingLayer for layer in cache.layers):
        made = copy.deepcopy(cache)
        made.batch_repeat_interleave(count)
        return made  # type: ignore[no-any-return]
    rows = DynamicCache()
    for number, layer in enumerate(cache.layers):
        rows.update(
            layer.keys.repeat_interleave(count, 0),
            layer.values.repeat_interleave(count, 0),
            number,
        )
    return rows


class KeptPrefix:
    """The cache of one model, used by one reply at a time (the caller's lock sees to that).

    Args:
        model: a decoder of transformers. One whose layers don't all attend to everything has
            nothing kept.
        max_bytes: most that is kept between prompts; 0: nothing.
    """

    def __init__(self, model: Any, max_bytes: int) -> None:
        self._model = model
        layers = DynamicCache(config=model.config).layers
        self._layers = len(layers)
        self._plain = bool(layers) and all(type(layer) is DynamicLayer for layer in layers)
        self._max_bytes = max_bytes if self._plain else 0
        self._cache: Any = None
        self._ids: list[int] = []  # of the whole blocks in the cache
        self.read_tokens = self.kept_tokens = 0

    def read(self, ids: Sequence[int], check: Callable[[], None]) -> tuple[torch.Tensor, Any]:
        """Read a prompt; the logits that follow it (vocabulary,), and the cache to go on with.

        Args:
            ids: all tokens of the prompt, at least one.
            check: called before each block; what it raises ends the reading, and what was read
                stays kept.
        """
        shared = self._take(ids)
        self.kept_tokens += shared
        self.read_tokens += len(ids) - shared
        logits: Any = None
        for begin in range(shared, len(ids), BLOCK):
            check()
            block = list(ids[begin : begin + BLOCK])
            with torch.inference_mode():
                logits = self._model(
                    input_ids=torch.tensor([block], device=self._model.device),
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                ).logits
            if len(block) == BLOCK:
                self._ids += block
        return logits[0, -1], self._cache

    def release(self) -> None:
        """The reply is over, or was broken off: keep the prompt's whole blocks, within the limit.

        What a broken model left half written is dropped.
        """
        if self._cache is None:
            return
        lengths = {layer.get_seq_length() for layer in self._cache.layers}
        per_token = sum(
            2 * layer.keys[..., :1, :].nbytes
            for layer in self._cache.layers
            if layer.keys is not None
        )
        if (
            len(lengths) != 1
            or len(self._ids) * per_token > self._max_bytes
            or not BLOCK <= len(self._ids) <= lengths.pop()
        ):
            self._cache, self._ids = None, []
        else:
            self._crop(len(self._ids))

    def _take(self, ids: Sequence[int]) -> int:
        """Set the cache to what ``ids`` share with the kept blocks; how many tokens that are."""
        if not self._plain:
            self._cache, self._ids = DynamicCache(config=self._model.config), []
            return 0
        # The last token is always read: the reply begins with its logits.
        most, shared = min(len(self._ids), len(ids) - 1), 0
        while shared + BLOCK <= most and self._ids[shared : shared + BLOCK] == list(
            ids[shared : shared + BLOCK]
        ):
            shared += BLOCK
        if self._cache is None or shared == 0:
            self._cache = _empty(self._layers)
        else:
            self._crop(shared)
        self._ids = self._ids[:shared]
        return shared

    def _crop(self, length: int) -> None:
        for layer in self._cache.layers:
            extra = layer.get_seq_length() - length
            if extra > 0:
                layer.crop(-extra)
