"""The objects of an agent's memory: kept up with the deltas, asked for, and corrected.

Each committed delta is folded into the table of objects (`embodied_agent.objects`), in keyframe
order. How far that is, is stored with the objects: after a crash, or in a memory of an earlier
version, what is missing is folded when the objects are next needed. A memory that was opened
read-only is folded in RAM. Corrections by people are applied where they were made, so that objects
that are derived again are the same.

Out of scope: how objects are derived (`embodied_agent.objects`), the tables (`memory.objects`),
what corrections change (`corrections`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from embodied_agent.agent.camera_check import CameraCheck
from embodied_agent.agent.corrections import (
    amended,
    check,
    check_place,
    completed,
    contains,
    found_again,
    load_tracks,
)
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction, MapSession, NamedPlace, SeenObject
from embodied_agent.objects.alignment import Misalignment
from embodied_agent.objects.goals import Stand, area_of, choose
from embodied_agent.objects.rays import mount_on_body
from embodied_agent.objects.tracker import Tracker
from embodied_agent.records import Delta, Goal, Keyframe
from embodied_agent.rules.matching import means
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.settings import ObjectSettings

_log = logging.getLogger(__name__)

#: Keyframes that are read at once.
_CHUNK = 256
#: Objects that `ObjectMemory.locate` gives, at most.
MOST_LOCATED = 20
#: Objects that a name means and among which one of exactly that name is looked for.
_CONSIDERED = 200
#: An object is seen whole from this many times its size away.
_WHOLE = 1.3


class ObjectMemory:
    """Every method may be called from any thread, and raises `StoreError` where the memory can't be
    read or written.

    Args:
        store: the memory.
        settings: of objects.
        on_forget: called when something was removed from the memory.

    Attributes:
        faults: keyframes whose objects met an exception that nobody expected.
    """

    def __init__(
        self, store: Store, settings: ObjectSettings, on_forget: Callable[[], object] = lambda: None
    ) -> None:
        self._settings = settings
        self._on_forget = on_forget
        self._lock = threading.RLock()
        self._source = store
        self._tables = store
        self._tracker: Tracker | None = None
        self._corrected = 0  # id of the last correction that is applied
        self._waiting: list[Correction] = []  # those that are yet to be applied
        self.faults = 0
        self._camera = CameraCheck()

    @property
    def settings(self) -> ObjectSettings:
        """The settings that it was made with."""
        return self._settings

    # -- kept up with the deltas -----------------------------------------------------------------

    def add(self, keyframe: Keyframe, delta: Delta) -> None:
        """Fold a delta that was just committed; it never fails: what could not be folded is folded
        later."""
        try:
            with self._lock:
                tracker = self._loaded()
                if keyframe.id == tracker.last_keyframe + 1:
                    self._fold(tracker, keyframe, delta)
                else:
                    self.catch_up()
        except StoreError as error:
            self._tracker = None
            _log.warning("objects are behind the memory: %s", error)

    def catch_up(self) -> None:
        """Fold all deltas that are committed and not folded yet."""
        with self._lock:
            try:
                while self._catch_up_some():
                    pass
            except StoreError:
                self._tracker = None
                raise

    def _catch_up_some(self) -> bool:
        """Fold the next keyframes; whether there may be more."""
        since = self._loaded().last_keyframe + 1
        pending = self._source.oldest_pending()
        keyframes = self._source.keyframes(since=since, limit=_CHUNK)
        if pending is not None:
            keyframes = [one for one in keyframes if one.id < pending]
        if not keyframes:
            return False
        stored = self._source.deltas(since=since, until=keyframes[-1].id)
        deltas = {delta.keyframe_id: delta for delta in stored}
        for keyframe in keyframes:
            delta = deltas.get(keyframe.id) or Delta(keyframe.id, None, usable=False)
            self._fold(self._loaded(), keyframe, delta)
        return True

    def check_camera(self) -> Misalignment | None:
        """Look whether the bearings of objects agree with where the camera is said to look;
        `camera_problem` says so where they don't."""
        self.catch_up()
        with self._lock:
            return self._camera.look(self._loaded())

    @property
    def camera_problem(self) -> str:
        """That the camera seems to look elsewhere than it is said to; "" where nothing tells so,
        and before `check_camera` or some keyframes."""
        return self._camera.problem

    def rebuild(self) -> int:
        """Derive all objects again; returns how many there are."""
        with self._lock:
            self._tables.objects.clear()
            self._tracker = None
            self.catch_up()
            return len(self._tables.objects.objects())

    def _fold(self, tracker: Tracker, keyframe: Keyframe, delta: Delta) -> None:
        try:
            changes = tracker.fold(keyframe, delta)
        except Exception:
            # One keyframe must not end the objects of all others.
            _log.exception("the objects of keyframe %d met a fault and are left out", keyframe.id)
            self.faults += 1
            self._tracker = None
            tracker = self._loaded()
            changes = tracker.skip(keyframe.id)
        changes.correction_id = self._corrected
        self._tables.objects.write(changes)
        self._camera.folded(tracker)
        while self._waiting and self._waiting[0].after <= keyframe.id:
            self._apply_again(self._waiting.pop(0))

    def _apply_again(self, correction: Correction) -> None:
        """Apply a correction to objects that were derived again."""
        tracker = self._loaded()
        self._corrected = correction.id or 0
        now = found_again(correction, self._tables.objects)
        if correction.kind == "forget" or now is None:
            return  # the file does not hold it any more
        try:
            self._tables.objects.write(amended(now, self._tables.objects, self._source, tracker))
        except LookupError as error:
            _log.warning("correction %s can't be applied any more: %r", correction.id, error)
        self._reload()

    def _loaded(self) -> Tracker:
        """The tracker, as far as the table is."""
        if self._tracker is None:
            if self._source.read_only and self._tables is self._source:
                self._tables = self._in_memory()
            self._reload()
        assert self._tracker is not None
        return self._tracker

    def _reload(self) -> None:
        table = self._tables.objects
        tracker = Tracker(self._settings)
        folded = table.folded()
        try:
            if folded.state:
                tracker.restore(folded.state, [])
                session = tracker.sessions.current
                if session is not None:
                    tracks = load_tracks(table, session=session.id)
                    tracker.restore(folded.state, tracks.values())
            elif folded.keyframe_id < 0:
                table.clear()  # nobody knows how far what is there goes
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"the objects in {self._source.path} can't be read ({error!r}); "
                "`embodied-agent memory rebuild-objects` derives them again"
            ) from error
        self._tracker = tracker
        self._corrected = folded.correction_id
        self._waiting = [
            one for one in self._source.objects.corrections() if (one.id or 0) > self._corrected
        ]

    def _in_memory(self) -> Store:
        """The tables of objects in RAM, for a file that can't be written to."""
        store = Store.open("", self._source.settings)
        source = self._source.objects
        if source.exists:
            store.objects.copy_from(source)
        return store

    # -- asked for -------------------------------------------------------------------------------

    def objects(
        self, name: str | None = None, *, session: int | None = None, limit: int | None = None
    ) -> list[SeenObject]:
        """All objects, or those that a name means, best first."""
        self.catch_up()
        if name is None:
            return self._tables.objects.objects(session=session, limit=limit)
        found = self._named(name, MOST_LOCATED if limit is None else limit)
        return [one for one in found if session is None or one.session == session]

    def locate(self, name: str, *, limit: int = MOST_LOCATED) -> list[SeenObject]:
        """The objects that a name means and whose position is known, best first."""
        self.catch_up()
        return [one for one in self._named(name, limit) if one.position_m is not None]

    def _named(self, name: str, limit: int) -> list[SeenObject]:
        asked = read_phrase(name)
        table = self._tables.objects
        kinds = [kind for kind in table.kinds() if means(asked, read_phrase(kind))]
        if not kinds:
            return []
        found = table.by_kind(kinds, colors=asked.colours, limit=max(limit, _CONSIDERED))
        key = " ".join(name.casefold().split())
        return sorted(found, key=lambda one: one.name.casefold() != key)[:limit]

    def shown_in(self, keyframe_id: int, mentions: int) -> dict[int, SeenObject]:
        """The objects that the first ``mentions`` of a keyframe show, by the mention's index."""
        self.catch_up()
        table = self._tables.objects
        shown = table.shown_by((keyframe_id, rank) for rank in range(mentions))
        found = {number: table.find(number) for number in set(shown.values())}
        return {rank: one for (_, rank), number in shown.items() if (one := found[number])}

    def sessions(self) -> list[MapSession]:
        """All map sessions, in order."""
        self.catch_up()
        return self._tables.objects.sessions()

    def current_session(self) -> MapSession | None:
        """The latest map session; ``None`` where nothing was seen yet."""
        return max(self.sessions(), key=lambda one: one.id, default=None)

    def kinds(self) -> set[str]:
        """The kinds of things that there are objects of."""
        self.catch_up()
        return set(self._tables.objects.kinds())

    def goal(self, object_id: int) -> Goal | None:
        """Where to stand and look from, to see an object.

        Raises:
            QuestionError: there is no such object.
        """
        self.catch_up()
        table = self._tables.objects
        one = table.find(object_id)
        if one is None:
            raise QuestionError(f"there is no object {object_id}; see the list of objects")
        session = next((each for each in table.sessions() if each.id == one.session), None)
        if one.position_m is None or session is None or session.measured != "poses":
            return None
        later = [each.keyframe_id for each in table.sessions() if each.id > session.id]
        shown = {each.keyframe_id for each in table.sightings(object_ids=[object_id])}
        seers = [
            Stand(each.id, each.stamp_ns, each.pose, mount_on_body(each, self._settings))
            for each in self._source.keyframes_of(shown)
            if each.pose is not None
        ]
        keyframes = self._source.keyframes(
            since=session.keyframe_id,
            segment=session.segment,
            within=area_of(one.position_m, seers),
        )
        stands = [
            Stand(each.id, each.stamp_ns, each.pose, mount_on_body(each, self._settings))
            for each in keyframes
            if each.pose is not None
            and each.pose.frame_id == session.frame_id
            and (not later or each.id < min(later))
        ]
        track = load_tracks(table, ids=[object_id])[object_id]
        preferred = max(self._settings.goal_distance_m, _WHOLE * track.extent_m)
        chosen = choose(one.position_m, stands, shown, preferred)
        if chosen is None:
            return None
        stand, pose = chosen
        return Goal(pose, stand.stamp_ns, session.id, object_id, stand.keyframe_id)

    # -- said by people --------------------------------------------------------------------------

    def correct(self, correction: Correction) -> Correction:
        """Take note of a correction, and change the memory accordingly; returns it as stored.

        Raises:
            QuestionError: it can't be used.
        """
        check(correction)
        if self._source.read_only:
            raise StoreError(f"can't store a correction: {self._source.path} was opened read-only")
        with self._lock:
            self.catch_up()
            table = self._tables.objects
            tracker = self._loaded()
            stamped = replace(correction, at_s=correction.at_s or time.time())
            full = completed(stamped, table, tracker.last_keyframe)
            try:
                if correction.kind == "forget":
                    return self._forget(full)
                return table.correct(full, amended(full, table, self._source, tracker))
            finally:
                self._tracker = None

    def _forget(self, correction: Correction) -> Correction:
        table = self._tables.objects
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
        stored = table.forget(correction, objects, keyframes)
        self._tracker = None
        self._on_forget()
        self.catch_up()
        self._source.empty_log()
        return stored

    def _inside(self, correction: Correction) -> list[int]:
        """Keyframes that were taken inside a region of its session."""
        sessions = {one.id: one for one in self._tables.objects.sessions()}
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
        return self._source.objects.corrections()

    def named_places(self) -> list[NamedPlace]:
        """All named places, by name."""
        return self._source.objects.named_places()

    def name_place(self, place: NamedPlace) -> NamedPlace:
        """Remember a place by name; one of the same name is replaced.

        Raises:
            QuestionError: it can't be used.
        """
        check_place(place, [one.id for one in self.sessions()])
        named = replace(place, name=" ".join(place.name.split()), at_s=place.at_s or time.time())
        self._source.objects.name_place(named)
        return named

    def remove_place(self, name: str) -> bool:
        """Forget a named place; whether there was one."""
        return self._source.objects.remove_place(name)
