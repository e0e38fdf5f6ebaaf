"""What robots send arrives once, in order, and follows what is forgotten and corrected."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.errors import DatabaseError, SettingsError
from embodied_agent.fleet.link import Refused, Unreachable
from embodied_agent.fleet.serving import schema
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.fleet.wire import Batch, Cursor, FleetKeyframe
from embodied_agent.memory.repair import repair
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Answer, Evidence, Question
from embodied_agent.settings import FleetServerSettings, MemorySettings
from tests.support.fleet import Robot, rows, serving
from tests.support.postgres import Postgres


@pytest.fixture
def robot(fleet: FleetServer) -> Iterator[Robot]:
    one = Robot(fleet.url, "r1")
    yield one
    one.close()


def ids(fleet: FleetServer) -> list[int]:
    return [row[0] for row in rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1")]


def test_keyframes_arrive_once_in_order_with_what_they_show(
    fleet: FleetServer, robot: Robot
) -> None:
    for number in range(5):
        robot.see("red van", f"chair {number}", where=(number, 1.0))
    robot.send()
    robot.see("dog")
    robot.send()
    robot.send()
    assert ids(fleet) == [0, 1, 2, 3, 4, 5]
    names = rows(fleet, "SELECT n.name FROM mentions m JOIN names n ON n.id = m.name "
                        "WHERE keyframe_id = 3 ORDER BY 1")  # fmt: skip
    assert names == [("chair 3",), ("red van",)]
    assert rows(fleet, "SELECT x, y, frame_id FROM keyframes WHERE keyframe_id = 2") == [
        (2.0, 1.0, "map")
    ]
    assert rows(fleet, "SELECT count(*) FROM thumbnails") == [(6,)]


def test_a_batch_that_is_sent_again_changes_nothing(fleet: FleetServer, robot: Robot) -> None:
    keyframe = FleetKeyframe(id=0, stamp_ns=1, seen_at_s=1.0, segment=0, checksum=7)
    batch = Batch(memory="0" * 32, keyframes=[keyframe])
    first = robot.link.post("/api/robots/r1/batch", batch, Cursor)
    assert robot.link.post("/api/robots/r1/batch", batch, Cursor) == first
    assert ids(fleet) == [0]


def test_a_batch_that_leaves_something_out_is_refused(fleet: FleetServer, robot: Robot) -> None:
    keyframe = FleetKeyframe(id=5, stamp_ns=1, seen_at_s=1.0, segment=0, checksum=7)
    batch = Batch(memory="0" * 32, after_keyframe=4, keyframes=[keyframe])
    with pytest.raises(Refused, match="keyframes after -1") as caught:
        robot.link.post("/api/robots/r1/batch", batch, Cursor)
    assert caught.value.status == 409
    assert ids(fleet) == []


def test_keyframes_out_of_order_are_refused(robot: Robot) -> None:
    both = [
        FleetKeyframe(id=number, stamp_ns=1, seen_at_s=1.0, segment=0, checksum=7)
        for number in (1, 0)
    ]
    with pytest.raises(Refused, match="order of their ids"):
        robot.link.post("/api/robots/r1/batch", Batch(memory="0" * 32, keyframes=both), Cursor)


def test_a_row_that_comes_twice_in_one_batch_is_refused_and_not_called_an_outage(
    fleet: FleetServer, robot: Robot
) -> None:
    keyframe = FleetKeyframe(id=0, stamp_ns=1, seen_at_s=1.0, segment=0, checksum=7)
    batch = Batch(memory="0" * 32, keyframes=[keyframe])
    robot.uplink.batch(batch)
    with pytest.raises(Refused, match="can't hold") as caught:
        robot.uplink.batch(Batch(memory="0" * 32, amended_keyframes=[keyframe, keyframe]))
    assert caught.value.status == 422
    assert robot.uplink.batch(batch).keyframe_id == 0
    assert ids(fleet) == [0]


def test_a_robot_goes_on_where_the_server_is(fleet: FleetServer, robot: Robot) -> None:
    robot.see("van")
    robot.send()
    robot.again()
    robot.see("dog")
    robot.send()
    assert ids(fleet) == [0, 1]
    assert robot.shipping.counts.keyframes == 1


def test_a_robot_that_has_nothing_to_send_is_heard_of(fleet: FleetServer, robot: Robot) -> None:
    robot.see("van")
    robot.send()
    for after_s, is_heard in ((1.0, False), (30.0, True)):
        rows(fleet, "UPDATE robots SET heard_at = '2020-01-01' RETURNING id")
        robot.send(after_s)
        assert rows(fleet, "SELECT heard_at > '2021-01-01' FROM robots") == [(is_heard,)]


def test_a_restored_database_is_noticed(fleet: FleetServer, robot: Robot) -> None:
    for name in ("van", "dog"):
        robot.see(name)
        robot.send()
    for table in ("keyframes", "thumbnails", "mentions", "seen"):
        rows(fleet, f"DELETE FROM {table} WHERE keyframe_id = 1 RETURNING 1")
    rows(fleet, "UPDATE memories SET keyframe_id = 0, stamp_ns = NULL RETURNING 1")
    robot.send(30.0)
    assert ids(fleet) == [0, 1]


def test_a_keyframe_waits_until_it_is_perceived(fleet: FleetServer, robot: Robot) -> None:
    robot.see("van")
    robot.store.add_keyframe(stamp_ns=2, jpeg=b"", width=1, height=1, reason="overlap", segment=0)
    robot.send()
    assert ids(fleet) == [0]
    assert robot.shipping.counts.waiting == 1


def test_what_postgresql_can_not_hold_does_not_stop_the_rest(
    fleet: FleetServer, robot: Robot
) -> None:
    robot.see("a\x00van", observation="nul \x00 here", where=(1e300, float("nan")))
    robot.see("surrogate \ud800", where=(1e300, -1e300), observation="x" * 50_000)
    robot.see("dog" * 5000, "", "   ")
    robot.see("cat")
    robot.send()
    assert ids(fleet) == [0, 1, 2, 3]


def test_a_request_that_is_too_large_is_sent_in_parts(database_server: Postgres) -> None:
    with serving(database_server.database(), max_body_bytes=65_536) as fleet:
        robot = Robot(fleet.url, "r1", batch_bytes=1_000_000)
        for number in range(150):
            robot.see("van", observation=f"{number} " + "x" * 2000)
        robot.send()
        assert ids(fleet) == list(range(150))
        robot.close()


def test_a_row_that_is_too_large_by_itself_is_sent_without_its_content(
    database_server: Postgres,
) -> None:
    with serving(database_server.database(), max_body_bytes=65_536) as fleet:
        robot = Robot(fleet.url, "r1", batch_bytes=1_000_000)
        robot.see(*(f"{number} {'x' * 900}" for number in range(200)))
        robot.see("dog")
        robot.send()
        assert ids(fleet) == [0, 1]
        assert robot.shipping.counts.reduced == 1
        robot.close()


def answered(robot: Robot, text: str, *evidence: int) -> int:
    cited = tuple(Evidence(number, 0) for number in evidence)
    return robot.store.save_answer(Question("what?"), Answer(text, evidence=cited))


def test_what_a_robot_forgot_is_removed(fleet: FleetServer, robot: Robot) -> None:
    for number in range(4):
        robot.see("red van", f"thing {number}")
    answered(robot, "the secret", 2)
    answered(robot, "harmless", 0)
    answered(robot, "the secret again", 2)
    robot.send()
    robot.store.corrections.forget(Correction("forget", "me", from_ns=0, to_ns=1), (), (2,))
    robot.again()  # the correction was made while nothing was sent
    answered(robot, "after it", 1)
    robot.send()
    assert ids(fleet) == [0, 1, 2, 3]
    assert rows(fleet, "SELECT keyframe_id FROM thumbnails ORDER BY 1") == [(0,), (1,), (3,)]
    shown = rows(fleet, "SELECT DISTINCT keyframe_id FROM mentions ORDER BY 1")
    assert shown == [(0,), (1,), (3,)]
    assert rows(fleet, "SELECT text FROM answers ORDER BY answer_id") == [
        ("harmless",), ("after it",)
    ]  # fmt: skip
    names = rows(fleet, "SELECT n.name FROM seen s JOIN names n ON n.id = s.name ORDER BY 1")
    assert names == [("red van",), ("thing 0",), ("thing 1",), ("thing 3",)]
    answered(robot, "and another", 1)
    robot.send()
    assert ("and another",) in rows(fleet, "SELECT text FROM answers")


def test_an_interrupted_audit_is_begun_again(fleet: FleetServer, robot: Robot) -> None:
    for number in range(30):
        robot.see(f"thing {number}")
    robot.send()
    robot.store.corrections.forget(Correction("forget", "me", from_ns=0, to_ns=1), (), range(5, 25))
    robot.shipping.step(0.0)  # the audit's first request
    robot.again()
    robot.send()
    assert rows(fleet, "SELECT count(*) FROM thumbnails") == [(10,)]
    assert rows(fleet, "SELECT correction_id FROM memories") == [(1,)]


def test_an_older_copy_of_a_memory_replaces_what_the_newer_one_sent(
    fleet: FleetServer, tmp_path: Path
) -> None:
    robot = Robot(fleet.url, "r1", tmp_path / "memory.db")
    robot.see("van")
    robot.store.export(str(tmp_path / "copy.db"))
    robot.see("dog")
    robot.see("cat")
    robot.send()
    robot.close()
    copy = Robot(fleet.url, "r1", tmp_path / "copy.db")
    copy.see("goat", at_ns=5)
    copy.send()
    assert ids(fleet) == [0, 1]
    names = rows(fleet, "SELECT n.name FROM seen s JOIN names n ON n.id = s.name ORDER BY 1")
    assert names == [("goat",), ("van",)]
    copy.close()


def test_another_memory_of_a_robot_is_kept_beside_the_first(
    fleet: FleetServer, robot: Robot
) -> None:
    robot.see("van")
    robot.send()
    other = Robot(fleet.url, "r1")
    other.see("dog")
    other.send()
    assert ids(fleet) == [0, 0]
    other.close()


def test_a_repaired_memory_is_the_same_to_the_fleet(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    with Store.open(path, MemorySettings()) as store:
        before = store.outgoing.identity()
    repair(path)
    with Store.open(path, MemorySettings()) as store:
        assert store.outgoing.identity() == before


# -- the database ------------------------------------------------------------------------------


def test_the_database_is_brought_forward_step_by_step(database_server: Postgres) -> None:
    url = database_server.database()
    with serving(url) as fleet, fleet.database.transaction() as db:
        assert schema.migrate(db) == 0
        more = (*schema.MIGRATIONS, "ALTER TABLE robots ADD COLUMN note text DEFAULT 'none'")
        assert schema.migrate(db, more) == 1
        assert schema.migrate(db, more) == 0
    newer = pytest.raises(SettingsError, match="newer than this program")
    with serving(url) as fleet, newer, fleet.database.transaction():
        pass


def test_a_migration_that_fails_leaves_the_database_as_it_was(database_server: Postgres) -> None:
    with serving(database_server.database()) as fleet:
        broken = (*schema.MIGRATIONS, "CREATE TABLE half (x integer); SELECT nonsense")
        with pytest.raises(DatabaseError), fleet.database.transaction() as db:
            schema.migrate(db, broken)
        assert rows(fleet, "SELECT version FROM fleet_schema") == [(len(schema.MIGRATIONS),)]
        assert rows(fleet, "SELECT to_regclass('half')") == [(None,)]


def test_without_its_database_the_server_asks_to_come_back(database_server: Postgres) -> None:
    url = "postgresql://nobody@127.0.0.1:9/fleet"
    with serving(url, database_wait_s=0.2) as fleet:
        robot = Robot(fleet.url, "r1")
        robot.see("van")
        with pytest.raises(Unreachable, match="status 503") as caught:
            robot.send()
        assert caught.value.retry_after_s > 0
        robot.close()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"database": None}, "--database"),
        ({"database": "postgresql://x:secret@h/y?nonsense=1"}, "can't read fleet_server.database"),
        ({"host": "0.0.0.0"}, "access_file"),
        ({"time_zone": "Mars/Olympus"}, "Europe/Berlin"),
        ({"access_file": "/nowhere.yaml"}, "access_file"),
    ],
)
def test_a_setting_that_can_not_be_used_is_named(
    settings: dict[str, str | None], message: str
) -> None:
    values = {"database": "postgresql://127.0.0.1:9/x", "port": 0, **settings}
    with pytest.raises(SettingsError, match=message) as caught:
        FleetServer(FleetServerSettings.model_validate(values))
    assert "secret" not in str(caught.value)
