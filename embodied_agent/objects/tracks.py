"""The objects of the present map session, by id and by name, and what is usual of them.

Out of scope: one object (`track`), which mention belongs to which (`assignment`), the fold over
keyframes (`tracker`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from embodied_agent.object_records import ObjectChanges
from embodied_agent.objects.customs import Customs
from embodied_agent.objects.geometry import Usual
from embodied_agent.objects.naming import Name
from embodied_agent.objects.track import Track, join

#: Objects are located again when what is usual has changed by this part.
_CHANGED = 0.15


@dataclass(eq=False)
class Step:
    """What one keyframe does: ``changes`` to the table, and the tracks that were ``touched``, whose
    records are written when the keyframe is done."""

    changes: ObjectChanges
    touched: dict[int, Track] = field(default_factory=dict)


class Tracks:
    """Not thread-safe.

    Attributes:
        by_id: all of them, in the order in which they were added.
        basis: what is usual, as of when objects were last located by it.
    """

    def __init__(self) -> None:
        self.by_id: dict[int, Track] = {}
        self._groups: dict[str, dict[int, None]] = {}  # ordered sets of ids
        self._customs = Customs()
        self.basis = (0.0, math.nan)

    def add(self, track: Track) -> None:
        """Follow one more object."""
        self.by_id[track.id] = track
        self._groups.setdefault(track.name.group, {})[track.id] = None

    def clear(self) -> None:
        """Follow none any more."""
        self.by_id, self._groups, self._customs = {}, {}, Customs()
        self.basis = (0.0, math.nan)

    def of_group(self, name: Name) -> list[Track]:
        """Those whose name may mean the same kind of thing, the oldest first."""
        return [self.by_id[number] for number in self._groups.get(name.group, ())]

    def usual(self, track: Track) -> Usual:
        """What is usual for a track, as far as others tell."""
        return self._customs.usual(track)

    def note_custom(self, track: Track) -> None:
        """A track's position has changed: what is usual may have."""
        self._customs.update(track)

    def settle(self, track: Track) -> None:
        """Compute a track's position from its rays and what is usual."""
        track.settle(self._customs.usual(track))
        self._customs.update(track)

    def resettle(self, step: Step) -> None:
        """Where it has just become known what is usual, locate again what depends on it."""
        scale, floor = self._customs.basis
        before, floor_before = self.basis
        moved = abs(scale - before) > _CHANGED or (floor == floor) != (floor_before == floor_before)
        if not moved and not abs(floor - floor_before) > _CHANGED * math.exp(scale):
            return
        self.basis = scale, floor
        for track in list(self.by_id.values()):
            if not track.triangulated and track.rays:
                self.settle(track)
                step.touched[track.id] = track

    def absorb(self, track: Track, other: Track, step: Step) -> None:
        """``other`` is ``track``: its sightings become those of ``track``."""
        join(track, other)
        step.changes.joined.append((other.id, track.id))
        self._customs.drop(other)
        del self.by_id[other.id]
        del self._groups[other.name.group][other.id]
        for one in self.of_group(track.name):
            if other.id in one.apart:
                one.apart.add(track.id)
                step.touched[one.id] = one
        step.touched.pop(other.id, None)
        step.touched[track.id] = track
