"""Which mention is which object: two are two, one that moved is one, what is gone is said."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from embodied_agent.memory.store import Store
from embodied_agent.objects.naming import difference, name_of
from embodied_agent.records import Mention
from embodied_agent.settings import MemorySettings
from tests.support.object_world import Robot, World, off_m, pose

CHAIRS = {"red chair#1": (4.0, 0.4, 0.5), "red chair#2": (4.0, 1.6, 0.5)}
ROOM = {"red chair": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}


def test_two_red_chairs_in_one_picture_are_two() -> None:
    robot = Robot()
    robot.drive(CHAIRS)
    found = robot.memory.objects("red chair")
    assert len(found) == 2
    for place in CHAIRS.values():
        assert min(off_m(one, place) for one in found) < 0.15
    assert [one.seen for one in found] == [8, 8]


def test_one_chair_from_all_sides_is_one() -> None:
    robot = Robot()
    for at in range(12):
        angle = math.radians(30 * at)
        x, y = 4.0 + 3 * math.cos(angle), 1.0 + 3 * math.sin(angle)
        robot.look(ROOM, pose(x, y, yaw_deg=30 * at + 180))
    assert off_m(robot.only("red chair"), ROOM["red chair"]) < 0.15


def test_names_that_may_mean_one_object() -> None:
    def apart(one: str, other: str) -> float | None:
        return difference(name_of(one), name_of(other))

    assert apart("red chair", "Red  chair") == 0
    assert apart("red chair", "chair") is not None
    assert apart("couch", "green sofa") is not None
    assert apart("red chair", "blue chair") is None
    assert apart("gate 4", "gate 7") is None
    assert apart("chair", "table") is None
    assert apart("椅子", "椅子") == 0
    assert apart("椅子", "桌子") is None


def test_names_in_any_language_are_located_and_kept_apart() -> None:
    """Nothing is translated: one thing under two languages' names is two objects."""
    robot = Robot()
    world = {
        "红色的椅子": (4.0, 1.0, 0.5),
        "grüner Stuhl": (5.0, 0.0, 0.6),
        "كرسي": (5.0, 2.4, 0.6),
    }
    robot.drive(world, steps=6)
    robot.drive({"green chair": world["grüner Stuhl"]}, steps=6)
    assert {one.name for one in robot.memory.objects()} == {*world, "green chair"}
    for name, place in world.items():
        assert off_m(robot.only(name), place) < 0.1
    assert robot.memory.faults == 0


def test_an_object_seen_under_a_wider_name_stays_one() -> None:
    robot = Robot()
    robot.drive({"sofa": (4.0, 1.0, 0.5)}, steps=4)
    robot.drive({"green couch": (4.0, 1.0, 0.5)}, steps=4)
    one = robot.only("sofa")
    assert (one.name, one.color, one.kind, one.seen) == ("green couch", "green", "sofa", 8)


def test_what_is_called_otherwise_and_seen_beside_a_thing_is_another() -> None:
    """What is about three standard deviations beside the round table is another table."""
    robot = Robot()
    round_table, football_table = (4.0, 0.0, 0.7), (8.0, 0.2, 0.7)
    robot.look({"round table": round_table}, pose(0.0, 0.0))
    robot.look({"round table": round_table}, pose(0.0, 0.5))
    robot.look({"football table": football_table}, pose(0.0, 1.0))
    both = {"round table": round_table, "football table": football_table}
    robot.look(both, pose(0.0, 1.6))
    robot.look(both, pose(0.0, 2.2))
    found = {one.name: (one.seen, off_m(one, both[one.name])) for one in robot.memory.objects()}
    assert found.keys() == both.keys()
    assert [seen for seen, _ in found.values()] == [4, 3]
    assert max(off for _, off in found.values()) < 0.5


def test_one_table_stays_one_by_another_word_where_it_is_seen_in_its_place() -> None:
    robot = Robot()
    robot.drive({"wooden table": (4.0, 1.0, 0.7)}, steps=4)
    robot.drive({"dining table": (4.0, 1.0, 0.7)}, steps=4)
    (one,) = robot.memory.objects()
    assert one.seen == 8


def test_a_table_that_is_called_otherwise_is_not_the_lost_one_moved() -> None:
    robot = Robot()
    others = {name: place for name, place in ROOM.items() if name != "red chair"}
    robot.drive({**others, "round table": (4.0, 1.0, 0.7)})
    robot.look(others, pose(0.0, 1.8))
    there = {**others, "football table": (6.0, 1.8, 0.7)}
    for y in (1.8, 1.5, 1.2, 0.9):
        robot.look(there, pose(0.0, y))
    tables = {one.name: one for one in robot.memory.objects("table")}
    assert tables.keys() == {"round table", "football table"}
    assert not tables["football table"].places
    assert tables["round table"].gone_since_ns is not None


def test_a_chair_that_moved_is_one_with_a_history() -> None:
    robot = Robot()
    robot.drive(ROOM)
    moved = {**ROOM, "red chair": (6.0, 1.8, 0.5)}
    robot.look(moved, pose(0.0, 2.1))
    robot.look(moved, pose(0.0, 1.8))
    robot.look(moved, pose(0.0, 1.5))
    one = robot.only("red chair")
    assert len(one.places) == 1
    assert math.dist(one.places[0].position_m, ROOM["red chair"]) < 0.2
    assert one.position_m is not None
    assert math.dist(one.position_m[:2], moved["red chair"][:2]) < 1.0
    assert one.gone_since_ns is None


#: From here, the red chair's middle is at the border of the picture.
AT_THE_BORDER = pose(0.0, 1.5, yaw_deg=29.0)


def test_a_place_partly_in_view_tells_that_what_is_elsewhere_has_moved() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({**ROOM, "red chair": (5.0, 4.0, 0.5)}, AT_THE_BORDER)
    one = robot.only("red chair")
    assert [math.dist(place.position_m, ROOM["red chair"]) < 0.2 for place in one.places] == [True]
    assert one.position_m is not None
    assert one.position_m[1] > 2.5


def test_a_place_that_was_partly_in_view_tells_so_when_its_object_turns_up_later() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({"blue lamp": ROOM["blue lamp"]}, AT_THE_BORDER)
    robot.look({"red chair": (-4.0, 1.0, 0.5)}, pose(0.0, 1.5, yaw_deg=180.0))
    one = robot.only("red chair")
    assert len(one.places) == 1
    assert one.position_m is not None
    assert one.position_m[0] < -1.0


def test_what_was_missed_and_then_seen_larger_is_not_where_it_was() -> None:
    """It is nearer now, in the direction in which it was."""
    robot = Robot()
    robot.drive(ROOM)
    empty = {name: place for name, place in ROOM.items() if name != "red chair"}
    robot.look(empty, pose(0.0, 1.0))
    robot.look({**empty, "red chair": (2.0, 1.0, 0.75)}, pose(0.0, 1.0))
    one = robot.only("red chair")
    assert [math.dist(place.position_m, ROOM["red chair"]) < 0.2 for place in one.places] == [True]
    assert one.position_m is not None
    assert one.position_m[0] < 3.5


def test_what_was_missed_and_then_seen_as_large_is_where_it_was() -> None:
    robot = Robot()
    robot.drive(ROOM)
    empty = {name: place for name, place in ROOM.items() if name != "red chair"}
    robot.look(empty, pose(0.0, 1.0))
    robot.look(ROOM, pose(0.0, 1.0))
    one = robot.only("red chair")
    assert not one.places
    assert off_m(one, ROOM["red chair"]) < 0.15


def test_a_place_partly_in_view_tells_nothing_else() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({"blue lamp": ROOM["blue lamp"], "red crate": (5.0, 4.0, 0.5)}, AT_THE_BORDER)
    assert robot.only("red chair").missed == 0


@pytest.mark.parametrize(
    ("name", "before"),
    [("chair", {}), ("red chair", {"crate": (1.0, 1.375, 0.88)})],
    ids=["no colour tells that it is the same", "something before its place"],
)
def test_a_place_partly_in_view_does_not_move_what_may_be_there(name: str, before: World) -> None:
    robot = Robot()
    robot.drive({name: (4.0, 1.0, 0.5)})
    for _ in range(3):
        robot.look({name: (5.0, 4.0, 0.5), **before}, AT_THE_BORDER)
    assert len(robot.memory.objects(name)) == 2
    assert all(not one.places and not one.missed for one in robot.memory.objects(name))


def test_another_of_its_name_does_not_move_what_may_be_behind_a_wall() -> None:
    """It was seen from the other side only."""
    robot = Robot()
    for at in range(6):
        robot.look(ROOM, pose(0.0, 2.0 + 0.2 * at))
    for at in range(6):
        robot.look({"red chair": (2.0, -1.75, 0.5)}, pose(0.5, -2.0 + 0.1 * at, 30.0))
    assert len(robot.memory.objects("red chair")) == 2
    assert all(not one.places and not one.missed for one in robot.memory.objects("red chair"))


def test_what_should_be_in_view_and_is_not_is_gone_with_evidence() -> None:
    robot = Robot()
    robot.drive(ROOM)
    empty = {name: place for name, place in ROOM.items() if name != "red chair"}
    first = robot.look(empty, pose(0.0, 2.1))
    assert robot.only("red chair").gone_since_ns is None
    robot.look(empty, pose(0.0, 1.8))
    robot.look(empty, pose(0.0, 1.5))
    one = robot.only("red chair")
    assert one.gone_since_ns == first.stamp_ns
    assert one.missed_in == (8, 9, 10)
    assert one.last_seen_ns < first.stamp_ns
    assert robot.only("plant").gone_since_ns is None
    robot.look(ROOM, pose(0.0, 1.2))
    assert robot.only("red chair").gone_since_ns is None
    assert robot.only("red chair").missed == 0


def test_what_is_behind_the_robot_or_hidden_is_not_gone() -> None:
    robot = Robot()
    robot.drive(ROOM)
    hidden = {"blue lamp": ROOM["blue lamp"], "crate": (2.0, 1.0, 0.6)}
    for at in range(6):
        robot.look({}, pose(0.0, 0.3 * at, yaw_deg=180.0))
    for _ in range(4):
        robot.look(hidden, pose(0.0, 1.0))
    assert robot.only("red chair").gone_since_ns is None


def test_a_low_thing_before_it_does_not_excuse_what_is_missing_above_it() -> None:
    robot = Robot()
    low = {"blue lamp": (5.0, 0.0, 1.2), "crate": (2.0, 0.05, 0.1), "plant": (5.0, 2.4, 0.6)}
    for at in range(6):
        robot.look(low, pose(0.0, 0.2 * at - 0.5))
    without = {name: place for name, place in low.items() if name != "blue lamp"}
    for _ in range(3):
        robot.look(without, pose(0.0, 0.0))
    assert robot.only("blue lamp").missed == 3


def test_what_was_seen_from_elsewhere_alone_may_be_behind_a_wall() -> None:
    """From here nobody saw it, and nothing behind it is seen either."""
    robot = Robot()
    for at in range(6):
        robot.look(ROOM, pose(0.0, 2.0 + 0.2 * at))
    for at in range(6):
        robot.look({}, pose(0.5, -2.0 + 0.1 * at, 30.0))
    assert robot.only("red chair").missed == 0


def test_a_known_direction_is_enough_to_miss_what_is_at_an_unknown_distance() -> None:
    robot = Robot()
    far = {"tower": (60.0, 2.0, 4.0)}
    for at in range(3):
        robot.look(far, pose(0.1 * at, 0.0))
    assert (robot.only("tower").std_m or 0.0) > 5.0
    robot.look({}, pose(0.2, 0.0))
    assert robot.only("tower").missed == 1


def test_a_perceiver_that_overlooks_things_does_not_make_them_gone_at_once() -> None:
    robot = Robot()
    rng = np.random.default_rng(5)
    for at in range(40):
        here = pose(0.0, 0.05 * at)
        seen = {name: place for name, place in ROOM.items() if rng.random() < 0.5}
        robot.look(seen, here)
        robot.look(ROOM, here)
    assert all(one.gone_since_ns is None for one in robot.memory.objects())


@pytest.mark.parametrize("count", [500])
def test_hundreds_of_mentions_in_one_picture_are_taken_in(count: int) -> None:
    robot = Robot()
    rng = np.random.default_rng(0)
    mentions = [
        Mention("box", "front", bearing_deg=float(b), elevation_deg=float(e), confidence=0.5)
        for b, e in rng.uniform(-35, 35, (count, 2))
    ]
    for at in range(2):
        robot.look({}, pose(0.0, 0.2 * at), mentions=mentions)
    assert 0 < len(robot.memory.objects()) <= 2 * robot.settings.max_mentions
    assert len(robot.store.deltas()[0].mentions) == count


@pytest.mark.parametrize(
    "mention",
    [
        Mention("chair", "front", bearing_deg=math.nan, elevation_deg=math.inf, confidence=-3.0),
        Mention("chair", "front", bearing_deg=1e9, elevation_deg=89.99, range_m=-1.0),
        Mention("", "front", bearing_deg=0.0),
        Mention("\ud800 chair", "back-left"),
        Mention("x" * 5000, "front", bearing_deg=0.0, range_m=1e12, confidence=math.nan),
    ],
)
def test_numbers_that_cannot_be_are_not_stored_as_positions(mention: Mention) -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look(ROOM, pose(0.0, 1.0), mentions=[mention])
    for one in robot.memory.objects():
        numbers = (*(one.position_m or ()), *(one.covariance_m2 or ()))
        assert all(math.isfinite(number) for number in numbers)
    assert robot.memory.faults == 0
    assert off_m(robot.only("blue lamp"), ROOM["blue lamp"]) < 0.2


def walk(robot: Robot, world: World) -> None:
    rng = np.random.default_rng(11)
    for at in range(30):
        here = pose(0.1 * at, float(rng.normal(0, 0.5)), yaw_deg=float(rng.normal(0, 20)))
        robot.look(world if at < 20 else dict(list(world.items())[1:]), here)


def test_a_restart_of_the_process_changes_nothing(tmp_path: Path) -> None:
    world = {**ROOM, **CHAIRS}
    whole = Robot()
    walk(whole, world)
    path = str(tmp_path / "memory.db")
    parts = Robot(path)
    rng = np.random.default_rng(11)
    for at in range(30):
        here = pose(0.1 * at, float(rng.normal(0, 0.5)), yaw_deg=float(rng.normal(0, 20)))
        parts.look(world if at < 20 else dict(list(world.items())[1:]), here)
        if at % 7 == 3:
            parts.store.close()
            stamp_ns = parts.stamp_ns
            parts = Robot(path)
            parts.stamp_ns = stamp_ns
    assert parts.memory.objects() == whole.memory.objects()


def test_a_rebuild_gives_the_same_objects_and_so_does_folding_late(tmp_path: Path) -> None:
    robot = Robot()
    walk(robot, {**ROOM, **CHAIRS})
    before = robot.memory.objects()
    assert robot.memory.rebuild() == len(before)
    assert robot.memory.objects() == before
    late = Robot()
    rng = np.random.default_rng(11)
    world = {**ROOM, **CHAIRS}
    for at in range(30):
        here = pose(0.1 * at, float(rng.normal(0, 0.5)), yaw_deg=float(rng.normal(0, 20)))
        late.look(world if at < 20 else dict(list(world.items())[1:]), here, fold=False)
    assert late.memory.objects() == before


def test_a_memory_that_cannot_be_written_to_is_folded_in_ram(tmp_path: Path) -> None:
    from embodied_agent.agent.object_memory import ObjectMemory

    path = str(tmp_path / "memory.db")
    robot = Robot(path)
    robot.drive(ROOM, steps=4)
    robot.drive(ROOM, steps=4, fold=False)
    robot.store.close()
    with Store.open(path, MemorySettings(), read_only=True) as store:
        found = ObjectMemory(store, robot.settings).objects("red chair")
        assert [one.seen for one in found] == [8]
        assert store.objects.folded().keyframe_id == 3


def test_names_are_understood_as_in_questions() -> None:
    robot = Robot()
    robot.drive({**ROOM, "green sofa": (4.5, 1.8, 0.4)})
    assert [one.name for one in robot.memory.locate("couch")] == ["green sofa"]
    assert {one.name for one in robot.memory.locate("furniture")} >= {"green sofa", "red chair"}
    assert [one.name for one in robot.memory.locate("red things")] == ["red chair"]
    assert robot.memory.locate("blue sofa") == []
    assert robot.memory.locate("fridge") == []
