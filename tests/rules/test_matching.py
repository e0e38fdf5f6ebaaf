"""Which things in the notes a phrase means, and which comes closest if there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from embodied_agent.agent.note_index import indexed
from embodied_agent.agent.stored_notes import StoredNotes
from embodied_agent.records import Delta, Mention
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import Match, detail_of, match, means, nearest
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.phrases import read_phrase
from tests.support.random_memories import store_of


def notes(*entries: str, observed: Mapping[int, str] | None = None) -> Notes:
    """One delta per entry; each entry lists what it names, separated by commas."""
    return Notes(
        Delta(
            number,
            None,
            None,
            tuple(Mention(name, "front", "near") for name in entry.split(", ") if name),
            (observed or {}).get(number, ""),
        )
        for number, entry in enumerate(entries)
    )


def matched(text: str, its: Notes) -> dict[str, Any]:
    """The parts of a match that hold something, things by their names."""
    result = match(read_phrase(text), its)
    assert result.phrase == read_phrase(text)
    parts: dict[str, Any] = {
        part: [thing.name for thing in getattr(result, part)]
        for part in ("things", "other_colour", "no_colour", "unsaid", "within")
    }
    parts["observed"] = list(result.observed)
    parts["nearest"] = result.nearest and result.nearest.name
    assert result.is_known == any(
        parts[p] for p in ("things", "other_colour", "no_colour", "unsaid")
    )
    return {part: value for part, value in parts.items() if value}


HOUSE = notes("red sofa, light blue car", "green sofa, stop sign", "sofa, zebra crossing, gate")


@pytest.mark.parametrize(
    ("asked", "things"),
    [
        ("couch", ["red sofa", "green sofa", "sofa"]),
        ("sofas", ["red sofa", "green sofa", "sofa"]),
        ("vehicle", ["light blue car"]),
        ("sign", ["stop sign"]),
        ("zebra crossing", ["zebra crossing"]),
        ("furniture", ["red sofa", "green sofa", "sofa"]),
        ("gates", ["gate"]),
    ],
)
def test_a_noun_means_the_things_of_its_kind_in_the_order_of_appearance(
    asked: str, things: list[str]
) -> None:
    assert matched(asked, HOUSE) == {"things": things}


def test_the_last_word_says_what_a_thing_is_unless_it_deceives() -> None:
    its = notes("zebra crossing, rocking horse, teddy bear, flower pot stand")
    for asked in ("zebra", "horse", "bear", "pot", "flower"):
        assert "things" not in matched(asked, its), asked
    assert matched("stand", its) == {"things": ["flower pot stand"]}
    assert matched("chair", notes("easy chair")) == {"things": ["easy chair"]}  # an armchair
    assert matched("gizmo", notes("blue steam gizmos")) == {"things": ["blue steam gizmos"]}


def test_a_word_without_a_kind_means_every_thing_and_is_meant_by_none() -> None:
    its = notes("red sofa, object", "car")
    assert matched("things", its) == {"things": ["red sofa", "object", "car"]}
    assert matched("car", its) == {"things": ["car"]}
    assert matched("lamp post", notes("object")) == {}


@pytest.mark.parametrize(
    ("asked", "parts"),
    [
        (
            "green couch",
            {"things": ["green sofa"], "other_colour": ["red sofa"], "no_colour": ["sofa"]},
        ),
        ("purple couch", {"other_colour": ["red sofa", "green sofa"], "no_colour": ["sofa"]}),
        ("cyan car", {"things": ["light blue car"]}),
        ("blue car", {"things": ["light blue car"]}),
        ("red car", {"other_colour": ["light blue car"]}),
        ("red sign", {"no_colour": ["stop sign"]}),
    ],
)
def test_things_in_another_colour_or_in_none_are_told_apart(
    asked: str, parts: dict[str, Any]
) -> None:
    assert matched(asked, HOUSE) == parts


def test_what_a_name_does_not_say_of_a_thing_is_unsaid() -> None:
    its = notes("old wooden table, low-back chair", "table, white plastic chair")
    assert matched("wooden table", its) == {"things": ["old wooden table"], "unsaid": ["table"]}
    assert matched("old wooden table", its)["things"] == ["old wooden table"]
    assert matched("metal table", its) == {"unsaid": ["old wooden table", "table"]}
    assert matched("low-back chair", its)["things"] == ["low-back chair"]
    assert matched("back chair", its)["things"] == ["low-back chair"]
    assert matched("high-back chair", its) == {"unsaid": ["low-back chair", "white plastic chair"]}


def test_things_with_different_numbers_are_different_things() -> None:
    its = notes("gate 4, gate 7 12", "gate")
    assert matched("gate 4", its) == {"things": ["gate 4"], "unsaid": ["gate"]}
    assert matched("gate 7", its) == {"things": ["gate 7 12"], "unsaid": ["gate"]}
    assert matched("gate 8", its) == {"unsaid": ["gate"]}
    assert matched("gate 8", notes("gate 4")) == {"nearest": "gate 4"}
    assert matched("gate", its) == {"things": ["gate 4", "gate 7 12", "gate"]}
    assert matched("open gate", its) == {"unsaid": ["gate 4", "gate 7 12", "gate"]}


def test_details_of_a_thing_are_found_within_it() -> None:
    its = notes("table with red books, man in a red shirt", "table, cabinet with a lamp")
    assert matched("books", its) == {"within": ["table with red books"]}
    assert matched("red books", its) == {"within": ["table with red books"]}
    assert matched("shirt", its) == {"within": ["man in a red shirt"]}
    assert matched("stool", notes("table with a stool, armchair")) == {
        "within": ["table with a stool"]
    }
    assert "within" not in matched("blue books", its)
    assert "within" not in matched("shoes", its)
    assert "within" not in matched("things", its)
    assert "within" not in matched("4 things", notes("gate 7 with a lamp"))
    assert matched("stool", notes("table with a stool, stool")) == {
        "things": ["stool"],
        "within": ["table with a stool"],
    }
    assert matched("lamp", its) == {"within": ["cabinet with a lamp"]}
    assert matched("table", its) == {"things": ["table with red books", "table"]}
    assert detail_of(its.things["man in a red shirt"]).text == "red shirt"
    detail = detail_of(notes("sofa with two blue cushions").things["sofa with two blue cushions"])
    assert (detail.text, detail.noun) == ("blue cushions", "cushions")


def test_observations_mention_a_thing_by_any_of_its_names() -> None:
    its = notes("sofa", "sofa", "", observed={0: "A tall fridge hums.", 2: "Two red buses."})
    assert matched("refrigerator", its) == {"observed": [0]}
    assert matched("tall fridge", its) == {"observed": [0]}
    assert matched("bus", its) == {"observed": [2]}
    assert matched("red bus", its) == {"observed": [2]}
    for asked in ("wooden fridge", "blue bus", "red fridge"):
        assert "observed" not in matched(asked, its), asked


def test_an_observation_is_told_of_by_each_of_its_deltas_in_order() -> None:
    its = notes("", "", "", observed={0: "A couch.", 1: "A door.", 2: "A sofa and a couch."})
    assert matched("sofa", its) == {"observed": [0, 2]}


def test_what_the_notes_name_is_not_looked_for_in_observations() -> None:
    its = notes("red sofa", observed={0: "A green sofa by a table."})
    assert matched("sofa", its) == {"things": ["red sofa"]}
    assert matched("green sofa", its) == {"other_colour": ["red sofa"]}


@pytest.mark.parametrize(
    ("asked", "closest"),
    [
        ("bench", "armchair"),  # both are seats; a truck is none
        ("van", "truck"),
        ("seat 4", "armchair"),
        ("dumbweiter", "dumbwaiter"),
        ("dumb", None),
        ("theremin", None),
        ("zorbulator", None),
        ("thing", None),
    ],
)
def test_the_closest_match_is_of_the_smallest_group_or_spelt_alike(
    asked: str, closest: str | None
) -> None:
    its = notes("object", "armchair", "truck, dumbwaiter")
    thing = nearest(read_phrase(asked), its)
    assert (thing and thing.name) == closest


def test_kinds_that_share_only_a_large_group_are_not_close() -> None:
    assert matched("car", notes("kayak")) == {"nearest": "kayak"}  # both are vehicles
    assert matched("car", notes("fountain")) == {}  # both are outdoors


@pytest.mark.parametrize(("size", "parts"), [(40, {"nearest": "kayak"}), (41, {})])
def test_kinds_of_a_group_are_close_if_it_has_forty_kinds_at_most(
    size: int, parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    its = notes("kayak")
    assert matched("violin", its) == {}
    group = frozenset({"violin", "kayak", *(f"kind {n}" for n in range(size - 2))})
    table = replace(lexicon(), members={"group": group}, parents=dict.fromkeys(group, ("group",)))
    monkeypatch.setattr("embodied_agent.rules.matching.lexicon", lambda: table)
    assert matched("violin", its) == parts


def test_of_equally_close_things_one_of_the_colour_is_closest_and_else_the_latest() -> None:
    its = notes("green armchair, red armchair", "green stool")
    assert matched("red bench", its) == {"nearest": "red armchair"}
    assert matched("bench", its) == {"nearest": "green stool"}
    assert matched("green bench", its) == {"nearest": "green stool"}
    at_once = notes("wooden stool, metal stool")
    assert matched("bench", at_once) == {"nearest": "wooden stool"}
    again = notes("green armchair", "green stool", "green armchair")
    assert matched("bench", again) == {"nearest": "green armchair"}


def test_a_word_that_the_lexicon_knows_is_not_taken_for_one_spelt_alike() -> None:
    assert matched("vase", notes("vast")) == {}
    assert matched("vasd", notes("vast")) == {"nearest": "vast"}


def test_an_unknown_word_is_closest_to_itself() -> None:
    thing = nearest(read_phrase("dumbwaiter"), notes("dumbwaiter", "dumbweiter"))
    assert thing is not None
    assert thing.name == "dumbwaiter"


def test_a_group_is_as_close_as_its_closest_member() -> None:
    its = notes("dresser", "traffic light")
    assert matched("seats", its) == {"nearest": "traffic light"}  # a bench is street furniture


@pytest.mark.parametrize(
    "asked",
    ["couch", "purple couch", "red sign", "metal sofa", "vehicle", "things", "bench", "van"],
)
def test_notes_that_look_names_up_have_the_same_matches_in_the_same_order(asked: str) -> None:
    with store_of([(0, "", delta) for delta in HOUSE.deltas]) as store:
        index = indexed(store, None)
        assert index is not None
        assert matched(asked, StoredNotes(index)) == matched(asked, HOUSE) != {}


def test_nothing_comes_close_in_empty_notes() -> None:
    assert match(read_phrase("red sofa"), Notes()) == Match(read_phrase("red sofa"))
    assert nearest(replace(read_phrase("sofa"), group=None), Notes()) is None


def test_a_phrase_means_what_is_of_its_kind_and_has_no_other_number() -> None:
    assert means(read_phrase("couch"), read_phrase("red sofa"))
    assert means(read_phrase("green gate 4"), read_phrase("gate 4"))
    assert not means(read_phrase("couch"), read_phrase("table"))
    assert not means(read_phrase("gate 4"), read_phrase("gate 7"))
