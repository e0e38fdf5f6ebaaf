"""Wishes to be told later are told from questions, and read."""

from __future__ import annotations

import pytest

from embodied_agent.rules.standing import Wish, read_wish


@pytest.mark.parametrize(
    ("text", "name", "event"),
    [
        ("Tell me when you see a fire extinguisher.", "fire extinguisher", "seen"),
        ("please tell me as soon as you spot the red van", "red van", "seen"),
        ("Could you let me know if you see any people?", "people", "seen"),
        ("notify me when a forklift appears", "forklift", "seen"),
        ("Alert us whenever the gate comes into view", "gate", "seen"),
        ("let me know once the pallet is back", "pallet", "seen"),
        ("Tell me if you see a lamp, would you?", "lamp", "seen"),
        ("Let me know when you spot a bicycle, ok? Thanks!", "bicycle", "seen"),
        ("tell me when the red door is gone please", "red door", "gone"),
        ("Tell me when the pallet is gone!", "pallet", "gone"),
        ("warn me if the blue barrel has been removed", "blue barrel", "gone"),
        ("Tell me when the chairs are no longer there", "chairs", "gone"),
        ("let me know when you don't see the bicycle any more", "bicycle", "gone"),
        ("inform me when the ladder disappears", "ladder", "gone"),
    ],
)
def test_a_wish_says_what_and_when(text: str, name: str, event: str) -> None:
    assert read_wish(text) == Wish(name, event)


@pytest.mark.parametrize(
    "text",
    [
        "Did you see a fire extinguisher?",
        "Tell me if you saw a couch",
        "Tell me what you see",
        "Tell me where the sofa is",
        "Tell me if there is a fridge",
        "When did you see the red van?",
        "Is the pallet gone?",
        "Tell me when you see",
        "",
    ],
)
def test_a_question_about_what_was_seen_is_no_wish(text: str) -> None:
    assert read_wish(text) is None


def test_a_known_place_at_the_end_says_where_it_counts() -> None:
    text = "Tell me when the pallet at the dock is gone"
    assert read_wish(text, ["dock", "kitchen"]) == Wish("pallet", "gone", "dock")
    seen = "tell me when you see a chair in the Kitchen"
    assert read_wish(seen, ["Kitchen"]) == Wish("chair", "seen", "Kitchen")


def test_an_unknown_place_stays_part_of_the_name() -> None:
    wish = read_wish("tell me when you see a table with books")
    assert wish is not None
    assert wish.place == ""
    assert "table" in wish.name
