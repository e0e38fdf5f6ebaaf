"""`embodied-agent objects` and `places`: lists, corrections, and what they say where they can't."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.command_line import run
from tests.support.object_world import Robot

ROOM = {"red chair": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2)}
#: What every object is listed with.
FIELDS = {
    *("name", "position", "frame", "session", "std_m", "first_seen_ns", "last_seen_ns"),
    *("seen", "missed", "evidence"),
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    path = str(tmp_path / "memory.db")
    robot = Robot(path)
    robot.drive(ROOM)
    robot.store.close()
    return path


def listed(path: str, *more: str) -> list[dict]:
    result = run("objects", "--memory", path, "--json", *more)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_objects_are_listed_with_positions_in_metres(path: str) -> None:
    by_name = {one["name"]: one for one in listed(path)}
    assert set(by_name) == set(ROOM)
    chair = by_name["red chair"]
    assert set(chair) >= FIELDS
    assert chair["position"] == pytest.approx(ROOM["red chair"], abs=0.2)
    assert (chair["frame"], chair["session"], chair["seen"]) == ("map", 0, 8)
    assert [one["name"] for one in listed(path, "--name", "seat")] == ["red chair"]
    text = run("objects", "--memory", path).stdout
    assert "map session 0, in map" in text
    assert "red chair" in text


def test_corrections_by_command_are_kept_and_survive_a_rebuild(path: str) -> None:
    number = listed(path, "--name", "chair")[0]["id"]
    said = run("objects", "relabel", number, "throne", "--by", "Ada", "--memory", path, "--json")
    assert json.loads(said.stdout)["by"] == "Ada"
    run("objects", "annotate", number, "wobbles", "--by", "Bob", "--memory", path)
    lamp = listed(path, "--name", "lamp")[0]["id"]
    assert run("objects", "forget", lamp, "--by", "Ada", "--memory", path).exit_code == 0
    assert json.loads(run("memory", "rebuild-objects", "--memory", path, "--json").stdout) == {
        "objects": 1
    }
    (one,) = listed(path)
    assert (one["name"], one["label"], one["note"]) == ("throne", "throne", "wobbles")
    made = json.loads(run("objects", "corrections", "--memory", path, "--json").stdout)
    assert [(c["by"], c["kind"]) for c in made] == [
        ("Ada", "relabel"),
        ("Bob", "annotate"),
        ("Ada", "forget"),
    ]


def test_places_are_added_listed_and_removed(path: str) -> None:
    run("places", "add", "dock", "--pose", "1.5,2,90", "--by", "Ada", "--memory", path)
    run("places", "add", "hall", "--region", "0,0 2,0 2,3 0,3", "--by", "Ada", "--memory", path)
    dock, hall = json.loads(run("places", "list", "--memory", path, "--json").stdout)
    assert (dock["name"], dock["pose"]["position_m"]) == ("dock", [1.5, 2.0, 0.0])
    assert (hall["name"], len(hall["region"])) == ("hall", 4)
    assert run("places", "remove", "dock", "--memory", path).exit_code == 0
    assert "dock" not in run("places", "list", "--memory", path).stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["objects", "relabel", 99, "x"], "there is no object 99"),
        (["objects", "forget"], "exactly one of"),
        (["objects", "forget", "--region", "1,2,3", "--session", 0], "a region is a list"),
        (["places", "add", "dock"], "either a pose or a region"),
        (["places", "add", "dock", "--pose", "here"], "a pose is X,Y,YAW"),
        (["places", "remove", "nowhere"], "no place named"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    arguments: list[object], words: str, path: str
) -> None:
    result = run(*arguments, "--memory", path)
    assert result.exit_code == 2
    assert words in result.stderr
