"""What no camera notes: materials, smells, sounds, warmth, and whether somebody lives somewhere."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, understand

WALK = (
    Delta(0, None, None, (Mention("orange table", "front", "mid"), Mention("cyan clock", "left"))),
    Delta(1, Action.ROTATE_LEFT, 90.0, (Mention("yellow building", "front", "near"),)),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("wooden chair", "front", "far"),)),
)
OF_NO_THING = "I can't tell: my notes only say what was in view at each keyframe"


def said(text: str) -> Saying:
    saying = answer_by_rule(text, Notes(WALK)).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "name", "evidence"),
    [
        ("orange table - wood or plastic?", "orange table", (0,)),
        ("is the orange table wood or plastic?", "orange table", (0,)),
        ("is the table wooden or is it metal", "orange table", (0,)),
        ("The yellow building is from brick or concrete or what?", "yellow building", (1,)),
        ("what is the table made of?", "orange table", (0,)),
        ("is the clock made of plastic", "cyan clock", (0,)),
        ("is the table wooden?", "orange table", (0,)),
        ("does the table look like oak?", "orange table", (0,)),
        ("what material is the building", "yellow building", (1,)),
        ("could you hear the clock ticking?", "cyan clock", (0,)),
        ("near the building it smelled like smoke maybe?", "yellow building", (1,)),
        ("what does the table smell like", "orange table", (0,)),
        ("was the clock loud?", "cyan clock", (0,)),
        ("how cold was the building inside", "yellow building", (1,)),
        ("somebody lives inside that yellow building or it stands empty", "yellow building", (1,)),
        ("is the building abandoned?", "yellow building", (1,)),
    ],
)
def test_of_a_thing_it_can_not_be_told(text: str, name: str, evidence: tuple[int, ...]) -> None:
    saying = said(text)
    assert saying.status == "cannot_tell"
    assert saying.text.startswith(f"I can't tell: about the {name}, my notes only say")
    assert saying.evidence == evidence
    assert is_plain(text, Notes(WALK).nouns)


@pytest.mark.parametrize(
    "text",
    [
        "Did it smell of smoke in there?",
        "was there any odd smell?",
        "how warm was it in there?",
        "How high above the ground was the drone flying?",
        "how many metres above ground are we now",
        "was it hot or cold inside?",
        "what was the temperature",
        "how loud was it in there?",
        "do you reckon somebody actually lives in this place?",
        "does anyone live here?",
        "is this house lived in?",
        "do people live there",
        "metal or wood?",
        "is it made of brick?",
    ],
)
def test_of_no_thing_it_can_not_be_told(text: str) -> None:
    saying = said(text)
    assert saying.status == "cannot_tell"
    assert saying.text.startswith(OF_NO_THING)
    assert saying.evidence == ()


def test_a_material_that_a_name_says_is_told() -> None:
    for text in (
        "Is the chair wooden?",
        "is the chair wood or plastic",
        "what is the chair made of?",
    ):
        saying = said(text)
        assert saying.text == "My notes only say its name: a wooden chair (#2)."
        assert saying.evidence == (2,)


def test_what_an_unseen_thing_is_made_of() -> None:
    assert said("Is the fridge metal or plastic?").text.startswith("I have not seen a fridge.")


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("did you see a glass?", "I have not seen a glass."),
        ("is there a wooden chair?", "Yes, the wooden chair is in view now"),
        ("a plastic bottle?", "I have not seen a plastic bottle."),
        ("did you see a brick wall?", "I have not seen a brick wall."),
        ("did you see glass or metal?", "I have not seen a glass"),
        ("which is nearer, the glass or the table?", "I have not seen a glass."),
        (
            "did you see a wooden or plastic chair?",
            "I saw a wooden chair (#2), but my notes do not say",
        ),
        ("is there anything made of wood?", "I can't tell: my notes say what I saw"),
        ("is the clock gold or silver?", "No, the clock is cyan"),
        ("did you see a hot dog?", "I have not seen a hot dog"),
        ("did you hear a noise?", "I can't tell: my notes say what was in view at each keyframe"),
        ("did anything make a sound?", "I can't tell: my notes say what was in view"),
        ("is this the living room?", OF_NO_THING),
        ("who lives in a pineapple under the sea?", "That is not about what I have seen."),
        ("how many people live in France?", "That is not about what I have seen."),
    ],
)
def test_things_and_other_topics_keep_their_answers(text: str, answer: str) -> None:
    assert said(text).text.startswith(answer)
    assert not understand(text, Notes(WALK).nouns).of_material


@pytest.mark.parametrize(
    "text",
    [
        "What sound does a cow make?",
        "At what temperature does water boil?",
        "Describe the taste of durian.",
        "What are you made of?",
        "From which material are windows normally made in a factory?",
        "Could I hear five of the things that you saw?",
    ],
)
def test_what_is_asked_of_the_world_at_large_is_left_to_others(text: str) -> None:
    assert understand(text, Notes(WALK).nouns).family not in ("unnoted", "unnoted_way")
