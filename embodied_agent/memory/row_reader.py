"""Reads the rows of a memory file and leaves out the damaged ones.

If damage ends a statement, its rows are read one by one. Damaged rows are reported and logged once
(`rows`).

Out of scope: which rows are read (`query`), writing (`store`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import apsw

from embodied_agent.codec import from_json
from embodied_agent.errors import StoreError
from embodied_agent.memory import schema
from embodied_agent.memory.file import DAMAGE, explain
from embodied_agent.memory.readers import Readers
from embodied_agent.memory.rows import (
    Damage,
    DamagedRow,
    check_keyframe,
    check_picture,
    check_texts,
)
from embodied_agent.records import (
    Answer,
    Delta,
    Egomotion,
    Intrinsics,
    Keyframe,
    Mount,
    Pose,
    Question,
)

KEYFRAME_COLUMNS = (
    "id, segment, stamp_ns, reason, frame_id, width, height, "
    "overlap_ratio, inliers, egomotion, pose, intrinsics, mount"
)
#: How many columns these are.
KEYFRAME_WIDTH = len(KEYFRAME_COLUMNS.split(", "))

#: Every row of a table with ids takes more bytes than this.
_LEAST_ROW_BYTES = 32

T = TypeVar("T")


class RowReader:
    """Turns rows into records; ``None`` for a damaged row, which is noted in ``damage``."""

    def __init__(self, path: str, readers: Readers) -> None:
        self._path = path
        self._readers = readers
        with self.query("open") as db:
            checked = schema.version_of(db) >= schema.CHECKED
            known = schema.columns_of(db, "keyframes")
            #: Whether the file has a table of depth pictures.
            self.has_depths = schema.version_of(db) >= schema.WITH_DEPTHS
        #: `KEYFRAME_COLUMNS` of the table ``k``; NULL for those that an older file, which is opened
        #: for reading and so not migrated, does not have.
        self.keyframe_columns = ", ".join(
            f"k.{name}" if name in known else "NULL" for name in KEYFRAME_COLUMNS.split(", ")
        )
        self._sum = "{}.checksum" if checked else "NULL"
        #: The damaged rows found so far; they are left out.
        self.damage = Damage(path)

    @contextmanager
    def query(self, doing: str) -> Iterator[apsw.Connection]:
        """A connection to read with; ``doing`` says in errors what was tried.

        Raises:
            StoreError: the file can't be read.
        """
        with explain(self._path, doing), self._readers.one() as connection:
            yield connection

    def checksum_of(self, alias: str) -> str:
        """The SQL of a row's checksum, by the table's alias; NULL in a file without checksums."""
        return self._sum.format(alias)

    def collect(
        self,
        doing: str,
        sql: str,
        bindings: tuple[Any, ...],
        read: Callable[[Sequence[Any]], T | None],
        *,
        limit: int | None = None,
        backward: bool = False,
        by_id: bool = True,
    ) -> list[T]:
        """What ``read`` returns for each row, without ``None``.

        Where damage ends the statement, the rows are read one by one.

        Args:
            doing: what is done, for the error.
            sql: with ``{one}`` where a condition on ``k.id`` may follow.
            bindings: at most eight, numbered.
            read: ``None`` for a damaged row.
            limit: most rows.
            backward: whether the statement gives rows by descending id.
            by_id: whether rows may be read one by one.
        """
        items: list[T] = []
        most = -1 if limit is None else limit
        try:
            while True:
                with self.query(doing) as db:
                    rows = list(db.execute(f"{sql.format(one='')} LIMIT {most}", bindings))
                    items = [item for item in map(read, rows) if item is not None]
                if limit is None or len(items) >= limit or len(rows) < most:
                    return items[:limit]
                most += limit - len(items) + len(self.damage.names())  # some were damaged
        except StoreError as error:
            if not by_id or not isinstance(error.__cause__, DAMAGE):
                raise
        items = []
        bindings = (*bindings, *[None] * (8 - len(bindings)))
        statement = sql.format(one=" AND k.id = ?9")
        for number in self._ids(backward):
            if limit is not None and len(items) >= limit:
                break
            try:
                with self.query(doing) as db:
                    row = next(iter(db.execute(statement, (*bindings, number))), None)
                    item = None if row is None else read(row)
                if item is not None:
                    items.append(item)
            except StoreError as error:
                if not isinstance(error.__cause__, DAMAGE):
                    raise
                self.damage.note(f"row {number} ({doing})", error.__cause__)
        return items

    def _ids(self, backward: bool) -> range:
        """All ids that a row may have."""
        last = -1
        for column in ("id) FROM keyframes", "keyframe_id) FROM deltas", "id) FROM answers"):
            for order in ("max", "count"):
                with suppress(StoreError), self.query("look up the last row") as db:
                    bound = db.execute(f"SELECT {order}({column}").get
                    if isinstance(bound, int):
                        last = max(last, min(bound, most_rows(db)))
                    break
        return range(last, -1, -1) if backward else range(last + 1)

    def keyframe(self, row: Sequence[Any]) -> Keyframe | None:
        """The keyframe of `KEYFRAME_COLUMNS`, their checksum, a picture and its checksum; and a
        depth picture and its checksum, if the row goes on."""
        number, segment, stamp, reason, frame, width, height, overlap, *rest = row
        inliers, motion, pose, camera, place, checksum, jpeg, jpeg_sum, *more = rest
        try:
            check_keyframe(row[:KEYFRAME_WIDTH], checksum)
            egomotion = None if motion is None else from_json(Egomotion, motion)
            position = None if pose is None else from_json(Pose, pose)
            intrinsics = None if camera is None else from_json(Intrinsics, camera)
            mount = None if place is None else from_json(Mount, place)
        except ValueError as error:
            self.damage.note(f"keyframe {number}", error)
            return None
        picture = self.picture(f"picture of keyframe {number}", jpeg, jpeg_sum)
        depth = self.picture(f"depth of keyframe {number}", *more) if more else b""
        return Keyframe(
            id=number,
            stamp_ns=stamp,
            jpeg=picture,
            reason=reason,
            width=width,
            height=height,
            segment=segment,
            frame_id=frame,
            overlap_ratio=overlap,
            inliers=inliers,
            egomotion=egomotion,
            pose=position,
            intrinsics=intrinsics,
            mount=mount,
            depth=depth,
        )

    def picture(self, name: str, data: object, checksum: int | None) -> bytes:
        """A picture that is what was written; empty, and noted under its name, where it is not."""
        try:
            return check_picture(checksum, data)
        except DamagedRow as error:
            self.damage.note(name, error)
            return b""

    def delta(self, row: Sequence[Any]) -> Delta | None:
        """The delta of a keyframe's id, a text and its checksum."""
        number, text, checksum = row
        try:
            check_texts(checksum, text)
            delta = from_json(Delta, text)
            if delta.keyframe_id != number:
                raise DamagedRow(f"it is that of keyframe {delta.keyframe_id}")
        except ValueError as error:
            self.damage.note(f"delta of keyframe {number}", error)
            return None
        return delta

    def answer(self, row: Sequence[Any]) -> tuple[Question, Answer] | None:
        """The question and answer of an id, two texts and their checksum."""
        number, question, answer, checksum = row
        try:
            check_texts(checksum, question, answer)
            return from_json(Question, question), from_json(Answer, answer)
        except ValueError as error:
            self.damage.note(f"answer {number}", error)
            return None


def most_rows(db: apsw.Connection) -> int:
    """Most rows that the file can hold: damaged ids may be anything."""
    try:
        size = os.path.getsize(db.filename) if db.filename else 1 << 30
    except OSError:
        return 0
    return size // _LEAST_ROW_BYTES
