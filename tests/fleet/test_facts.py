"""Facts that robots noted: sent once and in order, forgotten, and asked about."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from embodied_agent.fleet.link import Refused
from embodied_agent.fleet.replies import FleetOverview
from embodied_agent.fleet.sending.uplink import HttpUplink
from embodied_agent.fleet.serving import schema
from embodied_agent.fleet.serving.answering import Answering
from embodied_agent.fleet.serving.database import Database
from embodied_agent.fleet.serving.retention import delete_before
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.fleet.wire import Batch, Corrected, Cursor, FleetFact
from embodied_agent.object_records import Correction
from embodied_agent.records import Fact
from embodied_agent.settings import FleetServerSettings, MemorySettings
from tests.support.fleet import SECOND_NS, START_NS, Robot, rows, serving
from tests.support.postgres import Postgres

#: A Friday afternoon.
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=timezone.utc)


@pytest.fixture
def robot(fleet: FleetServer) -> Iterator[Robot]:
    one = Robot(fleet.url, "r1")
    yield one
    one.close()


def ago(**span: float) -> int:
    """The stamp of a moment before `NOW`."""
    return int((NOW - timedelta(**span)).timestamp()) * 10**9


def stored(fleet: FleetServer) -> list[tuple[int, str, str]]:
    return [
        (number, name, value)
        for number, name, value in rows(
            fleet, "SELECT fact_id, name, value FROM facts ORDER BY memory, fact_id"
        )
    ]


def held(robot: Robot) -> list[tuple[int, str, str]]:
    return [
        (one.id, one.fact.name, one.fact.value) for one in robot.store.outgoing.facts(0, 10_000)
    ]


def test_facts_arrive_once_in_order_beside_keyframes(fleet: FleetServer, robot: Robot) -> None:
    for number in range(5):
        robot.see("van")
        robot.note("battery", f"{80 - number} %", at_ns=START_NS + number * SECOND_NS)
        robot.send()
    robot.again()
    robot.note("GPS fix", "48.1, 11.5", at_ns=7, source="walk.mcap")
    robot.send()
    assert stored(fleet) == held(robot)
    assert [value for _, _, value in stored(fleet)] == [
        "80 %", "79 %", "78 %", "77 %", "76 %", "48.1, 11.5"
    ]  # fmt: skip
    when = rows(fleet, "SELECT noted_at, noted_by, source FROM facts WHERE fact_id IN (2, 6) "
                       "ORDER BY fact_id")  # fmt: skip
    assert when[0] == (
        datetime.fromtimestamp(START_NS / 1e9 + 1, timezone.utc), "/topic", ""
    )  # fmt: skip
    # A stamp that does not count from 1970 is no time: that of storing it counts.
    assert when[1][0] > datetime(2021, 1, 1, tzinfo=timezone.utc)
    assert robot.shipping.counts.facts == 1


def test_more_facts_than_fit_into_a_request_are_sent_in_several(
    database_server: Postgres,
) -> None:
    with serving(database_server.database(), max_body_bytes=65_536) as fleet:
        robot = Robot(fleet.url, "r1", batch_bytes=1_000_000)
        robot.store.facts.add(
            Fact("mode", f"{number} {'x' * 490}", START_NS + number) for number in range(400)
        )
        robot.send()
        assert stored(fleet) == held(robot)
        assert len(stored(fleet)) == 400
        robot.close()


def test_facts_that_are_sent_again_change_nothing_and_a_gap_is_refused(
    fleet: FleetServer, robot: Robot
) -> None:
    fact = FleetFact(id=1, name="mode", value="auto", stamp_ns=1, noted_at_s=1.0, checksum=7)
    batch = Batch(memory="0" * 32, facts=[fact])
    first = robot.link.post("/api/robots/r1/batch", batch, Cursor)
    assert first.fact_id == 1
    assert robot.link.post("/api/robots/r1/batch", batch, Cursor) == first
    later = Batch(memory="0" * 32, after_fact=2, facts=[fact.model_copy(update={"id": 3})])
    with pytest.raises(Refused, match="facts after 1 are missing") as caught:
        robot.link.post("/api/robots/r1/batch", later, Cursor)
    assert caught.value.status == 409
    both = [fact.model_copy(update={"id": number}) for number in (3, 2)]
    with pytest.raises(Refused, match="order of their ids"):
        robot.link.post("/api/robots/r1/batch", Batch(memory="0" * 32, facts=both), Cursor)
    assert stored(fleet) == [(1, "mode", "auto")]


def test_a_value_that_is_noted_again_for_the_same_moment_replaces_the_first(
    fleet: FleetServer, robot: Robot
) -> None:
    robot.note("battery", "80 %")
    robot.send()
    robot.note("battery", "79 %")
    robot.send()
    assert [value for _, _, value in stored(fleet)] == ["79 %"]
    assert stored(fleet) == held(robot)


def test_facts_of_a_forgotten_interval_are_removed_and_later_ones_follow(
    fleet: FleetServer, robot: Robot
) -> None:
    for number in range(6):
        robot.note("battery", number, at_ns=START_NS + number * SECOND_NS)
    robot.send()
    first, last = START_NS + 2 * SECOND_NS, START_NS + 5 * SECOND_NS
    robot.store.corrections.forget(Correction("forget", "me", from_ns=first, to_ns=last), (), ())
    # Their numbers are given to later ones, some of them before the fleet hears of it.
    robot.note("mode", "auto", at_ns=START_NS + 9 * SECOND_NS)
    robot.again()
    robot.send()
    assert stored(fleet) == held(robot)
    assert [value for _, _, value in stored(fleet)] == ["0", "1", "auto"]
    robot.note("mode", "manual", at_ns=START_NS + 10 * SECOND_NS)
    robot.send()
    assert stored(fleet) == held(robot)


def test_facts_that_the_robot_drops_for_their_age_stay_in_the_fleet(
    fleet: FleetServer,
) -> None:
    robot = Robot(fleet.url, "r1", memory=MemorySettings(facts_max=2))
    for number in range(6):
        robot.note("battery", number, at_ns=START_NS + number * SECOND_NS)
        robot.send()
    assert len(held(robot)) < 4
    robot.store.corrections.forget(Correction("forget", "me", from_ns=0, to_ns=1), (), ())
    robot.send()
    assert len(stored(fleet)) == 6
    robot.close()


def test_many_rows_are_compared_in_requests_that_the_smallest_server_takes(
    database_server: Postgres,
) -> None:
    with serving(database_server.database(), max_body_bytes=65_536) as fleet:
        robot = Robot(fleet.url, "r1", batch_keyframes=1000, batch_bytes=65_536)
        robot.store.facts.add(Fact("mode", f"{n}", START_NS + n) for n in range(4500))
        robot.send()
        first, last = START_NS + 100, START_NS + 199
        robot.store.corrections.forget(
            Correction("forget", "me", from_ns=first, to_ns=last), (), ()
        )
        robot.send()
        assert stored(fleet) == held(robot)
        assert len(stored(fleet)) == 4400
        robot.close()


def test_a_restored_database_gets_the_facts_again(fleet: FleetServer, robot: Robot) -> None:
    for number in range(3):
        robot.note("battery", number, at_ns=START_NS + number * SECOND_NS)
    robot.send()
    rows(fleet, "DELETE FROM facts WHERE fact_id > 1 RETURNING 1")
    rows(fleet, "UPDATE memories SET fact_id = 1 RETURNING 1")
    robot.send(30.0)
    assert stored(fleet) == held(robot)


def test_a_server_that_is_too_old_for_facts_gets_everything_else(
    fleet: FleetServer, robot: Robot
) -> None:
    class Older(HttpUplink):
        def cursor(self, memory: str) -> Cursor:
            return super().cursor(memory).model_copy(update={"fact_id": None})

        def batch(self, batch: Batch) -> Cursor:
            assert [batch.facts, batch.amended_facts, batch.forgotten_ns] == [[], [], []]
            return super().batch(batch).model_copy(update={"fact_id": None})

    robot.uplink = Older(robot.link, "r1")
    robot.again()
    robot.see("van")
    robot.note("battery", 1)
    robot.store.corrections.forget(Correction("forget", "me", from_ns=0, to_ns=1), (), ())
    robot.send()
    assert rows(fleet, "SELECT count(*) FROM keyframes") == [(1,)]
    assert stored(fleet) == []


def test_what_a_robot_says_of_corrections_without_facts_leaves_the_facts(
    fleet: FleetServer, robot: Robot
) -> None:
    robot.note("battery", 1)
    robot.send()
    memory = robot.store.outgoing.identity()
    told = Corrected(correction_id=3, answer_id=0)
    batch = Batch(memory=memory, corrected=told)
    assert robot.link.post("/api/robots/r1/batch", batch, Cursor).fact_id == 1


def test_what_postgresql_can_not_hold_does_not_stop_facts(fleet: FleetServer, robot: Robot) -> None:
    robot.note("mode", "nul \x00 here")
    robot.note("state", "auto", at_ns=2**63 - 1)
    robot.send()
    assert len(stored(fleet)) == 2


def test_facts_are_deleted_with_what_is_too_old(fleet: FleetServer, robot: Robot) -> None:
    for days in (9, 1):
        robot.note("battery", days, at_ns=ago(days=days))
    robot.send()
    delete_before(fleet.database, NOW - timedelta(days=5))
    assert [value for _, _, value in stored(fleet)] == ["1"]


def test_a_database_without_facts_is_brought_forward(database_server: Postgres) -> None:
    url = database_server.database()
    database = Database(FleetServerSettings.model_validate({"database": url}))
    database._migrated = True
    database.open()
    with database.transaction() as db:
        schema.migrate(db, schema.MIGRATIONS[:1])
        db.execute("INSERT INTO robots (name) VALUES ('r1')")
    database.close()
    with serving(url) as fleet:
        robot = Robot(fleet.url, "r1")
        robot.note("battery", 1)
        robot.send()
        assert stored(fleet) == held(robot)
        robot.close()


# -- questions -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def asked(database_server: Postgres) -> Iterator[Answering]:
    """Three robots with a battery, two of them with a mode, one with a voltage."""
    with serving(database_server.database()) as fleet:
        a, b, cart = (Robot(fleet.url, name) for name in ("A", "B", "cart-7"))
        a.see("red van", at_ns=ago(hours=3))
        a.note("battery", "90 %", at_ns=ago(hours=2))
        a.note("battery", "35 %", at_ns=ago(minutes=20))
        a.note("mode", "manual", at_ns=ago(hours=1))
        b.note("battery", "80 %", at_ns=ago(days=1))
        b.note("mode", "auto", at_ns=ago(minutes=1))
        b.note("door_lock", "open", at_ns=ago(minutes=1))
        cart.see("open door", at_ns=ago(hours=3))
        cart.note("Battery", "12 percent", at_ns=ago(minutes=5))
        cart.note("supply", "24.1 V", at_ns=ago(minutes=5))
        a.note("supply", "0.5", at_ns=ago(minutes=5))
        for number, metres in enumerate((2, 4, 6, 5, 5, 7, 8, 9, 4, 3)):
            a.note("altitude", f"{metres} m", at_ns=ago(minutes=50 - number))
        b.see("sofa", at_ns=ago(hours=5))
        b.see("sofa", at_ns=ago(hours=4))
        for one in (a, b, cart):
            one.send()
            one.close()
        yield Answering(fleet.database, zone=timezone.utc, clock=lambda zone: NOW)


def anybody(robot: str) -> bool:
    return True


ANSWERS = [
    ("What is the battery level of robot A?", "answered",
     "The battery of A is 35 %, noted today at 14:40:00."),
    ("What is cart-7's battery?", "answered", "The Battery of cart-7 is 12 percent"),
    ("How much battery does B have left?", "answered", "80 %, noted yesterday at 15:00:00"),
    ("Which mode is B in?", "answered", "The mode of B is auto"),
    ("What is the battery level of all robots?", "answered",
     "35 % on A (noted today at 14:40:00), 80 % on B"),
    ("What is the mode?", "answered",
     "manual on A (noted today at 14:00:00) and auto on B (noted today at 14:59:00). "
     "Nothing was noted about it on cart-7."),
    ("Which robot has the lowest battery?", "answered",
     "cart-7 has the lowest Battery: 12 percent, noted today at 14:55:00."),
    ("Which robot has the highest battery level?", "answered", "B has the highest battery: 80 %"),
    ("Who has the least battery left?", "answered", "cart-7 has the lowest"),
    ("What is the lowest battery level?", "answered", "cart-7 has the lowest"),
    ("Whose battery is fullest?", "answered", "B has the highest"),
    ("Which robots have a battery below 40 %?", "answered",
     "A (35 %, noted today at 14:40:00) and cart-7 (12 percent"),
    ("Whose battery is under 50 percent?", "answered", "A (35 %"),
    ("Which robots have a battery level of at least 80 %?", "answered", "B (80 %"),
    ("Which robots have a battery below 5 %?", "answered", "No robot has a battery below 5 %."),
    ("Which robots are in manual mode?", "answered", "The mode is manual on A (noted today"),
    ("Whose mode is auto?", "answered", "The mode is auto on B"),
    ("Which robots are in docking mode?", "answered",
     "The mode is not docking on any robot: it is manual on A and auto on B."),
    ("Is the mode of A manual?", "answered", "Yes, the mode of A is manual"),
    ("Is B in manual mode?", "answered", "No, the mode of B is auto"),
    ("Which robot has the lowest supply?", "cannot_tell", "A 0.5 and cart-7 24.1 V"),
    ("Which robots have a supply below 20 %?", "cannot_tell", "can't be compared"),
    ("What was the battery of A at 14:00?", "answered",
     "Today at 14:00:00, the battery of A was 90 %, noted today at 13:00:00."),
    ("What was A's battery at 2 pm today?", "answered", "was 90 %, noted today at 13:00:00"),
    ("What was the battery of A twenty minutes ago?", "answered",
     "Today at 14:40:00, the battery of A was 35 %, noted today at 14:40:00."),
    ("What was the battery of B at 14:00?", "answered", "was 80 %, noted yesterday at 15:00:00"),
    ("What was the battery of all robots at 13:30?", "answered",
     "Today at 13:30:00, the battery was 90 % on A (noted today at 13:00:00) and 80 % on B (noted "
     "yesterday at 15:00:00). Nothing had been noted about it on cart-7."),
    ("What was the battery of A at 12:00?", "cannot_tell",
     "I can't tell: today at 12:00:00, nothing had been noted about the battery on A."),
    ("What was the battery of A at 23:00?", "cannot_tell", "yesterday at 23:00:00, nothing had"),
    ("What will the battery of A be today at 23:00?", "cannot_tell", "I can't tell"),
    ("What was the mode of A yesterday at noon?", "cannot_tell", "yesterday at 12:00:00, nothing"),
    ("Which robot had the lowest battery at 14:00?", "answered",
     "Today at 14:00:00, B had the lowest battery: 80 %, noted yesterday at 15:00:00. Nothing had "
     "been noted about it on cart-7."),
    ("Which robots had a battery below 85 % at 1:30 pm?", "answered",
     "Today at 13:30:00, B (80 %, noted yesterday at 15:00:00)."),
    ("Which robots were in manual mode at 14:30?", "answered",
     "Today at 14:30:00, the mode was manual on A (noted today at 14:00:00)."),
    ("Is the mode of A manual when it sees the red van?", "cannot_tell", "I can't tell"),
    ("Was the mode of A manual at 14:30?", "answered",
     "Yes, today at 14:30:00, the mode of A was manual, noted today at 14:00:00."),
    ("What was the battery of A when it last saw the red van?", "cannot_tell",
     "when A last saw the red van, today at 12:00:00, nothing had been noted"),
    ("What was the mode of cart-7 when it saw a unicorn?", "not_seen",
     "cart-7 has not seen a unicorn"),
    ("What was the battery of B when it first saw the sofa?", "answered",
     "When B first saw the sofa, today at 10:00:00, the battery of B was 80 %"),
    ("What was the battery of B at #1?", "answered", "At #1, today at 11:00:00, the battery of B"),
    ("What was the battery at #1?", "cannot_tell", "Name one robot."),
    ("What was the battery of B at #77?", "cannot_tell", "I have no keyframe #77 of B"),
    ("What was the battery of A yesterday?", "cannot_tell", "nothing was noted"),
    ("What was the battery of B yesterday?", "answered",
     "The battery of B was noted to be 80 % yesterday at 15:00:00."),
    ("What was the battery of A in the last hour?", "answered",
     "The battery of A was noted to be 90 % today at 13:00:00 and 35 % today at 14:40:00."),
    ("What was the altitude of A in the last hour?", "answered",
     "The altitude of A was between 2 m today at 14:10:00 and 9 m today at 14:17:00; last it was "
     "3 m today at 14:19:00."),
    ("When did the battery of A change?", "answered",
     "The battery of A was noted to be 35 % today at 14:40:00."),
    ("When did the battery of A change to 90 %?", "answered",
     "The battery of A was noted to be 90 % today at 13:00:00."),
    ("When did the altitude of A change?", "answered",
     "4 m today at 14:18:00 and 3 m today at 14:19:00 (and 3 times before)."),
    ("When did the mode of A change?", "answered",
     "The mode of A did not change: it is manual (noted today at 14:00:00)."),
    ("When did the mode of A change to auto?", "answered",
     "The mode of A was never noted to be auto: it is manual"),
    ("When did the battery change?", "answered", "The battery of A was noted to be 35 % today"),
    ("What was the battery of A between 13:00 and 14:00?", "cannot_tell", "I can't tell"),
    ("What was the battery of A at the start?", "cannot_tell", "at a time of day"),
    ("Which robot had the lowest battery yesterday?", "cannot_tell", "only as of one moment"),
    ("What is the mode of cart-7?", "cannot_tell", "nothing was noted about the mode on cart-7"),
    ("What is the GPS fix of A?", "cannot_tell", "nothing was noted about the GPS fix on A"),
    ("Who saw the red van last?", "answered", "A last saw the red van"),
    ("Who saw an open door?", "answered", "cart-7 (the open door"),
    ("Which robot has seen a battery?", "not_seen", "No robot has seen a battery"),
    ("Who saw the lowest shelf?", "not_seen", "No robot has seen"),
]  # fmt: skip


@pytest.mark.parametrize(("question", "status", "part"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_a_question_about_facts_is_answered_from_what_was_noted(
    asked: Answering, question: str, status: str, part: str
) -> None:
    reply = asked.ask(question, anybody)
    assert part in reply.text
    assert reply.status == status, reply.text


def test_an_earlier_value_of_a_robot_that_is_named_by_a_number(
    fleet: FleetServer, database_server: Postgres
) -> None:
    robot = Robot(fleet.url, "7")
    for minutes, percent in ((300, 90), (296, 81), (294, 80), (5, 35)):
        robot.see("van", at_ns=ago(minutes=minutes))
        robot.note("battery", f"{percent} %", at_ns=ago(minutes=minutes))
    robot.send()
    robot.close()
    answering = Answering(fleet.database, zone=timezone.utc, clock=lambda zone: NOW)
    reply = answering.ask("What was robot 7's battery at 10:05?", anybody)
    assert reply.text == ("Today at 10:05:00, the battery of 7 was 81 %, noted today at 10:04:00.")
    (fact,) = reply.facts
    assert (fact.value, fact.noted_at_s) == ("81 %", ago(minutes=296) / 1e9)
    assert [one.keyframe_id for one in reply.evidence] == [1]


def test_changes_beyond_those_that_are_looked_at_are_not_counted(fleet: FleetServer) -> None:
    robot = Robot(fleet.url, "r1", batch_keyframes=1000)
    for at in range(11_000):
        robot.note("voltage", f"{at % 2} V", at_ns=ago(seconds=12_000 - at))
    robot.note("mode", "auto", at_ns=ago(seconds=12_000))
    robot.send()
    robot.close()
    answering = Answering(fleet.database, zone=timezone.utc, clock=lambda zone: NOW)
    text = answering.ask("When did the voltage of r1 change to 1 V?", anybody).text
    assert text.endswith("and 1 V today at 14:43:19 (and maybe before).")
    text = answering.ask("What was the voltage of r1 in the last hour?", anybody).text
    assert text == (
        "The voltage of r1 was between 0 V today at 14:00:00 and 1 V today at 14:00:01; last it "
        "was 1 V today at 14:43:19."
    )


def test_an_answer_holds_the_values_and_the_keyframes_of_their_time(asked: Answering) -> None:
    reply = asked.ask("What is the battery of A?", anybody)
    (fact,) = reply.facts
    assert (fact.robot, fact.name, fact.value, fact.by) == ("A", "battery", "35 %", "/topic")
    assert fact.noted_at_s == ago(minutes=20) / 1e9
    assert [(one.robot, one.keyframe_id) for one in reply.evidence] == [("A", 0)]


def test_facts_of_robots_that_an_asker_may_not_ask_about_have_no_part_in_an_answer(
    asked: Answering,
) -> None:
    def only_a(robot: str) -> bool:
        return robot == "A"

    assert asked.ask("Which robot has the lowest battery?", only_a).text.startswith("A has")
    reply = asked.ask("What is the door lock?", only_a)
    assert reply.status != "answered"
    assert reply.facts == []
    assert asked.ask("What is the battery?", anybody, robot="A").text.startswith(
        "The battery of A is 35 %"
    )


def test_the_overview_has_the_latest_value_of_each_fact(fleet: FleetServer, robot: Robot) -> None:
    for number in range(3):
        robot.note("battery", number, at_ns=START_NS + number * SECOND_NS)
    robot.note("mode", "auto")
    robot.send()
    overview = robot.link.get("/api/overview", FleetOverview)
    assert [(one.name, one.value) for one in overview.robots[0].facts] == [
        ("battery", "2"),
        ("mode", "auto"),
    ]
