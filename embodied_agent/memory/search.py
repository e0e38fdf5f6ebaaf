"""Search in a memory file: by words, time and place.

Words are found through an index; where that is damaged, every delta is read.

Out of scope: names by synonym and plural (`embodied_agent.agent.note_index`), what has an id
(`query`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from embodied_agent.errors import StoreError
from embodied_agent.memory.file import DAMAGE
from embodied_agent.memory.row_reader import KEYFRAME_WIDTH, RowReader
from embodied_agent.records import Delta, Keyframe

#: Most results of a search without an index.
_MOST_HITS = 1_000_000


@dataclass(frozen=True, eq=False)
class Hit:
    """One result of a search. The keyframe's ``jpeg`` is empty; ``delta`` is ``None`` while it is
    pending. ``rank`` is lower for better matches of text, and 0 without text."""

    keyframe: Keyframe
    delta: Delta | None
    rank: float = 0.0


class Search:
    """Finds keyframes in a memory file; see `Reader.search`."""

    def __init__(self, rows: RowReader) -> None:
        self._rows = rows

    def __call__(
        self,
        *,
        text: str = "",
        from_ns: int | None = None,
        to_ns: int | None = None,
        near_m: Sequence[float] | None = None,
        radius_m: float = 2.0,
        limit: int = 20,
    ) -> list[Hit]:
        """The best ``limit`` keyframes that meet all conditions."""
        words = re.findall(r"\w+", text)
        if text.strip() and not words:
            return []
        # Each word is quoted: FTS5 would read some as operators.
        match = " OR ".join(f'"{word}"' for word in words)
        x, y, z = near_m if near_m is not None else (None, None, None)
        distance = "(x - ?4) * (x - ?4) + (y - ?5) * (y - ?5) + (z - ?6) * (z - ?6)"
        rank = "delta_text.rank" if words else "0.0"
        order = (
            str(KEYFRAME_WIDTH + 4) if words else (distance if near_m is not None else "k.id DESC")
        )
        sql = (
            f"SELECT {self._rows.keyframe_columns}, {self._rows.checksum_of('k')}, d.json, "
            f"{self._rows.checksum_of('d')}, {rank} FROM "
            + (
                "delta_text JOIN keyframes k ON k.id = delta_text.rowid "
                if words
                else "keyframes k "
            )
            + "LEFT JOIN deltas d ON d.keyframe_id = k.id WHERE "
            + ("delta_text MATCH ?1 AND " if words else "?1 IS NOT NULL AND ")
            + "(?2 IS NULL OR stamp_ns >= ?2) AND (?3 IS NULL OR stamp_ns <= ?3) "
            f"AND (?4 IS NULL OR {distance} <= ?7 * ?7){{one}} ORDER BY {order}, k.id DESC"
        )
        bindings = (match, from_ns, to_ns, x, y, z, radius_m)
        try:
            return self._rows.collect(
                "search", sql, bindings, self._hit, limit=limit, backward=True, by_id=not words
            )
        except StoreError as error:
            if not words or not isinstance(error.__cause__, DAMAGE):
                raise
            self._rows.damage.note("the index of words", error.__cause__)
        # Slower, and only by whole words as written.
        hits = self(
            from_ns=from_ns, to_ns=to_ns, near_m=near_m, radius_m=radius_m, limit=_MOST_HITS
        )
        terms = {word.casefold() for word in words}
        ranked = []
        for hit in hits:
            delta_words = set() if hit.delta is None else _words_of(hit.delta)
            if terms & delta_words:
                ranked.append(replace(hit, rank=-float(len(terms & delta_words))))
        return sorted(ranked, key=lambda hit: hit.rank)[:limit]

    def _hit(self, row: Sequence[Any]) -> Hit | None:
        keyframe = self._rows.keyframe((*row[: KEYFRAME_WIDTH + 1], None, None))
        if keyframe is None:
            return None
        _, text, checksum, rank = row[KEYFRAME_WIDTH:]
        delta = None if text is None else self._rows.delta((keyframe.id, text, checksum))
        return Hit(keyframe, delta, rank)


def _words_of(delta: Delta) -> set[str]:
    names = " ".join(mention.name for mention in delta.mentions)
    return set(re.findall(r"\w+", f"{names} {delta.observation}".casefold()))
