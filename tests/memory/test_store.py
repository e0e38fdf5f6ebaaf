"""The memory file: what is written comes back, in order, private, and errors say what to do."""

from __future__ import annotations

import stat
import threading
from pathlib import Path

import apsw
import pytest

from embodied_agent.errors import OutputError, StoreError
from embodied_agent.memory.counts import KeyframeCounts
from embodied_agent.memory.store import Store
from embodied_agent.records import (
    Action,
    Answer,
    Delta,
    Evidence,
    Keyframe,
    Mention,
    Pose,
    Question,
)
from embodied_agent.settings import MemorySettings
from tests.support.damage import add
from tests.support.mentions import LAMP, SOFA

SETTINGS = MemorySettings()


def plain(keyframe: Keyframe) -> tuple[object, ...]:
    return tuple(getattr(keyframe, name) for name in keyframe.__dataclass_fields__)


@pytest.mark.parametrize("where", ["", "file"])
def test_keyframes_come_back_as_they_were_stored(where: str, path: str) -> None:
    with Store.open(path if where else "", SETTINGS) as store:
        stored = [add(store, stamp_ns=i) for i in range(3)]
        assert [k.id for k in stored] == [0, 1, 2]
        assert [plain(k) for k in store.keyframes(pictures=True)] == [plain(k) for k in stored]
        assert [plain(k) for k in store.pending(2)] == [plain(k) for k in stored[:2]]
        found = store.keyframe(1)
        assert found is not None
        assert plain(found) == plain(stored[1])
        assert store.keyframe(7) is None
        assert all(k.jpeg == b"" for k in store.keyframes())


def test_what_was_stored_is_there_after_reopening(path: str) -> None:
    delta = Delta(0, Action.ROTATE_LEFT, 30.0, (SOFA, LAMP), "a room", model="m")
    with Store.open(path, SETTINGS) as store:
        add(store)
        add(store)
        store.commit_delta(delta)
    with Store.open(path, SETTINGS) as store:
        assert store.deltas() == [delta]
        assert [k.id for k in store.pending(9)] == [1]
        assert add(store).id == 2
        assert store.counts() == KeyframeCounts(pending=2, done=1, unusable=0)


def test_deltas_are_committed_in_keyframe_order_and_once(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        for _ in range(3):
            add(store)
        with pytest.raises(StoreError, match="that of keyframe 0 is"):
            store.commit_delta(Delta(1, None))
        store.commit_delta(Delta(0, None))
        with pytest.raises(StoreError, match="once each"):
            store.commit_delta(Delta(0, None))
        store.commit_delta(Delta(1, None, usable=False))
        store.commit_delta(Delta(2, None))
        with pytest.raises(StoreError, match="none is"):
            store.commit_delta(Delta(3, None))
        assert [d.keyframe_id for d in store.deltas(since=1)] == [1, 2]
        assert store.counts() == KeyframeCounts(pending=0, done=2, unusable=1)


def test_the_file_and_its_companions_are_private(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
        companions = list(Path(path).parent.iterdir())
        assert len(companions) > 1
        assert {stat.S_IMODE(file.stat().st_mode) for file in companions} == {0o600}


def test_a_keyframe_is_synced_to_the_disk_before_it_counts_as_stored(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        assert store._writer.pragma("journal_mode") == "wal"
        assert store._writer.pragma("synchronous") == 2  # FULL


def test_a_second_writer_is_refused_and_a_reader_is_not(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
        with pytest.raises(StoreError, match="another agent is writing"):
            Store.open(path, SETTINGS)
        with Store.open(path, SETTINGS, read_only=True) as reader:
            assert [k.id for k in reader.keyframes()] == [0]
            add(store)
            assert [k.id for k in reader.keyframes()] == [0, 1]
            with pytest.raises(StoreError, match="read-only"):
                add(reader)
    Store.open(path, SETTINGS).close()


def test_readers_and_writers_in_many_threads_see_whole_keyframes(path: str) -> None:
    failures: list[BaseException] = []
    with Store.open(path, SETTINGS) as store:

        def write() -> None:
            for stamp in range(25):
                add(store, stamp_ns=stamp, size=20_000)

        def read() -> None:
            with Store.open(path, SETTINGS, read_only=True) as other:
                while len(seen := store.keyframes(pictures=True)) < 100:
                    assert [k.id for k in seen] == list(range(len(seen)))
                    assert all(len(k.jpeg) == 20_000 for k in other.keyframes(pictures=True))

        def guarded(work: object) -> None:
            try:
                work()  # type: ignore[operator]
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=guarded, args=(w,)) for w in (write,) * 4 + (read,) * 3]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not failures
        assert [k.id for k in store.keyframes()] == list(range(100))


def test_a_full_disk_is_an_error_that_says_so_and_loses_nothing(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
        pages = store._writer.pragma("page_count")
        store._writer.pragma("max_page_count", pages + 4)
        with pytest.raises(StoreError, match=r"disk is full.*free some space"):
            add(store, size=100_000)
        assert [k.id for k in store.keyframes()] == [0]
        store._writer.pragma("max_page_count", 1_000_000)
        assert add(store, size=100_000).id == 1
        store.commit_delta(Delta(0, None))


def test_files_that_are_no_memory_are_refused_untouched(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, and longer than a header " * 20)
    foreign = tmp_path / "other.db"
    connection = apsw.Connection(str(foreign))
    connection.execute("CREATE TABLE mine (x)")
    connection.close()
    for file, message in ((text, "not a SQLite file"), (foreign, "another program")):
        before = file.read_bytes()
        for read_only in (False, True):
            with pytest.raises(StoreError, match=message):
                Store.open(str(file), SETTINGS, read_only=read_only)
        assert file.read_bytes() == before
    with pytest.raises(StoreError, match="check that its folder exists"):
        Store.open(str(tmp_path / "missing" / "m.db"), SETTINGS)
    with pytest.raises(StoreError, match="there is no memory"):
        Store.open(str(tmp_path / "none.db"), SETTINGS, read_only=True)
    with pytest.raises(StoreError, match="name a file"):
        Store.open("", SETTINGS, read_only=True)


def test_a_damaged_file_is_an_error_that_says_what_to_do(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        for _ in range(30):
            add(store, size=5000)
    data = bytearray(Path(path).read_bytes())
    data[4096:] = b"\xa5" * (len(data) - 4096)
    Path(path).write_bytes(data)
    with pytest.raises(StoreError, match="damaged"), Store.open(path, SETTINGS) as store:
        store.keyframes(pictures=True)


def test_retention_by_bytes_drops_the_oldest_pictures_and_keeps_the_deltas() -> None:
    with Store.open("", MemorySettings(max_bytes=3500)) as store:
        for number in range(6):
            add(store, size=1000)
            store.commit_delta(Delta(number, None, mentions=(SOFA,)))
        assert [len(k.jpeg) for k in store.keyframes(pictures=True)] == [0, 0, 0, 1000, 1000, 1000]
        assert len(store.deltas()) == 6
        assert store.status().picture_bytes == 3000


def test_retention_never_drops_a_picture_that_perception_needs() -> None:
    with Store.open("", MemorySettings(max_bytes=1500)) as store:
        for _ in range(4):
            add(store, size=1000)
        assert all(k.jpeg for k in store.pending(9))
        for number in range(3):
            store.commit_delta(Delta(number, None))
        before = store.before(store.pending(1)[0])
        assert before is not None
        assert len(before.jpeg) == 1000
        assert [bool(k.jpeg) for k in store.keyframes(pictures=True)] == [False, False, True, True]


def test_retention_by_age_drops_old_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("embodied_agent.memory.store.time.time", lambda: now)
    with Store.open("", MemorySettings(max_age_s=60)) as store:
        for number in range(3):
            add(store)
            store.commit_delta(Delta(number, None))
            now += 40
        assert [bool(k.jpeg) for k in store.keyframes(pictures=True)] == [False, True, True]


def test_search_finds_by_words_time_and_place() -> None:
    with Store.open("", SETTINGS) as store:
        for number in range(4):
            add(store, stamp_ns=number * 10, x=float(number))
        store.commit_delta(Delta(0, None, mentions=(SOFA,)))
        store.commit_delta(Delta(1, Action.MOVE_FORWARD, mentions=(LAMP,)))
        store.commit_delta(Delta(2, None, mentions=(SOFA, LAMP)))

        def ids(**query: object) -> list[int]:
            return [hit.keyframe.id for hit in store.search(**query)]  # type: ignore[arg-type]

        assert sorted(ids(text="red sofas")) == [0, 2]
        assert ids(text="moving forward") == [1]
        assert ids(text='" OR AND( -') == []
        assert ids(text="?!") == []
        assert ids() == [3, 2, 1, 0]
        assert ids(limit=2) == [3, 2]
        assert ids(from_ns=10, to_ns=20) == [2, 1]
        assert ids(near_m=(1.9, 0, 1), radius_m=1) == [2, 1]
        assert ids(text="lamp", near_m=(1, 0, 1), radius_m=0.5) == [1]
        (pending,) = store.search(from_ns=30)
        assert pending.delta is None
        assert store.search(text="forward")[0].delta == store.deltas()[1]


def test_the_present_is_the_last_keyframe_of_the_right_segment() -> None:
    with Store.open("", SETTINGS) as store:
        assert store.horizon() is None
        for segment, stamps in ((0, (0, 10, 20)), (1, (0, 10)), (2, (50, 60))):
            for stamp in stamps:
                add(store, stamp_ns=stamp, segment=segment)
        assert store.horizon() == (2, 6)
        assert store.horizon(at_ns=55) == (2, 5)
        assert store.horizon(at_ns=9) == (1, 3)
        assert store.horizon(at_ns=15) == (0, 1)
        assert store.horizon(at_ns=99) == (2, 6)
        assert store.horizon(at_ns=-1) is None


def test_answers_are_kept_with_their_questions() -> None:
    question = Question("where?", ("left", "right"), at_ns=5, id="q1")
    answer = Answer(
        "left",
        choice="A",
        evidence=(Evidence(3, 30, "cited", Pose((1.0, 2.0, 3.0), (0.0, 0.0, 0.0, 1.0))),),
        latency_s={"reason": 0.5},
        models={"reasoner": "m"},
    )
    with Store.open("", SETTINGS) as store:
        assert store.answers() == []
        for _ in range(3):
            store.save_answer(question, answer)
        assert store.answers(limit=2) == [(question, answer)] * 2


def test_an_export_is_a_whole_memory_in_one_private_file(path: str, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with Store.open(path, SETTINGS) as store:
        add(store)
        store.commit_delta(Delta(0, None, mentions=(SOFA,)))
        store.export(str(copy))
        with pytest.raises(OutputError, match="exists"):
            store.export(str(copy))
        with pytest.raises(OutputError, match="can't write"):
            store.export(str(tmp_path / "missing" / "copy.db"))
        expected = store.deltas()
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    moved = copy.rename(alone / "copy.db")
    with Store.open(str(moved), SETTINGS, read_only=True) as exported:
        assert exported.deltas() == expected


def test_a_closed_store_says_that_it_is_closed() -> None:
    store = Store.open("", SETTINGS)
    store.close()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.keyframes()


def test_a_deltas_text_is_searchable_however_odd(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
        store.commit_delta(Delta(0, None, observation='it\'s a "quoted" dónde; -- \x00 thing'))
        assert [hit.keyframe.id for hit in store.search(text="dónde")] == [0]


def test_sqlites_name_for_a_memory_without_a_file_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store.open(":memory:", SETTINGS) as store:
        add(store)
    assert list(tmp_path.iterdir()) == []


def test_a_delta_with_text_that_is_no_unicode_is_kept(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        keyframe = add(store)
        broken = Mention("red \ud83d sofa", "front", "near")
        store.commit_delta(Delta(keyframe.id, None, mentions=(broken,), observation="a \udc00"))
        (delta,) = store.deltas()
    assert delta.mentions[0].name == "red ? sofa"
    assert delta.observation == "a ?"
