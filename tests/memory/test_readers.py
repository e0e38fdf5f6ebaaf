"""Reading a memory from many threads at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from embodied_agent.errors import StoreError
from embodied_agent.memory.readers import MOST
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings

WAIT_S = 30.0


def test_a_long_read_does_not_hold_up_another(tmp_path: Path) -> None:
    with Store.open(str(tmp_path / "m.db"), MemorySettings()) as store:
        reading, go = threading.Event(), threading.Event()

        def read_slowly() -> None:
            with store._query("read slowly") as db:
                rows = db.execute("SELECT 1 UNION SELECT 2")
                next(rows)
                reading.set()
                assert go.wait(WAIT_S)

        thread = threading.Thread(target=read_slowly)
        thread.start()
        assert reading.wait(WAIT_S)
        assert store.counts().total == 0
        assert store.answers() == []
        go.set()
        thread.join(WAIT_S)


def test_a_read_within_a_read_needs_no_second_connection(tmp_path: Path) -> None:
    for path in (str(tmp_path / "m.db"), ":memory:"):
        with (
            Store.open(path, MemorySettings()) as store,
            store._query("one") as outer,
            store._query("two") as inner,
        ):
            assert outer is inner


@pytest.mark.parametrize("path", ["m.db", ":memory:"])
def test_more_threads_than_connections_are_all_served(tmp_path: Path, path: str) -> None:
    where = path if path == ":memory:" else str(tmp_path / path)
    with Store.open(where, MemorySettings()) as store:
        together = threading.Barrier(3 * MOST)
        failures: list[BaseException] = []

        def read() -> None:
            try:
                together.wait(WAIT_S)
                for _ in range(5):
                    with store._transaction("write") as db:
                        db.execute("SELECT 1")
                        assert store.counts().total == 0
                    assert store.counts().total == 0
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=read) for _ in range(3 * MOST)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        assert not any(thread.is_alive() for thread in threads)
        assert failures == []


def test_a_closed_memory_says_so(tmp_path: Path) -> None:
    store = Store.open(str(tmp_path / "m.db"), MemorySettings())
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.counts()
