"""All robots at a glance: state, facts, latest keyframes, positions, and the shared map; and
thumbnails.

Out of scope: questions (`answering`), the page that shows it (`static`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodied_agent.fleet.replies import FleetOverview, MapObject, MapPlace, RobotReply
from embodied_agent.fleet.serving.database import Database, Db
from embodied_agent.fleet.serving.noted import facts_at, noted_keys
from embodied_agent.fleet.serving.places import named_places
from embodied_agent.fleet.serving.saying import evidence_of, value_of
from embodied_agent.fleet.serving.sightings import KEYFRAME, Sighting

#: A robot that was not heard of for this long counts as silent, in seconds.
SILENT_S = 60.0
#: Keyframes shown of each robot, and objects on the map, at most.
_LATEST, _MOST_OBJECTS = 4, 2000


class Overview:
    """Every method may be called from any thread, and raises `DatabaseError` where the database
    can't be used.

    Args:
        database: of the fleet.
        common_frames: coordinate frames that mean the same for all robots.
    """

    def __init__(self, database: Database, common_frames: Sequence[str]) -> None:
        self._database = database
        self._common_frames = list(common_frames)

    def overview(self, may_ask_about: Callable[[str], bool]) -> FleetOverview:
        """The robots that the asker may know of, by name, and their objects and places in the
        common frames."""
        with self._database.transaction() as db:
            rows = db.execute(
                "SELECT r.id, r.name, r.heard_at, now(), "
                "coalesce((SELECT sum(keyframe_id + 1) FROM memories WHERE robot = r.id), 0), "
                "coalesce((SELECT sum(answer_id) FROM memories WHERE robot = r.id), 0), "
                "(SELECT count(*) FROM objects o WHERE o.robot = r.id) "
                "FROM robots r ORDER BY r.name"
            ).fetchall()
            rows = [row for row in rows if may_ask_about(row[1])]
            ids = [int(row[0]) for row in rows]
            latest, positions = _latest(db, ids)
            objects = self._objects(db, ids)
            facts = facts_at(db, dict.fromkeys(ids), noted_keys(db, ids))
            places = [one for one in named_places(db, ids) if one.frame_id in self._common_frames]
        robots = []
        for number, name, heard_at, now, keyframes, answers, count in rows:
            shown = latest.get(number, [])
            frame, x, y = positions.get(number, ("", None, None))
            robots.append(
                RobotReply(
                    name=name,
                    heard_at_s=heard_at.timestamp(),
                    seen_at_s=shown[0].seen_at.timestamp() if shown else None,
                    silent=(now - heard_at).total_seconds() > SILENT_S,
                    keyframes=int(keyframes),
                    answers=int(answers),
                    objects=int(count),
                    latest=[evidence_of(one) for one in shown],
                    facts=[value_of(one) for one in facts if one.robot_id == number],
                    frame_id=frame,
                    x_m=x,
                    y_m=y,
                )
            )
        return FleetOverview(
            robots=robots,
            objects=objects[:_MOST_OBJECTS],
            places=[
                MapPlace(
                    robot=one.robot,
                    name=one.name,
                    frame_id=one.frame_id,
                    x_m=one.position_m[0],
                    y_m=one.position_m[1],
                    region=list(one.region),
                )
                for one in places
            ],
            common_frames=self._common_frames,
            truncated=len(objects) > _MOST_OBJECTS,
        )

    def _objects(self, db: Db, robots: Sequence[int]) -> list[MapObject]:
        if not self._common_frames:
            return []
        rows = db.execute(
            "SELECT r.name, o.object_id, o.name, o.color, o.frame_id, o.x, o.y, o.gone "
            "FROM objects o JOIN robots r ON r.id = o.robot "
            "WHERE o.frame_id = ANY(%s) AND o.robot = ANY(%s) AND o.x IS NOT NULL "
            "ORDER BY o.gone, o.last_seen_ns DESC LIMIT %s",
            (self._common_frames, list(robots), _MOST_OBJECTS + 1),
        )
        return [
            MapObject(
                robot=robot,
                id=number,
                name=name,
                color=color,
                frame_id=frame,
                x_m=x,
                y_m=y,
                gone=gone,
            )
            for robot, number, name, color, frame, x, y, gone in rows
        ]

    def thumbnail(self, robot: str, memory: str, keyframe_id: int) -> bytes | None:
        """The thumbnail of a keyframe; ``None`` if there is none."""
        with self._database.transaction() as db:
            row = db.execute(
                "SELECT t.jpeg FROM thumbnails t JOIN memories m ON m.id = t.memory "
                "JOIN robots r ON r.id = m.robot "
                "WHERE r.name = %s AND m.uuid = %s AND t.keyframe_id = %s",
                (robot, memory, keyframe_id),
            ).fetchone()
        return None if row is None else bytes(row[0])


def _latest(
    db: Db, robots: Sequence[int]
) -> tuple[dict[int, list[Sighting]], dict[int, tuple[str, float | None, float | None]]]:
    """The latest keyframes of each robot, the latest first, and where its camera was in the latest:
    the frame, and metres."""
    rows = db.execute(
        f"SELECT {KEYFRAME}, k.frame_id, k.x, k.y FROM robots r "
        "CROSS JOIN LATERAL (SELECT * FROM keyframes WHERE robot = r.id "
        "ORDER BY seen_at DESC LIMIT %s) k JOIN memories m ON m.id = k.memory "
        "WHERE r.id = ANY(%s) ORDER BY r.id, k.seen_at DESC, k.keyframe_id DESC".encode(),
        (_LATEST, list(robots)),
    )
    latest: dict[int, list[Sighting]] = {}
    positions: dict[int, tuple[str, float | None, float | None]] = {}
    for *keyframe, frame, x, y in rows:
        one = Sighting(*keyframe)
        latest.setdefault(one.robot_id, []).append(one)
        positions.setdefault(one.robot_id, (frame, x, y))
    return latest, positions
