"""The table of objects, kept up with the deltas.

Each committed delta is folded into the table (`embodied_agent.objects`), in keyframe order. The
last folded keyframe is stored with the objects: after a crash, or in a memory of an earlier
version, the rest is folded when the objects are next needed. A memory that was opened read-only is
folded in RAM. Corrections by people are applied at the point where they were made, so that objects
that are derived again are the same.

Out of scope: how objects are derived (`embodied_agent.objects`), the tables (`memory.objects`),
what corrections change (`corrections`), what objects are asked for (`object_memory`).
"""

from __future__ import annotations

import logging
import threading
from dataclasses import replace

from embodied_agent.agent.camera_check import CameraCheck
from embodied_agent.agent.corrections import amended, found_again, load_tracks
from embodied_agent.errors import StoreError
from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.objects.alignment import Misalignment
from embodied_agent.objects.tracker import Tracker
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import ObjectSettings

_log = logging.getLogger(__name__)

#: Keyframes that are read together.
_CHUNK = 256


class ObjectFold:
    """Keeps the table of objects up with the deltas. Every method may be called from any thread,
    and raises `StoreError` if the memory can't be read or written.

    Args:
        store: the memory.
        settings: of objects.
        tables: where the objects are kept; by default with the memory.

    Attributes:
        lock: to be held from `loaded` until what it gave is written; reentrant.
        faults: how many keyframes raised an unexpected exception.
    """

    def __init__(
        self, store: Store, settings: ObjectSettings, *, tables: Store | None = None
    ) -> None:
        self._settings = settings
        self.lock = threading.RLock()
        self._source = store
        self._tables = store if tables is None else tables
        self._tracker: Tracker | None = None
        self._corrected = 0  # id of the last correction that is applied
        self._waiting: list[Correction] = []  # those that are yet to be applied
        self.faults = 0
        self._camera = CameraCheck()

    @property
    def table(self) -> ObjectTable:
        """The objects, as far as deltas are folded."""
        return self._tables.objects

    def reload(self) -> None:
        """Continue from what is stored in the table, because something else has written to it."""
        self._tracker = None

    def add(self, keyframe: Keyframe, delta: Delta) -> None:
        """Fold a delta that was just committed. It never fails: what could not be folded is folded
        later."""
        try:
            with self.lock:
                tracker = self.loaded()
                if keyframe.id == tracker.last_keyframe + 1:
                    self._fold(tracker, keyframe, delta)
                else:
                    self.catch_up()
        except StoreError as error:
            self._tracker = None
            _log.warning("objects are behind the memory: %s", error)

    def catch_up(self, until: int | None = None) -> None:
        """Fold all deltas that are committed and not folded yet, at most up to a keyframe."""
        with self.lock:
            try:
                while self._catch_up_some(until):
                    pass
            except StoreError:
                self._tracker = None
                raise

    def _catch_up_some(self, until: int | None) -> bool:
        """Fold the next keyframes; returns whether there may be more."""
        since = self.loaded().last_keyframe + 1
        pending = self._source.oldest_pending()
        keyframes = self._source.keyframes(since=since, limit=_CHUNK)
        if pending is not None:
            keyframes = [one for one in keyframes if one.id < pending]
        if until is not None:
            keyframes = [one for one in keyframes if one.id <= until]
        if not keyframes:
            return False
        stored = self._source.deltas(since=since, until=keyframes[-1].id)
        deltas = {delta.keyframe_id: delta for delta in stored}
        for keyframe in keyframes:
            delta = deltas.get(keyframe.id) or Delta(keyframe.id, None, usable=False)
            self._fold(self.loaded(), keyframe, delta)
        return True

    def check_camera(self) -> Misalignment | None:
        """Check whether the bearings of objects agree with where the camera's mount says it points;
        if not, `camera_problem` says so."""
        self.catch_up()
        with self.lock:
            return self._camera.look(self.loaded())

    @property
    def camera_problem(self) -> str:
        """Says that the camera seems to point elsewhere than its mount says; "" if it does not seem
        so, or before the first check."""
        return self._camera.problem

    def rebuild(self) -> int:
        """Derive all objects again; returns how many there are."""
        with self.lock:
            self._tables.objects.clear()
            self._tracker = None
            self.catch_up()
            return len(self._tables.objects.objects())

    def _fold(self, tracker: Tracker, keyframe: Keyframe, delta: Delta) -> None:
        depth = keyframe.depth or self._source.depth_of(keyframe.id)
        try:
            changes = tracker.fold(replace(keyframe, depth=depth), delta)
        except Exception:
            # One keyframe must not cost the objects of all others.
            _log.exception("the objects of keyframe %d met a fault and are left out", keyframe.id)
            self.faults += 1
            self._tracker = None
            tracker = self.loaded()
            changes = tracker.skip(keyframe.id)
        changes.correction_id = self._corrected
        self._tables.objects.write(changes)
        self._camera.folded(tracker)
        while self._waiting and self._waiting[0].after <= keyframe.id:
            self._apply_again(self._waiting.pop(0))

    def _apply_again(self, correction: Correction) -> None:
        """Apply a correction to objects that were derived again."""
        tracker = self.loaded()
        self._corrected = correction.id or 0
        now = found_again(correction, self._tables.objects)
        if correction.kind == "forget" or now is None:
            return  # its objects are no longer in the file
        try:
            self._tables.objects.write(amended(now, self._tables.objects, self._source, tracker))
        except LookupError as error:
            _log.warning("correction %s can't be applied any more: %r", correction.id, error)
        self._reload()

    def loaded(self) -> Tracker:
        """The tracker, at the point that the table has reached. Call it with the lock."""
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
                table.clear()  # how far the objects in it reach is unknown
        except (KeyError, TypeError, ValueError) as error:
            raise StoreError(
                f"the objects in {self._source.path} can't be read ({error!r}); "
                "`embodied-agent memory rebuild-objects` derives them again"
            ) from error
        self._tracker = tracker
        self._corrected = folded.correction_id
        self._waiting = [
            one for one in self._source.corrections.all() if (one.id or 0) > self._corrected
        ]

    def _in_memory(self) -> Store:
        """The tables of objects in RAM, for a file that can't be written to."""
        store = Store.open("", self._source.settings)
        source = self._source.objects
        if source.exists:
            store.objects.copy_from(source)
        return store
