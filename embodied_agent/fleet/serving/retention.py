"""Deletes data that are older than the retention period, a few rows at a time.

Objects and named places stay as long as their robots have them.

Out of scope: how long that is (``fleet_server.retention_days``).
"""

from __future__ import annotations

from datetime import datetime

from embodied_agent.fleet.serving.database import Database
from embodied_agent.fleet.serving.writing import derive_seen

#: Keyframes that one transaction deletes.
_AT_ONCE = 5000


def delete_before(database: Database, moment: datetime) -> int:
    """Delete keyframes with their thumbnails and mentions, visits, answers and facts from before
    ``moment``; returns how many keyframes.

    Raises:
        DatabaseError: the database can't be used; what was deleted stays deleted.
    """
    total = 0
    with database.transaction() as db:
        robots = [int(row[0]) for row in db.execute("SELECT id FROM robots ORDER BY id")]
    for robot in robots:
        while True:
            with database.transaction() as db:
                # Nothing of this robot is taken in meanwhile.
                db.execute("SELECT FROM robots WHERE id = %s FOR UPDATE", (robot,))
                rows = db.execute(
                    "DELETE FROM keyframes WHERE (memory, keyframe_id) IN ("
                    "SELECT memory, keyframe_id FROM keyframes WHERE robot = %s AND seen_at < %s "
                    "ORDER BY seen_at LIMIT %s) RETURNING memory, keyframe_id",
                    (robot, moment, _AT_ONCE),
                ).fetchall()
                gone = ([row[0] for row in rows], [row[1] for row in rows])
                which = (
                    "WHERE (memory, keyframe_id) IN "
                    "(SELECT * FROM unnest(%s::integer[], %s::bigint[]))"
                )
                db.execute(f"DELETE FROM thumbnails {which}", gone)
                db.execute(f"DELETE FROM mentions {which}", gone)
                if len(rows) < _AT_ONCE:
                    stale = db.execute(
                        "SELECT name FROM seen WHERE robot = %s AND seen_at < %s", (robot, moment)
                    ).fetchall()
                    if stale:
                        derive_seen(db, robot, [int(name) for (name,) in stale])
                    db.execute(
                        "DELETE FROM visits WHERE robot = %s AND seen_at < %s", (robot, moment)
                    )
                    db.execute(
                        "DELETE FROM facts WHERE robot = %s AND noted_at < %s", (robot, moment)
                    )
                    db.execute(
                        "DELETE FROM answers WHERE robot = %s AND answered_at < %s",
                        (robot, moment),
                    )
            total += len(rows)
            if len(rows) < _AT_ONCE:
                break
    return total
