"""What positions change is measured from noisy poses, and against what is true in the world."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.memory.store import Store
from embodied_agent.perception.builtin import BuiltinPerceiver
from embodied_agent.settings import MemorySettings, load_settings
from sim_clips.journey import journey_of_truth
from sim_clips.questions import NOT_TOLD
from tests.support.object_world import Robot, pose
from training.evaluate_clips import answers_by_position
from training.evaluation.clip_tables import markdown, summary
from training.evaluation.positioned import (
    PLACED,
    POSE_M,
    compared,
    noisy_copy,
    table,
    true_letter,
)
from training.experiments.held_out import questions_with_choices

CLIPS = sorted(Path("sim_clips/clips").glob("*_*"))
ROOM = {"red chair": (4.0, 1.0, 1.0), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}


@pytest.fixture
def robot(tmp_path: Path) -> Robot:
    robot = Robot(str(tmp_path / "memory.db"))
    robot.drive(ROOM)
    robot.look({}, pose(2.0, 1.0, 180.0))
    return robot


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_what_is_true_in_the_world_is_what_the_questions_say(clip: Path) -> None:
    journey = journey_of_truth(json.loads((clip / "truth.json").read_text()))
    rows = json.loads((clip / "questions.json").read_text())
    compared_rows = 0
    for row in rows:
        untold = NOT_TOLD in row["choices"] and row["choices"][ord(row["answer"]) - 65] == NOT_TOLD
        letter = true_letter(journey, row)
        if row["type"] not in PLACED:
            assert letter is None
        elif letter is not None and not untold:
            compared_rows += 1
            assert letter == row["answer"], row["text"]
        else:
            assert letter is None or row["choices"][ord(letter) - 65] != NOT_TOLD
    assert compared_rows >= 8


def test_a_noisy_copy_holds_the_same_but_for_its_poses(robot: Robot, tmp_path: Path) -> None:
    noisy_copy(robot.store, tmp_path / "copy.db", seed=3)
    with Store.open(str(tmp_path / "copy.db"), MemorySettings()) as copy:
        assert copy.deltas() == robot.store.deltas()
        pairs = list(zip(robot.store.keyframes(), copy.keyframes(), strict=True))
    offsets = [
        value
        for one, other in pairs
        for value in np.subtract(other.pose.position_m, one.pose.position_m).tolist()
    ]
    assert 0.3 * POSE_M < float(np.std(offsets)) < 3 * POSE_M
    for one, other in pairs:
        assert other.stamp_ns == one.stamp_ns
        same = abs(float(np.dot(one.pose.orientation_xyzw, other.pose.orientation_xyzw)))
        assert 0.0 < 2 * math.degrees(math.acos(min(same, 1.0))) < 4.0


def test_positions_answer_what_they_settle_and_no_model_answers_the_rest(
    robot: Robot, tmp_path: Path
) -> None:
    rows = [
        {"id": name, "text": text, "choices": choices, "stamp_ns": robot.stamp_ns}
        for name, text, choices in (
            ("chair", "Where is the red chair now?", ["front", "left", "back", "right"]),
            ("first", "What came first?", ["red chair, plant", "plant, red chair"]),
        )
    ]
    settings = load_settings(memory__path=robot.store.path, perception__backend="builtin")
    robot.store.close()
    perceiver = BuiltinPerceiver(settings.perception)
    with Agent(settings, perceiver=perceiver) as agent:
        located = answers_by_position(agent, settings, perceiver, rows, seed=1)
    assert {name: answer.text for name, answer in located.items()} == {"chair": "back"}


def _row(number: int, *, right: bool, answer: str = "A", position: str | None = "A") -> Any:
    """A question whose notes alone give A or, if they are not ``right``, B."""
    given = "A" if right else "B"
    chosen = position or given
    told = answer != "D"
    others = ("true_deltas", "reasoner_true", "program_pixels", "program_true", "blind")
    return {
        "id": f"q{number}", "clip": f"house_{number % 3}", "type": "landmark_position",
        "answer": answer, "answer_told": told, "world": "A", "not_told": "D",
        "by_position": position is not None,
        "given": {"pixels": given, "positions": chosen, **dict.fromkeys(others, "C")},
        "derivable": {"pixels": told, "true_deltas": told}, "chance": 0.25, "format": 1.0,
        "seconds": 1.0, "pixels": float(given == answer),
        "positions": float(chosen in (answer, "A" if not told else answer)),
        **dict.fromkeys(others, 0.0),
    }  # fmt: skip


def test_the_change_is_counted_where_there_is_an_answer_and_apart_where_there_is_none() -> None:
    rows = [_row(n, right=n < 3, position="A" if n < 9 else None) for n in range(12)]
    rows += [_row(12, right=True, answer="D"), _row(13, right=False, answer="D", position="D")]
    found = compared(rows)["landmark_position"]
    assert found["told"]["count"] == 12
    assert (found["told"]["pixels"], found["told"]["positions"]) == (0.25, 0.75)
    assert found["told"]["difference"][0] == 0.5
    assert found["lost"] == 0
    assert found["settled"] == {"count": 11, "right": round(10 / 11, 4)}
    assert found["open"] == {"count": 2, "true": 1, "not_told": 1}
    assert compared([*rows, _row(14, right=True, position="B")])["all"]["lost"] == 1
    assert compared(rows)["aimed"] == compared(rows)["all"] == found
    text = table(compared(rows))
    assert "| landmark position | 12 | 25.0 | 75.0 | +50.0 points" in text
    assert "relative distance" not in text


def test_the_column_is_in_the_tables_where_it_was_measured() -> None:
    rows = [_row(n, right=True) for n in range(4)]
    marks = {name: [1.0] for name in ("hits", "missed", "invented", "action", "direction")}
    marks |= {"distance": [1.0], "seconds_per_keyframe": [1.0]}
    with_column = summary(marks, rows)
    columns = questions_with_choices({"house": with_column}, "command", 1.0).columns
    assert columns[:4] == ("questions", "n", "from pixels", "from pixels, with positions")
    for row in rows:
        del row["positions"]
    without = {"house": summary(marks, rows)}
    assert "| type | n | pixels | true deltas |" in markdown(without)
    columns = questions_with_choices(without, "command", 1.0).columns
    assert columns[:4] == ("questions", "n", "from pixels", "from true notes")
    assert list(with_column["all"])[:3] == ["pixels", "positions", "true_deltas"]
    assert with_column["derivability"]["positions"]["derivable"] == {"count": 4, "right": 1.0}
