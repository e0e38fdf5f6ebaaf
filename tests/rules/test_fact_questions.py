"""Which questions are about noted facts, which fact they mean, and as of when."""

from __future__ import annotations

import pytest

from embodied_agent.rules.fact_questions import read_fact_question

NAMES = ("battery", "battery voltage", "gps fix", "mode", "docked", "wifi signal")


@pytest.mark.parametrize(
    ("question", "key"),
    [
        ("What is the battery level?", "battery"),
        ("what's the battery", "battery"),
        ("Battery?", "battery"),
        ("How full is your battery right now?", "battery"),
        ("How much battery is left?", "battery"),
        ("What is the battery voltage?", "battery voltage"),
        ("Which mode are you in?", "mode"),
        ("What mode is the robot in?", "mode"),
        ("Where is the GPS fix?", "gps fix"),
        ("What is your GPS position?", "gps fix"),
        ("Are you docked?", "docked"),
        ("What was the wifi-signal?", "wifi signal"),
        ("Please tell me the current mode.", "mode"),
    ],
)
def test_a_fact_is_asked_for_in_many_words(question: str, key: str) -> None:
    asked = read_fact_question(question, NAMES)
    assert asked is not None
    assert (asked.keys, asked.when, asked.value, asked.changed) == ((key,), "now", "", False)


@pytest.mark.parametrize(
    "question",
    [
        *("Where is the battery?", "Did you see a battery?", "What colour is the battery?"),
        *("Where is the sofa?", "What is next to the battery?", "How many batteries did you see?"),
        *("Is there a battery on the table?", "Which way did you turn?", "What did you see?"),
        *("Take me to the battery.", "Was the lamp on before the mode changed?", ""),
    ],
)
def test_questions_about_what_was_seen_are_left_alone(question: str) -> None:
    assert read_fact_question(question, NAMES) is None


@pytest.mark.parametrize(
    ("question", "when"),
    [
        ("What was the battery at 12 s?", "span"),
        ("What was the battery 10 seconds ago?", "span"),
        ("What was the battery when you saw the sofa?", "seen"),
        ("When you first saw the red chair, what was the battery?", None),
        ("What was the battery when you first saw the red chair?", "first_seen"),
        ("What was the battery the first time you saw the sofa?", "first_seen"),
        ("What was the battery level at keyframe 7?", "keyframe"),
        ("What was the battery at #7?", "keyframe"),
        ("What was the battery at the start?", "start"),
        ("Which mode were you in when you started?", "start"),
    ],
)
def test_the_moment_of_a_question_is_read(question: str, when: str | None) -> None:
    asked = read_fact_question(question, NAMES)
    assert (None if asked is None else asked.when) == when


def test_a_moment_names_what_was_seen() -> None:
    asked = read_fact_question("What was the mode when you last saw a red sofa?", NAMES)
    assert asked is not None
    assert asked.thing is not None
    assert (asked.thing.kind, asked.thing.colours) == ("sofa", {"red"})


def test_a_value_and_a_change_are_asked_about() -> None:
    asked = read_fact_question("Is the mode manual?", NAMES)
    assert asked is not None
    assert (asked.keys, asked.value) == (("mode",), "manual")
    changed = read_fact_question("When did the mode change to autonomous?", NAMES)
    assert changed is not None
    assert (changed.keys, changed.value, changed.changed) == (("mode",), "autonomous", True)


def test_facts_that_robots_usually_have_are_known_where_none_was_noted() -> None:
    for question, name in [
        ("What is the battery level?", "battery"),
        ("Which mode are you in?", "mode"),
        ("Where is the GPS fix?", "GPS fix"),
    ]:
        asked = read_fact_question(question, ())
        assert asked is not None
        assert (asked.keys, asked.unnoted) == ((), name)
    for question in (
        "Where is the battery?",
        "What is in front of you?",
        "What mode is the lamp in?",
    ):
        assert read_fact_question(question, ()) is None


def test_a_name_of_plain_words_only_is_found_by_all_of_them() -> None:
    asked = read_fact_question("What is the status?", ("status", "charge level"))
    assert asked is not None
    assert asked.keys == ("status",)
