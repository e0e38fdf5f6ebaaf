"""Questions in free words are answered in metres and degrees where positions settle them."""

from __future__ import annotations

import itertools
import math
import re
import time

import pytest

from bench._object_views import HEIGHT, WIDTH, Views, views_of
from bench._object_walk import Walk
from embodied_agent.agent.answerer import Answerer
from embodied_agent.records import Answer, Question
from embodied_agent.settings import load_settings
from sim_clips.render import Renderer
from sim_clips.splits import DEVELOPMENT
from tests.agent.test_position_answers import ROOM, asked, seen
from tests.support.object_world import Robot, pose
from tests.support.scripted import Scripted, reply

METRES = re.compile(r"about ([\d.]+) m \(±([\d.]+)\)")


def ask(robot: Robot, text: str, **settings: object) -> Answer:
    return asked(robot, Question(text), **settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("How far is the red chair?", "The red chair is about 2.0 m (±0.2) away (last seen in"),
        ("how many metres is it to the red chair?", "The red chair is about 2.0 m (±0.2) away"),
        ("Where is the red chair?", "The red chair is to my right (90° right), about 2.0 m"),
        ("Is the chair behind me?", "No, the red chair is to my right (90° right), about 2.0 m"),
        ("Is the chair on your right?", "Yes, the red chair is to my right (90° right), about"),
        ("What is nearest to me?", "Of the things whose place I know, the nearest is the"),
        ("Which is closer, the red chair or the plant?",
         "The red chair is nearer, about 2.0 m (±0.2), than the plant, about 3.3 m (±0.3)"),
        ("Which is farther away, the red chair or the plant?",
         "The plant is farther, about 3.3 m (±0.3), than the red chair, about 2.0 m (±0.2)"),
        ("How far apart are the red chair and the plant?",
         "The red chair and the plant are about 1.8 m (±0.3) apart"),
        ("How far is the plant from the lamp?", "The plant and the blue lamp are about 2.5 m (±0."),
        ("Where is the chair and how far is the lamp?",
         "The blue lamp is about 3.2 m (±0.3) away (last seen in #7)."),
    ],
)  # fmt: skip
def test_what_positions_settle_is_told_in_metres_with_its_evidence(text: str, said: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert answer.status == "answered"
    assert said in answer.text
    assert answer.text.endswith(" (last seen in #7).")
    assert [evidence.keyframe_id for evidence in answer.evidence] == [7]
    assert answer.verified_by.startswith("measured positions of ")


def test_what_is_in_view_is_said_to_be() -> None:
    robot = Robot()
    robot.drive(ROOM)
    answer = ask(robot, "Where is the red chair?")
    assert re.fullmatch(
        r"The red chair is front-right of me \(\d+° right\), about 4\.\d m \(±0\.\d\) away, "
        r"in view now \(#7\)\.",
        answer.text,
    )


@pytest.mark.parametrize(
    "text",
    [
        "Where was the red chair?",
        "How far was the red chair in #2?",
        "How far is the sofa?",  # nobody saw one
        "Which is closer, the lamp or the plant?",  # hardly different
        "What did you see?",
        "If I turned left, where would the red chair be?",
    ],
)
def test_other_questions_get_the_words_of_the_notes(text: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert "measured" not in answer.verified_by
    assert METRES.search(answer.text) is None
    words = ask(seen(pose(2.0, 1.0, 90.0)), text, positions=False)
    assert (answer.text, answer.status) == (words.text, words.status)


def test_free_words_about_an_earlier_time_are_answered_from_the_notes() -> None:
    robot = seen(pose(2.0, 1.0, 90.0))
    stamp_ns = robot.store.keyframes()[-2].stamp_ns
    answer = asked(robot, Question("How far is the red chair?", at_ns=stamp_ns))
    assert "measured" not in answer.verified_by


def test_a_far_thing_that_was_seen_from_one_place_is_not_given_metres() -> None:
    robot = Robot()
    robot.look(ROOM, pose(0.0, 1.0))
    assert METRES.search(ask(robot, "How far is the red chair?").text) is None


def test_another_map_session_or_no_pose_gives_no_metres() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({}, pose(0.0, 0.0, frame="odom"))
    assert METRES.search(ask(robot, "How far is the red chair?").text) is None
    robot = Robot()
    robot.drive(ROOM)
    robot.look({}, None)
    assert METRES.search(ask(robot, "How far is the red chair?").text) is None


def test_a_thing_that_was_missed_where_it_should_be_gets_no_metres() -> None:
    robot = Robot()
    robot.drive(ROOM)
    empty = {name: place for name, place in ROOM.items() if name != "red chair"}
    robot.look(empty, pose(0.0, 1.8))
    assert robot.only("red chair").missed == 1
    assert METRES.search(ask(robot, "How far is the red chair?").text) is None


def test_a_thing_in_view_whose_distance_is_not_known_may_be_the_nearest() -> None:
    robot = Robot()
    robot.drive(ROOM)
    near = {**ROOM, "box": (0.8, 2.3, 0.8)}
    robot.look(near, pose(0.0, 2.2))
    for text in ("What is nearest to me?", "Is anything within 3 metres?"):
        answer = ask(robot, text)
        assert answer.status == "cannot_tell"
        assert "the box" in answer.text
        assert 8 in [evidence.keyframe_id for evidence in answer.evidence]


@pytest.mark.parametrize(
    "text",
    [
        "What is closest to me right now?",
        "What's nearest to me now?",
        "What is right next to me?",
        "Is anything near me?",
    ],
)
def test_what_is_nearest_now_counts_things_out_of_view(text: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert answer.status == "answered"
    assert answer.text == (
        "Of the things whose place I know, the nearest is the red chair, to my right (90° right), "
        "about 2.0 m (±0.2) away (last seen in #7)."
    )
    words = ask(seen(pose(2.0, 1.0, 90.0)), text, positions=False)
    assert words.status == "cannot_tell"
    assert "the current view" in words.text


@pytest.mark.parametrize(
    ("text", "said", "status"),
    [
        ("Is anything within 2.5 metres?",
         "Within 2.5 m, of the things whose place I know: the red chair, to my right (90° right), "
         "about 2.0 m (±0.2) away (last seen in #7).", "answered"),
        ("What is less than 250 cm away?", "Within 2.5 m, of the things", "answered"),
        ("Anything within one metre of me?",
         "Of the things whose place I know, none is within 1 m; the nearest is the red chair",
         "answered"),
        ("Is anything within 2 m?",
         "I can't tell: of the things whose place I know, none certainly is within 2 m. Perhaps "
         "within 2 m: the red chair, to my right (90° right), about 2.0 m", "cannot_tell"),
        ("Is the red chair within 3 metres?", "Yes, the red chair is to my right", "answered"),
        ("Is the red chair within 50 cm of you?", "No, the red chair is to my right", "answered"),
    ],
)  # fmt: skip
def test_what_is_within_some_metres_is_told(text: str, said: str, status: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert answer.text.startswith(said)
    assert answer.status == status


@pytest.mark.parametrize(
    "text", ["Is anything within 2 m of the lamp?", "Was anything within 2 m?"]
)
def test_what_is_within_some_metres_of_something_else_is_not_told(text: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert answer.status == "cannot_tell"
    assert METRES.search(answer.text) is None


CHAIR = "The red chair is to my right (90° right), about 2.0 m (±0.2) away (last seen in #7)."
TO_CHAIR = "To get to the red chair, turn right by about 90 degrees, then go about 2.0 m ahead."


@pytest.mark.parametrize(
    "text",
    [
        "Take me to the red chair.",
        "How do I get to the chair?",
        "Would you lead me to the red chair?",
        "What's the way to the red chair?",
        "How do I get back to the red chair?",
        "Take me to the red chair. Which way is it?",
        "Take me to the red chair and how far is it?",
        "Where is the red chair and how do I get to it?",
    ],
)
def test_the_way_to_a_thing_is_told_once_from_its_position(text: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert answer.text == f"{CHAIR} {TO_CHAIR}"


def test_a_thing_ahead_or_behind_needs_no_turn_or_half_of_one() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look(ROOM, pose(2.0, 1.0, 0.0))
    ahead = ask(robot, "Take me to the red chair.").text
    behind = ask(seen(pose(2.0, 1.0, 180.0)), "Take me to the red chair.").text
    assert ahead.endswith("go about 2.0 m straight ahead.")
    assert behind.endswith("turn around, then go about 2.0 m ahead.")


def test_the_way_to_the_nearest_of_several_is_told() -> None:
    robot = Robot()
    room = {"red chair": (4.0, 1.0, 1.0), "blue chair": (6.5, 1.6, 1.0)}
    robot.drive(room)
    robot.look({}, pose(2.0, 1.0, 90.0))
    answer = ask(robot, "Take me to the nearest chair.")
    assert answer.text.startswith("The red chair is nearer, about 2.0 m")
    assert "turn right by about 90 degrees, then go about 2.0 m ahead." in answer.text


def test_a_thing_without_a_good_position_gets_the_words_of_the_notes_beside_one_with() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({"green chair": (9.0, 1.0, 1.0)}, pose(0.0, 1.0))
    robot.look({}, pose(0.0, 1.0, 90.0))
    text = ask(robot, "Where is the red chair and the green chair?").text
    assert "The red chair is to my right (90° right), about 4.0 m" in text
    assert "The green chair " in text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Is the red chair nearer than the plant?", "Yes, the red chair is nearer, about 2.0 m"),
        ("Is the plant nearer than the red chair?", "No, the red chair is nearer, about 2.0 m"),
        ("Is the plant farther away than the chair?", "Yes, the plant is farther, about 3.3 m"),
        ("Is the plant or the red chair nearer?", "The red chair is nearer, about 2.0 m"),
    ],
)
def test_whether_one_is_nearer_is_answered_with_yes_or_no(text: str, said: str) -> None:
    answer = ask(seen(pose(2.0, 1.0, 90.0)), text)
    assert answer.text.startswith(said)
    assert answer.verified_by == "measured positions of 2 objects"


def test_the_one_beside_another_is_told_by_measured_positions() -> None:
    robot = Robot()
    room = {
        "red chair": (4.0, 1.0, 1.0),
        "white desk": (4.6, 0.4, 1.0),
        "blue chair": (5.0, 3.0, 1.0),
    }
    robot.drive(room)
    robot.look({}, pose(2.0, 1.0, 90.0))
    answer = ask(robot, "What colour is the chair next to the desk?")
    assert re.fullmatch(
        r"The chair is red \(#\d+\)\. It is about 0\.\d m \(±0\.\d\) from the white desk\.",
        answer.text,
    )


@pytest.fixture(scope="module")
def walk() -> tuple[Walk, Views]:
    """A simulated walk through a house, with the noise of odometry and of boxes."""
    with Renderer(WIDTH, HEIGHT) as renderer:
        views = views_of(renderer, "house", DEVELOPMENT[100_003])
    walk = Walk(views, "full", "true", views.seed)
    for shot in views.shots:
        walk.step(shot)
    return walk, views


def _asked(walk: Walk, text: str) -> Answer:
    settings = load_settings().reasoning
    answerer = Answerer(
        walk.store, settings, lambda: Scripted(reply("", "")), objects=walk.memory
    )  # fmt: skip
    last = walk.store.keyframes()[-1].id
    *_, answer = answerer.stream(Question(text), 0, last, time.monotonic() + 60)
    answerer.close()
    assert isinstance(answer, Answer)
    return answer


def test_metres_on_a_simulated_walk_are_true(walk: tuple[Walk, Views]) -> None:
    walked, views = walk
    end = views.shots[-1].pose
    told, off = 0, []
    for thing in views.before:
        found = METRES.search(_asked(walked, f"How far is the {thing.name}?").text)
        if found is None:
            continue
        told += 1
        true = math.dist(thing.centre, (end.x, end.y, end.z))
        off.append(abs(float(found[1]) - true) / max(float(found[2]), 0.1))
    assert told >= 4
    assert sum(one <= 2 for one in off) >= 0.75 * told
    assert max(off) < 6


def test_distances_between_things_on_a_simulated_walk_are_true(walk: tuple[Walk, Views]) -> None:
    walked, views = walk
    true = {thing.name: thing.centre for thing in views.before}
    known = [one.name for one in walked.memory.objects() if one.seen >= 3 and one.position_m]
    known = [name for name in known if name in true][:5]
    off = []
    for one, other in itertools.pairwise(known):
        text = f"How far apart are the {one} and the {other}?"
        found = METRES.search(_asked(walked, text).text)
        if found is not None:
            wrong = abs(float(found[1]) - math.dist(true[one], true[other]))
            off.append(wrong / max(float(found[2]), 0.1))
    assert len(off) >= 2
    assert max(off) < 6


def test_it_counts_where_the_camera_is() -> None:
    distances = []
    for x in (1.0, 3.0):
        found = METRES.search(ask(seen(pose(x, 1.0, 180.0)), "How far is the red chair?").text)
        assert found is not None
        distances.append(float(found[1]))
    assert distances[0] - distances[1] == pytest.approx(2.0, abs=0.2)
