"""Memory files that were damaged anywhere: read, written to, asked, checked and repaired.

Out of scope: faults while a memory is in use (`disk`).
"""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, StoreError
from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings, load_settings
from tests.faults.tally import Tally
from tests.support.damage import damaged, object_readings, readings, whole_memory, writings

SETTINGS = MemorySettings()


def files(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Damaged copies of one memory; each is read, and a part of them asked and repaired."""
    whole = whole_memory(folder)
    asking = load_settings(perception__backend="geometry")
    for number in range(count):
        path = folder / f"{number}.db"
        damaged(whole, path, draw)
        kept = path.read_bytes()
        with tally.attempt(f"file {number}"):
            _read(path, read_only=True)
            turn = number % 4
            if turn == 0:
                _read(path, read_only=False)
            elif turn == 1:
                _ask(path, asking)
            else:
                _repair(path, folder / f"{number}-new.db", kept)
        for name in folder.glob(f"{number}*.db*"):
            name.unlink()


def _read(path: Path, *, read_only: bool) -> None:
    try:
        store = Store.open(str(path), SETTINGS, read_only=read_only)
    except StoreError:
        return
    with store:
        for call in [*readings(store), *([] if read_only else writings(store))]:
            with suppress(StoreError):
                call()


def _ask(path: Path, asking: object) -> None:
    try:
        store = Store.open(str(path), SETTINGS, read_only=True)
    except StoreError:
        return
    with store, Agent(asking, store=store) as agent:  # type: ignore[arg-type]
        answer = agent.ask("Where did you last see the red sofa?")
        assert answer.text or answer.problem, answer
        for call in object_readings(agent):
            with suppress(AgentError):
                call()


def _repair(path: Path, new: Path, kept: bytes) -> None:
    try:
        with Store.open(str(path), SETTINGS, read_only=True) as store:
            served = {delta.keyframe_id: delta for delta in store.deltas()}
            shown = {keyframe.id for keyframe in store.keyframes()}
    except StoreError:
        served, shown = {}, set()
    try:
        repair(str(path), str(new))
    except StoreError:
        assert not served, "deltas that are served are not repaired"
        return
    assert path.read_bytes() == kept, "the damaged file was written to"
    assert check(str(new)).is_whole, check(str(new))
    with Store.open(str(new), SETTINGS) as store:
        mended = {delta.keyframe_id: delta for delta in store.deltas()}
        assert shown <= {keyframe.id for keyframe in store.keyframes()}, "a keyframe is lost"
    for number, delta in served.items():
        assert number not in shown or mended.get(number) == delta, f"delta {number} is lost"
