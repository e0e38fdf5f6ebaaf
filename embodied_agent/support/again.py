"""An iterable that can be iterated more than once without holding all its items."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Again(Generic[T]):
    """An iterable that is made anew each time.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], Iterable[T]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[T]:
        return iter(self._make())
