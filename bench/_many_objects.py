"""How long `Agent.locate` takes among many objects.

Out of scope: how they come about (`bench.objects`).
"""

from __future__ import annotations

import statistics
import time

import numpy as np

from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.store import Store
from embodied_agent.object_records import ObjectChanges, SeenObject
from embodied_agent.settings import MemorySettings, ObjectSettings


def measure_locate(count: int = 10_000, queries: int = 300) -> dict[str, float]:
    """How long it takes to locate by name among many objects, in milliseconds."""
    rng = np.random.default_rng(1)
    colours = ("red", "green", "blue", "yellow", "white", "black")
    kinds = (
        "chair",
        "table",
        "sofa",
        "lamp",
        "plant",
        "door",
        "box",
        "pallet",
        "fire extinguisher",
    )
    store = Store.open("", MemorySettings())
    memory = ObjectMemory(store, ObjectSettings())
    memory.catch_up()
    changes = ObjectChanges(-1, store.objects.folded().state)
    for number in range(1, count + 1):
        name = f"{rng.choice(colours)} {rng.choice(kinds)}"
        color, kind = name.split(" ", 1)
        x, y, z = (float(value) for value in rng.uniform(0, 200, 3))
        record = SeenObject(
            number, name, color, kind, 0, "map", (x, y, z), (0.1, 0, 0, 0, 0.1, 0, 0, 0, 0.1),
            "poses", number, number + int(rng.integers(1000)), 5, evidence=(1, 2, 3),
        )  # fmt: skip
        changes.objects.append((record, "{}"))
    store.objects.write(changes)
    times = []
    for query in range(queries):
        name = f"{colours[query % 6]} {kinds[query % 9]}" if query % 3 else kinds[query % 9]
        started = time.thread_time()
        found = memory.locate(name)
        times.append((time.thread_time() - started) * 1e3)
        assert found, name
    return {
        "objects": count,
        "locate_ms": round(statistics.median(times), 2),
        "locate_p95_ms": round(float(np.quantile(times, 0.95)), 2),
    }
