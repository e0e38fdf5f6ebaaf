"""Nothing is lost or doubled over MQTT though brokers, databases and servers are killed."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from typing import Any

import psycopg
import pytest

from embodied_agent.errors import LinkError
from embodied_agent.fleet.link import Link, Unreachable
from embodied_agent.fleet.replies import ServerStatus
from tests.support.fleet import START_NS, WAIT_S, Robot, serving, until
from tests.support.fleet_mqtt import REPLIES, broker_settings, robot_on
from tests.support.holding_proxy import HoldingProxy
from tests.support.mqtt import Broker, Peer
from tests.support.postgres import Postgres
from tests.support.processes import python_path
from tests.support.sending import TOGETHER_S, Sending, begun, check_arrived


@pytest.mark.timeout(900)
def test_robots_lose_and_double_nothing_though_broker_and_postgresql_are_killed(
    database_server: Postgres, broker: Broker
) -> None:
    count = 8
    database = database_server.database()
    settings = broker_settings(broker.port)
    with serving(database, broker=settings, database_wait_s=0.5) as fleet:
        robots = [
            Sending(robot_on(broker.port, f"r{n}", timeout_s=5.0, batch_keyframes=4))
            for n in range(count)
        ]
        try:
            until(lambda: begun(fleet, 20), TOGETHER_S)
            broker.kill()
            for one in robots:
                assert one.halfway.wait(TOGETHER_S)
                one.may_go_on.set()
            until(lambda: all(one.failures or one.error for one in robots), TOGETHER_S)
            broker.start()
            before = [one.failures for one in robots]
            database_server.crash()
            until(
                lambda: all(
                    one.failures > had or one.error for one, had in zip(robots, before, strict=True)
                ),
                TOGETHER_S,
            )
            database_server.start()
            broker.kill()
            broker.start()
            until(lambda: all(one.done.is_set() or one.error for one in robots), TOGETHER_S)
            assert [one.error for one in robots] == [None] * count
        finally:
            for one in robots:
                one.close()
        check_arrived(fleet, count)


class Process:
    """A fleet server as a process, on a broker."""

    def __init__(self, database: str, port: int, *arguments: str) -> None:
        command = [sys.executable, "-m", "embodied_agent.cli", "fleet", "--database", database]
        command += ["--port", "0", "--mqtt", "--set", f"mqtt.port={port}", *arguments]
        environment = {**os.environ, "PYTHONPATH": python_path()}
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[4].rstrip(",")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=WAIT_S)


def test_a_server_that_is_killed_between_commit_and_acknowledgement_doubles_nothing(
    database_server: Postgres, broker: Broker
) -> None:
    database = database_server.database()
    robot = robot_on(broker.port, timeout_s=5.0)
    for number in range(3):
        robot.see("van", f"crate {number}")
        robot.note("battery", number, at_ns=START_NS + number)
    with (
        HoldingProxy(broker.port) as proxy,
        psycopg.connect(database, autocommit=True) as db,
        Peer(broker.port, REPLIES) as peer,
    ):
        first = Process(database, proxy.port)
        try:
            answered = Link(first.url, timeout_s=WAIT_S)
            until(lambda: state(answered) == "connected")
            assert robot.shipping.step(0.0)  # asks where the server is
            proxy.hold()
            with pytest.raises(Unreachable):
                robot.shipping.step(0.0)
            until(lambda: count(db, "keyframes") == 3)
            assert len(peer.got) == 1  # the acknowledgement has not left
        finally:
            first.kill()
        assert count(db, "keyframes") == 3
        second = Process(database, broker.port)
        try:
            until(lambda: sent(robot))
            robot.see("dog")
            until(lambda: sent(robot))
            found = db.execute("SELECT keyframe_id FROM keyframes ORDER BY 1").fetchall()
            assert found == [(0,), (1,), (2,), (3,)]
            assert count(db, "facts") == 3
            assert count(db, "mentions") == 7
        finally:
            second.kill()
            robot.close()


def state(server: Link) -> str:
    with suppress(LinkError):
        status = server.get("/api/status", ServerStatus).mqtt
        return "" if status is None else status.state
    return ""


def count(db: psycopg.Connection[Any], table: str) -> int:
    row = db.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = %s", (table,)
    ).fetchone()
    assert row is not None
    if not row[0]:
        return 0
    row = db.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def sent(robot: Robot) -> bool:
    """Whether all is sent; the server may not be there yet."""
    try:
        robot.send()
    except Unreachable:
        return False
    return True
