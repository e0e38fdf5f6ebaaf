"""Readers of public question files, and odometry questions compared with a recomputation."""

from __future__ import annotations

import cmath
import csv
import itertools
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.records import Pose
from training.episodes.benchmarks import benchmark_units
from training.episodes.recordings import Recorder
from training.episodes.rows import DatasetError
from training.questions import egoschema, mvbench, sis, urbanvideo, vsi
from training.questions.base import Asked
from training.questions.odometry import odometry_questions, place_of, turns

# ---- Files in the published schemas, created here.

_URBAN = [
    {
        "Question_id": 7,
        "video_id": "flight_3.mp4",
        "question_category": "Landmark Position",
        "question": "Please assume the role of an agent. Question: Where is the A. Lee tower now? "
        "Choices: \nA. To the left. \nB. Behind, by the U.S. flag \nC. Ahead",
        "answer": "B",
    },
    {
        "Question_id": 8,
        "video_id": "flight_3.mp4",
        "question_category": "Action Generation",
        "question": "Question: What next? Choices: A. Rise; B. Turn left",
        "answer": "A",
    },
]
_VSI = [
    {
        "id": 1,
        "dataset": "scannet",
        "scene_name": "scene0011_00",
        "question_type": "object_rel_distance",
        "question": "Which is closest to the door?",
        "options": ["A. chair", "B. table"],
        "ground_truth": "B",
        "pruned": False,
    },
    {
        "id": 2,
        "dataset": "scannet",
        "scene_name": "scene0011_00",
        "question_type": "object_counting",
        "question": "How many chairs are there?",
        "options": None,
        "ground_truth": "4",
        "pruned": False,
    },
]
_EGO = {
    "q_uid": "0074f737",
    "google_drive_id": "x",
    "question": "What does C do?",
    **{f"option {i}": f"C does thing {i}." for i in range(5)},
}
_MV = [
    {
        "video": "turn_1.mp4",
        "question": "What should the agent do next?",
        "candidates": ["Stop", "Move forward", "Turn left", "Turn right"],
        "answer": "Turn left",
    },
    {
        "video": "a/b.mp4",
        "question": "Q?",
        "candidates": ["B", "A"],
        "answer": "A",
        "start": 2.5,
        "end": 4,
    },
]


def _file(folder: Path, name: str, rows: Any) -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text(json.dumps(rows))
    return path


@pytest.mark.parametrize("name", ["MCQ.parquet", "MCQ.csv"])
def test_urbanvideo_is_read_in_both_editions(tmp_path: Path, name: str) -> None:
    first, second = urbanvideo.read(_file(tmp_path, name, _URBAN)).questions
    assert first.question == "Where is the A. Lee tower now?"
    assert first.choices == ("To the left.", "Behind, by the U.S. flag", "Ahead")
    assert (first.answer, first.category) == ("B", "landmark_position")
    assert (first.scene, first.video) == ("flight_3", "flight_3.mp4")
    assert (second.choices, second.answer) == (("Rise", "Turn left"), "A")


def test_vsi_gives_choices_without_letters_and_numbers(tmp_path: Path) -> None:
    choice, number = vsi.read(_file(tmp_path, "test.parquet", _VSI)).questions
    assert (choice.choices, choice.answer) == (("chair", "table"), "B")
    assert choice.video == "scannet/scene0011_00.mp4"
    assert (number.kind, number.answer, number.choices) == ("number", "4", ())


def test_vsi_debiased_leaves_out_what_is_pruned_and_says_where_it_can_not(tmp_path: Path) -> None:
    pruned = {**_VSI[1], "id": 9, "pruned": True}
    read = vsi.read_debiased(_file(tmp_path, "test.parquet", [_VSI[0], pruned]))
    assert [(asked.id, asked.domain) for asked in read.questions] == [("vsi_1", "vsi_debiased")]
    assert read.skipped == {"pruned from the debiased edition": 1}
    old = [{k: v for k, v in _VSI[0].items() if k != "pruned"}]
    with pytest.raises(DatasetError, match="no column `pruned`"):
        vsi.read_debiased(_file(tmp_path, "old.json", old))
    assert len(vsi.read_debiased(_file(tmp_path, "test_debiased.json", old)).questions) == 1


_SIS = {
    "question_id": "m_12", "video_name": "f1.mp4", "video_path": "TravelUAV/f1.mp4",
    "task_type": "Self Motion", "question": "What did the drone do?",
    "options": {"A": "It rose", "B": "It sank", "C": None, "D": None}, "answer": "B",
}  # fmt: skip


@pytest.mark.parametrize("name", ["SIS-Bench.jsonl", "sis.parquet"])
def test_sis_gives_the_options_that_a_question_has(tmp_path: Path, name: str) -> None:
    (asked,) = sis.read(_file(tmp_path, name, [_SIS])).questions
    assert (asked.choices, asked.answer) == (("It rose", "It sank"), "B")
    assert (asked.id, asked.category) == ("sis_m_12", "self_motion")
    assert (asked.video, asked.scene, asked.domain) == ("TravelUAV/f1.mp4", "f1", "sis")


def test_egoschema_takes_its_answers_from_the_file_beside_it(tmp_path: Path) -> None:
    path = _file(tmp_path, "questions.json", [_EGO, {**_EGO, "q_uid": "unpublished"}])
    _file(tmp_path, "subset_answers.json", {"0074f737": 3})
    read = egoschema.read(path)
    (asked,) = read.questions
    assert (asked.answer, asked.choices[3]) == ("D", "C does thing 3.")
    assert read.skipped == {"the answer is not published": 1}


def test_egoschema_is_read_from_its_parquet_edition(tmp_path: Path) -> None:
    row = {
        "question_idx": "5", "question": "What?", "video_idx": "abc", "answer": "1",
        "option": ["A. one.", "B. two.", "C. three.", "D. four.", "E. five."],
    }  # fmt: skip
    (asked,) = egoschema.read(_file(tmp_path, "ego.parquet", [row])).questions
    assert (asked.answer, asked.choices[1], asked.video) == ("B", "two.", "abc.mp4")


def test_mvbench_answers_are_texts_even_if_they_look_like_letters(tmp_path: Path) -> None:
    first, second = mvbench.read(_file(tmp_path, "egocentric_navigation.json", _MV)).questions
    assert (first.answer, first.category) == ("C", "egocentric_navigation")
    assert (second.answer, second.choices) == ("B", ("B", "A"))
    assert (second.start_s, second.end_s, second.scene) == (2.5, 4.0, "a/b")


@pytest.mark.parametrize(
    ("read", "name", "good", "bad", "reason"),
    [
        (urbanvideo.read, "q.csv", _URBAN[1], {"answer": "F"}, "not one of the choices"),
        (urbanvideo.read, "q.csv", _URBAN[1], {"question": "What?"}, "no choices"),
        (urbanvideo.read, "q.csv", _URBAN[1], {"video_id": ""}, "no video_id"),
        (urbanvideo.read, "q.csv", _URBAN[1], {"question": "Q? Choices: A. x B. x"}, "the same"),
        (vsi.read, "q.json", _VSI[1], {"ground_truth": "many"}, "not a number"),
        (vsi.read, "q.json", _VSI[1], {"ground_truth": "nan"}, "not a number"),
        (vsi.read, "q.json", _VSI[0], {"options": None}, "no options"),
        (egoschema.read, "q.json", {**_EGO, "answer": 2}, {"answer": 5}, "not one of the options"),
        (mvbench.read, "q.json", _MV[0], {"answer": "Jump"}, "not one of the choices"),
        (sis.read, "q.json", _SIS, {"options": {"B": "x", "C": "y"}}, "lettered from A"),
        (sis.read, "q.json", _SIS, {"options": None}, "no options"),
        (sis.read, "q.json", _SIS, {"answer": "D"}, "not one of the choices"),
        (mvbench.read, "q.json", _MV[0], {"start": 5, "end": 2}, "end is before the start"),
    ],
)
def test_a_bad_row_is_left_out_with_its_reason(
    tmp_path: Path, read: Any, name: str, good: dict, bad: dict, reason: str
) -> None:
    key = next(k for k in ("Question_id", "question_id", "id", "q_uid", "video") if k in good)
    rows = [{**good}, {**good, key: "999", **bad}]
    if name.endswith("csv"):
        rows = [{k: str(v) for k, v in row.items()} for row in rows]
    found = read(_file(tmp_path, name, rows))
    assert len(found.questions) == 1
    ((said, count),) = found.skipped.items()
    assert (reason in said, count) == (True, 1)


def test_a_file_without_a_usable_question_is_an_error_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="1 × no choices in the question"):
        urbanvideo.read(_file(tmp_path, "q.csv", [{**_URBAN[0], "question": "Where?"}]))
    with pytest.raises(DatasetError, match="can't read"):
        vsi.read(tmp_path / "absent.json")
    (tmp_path / "q.xlsx").write_bytes(b"")
    with pytest.raises(DatasetError, match="come as"):
        vsi.read(tmp_path / "q.xlsx")


_CELLS = st.none() | st.integers() | st.text(max_size=5) | st.lists(st.integers(), max_size=2)
_COLUMNS = st.sampled_from([*_VSI[0], "q_uid", "video"])


@given(st.dictionaries(_COLUMNS, _CELLS))
def test_no_malformed_row_breaks_a_reader(tmp_path_factory: Any, row: dict) -> None:
    folder = tmp_path_factory.mktemp("odd")
    rows = (_VSI[0], {**_EGO, "answer": 1}, _MV[0])
    for read, good in zip((vsi.read, egoschema.read, mvbench.read), rows, strict=True):
        found = read(_file(folder, "q.json", [good, row]))
        assert found.questions[0].question == good["question"]


def test_a_benchmarks_questions_become_episodes_of_its_videos(tmp_path: Path, walk: Path) -> None:
    rows = [
        {**_MV[0], "video": "walk", "start": 0, "end": 1.5},
        {**_MV[0], "video": "walk", "question": "And then?"},
        {**_MV[0], "video": "gone.mp4"},
        {**_MV[0], "video": "../../etc/passwd"},
    ]
    units, skipped = benchmark_units(f"mvbench={_file(tmp_path, 'nav.json', rows)}", tmp_path)
    assert skipped == {"mvbench: no video": 2}
    from embodied_agent.settings import load_settings

    recorder = Recorder(load_settings(reasoning__prompt="full"), "geometry")
    part, whole = (recorder.episodes(unit, {})[0] for unit in units)
    assert (part[0].domain, part[0].answer_text) == ("mvbench", "Turn left")
    assert part[0].stamp_ns <= 1_500_000_000 < whole[0].stamp_ns
    assert "Choices:\nA. Stop" in part[0].task
    with pytest.raises(DatasetError, match="none of the 1 videos"):
        benchmark_units(f"mvbench={_file(tmp_path, 'nav.json', rows[2:3])}", tmp_path)


# ---- Odometry: an independent recomputation in the complex plane.


def _pose(x: float, y: float, z: float, yaw_deg: float) -> Pose:
    half = math.radians(yaw_deg) / 2
    return Pose((x, y, z), (0.0, 0.0, math.sin(half), math.cos(half)))


_MOVES = st.lists(
    st.tuples(st.sampled_from(["go", "turn", "side"]), st.sampled_from([-1, 1]), st.floats(0.4, 1)),
    min_size=3,
    max_size=14,
)


def _walk(moves: list[tuple[str, int, float]]) -> list[tuple[int, complex, float]]:
    """Stamps, places and headings (degrees): each move in four equal parts."""
    here, heading, path = 0j, 20.0, [(0, 0j, 20.0)]
    for kind, way, size in moves:
        for _ in range(4):
            if kind == "turn":
                heading += way * 25 * size
            else:
                side = 1j if kind == "side" else 1
                here += way * side * 0.5 * size * cmath.exp(1j * math.radians(heading))
            path.append((len(path) * 1_000_000_000, here, heading))
    return path


@given(_MOVES, st.integers(0, 2**32))
def test_each_odometry_answer_follows_from_the_poses(moves: list, seed: int) -> None:
    path = _walk(moves)
    track = [place_of(t, _pose(p.real, p.imag, 0.3, h)) for t, p, h in path]
    asked = odometry_questions(track, track[::4], np.random.default_rng(seed), per_type=3)
    assert asked == odometry_questions(track, track[::4], np.random.default_rng(seed), per_type=3)
    for one in asked:
        _check(one, path)


def _check(one: Asked, path: list[tuple[int, complex, float]]) -> None:
    said = one.answer if one.kind == "number" else one.choices["ABCD".index(one.answer)]
    assert len(set(one.choices)) == len(one.choices) != 1
    done = [step for step in path if step[0] <= one.at_ns]
    _, here, heading = done[-1]
    back = (0 - here) * cmath.exp(-1j * math.radians(heading))
    if one.category == "start_direction":
        angle = math.degrees(cmath.phase(back))
        middle = {"front": 0, "front-left": 37, "left": 90, "back-left": 142, "back": 180}
        size = next(m for w, m in middle.items() if w == said.replace("right", "left"))
        assert abs(abs(angle) - size) <= 30.5
        assert said in ("front", "back") or ("left" in said) == (angle > 0)
    elif one.category.startswith("start_distance"):
        assert float(said.removesuffix(" m")) == pytest.approx(abs(back), rel=0.02, abs=0.051)
    elif one.category == "route_progress":
        steps = [abs(b[1] - a[1]) for a, b in itertools.pairwise(path)]
        share = 100 * sum(steps[: len(done) - 1]) / sum(steps)
        assert abs(share - float(said.removesuffix(" %"))) <= 4.01
    elif one.category == "first_turn":
        headings = [h for _, _, h in done]
        swings = np.array(headings) - headings[0]
        first = swings[np.flatnonzero(np.abs(swings) >= 30)[0]]
        assert ("left" in said) == (first > 0)
    else:
        assert one.category == "last_action"
        _, before, was = done[-5]
        hop = (here - before) * cmath.exp(-1j * math.radians(was))
        if said.startswith("rotate"):
            assert ("left" in said) == (heading > was)
        elif abs(hop.real) > abs(hop.imag):
            assert said == ("move forward" if hop.real > 0 else "move backward")
        else:
            assert said == ("move left" if hop.imag > 0 else "move right")


def test_odometry_letters_and_ranks_are_balanced() -> None:
    letters: Counter[str] = Counter()
    ranks: Counter[int] = Counter()
    rng = np.random.default_rng(4)
    for seed in range(60):
        kinds = np.random.default_rng(seed)
        moves = [
            (str(kinds.choice(["go", "go", "turn"])), int(kinds.choice([-1, 1])), 1.0)
            for _ in range(16)
        ]
        track = [place_of(t, _pose(p.real, p.imag, 0, h)) for t, p, h in _walk(moves)]
        for one in odometry_questions(track, track[::4], rng, per_type=4):
            if len(one.choices) == 4:
                letters[one.answer] += 1
            if one.category == "start_distance":
                sizes = sorted(float(c.removesuffix(" m")) for c in one.choices)
                said = one.choices["ABCD".index(one.answer)]
                ranks[sizes.index(float(said.removesuffix(" m")))] += 1
    total = sum(letters.values())
    assert all(abs(letters[c] / total - 0.25) < 0.03 for c in "ABCD")
    assert all(abs(ranks[r] / sum(ranks.values()) - 0.25) < 0.1 for r in range(4))


def test_a_turn_continues_through_straight_stretches_and_ends_when_it_reverses() -> None:
    headings = [0, 20, 45, 45, 45, 70, 60, 70, 90, 70, 30, 10, 10]
    track = [place_of(n, _pose(n, 0, 0, h)) for n, h in enumerate(headings)]
    assert turns(track) == pytest.approx([90, -80])


def test_places_have_the_heading_and_pitch_of_sim_clips_poses() -> None:
    truth = json.loads(Path("sim_clips/clips/house_8/truth.json").read_text())
    from sim_clips.record import quaternion
    from sim_clips.scene import CameraPose

    for frame in truth["frames"][::9]:
        pose = CameraPose(**frame["pose"])
        place = place_of(0, Pose((pose.x, pose.y, pose.z), quaternion(pose)))
        assert math.cos(math.radians(place.yaw_deg - pose.yaw_deg)) == pytest.approx(1)
        assert place.pitch_deg == pytest.approx(pose.pitch_deg, abs=1e-6)


def test_a_resting_camera_gets_no_questions() -> None:
    track = [place_of(n * 10**9, _pose(1, 2, 0, 30)) for n in range(9)]
    assert odometry_questions(track, track[::2], np.random.default_rng(1)) == []
