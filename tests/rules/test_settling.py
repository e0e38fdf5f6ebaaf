"""Whether notes settle a question with choices, however it is worded, whatever is named in it."""

from __future__ import annotations

import numpy as np
import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules.derivation import left_open, possible, settled
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.posed import posed
from embodied_agent.rules.settling import settle
from sim_clips.questions import NOT_TOLD, questions_about, true_notes
from sim_clips.questions import Notes as SimulatedNotes
from sim_clips.scene import WorldName
from training.held import WORLDS
from training.text_worlds import sample_journey

WALK = (
    Delta(0, None, None, (Mention("espresso machine", "front", "near"),)),
    Delta(1, Action.ROTATE_LEFT, 90.0, (Mention("whiteboard", "front", "far"),)),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("whiteboard", "front", "mid"),)),
    Delta(3, Action.ROTATE_LEFT, 90.0, (Mention("server rack", "front", "near"),)),
)
SIDES = ("left", "right", "back", "front")
BEFORE = 0


@pytest.mark.parametrize(
    ("text", "options", "choice"),
    [
        ("Where is the whiteboard now?", SIDES, "right"),
        ("Which way do I look to see the whiteboard?", ("left", "to the right"), "to the right"),
        ("the espresso machine, where's that from here?", ("front-left", "behind me"), "behind me"),
        ("If you turned around, where would the server rack be?", SIDES, "back"),
        ("Suppose you turn right by 90 degrees. Where is the whiteboard then?", SIDES, "front"),
        ("Had you skipped your last left turn, where would the whiteboard be?", SIDES, "front"),
        ("Your task is to reach the whiteboard. What do you do first?",
         ("rotate left", "rotate right", "move forward"), "rotate right"),
        ("You need to get to the server rack, which action is next?",
         ("turn left", "turn right", "go straight"), "go straight"),
        ("Which single action would undo what you did last?",
         ("rotate right", "rotate left", "move forward"), "rotate right"),
        ("How do I drive straight to the whiteboard?",
         ("turn left 90, go forward", "turn right 90, go forward"), "turn right 90, go forward"),
        ("How would you return to where you were two steps ago?",
         ("turn right, reverse", "turn left, reverse"), "turn right, reverse"),
        ("Which is closest to the robot at present?", ("whiteboard", "server rack"), "server rack"),
        ("Which of them is furthest from you?", ("whiteboard", "server rack"), "whiteboard"),
        ("In what order did they come into view?",
         ("espresso machine, whiteboard, server rack", "server rack, whiteboard, espresso machine"),
         "espresso machine, whiteboard, server rack"),
        ("The plan: 1 rotate left, 2 move forward, 3 rotate left, 4 move forward. Which is done?",
         ("step 1", "step 2", "step 3"), "step 3"),
        ("Standing at the espresso machine, looking at the server rack, where is the whiteboard?",
         ("front-left", "front-right", "back-left", "back-right"), "front-right"),
    ],
)  # fmt: skip
def test_what_the_notes_settle_is_found_whatever_the_words_and_names(
    text: str, options: tuple[str, ...], choice: str
) -> None:
    settlement = settle(text, options, Notes(WALK))
    assert settlement is not None
    assert settlement.index is not None, settlement.reason
    assert (options[settlement.index], settlement.reason) == (choice, "")


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("Where is the green bicycle now?", SIDES, "I have not noted a green bicycle."),
        ("Which is nearest?", ("whiteboard", "blue fridge"), "I have not noted a blue fridge."),
        ("In which order did you see them?",
         ("whiteboard, red lamp", "red lamp, whiteboard"), "I have not noted a red lamp."),
        ("If you had left out your last turn to the right, where would the whiteboard be?", SIDES,
         "my last turn was not the one that the question names."),
        ("The plan: 1 rotate right, 2 move forward, 3 rotate left. Which is done?",
         ("step 1", "step 2", "step 3"), "what I did since the start is not what the plan says."),
        ("Which route takes back your last five actions?",
         ("rotate right, move backward", "rotate left, move backward"),
         "I have not noted so many actions of mine."),
    ],
)  # fmt: skip
def test_why_the_notes_leave_a_question_open_is_said(
    text: str, options: tuple[str, ...], reason: str
) -> None:
    settlement = settle(text, options, Notes(WALK))
    assert settlement is not None
    assert (settlement.index, settlement.reason) == (None, reason)


def test_a_near_thing_may_be_in_several_directions_after_driving_past() -> None:
    driven = (*WALK, Delta(4, Action.MOVE_FORWARD))
    settlement = settle(
        "Where is the server rack now?", ("front-left", "back", "front"), Notes(driven)
    )
    assert settlement is not None
    assert settlement.index is None
    assert "my notes leave several of the choices possible" in settlement.reason
    assert "The server rack was ahead of me, near, in #3" in settlement.reason
    assert "I have moved forward" in settlement.reason
    assert settlement.evidence == (3,)


def test_a_likely_choice_is_not_one_that_the_notes_settle_on() -> None:
    turned = Notes((*WALK, Delta(4, Action.ROTATE_LEFT, 20.0)))
    text, options = "Where is the whiteboard now?", ("front", "right", "back-right")
    settlement = settle(text, options, turned, untold=True)
    assert settlement is not None
    assert settlement.index is None
    assert "possible: right (75 %) or back-right (25 %)." in settlement.reason
    # Where nobody may answer that the memory does not tell, a reasoner may still choose.
    assert settle(text, options, turned) is None


def test_the_notes_may_speak_for_none_of_the_choices() -> None:
    text, options = "Where is the whiteboard now?", ("front", "left")
    settlement = settle(text, options, Notes(WALK), untold=True)
    assert settlement is not None
    assert settlement.index is None
    assert settlement.reason.startswith("my notes speak for none of the choices. The whiteboard")
    assert settle(text, options, Notes(WALK)) is None


def test_a_restart_in_between_is_the_reason() -> None:
    notes = Notes(WALK)
    notes.add(Delta(4, None, None, (Mention("coat stand", "front", "near"),)), after_break=True)
    settlement = settle("Where is the whiteboard now?", SIDES, notes)
    assert settlement is not None
    assert settlement.index is None
    assert settlement.reason == (
        "I saw the whiteboard before the restart only, and directions do not carry over it."
    )
    order = settle("Which came first?", ("whiteboard, coat stand", "coat stand, whiteboard"), notes)
    assert order is not None
    assert order.index == BEFORE  # what came first is known across a restart


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("Where was the whiteboard at first?", SIDES),
        ("Where was the whiteboard in keyframe 2?", SIDES),
        ("If you moved forward for a while, where would the whiteboard be?", SIDES),
        ("Which of these is closest to the whiteboard?", ("server rack", "espresso machine")),
        ("What did you do last?", ("move forward", "rotate left", "rotate right")),
        ("Which one is made of steel?", ("whiteboard", "server rack")),
        ("Is the whiteboard clean?", ("yes", "no")),
        ("What do you see?", ("a", "b")),
    ],
)
def test_nothing_is_said_of_questions_about_something_else(
    text: str, options: tuple[str, ...]
) -> None:
    assert posed(text, options, Notes(WALK)) is None
    assert settle(text, options, Notes(WALK)) is None


def test_the_agent_finds_open_what_whoever_knows_the_worlds_scale_does() -> None:
    """On development scenes, without knowing the scale: as good as never the other way round."""
    counts = {"settled": [0, 0, 0], "open": [0, 0, 0]}
    scenes: list[tuple[WorldName, int]] = [
        (world, seed) for world in WORLDS for seed in range(610_000, 610_003)
    ]
    for world, seed in scenes:
        journey = sample_journey(world, seed, np.random.default_rng([seed, 1]))
        deltas = true_notes(journey)
        scaled = SimulatedNotes(deltas, journey.world)
        for now, question in questions_about(journey, np.random.default_rng([seed, 2]), per_type=3):
            options = [choice for choice in question.choices if choice != NOT_TOLD]
            shares = possible(scaled, now, question.type, question.about, options)
            if settled(shares) is None and not left_open(shares):
                continue
            settlement = settle(question.text, options, Notes(deltas[: now + 1]))
            index = None if settlement is None else settlement.index
            known = counts["settled" if settled(shares) else "open"]
            known[0] += 1
            known[1] += settlement is not None and index is None
            known[2] += index is not None and options[index] == settled(shares)
    total, refused, right = counts["settled"]
    assert total >= 120
    assert refused <= 0.03 * total
    assert right >= 0.85 * total
    total, refused, _ = counts["open"]
    assert total >= 12
    assert refused >= 0.7 * total
