"""What people say about the objects of a memory file: corrections, and what is to be forgotten.

Corrections can't be derived again. Each is stored in one transaction with what it changes. Each row
has a checksum; a damaged row is left out and reported.

Out of scope: what a correction changes (`embodied_agent.agent.corrections`), removing bytes from
the file (`forgetting`), objects (`objects`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

import apsw

from embodied_agent.codec import from_json, to_json
from embodied_agent.memory import forgetting
from embodied_agent.memory.access import Access
from embodied_agent.memory.facts import FactTable
from embodied_agent.memory.object_rows import read_records, renumber
from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.rows import text_sum
from embodied_agent.memory.summaries import SummaryTable
from embodied_agent.object_records import Correction, MentionRef, ObjectChanges

#: Stamps above this are nanoseconds since 1970.
_SINCE_1970_NS = 1_000_000_000_000_000_000


class CorrectionTable:
    """The corrections in one file. Every method may be called from any thread, and raises
    `StoreError` if the file can't be read or written.

    Args:
        access: the file that holds them.
        objects: what is corrected.
        facts: forgotten by intervals.
        summaries: derived from the same deltas, and derived again after something is forgotten.
    """

    def __init__(
        self,
        access: Access,
        objects: ObjectTable,
        facts: FactTable,
        summaries: SummaryTable,
    ) -> None:
        self._access = access
        self._objects = objects
        self._facts = facts
        self._summaries = summaries
        self._forgotten: list[tuple[int, int]] | None = None  # the intervals, once they were read

    def all(self) -> list[Correction]:
        """All corrections, in the order in which they were made."""
        if not self._objects.exists:
            return []
        sql = "SELECT id, json, checksum FROM corrections ORDER BY id"
        with self._access.query("read corrections") as db:
            return read_records(db, self._access.damage, Correction, "correction", sql)

    def newest(self) -> int:
        """The id of the newest correction; 0 if there is none."""
        if not self._objects.exists:
            return 0
        with self._access.query("look up the newest correction") as db:
            return int(db.execute("SELECT coalesce(max(id), 0) FROM corrections").get)

    def add(self, correction: Correction, changes: ObjectChanges) -> Correction:
        """Store a correction together with what it changes; returns it with its id."""
        with self._access.transaction("store a correction") as db:
            stored = _insert_correction(db, correction)
            self._objects.apply(db, replace(changes, correction_id=stored.id or 0))
        return stored

    def forget(
        self, correction: Correction, object_ids: Collection[int], keyframes: Collection[int]
    ) -> Correction:
        """Remove objects, and everything of whole keyframes, from the file, and store the
        correction that says so; returns it with its id.

        If whole keyframes are forgotten, all objects are removed and must be derived again. Call
        `Store.empty_log` afterwards.
        """
        with self._access.transaction("forget") as db:
            forgetting.overwrite_deleted(db, fully=True)
            try:
                stored = self._forget(db, correction, object_ids, keyframes)
                self._forgotten = None
            finally:
                forgetting.overwrite_deleted(db, fully=False)
        return stored

    def _forget(
        self,
        db: apsw.Connection,
        correction: Correction,
        object_ids: Collection[int],
        keyframes: Collection[int],
    ) -> Correction:
        sql = "SELECT keyframe_id, rank FROM sightings WHERE object_id = ?"
        refs = {(number, rank) for one in object_ids for number, rank in db.execute(sql, (one,))}
        names = forgetting.names_of(db, refs)
        moved = forgetting.forget(db, refs, keyframes)
        if correction.from_ns is not None and correction.to_ns is not None:
            self._facts.forget(db, correction.from_ns, correction.to_ns)
            forgetting.forget_answers_of_facts(db, correction.from_ns, correction.to_ns)
        self._summaries.forget(db, names, set(keyframes))
        _amend_corrections(db, moved, refs, keyframes)
        for one in object_ids:
            db.execute("DELETE FROM sightings WHERE object_id = ?", (one,))
            db.execute("DELETE FROM objects WHERE id = ?", (one,))
        stored = _insert_correction(db, correction)
        if keyframes:
            self._objects.empty(db)
            return stored
        renumber(db, moved)
        row = next(iter(db.execute("SELECT keyframe_id, state FROM object_fold")), None)
        if row is not None:
            self._objects.apply(db, ObjectChanges(row[0], row[1], correction_id=stored.id or 0))
        return stored

    def is_forgotten(self, stamp_ns: int) -> bool:
        """Whether a person has asked to forget what was seen at this moment, whenever it comes in.

        Stamps that count from 1970 name a moment. Others, such as a video's, start anew with each
        recording, so only what the memory held at that time is forgotten.
        """
        if self._forgotten is None:
            self._forgotten = [
                (one.from_ns, one.to_ns)
                for one in self.all()
                if one.kind == "forget" and one.from_ns is not None and one.to_ns is not None
            ]
        return stamp_ns >= _SINCE_1970_NS and any(
            first <= stamp_ns <= last for first, last in self._forgotten
        )


def _insert_correction(db: apsw.Connection, correction: Correction) -> Correction:
    number = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM corrections").get)
    stored = replace(correction, id=number)
    text = to_json(stored)
    db.execute("INSERT INTO corrections VALUES (?, ?, ?)", (number, text, text_sum(text)))
    return stored


def _amend_corrections(
    db: apsw.Connection,
    moved: Mapping[MentionRef, MentionRef],
    refs: Collection[MentionRef],
    keyframes: Collection[int],
) -> None:
    """Let corrections find what is left of their objects; of those whose object is forgotten only
    who made them and when is kept."""
    for number, text in list(db.execute("SELECT id, json FROM corrections")):
        correction = from_json(Correction, text)
        if correction.kind == "forget":
            continue
        gone = {ref for ref in correction.mentions if ref[0] in keyframes} | {*refs}
        mentions = forgetting.rename_mentions(correction.mentions, moved, gone)
        others = forgetting.rename_mentions(correction.other_mentions, moved, gone)
        if not mentions:
            correction = replace(correction, text="", keyframes=())
        text = to_json(replace(correction, mentions=mentions, other_mentions=others))
        db.execute(
            "UPDATE corrections SET json = ?, checksum = ? WHERE id = ?",
            (text, text_sum(text), number),
        )
