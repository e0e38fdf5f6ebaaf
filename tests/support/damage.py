"""A memory file, copies of it that were damaged somewhere, and all that may be asked of them."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.memory.outbox import Address, Request
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction, NamedPlace
from embodied_agent.records import (
    Action,
    Answer,
    Delta,
    Egomotion,
    Keyframe,
    Mention,
    Pose,
    Question,
)
from embodied_agent.settings import MemorySettings, load_settings

#: Keyframes of the memory, and as many deltas and answers.
COUNT = 40
#: Questions of remote clients in the memory; every second one is answered.
REQUESTS = 10


def add(
    store: Store, stamp_ns: int = 0, segment: int = 0, size: int = 100, x: float = 0
) -> Keyframe:
    """Store a keyframe with a picture of ``size`` random bytes."""
    return store.add_keyframe(
        stamp_ns=stamp_ns,
        jpeg=os.urandom(size),
        width=320,
        height=240,
        reason="overlap",
        segment=segment,
        overlap_ratio=0.4,
        inliers=33,
        egomotion=Egomotion(Action.ROTATE_LEFT, yaw_deg=31.5, confidence=0.9),
        pose=Pose((x, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)),
    )


def whole_memory(folder: Path) -> Path:
    """A memory with something of everything, all in one file."""
    path = folder / "memory.db"
    with Store.open(str(path), MemorySettings()) as store:
        for number in range(COUNT):
            add(store, stamp_ns=number, size=1_500, x=number)
            mention = Mention("red sofa" if number % 2 else f"lamp {number}", "left", "near")
            store.commit_delta(
                Delta(number, Action.MOVE_FORWARD, mentions=(mention,), observation="A room.")
            )
            store.save_answer(Question(f"Where is {number}?"), Answer("There."))
        store.begin_replay("walk.mcap", "{}")
        for number in range(REQUESTS):
            request = Request(f"q{number}", b"asks", "{}", "alice", time.time())
            store.outbox.take([(request, Address(f"reply/{number}", b"7"))])
            if number % 2:
                store.outbox.answer(request.id, f'{{"text": "{number}"}}')
        with Agent(load_settings(perception__backend="geometry"), store=store) as agent:
            (sofa,) = agent.objects("red sofa")[:1]
            agent.correct(Correction("annotate", by="alice", object_id=sofa.id, text="soft"))
            pose = Pose((1.0, 2.0, 0.0), (0.0, 0.0, 0.0, 1.0))
            agent.name_place(NamedPlace("kitchen", sofa.session, "odom", "alice", pose))
    copy = path.with_name("copy.db")
    with Store.open(str(path), MemorySettings(), read_only=True) as store:
        store.export(str(copy))
    return copy


def object_readings(agent: Agent) -> list[Callable[[], object]]:
    """What is asked of an agent about objects and places."""
    return [
        agent.objects,
        lambda: agent.objects("red sofa"),
        lambda: agent.locate("red sofa"),
        lambda: agent.goal(0),
        agent.map_sessions,
        agent.corrections,
        agent.named_places,
    ]


def readings(store: Store) -> list[Callable[[], object]]:
    return [
        store.keyframes,
        lambda: store.keyframes(pictures=True),
        lambda: store.keyframe(7),
        lambda: store.pending(3),
        store.deltas,
        lambda: store.deltas(segment=0, since=3),
        lambda: store.has_delta(until=5),
        store.counts,
        store.oldest_pending,
        store.pending_count,
        store.horizon,
        lambda: store.horizon(at_ns=5),
        lambda: store.search(text="red sofa"),
        lambda: store.search(near_m=(1.0, 0.0, 1.0)),
        store.answers,
        store.status,
        store.next_segment,
        lambda: store.source_of(3),
        store.outbox.counts,
        store.outbox.open,
        lambda: store.outbox.due(10),
    ]


def writings(store: Store) -> list[Callable[[], object]]:
    return [
        lambda: add(store, stamp_ns=99),
        lambda: store.commit_delta(Delta(COUNT, None)),
        lambda: store.save_answer(Question("?"), Answer("!")),
        lambda: store.begin_replay("a", "{}"),
        lambda: store.begin_replay("walk.mcap", "{}"),
        lambda: store.finish_replay("walk.mcap"),
        lambda: store.outbox.take(
            [(Request("q0", b"asks", "{}", "alice", time.time()), Address("reply/0", b"7"))]
        ),
        lambda: store.outbox.answer("q0", "{}"),
        lambda: store.outbox.forget("q2"),
        lambda: store.outbox.sent([1]),
        lambda: store.outbox.prune(keep_s=1e9, keep=5, answer_expiry_s=1e9),
    ]


def damaged(whole: Path, path: Path, rng: random.Random) -> None:
    data = bytearray(whole.read_bytes())
    kind = rng.randrange(4)
    if kind == 0:
        for _ in range(rng.randrange(1, 200)):
            data[rng.randrange(len(data))] = rng.randrange(256)
    elif kind == 1:
        at = rng.randrange(0, len(data), 512)
        data[at : at + 512] = bytes(512)
    elif kind == 2:
        del data[rng.randrange(len(data)) :]
    else:
        one, other = (rng.randrange(0, len(data) // 4096) * 4096 for _ in range(2))
        data[one : one + 4096] = data[other : other + 4096]
    path.write_bytes(data)
