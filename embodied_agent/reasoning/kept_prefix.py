"""The keys and values of the last prompt, kept for the next prompt.

Prompts grow at their end, so the next prompt shares most of its tokens with the last one; those are
not computed again. Prompts are processed in blocks of `BLOCK` tokens that begin at multiples of
`BLOCK`, and only whole blocks are kept. So every value results from the same operations on the same
shapes, whether it was kept or recomputed, and replies are identical to the last bit.

Out of scope: the text of the prompt (`prompts`), generation (`builtin`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

#: Tokens processed at once. Each prompt recomputes up to this many tokens more than necessary. With
#: a model of 135 M parameters on one core, 1,024 tokens take 4.1 s in blocks of 32, 3.1 s in blocks
#: of 64, 2.5 s in blocks of 128; a question that adds a hundred is read soonest with 64.
BLOCK = 64
#: Buffers have room for at least this many more tokens, and for a quarter more of a long prompt.
_ROOM = 512


class GrowingLayer(DynamicLayer):  # type: ignore[no-untyped-call]
    """A layer's keys and values in buffers with room to grow, so that appending a token copies only
    that token. Shapes are (batch, heads, tokens, size)."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values; returns all of them, as views of the buffers."""
        if self.keys is None or self.values is None:
            self.lazy_initialization(key_states, value_states)
            self._key_room = self._value_room = key_states[..., :0, :]
            self.keys, self.values = self._key_room, self._value_room
        begin = self.keys.shape[-2]
        end = begin + key_states.shape[-2]
        if end > self._key_room.shape[-2]:
            room = end + max(_ROOM, begin // 4)
            self._key_room = _reallocated(self.keys, key_states, room)
            self._value_room = _reallocated(self.values, value_states, room)
        self._key_room[..., begin:end, :] = key_states
        self._value_room[..., begin:end, :] = value_states
        self.keys, self.values = self._key_room[..., :end, :], self._value_room[..., :end, :]
        return self.keys, self.values

    @property
    def room_bytes(self) -> int:
        """Size of the buffers, in bytes."""
        rooms = (getattr(self, "_key_room", None), getattr(self, "_value_room", None))
        return sum(room.nbytes for room in rooms if room is not None)


def _empty(layers: int) -> Cache:
    return Cache(layers=[GrowingLayer() for _ in range(layers)])  # type: ignore[no-untyped-call]


def _reallocated(old: torch.Tensor, new: torch.Tensor, room: int) -> torch.Tensor:
    buffer = new.new_empty((*new.shape[:-2], room, new.shape[-1]))
    buffer[..., : old.shape[-2], :] = old
    return buffer


class SideBySide:
    """The next tokens of several replies to one prompt, computed together.

    The replies take turns, token by token, in the prompt's own cache, and a mask keeps them apart.
    So nothing is copied, and the prompt's keys and values are read once for all of them.

    Args:
        model: a transformers decoder.
        cache: of the prompt; holds the replies, too, from then on.
        count: how many replies.
    """

    def __init__(self, model: Any, cache: Any, count: int) -> None:
        self._model, self._count = model, count
        self._shared = all(type(layer) is GrowingLayer for layer in cache.layers)
        self._cache = cache if self._shared else repeated(cache, count)
        self._prompt_tokens = int(cache.get_seq_length())
        self._steps = 0

    def after(self, tokens: torch.Tensor) -> torch.Tensor:
        """The logits (count, vocabulary) after one more token of each reply, (count, 1)."""
        if not self._shared:
            return self._logits(input_ids=tokens)[:, -1]
        place = self._prompt_tokens + self._steps
        self._steps += 1
        replies = torch.arange(self._count, device=tokens.device)
        owners = replies.repeat(self._steps)
        width = self._prompt_tokens + len(owners)
        mask = torch.zeros((self._count, width), dtype=self._model.dtype, device=tokens.device)
        mask[:, self._prompt_tokens :].masked_fill_(owners != replies[:, None], float("-inf"))
        return self._logits(
            input_ids=tokens.T,
            position_ids=torch.full_like(tokens.T, place),
            attention_mask=mask[None, None],
        )[0]

    def _logits(self, **inputs: torch.Tensor) -> torch.Tensor:
        output = self._model(**inputs, past_key_values=self._cache, use_cache=True)
        logits: torch.Tensor = output.logits
        return logits


def repeated(cache: Any, count: int) -> Any:
    """A cache of ``count`` rows, each a copy of the only row of ``cache``."""
    duplicate = copy.deepcopy(cache)
    duplicate.batch_repeat_interleave(count)
    return duplicate


def whole_blocks(ids: Sequence[int]) -> list[int]:
    """Those of the tokens that fill whole blocks."""
    return list(ids[: len(ids) // BLOCK * BLOCK])


class KeptPrefix:
    """The cache of one model, used by one reply at a time (the caller holds a lock).

    Args:
        model: a transformers decoder. Nothing is kept for a model with layers that don't attend to
            the whole context.
        max_bytes: most memory kept between prompts; 0 keeps nothing.
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

    def holds(self, ids: Sequence[int]) -> bool:
        """Whether all these tokens, the first of a prompt, are kept."""
        return not ids or (self._cache is not None and self._ids[: len(ids)] == list(ids))

    def held_bytes(self) -> int:
        """Size of the buffers of keys and values, in bytes."""
        cache = self._cache
        rooms = [] if cache is None else [getattr(layer, "room_bytes", 0) for layer in cache.layers]
        return int(sum(rooms))

    def read(self, ids: Sequence[int], check: Callable[[], None]) -> tuple[torch.Tensor, Any]:
        """Process a prompt; returns the logits after it (vocabulary,), and its cache, with which to
        continue. See `reading`."""
        return next(filter(None, self.reading(ids, check)))

    def reading(
        self, ids: Sequence[int], check: Callable[[], None]
    ) -> Iterator[tuple[torch.Tensor, Any] | None]:
        """Process a prompt block by block: yields ``None`` after each block but the last, then what
        `read` returns. Who stops taking more ends the processing.

        Args:
            ids: all tokens of the prompt, at least one.
            check: called before each block. If it raises, processing stops, and the blocks
                processed so far stay kept.
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
            if begin + BLOCK < len(ids):
                yield None
        yield logits[0, -1], self._cache

    def release(self) -> None:
        """End a reply, complete or not: keep the prompt's whole blocks, within the limit.

        If the model failed and left its layers with different lengths, everything is dropped.
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
        """Crop the cache to the kept blocks with which ``ids`` begin; returns how many tokens."""
        if not self._plain:
            self._cache, self._ids = DynamicCache(config=self._model.config), []
            return 0
        # The last token is always processed: the reply begins with its logits.
        limit, shared = min(len(self._ids), len(ids) - 1), 0
        while shared + BLOCK <= limit and self._ids[shared : shared + BLOCK] == list(
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
