"""The objects as they were known at an earlier keyframe, for questions about that time.

They are derived again in RAM, from the start of the memory up to that keyframe. The latest such
fold is kept, so that later moments only add to it.

Out of scope: the objects as they are known now (`object_fold`).
"""

from __future__ import annotations

import threading

from embodied_agent.agent.object_fold import ObjectFold
from embodied_agent.memory.store import Store
from embodied_agent.object_records import MapSession, SeenObject
from embodied_agent.settings import ObjectSettings

#: Keyframes that are folded for a question, at most: each takes some milliseconds.
MOST_FOLDED = 256


class PastObjects:
    """Every method may be called from any thread, and raises `StoreError` where the memory can't be
    read.

    Args:
        store: the memory.
        settings: of objects.
    """

    def __init__(self, store: Store, settings: ObjectSettings) -> None:
        self._store = store
        self._settings = settings
        self._lock = threading.Lock()
        self._tables: Store | None = None
        self._fold: ObjectFold | None = None
        self._corrections = 0
        self._until = -1

    def at(self, keyframe_id: int, limit: int) -> tuple[MapSession | None, list[SeenObject]]:
        """The map session of a keyframe and its objects as they were known then, best first; none
        where too many keyframes lead to it.

        Args:
            keyframe_id: the last one that counts.
            limit: objects, at most.
        """
        if keyframe_id >= MOST_FOLDED:
            return None, []
        with self._lock:
            corrections = len(self._store.corrections.all())
            stale = keyframe_id < self._until or corrections != self._corrections
            if self._fold is None or stale:
                self._release()
                self._tables = Store.open("", self._store.settings)
                self._fold = ObjectFold(self._store, self._settings, tables=self._tables)
            self._corrections, self._until = corrections, keyframe_id
            self._fold.catch_up(keyframe_id)
            table = self._fold.table
            session = max(table.sessions(), key=lambda one: one.id, default=None)
            if session is None:
                return None, []
            return session, table.objects(session=session.id, limit=limit)

    def clear(self) -> None:
        """Forget what was derived."""
        with self._lock:
            self._release()

    def _release(self) -> None:
        if self._tables is not None:
            self._tables.close()
        self._tables = self._fold = None
