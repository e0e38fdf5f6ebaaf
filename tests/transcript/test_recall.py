"""Recall: which names a question contains, and which entries of the memory speak of them."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.transcript.recall import named_objects, recall, recall_named


def delta(number: int, *names: str) -> Delta:
    mentions = tuple(Mention(n, "front", "near") for n in names)
    return Delta(number, Action.MOVE_FORWARD if number else None, None, mentions)


def seen(*entries: str) -> list[Delta]:
    """One delta per entry; each entry lists what it names, separated by commas."""
    return [delta(n, *filter(None, entry.split(", "))) for n, entry in enumerate(entries)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Where is the red sofa?", ["red sofa"]),
        ("RED SOFA", ["red sofa"]),
        ("From the blue lamp to the red sofa", ["blue lamp", "red sofa"]),
        ("the red sofa, the blue lamp, the red sofa", ["red sofa", "blue lamp"]),
        ("infrared sofas", []),
        ("the red sofas", []),
        ("the infrared sofa", []),
        ("", []),
    ],
)
def test_names_are_whole_words_in_the_order_of_the_text(text: str, names: list[str]) -> None:
    assert named_objects(text, ["red sofa", "blue lamp", "red sofa"]) == names


@pytest.mark.parametrize("known", [["red sofa", "red sofa bed"], ["red sofa bed", "red sofa"]])
def test_a_longer_name_hides_the_shorter_one_inside_it_only_there(known: list[str]) -> None:
    assert named_objects("the red sofa bed", known) == ["red sofa bed"]
    text = "the red sofa bed or the red sofa"
    assert named_objects(text, known) == ["red sofa bed", "red sofa"]


def test_a_name_that_ends_or_begins_within_a_longer_one_is_hidden_too() -> None:
    known = ["old red sofa", "sofa bed", "the old"]
    assert named_objects("the old red sofa bed", known) == ["old red sofa"]


def test_signs_in_names_mean_themselves() -> None:
    assert named_objects("Where is gate 4.2?", ["gate 4.2"]) == ["gate 4.2"]
    assert named_objects("Where is gate 412?", ["gate 4.2"]) == []


def test_recall_brings_the_first_and_the_two_latest_entries_of_what_is_named() -> None:
    deltas = seen("red sofa", "red sofa", "blue lamp", "red sofa", "", "red sofa")
    line, ids = recall(deltas, Question("Where is the Red Sofa?"))
    assert ids == (0, 3, 5)
    assert line == "#0 red sofa front near; #3 red sofa front near; #5 red sofa front near"


def test_recall_shows_only_what_the_question_names_in_its_order() -> None:
    deltas = seen("red sofa, blue lamp, green plant")
    line, _ = recall(deltas, Question("From the green plant to the red sofa, where is it?"))
    assert line == "#0 green plant front near, red sofa front near"


def test_recall_looks_into_the_choices_as_well() -> None:
    deltas = seen("red sofa", "blue lamp", "green plant")
    _, ids = recall(deltas, Question("Which is nearest", ("red sofa", "green plant")))
    assert ids == (0, 2)
    assert recall(deltas, Question("Where is the blue lamp", ("left", "right")))[1] == (1,)


def test_the_question_and_its_choices_are_texts_of_their_own() -> None:
    assert recall(seen("red sofa"), Question("Is it red", ("sofa", "lamp"))) == ("", ())


def test_nothing_is_recalled_where_nothing_known_is_named() -> None:
    assert recall(seen("red sofa"), Question("Where is the piano?")) == ("", ())
    assert recall([], Question("Where is the red sofa?")) == ("", ())


def test_the_latest_entry_that_shows_the_named_things_together_is_recalled() -> None:
    both = "red sofa, blue lamp"
    deltas = seen("red sofa", "blue lamp", both, both, both, *["red sofa"] * 3, *["blue lamp"] * 3)
    line, ids = recall(deltas, Question("Is the blue lamp left of the red sofa?"))
    assert ids == (0, 1, 4, 6, 7, 9, 10)
    assert "#4 blue lamp front near, red sofa front near;" in line


def test_an_entry_that_shows_more_of_them_together_is_preferred_to_a_later_one() -> None:
    alone = [name for name in ("sofa", "lamp", "plant") for _ in range(3)]
    deltas = seen("", "sofa, lamp, plant", *alone[:2], "sofa, lamp", *alone)
    question = Question("How do the sofa, the lamp and the plant stand?")
    line, ids = recall(deltas, question)
    assert 4 not in ids
    assert "#1 sofa front near, lamp front near, plant front near" in line


def test_entries_before_a_restart_say_so() -> None:
    deltas = seen("red sofa", "red sofa", "red sofa")
    line, _ = recall(deltas, Question("Where is the red sofa?"), start=1)
    assert line == (
        "#0 (before the restart) red sofa front near; #1 red sofa front near; "
        "#2 red sofa front near"
    )
    assert "restart" not in recall(deltas, Question("Where is the red sofa?"))[0]


def test_names_found_elsewhere_are_recalled_in_their_order_from_where_they_are_said_to_be() -> None:
    deltas = seen("red sofa", "", "red sofa, green plant, blue lamp")
    where = {"blue lamp": [2], "red sofa": [0, 2]}
    assert recall_named(deltas, where) == (
        "#0 red sofa front near; #2 blue lamp front near, red sofa front near",
        (0, 2),
    )


def test_entries_are_cited_by_the_id_of_their_keyframe() -> None:
    deltas = [delta(40, "red sofa"), delta(50, "blue lamp"), delta(60, "red sofa")]
    line, ids = recall(deltas, Question("Where is the red sofa?"), start=2)
    assert ids == (40, 60)
    assert line == "#40 (before the restart) red sofa front near; #60 red sofa front near"
