"""Memory files that were damaged somewhere: only `StoreError` comes out, and the rest is served.

``FAULTS=25 pytest tests/memory/test_damage.py`` damages 25 times as many files.
"""

from __future__ import annotations

import json
import os
import random
import shutil
from contextlib import closing, suppress
from pathlib import Path

import apsw
import pytest
from typer.testing import CliRunner

import embodied_agent
from embodied_agent import Agent
from embodied_agent.cli.main import app
from embodied_agent.errors import StoreError
from embodied_agent.memory import schema
from embodied_agent.memory.file import connect
from embodied_agent.memory.outbox import Address, Request
from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.records import Delta
from embodied_agent.settings import MemorySettings, load_settings
from tests.support.damage import COUNT, damaged, readings, whole_memory, writings

SETTINGS = MemorySettings()
FILES = 40 * int(os.environ.get("FAULTS", "1"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return whole_memory(tmp_path_factory.mktemp("whole"))


@pytest.mark.timeout(60 + 2 * FILES)
def test_nothing_but_store_errors_comes_out_of_damaged_files(whole: Path, tmp_path: Path) -> None:
    rng = random.Random(5)
    calls = 0
    for number in range(FILES):
        path = tmp_path / f"{number}.db"
        damaged(whole, path, rng)
        for read_only in (True, False):
            with (
                suppress(StoreError),
                Store.open(str(path), SETTINGS, read_only=read_only) as store,
            ):
                for call in [*readings(store), *([] if read_only else writings(store))]:
                    calls += 1
                    with suppress(StoreError):
                        call()
        for name in tmp_path.glob(f"{number}.db*"):
            name.unlink()
    assert calls > 10 * FILES


@pytest.mark.timeout(60 + 2 * FILES)
def test_questions_to_damaged_files_have_an_answer_or_say_why(whole: Path, tmp_path: Path) -> None:
    rng = random.Random(6)
    settings = load_settings(perception__backend="geometry")
    asked = 0
    for number in range(FILES // 4):
        path = tmp_path / f"{number}.db"
        damaged(whole, path, rng)
        try:
            store = Store.open(str(path), SETTINGS, read_only=True)
        except StoreError:
            continue
        with store, Agent(settings, store=store) as agent:
            answer = agent.ask("Where did you last see the red sofa?")
            asked += 1
            assert answer.text or answer.problem
    assert asked


def test_one_damaged_delta_costs_its_own_entry_only(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    shutil.copy(whole, path)
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE deltas SET json = replace(json, 'red sofa', 'green fridge') "
                   "WHERE keyframe_id = 3")  # fmt: skip
        db.execute("UPDATE deltas SET json = x'ff00fe' WHERE keyframe_id = 5")
    settings = load_settings(perception__backend="geometry")
    with (
        Store.open(str(path), SETTINGS, read_only=True) as store,
        Agent(settings, store=store) as agent,
    ):
        assert agent.ask("Did you see a green fridge?").status == "not_seen"
        assert agent.ask("Did you see a red sofa?").status == "answered"
        assert len(store.deltas()) == COUNT - 2
        assert agent.status().memory.damaged == ("delta of keyframe 3", "delta of keyframe 5")


def test_damaged_questions_and_deliveries_are_left_out_and_hold_up_no_others(
    whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "memory.db"
    shutil.copy(whole, path)
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE requests SET body = '{\"question\": \"other\"}' WHERE id = 'q0'")
        db.execute("UPDATE requests SET answer = '{}' WHERE id = 'q1'")
        db.execute("UPDATE outbox SET topic = 'cmd_vel' WHERE request_id = 'q3'")
        db.execute("UPDATE outbox SET since_s = 9e9 WHERE request_id = 'q4'")
    with Store.open(str(path), SETTINGS) as store:
        assert [request.id for request in store.outbox.open()] == ["q2", "q4", "q6", "q8"]
        assert [d.request_id for d in store.outbox.due(1)] == ["q5"]
        assert [d.request_id for d in store.outbox.due(9)] == ["q5", "q7", "q9"]
        assert store.outbox.answer("q4", "{}")
        assert len(store.outbox.due(9)) == 3  # nobody knows where to
        with pytest.raises(StoreError, match="checksum"):
            store.outbox.answer("q0", "{}")
        again = Request("q0", b"new", "{}", "alice", 1.0)
        assert store.outbox.take([(again, Address("reply/0", b"7"))]) == ["new"]
        assert store.outbox.answer("q0", '"healed"')
        assert '"healed"' in [delivery.answer for delivery in store.outbox.due(9)]
        assert store.damage.names() == (
            "question 'q0'", "question 'q1'", "delivery 4", "delivery 5",
        )  # fmt: skip
    found = check(str(path))
    assert set(found.damaged) == {"question 2", "delivery 2", "delivery 4", "delivery 5"}
    repair(str(path))
    assert check(str(path)).is_whole
    with Store.open(str(path), SETTINGS) as store:
        assert [d.request_id for d in store.outbox.due(9)] == ["q0", "q5", "q7", "q9"]
        assert [request.id for request in store.outbox.open()] == ["q2", "q6", "q8"]


def test_a_damaged_state_of_a_replay_is_begun_anew(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    shutil.copy(whole, path)
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE sources SET finished = 1, settings = '{1}'")
    with Store.open(str(path), SETTINGS) as store:
        assert store.begin_replay("walk.mcap", "{}") == (False, [])
        assert store.damage.names() == ("state of the replay of walk.mcap",)
        store.finish_replay("walk.mcap")
        assert store.begin_replay("walk.mcap", "{}") == (True, [])
    assert check(str(path)).is_whole


def test_a_file_from_before_checksums_of_questions_is_read_and_goes_on(tmp_path: Path) -> None:
    path = str(tmp_path / "memory.db")
    before = schema.MIGRATIONS[: schema.CHECKED_REQUESTS - 1]
    with closing(apsw.Connection(path)) as db:
        schema.migrate(db, path, before)
        db.execute(
            "INSERT INTO requests (id, digest, body, client, received_at_s, answer) VALUES "
            "('a', x'61', '{}', 'alice', 1, NULL), ('b', x'61', '{}', 'alice', 2, '{}')"
        )
        db.execute("INSERT INTO outbox (request_id, topic, correlation, since_s) VALUES "
                   "('a', 't', x'', 1), ('b', 't', x'', 2)")  # fmt: skip
        db.execute("INSERT INTO sources (key, settings, finished) VALUES ('walk', '{}', 1)")
    for read_only in (True, False):
        with Store.open(path, SETTINGS, read_only=read_only) as store:
            assert [request.id for request in store.outbox.open()] == ["a"]
            assert [delivery.request_id for delivery in store.outbox.due(9)] == ["b"]
    with Store.open(path, SETTINGS) as store:
        assert store.begin_replay("walk", "{}")[0]
        assert store.outbox.answer("a", "{}")
        assert len(store.outbox.due(9)) == 2
    assert check(path).is_whole


def test_a_damaged_picture_is_left_out_and_the_keyframe_stays(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    shutil.copy(whole, path)
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE pictures SET jpeg = x'ffd8' WHERE keyframe_id = 3")
    with Store.open(str(path), SETTINGS) as store:
        keyframe = store.keyframe(3)
        assert keyframe is not None
        assert keyframe.jpeg == b""
        assert store.damage.names() == ("picture of keyframe 3",)


@pytest.mark.parametrize("migrations", range(len(schema.MIGRATIONS) + 1))
def test_a_file_whose_making_was_interrupted_is_whole(tmp_path: Path, migrations: int) -> None:
    path = str(tmp_path / "memory.db")
    with closing(connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)) as file:
        file.pragma("journal_mode", "WAL")
        schema.migrate(file, path, schema.MIGRATIONS[:migrations])
    assert check(path).is_whole
    repair(path, f"{path}.mended")
    for name in (path, f"{path}.mended"):
        with closing(Store.open(name, MemorySettings())) as store:
            assert not store.counts().total
        assert check(name).is_whole


def test_a_whole_file_is_found_whole(whole: Path) -> None:
    found = check(str(whole))
    assert found.is_whole
    assert found.whole["keyframes"] == found.whole["deltas"] == found.whole["answers"] == COUNT


def test_repair_keeps_all_that_is_whole_and_has_the_rest_perceived_again(
    whole: Path, tmp_path: Path
) -> None:
    path = tmp_path / "memory.db"
    shutil.copy(whole, path)
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE deltas SET json = '[]' WHERE keyframe_id = 3")
        db.execute("UPDATE pictures SET jpeg = x'ffd8' WHERE keyframe_id = 4")
        db.execute("UPDATE answers SET answer = '' WHERE id = 2")
        db.execute("UPDATE keyframes SET stamp_ns = 'soon' WHERE id = 9")
    before = path.read_bytes()
    found, kept = repair(str(path))
    assert set(found.damaged) >= {
        "delta of keyframe 3",
        "picture of keyframe 4",
        "answer 2",
        "keyframe 9",
    }
    assert Path(kept).read_bytes() == before
    assert check(str(path)).is_whole
    with Store.open(str(path), SETTINGS) as store:
        assert [k.id for k in store.keyframes()] == [n for n in range(COUNT) if n != 9]
        assert [d.keyframe_id for d in store.deltas()] == [
            n for n in range(COUNT) if n not in (3, 9)
        ]
        assert [k.id for k in store.pending(9)] == [3]
        assert len(store.answers()) == COUNT - 1
        assert len(store.search(text="lamp 6")) > 0
        store.commit_delta(Delta(3, None))


@pytest.mark.timeout(60 + 2 * FILES)
def test_repair_of_any_damaged_file_gives_a_whole_one_that_lost_nothing_valid(
    whole: Path, tmp_path: Path
) -> None:
    rng = random.Random(7)
    repaired = 0
    for number in range(FILES // 2):
        path, new = tmp_path / f"{number}.db", tmp_path / f"{number}-new.db"
        damaged(whole, path, rng)
        try:
            with Store.open(str(path), SETTINGS, read_only=True) as store:
                served = {d.keyframe_id: d for d in store.deltas()}
                shown = {k.id for k in store.keyframes()}
        except StoreError:
            served, shown = {}, set()
        try:
            found, _ = repair(str(path), str(new))
        except StoreError:
            assert not served
            continue
        repaired += 1
        assert check(str(new)).is_whole, found
        with Store.open(str(new), SETTINGS) as store:
            kept = {d.keyframe_id: d for d in store.deltas()}
            assert shown <= {k.id for k in store.keyframes()}
            assert all(kept.get(n) == delta for n, delta in served.items() if n in shown)
    assert repaired > FILES // 8


def test_the_commands_say_what_is_damaged_and_mend_it(whole: Path, tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    shutil.copy(whole, path)
    code, out = command("check", path, "--json")
    assert code == 0
    assert json.loads(out)["is_whole"]
    with apsw.Connection(str(path)) as db:
        db.execute("UPDATE deltas SET json = '[]' WHERE keyframe_id = 3")
    code, out = command("check", path)
    assert code == 1
    assert "damaged: delta of keyframe 3" in out
    new = tmp_path / "new.db"
    code, out = command("repair", path, "--output", new, "--json")
    told = json.loads(out)
    assert (code, told["path"]) == (0, str(new))
    assert told["found"]["damaged"] == {"delta of keyframe 3": "its checksum is wrong"}
    code, out = command("repair", path)
    assert code == 0
    assert "memory.db.damaged" in out
    assert command("check", path)[0] == 0
    assert command("check", tmp_path / "none.db")[0] == 4


def command(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["memory", *map(str, words)])
    return result.exit_code, result.stdout


def test_a_name_whose_mentions_are_lost_is_no_fault(whole: Path, tmp_path: Path) -> None:
    copy = tmp_path / "memory.db"
    shutil.copy(whole, copy)
    with closing(connect(str(copy), apsw.SQLITE_OPEN_READWRITE)) as file:
        (name,) = file.execute("SELECT name FROM mentions ORDER BY keyframe_id LIMIT 1").fetchone()
        file.execute("UPDATE mentions SET keyframe_id = 99999 WHERE name = ?", (name,))
    settings = load_settings(memory__path=str(copy))
    with Agent(settings) as agent:
        for text in ("What have you seen?", f"Where is the {name}?", f"When did you see a {name}?"):
            assert agent.ask(text).status != "failed"


def test_what_goes_from_value_to_value_ends_in_a_damaged_index_too() -> None:
    """There the next larger value may be the same again, which ``UNION`` notices.

    `make faults ONLY=door-memory PORTION=73` has such an index.
    """
    package = Path(embodied_agent.__file__).parent
    texts = [path.read_text() for path in package.rglob("*.py")]
    recursive = [text for text in texts if "WITH RECURSIVE" in text]
    assert len(recursive) >= 5
    assert not [text for text in recursive if "UNION ALL" in text]
