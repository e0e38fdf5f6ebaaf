"""The objects of an agent's memory: kept up with the deltas, asked for, and corrected.

Out of scope: keeping them up with the deltas (`object_fold`), the tables (`memory.objects`), what
corrections change (`corrections`), where to stand (`object_goals`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from embodied_agent.agent.corrections import (
    amended,
    check,
    check_place,
    completed,
    contains,
)
from embodied_agent.agent.object_fold import ObjectFold
from embodied_agent.agent.object_goals import goal_of
from embodied_agent.agent.past_objects import PastObjects
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction, MapSession, NamedPlace, SeenObject
from embodied_agent.objects.alignment import Misalignment
from embodied_agent.records import Delta, Goal, Keyframe
from embodied_agent.rules.matching import means
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.settings import ObjectSettings

#: Most objects that `ObjectMemory.locate` gives.
MOST_LOCATED = 20
#: Most objects that a name may mean and among which one of exactly that name is looked for.
_CONSIDERED = 200


class ObjectMemory:
    """The objects of one memory. Every method may be called from any thread, and raises
    `StoreError` if the memory can't be read or written.

    Args:
        store: the memory.
        settings: of objects.
        on_forget: called when something was removed from the memory.
    """

    def __init__(
        self, store: Store, settings: ObjectSettings, on_forget: Callable[[], object] = lambda: None
    ) -> None:
        self._settings = settings
        self._on_forget = on_forget
        self._source = store
        self._fold = ObjectFold(store, settings)
        self._past = PastObjects(store, settings)

    @property
    def settings(self) -> ObjectSettings:
        """The settings that it was made with."""
        return self._settings

    # -- kept up with the deltas -----------------------------------------------------------------

    def add(self, keyframe: Keyframe, delta: Delta) -> None:
        """Fold a delta that was just committed. It never fails: what could not be folded is folded
        later."""
        self._fold.add(keyframe, delta)

    def catch_up(self) -> None:
        """Fold all deltas that are committed and not folded yet."""
        self._fold.catch_up()

    def rebuild(self) -> int:
        """Derive all objects again; returns how many there are."""
        return self._fold.rebuild()

    def check_camera(self) -> Misalignment | None:
        """Check whether the bearings of objects agree with where the camera's mount says it points;
        if not, `camera_problem` says so."""
        return self._fold.check_camera()

    @property
    def camera_problem(self) -> str:
        """Says that the camera seems to point elsewhere than its mount says; "" if it does not seem
        so, or before the first check."""
        return self._fold.camera_problem

    @property
    def faults(self) -> int:
        """How many keyframes raised an unexpected exception."""
        return self._fold.faults

    # -- asked for -------------------------------------------------------------------------------

    def objects(
        self, name: str | None = None, *, session: int | None = None, limit: int | None = None
    ) -> list[SeenObject]:
        """All objects, or those that a name means, best first."""
        self.catch_up()
        if name is None:
            return self._fold.table.objects(session=session, limit=limit)
        objects = self._named(name, MOST_LOCATED if limit is None else limit)
        return [one for one in objects if session is None or one.session == session]

    def locate(self, name: str, *, limit: int = MOST_LOCATED) -> list[SeenObject]:
        """The objects that a name means and whose position is known, best first."""
        self.catch_up()
        return [one for one in self._named(name, limit) if one.position_m is not None]

    def _named(self, name: str, limit: int) -> list[SeenObject]:
        phrase = read_phrase(name)
        table = self._fold.table
        kinds = [kind for kind in table.kinds() if means(phrase, read_phrase(kind))]
        if not kinds:
            return []
        candidates = table.by_kind(kinds, colors=phrase.colours, limit=max(limit, _CONSIDERED))
        key = " ".join(name.casefold().split())
        return sorted(candidates, key=lambda one: one.name.casefold() != key)[:limit]

    def shown_in(self, keyframe_id: int, mentions: int) -> dict[int, SeenObject]:
        """The objects that the first ``mentions`` of a keyframe show, by the mention's index."""
        self.catch_up()
        table = self._fold.table
        object_ids = table.shown_by((keyframe_id, rank) for rank in range(mentions))
        objects = {number: table.find(number) for number in set(object_ids.values())}
        return {rank: one for (_, rank), number in object_ids.items() if (one := objects[number])}

    def sessions(self) -> list[MapSession]:
        """All map sessions, in order."""
        self.catch_up()
        return self._fold.table.sessions()

    def current_session(self) -> MapSession | None:
        """The latest map session; ``None`` if nothing was seen yet."""
        return max(self.sessions(), key=lambda one: one.id, default=None)

    def as_of(self, keyframe_id: int, *, limit: int) -> tuple[MapSession | None, list[SeenObject]]:
        """The map session of a keyframe and its objects as they were known then, best first; none
        where too many keyframes lead to it."""
        return self._past.at(keyframe_id, limit)

    def kinds(self) -> set[str]:
        """The kinds of the objects."""
        self.catch_up()
        return set(self._fold.table.kinds())

    def goal(self, object_id: int) -> Goal | None:
        """Where to stand and look from, to see an object.

        Raises:
            QuestionError: there is no such object.
        """
        self.catch_up()
        return goal_of(object_id, self._fold.table, self._source, self._settings)

    # -- said by people --------------------------------------------------------------------------

    def correct(self, correction: Correction) -> Correction:
        """Store a correction and apply it to the memory; returns it as stored.

        Raises:
            QuestionError: it can't be used.
        """
        check(correction)
        if self._source.read_only:
            raise StoreError(f"can't store a correction: {self._source.path} was opened read-only")
        with self._fold.lock:
            self.catch_up()
            table = self._fold.table
            tracker = self._fold.loaded()
            stamped = replace(correction, at_s=correction.at_s or time.time())
            full = completed(stamped, table, tracker.last_keyframe)
            try:
                if correction.kind == "forget":
                    return self._forget(full)
                return self._source.corrections.add(
                    full, amended(full, table, self._source, tracker)
                )
            finally:
                self._fold.reload()

    def _forget(self, correction: Correction) -> Correction:
        table = self._fold.table
        objects: list[int] = []
        keyframes: list[int] = []
        if correction.object_id is not None:
            objects = [correction.object_id]
        elif correction.region:
            objects = [
                one.id
                for one in table.objects(session=correction.session)
                if one.position_m and contains(correction.region, *one.position_m[:2])
            ]
            keyframes = self._inside(correction)
        else:
            assert correction.from_ns is not None
            assert correction.to_ns is not None
            keyframes = [
                one.id
                for one in self._source.keyframes()
                if correction.from_ns <= one.stamp_ns <= correction.to_ns
            ]
        stored = self._source.corrections.forget(correction, objects, keyframes)
        self._fold.reload()
        self._past.clear()
        self._on_forget()
        self.catch_up()
        self._source.empty_log()
        return stored

    def _inside(self, correction: Correction) -> list[int]:
        """The keyframes that were taken inside a region of a map session."""
        sessions = {one.id: one for one in self._fold.table.sessions()}
        session = sessions.get(-1 if correction.session is None else correction.session)
        if session is None:
            raise QuestionError(f"there is no map session {correction.session}")
        later = min(
            (one.keyframe_id for one in sessions.values() if one.id > session.id), default=None
        )
        return [
            one.id
            for one in self._source.keyframes(since=session.keyframe_id)
            if (later is None or one.id < later)
            and one.pose is not None
            and one.pose.frame_id == session.frame_id
            and contains(correction.region, *one.pose.position_m[:2])
        ]

    def corrections(self) -> list[Correction]:
        """What people said, in order."""
        return self._source.corrections.all()

    def named_places(self) -> list[NamedPlace]:
        """All named places, by name."""
        return self._source.places.all()

    def name_place(self, place: NamedPlace) -> NamedPlace:
        """Remember a place by name; one of the same name is replaced.

        Raises:
            QuestionError: it can't be used.
        """
        check_place(place, [one.id for one in self.sessions()])
        stored = replace(place, name=" ".join(place.name.split()), at_s=place.at_s or time.time())
        self._source.places.put(stored)
        return stored

    def remove_place(self, name: str) -> bool:
        """Forget a named place; returns whether there was one."""
        return self._source.places.remove(name)
