"""A running agent sends by itself, and works on alone while the fleet is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from embodied_agent.agent import Agent
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.host.interfaces import Interfaces
from embodied_agent.host.interfaces import serving as hosting
from embodied_agent.interfaces.status import FleetStatus
from embodied_agent.object_records import Correction, NamedPlace
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Frame, Keyframe, Mention, Pose, Question
from embodied_agent.settings import MqttSettings, load_settings
from tests.support.fleet import Asker, rows, serving, until
from tests.support.mqtt import broker_in
from tests.support.postgres import Postgres
from tests.support.processes import free_port
from tests.support.views import panorama_views

START_NS = 1_790_000_000_000_000_000
VIEWS = panorama_views(6)


class Naming(GeometryPerceiver):
    """Sees one crate in each picture."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        name = f"crate {current.id}"
        return Delta(current.id, None, mentions=(Mention(name, "front", bearing_deg=1.0),))


@contextmanager
def robot(url: str, memory: Path | None = None, **more: Any) -> Iterator[tuple[Agent, Interfaces]]:
    settings = load_settings(
        memory__path="" if memory is None else str(memory),
        fleet__url=url,
        fleet__robot="cart-1",
        fleet__retry_s=0.02,
        fleet__retry_max_s=0.1,
        fleet__objects_s=0.05,
        **more,
    )
    with Agent(settings, perceiver=Naming()) as agent, hosting(agent, settings) as interfaces:
        yield agent, interfaces


def see(agent: Agent, first: int, count: int) -> None:
    for i in range(first, first + count):
        pose = Pose((0.5 * i, 0.0, 0.3), (0.0, 0.0, 0.0, 1.0), "map")
        agent.observe(Frame(START_NS + i * 10**9, image=VIEWS[i], index=i, pose=pose))
    assert agent.drain(60.0)


def status(interfaces: Interfaces) -> FleetStatus:
    found = interfaces.status()["fleet"]
    assert isinstance(found, FleetStatus)
    return found


def test_an_agent_sends_what_it_sees_answers_and_forgets(fleet: FleetServer) -> None:
    with robot(fleet.url) as (agent, interfaces):
        see(agent, 0, 3)
        answer = agent.ask(Question("Did you see a crate?"))
        assert agent.drain(60.0)
        keyframes = len(agent.store.keyframes())
        assert answer.status == "answered"
        session = agent.map_sessions()[-1]
        region = ((-1.0, -1.0), (9.0, -1.0), (9.0, 1.0), (-1.0, 1.0))
        agent.name_place(NamedPlace("hall", session.id, "map", "me", region=region))
        until(lambda: rows(fleet, "SELECT count(*) FROM keyframes") == [(keyframes,)])
        until(lambda: rows(fleet, "SELECT count(*) FROM answers") == [(1,)])
        until(lambda: rows(fleet, "SELECT name FROM places") == [("hall",)])
        until(lambda: rows(fleet, "SELECT count(*) FROM objects")[0][0])
        agent.correct(Correction("forget", "me", from_ns=START_NS, to_ns=START_NS))
        until(lambda: ("crate 0",) not in rows(fleet, "SELECT n.name FROM seen s "
                                               "JOIN names n ON n.id = s.name"))  # fmt: skip
        until(lambda: status(interfaces).state == "current")
        assert status(interfaces).keyframes_waiting == 0
    assert Asker(fleet.url)("Who saw crate 0?").status == "not_seen"


def test_a_robot_works_alone_and_sends_later(database_server: Postgres, tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with robot(url, tmp_path / "memory.db") as (agent, interfaces):
        see(agent, 0, 3)
        until(lambda: status(interfaces).state == "waiting")
        assert "can't be reached" in status(interfaces).last_error
        assert not interfaces.problems().keys() - {"fleet"}
    with robot(url, tmp_path / "memory.db") as (agent, interfaces):
        see(agent, 3, 3)
        keyframes = [one.id for one in agent.store.keyframes()]
        with serving(database_server.database(), port=port) as fleet:
            assert urlsplit(fleet.url).port == port
            until(lambda: status(interfaces).state == "current")
            arrived = rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1")
            assert [row[0] for row in arrived] == keyframes


def test_an_agent_sends_over_mqtt(database_server: Postgres, tmp_path: Path) -> None:
    with broker_in(tmp_path / "broker") as broker:
        through = MqttSettings(port=broker.port, retry_s=0.05, retry_max_s=0.2)
        with (
            serving(database_server.database(), broker=through) as fleet,
            robot("", fleet__transport="mqtt", mqtt__port=broker.port) as (agent, interfaces),
        ):
            see(agent, 0, 3)
            agent.note("battery", 0.8)
            keyframes = len(agent.store.keyframes())
            until(lambda: rows(fleet, "SELECT count(*) FROM keyframes") == [(keyframes,)])
            until(lambda: rows(fleet, "SELECT value FROM facts") == [("0.8",)])
            broker.kill()
            see(agent, 3, 3)
            until(lambda: status(interfaces).state == "waiting")
            broker.start()
            until(lambda: status(interfaces).state == "current")
            assert status(interfaces).server == f"mqtt://127.0.0.1:{broker.port}"
            keyframes = len(agent.store.keyframes())
            assert rows(fleet, "SELECT count(*) FROM keyframes") == [(keyframes,)]


def test_a_server_that_refuses_is_named_in_the_status(
    database_server: Postgres, tmp_path: Path
) -> None:
    access = tmp_path / "access.yaml"
    access.write_text("robots: {other: 0123456789abcdef0123}\n")
    token = "0123456789abcdef0123"
    with (
        serving(database_server.database(), access_file=str(access)) as fleet,
        robot(fleet.url, fleet__token=token) as (_, interfaces),
    ):
        until(lambda: status(interfaces).state == "refused")
        assert "may not send as the robot 'cart-1'" in status(interfaces).last_error
