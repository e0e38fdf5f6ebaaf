"""Questions about one robot or all, by rules over what they have sent."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest

from embodied_agent.fleet.link import Link, Refused
from embodied_agent.fleet.replies import FleetOverview, FleetReply
from embodied_agent.fleet.serving.answering import Answering
from embodied_agent.fleet.serving.retention import delete_before
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.fleet.wire import Restart
from embodied_agent.object_records import MapSession, NamedPlace, ObjectChanges
from tests.support.fleet import Asker, Robot, rows, serving
from tests.support.postgres import Postgres

#: A Friday afternoon.
NOW = datetime(2026, 11, 27, 15, 0, tzinfo=timezone.utc)


def ago(**span: float) -> int:
    """The stamp of a moment before `NOW`."""
    return int((NOW - timedelta(**span)).timestamp()) * 10**9


@pytest.fixture(scope="module")
def asked(database_server: Postgres) -> Iterator[Answering]:
    """Three robots: A in the hall, B outside, and cart-7, which has seen nothing today."""
    with serving(database_server.database(), common_frames=("map",)) as fleet:
        a, b, cart = (Robot(fleet.url, name) for name in ("A", "B", "cart-7"))
        a.see("red van", "wooden office chair", at_ns=ago(hours=2), where=(1.0, 1.0))
        a.see("fire extinguisher", at_ns=ago(hours=1), where=(1.2, 1.0))
        b.see("blue car", "red van", at_ns=ago(minutes=20), where=(30.0, 4.0))
        b.see("green door", "table", at_ns=ago(minutes=10), observation="A gramophone plays.")
        cart.see("red van", "yellow forklift", at_ns=ago(days=1, hours=1))
        cart.see("couch", at_ns=ago(days=3), where=(1.0, 1.0), frame="odom")
        hall = ((0.0, 0.0), (3.0, 0.0), (3.0, 3.0), (0.0, 3.0))
        yard = ((20.0, 0.0), (40.0, 0.0), (40.0, 9.0), (20.0, 9.0))
        store = ((100.0, 0.0), (109.0, 0.0), (109.0, 9.0), (100.0, 9.0))
        session = MapSession(0, "map", 0, 0)
        a.store.objects.write(ObjectChanges(1, session=session))
        for name, region in (("hall", hall), ("yard", yard), ("storage room", store)):
            a.store.places.put(NamedPlace(name, 0, "map", "me", region=region))
        for one in (a, b, cart):
            one.send()
            one.close()
        yield Answering(
            fleet.database, zone=timezone.utc, common_frames=("map",), clock=lambda zone: NOW
        )


def anybody(robot: str) -> bool:
    return True


ANSWERS = [
    ("Who saw the red van last?", "answered", ["B last saw the red van today at 14:40:00", "map"]),
    ("Which robot saw the red van first?", "answered", ["cart-7 first saw", "yesterday at 14:00"]),
    ("When was the red van last seen?", "answered", ["B", "today at 14:40:00"]),
    ("When did robot A last see the red van?", "answered", ["A last saw", "today at 13:00:00"]),
    ("When was the red van last seen by A?", "answered", ["A last saw", "today at 13:00:00"]),
    ("Where was the fire extinguisher last seen?", "answered", ["A last saw", "(1.2, 1.0) m"]),
    ("Which robot has seen a fire extinguisher?", "answered", ["A (the fire extinguisher"]),
    ("Which robots have seen a vehicle?", "answered", ["A (", "B (", "cart-7 ("]),
    ("Which robots have seen a red van today?", "answered", ["B (", "and A ("]),
    ("Who saw the red van yesterday?", "answered", ["cart-7"]),
    ("Who saw a sofa?", "answered", ["cart-7 (the couch, last on 2026-11-24"]),
    ("Has anyone seen chairs?", "answered", ["A (the wooden office chair"]),
    ("Has any robot seen a red van in the last 30 minutes?", "answered", ["B ("]),
    ("Is there a table?", "answered", ["Yes: B"]),
    ("Which robots have not seen a red van today?", "answered", ["cart-7 has not seen a red van"]),
    ("What has robot A seen?", "answered", ["A saw, the latest first: a fire extinguisher"]),
    ("What has cart-7 seen?", "answered", ["cart-7 saw", "a yellow forklift"]),
    ("What did the robots see in the last hour?", "answered", ["green door", "blue car"]),
    ("What has cart-7 seen today?", "not_seen", ["cart-7 has seen nothing today"]),
    ("Has cart-7 seen a red van today?", "not_seen", ["cart-7 has not seen", "yesterday"]),
    ("Who saw a green van?", "not_seen", ["No robot has seen a green van", "red van, which B"]),
    ("Which robot has seen a piano?", "not_seen", ["No robot has seen a piano"]),
    ("Who saw a steel chair?", "cannot_tell", ["A saw a wooden office chair", "do not say"]),
    ("Who has seen a gramophone?", "cannot_tell", ["notes of B", "A gramophone plays."]),
    ("Which rooms has nobody seen today?", "answered", ["storage room was not visited by any"]),
    ("Which rooms has robot B not visited today?", "answered", ["hall and storage room were"]),
    ("Which places has robot B visited today?", "answered", ["yard (B, last today at 14:40:00)"]),
    ("Which rooms has nobody seen yesterday?", "cannot_tell", ["when places were last visited"]),
    ("Who saw the van on Monday?", "cannot_tell", ["the times I understand are today"]),
    ("Who saw the red van and the blue car?", "cannot_tell", ["one thing at a time"]),
    ("What has robot zeta seen?", "cannot_tell", ["I don't know a robot called 'zeta'"]),
    ("How many red vans are there?", "cannot_tell", ["did not understand"]),
    ("What is the weather like?", "out_of_scope", ["not about what the robots have seen"]),
    ("What is two plus two?", "out_of_scope", ["not about what the robots have seen"]),
]  # fmt: skip


@pytest.mark.parametrize(("question", "status", "parts"), ANSWERS, ids=[a[0] for a in ANSWERS])
def test_a_question_is_answered_from_what_was_sent(
    asked: Answering, question: str, status: str, parts: list[str]
) -> None:
    reply = asked.ask(question, anybody)
    assert reply.status == status, reply.text
    for part in parts:
        assert part in reply.text


def test_an_answer_names_the_keyframes_that_prove_it(asked: Answering) -> None:
    (first, *_) = asked.ask("Who saw the red van last?", anybody).evidence
    assert (first.robot, first.keyframe_id, first.note) == ("B", 0, "red van")
    assert first.seen_at_s == ago(minutes=20) / 1e9
    assert first.thumbnail.endswith(f"/memories/{first.memory}/keyframes/0.jpg")


def test_what_an_asker_may_not_ask_about_has_no_part_in_an_answer(asked: Answering) -> None:
    def only_a(robot: str) -> bool:
        return robot == "A"

    assert asked.ask("Who saw the red van last?", only_a).text.startswith("A last saw")
    for question in ("Who saw a yellow forklift?", "Who saw a blue van?", "Who saw a gramophone?"):
        reply = asked.ask(question, only_a)
        assert reply.status == "not_seen"
        assert not {"B", "cart-7"} & {one.robot for one in reply.evidence}
        assert "forklift" not in reply.text.replace("a yellow forklift.", "")
    assert "I don't know a robot" in asked.ask("What has robot B seen?", only_a).text
    assert "I don't know a robot" in asked.ask("What was seen?", only_a, robot="B").text
    assert "I don't know any robots yet" in asked.ask("Who saw a van?", lambda robot: False).text


def test_robots_that_can_not_compare_places_don_not_visit_one_another_s(asked: Answering) -> None:
    # cart-7 was at (1, 1) too, but in a frame of its own.
    assert "hall" not in asked.ask("Which places has cart-7 visited?", anybody).text


# -- over HTTP -----------------------------------------------------------------------------------

ROBOT_TOKEN, ASKER_TOKEN, OTHER_TOKEN = "r" * 20, "a" * 20, "o" * 20
ACCESS = f"""
robots: {{r1: {ROBOT_TOKEN}, secret-1: {OTHER_TOKEN}}}
askers:
  office: {{token: {ASKER_TOKEN}, robots: ["r*"]}}
"""


@pytest.fixture
def guarded(database_server: Postgres, tmp_path: Path) -> Iterator[FleetServer]:
    (tmp_path / "access.yaml").write_text(ACCESS)
    access = str(tmp_path / "access.yaml")
    with serving(database_server.database(), access_file=access, common_frames=("map",)) as fleet:
        for name, token in (("r1", ROBOT_TOKEN), ("secret-1", OTHER_TOKEN)):
            robot = Robot(fleet.url, name, token=token)
            robot.see(f"{name} van", where=(1.0, 2.0))
            robot.send()
            robot.close()
        yield fleet


def test_an_asker_learns_of_its_own_robots_only(guarded: FleetServer) -> None:
    ask = Asker(guarded.url, ASKER_TOKEN)
    reply = ask("What have the robots seen?")
    assert "r1 van" in reply.text
    assert "secret" not in reply.text
    overview = ask.link.get("/api/overview", FleetOverview)
    assert [one.name for one in overview.robots] == ["r1"]
    assert overview.robots[0].latest[0].keyframe_id == 0


def test_the_overview_has_where_a_robot_was_in_its_latest_keyframe(fleet: FleetServer) -> None:
    robot, blind = Robot(fleet.url, "r1"), Robot(fleet.url, "r2")
    robot.see("van", where=(1.0, 2.0))
    robot.see("van", where=(3.5, -4.0), frame="hall")
    blind.see("van")
    for one in (robot, blind):
        one.send()
    overview = robot.link.get("/api/overview", FleetOverview)
    assert [(one.frame_id, one.x_m, one.y_m) for one in overview.robots] == [
        ("hall", 3.5, -4.0),
        ("", None, None),
    ]
    for one in (robot, blind):
        one.close()


@pytest.mark.parametrize("token", ["", "w" * 20, ROBOT_TOKEN])
def test_who_may_not_ask_is_refused(guarded: FleetServer, token: str) -> None:
    with pytest.raises(Refused) as caught:
        Asker(guarded.url, token)("Who saw a van?")
    assert caught.value.status == (403 if token == ROBOT_TOKEN else 401)


def test_a_robot_sends_as_itself_only(guarded: FleetServer) -> None:
    for token in (OTHER_TOKEN, ASKER_TOKEN):
        robot = Robot(guarded.url, "r1", token=token)
        with pytest.raises(Refused, match="may not send as"):
            robot.send()
        robot.close()


def test_a_thumbnail_is_shown_to_those_who_may_ask(guarded: FleetServer) -> None:
    memories = dict(
        rows(guarded, "SELECT r.name, m.uuid FROM memories m JOIN robots r ON r.id = m.robot")
    )

    def fetch(robot: str) -> bytes:
        address = f"{guarded.url}api/robots/{robot}/memories/{memories[robot]}/keyframes/0.jpg"
        headers = {"Authorization": f"Bearer {ASKER_TOKEN}"}
        with urllib.request.urlopen(urllib.request.Request(address, headers=headers)) as reply:
            return bytes(reply.read())

    assert fetch("r1").startswith(b"\xff\xd8")
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetch("secret-1")
    with caught.value as error:
        assert error.code == 404


def test_a_question_that_is_none_is_refused(fleet: FleetServer) -> None:
    link = Link(fleet.url, timeout_s=60.0)
    with pytest.raises(Refused) as caught:
        link.post("/api/ask", Restart(memory="0" * 32), FleetReply)
    assert caught.value.status == 422


# -- retention -----------------------------------------------------------------------------------


def test_what_is_too_old_is_deleted(fleet: FleetServer) -> None:
    robot = Robot(fleet.url, "r1")
    for days in (9, 8, 2, 1):
        robot.see("van", f"thing of day {days}", at_ns=ago(days=days), where=(days, 0.0))
    robot.send()
    assert delete_before(fleet.database, NOW - timedelta(days=5)) == 2
    assert delete_before(fleet.database, NOW - timedelta(days=5)) == 0
    assert rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1") == [(2,), (3,)]
    for table in ("thumbnails", "visits"):
        assert rows(fleet, f"SELECT count(*) FROM {table}") == [(2,)]
    names = rows(fleet, "SELECT n.name FROM seen s JOIN names n ON n.id = s.name ORDER BY 1")
    assert names == [("thing of day 1",), ("thing of day 2",), ("van",)]
    robot.again()
    robot.see("dog")
    robot.send()
    assert rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1") == [(2,), (3,), (4,)]
    robot.close()


def test_the_zone_decides_what_today_is(fleet: FleetServer) -> None:
    robot = Robot(fleet.url, "r1")
    robot.see("van", at_ns=ago(hours=8))  # 07:00 in UTC
    robot.send()
    robot.close()

    def status(zone: tzinfo) -> str:
        clock = NOW.astimezone(zone)
        answering = Answering(fleet.database, zone=zone, clock=lambda _: clock)
        return answering.ask("Who saw a van today?", anybody).status

    assert status(timezone.utc) == "answered"
    assert status(timezone(timedelta(hours=12))) == "not_seen"
