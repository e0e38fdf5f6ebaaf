"""What people say about the memory: applied, kept with who and when, never undone by a replay."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import apsw
import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.errors import QuestionError, StoreError
from embodied_agent.memory.repair import repair
from embodied_agent.memory.store import Store
from embodied_agent.object_records import Correction, NamedPlace
from embodied_agent.records import Answer, Delta, Evidence, Mention, Question
from embodied_agent.settings import MemorySettings, load_settings
from tests.support.object_world import Robot, off_m, pose

ROOM = {"red chair": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}
TWO = {"red chair#1": (4.0, 0.4, 0.5), "red chair#2": (4.0, 1.8, 0.5), **ROOM}


def said(kind: Any, object_id: int | None = None, **more: Any) -> Correction:
    return Correction(kind, "Ada", object_id, **more)


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "memory.db")


def names(robot: Robot) -> list[str]:
    return sorted(one.name for one in robot.memory.objects())


def again(robot: Robot) -> Robot:
    """The same memory, opened anew with all objects derived again."""
    path = robot.store.path
    robot.store.close()
    fresh = Robot(path)
    fresh.stamp_ns = robot.stamp_ns
    fresh.memory.rebuild()
    return fresh


def test_a_relabelled_object_keeps_its_name_and_is_recognised(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    stored = robot.memory.correct(said("relabel", robot.only("red chair").id, text="throne"))
    assert (stored.by, stored.id, stored.after) == ("Ada", 1, 7)
    assert stored.at_s > 1e9
    for _ in range(2):
        one = robot.only("throne")
        assert (one.name, one.label, one.kind, one.seen) == ("throne", "throne", "throne", 8)
        assert robot.memory.objects("red chair") == []
        robot = again(robot)
    robot.look(ROOM, pose(0.0, 1.0))
    assert robot.only("throne").seen == 9


def test_a_note_stays_until_it_is_removed(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    number = robot.only("plant").id
    robot.memory.correct(said("annotate", number, text="water it on Mondays"))
    robot = again(robot)
    assert robot.only("plant").note == "water it on Mondays"
    robot.memory.correct(said("annotate", robot.only("plant").id, text=""))
    assert again(robot).only("plant").note == ""


def test_two_that_a_person_says_are_one_stay_one(path: str) -> None:
    robot = Robot(path)
    robot.drive({"red chair#1": (4.0, 0.4, 0.5)})
    for at in range(4):
        robot.look({"red chair#2": (4.0, 6.8, 0.5)}, pose(0.0, 6.0 + 0.4 * at))
    first, second = sorted(robot.memory.objects("red chair"), key=lambda one: one.id)
    robot.memory.correct(said("merge", first.id, other_id=second.id))
    one = robot.only("red chair")
    assert (one.id, one.seen) == (first.id, 12)
    assert again(robot).only("red chair").seen == 12


def test_one_that_a_person_says_is_two_stays_two(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    number = robot.only("red chair").id
    robot.memory.correct(said("split", number, keyframes=(4, 5, 6, 7)))
    for _ in range(2):
        evidence = sorted(one.evidence for one in robot.memory.objects("red chair"))
        assert evidence == [(0, 1, 2, 3), (4, 5, 6, 7)]
        robot = again(robot)
    robot.look(ROOM, pose(0.0, 1.0))
    assert len(robot.memory.objects("red chair")) == 2


def test_corrections_are_applied_in_order_and_before_what_came_later(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    number = robot.only("red chair").id
    robot.memory.correct(said("split", number, keyframes=(4, 5, 6, 7)))
    robot.drive(ROOM, steps=4)
    other = next(o for o in robot.memory.objects("red chair") if o.evidence[0] == 4)
    robot.memory.correct(said("relabel", other.id, text="blue stool"))
    before = robot.memory.objects()
    assert again(robot).memory.objects() == before


@pytest.mark.parametrize(
    ("correction", "words"),
    [
        (said("relabel", 999, text="x"), "there is no object 999"),
        (said("relabel", 1, text="  "), "relabel needs a text"),
        (said("relabel"), "needs object_id"),
        (said("merge", 1, other_id=1), "another object"),
        (said("split", 1), "split needs keyframes"),
        (said("split", 1, keyframes=(0, 1, 2, 3, 4, 5, 6, 7)), "some and not all"),
        (said("forget"), "exactly one of"),
        (said("forget", from_ns=5), "both from_ns and to_ns"),
        (said("forget", from_ns=5, to_ns=4), "ends before it begins"),
        (said("forget", region=((0, 0), (1, 1))), "map session"),
        (said("forget", region=((0, 0), (1, 1)), session=0), "3 to"),
        (said("forget", region=((0, 0), (1, 1), (2, 2)), session=0), "no area"),
        (said("forget", region=((0, 0), (1, 0), (0, 1)), session=9), "no map session 9"),
        (said("invent", 1), "not 'invent'"),
        (Correction("relabel", " ", 1, text="x"), "who made it"),
    ],
)
def test_a_correction_that_cannot_be_used_says_why(correction: Correction, words: str) -> None:
    robot = Robot()
    robot.drive(ROOM)
    with pytest.raises(QuestionError, match=words):
        robot.memory.correct(correction)
    assert robot.memory.corrections() == []


def test_objects_of_different_sessions_are_not_merged() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.drive(ROOM, segment=1)
    later, earlier = robot.memory.objects("red chair")
    with pytest.raises(QuestionError, match="different map sessions"):
        robot.memory.correct(said("merge", earlier.id, other_id=later.id))


SECRET = os.urandom(400)


def bytes_of(path: str) -> bytes:
    folder, name = os.path.split(path)
    files = [file for file in os.listdir(folder) if file.startswith(name)]
    return b"".join(Path(folder, file).read_bytes() for file in sorted(files))


def filled(path: str) -> Robot:
    """A robot that saw a secret: from keyframe 3 to 5, beside other things."""
    robot = Robot(path)
    for at in range(10):
        secret = {"medicine cabinet": (4.5, 1.2, 1.0)} if 3 <= at <= 5 else {}
        picture = os.urandom(9000) + (SECRET if secret else b"") + os.urandom(3000)
        robot.look({**ROOM, **secret}, pose(0.0, 0.2 * at), jpeg=picture)
    evidence = (Evidence(4, robot.stamp_ns),)
    robot.store.save_answer(Question("What?"), Answer("A medicine cabinet.", evidence=evidence))
    robot.store.save_answer(Question("And?"), Answer("A plant.", evidence=(Evidence(8, 0),)))
    assert b"medicine" in bytes_of(path)
    assert SECRET in bytes_of(path)
    return robot


def check_gone(path: str) -> None:
    """Nothing of the secret is in the file or beside it, and nothing else is missing."""
    assert SECRET not in bytes_of(path)
    assert b"medicine" not in bytes_of(path).lower()


def test_a_forgotten_object_is_gone_from_the_bytes_of_the_file(path: str) -> None:
    robot = filled(path)
    number = robot.only("medicine cabinet").id
    robot.memory.correct(said("relabel", number, text="medicine box"))
    before = {one.name: one for one in robot.memory.objects()}
    robot.memory.correct(said("forget", number))
    assert names(robot) == ["blue lamp", "plant", "red chair"]
    check_gone(path)
    for one in robot.memory.objects():
        assert one == before[one.name]
    assert robot.store.search(text="medicine cabinet") == []
    assert [len(k.jpeg) > 0 for k in robot.store.keyframes(pictures=True)] == [
        not 3 <= at <= 5 for at in range(10)
    ]
    assert [answer.text for _, answer in robot.store.answers()] == ["A plant."]
    assert [c.kind for c in robot.memory.corrections()] == ["relabel", "forget"]
    robot.look(ROOM, pose(0.0, 1.0))
    robot = again(robot)
    assert names(robot) == ["blue lamp", "plant", "red chair"]
    assert robot.only("red chair").seen == 11
    robot.store.close()
    check_gone(path)


def test_a_forgotten_interval_is_gone_and_does_not_come_back(path: str) -> None:
    robot = filled(path)
    stamps = [k.stamp_ns for k in robot.store.keyframes()]
    robot.memory.correct(said("forget", from_ns=stamps[3], to_ns=stamps[5]))
    check_gone(path)
    assert names(robot) == ["blue lamp", "plant", "red chair"]
    assert robot.only("red chair").evidence == (0, 1, 2, 6, 7, 8, 9)
    assert [d.problem != "" for d in robot.store.deltas()] == [3 <= at <= 5 for at in range(10)]
    # The same moments come in again, as another recording of them.
    robot.stamp_ns = stamps[0] - 1_000_000_000
    secret = {**ROOM, "medicine cabinet": (4.5, 1.2, 1.0)}
    for at in range(10):
        there = secret if 3 <= at <= 5 else ROOM
        picture = SECRET + os.urandom(9000) if 3 <= at <= 5 else b"jpeg"
        robot.look(there, pose(0.0, 0.2 * at), segment=1, jpeg=picture)
    robot.memory.catch_up()
    assert [one.seen for one in robot.memory.objects("red chair")] == [7, 7]
    assert robot.store.counts().pending == 0
    check_gone(path)


def test_a_forgotten_region_takes_what_is_in_it_and_what_was_seen_from_it(path: str) -> None:
    robot = filled(path)
    region = ((3.2, 1.08), (6.5, 1.08), (6.5, 1.6), (3.2, 1.6))
    robot.memory.correct(said("forget", region=region, session=0))
    check_gone(path)
    assert names(robot) == ["blue lamp", "plant", "red chair"]
    # Where the robot stood itself: the last three keyframes.
    here = ((-1.0, 1.3), (1.0, 1.3), (1.0, 2.0), (-1.0, 2.0))
    robot.memory.correct(said("forget", region=here, session=0))
    assert robot.only("red chair").evidence[-1] == 6
    assert [d.usable for d in robot.store.deltas()][-3:] == [False] * 3


def test_what_waits_for_perception_is_forgotten_too(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM, steps=2)
    keyframe = robot.store.add_keyframe(
        stamp_ns=robot.stamp_ns + 5,
        jpeg=SECRET * 30,
        width=64,
        height=48,
        reason="overlap",
        segment=0,
    )
    assert robot.store.counts().pending == 1
    interval = {"from_ns": keyframe.stamp_ns, "to_ns": keyframe.stamp_ns}
    robot.memory.correct(said("forget", **interval))
    assert robot.store.counts().pending == 0
    assert SECRET not in bytes_of(path)
    with pytest.raises(StoreError, match="not due"):
        robot.store.commit_delta(Delta(keyframe.id, None, mentions=(Mention("x", "front"),)))


def test_a_reader_that_holds_the_log_is_named(path: str) -> None:
    robot = filled(path)
    reader = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM keyframes").fetchall()
    robot.store._writer.set_busy_timeout(50)
    with pytest.raises(StoreError, match="another program reads the file"):
        robot.memory.correct(said("forget", robot.only("medicine cabinet").id))
    reader.close()
    assert names(robot) == ["blue lamp", "plant", "red chair"]
    robot.store.empty_log()
    check_gone(path)


def test_a_file_that_is_opened_read_only_is_not_corrected(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    robot.store.close()
    with Store.open(path, MemorySettings(), read_only=True) as store:
        memory = ObjectMemory(store, robot.settings)
        with pytest.raises(StoreError, match="read-only"):
            memory.correct(said("relabel", 1, text="throne"))


def test_a_repaired_memory_keeps_what_people_said(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    robot.memory.correct(said("relabel", robot.only("red chair").id, text="throne"))
    robot.memory.name_place(NamedPlace("dock", 0, "map", "Ada", pose=pose(1, 2)))
    robot.store.close()
    repair(path)
    fixed = Robot(path)
    assert fixed.only("throne").seen == 8
    assert [place.name for place in fixed.memory.named_places()] == ["dock"]


def test_places_are_named_replaced_and_removed(path: str) -> None:
    robot = Robot(path)
    robot.drive(ROOM)
    robot.memory.name_place(NamedPlace("dock", 0, "map", "Ada", pose=pose(1, 2)))
    square = ((0.0, 0.0), (2.0, 0.0), (2.0, 2.0), (0.0, 2.0))
    robot.memory.name_place(NamedPlace("  kitchen ", 0, "map", "Ada", region=square))
    robot.memory.name_place(NamedPlace("dock", 0, "map", "Bob", pose=pose(3, 4)))
    dock, kitchen = again(robot).memory.named_places()
    assert (dock.by, dock.position_m) == ("Bob", (3, 4, 1.0))
    assert (kitchen.name, kitchen.position_m) == ("kitchen", (1.0, 1.0, 0.0))
    now = Robot(path + "2")
    for place, words in (
        (NamedPlace("dock", 0, "map", "Ada", pose=pose(1, 2)), "no map session 0"),
        (NamedPlace("dock", 0, "map", "Ada"), "either a pose or a region"),
        (NamedPlace(" ", 0, "map", "Ada", pose=pose(1, 2)), "needs a name"),
        (NamedPlace("dock", 0, "map", "Ada", pose=pose(float("nan"), 2)), "not finite"),
    ):
        with pytest.raises(QuestionError, match=words):
            now.memory.name_place(place)


def test_a_goal_is_where_the_robot_was_and_faces_the_object() -> None:
    robot = Robot()
    for at in range(12):
        robot.look(ROOM, pose(0.25 * at - 1.0, 0.1 * at))
    one = robot.only("red chair")
    goal = robot.memory.goal(one.id)
    assert goal is not None
    assert (goal.session, goal.object_id, goal.pose.frame_id) == (0, one.id, "map")
    keyframe = robot.store.keyframe(goal.keyframe_id)
    assert keyframe is not None
    assert keyframe.pose is not None
    assert goal.pose.position_m == keyframe.pose.position_m
    assert goal.stamp_ns == keyframe.stamp_ns
    x, y, _ = goal.pose.position_m
    _, _, sin, cos = goal.pose.orientation_xyzw
    towards = math.atan2(ROOM["red chair"][1] - y, ROOM["red chair"][0] - x)
    assert 2 * math.atan2(sin, cos) == pytest.approx(towards, abs=0.1)
    with pytest.raises(QuestionError, match="no object 99"):
        robot.memory.goal(99)


def test_the_agent_answers_about_what_was_forgotten_as_not_seen(path: str) -> None:
    robot = filled(path)
    number = robot.only("medicine cabinet").id
    robot.store.close()
    settings = load_settings(memory__path=path, perception__backend="geometry")
    with Agent(settings) as agent:
        assert "medicine" in agent.ask("Did you see a medicine cabinet?").text
        agent.correct(said("forget", number))
        answer = agent.ask("Did you see a medicine cabinet?")
        assert answer.status == "not_seen"
        assert agent.locate("medicine cabinet") == []
        (chair,) = agent.locate("chair")
        assert off_m(chair, ROOM["red chair"]) < 0.2
        assert [s.id for s in agent.map_sessions()] == [0]
