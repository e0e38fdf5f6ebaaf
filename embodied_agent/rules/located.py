"""Whether measured positions settle a question with choices.

Where every thing that a question is about has a measured position, and it is measured where the
camera is, nothing is left to reckon: from the notes comes only which things are meant.

    settlement = settle_by_position("Where is the red sofa now?", ("left", "back"), notes, places)

Out of scope: where positions come from (`embodied_agent.agent.from_here`), what the words of the
notes leave possible (`settling`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from embodied_agent.records import Delta
from embodied_agent.rules.derivation import Floats, Run, possible, settled
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.posed import Posed, posed
from embodied_agent.rules.settling import Settlement
from embodied_agent.rules.standpoint import Standpoint

#: Where a thing may be by its position, (n, 2) metres ahead and to the left of the camera, by its
#: key (`name_key`); the same row of two things belongs to the same place of the camera. ``None``
#: where it has no position that counts.
Places = Callable[[str], Floats | None]


def settle_by_position(
    text: str, options: Sequence[str], notes: Notes, places: Places
) -> Settlement | None:
    """The option that positions settle on, and the keys of the things whose positions these are;
    ``None`` where they settle on none, or the question is not about where things are now.

    Args:
        text: the question.
        options: its choices, without one that says that the memory does not tell.
        notes: the memory, with at least one delta.
        places: of the things, seen from where the camera is.
    """
    asked = posed(text, options, notes)
    if asked is None or asked.unknown:
        return None
    keys = _keys(asked)
    if not keys or any(places(key) is None for key in keys):
        return None
    located = Located(notes, places)
    choice = settled(possible(located, notes.last, asked.kind, asked.about, asked.options))
    if choice is None:
        return None
    evidence = tuple(sorted({thing.last_index for thing in asked.things}))
    return Settlement(asked.kind, asked.options.index(choice), "", evidence, keys)


def _keys(asked: Posed) -> tuple[str, ...]:
    """The things whose places decide; none where something else does."""
    about = asked.about
    if asked.kind == "relative_distance":
        return asked.options
    if asked.kind == "appearance_order" or "skipped" in about:
        return ()
    return tuple(about[role] for role in ("name", "at", "facing", "asked") if role in about)


class Located:
    """Positions as `derivation.Possible`, with the steps of the notes.

    Args:
        notes: with at least one delta.
        places: see `Places`.
    """

    def __init__(self, notes: Notes, places: Places) -> None:
        self._noted = Standpoint(notes)
        self._places = places

    @property
    def deltas(self) -> Sequence[Delta]:
        """The entries, in the order of keyframes."""
        return self._noted.deltas

    def last(self, name: str, now: int) -> int | None:
        """Index of the latest entry since the last break that names a thing, up to ``now``."""
        return self._noted.last(name, now)

    def first(self, name: str, now: int) -> int | None:
        """Index of the first entry that names a thing, if it is not after ``now``."""
        return self._noted.first(name, now)

    def runs(self, now: int) -> list[Run]:
        """The steps since the last break, up to ``now``; its first entry is none."""
        return self._noted.runs(now)

    def places(self, name: str, now: int, skipped: Collection[int] = frozenset()) -> Floats | None:
        """Where a thing may be, in metres; ``None`` where it has no position, and for what would
        be had the camera moved otherwise."""
        return None if skipped else self._places(name)

    def metres(self, name: str, now: int) -> Floats | None:
        """How far away a thing may be on the floor plan, (n,) in metres."""
        places = self._places(name)
        return None if places is None else np.hypot(places[:, 0], places[:, 1])
