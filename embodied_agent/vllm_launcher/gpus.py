"""The GPUs of this machine, as `nvidia-smi` lists them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from embodied_agent.vllm_launcher.memory import GIB

#: How long the listing may take, in seconds.
_LIST_S = 20.0


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU: its number, its name, and its total memory in bytes."""

    number: int
    name: str
    memory_bytes: int


def find_gpus() -> list[Gpu]:
    """The GPUs that the driver lists; none if there is no driver or it does not respond."""
    query = ["nvidia-smi", "--query-gpu=index,name,memory.total", "--format=csv,noheader,nounits"]
    try:
        result = subprocess.run(query, capture_output=True, text=True, timeout=_LIST_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_gpus(result.stdout)


def parse_gpus(listing: str) -> list[Gpu]:
    """The GPUs in a listing with ``index, name, MiB`` per line; other lines are ignored."""
    gpus = []
    for line in listing.splitlines():
        parts = [part.strip() for part in line.split(",")]
        if len(parts) >= 3 and parts[0].isdecimal() and parts[-1].isdecimal():
            name = ", ".join(parts[1:-1])
            gpus.append(Gpu(int(parts[0]), name, int(parts[-1]) * 2**20))
    return gpus


def named_gpus(count: int, memory_gib: float) -> list[Gpu]:
    """``count`` GPUs with ``memory_gib`` GiB each, to plan for another machine."""
    size = round(memory_gib * GIB)
    return [Gpu(number, f"{memory_gib:g} GiB", size) for number in range(count)]
