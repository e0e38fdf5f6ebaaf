"""The interfaces under load: ``python bench/interfaces.py [--watchers 50] [--asks 100] [--json]``.

One process runs the agent on a moving picture at 10 frames/s, with the page's API on the loopback
address. Another runs all clients: watchers follow the live events and fetch the camera's picture
once a second, while others ask questions, all at once. The load is measured without and with
watchers, in turn. Printed are the outcomes and times of the questions, the rate of the watchers'
events, the amount of data sent, and the memory and processor time of the agent's process.

The reasoner is a stand-in that takes 20 ms, so that the queue and the transport are measured.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing as mp
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2 as httpx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from embodied_agent.agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Frame
from embodied_agent.settings import load_settings

FPS = 10
ROUNDS = 2
ASK_TIMEOUT_S = 30.0
#: How long each round lasts, in seconds.
ROUND_S = 10.0


class StandIn:
    """A reasoner that takes 20 ms."""

    name = "stand-in"

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        for piece in ("<think>#0</think>", "<answer>left</answer>"):
            time.sleep(0.01)
            yield piece

    def close(self) -> None:
        """Nothing to release."""


def pictures(count: int, width: int = 640, height: int = 480) -> list[np.ndarray]:
    """Views that slide along one wide picture of rectangles."""
    rng = np.random.default_rng(5)
    wide = np.full((height, width + 8 * count, 3), 110, np.uint8)
    for _ in range(wide.shape[1]):
        x, y, size = (int(rng.integers(n)) for n in (wide.shape[1], height, 40))
        wide[y : y + size + 6, x : x + size + 6] = rng.integers(0, 255, 3)
    return [np.ascontiguousarray(wide[:, i * 8 : i * 8 + width]) for i in range(count)]


def serve(pipe: Connection, folder: str) -> None:
    """The agent's process: sends its address, then its memory and CPU time on every request."""
    settings = load_settings(
        perception__backend="geometry",
        memory__path=str(Path(folder) / "memory.db"),
        web__enabled=True,
        web__port=0,
        web__rate_hz=100_000,
        web__burst=1_000_000,
        web__connections_per_client=512,  # one address stands for all clients
    )
    stop = threading.Event()
    with Agent(settings, reasoner=StandIn()) as agent, serving(agent, settings) as interfaces:
        views = pictures(200)

        def feed() -> None:
            number = 0
            while not stop.wait(1 / FPS):
                forth, back = number % 400, 399 - number % 400
                view = views[forth if forth < 200 else back]
                agent.observe(Frame(number * 1_000_000_000 // FPS, image=view), wait=False)
                number += 1

        feeder = threading.Thread(target=feed)
        feeder.start()
        pipe.send(interfaces.url)
        while pipe.recv() == "used":
            pipe.send((resident_mb(), time.process_time()))
        stop.set()
        feeder.join()


def resident_mb() -> float:
    """The resident memory of this process, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


@dataclass
class Tally:
    """The clients' results in one round."""

    answers_s: list[float] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    gaps_s: list[float] = field(default_factory=list)
    sent_bytes: int = 0


async def watch(client: httpx.AsyncClient, tally: Tally, until: float) -> None:
    """Follow the live events as the page does."""
    last = None
    async with client.stream("GET", "/api/events") as response:
        if response.status_code != 200:
            tally.outcomes[f"watcher refused ({response.status_code})"] += 1
            return
        async for line in response.aiter_lines():
            tally.sent_bytes += len(line)
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
                tally.events[name] += 1
                if name == "decision":
                    now = time.monotonic()
                    if last is not None:
                        tally.gaps_s.append(now - last)
                    last = now
            if time.monotonic() > until:
                return


async def look(client: httpx.AsyncClient, tally: Tally, until: float) -> None:
    """Fetch the camera's picture once a second."""
    while time.monotonic() < until:
        response = await client.get("/api/camera.jpg")
        tally.sent_bytes += len(response.content)
        await asyncio.sleep(1)


async def ask(client: httpx.AsyncClient, tally: Tally, number: int) -> None:
    """Ask one question; every other answer is streamed."""
    started = time.monotonic()
    body = {"question": f"Where is it, {number}?", "timeout_s": ASK_TIMEOUT_S}
    response = await client.post("/api/ask", json={**body, "stream": number % 2 == 0})
    if response.status_code != 200:
        tally.outcomes[f"refused: {response.json()['error']['code']}"] += 1
        return
    text = response.text
    if number % 2 == 0:
        text = text.rsplit("data: ", 1)[-1]
    problem = json.loads(text)["problem"]
    tally.outcomes["no answer" if problem else "answered"] += 1
    tally.answers_s.append(time.monotonic() - started)


async def load(url: str, watchers: int, asks: int) -> Tally:
    """Run one round."""
    tally = Tally()
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with httpx.AsyncClient(
        base_url=url, timeout=60, limits=limits, trust_env=False
    ) as client:
        until = time.monotonic() + ROUND_S
        following = [watch(client, tally, until) for _ in range(watchers)]
        following += [look(client, tally, until) for _ in range(watchers)]
        tasks = [asyncio.create_task(part) for part in following]
        await asyncio.sleep(ROUND_S / 4)  # so that all watchers are connected
        await asyncio.gather(*(ask(client, tally, number) for number in range(asks)))
        await asyncio.sleep(max(0.0, until - time.monotonic()))
        await asyncio.gather(*tasks)
    return tally


def http(watchers: int, asks: int) -> list[dict[str, Any]]:
    """Measure all rounds: rows of the table, grouped by the number of watchers."""
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = mp.Pipe()
        server = mp.get_context("spawn").Process(target=serve, args=(theirs, folder))
        server.start()
        try:
            return _rounds(ours, watchers, asks)
        finally:
            ours.send("stop")
            server.join(30)


def _rounds(pipe: Connection, watchers: int, asks: int) -> list[dict[str, Any]]:
    url = pipe.recv()

    def used() -> tuple[float, float]:
        pipe.send("used")
        memory_and_cpu: tuple[float, float] = pipe.recv()
        return memory_and_cpu

    rounds: dict[int, list[dict[str, Any]]] = {0: [], watchers: []}
    for _ in range(ROUNDS):
        for count, rows in rounds.items():
            before = used()
            started = time.monotonic()
            tally = asyncio.run(load(url, count, asks))
            after = used()
            elapsed_s = time.monotonic() - started
            rows.append(
                {
                    "watchers": count,
                    "asks": asks,
                    **dict(tally.outcomes),
                    "median_s": statistics.median(tally.answers_s),
                    "slowest_s": max(tally.answers_s),
                    "decisions_hz": tally.events["decision"] / max(count, 1) / elapsed_s,
                    "worst_gap_s": max(tally.gaps_s, default=0.0),
                    "resyncs": tally.events["resync"],
                    "sent_mb_s": tally.sent_bytes / 1e6 / elapsed_s,
                    "cpu": (after[1] - before[1]) / elapsed_s,
                    "memory_mb": after[0],
                    "grown_mb": after[0] - before[0],
                }
            )
    return [row for rows in rounds.values() for row in rows]


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    columns = {
        "watchers": "watchers",
        "asks": "asks at once",
        "answered": "answered",
        "median_s": "median s",
        "slowest_s": "slowest s",
        "decisions_hz": "decisions/s each",
        "worst_gap_s": "longest gap s",
        "resyncs": "resyncs",
        "sent_mb_s": "sent MB/s",
        "cpu": "cores used",
        "memory_mb": "memory MB",
        "grown_mb": "grown MB",
    }
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---:|" * len(columns)]
    for row in rows:
        cells = [row.get(name, 0) for name in columns]
        texts = [f"{cell:.2f}" if isinstance(cell, float) else str(cell) for cell in cells]
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join(lines)


def main() -> None:
    """Parse the command line, measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--watchers", type=int, default=50, help="clients following the events")
    parser.add_argument("--asks", type=int, default=100, help="questions asked at once")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args()
    rows = http(options.watchers, options.asks)
    print(json.dumps(rows, indent=2) if options.json else table(rows))


if __name__ == "__main__":
    main()
