"""Whether the index tables agree with the deltas: their names, their words, their motions.

Questions are answered through these tables; if one misses a delta, the agent would deny what it has
seen. `embodied-agent memory check` compares them, and `memory repair` rewrites them.

Out of scope: damaged rows (`repair`), writing the tables (`writing`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from embodied_agent.codec import encodable
from embodied_agent.memory import schema
from embodied_agent.memory.file import ANY_DAMAGE
from embodied_agent.memory.rows import real
from embodied_agent.memory.writing import claims_of
from embodied_agent.records import Delta


def wrong_indexes(db: apsw.Connection, deltas: Mapping[int, Delta]) -> dict[str, str]:
    """What is wrong with the index of each delta, by name.

    Args:
        db: the memory.
        deltas: all intact deltas, by keyframe.
    """
    wrong: dict[str, str] = {}
    try:
        mentions = _grouped(
            db, "SELECT keyframe_id, name, direction, distance FROM mentions "
            "ORDER BY keyframe_id, rank"
        )  # fmt: skip
        claims: dict[int, list[tuple[Any, ...]]] = {}
        motions: dict[int, list[tuple[Any, ...]]] = {}
        if schema.version_of(db) >= schema.INDEXED:
            claims = _grouped(db, "SELECT keyframe_id, word FROM claims ORDER BY word")
            motions = _grouped(
                db, "SELECT keyframe_id, action, usable, angle_deg FROM deltas "
                "INDEXED BY deltas_motion"
            )  # fmt: skip
    except ANY_DAMAGE as error:
        return {"the index of deltas": str(error)}
    for number in mentions.keys() | claims.keys() | motions.keys() | deltas.keys():
        delta = deltas.get(number)
        if delta is None:
            continue  # the missing or damaged delta is reported itself
        name = f"index of the delta of keyframe {number}"
        if mentions.get(number, []) != [
            (encodable(m.name), m.direction, m.distance) for m in delta.mentions
        ]:
            wrong[name] = "it has other names than the delta"
        elif schema.version_of(db) < schema.INDEXED:
            continue
        elif claims.get(number, []) != sorted((word,) for word in claims_of(delta)):
            wrong[name] = "it has other words than the delta"
        elif motions.get(number) != [
            (delta.action and delta.action.value, int(delta.usable), real(delta.angle_deg))
        ]:
            wrong[name] = "it tells of another motion than the delta"
    return wrong


def _grouped(db: apsw.Connection, sql: str) -> dict[int, list[tuple[Any, ...]]]:
    rows: dict[int, list[tuple[Any, ...]]] = {}
    for number, *rest in db.execute(sql):
        rows.setdefault(number, []).append(tuple(rest))
    return rows
