"""Decides what a memory's next request to the fleet server is: new rows, or corrections.

Progress is only what the server has confirmed, so each step can be interrupted and repeated.

Out of scope: waiting and retrying (`sender`), corrections (`comparing`), sizes and refusals of
requests (`posting`).
"""

from __future__ import annotations

from embodied_agent.fleet.sending.comparing import AUDITED, Comparing
from embodied_agent.fleet.sending.outgoing import place_messages
from embodied_agent.fleet.sending.posting import Counts, Posting, total_size
from embodied_agent.fleet.sending.uplink import Uplink
from embodied_agent.fleet.wire import MOST_ITEMS, Batch, Cursor, FleetAnswer, FleetFact, FleetPlace
from embodied_agent.memory.store import Store
from embodied_agent.settings import FleetSettings

#: If nothing was sent for this long, in seconds, the robot asks the server how far it is. So the
#: server knows that the robot is alive, and the robot notices a restored database.
_ALIVE_S = 20.0
#: Greater than any id.
_LAST_ID = 2**62


class Shipping:
    """The requests of one memory. Not thread-safe.

    Args:
        store: the memory.
        settings: of the fleet.
        uplink: to the server.
    """

    def __init__(self, store: Store, settings: FleetSettings, uplink: Uplink) -> None:
        self._store = store
        self._rows = store.outgoing
        self._settings = settings
        self._memory = self._rows.identity()
        self._posting = Posting(self._memory, settings, uplink)
        self._comparison: Comparing | None = None
        self._told: dict[int, int] | None = None  # objects that the server has, once known
        self._told_places: list[FleetPlace] | None = None
        self._looked_at_s: float | None = None  # when changed objects were last looked for

    @property
    def counts(self) -> Counts:
        """What was sent since the start."""
        return self._posting.counts

    def step(self, now_s: float) -> bool:
        """Make the next request; returns whether there may be more to send at once.

        Args:
            now_s: monotonic seconds.

        Raises:
            LinkError: the server can't be reached, or refuses.
            StoreError: the memory can't be read.
        """
        self._posting.now_s = now_s
        cursor = self._posting.cursor
        if cursor is None:
            self._begin()
            return True
        self.counts.waiting = max(0, self._rows.last_keyframe() - cursor.keyframe_id)
        if self._comparison is None:
            self._comparison = self._due_comparison(cursor)
        if self._comparison is not None:
            if self._comparison.step():
                self._comparison = None
            return True
        return self._send_news(cursor) or self._send_objects(now_s) or self._show_life(cursor)

    # -- where the server is ---------------------------------------------------------------------

    def _show_life(self, cursor: Cursor) -> bool:
        """If nothing was sent for a while, ask the server how far it is; returns whether that has
        changed."""
        posting = self._posting
        if posting.now_s - posting.sent_s < _ALIVE_S or posting.asked_cursor() == cursor:
            return False
        posting.cursor = None  # its database was restored
        return True

    def _begin(self) -> None:
        cursor = self._posting.asked_cursor()
        if self._is_of_another(cursor):
            cursor = self._posting.restarted()
        self._comparison, self._told, self._told_places = None, None, None
        self._looked_at_s = None
        self._posting.cursor = cursor

    def _is_of_another(self, cursor: Cursor) -> bool:
        """Whether the server has keyframes that this memory does not have: an older copy of the
        file is in use again."""
        if cursor.keyframe_id > self._rows.last_keyframe():
            return True
        rows = self._store.keyframes(since=cursor.keyframe_id, limit=1)
        if cursor.stamp_ns is None or not rows or rows[0].id != cursor.keyframe_id:
            return False  # nothing to compare with
        return rows[0].stamp_ns != cursor.stamp_ns

    def _due_comparison(self, cursor: Cursor) -> Comparing | None:
        last = max((one.id or 0 for one in self._store.corrections.all()), default=0)
        # If the server is ahead, the last facts were forgotten here.
        if last <= cursor.correction_id and (cursor.fact_id or 0) <= self._rows.last_fact():
            return None
        self._told, self._looked_at_s = None, None
        return Comparing(self._store, self._memory, self._posting, cursor, last)

    # -- news ------------------------------------------------------------------------------------

    def _send_news(self, cursor: Cursor) -> bool:
        """Send the next keyframes, answers and facts; returns whether there were any."""
        posting = self._posting
        rows = self._rows.keyframes(cursor.keyframe_id, posting.most)
        keyframes = posting.fit(map(posting.keyframe, rows))
        answers: list[FleetAnswer] = []
        facts: list[FleetFact] = []
        if len(keyframes) == len(rows):
            found = self._rows.answers(cursor.answer_id, posting.most)
            answers = posting.fit(map(posting.answer, found), used=total_size(keyframes))
            if cursor.fact_id is not None and len(answers) == len(found):
                noted = self._rows.facts(cursor.fact_id, posting.most)
                used = total_size(keyframes) + total_size(answers)
                facts = posting.fit(map(posting.fact, noted), used=used)
        if not keyframes and not answers and not facts:
            return False
        batch = Batch(
            memory=self._memory,
            after_keyframe=cursor.keyframe_id,
            after_answer=cursor.answer_id,
            after_fact=cursor.fact_id or 0,
            keyframes=keyframes,
            answers=answers,
            facts=facts,
        )
        if posting.post(batch):
            self.counts.keyframes += len(keyframes)
            self.counts.answers += len(answers)
            self.counts.facts += len(facts)
            self.counts.waiting = max(0, self.counts.waiting - len(keyframes))
        return True

    def _send_objects(self, now_s: float) -> bool:
        """Send objects and places that have changed; returns whether there are more."""
        posting = self._posting
        last_s = self._looked_at_s
        if last_s is not None and now_s - last_s < self._settings.objects_s:
            return False
        held = self._rows.object_sums()
        if self._told is None:
            self._told = self._compared_objects(held)
        told = self._told
        changed = [number for number in sorted(held) if told.get(number) != held[number]]
        gone = [number for number in sorted(told) if number not in held][:AUDITED]
        ids = changed[: posting.most]
        records = filter(None, map(self._store.objects.find, ids))
        objects = posting.fit(posting.object(one, held[one.id]) for one in records)
        if objects or gone:
            if posting.post(Batch(memory=self._memory, objects=objects, objects_gone=gone)):
                for number in gone:
                    del told[number]
                told.update((one.id, one.checksum) for one in objects)
            return True
        told.update((number, held[number]) for number in ids)  # damaged: there is nothing to send
        if len(changed) > len(ids):
            return True
        places = place_messages(self._store.places.all(), self._store.objects.sessions())
        places = places[:MOST_ITEMS]
        if places != self._told_places:
            if not posting.post(Batch(memory=self._memory, places=places)):
                return True
            self._told_places = places
        self._looked_at_s = now_s
        return False

    def _compared_objects(self, held: dict[int, int]) -> dict[int, int]:
        """The objects that the server has in their current state. It deletes those that this memory
        does not have."""
        told = dict(held)
        numbers = sorted(held)
        first = 0
        for start in range(0, max(len(numbers), 1), AUDITED):
            part = numbers[start : start + AUDITED]
            last = part[-1] if start + AUDITED < len(numbers) else _LAST_ID
            sums = [(number, held[number]) for number in part]
            for number in self._posting.differing("objects", first, last, sums):
                told.pop(number, None)
            first = last + 1
        return told
