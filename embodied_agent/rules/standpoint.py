"""Where things may be according to an agent's notes, seen from the camera's place at the last one.

Places are in units of the distance at which "near" ends (`reckoning`): the scale of the scene is not
known. Where something is by now counts from the last break only, since directions do not carry over
it; what came first counts over all of the memory.

Out of scope: what follows for a question (`derivation`).
"""

from __future__ import annotations

import bisect
from collections.abc import Collection, Sequence

import numpy as np

from embodied_agent.records import Delta, Mention
from embodied_agent.rules.derivation import Floats, Run
from embodied_agent.rules.notes import Notes, name_key
from embodied_agent.rules.reckoning import MOST_LATER, anywhere, carry_along


class Standpoint:
    """Notes as `derivation.Possible`; things go by their key (`name_key`).

    Args:
        notes: with at least one delta.
    """

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._places: dict[str, Floats] = {}

    @property
    def deltas(self) -> Sequence[Delta]:
        """The entries, in the order of keyframes."""
        return self._notes.deltas

    def last(self, name: str, now: int) -> int | None:
        """Index of the latest entry since the last break that names a thing, up to ``now``."""
        indexes = self._notes.thing(name).indexes
        count = bisect.bisect_right(indexes, now)
        return indexes[count - 1] if count and indexes[count - 1] >= self._notes.start else None

    def first(self, name: str, now: int) -> int | None:
        """Index of the first entry that names a thing, if it is not after ``now``."""
        first = self._notes.thing(name).first_index
        return first if first <= now else None

    def runs(self, now: int) -> list[Run]:
        """The steps since the last break, up to ``now``; its first entry is none."""
        runs: list[Run] = []
        for index in range(self._notes.start + 1, now + 1):
            action = self._notes.motions.action(index)
            if runs and runs[-1][0] is action:
                runs[-1][1].append(index)
            else:
                runs.append((action, [index]))
        return runs

    def places(self, name: str, now: int, skipped: Collection[int] = frozenset()) -> Floats | None:
        """Where a thing may be, (n, 2) lengths ahead and to the left of the camera at ``now`` had the
        ``skipped`` entries not happened; ``None`` where it was not noted before them."""
        if not skipped and name in self._places:
            return self._places[name]
        seen = self.last(name, min(skipped) - 1 if skipped else now)
        if seen is None:
            return None
        if now - seen - len(skipped) > MOST_LATER:
            found = anywhere()
        else:
            later = enumerate(self._notes.deltas[seen + 1 : now + 1], seen + 1)
            kept = [(index, delta) for index, delta in later if index not in skipped]
            found = carry_along(name, self._mention(name, seen), kept)
        places: Floats = np.stack((found.ahead, found.left), axis=1)
        if not skipped:
            self._places[name] = places
        return places

    def metres(self, name: str, now: int) -> Floats | None:
        """How far away a thing may be, (n,) in units of the near limit; ``None``: not noted."""
        places = self.places(name, now)
        return None if places is None else np.hypot(places[:, 0], places[:, 1])

    def _mention(self, name: str, index: int) -> Mention:
        mentions = self._notes.deltas[index].mentions
        return next(mention for mention in mentions if name_key(mention.name) == name)
