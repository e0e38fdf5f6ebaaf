"""Facts in a memory file: older files, damage, repair, what leaves, and what stays forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import apsw
import pytest

from embodied_agent.memory import schema
from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Fact
from embodied_agent.settings import MemorySettings
from tests.support.damage import add
from tests.support.old_memories import make_older, version_before

SETTINGS = MemorySettings()


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "memory.db")


@pytest.fixture
def store(path: str) -> Iterator[Store]:
    with Store.open(path, SETTINGS) as made:
        yield made


def of(name: str, value: object, stamp_ns: int, source: str = "") -> Fact:
    return Fact(name, str(value), stamp_ns, "me", source)


def values(store: Store, name: str | None = None) -> list[str]:
    return [fact.value for fact in store.facts.history(name, limit=10_000)]


def test_the_latest_is_the_last_noted_and_as_of_a_stamp_the_latest_by_stamp(store: Store) -> None:
    store.facts.add([of("mode", "a", 30), of("mode", "b", 10), of("battery", 5, 20)])
    assert [fact.value for fact in store.facts.latest()] == ["5", "b"]
    assert [fact.value for fact in store.facts.latest(at_ns=40)] == ["5", "a"]
    assert [fact.value for fact in store.facts.latest(at_ns=15)] == ["b"]
    assert store.facts.latest(at_ns=5) == []
    assert store.facts.names() == ["battery", "mode"]


def test_a_recording_s_fact_is_stored_once_and_a_person_s_is_replaced(store: Store) -> None:
    for value in ("a", "b"):
        store.facts.add([of("mode", value, 7, "walk.mcap"), of("mode", value, 7)])
    assert sorted(values(store)) == ["a", "b"]
    assert [fact.value for fact in store.facts.latest(source="other.mcap")] == ["b"]
    assert store.facts.holds("walk.mcap")
    assert not store.facts.holds("other.mcap")


def test_a_value_that_replaces_the_last_one_has_an_id_of_its_own(store: Store) -> None:
    ids = []
    for value in ("a", "b", "c"):
        store.facts.add([of("mode", value, 7)])
        (row,) = store.outgoing.facts(0, 10)
        ids.append(row.id)
        assert row.fact.value == value
    assert ids == [1, 2, 3]
    assert store.outgoing.last_fact() == 3
    assert [number for number, _ in store.outgoing.fact_sums(1, 9)] == [3]


def test_a_file_from_before_there_were_facts_has_none_and_takes_some(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
    version = version_before("CREATE TABLE facts")
    make_older(Path(path), version)
    with Store.open(path, SETTINGS, read_only=True) as store:
        assert (store.facts.latest(), store.facts.history(), store.facts.holds("")) == (
            [],
            [],
            False,
        )
    with Store.open(path, SETTINGS) as store:
        store.facts.add([of("mode", "auto", 1)])
        assert values(store) == ["auto"]
    assert version + 1 == schema.WITH_FACTS


def test_a_damaged_fact_is_left_out_named_and_the_others_are_repaired(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        store.facts.add([of("mode", "auto", 1), of("mode", "manual", 2), of("gps", "1, 2", 3, "w")])
        store.corrections.forget(Correction("forget", "me", from_ns=3, to_ns=3), (), ())
    with closing(apsw.Connection(path)) as db:
        db.execute("UPDATE facts SET json = replace(json, 'manual', 'mutant') WHERE stamp_ns = 2")
    with Store.open(path, SETTINGS) as store:
        assert values(store) == ["auto"]
        assert [fact.value for fact in store.facts.latest()] == ["auto"]
        assert store.damage.names() == ("fact 2",)
    assert list(check(path).damaged) == ["fact 2"]
    repair(path)
    assert check(path).is_whole
    with Store.open(path, SETTINGS) as store:
        assert values(store) == ["auto"]
        store.facts.add([of("gps", "1, 2", 3, "w")])  # what was forgotten stays so
        assert values(store) == ["auto"]


def test_beyond_the_limit_the_oldest_leave_but_for_the_newest_of_each_name(path: str) -> None:
    with Store.open(path, MemorySettings(facts_max=100)) as store:
        store.facts.add([of("owner", "Ada", 1)])
        for start in range(0, 1000, 10):
            store.facts.add([of("battery", n, n) for n in range(start, start + 10)])
        left = values(store, "battery")
        assert 95 <= len(left) <= 102
        assert left == [str(n) for n in range(999, 999 - len(left), -1)]
        assert values(store, "owner") == ["Ada"]


def test_old_facts_leave_but_for_the_newest_of_each_name(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        store.facts.add([of("mode", n, n) for n in range(5)])
    with closing(apsw.Connection(path)) as db:
        db.execute("UPDATE facts SET stored_at_s = 1")
    with Store.open(path, MemorySettings(facts_max_age_s=3600)) as store:
        store.facts.add([of("battery", n, n) for n in range(150)])
        assert values(store, "mode") == ["4"]
        assert len(values(store, "battery")) == 150


def test_an_interval_that_is_forgotten_takes_the_facts_of_its_stamps(store: Store) -> None:
    store.facts.add([of("mode", n, n) for n in range(10)])
    store.facts.add([of("mode", n, n, "w") for n in range(10)])
    store.corrections.forget(Correction("forget", "me", from_ns=3, to_ns=6), (), ())
    assert values(store) == [str(n) for n in (9, 8, 7, 2, 1, 0)] * 2
    store.facts.add([of("mode", n, n, "w") for n in range(10)])
    assert values(store) == [str(n) for n in (9, 8, 7, 2, 1, 0)] * 2
