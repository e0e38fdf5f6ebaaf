"""A match that is looked up once is the one that would be looked up again."""

from __future__ import annotations

from embodied_agent.records import Delta, Mention
from embodied_agent.rules.matched import matched
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import read_phrase


def delta(number: int, *names: str) -> Delta:
    return Delta(number, None, None, tuple(Mention(name, "front", "near") for name in names))


def test_a_match_is_looked_up_once_and_anew_where_the_notes_have_grown() -> None:
    notes, sofa = Notes([delta(0, "red sofa")]), read_phrase("a sofa")
    first = matched(sofa, notes)
    assert matched(sofa, notes) is first
    assert [thing.name for thing in first.things] == ["red sofa"]
    notes.add(delta(1, "green sofa", "lamp"))
    assert [thing.name for thing in matched(sofa, notes).things] == ["red sofa", "green sofa"]
    assert [thing.name for thing in matched(read_phrase("lamp"), notes).things] == ["lamp"]


def test_any_number_of_phrases_can_be_looked_up() -> None:
    notes = Notes([delta(0, "gate 1", "gate 7", "lamp")])
    for number in (*range(200), 7, 1):
        phrase = read_phrase(f"gate {number}")
        assert matched(phrase, notes) == match(phrase, notes)
    assert len(notes.matches) <= 64
