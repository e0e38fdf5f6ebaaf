"""Fair turns: waiting items in a tree of clients, served round-robin at each level.

A client's name has levels, from verified to self-declared: the interface, then the address or user
that the interface has verified, then a name that the client chose (`client_name`). Turns are taken
at each level. A client that asks under two hundred names therefore still gets the one turn of its
address, and all addresses of one interface share the one turn of that interface.

Out of scope: threads, time-outs and answers (`question_queue`).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Generic, TypeVar
from urllib.parse import quote

T = TypeVar("T")

#: Maximum number of levels; the rest of a name belongs to the last one.
_LEVELS = 4


def client_name(*levels: str) -> str:
    """The name of a client, made of its levels; the text of a level can't add further levels."""
    return "/".join(quote(level, safe=" !#$&'()*+,:;=?@[]|") for level in levels)


class Turns(Generic[T]):
    """A node of the tree: its children take turns. Not thread-safe."""

    def __init__(self) -> None:
        self._children: OrderedDict[str, Turns[T]] = OrderedDict()
        self._items: deque[T] = deque()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[T]:
        yield from self._items
        for child in self._children.values():
            yield from child

    def push(self, client: str, item: T) -> None:
        """Add an item behind the others of its client."""
        node = self
        for level in _path(client):
            node._count += 1
            if level not in node._children:
                node._children[level] = Turns()
            node = node._children[level]
        node._count += 1
        node._items.append(item)

    def pop(self) -> T:
        """Take out the first item of the client whose turn it is, and let the others go first.

        Raises:
            IndexError: there is none.
        """
        if not self._count:
            raise IndexError("nobody waits")
        self._count -= 1
        if not self._children:
            return self._items.popleft()
        level, child = next(iter(self._children.items()))
        item = child.pop()
        self._children.move_to_end(level)
        if not child:
            del self._children[level]
        return item

    def remove(self, client: str, item: T) -> bool:
        """Take out ``item``; returns whether it was there."""
        return self._remove(_path(client), item)

    def displace(self, client: str) -> T | None:
        """Take out the newest item of the client with most items, to make room for one of
        ``client``; ``None`` if nobody has more than ``client`` would have then.

        Groups are compared first, then the members of the newcomer's own group.
        """
        heaviest = self._heaviest(_path(client))
        if heaviest is None:
            return None
        path, item = heaviest
        self._remove(path, item)
        return item

    def clear(self) -> None:
        """Take out everything."""
        self._children.clear()
        self._items.clear()
        self._count = 0

    def _remove(self, path: tuple[str, ...], item: T) -> bool:
        if not path:
            if item not in self._items:
                return False
            self._items.remove(item)
        else:
            child = self._children.get(path[0])
            if child is None or not child._remove(path[1:], item):
                return False
            if not child:
                del self._children[path[0]]
        self._count -= 1
        return True

    def _heaviest(self, newcomer: tuple[str, ...]) -> tuple[tuple[str, ...], T] | None:
        if not newcomer or not self._children:
            return None
        level, child = max(self._children.items(), key=lambda entry: len(entry[1]))
        own = self._children.get(newcomer[0])
        if child is not own and len(child) > (len(own) if own else 0) + 1:
            path, item = child._newest()
            return (level, *path), item
        if own is None or (found := own._heaviest(newcomer[1:])) is None:
            return None
        path, item = found
        return (newcomer[0], *path), item

    def _newest(self) -> tuple[tuple[str, ...], T]:
        """The newest item of the child with most items, and the path to it."""
        if not self._children:
            return (), self._items[-1]
        level, child = max(self._children.items(), key=lambda entry: len(entry[1]))
        path, item = child._newest()
        return (level, *path), item


def _path(client: str) -> tuple[str, ...]:
    """The levels of a name, and one more, so that a client's own items have a turn beside those of
    the names below it."""
    return (*client.split("/", _LEVELS - 1), "")
