"""Recall finds what a question names by any of its names."""

from __future__ import annotations

import pytest

from embodied_agent.agent.recalled import recall_from
from embodied_agent.records import Delta, Mention, Question
from embodied_agent.rules.notes import Notes

NOTES = Notes(
    Delta(number, None, None, tuple(Mention(name, "front", "near") for name in names))
    for number, names in enumerate(
        (
            ("green sofa",),
            ("wooden office chair",),
            ("red car", "blue car"),
            ("table with books",),
            *(("white door",),) * 9,
        )
    )
)


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("Where was the couch?", (0,)),
        ("Where was the settee?", (0,)),
        ("Which way is the chair?", (1,)),
        ("Where were the chairs?", (1,)),
        ("Where was the blue automobile?", (2,)),
        ("Where are the books?", (3,)),
        ("Where is the piano?", ()),
        ("Is it warm?", ()),
    ],
)
def test_a_thing_is_recalled_by_any_of_its_names(text: str, ids: tuple[int, ...]) -> None:
    assert recall_from(NOTES, Question(text))[1] == ids


def test_choices_are_looked_for_too() -> None:
    question = Question("Which is nearest?", ("the couch", "a chair", "left"))
    line, ids = recall_from(NOTES, question)
    assert ids == (0, 1)
    assert line == "#0 green sofa front near; #1 wooden office chair front near"


def test_a_name_as_it_was_noted_keeps_others_of_its_kind_out() -> None:
    line, _ = recall_from(NOTES, Question("Where was the red car?"))
    assert line == "#2 red car front near"


def test_of_many_sightings_the_first_and_the_latest_are_recalled() -> None:
    assert recall_from(NOTES, Question("Where is the doorway?"))[1] == (4, 11, 12)


def test_of_many_things_those_that_were_seen_last_are_recalled() -> None:
    notes = Notes(Delta(n, None, None, (Mention(f"chair {n}", "front"),)) for n in range(9))
    assert recall_from(notes, Question("Where is the seat?"))[1] == (6, 7, 8)
