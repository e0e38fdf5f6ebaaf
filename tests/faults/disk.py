"""Disks that are full, fail, tear what is written, or lose power, below a memory in use.

Out of scope: what an agent says of a full disk (tests/agent/test_full_disk.py).
"""

from __future__ import annotations

import random
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path

from embodied_agent.errors import StoreError
from embodied_agent.memory.outbox import Address, Request
from embodied_agent.memory.repair import check
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer, Delta, Question
from embodied_agent.settings import MemorySettings
from tests.faults.faulty_disk import KINDS, Disk, install, ordinary
from tests.faults.tally import Tally
from tests.support.damage import add

SETTINGS = MemorySettings()
#: Operations on a memory before, during and after the trouble.
_OPERATIONS = 30


def faults(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """A memory that is written to while its disk fails."""
    disk = install()
    for number in range(count):
        place = folder / str(number)
        place.mkdir()
        kind = KINDS[number % len(KINDS)]
        with tally.attempt(f"memory {number}, {kind}"):
            disk.draw = draw
            disk.images.clear()
            disk.calm()
            _one(disk, kind, draw, place)
        disk.calm()
        shutil.rmtree(place)


@dataclass
class _Told:
    """What the store has confirmed."""

    keyframes: list[int] = field(default_factory=list)
    deltas: list[int] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def copy(self) -> _Told:
        return _Told(*(list(part) for part in vars(self).values()))


def _one(disk: Disk, kind: str, draw: random.Random, place: Path) -> None:
    path = place / "memory.db"
    told, at_the_cut = _Told(), None
    with Store.open(str(path), SETTINGS) as store:
        for _ in range(draw.randrange(5)):
            _write(store, draw, told)
        disk.plan(kind, draw.randrange(60), draw.randrange(1, 20))  # type: ignore[arg-type]
        for _ in range(_OPERATIONS):
            before = told.copy()
            try:
                _write(store, draw, told)
            except StoreError:
                assert kind != "power cut"
            if disk.frozen is not None and at_the_cut is None:
                at_the_cut = before
            _read(store)
        disk.calm()
        _write(store, draw, told)
        _compare(store, told, exactly=True)
    with Store.open(str(path), SETTINGS) as store:
        _compare(store, told, exactly=True)
    _whole(path)
    if at_the_cut is not None:
        (place / "cut").mkdir()
        cut = disk.write_frozen(place / "cut")
        with Store.open(str(cut), SETTINGS) as store:
            _compare(store, at_the_cut, exactly=False)
            _write(store, draw, _Told())
        _whole(cut)


def _whole(path: Path) -> None:
    with ordinary():
        found = check(str(path))
    assert found.is_whole, found


def _write(store: Store, draw: random.Random, told: _Told) -> None:
    """One operation, noted where it is confirmed."""
    kind = draw.randrange(4)
    pending = store.oldest_pending()
    if kind == 0 or (kind == 1 and pending is None):
        told.keyframes.append(add(store, stamp_ns=len(told.keyframes), size=2_000).id)
    elif kind == 1:
        assert pending is not None
        store.commit_delta(Delta(pending, None))
        told.deltas.append(pending)
    elif kind == 2:
        name = f"{draw.random()}"
        store.save_answer(Question("Where?", id=name), Answer("There."))
        told.answers.append(name)
    else:
        name = f"{draw.random()}"
        request = Request(name, b"1", "{}", "alice", time.time())
        store.outbox.take([(request, Address("reply"))])
        told.requests.append(name)


def _read(store: Store) -> None:
    for call in (store.status, store.deltas, store.answers):
        try:
            call()
        except StoreError:
            continue


def _compare(store: Store, told: _Told, *, exactly: bool) -> None:
    """What was confirmed is there, and where ``exactly``, nothing else."""
    there = _Told(
        [keyframe.id for keyframe in store.keyframes()],
        [delta.keyframe_id for delta in store.deltas()],
        [question.id for question, _ in store.answers()],
        [request.id for request in store.outbox.open()],
    )
    for name, confirmed in vars(told).items():
        found = vars(there)[name]
        if exactly:
            assert sorted(found) == sorted(confirmed), f"{name}: {found} instead of {confirmed}"
        else:
            assert set(confirmed) <= set(found), f"{name}: {found} without some of {confirmed}"
    assert not store.damage.names(), store.damage.reasons()
