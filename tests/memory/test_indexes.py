"""What questions are answered through follows the deltas: it is written with them, brought forward
with older files, and gone with what is forgotten. Where it is wrong, a check says so."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import apsw
import pytest

from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Action, Delta, Mention
from embodied_agent.settings import MemorySettings
from tests.support.old_memories import make_older, version_before
from tests.support.random_memories import add_to

SETTINGS = MemorySettings()
DELTAS = (
    Delta(0, None, None, (Mention("red sofa", "front", "near"),), "A piano. There is no lamp."),
    Delta(
        1, Action.ROTATE_LEFT, 30.5, (Mention("lamp", "left"), Mention("lamp", "right")), "Lamps."
    ),
    Delta(2, Action.MOVE_FORWARD, 0.0, (), "", usable=False),
)
#: The tables and columns that are found by.
INDEXES = (
    "SELECT keyframe_id, rank, name FROM mentions ORDER BY 1, 2",
    "SELECT keyframe_id, word FROM claims ORDER BY 1, 2",
    "SELECT keyframe_id, action, usable, angle_deg FROM deltas ORDER BY 1",
)


def memory(path: Path, deltas: Iterable[Delta] = DELTAS) -> Path:
    """A memory file of these deltas."""
    with Store.open(str(path), SETTINGS) as store:
        add_to(store, [(0, "", delta) for delta in deltas])
    return path


def found_by(path: Path) -> list[list[tuple[object, ...]]]:
    """What the file holds to find deltas by."""
    db = apsw.Connection(str(path))
    try:
        return [list(db.execute(sql)) for sql in INDEXES]
    finally:
        db.close()


def test_an_older_file_gets_the_indexes_that_a_new_one_has(tmp_path: Path) -> None:
    new, old = memory(tmp_path / "new.db"), memory(tmp_path / "old.db")
    make_older(old, version_before("CREATE TABLE claims"))
    with pytest.raises(apsw.SQLError):
        found_by(old)
    Store.open(str(old), SETTINGS).close()
    assert found_by(old) == found_by(new)
    assert ("piano",) in {row[1:] for row in found_by(new)[1]}
    assert check(str(old)).is_whole


def test_an_older_file_with_a_damaged_delta_is_brought_forward(tmp_path: Path) -> None:
    path = memory(tmp_path / "old.db")
    make_older(path, version_before("CREATE TABLE claims"))
    db = apsw.Connection(str(path))
    db.execute("UPDATE deltas SET json = '{' WHERE keyframe_id = 1")
    db.close()
    with Store.open(str(path), SETTINGS) as store:
        assert [delta.keyframe_id for delta in store.deltas()] == [0, 2]


def test_an_older_file_that_is_only_read_has_none_and_says_so(tmp_path: Path) -> None:
    path = memory(tmp_path / "old.db")
    make_older(path, version_before("CREATE TABLE claims"))
    with Store.open(str(path), SETTINGS, read_only=True) as store:
        assert not store.noted.exist
        assert store.horizon() == (0, 2)
        assert store.status().keyframes == 3


def test_what_is_forgotten_is_found_by_nothing(tmp_path: Path) -> None:
    path = memory(tmp_path / "memory.db")
    with Store.open(str(path), SETTINGS) as store:
        store.corrections.forget(Correction("forget", by="a test", from_ns=0, to_ns=0), (), (0,))
        store.empty_log()
    mentions, claims, motions = found_by(path)
    assert {row[0] for row in mentions} == {1}
    assert {row[0] for row in claims} == {1}
    assert motions[0] == (0, None, 0, None)
    assert check(str(path)).is_whole
    assert b"piano" not in path.read_bytes()


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE mentions SET name = 'green sofa' WHERE keyframe_id = 0",
        "DELETE FROM mentions WHERE keyframe_id = 1 AND rank = 1",
        "INSERT INTO mentions VALUES (2, 0, 'ghost', 'front', NULL)",
        "DELETE FROM claims WHERE word = 'piano'",
        "INSERT INTO claims VALUES (1, 'piano')",
        "UPDATE deltas SET angle_deg = 31 WHERE keyframe_id = 1",
        "UPDATE deltas SET usable = 1 WHERE keyframe_id = 2",
    ],
)
def test_a_wrong_index_is_noticed_and_repaired(tmp_path: Path, harm: str) -> None:
    path = memory(tmp_path / "memory.db")
    whole = found_by(path)
    db = apsw.Connection(str(path))
    db.execute(harm)
    db.close()
    findings = check(str(path))
    assert not findings.is_whole
    assert any(name.startswith("index of the delta of keyframe") for name in findings.damaged)
    repair(str(path))
    assert found_by(path) == whole
    assert check(str(path)).is_whole
