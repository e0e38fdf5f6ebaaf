"""The families of faults: what each promises, how often it is tried, and in which portions.

Out of scope: how a family works (its module) and when it runs (`runner`).
"""

from __future__ import annotations

import importlib
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tests.faults.tally import Tally

#: Makes ``count`` tries, draws every choice from the given generator, and writes only into the
#: given folder.
Attack = Callable[[Tally, random.Random, int, Path], None]


@dataclass(frozen=True)
class Family:
    """One kind of fault.

    Args:
        name: for the command line and the table.
        promise: what holds in spite of the faults, as the table says it.
        unit: what is counted, such as "kills".
        attack: module and function, as ``module:function`` below `tests.faults`.
        tries: how many make a whole run.
        portion: how many tries one process makes.
        limit_s: a portion that takes longer has hung, which breaks the promise; ten times what it
            takes on an idle machine, and more.
        needs: programs without which the family is left out.
        weight: how much of a sample's time it gets, compared with the others.
    """

    name: str
    promise: str
    unit: str
    attack: str
    tries: int
    portion: int
    limit_s: float = 1_200.0
    needs: tuple[str, ...] = ()
    weight: float = 1.0

    @property
    def portions(self) -> int:
        """How many portions make a whole run."""
        return -(-self.tries // self.portion)

    def count(self, number: int) -> int:
        """How many tries portion ``number`` makes."""
        return min(self.portion, self.tries - number * self.portion)


def load(attack: str) -> Attack:
    """The function that makes the tries, by ``module:function`` below `tests.faults`."""
    module, _, function = attack.partition(":")
    return cast(Attack, getattr(importlib.import_module(f"tests.faults.{module}"), function))


FAMILIES = (
    Family(
        "kill-replay",
        "kill -9 during a replay: what was stored stays, and the next start goes on to the same "
        "memory",
        "kills",
        "kills:replay",
        400,
        20,
    ),
    Family(
        "kill-run",
        "kill -9 of `run`: what the log called stored is stored, earlier segments are unchanged, "
        "and the next start begins a new one",
        "kills",
        "kills:run",
        350,
        10,
    ),
    Family(
        "kill-ask",
        "kill -9 while answering: every answer that was given out is in the memory",
        "kills",
        "kills:ask",
        250,
        10,
    ),
    Family(
        "broker",
        "broker killed or restarted: every question over MQTT is asked once and has one answer, "
        "and none is set aside",
        "faults",
        "broker:kills",
        200,
        10,
        needs=("mosquitto",),
    ),
    Family(
        "network-mqtt",
        "connections to the broker cut, delayed or torn: every question has one answer, and none "
        "is set aside",
        "faults",
        "network:mqtt",
        400,
        20,
        needs=("mosquitto",),
    ),
    Family(
        "network-http",
        "clients that drip, cut, reset or never read: no fault of ours, and others are answered",
        "faults",
        "network:http",
        1_000,
        50,
    ),
    Family(
        "vlm",
        "a model server that refuses, hangs, tears or errs: each keyframe gets its delta, once, in "
        "order",
        "faults",
        "vlm:faults",
        1_000,
        20,
    ),
    Family(
        "disk",
        "writes, syncs or space that fail at any moment: only our error comes out, what was stored "
        "stays, and all goes on afterwards",
        "faults",
        "disk:faults",
        1_000,
        25,
    ),
    Family(
        "clock",
        "stamps that jump, repeat or are absurd: every frame is stored or counted, stamps rise "
        "within a segment, nothing seen is forgotten",
        "sequences",
        "clock:jumps",
        1_000,
        50,
    ),
    Family(
        "ram",
        "memory that runs out: the process ends or goes on, and the memory file stays whole",
        "limits",
        "ram:limits",
        100,
        5,
    ),
    Family(
        "door-http",
        "bad HTTP requests: refused in words, never a fault of ours, and the next good one is "
        "answered",
        "inputs",
        "http_door:requests",
        10_000,
        500,
    ),
    Family(
        "door-mcp",
        "bad MCP messages: refused by the protocol, never a fault of ours",
        "inputs",
        "http_door:mcp",
        10_000,
        500,
    ),
    Family(
        "door-mqtt",
        "bad MQTT messages and packets: each is refused or answered, and no connection is lost",
        "inputs",
        "mqtt_door:messages",
        10_000,
        1_000,
        needs=("mosquitto",),
    ),
    Family(
        "door-cli",
        "bad options, settings files and environments: one clear line and the documented exit code",
        "inputs",
        "cli_door:inputs",
        10_000,
        500,
    ),
    Family(
        "door-sources",
        "damaged bags, videos and pictures: read in part or refused, in bounded memory and time",
        "inputs",
        "sources_door:files",
        10_000,
        100,
    ),
    Family(
        "door-replies",
        "replies of a VLM that are damaged or hostile: read or refused, at once",
        "inputs",
        "replies_door:replies",
        10_000,
        1_000,
    ),
    Family(
        "door-memory",
        "damaged memory files: only our error comes out, what is whole is served, and repair keeps "
        "it",
        "inputs",
        "memory_door:files",
        10_000,
        100,
    ),
)


def family(name: str, families: tuple[Family, ...] = FAMILIES) -> Family:
    """The family of that name.

    Raises:
        LookupError: there is none.
    """
    for each in families:
        if each.name == name:
            return each
    raise LookupError(f"no family {name!r}; there are {', '.join(f.name for f in families)}")
