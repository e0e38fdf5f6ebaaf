"""Questions about the driven path, how sure a thing is, people, rooms, and
orders to go somewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.about_certainty import Certainty
from embodied_agent.rules.driven_path import DrivenPath
from embodied_agent.rules.families import understand
from embodied_agent.rules.surveyed import Spot

SECOND = 1_000_000_000
#: There and back along a corner: 3 m ahead, 4 m to the left, and nearly back again.
PLACES = ((0.0, 0.0), (3.0, 0.0), (3.0, 4.0), (3.0, 1.0), (0.3, 0.4))


def view(number: int, *mentions: str, confidence: float | None = None) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [
        Mention(*(part.strip() for part in text.split(",")), confidence=confidence)  # type: ignore[arg-type]
        for text in mentions
    ]
    return Delta(number, Action.MOVE_FORWARD if number else None, None, tuple(read))


WALK = (
    view(0, "purple door, front, far", "cyan table, front-left, mid", confidence=0.9),
    view(1, "purple door, front-left, near", "blue bed, right, mid", confidence=0.7),
    view(2, "purple door, front, mid"),
    view(3, "wooden bench, front, near"),
    view(4),
)


def notes_of(walk: Sequence[Delta] = WALK, places: Sequence[Sequence[float]] = PLACES) -> Notes:
    """Notes with the path through some places, one for each of the last keyframes."""
    notes = Notes(walk)
    notes.clock = lambda number: 1_700_000_000 * SECOND + 2 * SECOND * number
    if places:
        ids = tuple(delta.keyframe_id for delta in walk)[-len(places) :]
        notes.path = lambda: DrivenPath(ids, np.array([(*place, 0.0) for place in places]))
    return notes


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "how many metres did I drive?",
        "How many meters have you driven so far?",
        "how far have I come?",
        "How far did you travel in total?",
        "what distance did you cover?",
        "what is the total distance travelled?",
        "how long was the path you took?",
        "What is the length of your route?",
        "how many kilometres have we driven by now?",
    ],
)
def test_the_length_of_the_path_is_told_in_metres(text: str) -> None:
    saying = said(text, notes_of())
    # 3 + 4 + 3 + sqrt(2.7² + 0.6²) metres.
    assert saying.text == (
        "I moved about 13 m, from #0 to #4 by the recorded poses; in a straight line, it is about "
        "0.5 m."
    )
    assert (saying.status, saying.evidence, saying.poses) == ("answered", (0, 4), 5)


@pytest.mark.parametrize(
    "text",
    [
        "how far am I from where I started?",
        "How far are we from the start?",
        "how far is it back to the start?",
        "how many metres from the start are you?",
        "what is the distance to the starting point?",
        "how far away is the origin now?",
        "are you back at the start?",
        "how far have you come from the start?",
    ],
)
def test_the_distance_from_the_start_is_told_in_metres(text: str) -> None:
    saying = said(text, notes_of())
    assert saying.text.startswith("I am about 0.5 m from #0, where I started, in a straight line;")
    assert (saying.status, saying.evidence) == ("answered", (0, 4))


def test_without_poses_moves_are_counted() -> None:
    notes = notes_of(places=())
    saying = said("how many metres did I drive?", notes)
    assert saying.status == "cannot_tell"
    assert saying.text.startswith(
        "I can't tell in metres: no poses were recorded. I moved once (#1,"
    )
    assert said("how far am I from where I started?", notes).text.startswith("The start should be")


def test_one_pose_makes_no_path() -> None:
    assert said("how far did you drive?", notes_of(places=PLACES[:1])).status == "cannot_tell"


def test_a_path_that_begins_late_says_so() -> None:
    saying = said("how far did you drive?", notes_of(places=PLACES[2:]))
    assert saying.text.startswith("I moved about 5.8 m, from #2 to #4")
    assert saying.text.endswith("Earlier positions can't be compared with these.")
    assert saying.evidence == (2, 4)


def test_the_path_of_a_part_of_the_time() -> None:
    saying = said("how far did you drive before #3?", notes_of())
    assert saying.text.startswith("Before #3 (#0 to #2): I moved about 7.0 m, from #0 to #2")
    assert saying.evidence == (0, 2)
    saying = said("how far did you drive in the last 4 seconds?", notes_of())
    assert "I moved about 5.8 m, from #2 to #4" in saying.text
    assert saying.evidence == (2, 4)


def test_the_path_counts_from_the_restart() -> None:
    notes = Notes()
    for delta in WALK:
        notes.add(delta, after_break=delta.keyframe_id == 2)
    notes.path = lambda: DrivenPath((2, 3, 4), np.array([(*place, 0.0) for place in PLACES[2:]]))
    saying = said("how far did you drive?", notes)
    assert saying.text.startswith("I moved about 5.8 m, from #2 to #4")
    assert saying.text.endswith("That was since the restart.")
    assert saying.evidence == (2, 4)


@pytest.mark.parametrize(
    "text",
    [
        "Have I been here before?",
        "have you been at this spot before?",
        "were we here before?",
        "Was I here earlier?",
        "did you pass this place already?",
        "have you seen this place before?",
        "when was I last here?",
    ],
)
def test_a_place_is_known_again_by_its_position(text: str) -> None:
    saying = said(text, notes_of())
    assert saying.text == "Yes, in #0 I was about 0.5 m from here (#4); that was 8 seconds ago."
    assert (saying.status, saying.evidence) == ("answered", (0, 4))


def test_the_latest_visit_is_named() -> None:
    places = ((0.0, 0.0), (3.0, 0.0), (0.4, 0.0), (3.0, 0.0), (0.0, 0.0))
    saying = said("have I been here before?", notes_of(places=places))
    assert saying.text.startswith("Yes, in #2 I was about 0.4 m from here (#4)")


def test_what_lies_just_before_is_the_same_visit() -> None:
    places = ((9.0, 0.0), (3.0, 0.0), (0.8, 0.0), (0.4, 0.0), (0.0, 0.0))
    saying = said("have I been here before?", notes_of(places=places))
    assert saying.text.startswith("No: between #0 and #4, I was not within 1.0 m of here before")
    assert (saying.status, saying.evidence) == ("answered", (0, 4))
    standing = said("have I been here before?", notes_of(places=((0.0, 0.0),) * 5))
    assert standing.text.startswith("No:")


def test_without_a_pose_of_now_no_place_is_known_again() -> None:
    assert said("have I been here before?", notes_of(places=())).status == "cannot_tell"
    notes = notes_of()
    notes.path = lambda: DrivenPath((0, 1, 2), np.array([(*place, 0.0) for place in PLACES[:3]]))
    saying = said("have I been here before?", notes)
    assert saying.status == "cannot_tell"
    assert "the latest keyframe has no pose" in saying.text


class _Measured:
    """What is measured of one thing alone, the purple door."""

    def __init__(self, missed: int, missed_in: tuple[int, ...] = ()) -> None:
        self._certainty = Certainty(0.23, missed, missed_in)

    def certainty(self, key: str) -> Certainty | None:
        return self._certainty if key == "purple door" else None

    def spot(self, key: str) -> Spot | None:
        return None

    def keys(self) -> Sequence[str]:
        return ()

    def share_nearer(self, key: str, other: str) -> float:
        return 0.5

    def apart(self, key: str, other: str) -> tuple[float, float]:
        raise KeyError(key)


@pytest.mark.parametrize(
    "text",
    [
        "how sure are you about the purple door?",
        "How certain are you that there is a purple door?",
        "are you sure about the purple door?",
        "how confident are you that you saw the door?",
        "how reliable is the position of the purple door?",
        "how well do you know where the purple door is?",
    ],
)
def test_how_sure_a_thing_is(text: str) -> None:
    saying = answer_by_rule(text, notes_of(), _Measured(2, (3, 4))).saying
    assert saying is not None
    assert saying.text == (
        "I saw the purple door in 3 keyframes, from #0 to #2. Since then it was missing twice "
        "where it should have been in view (#3 and #4). Its position is known to ±0.2 m. The "
        "perceiver's confidence was 0.80 on average."
    )
    assert saying.evidence == (0, 2, 3, 4)


def test_how_sure_a_thing_is_without_measurements() -> None:
    saying = said("how sure are you about the bench?", notes_of())
    assert saying.text == (
        "I saw the wooden bench in one keyframe, last in #3. Its position is not measured."
    )
    assert saying.evidence == (3,)
    assert said("how sure are you about the fridge?", notes_of()).status == "not_seen"
    never = answer_by_rule(
        "how sure are you about the purple door?", notes_of(), _Measured(0)
    ).saying
    assert never is not None
    assert "Since then it was never missing where it should have been." in never.text


PEOPLE = (
    "Who is in the house?",
    "who did you meet?",
    "Who was there?",
    "who is at home?",
    "who was in the kitchen?",
    "is anyone in the house?",
    "who did you see in the warehouse?",
    "did you meet anybody on the way?",
    "how many people are in the house?",
)


@pytest.mark.parametrize("text", [*PEOPLE, "who is behind me?"])
def test_where_nobody_was_seen_no_other_things_are_listed(text: str) -> None:
    saying = said(text, notes_of())
    assert (saying.text, saying.status, saying.evidence) == (
        "I have not seen any people.", "not_seen", (),
    )  # fmt: skip


@pytest.mark.parametrize("text", PEOPLE)
def test_people_who_were_noted_are_named(text: str) -> None:
    walk = (view(0, "old woman, front, near"), view(1, "sofa, left, near"))
    saying = said(text, notes_of(walk, ()))
    assert saying.status == "answered"
    assert "old woman" in saying.text
    assert 0 in saying.evidence
    if "kitchen" in text:
        assert "don't name rooms" in saying.text


def test_who_is_on_a_side_is_told_by_where_people_are() -> None:
    notes = notes_of((view(0, "sofa, left, near"), view(1, "old woman, front, near")), ())
    saying = said("who is in front of me?", notes)
    assert saying.status == "answered"
    assert saying.text.startswith("Yes, the old woman is")


@pytest.mark.parametrize(
    "text",
    [
        "what was on my right when I entered the last room",
        "what did you see when you entered the kitchen?",
        "what was behind me when I came into the hall?",
        "what was on the left when you left the bathroom?",
        "where was the cyan table when I entered the office?",
        "what did you see upstairs?",
        "what was in the next room?",
        "what did you see on the second floor?",
        "which room did you enter last?",
        "how many rooms did you visit?",
        "did you see a lamp when you went through the corridor?",
    ],
)
def test_moments_in_rooms_are_not_known(text: str) -> None:
    saying = said(text, notes_of())
    assert saying.status == "cannot_tell"
    assert saying.text.startswith("I can't tell: my notes name no rooms")
    assert saying.evidence == ()


def test_a_thing_that_was_passed_names_the_moment() -> None:
    saying = said("what did you see when you passed the purple door?", notes_of())
    assert saying.text.startswith("The purple door was nearest in #1. In #1 I saw: the purple door")
    assert "the blue bed, to my right" in saying.text
    assert saying.evidence == (1,)
    right = said("what was on my right when I went through the purple door", notes_of())
    assert right.text.endswith("In #1 I saw: the blue bed, to my right, at mid range.")
    assert said("what did you see when you reached the fridge?", notes_of()).status == "not_seen"


@pytest.mark.parametrize(
    "text",
    [
        "Go to the blue bed",
        "Please drive to the blue bed.",
        "navigate to the blue bed",
        "bring me to the blue bed",
        "can you go to the bed?",
        "I want you to drive to the blue bed",
        "head back to the blue bed now",
    ],
)
def test_an_order_to_go_to_a_thing_asks_for_the_way(text: str) -> None:
    notes = notes_of()
    assert said(text, notes) == said("Take me to the blue bed", notes)
    assert said(text, notes).status == "answered"


@pytest.mark.parametrize(
    "text",
    ["go to bed", "go to the kitchen", "bring me the blue bed", "drive faster", "go to sleep",
     "Go to the kitchen and fetch a cup."],
)  # fmt: skip
def test_other_orders_are_out_of_scope(text: str) -> None:
    assert said(text, notes_of()).status == "out_of_scope"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("how far did you turn?", "total_turn"),
        ("how do I get back to the start?", "way_start"),
        ("how far away is the blue bed?", "how_far"),
        ("how sure are you that the purple door is red?", "is_colour"),
        ("did you ever move backwards?", "ever_moved"),
        ("what did you see after you passed the purple door?", "seen_after"),
        ("who are you?", "out_of_scope"),
        ("how long was the trip?", "duration"),
    ],
)
def test_questions_of_other_kinds_keep_theirs(text: str, family: str) -> None:
    assert understand(text, notes_of().nouns).family == family
