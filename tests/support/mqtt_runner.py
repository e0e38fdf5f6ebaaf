"""An agent with its MQTT service in a process of its own, to be killed: `test_mqtt_crash`."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import cv2

from tests.support.mqtt import Echo, running, settings_for


class Told(Echo):
    """Says on stdout what it is asked, and waits for a line on stdin before it answers."""

    def stream(self, prompt, *, timeout_s, max_tokens=None):  # type: ignore[no-untyped-def]
        line = next(line for line in prompt.task.splitlines() if "tag " in line)
        print(f"asked tag {line.partition('tag ')[2]}", flush=True)
        yield from super().stream(prompt, timeout_s=timeout_s, max_tokens=max_tokens)


def main() -> None:
    cv2.setNumThreads(1)
    port, memory, held = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3] == "held"
    gate = threading.Event()
    if not held:
        gate.set()
    with running(settings_for(port, memory), Told(gate)) as (service, agent):
        del service, agent
        print("ready", flush=True)
        for line in sys.stdin:
            if line.strip() == "answer":
                gate.set()
            else:
                return


if __name__ == "__main__":
    main()
