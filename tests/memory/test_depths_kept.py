"""Small depth pictures lie beside the pictures: they come and go with them, and count with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import MemorySettings
from tests.support.object_world import Robot, pose
from tests.support.old_memories import make_older, version_before

SETTINGS = MemorySettings()
JPEG, DEPTH = os.urandom(2000), os.urandom(1000)


def add(store: Store, depth: bytes = DEPTH, stamp_ns: int = 0) -> Keyframe:
    return store.add_keyframe(
        stamp_ns=stamp_ns, jpeg=JPEG, width=640, height=480, reason="first", segment=0, depth=depth
    )


def depths(store: Store) -> list[bytes]:
    return [one.depth for one in store.keyframes(pictures=True)]


def test_depth_comes_back_with_the_picture_by_every_way_of_reading(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        assert [add(store).depth, add(store, b"").depth] == [DEPTH, b""]
    for read_only in (True, False):
        with Store.open(path, SETTINGS, read_only=read_only) as store:
            first, second = store.pending(9)
            assert (first.depth, second.depth) == (DEPTH, b"")
            before, same = store.before(second), store.keyframe(0)
            assert before is not None
            assert same is not None
            assert before.depth == same.depth == DEPTH
            assert store.damage.names() == ()
    assert check(path).is_whole


def test_keyframes_that_are_read_without_pictures_do_not_read_depth(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store)
        store.commit_delta(Delta(0, None, observation="a lamp"))
        store._writer.execute("UPDATE depths SET png = x'00'")
        assert [one.depth for one in store.keyframes()] == [b""]
        assert [one.depth for one in store.each_keyframe(0)] == [b""]
        assert store.search(text="lamp")[0].keyframe.depth == b""
        assert store.damage.names() == ()  # nobody has seen it
        assert depths(store) == [b""]
        assert store.damage.names() == ("depth of keyframe 0",)
    assert list(check(path).damaged) == ["depth of keyframe 0"]


def test_a_file_of_the_version_before_is_read_and_migrated(path: str) -> None:
    with Store.open(path, SETTINGS) as store:
        add(store, b"")
    make_older(Path(path), version_before("CREATE TABLE depths"))
    with Store.open(path, SETTINGS, read_only=True) as store:
        assert [(one.jpeg, one.depth) for one in store.pending(9)] == [(JPEG, b"")]
    assert check(path).is_whole
    with Store.open(path, SETTINGS) as store:
        add(store)
        assert depths(store) == [b"", DEPTH]


@pytest.mark.parametrize("copy", [True, False])
def test_a_copy_and_a_repaired_memory_keep_depth(path: str, tmp_path: Path, copy: bool) -> None:
    target = str(tmp_path / "other.db")
    with Store.open(path, SETTINGS) as store:
        add(store)
        add(store, b"")
        if copy:
            store.export(target)
    if not copy:
        found, _ = repair(path, target)
        assert found.is_whole
        assert found.whole["depths"] == 1
    with Store.open(target, SETTINGS) as store:
        assert depths(store) == [DEPTH, b""]
        assert store.status().picture_bytes == 2 * len(JPEG) + len(DEPTH)


def test_depth_counts_as_part_of_the_pictures_and_leaves_with_them(path: str) -> None:
    with Store.open(path, MemorySettings(max_bytes=4 * (len(JPEG) + len(DEPTH)))) as store:
        for number in range(12):
            add(store, stamp_ns=number)
            store.commit_delta(Delta(number, None))
        kept = store.keyframes(pictures=True)
        assert 0 < sum(bool(one.jpeg) for one in kept) <= 4
        assert all(bool(one.jpeg) == bool(one.depth) for one in kept)
        pictured = sum(bool(one.jpeg) for one in kept)
        assert store.status().picture_bytes == pictured * (len(JPEG) + len(DEPTH))
        assert store._writer.execute("SELECT count(*) FROM depths").get == pictured


def test_forgotten_depth_is_gone_from_the_bytes_of_the_file(path: str) -> None:
    robot = Robot(path)
    secrets = [os.urandom(400) for _ in range(6)]
    room = {"red chair": (4.0, 1.0, 0.5)}
    for at, secret in enumerate(secrets):
        depth = os.urandom(5000) + secret + os.urandom(3000)
        robot.look(room, pose(0.0, 0.2 * at), depth=depth)

    def held() -> list[bool]:
        data = b"".join(file.read_bytes() for file in Path(path).parent.glob("memory.db*"))
        return [secret in data for secret in secrets]

    assert held() == [True] * 6
    stamps = [one.stamp_ns for one in robot.store.keyframes()]
    robot.memory.correct(Correction("forget", "Ada", from_ns=stamps[1], to_ns=stamps[2]))
    assert held() == [True, False, False, True, True, True]
    # The same moment comes in again, as another recording of it.
    robot.stamp_ns = stamps[1] - 1_000_000_000
    robot.look(room, pose(0.0, 0.2), depth=os.urandom(5000) + secrets[1] + os.urandom(3000))
    assert held() == [True, False, False, True, True, True]
    robot.memory.correct(Correction("forget", "Ada", robot.only("red chair").id))
    assert held() == [False] * 6
    assert set(depths(robot.store)) == {b""}
    robot.store.close()
