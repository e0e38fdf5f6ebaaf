"""Summaries in the memory file: derived with the deltas, kept over restarts, following what is
forgotten."""

from __future__ import annotations

import os
from pathlib import Path

import apsw
import pytest

from embodied_agent.memory import summaries
from embodied_agent.memory.store import Store
from embodied_agent.memory.summaries import BLOCK, FANOUT, cover, span
from embodied_agent.object_records import Correction
from embodied_agent.records import Delta, Mention
from embodied_agent.settings import MemorySettings
from embodied_agent.transcript.summaries import Summary, compose
from tests.support.damage import add
from tests.support.old_memories import make_older, version_before

SETTINGS = MemorySettings()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few keyframes make several levels."""
    monkeypatch.setattr(summaries, "BLOCK", 4)
    monkeypatch.setattr(summaries, "FANOUT", 2)


def fill(
    store: Store, count: int, *, names: tuple[str, ...] = ("red sofa",), segment: int = 0
) -> None:
    for _ in range(count):
        keyframe = add(store, stamp_ns=1_000 * segment, segment=segment)
        mentions = tuple(Mention(name, "front") for name in names)
        store.commit_delta(Delta(keyframe.id, None, mentions=mentions))


def rows(store: Store) -> list[tuple[int, int, str]]:
    with store._query("read") as db:
        return [tuple(row) for row in db.execute("SELECT level, number, json FROM summaries")]


def seen(parts: list[Summary]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for stretch in compose(parts):
        for thing in stretch.things:
            counts[thing.name] = counts.get(thing.name, 0) + thing.keyframes
    return counts


@pytest.mark.parametrize("blocks", [0, 1, 15, 16, 17, 300, 4_096, 4_113])
def test_a_few_rows_cover_any_number_of_blocks(
    monkeypatch: pytest.MonkeyPatch, blocks: int
) -> None:
    monkeypatch.setattr(summaries, "BLOCK", BLOCK)
    monkeypatch.setattr(summaries, "FANOUT", FANOUT)
    ids = [span(*row) for row in cover(blocks)]
    assert len(ids) <= 4 * (FANOUT - 1)
    assert [first for first, _ in ids] == [0, *(last + 1 for _, last in ids[:-1])][: len(ids)]
    assert sum(last + 1 - first for first, last in ids) == blocks * BLOCK


def test_rows_are_derived_as_their_last_delta_comes(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        fill(store, 3)
        assert rows(store) == []
        fill(store, 14)
        assert [row[:2] for row in rows(store)] == [
            (1, 0), (0, 2), (0, 3), (1, 1), (2, 0),
        ]  # fmt: skip
        for until in range(18):
            assert seen(store.summaries.before(until)) == ({"red sofa": until} if until else {})


def test_a_restart_derives_nothing_again_and_goes_on(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        fill(store, 10)
        before = rows(store)
    with Store.open(path, SETTINGS) as store:
        assert rows(store) == before
        fill(store, 10, names=("lamp",), segment=1)
        resumed = rows(store)
        assert [row for row in before if row[0]] == [row for row in resumed if row in before]
    with Store.open("", SETTINGS) as store:
        fill(store, 10)
        fill(store, 10, names=("lamp",), segment=1)
        assert rows(store) == resumed


def test_a_memory_of_an_earlier_version_is_summarised_at_once_and_catches_up(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        fill(store, 20)
        expected = rows(store)
    make_older(Path(path), version_before("TABLE summaries"))
    with Store.open(path, SETTINGS, read_only=True) as store:
        assert seen(store.summaries.before(20)) == {"red sofa": 20}
    with Store.open(path, SETTINGS) as store:
        assert rows(store) == []
        assert seen(store.summaries.before(19)) == {"red sofa": 19}
        fill(store, 3)
        assert sorted(rows(store)) == sorted(expected)


def test_a_damaged_row_is_derived_again_where_it_is_read(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        fill(store, 16)
    with apsw.Connection(path) as db:
        db.execute("UPDATE summaries SET json = replace(json, 'sofa', 'safe')")
    with Store.open(path, SETTINGS) as store:
        assert seen(store.summaries.before(16)) == {"red sofa": 16}
        assert "summary 0 of level 2" in store.damage.names()


def test_recordings_are_summarised_apart(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        fill(store, 6)
        for number in range(6):
            keyframe = store.add_keyframe(
                stamp_ns=number, jpeg=b"x", width=1, height=1, reason="overlap", segment=1,
                source="walk.mcap", ordinal=number,
            )  # fmt: skip
            store.commit_delta(Delta(keyframe.id, None, mentions=(Mention("lamp", "left"),)))
        assert seen(store.summaries.before(12)) == {"red sofa": 6, "lamp": 6}
        assert seen(store.summaries.before(12, source="walk.mcap")) == {"lamp": 6}
        assert seen(store.summaries.before(12, source="other.mcap")) == {}


def test_what_is_forgotten_is_in_no_summary_and_its_bytes_are_gone(path: str) -> None:
    secret = f"safe {os.urandom(8).hex()}"
    with Store.open(path, SETTINGS) as store:
        fill(store, 7)
        fill(store, 2, names=("red sofa", secret))
        fill(store, 9)
        assert seen(store.summaries.before(18)) == {"red sofa": 18, secret: 2}
        store.corrections.forget(Correction("forget", "Ada", from_ns=0, to_ns=0), [], [7, 8])
        store.empty_log()
        assert seen(store.summaries.before(18)) == {"red sofa": 16}
        assert not any(secret in row[2] for row in rows(store))
    assert secret.encode() not in Path(path).read_bytes()
