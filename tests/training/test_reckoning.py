"""Dead reckoning in words: places follow from actions, and true reasoning leads to the truth."""

from __future__ import annotations

import cmath
import itertools
import math
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Delta, Mention
from sim_clips.journey import direction_class
from sim_clips.questions import MAKERS, NOT_TOLD, Notes, past_of, question_of
from training.reckoning import (
    BEARING_STEP_DEG,
    BEARINGS,
    BETWEEN_STEP_DEG,
    Place,
    bearing_text,
    between,
    moved,
    placed,
    quadrant,
    turned,
)
from training.text_worlds import TYPICAL_NOISE, Noise, noted, sample_journey
from training.traces import LONGEST_CHAIN, trace

bearings = st.integers(-35, 36).map(lambda n: BEARING_STEP_DEG * n)
places = st.builds(Place, bearings, st.integers(1, 30))
actions = st.sampled_from(list(Action))


def delta(action: Action, angle: float = 30.0) -> Delta:
    return Delta(1, action, angle if action.is_rotation else None, ())


@given(places, actions, st.integers(1, 12))
def test_places_stay_on_their_grid(place: Place, action: Action, turns: int) -> None:
    found = moved(place, delta(action, 15.0 * turns))
    assert found.bearing_deg % BEARING_STEP_DEG == 0
    assert -180 < found.bearing_deg <= 180
    assert found.reach >= 1


@given(places, st.integers(1, 12))
def test_turning_back_restores_the_place(place: Place, turns: int) -> None:
    there = moved(place, delta(Action.ROTATE_LEFT, 15.0 * turns))
    assert moved(there, delta(Action.ROTATE_RIGHT, 15.0 * turns)) == place
    assert there.reach == place.reach


@given(places)
def test_a_full_turn_changes_nothing(place: Place) -> None:
    assert turned(turned(place, 180), 180) == place


@given(st.sampled_from(DIRECTIONS), st.sampled_from(DISTANCES))
def test_a_mention_lies_in_its_own_direction(direction, distance) -> None:
    assert (
        direction_class(placed(Mention("red sofa", direction, distance)).bearing_deg) == direction
    )


@pytest.mark.parametrize(
    ("action", "nearer"), [(Action.MOVE_FORWARD, True), (Action.MOVE_BACKWARD, False)]
)
def test_moving_towards_a_thing_reduces_its_reach(action: Action, nearer: bool) -> None:
    found = moved(Place(0, 12), delta(action))
    assert found.bearing_deg == 0
    assert (found.reach < 12) is nearer


@pytest.mark.parametrize("action", [Action.TILT_UPWARD, Action.TILT_DOWNWARD, Action.MOVE_UPWARD])
def test_a_tilt_does_not_change_places(action: Action) -> None:
    assert moved(Place(35, 7), delta(action)) == Place(35, 7)


def test_moving_left_shifts_things_ahead_to_the_right() -> None:
    assert moved(Place(0, 6), delta(Action.MOVE_LEFT)).bearing_deg < 0


@pytest.mark.parametrize(
    ("degrees", "text"), [(0, "front 0"), (180, "back 180"), (35, "left 35"), (-90, "right 90")]
)
def test_bearings_in_words(degrees: int, text: str) -> None:
    assert bearing_text(degrees) == text


@given(places, places, places)
def test_the_quadrant_is_that_of_plane_geometry(at: Place, facing: Place, asked: Place) -> None:
    def flat(place: Place) -> complex:
        return place.reach * complex(
            math.cos(math.radians(place.bearing_deg)), math.sin(math.radians(place.bearing_deg))
        )

    ahead, there = flat(facing) - flat(at), flat(asked) - flat(at)
    if abs(ahead) < 1e-6 or abs(there) < 1e-6:
        return
    angle = math.degrees(cmath.phase(there / ahead))
    if min(abs(angle - axis) for axis in (-180, -90, 0, 90, 180)) <= BETWEEN_STEP_DEG:
        return  # both bearings are rounded
    wanted = f"{'front' if abs(angle) < 90 else 'back'}-{'left' if angle > 0 else 'right'}"
    assert quadrant(between(at, facing), between(at, asked)) == wanted


def test_between_is_measured_from_the_first_place() -> None:
    assert between(Place(0, 4), Place(0, 12)) == 0
    assert between(Place(0, 12), Place(0, 4)) == 180
    assert 0 < between(Place(0, 7), Place(BEARINGS["front-left"], 12)) < 180


def traced(noise: Noise, scenes: int = 12):
    """Questions with their journey, deltas and reasoning, if there is any."""
    for seed in range(scenes):
        rng = np.random.default_rng(seed)
        journey = sample_journey(("house", "city")[seed % 2], 500_000 + seed, rng)
        deltas = noted(journey, rng, noise)
        past = past_of(journey, Notes(deltas, journey.world))
        for kind in MAKERS:
            for offered in (False, True, False, True):
                drawn = question_of(kind, past, rng, tries=3, offered=offered)
                if drawn is not None:
                    now, question = drawn
                    yield deltas, now, question, trace(deltas, now, question)


def test_most_questions_about_a_true_transcript_have_reasoning() -> None:
    found = [reasoning is not None for _, _, _, reasoning in traced(Noise())]
    assert len(found) > 150
    assert sum(found) / len(found) > 0.75


@pytest.mark.parametrize("noise", [Noise(), TYPICAL_NOISE])
def test_reasoning_for_open_questions_states_what_is_missing(noise: Noise) -> None:
    seen: Counter[str] = Counter()
    for _, _, question, reasoning in traced(noise, 24):
        if reasoning is not None and not question.told:
            *lines, last = reasoning.split("\n")
            assert last == f"{NOT_TOLD}."
            assert lines
            seen[question.about["open"]] += 1
    assert {"not noted", "nothing done", "another plan"} <= set(seen)


@pytest.mark.parametrize("noise", [Noise(), TYPICAL_NOISE])
def test_reasoning_ends_with_the_answer(noise: Noise) -> None:
    ends = ("landmark_position", "counterfactual", "relative_direction", "relative_distance")
    seen = 0
    for _, _, question, reasoning in traced(noise):
        if reasoning is not None and question.type in ends:
            seen += 1
            assert reasoning.removesuffix(".").endswith(question.choices[question.answer])
    assert seen > 30


def test_every_step_of_a_chain_follows_from_the_previous_one() -> None:
    step = re.compile(r"#(\d+) [a-z -]+?(?:\d+ )?= (left|right|front|back) (\d+) (\d+)")
    seen = 0
    for deltas, now, question, reasoning in traced(Noise()):
        if reasoning is None or question.type != "landmark_position" or not question.told:
            continue
        by_id = {d.keyframe_id: d for d in deltas[: now + 1]}
        steps = [
            (int(number), Place(-int(a) if side == "right" else int(a), int(reach)))
            for number, side, a, reach in step.findall(reasoning)
        ]
        assert len(steps) <= LONGEST_CHAIN + 1
        for (_, before), (number, after) in itertools.pairwise(steps):
            assert after == moved(before, by_id[number])
            seen += 1
    assert seen > 20
