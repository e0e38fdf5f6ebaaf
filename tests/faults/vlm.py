"""Model servers that refuse, hang, tear or err, in front of a perceiver.

Out of scope: what their replies say (`replies_door`).
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

from tests.faults.tally import Tally
from tests.support.fault_proxy import FAULTS, Fault, FaultProxy
from tests.support.outage import REPLY, replayed, settings
from tests.support.served import faulty, says

#: Faults of one replay; those that hang or drip take seconds and come rarely.
_EACH = 10
_QUICK: tuple[Fault, ...] = tuple(fault for fault in FAULTS if fault not in ("hang", "slow"))


def faults(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Replays through a proxy that spoils some of the connections."""
    del folder
    with faulty(says(REPLY)) as server:
        calm, _, _, _ = replayed(settings(server.url))
        for number in range(-(-count // _EACH)):
            kinds = FAULTS if number % 2 else _QUICK
            schedule = [
                fault
                for _ in range(min(_EACH, count - number * _EACH))
                for fault in ("none",) * draw.randrange(3) + (draw.choice(kinds),)
            ]
            told = f"replay {number} through {schedule}"
            lock = threading.Lock()

            def next_fault(left: list[Fault] = schedule, lock: threading.Lock = lock) -> Fault:
                with lock:
                    return left.pop() if left else "none"

            tries = sum(fault != "none" for fault in schedule)
            with tally.attempt(told, tries), FaultProxy(server.server_port, next_fault) as proxy:
                used = settings(proxy.url, workers=draw.randrange(1, 4))
                deltas, stored, committed, status = replayed(used)
                assert [delta.keyframe_id for delta in deltas] == stored == committed
                assert status.pending == 0, status
                assert sum(not delta.usable for delta in deltas) == status.given_up, status
                for delta, usual in zip(deltas, calm, strict=True):
                    same = (delta.action, delta.mentions) == (usual.action, usual.mentions)
                    assert same or not delta.usable, (delta, usual)
