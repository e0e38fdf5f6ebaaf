"""Named places in a memory file: what people call a pose or a region.

Each row has a checksum; a damaged row is left out and reported.

Out of scope: what makes a place usable (`embodied_agent.agent.corrections`).
"""

from __future__ import annotations

from collections.abc import Callable

from embodied_agent.codec import to_json
from embodied_agent.memory.access import Access
from embodied_agent.memory.object_rows import read_records
from embodied_agent.memory.rows import text_sum
from embodied_agent.object_records import NamedPlace


class PlaceTable:
    """The named places in one file. Every method may be called from any thread, and raises
    `StoreError` if the file can't be read or written.

    Args:
        access: the file that holds them.
        exists: whether the file has the table.
    """

    def __init__(
        self,
        access: Access,
        exists: Callable[[], bool],
    ) -> None:
        self._access = access
        self._exists = exists

    def all(self) -> list[NamedPlace]:
        """All named places, by name."""
        if not self._exists():
            return []
        sql = "SELECT name, json, checksum FROM named_places ORDER BY name"
        with self._access.query("read named places") as db:
            return read_records(db, self._access.damage, NamedPlace, "named place", sql)

    def put(self, place: NamedPlace) -> None:
        """Store a named place; one of the same name is replaced."""
        text = to_json(place)
        with self._access.transaction("store a named place") as db:
            db.execute(
                "INSERT OR REPLACE INTO named_places VALUES (?, ?, ?)",
                (place.name, text, text_sum(text)),
            )

    def remove(self, name: str) -> bool:
        """Remove a named place; returns whether there was one."""
        with self._access.transaction("remove a named place") as db:
            db.execute("DELETE FROM named_places WHERE name = ?", (name,))
            return db.changes() > 0
