"""Reads the deltas and words that the stored notes do not keep in RAM.

Out of scope: the notes (`stored_notes`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence, Set
from typing import overload

from embodied_agent.agent.note_index import NoteIndex
from embodied_agent.records import Delta


class StoredDeltas(Sequence[Delta]):
    """A sequence of deltas that are read when they are used. A slice without a step is one, too.

    Args:
        index: of the memory.
        start: the first delta.
        stop: one more than the last.
        extra: another delta after these, which is not in the memory.
    """

    def __init__(
        self, index: NoteIndex, start: int, stop: int, extra: tuple[Delta, ...] = ()
    ) -> None:
        self._index = index
        self._start, self._stop = start, max(start, stop)
        self._extra = extra

    def __len__(self) -> int:
        return self._stop - self._start + len(self._extra)

    @overload
    def __getitem__(self, at: int) -> Delta: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Delta]: ...

    def __getitem__(self, at: int | slice) -> Delta | Sequence[Delta]:
        if isinstance(at, int):
            number = range(len(self))[at]
            stored = self._stop - self._start
            if number >= stored:
                return self._extra[number - stored]
            return self._index.delta(self._start + number)
        start, stop, step = at.indices(len(self))
        if step != 1:
            return [self[number] for number in range(start, stop, step)]
        stored = self._stop - self._start
        extra = self._extra[max(0, start - stored) : max(0, stop - stored)]
        return StoredDeltas(
            self._index, self._start + min(start, stored), self._start + min(stop, stored), extra
        )

    def __iter__(self) -> Iterator[Delta]:
        yield from self._index.read(self._start, self._stop)
        yield from self._extra


class WordsInView(Set[str]):
    """The words of the names that notes hold, out of all words in the memory.

    Args:
        words: those of all names.
        held: whether the notes hold a name with a word.
    """

    def __init__(self, words: Collection[str], held: Callable[[str], bool]) -> None:
        self._words = words
        self._held = held

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and word in self._words and self._held(word)

    def __iter__(self) -> Iterator[str]:
        return filter(self._held, self._words)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class AllWords(Set[str]):
    """The words of two collections."""

    def __init__(self, one: Collection[str], other: Collection[str]) -> None:
        self._both = one, other

    def __contains__(self, word: object) -> bool:
        return any(word in words for words in self._both)

    def __iter__(self) -> Iterator[str]:
        return iter({word for words in self._both for word in words})

    def __len__(self) -> int:
        return sum(1 for _ in self)
