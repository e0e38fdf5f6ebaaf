"""Brokers that are killed, restarted and away, while questions are asked over them.

Out of scope: connections that are cut while the broker stays (`network`), bad messages
(`mqtt_door`).
"""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

from tests.faults.tally import Tally
from tests.support.mqtt import Broker, Echo, Peer, Running, broker_in, running, settings_for, until

ANSWERS = "embodied_agent/r1/answer/#"
#: Questions for each fault.
_QUESTIONS = 6
#: Whoever asks repeats an unanswered question after this long, in seconds.
_REPEAT_S = 1.0


def kills(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """A broker that keeps its sessions on disk, killed or stopped again and again."""
    echo = Echo()
    with (
        broker_in(folder / "broker", durable=True) as broker,
        running(settings_for(broker.port, folder / "m.db"), echo) as (service, _),
        Peer(broker.port, ANSWERS, client_id="asker", session_expiry_s=600) as peer,
    ):
        asked = Asked(peer)
        for number in range(count):
            with tally.attempt(f"fault {number}"):
                connections = service.status().connections
                asked.ask(_QUESTIONS)
                time.sleep(draw.random() * 0.1)
                _strike(broker, draw)
                until(lambda known=connections: service.status().connections > known)
        with tally.attempt("the questions of all of them", 0):
            asked.wait(service)
            asked.check(echo)


def _strike(broker: Broker, draw: random.Random) -> None:
    if draw.random() < 0.7:
        broker.kill()
    else:
        broker.stop()
    if draw.random() < 0.5:
        time.sleep(draw.random() * 0.3)
    broker.start()


class Asked:
    """Questions over MQTT and their answers."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._wanted: dict[str, str] = {}

    def ask(self, count: int) -> None:
        """Ask that many more."""
        for _ in range(count):
            name = f"q{len(self._wanted)}"
            self._wanted[name] = f"tag {name}"
            self._peer.ask(self._wanted[name], id=name)

    def _open(self) -> list[str]:
        done = {got.json["id"] for got in list(self._peer.got) if got.json["type"] == "answer"}
        return [name for name in self._wanted if name not in done]

    def wait(self, service: Running) -> None:
        """Until all have an answer; a broker that is killed may forget what it had taken, so who
        asks repeats it."""
        repeated = time.monotonic()

        def done() -> bool:
            nonlocal repeated
            assert service.error is None, service.error
            left = self._open()
            if left and time.monotonic() - repeated > _REPEAT_S:
                repeated = time.monotonic()
                for name in left:
                    self._peer.ask(self._wanted[name], id=name)
            return not left

        until(done, 120)
        assert service.status().set_aside == 0, service.status()

    def check(self, echo: Echo) -> None:
        """Each was asked once, and has one answer."""
        assert Counter(echo.asked) == Counter(self._wanted.values()), "a question was asked twice"
        texts: dict[str, set[bytes]] = {name: set() for name in self._wanted}
        for got in list(self._peer.got):
            if got.json["type"] == "answer":
                texts[got.json["id"]].add(got.payload)
        assert {len(found) for found in texts.values()} == {1}, "two answers to one question"
