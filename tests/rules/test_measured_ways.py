"""The way to a thing from its measured position, and what is told where that is not well known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.notes import name_key
from embodied_agent.rules.surveyed import Spot

DOOR = Spot("purple door", 57.0, 2.0, 4.38, 0.18, 0)
LAMP = Spot("red lamp", -98.0, 4.0, 2.0, 1.2, 0)


@dataclass(frozen=True)
class Survey:
    """What is measured, as it is given."""

    spots: tuple[Spot, ...]

    def spot(self, key: str) -> Spot | None:
        return next((spot for spot in self.spots if name_key(spot.name) == key), None)

    def keys(self) -> Sequence[str]:
        return [name_key(s.name) for s in sorted(self.spots, key=lambda spot: spot.distance_m)]

    def share_nearer(self, key: str, other: str) -> float:
        one, two = self.spot(key), self.spot(other)
        assert one is not None
        assert two is not None
        return float(one.distance_m + one.distance_std_m < two.distance_m - two.distance_std_m)

    def apart(self, key: str, other: str) -> tuple[float, float]:
        raise AssertionError("nothing asks for this")


def said(text: str, *spots: Spot, since: tuple[Action, ...] = ()) -> Saying:
    things = tuple(Mention(name, "front", "mid") for name in ("purple door", "red lamp", "bed"))
    deltas = [Delta(0, None, None, things)]
    deltas += [Delta(i, action, 90.0 * action.is_rotation) for i, action in enumerate(since, 1)]
    saying = answer_by_rule(text, Notes(deltas), Survey(spots)).saying
    assert saying is not None
    return saying


TURNED = (Action.ROTATE_RIGHT, Action.MOVE_FORWARD)
PLACE = "The purple door is front-left of me (57° left), about 4.4 m (±0.2) away (last seen in #0)."


@pytest.mark.parametrize(
    ("since", "line"),
    [
        (TURNED, " in a straight line (I came another way)"),
        ((Action.MOVE_BACKWARD, Action.MOVE_BACKWARD), ""),
    ],
)
def test_a_straight_line_is_said_to_be_one_where_the_camera_has_turned(
    since: tuple[Action, ...], line: str
) -> None:
    saying = said("Take me to the purple door.", DOOR, since=since)
    steps = "turn left by about 55 degrees, then go about 4.4 m ahead."
    assert saying.text == f"{PLACE} To get to the purple door{line}, {steps}"
    assert (saying.status, saying.evidence, saying.measured) == ("answered", (0,), 1)


@pytest.mark.parametrize(
    "text",
    [
        "Take me to the purple door. Which way is it?",
        "Take me to the purple door, and where is it?",
        "Lead me to the purple door; how far is it?",
    ],
)
def test_a_second_question_does_not_repeat_the_place_in_other_words(text: str) -> None:
    saying = said(text, DOOR, since=TURNED)
    assert saying.text == said("Take me to the purple door.", DOOR, since=TURNED).text


def test_a_distance_that_is_hardly_known_is_left_out() -> None:
    saying = said("How do I get to the red lamp?", LAMP, since=TURNED)
    assert saying.text.endswith(
        "turn right by about 100 degrees, then go ahead; I can't tell how far."
    )


@pytest.mark.parametrize(
    ("bearing_deg", "steps"),
    [(3.0, "go about 4.4 m straight ahead."), (-177.0, "turn around, then go about 4.4 m ahead.")],
)
def test_ahead_needs_no_turn_and_behind_half_of_one(bearing_deg: float, steps: str) -> None:
    spot = replace(DOOR, bearing_deg=bearing_deg)
    assert said("Take me to the door.", spot, since=TURNED).text.endswith(steps)


def test_a_direction_that_is_not_known_gets_the_words_of_the_notes() -> None:
    text = "Take me to the purple door."
    vague = said(text, replace(DOOR, bearing_std_deg=20.0), since=TURNED)
    assert vague == said(text, since=TURNED)
    assert vague.measured == 0


def test_each_of_several_gets_its_place_or_the_words_of_the_notes() -> None:
    saying = said("Where are the purple door and the bed?", DOOR, since=TURNED[:1])
    assert saying.text.startswith(f"{PLACE} The bed should now be to my left.")


def test_rough_distances_that_may_be_nearer_are_named_as_such() -> None:
    saying = said("What is closest to me right now?", DOOR, LAMP, since=TURNED)
    assert saying.text == (
        "Of the things whose place I know, the nearest is the purple door, front-left of me "
        "(57° left), about 4.4 m (±0.2) away (last seen in #0). Perhaps nearer: the red lamp, to "
        "my right (98° right), about 2.0 m (±1.2) away (last seen in #0)."
    )
    assert saying.status == "answered"


def test_of_many_that_are_equally_near_three_are_named() -> None:
    even = [replace(DOOR, name=name) for name in ("purple door", "red lamp", "bed", "box")]
    saying = said("What is nearest to me?", *even, since=TURNED)
    assert "; and one more that may be as near (last seen in #0)." in saying.text
    assert saying.measured == 3
