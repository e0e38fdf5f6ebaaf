"""Which recordings were replayed into a memory, with which settings, and whether completely.

Out of scope: their keyframes (`store`), resuming a replay (`embodied_agent.agent.intake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from embodied_agent.memory.rows import Damage, DamagedRow, check_values, values_sum

#: The columns that a checksum covers, in its order, with their types.
REPLAY_COLUMNS = "key, settings, finished"
_TYPES: tuple[tuple[type, ...], ...] = ((str,), (str,), (int,))


def check_replay(values: Sequence[Any], checksum: int | None) -> None:
    """Refuse `REPLAY_COLUMNS` that are not what was written.

    Raises:
        DamagedRow: a type or the checksum is wrong.
    """
    check_values(values, _TYPES, checksum)


def known(db: apsw.Connection, source: str, damage: Damage) -> tuple[str, bool] | None:
    """The settings that a recording was replayed with, and whether to its end; ``None`` if that is
    unknown or damaged. Part of a transaction."""
    rows = db.execute(f"SELECT {REPLAY_COLUMNS}, checksum FROM sources WHERE key = ?", (source,))
    for *values, checksum in rows:
        try:
            check_replay(values, checksum)
        except DamagedRow as error:
            damage.note(f"state of the replay of {source}", error)
            return None
        _, settings, finished = values
        return str(settings), bool(finished)
    return None


def note(db: apsw.Connection, source: str, settings: str, finished: bool) -> None:
    """Write what `known` returns. Part of a transaction."""
    values = (source, settings, int(finished))
    db.execute(
        f"INSERT OR REPLACE INTO sources ({REPLAY_COLUMNS}, checksum) VALUES (?, ?, ?, ?)",
        (*values, values_sum(*values)),
    )
