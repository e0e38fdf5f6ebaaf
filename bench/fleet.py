"""The fleet server under load: an outage that is caught up, and questions.

    python bench/fleet.py                  # 100 robots, an outage of 600 s, 10,000,000 deltas
    python bench/fleet.py --robots 20 --outage 60 --deltas 100000
    python bench/fleet.py --deltas 0 --mqtt --away broker
    python bench/fleet.py --outage 0 --against ../another-checkout

With ``--mqtt`` the robots send through a Mosquitto, which may be what is away. The outage is
compressed in time: the keyframes that the robots would have seen during it are all waiting when it
is over, and from then on each robot sees one per second. The server runs in its own process,
PostgreSQL keeps its data on the disk with fsync on, and the senders share one process. The deltas
for the questions are generated in the database. With ``--against``, the server of another version
is asked the same questions in turn.

Out of scope: what is right or wrong about answers (tests/fleet).
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._fleet_questions import (
    COLOURS,
    FACT_QUESTIONS,
    KINDS,
    NAMES,
    QUESTIONS,
    generate,
    time_questions,
)
from embodied_agent.errors import LinkError
from embodied_agent.fleet.sending.mqtt_uplink import MqttUplink
from embodied_agent.settings import MqttSettings
from tests.support.fleet import Asker, Robot
from tests.support.mqtt import Broker, broker_in
from tests.support.postgres import Postgres
from tests.support.processes import python_path

#: Threads that send, each for a share of the robots.
SENDERS = 8
#: A server that takes nothing in for so long has stopped, seconds.
STALLED_S = 300.0


@contextmanager
def server_on(
    database: str, broker: Broker | None = None, checkout: str | None = None
) -> Iterator[str]:
    """A fleet server as a process, on a broker where one is given; gives its address.
    ``checkout`` is the folder of another version."""
    command = [sys.executable, "-m", "embodied_agent.cli", "fleet", "--database", database]
    command += ["--port", "0", "--set", "fleet_server.common_frames=[map]"]
    if broker is not None:
        command += ["--mqtt", "--set", f"mqtt.port={broker.port}"]
    environment = {**os.environ, "PYTHONPATH": checkout or python_path()}
    with subprocess.Popen(
        command,
        env=environment,
        cwd=checkout,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[4].rstrip(",")
        finally:
            process.send_signal(signal.SIGTERM)


class Senders:
    """Robots that see one keyframe per second each and send, in a few threads."""

    def __init__(self, url: str, robots: int, broker: Broker | None = None) -> None:
        self.robots = [
            Robot(url, name, uplink=through(broker, name), objects_s=3600.0)
            for name in (f"r{number}" for number in range(robots))
        ]
        self.see_since: float | None = None
        self._seen = [0] * robots
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(share,), daemon=True)
            for share in range(SENDERS)
        ]

    def see(self, robot: int) -> None:
        number = self._seen[robot]
        self._seen[robot] += 1
        self.robots[robot].see(
            f"{COLOURS[number % 8]} {KINDS[(robot + number) % len(KINDS)]}",
            f"{COLOURS[robot % 8]} {KINDS[number % len(KINDS)]}",
            where=(number / 10 % 50, robot % 50),
        )

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for robot in self.robots:
            robot.close()

    @property
    def total(self) -> int:
        return sum(self._seen)

    def _run(self, share: int) -> None:
        mine = range(share, len(self.robots), SENDERS)
        lived = dict.fromkeys(mine, 0)
        while not self._over.is_set():
            idle = True
            for number in mine:
                if self.see_since is not None:
                    due = int(time.monotonic() - self.see_since)
                    while lived[number] < due:
                        lived[number] += 1
                        self.see(number)
                try:
                    idle = not self.robots[number].shipping.step(time.monotonic()) and idle
                except LinkError:
                    continue
            if idle:
                self._over.wait(0.05)


def through(broker: Broker | None, robot: str) -> MqttUplink | None:
    """A robot's way to the server through a broker; ``None``: over HTTP."""
    if broker is None:
        return None
    return MqttUplink(MqttSettings(port=broker.port), robot, timeout_s=20.0)


def measure_outage(
    postgres: Postgres, robots: int, outage_s: int, broker: Broker | None, away: str
) -> None:
    database = postgres.database()
    with server_on(database, broker) as url:
        Asker(url)("Who saw a van?")  # makes the tables
        senders = Senders(url, robots, broker)
        for number in range(robots):
            senders.see(number)
        with senders:
            wait_for(database, lambda: robots)
            if away == "broker":
                assert broker is not None
                broker.kill()
            else:
                postgres.crash()
            for number in range(robots):
                for _ in range(outage_s):
                    senders.see(number)
            if away == "broker":
                assert broker is not None
                broker.start()
            else:
                postgres.start()
            senders.see_since = began = time.monotonic()
            wait_for(database, lambda: senders.total)
            caught_up_s = time.monotonic() - began
            during = senders.total - robots * (outage_s + 1)
            time.sleep(2.0)
            senders.see_since = None
            wait_for(database, lambda: senders.total)
        with psycopg.connect(database) as db:
            row = db.execute(
                "SELECT count(*), count(DISTINCT (memory, keyframe_id)) FROM keyframes"
            ).fetchone()
        assert row is not None
        stored, distinct = row
        way = "HTTP" if broker is None else "MQTT"
        print(f"{robots} robots over {way}, 1 keyframe/s each, {away} away for {outage_s} s")
        print(f"  backlog                    {robots * outage_s} keyframes")
        print(f"  caught up after            {caught_up_s:.1f} s, with {during} new ones meanwhile")
        rate = (robots * outage_s + during) / caught_up_s
        print(f"  taken in                   {rate:.0f} keyframes/s")
        print(f"  lost, doubled              {senders.total - distinct}, {stored - distinct}")


def count(database: str) -> int:
    with psycopg.connect(database) as db:
        row = db.execute("SELECT sum(keyframe_id + 1) FROM memories").fetchone()
    return int(row[0] or 0) if row else 0


def wait_for(database: str, total: Callable[[], int]) -> None:
    """Wait until so many keyframes were taken in.

    Raises:
        SystemExit: for `STALLED_S` seconds, none was.
    """
    stored, since = count(database), time.monotonic()
    while stored < total():
        time.sleep(0.1)
        before, stored = stored, count(database)
        if stored > before:
            since = time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            raise SystemExit(
                f"the server took in {stored} of {total()} keyframes, and none for {STALLED_S} s"
            )


def measure_questions(
    postgres: Postgres, robots: int, deltas: int, asked: int, against: str | None
) -> None:
    database = postgres.database()
    with ExitStack() as servers, psycopg.connect(database, autocommit=True) as db:
        askers = {}
        if against is not None:
            askers["the other version"] = Asker(
                servers.enter_context(server_on(database, checkout=against))
            )
            askers["the other version"]("Who saw a van?")  # makes the tables
        askers["this version"] = Asker(servers.enter_context(server_on(database)))
        askers["this version"]("Who saw a van?")
        began = time.monotonic()
        generate(db, robots, deltas)
        row = db.execute(
            "SELECT pg_size_pretty(pg_database_size(current_database())), "
            "(SELECT count(*) FROM keyframes), (SELECT count(*) FROM mentions), "
            "(SELECT count(*) FROM facts)"
        ).fetchone()
        assert row is not None
        size, keyframes, mentions, facts = row
        print(f"{keyframes} deltas of {robots} robots, {mentions} mentions of {len(NAMES)} names, "
              f"{facts} facts")  # fmt: skip
        print(f"  database                   {size}")
        print(f"  generated in               {time.monotonic() - began:.0f} s")
        for version, ask in askers.items():
            began = time.monotonic()
            ask("Who saw the red van last?")
            print(f"  first question, {version}: {1000 * (time.monotonic() - began):.0f} ms")
        time_questions(askers, QUESTIONS, asked, robots)
        print("  about facts")
        now = {"this version": askers["this version"]}
        time_questions(now, FACT_QUESTIONS, asked // 2, robots)
        load = os.getloadavg()[0]
        print(f"  load of the machine        {load:.1f} on {os.cpu_count()} cores")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--robots", type=int, default=100)
    parser.add_argument("--outage", type=int, default=600, metavar="SECONDS")
    parser.add_argument("--deltas", type=int, default=10_000_000)
    parser.add_argument("--asked", type=int, default=600, metavar="QUESTIONS")
    parser.add_argument("--mqtt", action="store_true", help="robots send through a Mosquitto")
    parser.add_argument("--away", choices=("database", "broker"), default="database")
    parser.add_argument("--against", metavar="CHECKOUT", help="a version to compare answers with")
    parser.add_argument("--folder", help="where PostgreSQL keeps its data; default: /tmp")
    options = parser.parse_args()
    if options.away == "broker" and not options.mqtt:
        parser.error("--away broker needs --mqtt")
    folder = Path(tempfile.mkdtemp(prefix="fleet-bench-", dir=options.folder))
    postgres = Postgres(folder, fsync=True)
    try:
        postgres.make().start()
        if options.outage:
            with broker_in(folder / "broker") if options.mqtt else nullcontext() as broker:
                measure_outage(postgres, options.robots, options.outage, broker, options.away)
        if options.deltas:
            measure_questions(
                postgres, options.robots, options.deltas, options.asked, options.against
            )
    finally:
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
