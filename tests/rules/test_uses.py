"""Places are looked for by what is to be done there; what is put down there is not looked for."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from embodied_agent.records import Delta, Mention
from embodied_agent.rules import Notes, answer_by_rule
from embodied_agent.rules.families import understand


def view(number: int, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, None, None, tuple(read))


WALK = (
    view(0, "purple door, front, far", "cyan table, front-left, mid"),
    view(1, "wooden bench, front, near"),
)
NOUNS = ("purple door", "door", "cyan table", "table", "wooden bench", "bench")


def said(text: str, walk: Sequence[Delta]) -> str:
    saying = answer_by_rule(text, Notes(walk)).saying
    assert saying is not None, text
    assert saying.status == "answered"
    return saying.text


@pytest.mark.parametrize(
    ("text", "use"),
    [
        ("Where could I put a cup?", "put things on"),
        ("where can I put this?", "put things on"),
        ("where can I put down my bag?", "put things on"),
        ("where can I set down a tray?", "put things on"),
        ("where could I leave the parcel?", "put things on"),
        ("is there somewhere to put a vase?", "put things on"),
        ("where can I put the purple door?", "put things on"),
        ("where can I leave this room?", "leave by"),
        ("where could I put my books?", "keep books on"),
        ("where can I hide the present?", "keep things in"),
        ("where can I hide?", "hide behind"),
        ("where can I charge?", "charge at"),
        ("where can I charge my phone?", "charge at"),
        ("where can I plug in the charger?", "charge at"),
        ("where can I wash?", "wash at"),
        ("where can I wash a cup?", "wash at"),
        ("where can I do the laundry?", "wash clothes in"),
        ("where can I sleep?", "lie down on"),
        ("where can I rest?", "lie down on"),
        ("where can I cook an egg?", "cook on"),
    ],
)
def test_the_purpose_of_a_place_decides(text: str, use: str) -> None:
    asked = understand(text, NOUNS)
    assert (asked.family, asked.use) == ("use", use)


def test_a_cup_is_put_on_a_table_whether_or_not_one_was_seen() -> None:
    text = said("Where could I put a cup?", WALK)
    assert text.startswith("You could put things on the cyan table (#0) or the wooden bench")
    cup = view(2, "cup, front, near")
    assert said("Where could I put the cup?", (*WALK, cup)).startswith("You could put things on")
    assert understand("where did I put the cup?", (*NOUNS, "cup")).family == "where"
