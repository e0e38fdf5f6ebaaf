"""The names of things that robots have seen, as notes that the rules can match a phrase with.

A robot's set of names is read again when its ``vocabulary`` counter has grown, which the server
writes together with the names: an answer never rests on an older set than its own transaction sees.

Out of scope: when and where a thing was seen (`answering`).
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from embodied_agent.fleet.serving.database import Db
from embodied_agent.records import Delta, Mention
from embodied_agent.rules.notes import Notes

#: Sets of robots whose notes are kept.
_KEPT = 32


@dataclass(frozen=True, slots=True)
class Robot:
    """A robot as the database knows it; ``vocabulary`` grows with its set of names."""

    id: int
    name: str
    vocabulary: int


@dataclass
class FleetNotes:
    """What some robots have seen: ``notes`` to match phrases with, and the id of each name."""

    notes: Notes
    ids: dict[str, int] = field(default_factory=dict)


class Vocabulary:
    """Names by robot, cached. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[int, str] = {}
        self._of_robot: dict[int, tuple[int, frozenset[int]]] = {}
        self._notes: OrderedDict[tuple[int, ...], FleetNotes] = OrderedDict()

    def of(self, db: Db, robots: Sequence[Robot]) -> FleetNotes:
        """What these robots have seen.

        Raises:
            psycopg.Error: the database can't be used.
        """
        with self._lock:
            self._refresh(db, robots)
            ids = frozenset[int]().union(*(self._of_robot[robot.id][1] for robot in robots))
            key = tuple(robot.id for robot in robots)
            kept = self._notes.pop(key, None)
            if kept is None or not set(kept.ids.values()) <= ids:
                kept = FleetNotes(Notes())
            self._add(kept, ids)
            self._notes[key] = kept
            while len(self._notes) > _KEPT:
                self._notes.popitem(last=False)
            return kept

    def _refresh(self, db: Db, robots: Sequence[Robot]) -> None:
        stale = [
            robot.id
            for robot in robots
            if self._of_robot.get(robot.id, (-1, None))[0] != robot.vocabulary
        ]
        if not stale:
            return
        sets: dict[int, set[int]] = {number: set() for number in stale}
        for number, name in db.execute(
            "SELECT robot, name FROM seen WHERE robot = ANY(%s)", (stale,)
        ):
            sets[number].add(name)
        missing = sorted(set[int]().union(*sets.values()) - self._names.keys())
        self._names.update(
            db.execute("SELECT id, name FROM names WHERE id = ANY(%s)", (missing,)).fetchall()
        )
        versions = {robot.id: robot.vocabulary for robot in robots}
        for number, names in sets.items():
            self._of_robot[number] = versions[number], frozenset(names)

    def _add(self, kept: FleetNotes, ids: Collection[int]) -> None:
        known = set(kept.ids.values())
        for number in sorted(set(ids) - known):
            name = self._names[number]
            kept.ids[name] = number
            kept.notes.add(Delta(number, None, mentions=(Mention(name, "front"),)))
