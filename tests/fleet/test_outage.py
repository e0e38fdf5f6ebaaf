"""PostgreSQL and the link go away in the middle of a fleet: nothing is lost and nothing doubled."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import suppress
from urllib.parse import urlsplit

from embodied_agent.errors import DatabaseError, LinkError
from embodied_agent.fleet.serving.server import FleetServer
from tests.support.cutting_proxy import CuttingProxy
from tests.support.fleet import WAIT_S, Robot, rows, serving, until
from tests.support.postgres import Postgres

ROBOTS, KEYFRAMES = 20, 24
#: How long all of them together may take for a part of their way, in seconds.
TOGETHER_S = 240.0


class Sending:
    """A robot that sees and sends at the same time, on a thread."""

    def __init__(self, url: str, number: int) -> None:
        self.robot = Robot(url, f"r{number}", batch_keyframes=4)
        self.failures = 0
        self.halfway, self.done = threading.Event(), threading.Event()
        self.may_go_on = threading.Event()
        self.error: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            for number in range(KEYFRAMES):
                self.robot.see("red van", f"crate {number % 7}", where=(number / 2, 0.0))
                if number == KEYFRAMES // 2:
                    self.halfway.set()
                    # Sends on until it is told to see more.
                    while not self.may_go_on.is_set():
                        self._try()
                        self._over.wait(0.01)
                self._try()
            while not self._over.is_set() and not self._is_current():
                self._over.wait(0.02)
            self.done.set()
        except BaseException as error:
            self.error = error

    def _try(self) -> None:
        try:
            self.robot.shipping.step(0.0)
        except LinkError:
            self.failures += 1

    def _is_current(self) -> bool:
        before = self.failures
        while self.failures == before:
            try:
                if not self.robot.shipping.step(0.0):
                    return True
            except LinkError:
                self.failures += 1
        return False

    def close(self) -> None:
        self._over.set()
        self.may_go_on.set()
        self._thread.join(WAIT_S)
        self.robot.close()


def begun(fleet: FleetServer) -> bool:
    """Whether a good part has arrived; the robots may have all connections to the database."""
    with suppress(DatabaseError):
        return bool(rows(fleet, "SELECT count(*) > 50 FROM keyframes")[0][0])
    return False


def test_twenty_robots_lose_and_double_nothing_while_postgresql_and_the_link_are_away(
    database_server: Postgres,
) -> None:
    with serving(database_server.database(), database_wait_s=0.5) as fleet:
        port = urlsplit(fleet.url).port
        assert port is not None
        with CuttingProxy(port, random.Random(1)) as proxy:
            robots = [Sending(f"http://127.0.0.1:{proxy.port}", n) for n in range(ROBOTS)]
            try:
                until(lambda: begun(fleet), TOGETHER_S)
                database_server.crash()
                for one in robots:
                    assert one.halfway.wait(TOGETHER_S)
                    one.may_go_on.set()
                until(lambda: all(one.failures or one.error for one in robots), TOGETHER_S)
                assert [one.error for one in robots] == [None] * ROBOTS
                proxy.cut(0.5)
                database_server.start()
                until(lambda: all(one.done.is_set() or one.error for one in robots), TOGETHER_S)
                assert [one.error for one in robots] == [None] * ROBOTS
            finally:
                for one in robots:
                    one.close()
        arrived = rows(
            fleet,
            "SELECT r.name, k.keyframe_id FROM keyframes k JOIN robots r ON r.id = k.robot",
        )
        assert Counter(arrived) == Counter(
            (f"r{number}", keyframe) for number in range(ROBOTS) for keyframe in range(KEYFRAMES)
        )
        assert rows(fleet, "SELECT count(*), count(DISTINCT robot) FROM mentions") == [
            (ROBOTS * KEYFRAMES * 2, ROBOTS)
        ]
        assert rows(fleet, "SELECT count(*) FROM seen") == [(ROBOTS * 8,)]
