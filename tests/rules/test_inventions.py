"""What a model's words cite or name beyond the memory is noticed, and what they may say is not."""

from __future__ import annotations

import pytest

from embodied_agent.rules import Notes
from embodied_agent.rules.inventions import invented_things, unknown_keyframes
from tests.support.notes import CLIPS, HOME, clip_notes

NOTES = Notes(HOME)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("#1 shows it, and #4 too", []),
        ("see #7", [7]),
        ("In keyframe 12 and keyframes #3", [12]),
        ("#0 #99 #99", [99]),
        ("I turned 90 degrees and moved 5 times", []),
    ],
)
def test_keyframes_that_the_memory_does_not_hold_are_told(text: str, ids: list[int]) -> None:
    assert unknown_keyframes(text, NOTES) == ids


@pytest.mark.parametrize(
    "text",
    [
        "The green billboard is ahead.",
        "I passed a fountain, then the red sofa.",
        "The sofa is next to a piano.",
        "#2 blue sofa front-right mid = right 35 7",
        "It stands beside the orange crane",
        "There are two bicycles and an elephant.",
    ],
)
def test_a_thing_that_the_memory_does_not_hold_is_told(text: str) -> None:
    assert invented_things(text, NOTES)


@pytest.mark.parametrize(
    "text",
    [
        "The red sofa was front-right in #2; I turned right 90, so it is to my left.",
        "The couch is left of me.",
        "I see a bike and a hydrant now.",
        "There is no fridge in the notes. I have not seen a piano.",
        "The notes never mention a fountain, so I can't tell.",
        "A television hangs on the wall.",
        "Looking at the pictures, the key point is the direction.",
        "The man wears a red shirt.",
        "I walked through the room along the wall to the door.",
        "The vehicle is grey.",
        "red sofa right 35 4\nturned: left 55 4",
    ],
)
def test_what_the_memory_holds_or_anybody_may_say_is_no_invention(text: str) -> None:
    assert invented_things(text, NOTES) == []


def test_what_a_question_names_may_be_echoed() -> None:
    text = "The question asks for a green billboard and a crane"
    assert invented_things(text, NOTES)
    assert invented_things(text, NOTES, ("Is there a green billboard?", "a crane")) == []
    assert invented_things("a red billboard", NOTES, ("Is there a green billboard?",))


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_reasoning_about_what_a_clip_holds_is_let_pass(clip) -> None:
    notes = clip_notes(clip)
    for delta in notes.deltas:
        seen = ", ".join(f"the {m.name} {m.direction} {m.distance}" for m in delta.mentions)
        assert invented_things(f"#{delta.keyframe_id} shows {seen}.", notes) == []
