"""Robots that see and send at the same time, for outages in between.

Out of scope: the server (`fleet`), what goes away meanwhile (the tests).
"""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import suppress

from embodied_agent.errors import DatabaseError, LinkError
from embodied_agent.fleet.serving.server import FleetServer
from tests.support.fleet import SECOND_NS, START_NS, WAIT_S, Robot, rows

KEYFRAMES = 24
#: How long all of them together may take for a part of their way, in seconds.
TOGETHER_S = 240.0


class Sending:
    """A robot that sees `KEYFRAMES` keyframes, notes as many facts, and sends at the same time, on
    a thread. Halfway, it waits for ``may_go_on``."""

    def __init__(self, robot: Robot) -> None:
        self.robot = robot
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
                self.robot.note("battery", f"{number} %", at_ns=START_NS + number * SECOND_NS)
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


def begun(fleet: FleetServer, keyframes: int = 50) -> bool:
    """Whether a good part has arrived; the robots may have all connections to the database."""
    with suppress(DatabaseError):
        return bool(rows(fleet, "SELECT count(*) > %s FROM keyframes", (keyframes,))[0][0])
    return False


def check_arrived(fleet: FleetServer, robots: int) -> None:
    """Everything that the robots r0, r1, … saw and noted has arrived once."""
    for table, column, first in (("keyframes", "keyframe_id", 0), ("facts", "fact_id", 1)):
        arrived = rows(
            fleet, f"SELECT r.name, t.{column} FROM {table} t JOIN robots r ON r.id = t.robot"
        )
        assert Counter(arrived) == Counter(
            (f"r{number}", row)
            for number in range(robots)
            for row in range(first, first + KEYFRAMES)
        )
    assert rows(fleet, "SELECT count(*), count(DISTINCT robot) FROM mentions") == [
        (robots * KEYFRAMES * 2, robots)
    ]
    assert rows(fleet, "SELECT count(*) FROM seen") == [(robots * 8,)]
