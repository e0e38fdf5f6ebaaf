"""A hundred MQTT clients asking one agent at once: `python bench/interfaces_mqtt.py`.

It uses a real Mosquitto and an agent in this process with the geometry perceiver. The reasoner
either answers at once (the cost of the interface) or is the built-in one (the cost of a question).
Each client has its own connection and response topic and asks one question; all ask at the same
moment. Printed are the number of answers, the time to the first, median and last answer, and the
growth of the process's memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from tests.support.mqtt import Echo, broker_in, running, settings_for, until


@contextlib.contextmanager
def clients(port: int, count: int) -> Iterator[tuple[list[paho.Client], dict[int, float]]]:
    """Connect clients, each subscribed to its own topic; yields them and the times of their
    answers, by client."""
    answered: dict[int, float] = {}
    subscribed: set[int] = set()
    connected = []
    for number in range(count):
        client = paho.Client(
            paho.CallbackAPIVersion.VERSION2, client_id=f"bench-{number}", protocol=paho.MQTTv5
        )

        def on_message(_: Any, user: Any, message: Any, number: int = number) -> None:
            if json.loads(message.payload)["type"] == "answer":
                answered.setdefault(number, time.monotonic())

        client.on_message = on_message
        client.on_subscribe = lambda *_, number=number: subscribed.add(number)
        client.connect("127.0.0.1", port)
        client.loop_start()
        client.subscribe(f"bench/{number}", qos=1)
        connected.append(client)
    until(lambda: len(subscribed) == count)
    try:
        yield connected, answered
    finally:
        for client in connected:
            client.disconnect()
            client.loop_stop()


def measure(port: int, count: int, reasoner: Echo | None) -> list[str]:
    """Ask with all clients at once; returns the cells of one row."""
    settings = settings_for(port)
    with (
        running(settings, reasoner, built_in=reasoner is None) as (service, _),
        clients(port, count) as (connected, answered),
    ):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.monotonic()
        for number, client in enumerate(connected):
            properties = Properties(PacketTypes.PUBLISH)
            properties.ResponseTopic = f"bench/{number}"
            body = json.dumps({"question": f"tag {number}", "timeout_s": 300})
            client.publish("embodied_agent/r1/ask", body, 1, properties=properties)
        until(lambda: len(answered) == count or service.error, 300)
        growth_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    times = sorted(at - began for at in answered.values())
    return [
        f"{len(answered)} of {count}",
        f"{times[0]:.2f}",
        f"{median(times):.2f}",
        f"{times[-1]:.2f}",
        f"{count / times[-1]:.0f}",
        f"{growth_kib / 1024:.0f}",
    ]


def main() -> None:
    """Parse the command line, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=100, help="clients that ask at once")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder, broker_in(Path(folder) / "broker") as broker:
        rows.append(["answers at once", *measure(broker.port, options.clients, Echo())])
        rows.append(["built-in", *measure(broker.port, options.clients, None)])
    print("| reasoner | answered | first (s) | median (s) | last (s) | answers/s | memory (MB) |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
