"""PostgreSQL and the link go away in the middle of a fleet: nothing is lost and nothing doubled."""

from __future__ import annotations

import random
from urllib.parse import urlsplit

from tests.support.cutting_proxy import CuttingProxy
from tests.support.fleet import Robot, serving, until
from tests.support.postgres import Postgres
from tests.support.sending import TOGETHER_S, Sending, begun, check_arrived

ROBOTS = 20


def test_twenty_robots_lose_and_double_nothing_while_postgresql_and_the_link_are_away(
    database_server: Postgres,
) -> None:
    with serving(database_server.database(), database_wait_s=0.5) as fleet:
        port = urlsplit(fleet.url).port
        assert port is not None
        with CuttingProxy(port, random.Random(1)) as proxy:
            robots = [
                Sending(Robot(f"http://127.0.0.1:{proxy.port}", f"r{n}", batch_keyframes=4))
                for n in range(ROBOTS)
            ]
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
        check_arrived(fleet, ROBOTS)
