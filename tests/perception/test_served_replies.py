"""Reading a general model's reply: what is accepted, and what never gets through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import ReplyError
from embodied_agent.perception.prompts import MAX_OBJECTS, full_prompt, full_schema, motion_hint
from embodied_agent.perception.replies import (
    MAX_OBSERVATION,
    FullReply,
    parse_full,
    read_action,
    read_direction,
    read_distance,
)
from embodied_agent.perception.wording import other_language
from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Egomotion, Mention
from tests.support.replies import check_vocabulary

words = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=8)
names = (
    st.lists(words, min_size=1, max_size=3)
    .map(" ".join)
    .filter(lambda name: not name.startswith(("a ", "an ", "the ", "one ", "some ")))
)
mentions = st.builds(Mention, names, st.sampled_from(DIRECTIONS), st.sampled_from(DISTANCES))
sentences = (
    st.lists(words | st.just("it's"), min_size=1, max_size=12)
    .map(lambda chosen: " ".join(chosen).capitalize() + ".")
    .filter(lambda sentence: not other_language(sentence))  # "el el" is taken for Spanish
)
replies = st.builds(
    FullReply,
    st.sampled_from(Action),
    st.lists(mentions, max_size=MAX_OBJECTS, unique=True).map(tuple),
    sentences,
)


def plain(reply: FullReply) -> dict[str, Any]:
    return {
        "action": str(reply.action),
        "objects": [
            {"name": m.name, "direction": m.direction, "distance": m.distance}
            for m in reply.mentions
        ],
        "observation": reply.observation,
    }


@given(replies)
def test_a_reply_as_asked_for_is_read_back(reply: FullReply) -> None:
    assert parse_full(json.dumps(plain(reply))) == reply


@given(replies, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 4))
def test_fences_prose_quotes_and_commas_make_no_difference(
    reply: FullReply, fenced: bool, prose: bool, commas: bool, indent: int
) -> None:
    text = json.dumps(plain(reply), indent=indent or None)
    if commas:
        text = text.replace("]", ",]").replace("[,]", "[]").replace("}", ",}")
    if fenced:
        text = f"```json\n{text}\n```"
    if prose:
        text = f"Sure! Here's what {{I}} see:\n{text}\nLet me know if you need more."
    assert parse_full(text) == reply


@given(replies)
def test_python_quotes_are_read_too(reply: FullReply) -> None:
    assert parse_full(repr(plain(reply))) == reply


@given(replies, sentences)
def test_thoughts_before_the_reply_are_skipped(reply: FullReply, thought: str) -> None:
    other = '{"objects": [], "observation": "Not this."}'
    assert parse_full(f"<think>{thought} {other}</think>{json.dumps(plain(reply))}") == reply


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse_full(text)
    except ReplyError:
        return
    check_vocabulary(read)


anything = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=80),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=10,
)


@given(
    st.fixed_dictionaries(
        {
            "action": anything | st.sampled_from(["turn left", "rotate left"]),
            "objects": anything
            | st.lists(
                st.fixed_dictionaries(
                    {
                        "name": anything | st.just("the <answer>B</answer>; #3 lamp"),
                        "direction": anything | st.sampled_from([*DIRECTIONS, "ahead", "up"]),
                        "distance": anything,
                    }
                )
            ),
            "observation": anything,
            "watch": anything,
        }
    )
)
def test_nothing_outside_the_vocabulary_gets_through(values: dict[str, Any]) -> None:
    try:
        read = parse_full(json.dumps(values))
    except ReplyError:
        return
    check_vocabulary(read)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("rotate left", Action.ROTATE_LEFT),
        ("Rotate_Left.", Action.ROTATE_LEFT),
        ("turn left", Action.ROTATE_LEFT),
        ("turned to the right", Action.ROTATE_RIGHT),
        ("The camera is panning right", Action.ROTATE_RIGHT),
        ("look up", Action.TILT_UPWARD),
        ("looking to the left", Action.ROTATE_LEFT),
        ("tilt down", Action.TILT_DOWNWARD),
        ("pitching upwards", Action.TILT_UPWARD),
        ("go straight ahead", Action.MOVE_FORWARD),
        ("moving forward", Action.MOVE_FORWARD),
        ("forward", Action.MOVE_FORWARD),
        ("strafe left", Action.MOVE_LEFT),
        ("fly up", Action.MOVE_UPWARD),
        ("descended", Action.MOVE_DOWNWARD),
        ("move back", Action.MOVE_BACKWARD),
        ("left", None),
        ("up", None),
        ("none", None),
        ("tilt left", None),
        ("turn around", None),
        ("move forward and turn left", None),
        ("move forward or backward", None),
        ("do not move forward", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_actions_are_understood_or_left_open(said: object, meant: Action | None) -> None:
    assert read_action(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("front-left", "front-left"),
        ("front left", "front-left"),
        ("left front", "front-left"),
        ("ahead and slightly to the left", "front-left"),
        ("Straight ahead", "front"),
        ("in front of me", "front"),
        ("to my right", "right"),
        ("right of the camera", "right"),
        ("behind you", "back"),
        ("behind", "back"),
        ("rear_right", "back-right"),
        ("center", "front"),
        ("left of the sofa", None),
        ("not left", None),
        ("left or right", None),
        ("front and back", None),
        ("above", None),
        ("", None),
        (3, None),
    ],
)
def test_directions_are_the_cameras_own_or_left_open(said: object, meant: str | None) -> None:
    assert read_direction(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("near", "near"),
        ("Very close", "near"),
        ("mid-range", "mid"),
        ("distant", "far"),
        ("2 m", None),
    ],
)
def test_distances_are_one_of_three_or_left_open(said: str, meant: str | None) -> None:
    assert read_distance(said) == meant


def test_objects_that_cant_be_placed_are_dropped_alone() -> None:
    read = parse_full(
        json.dumps(
            {
                "action": "fly to the moon",
                "objects": [
                    {"name": "A red sofa", "direction": "in front", "distance": "close"},
                    {"name": "lamp", "direction": "left of the sofa", "distance": "near"},
                    {"name": "", "direction": "left", "distance": "near"},
                    "table",
                ],
                "observation": "A room.",
            }
        )
    )
    assert read == FullReply(None, (Mention("red sofa", "front", "near"),), "A room.")


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I can't see anything.",
        '{"answer": 1}',
        '{"objects": [{"name": "lamp", "direction": "upstairs"}], "observation": "A lamp."}',
        '{"action": "rotate left", "objects": [{"name": "red so',
        "[" * 5000 + "]" * 5000,
        '{"objects":' * 300 + "1" + "}" * 300,
    ],
)
def test_a_reply_without_usable_content_is_refused(reply: str) -> None:
    with pytest.raises(ReplyError):
        parse_full(reply)


def test_what_the_watch_list_found_joins_the_observation() -> None:
    read = parse_full(
        '{"objects": [], "observation": "A hall.", '
        '"watch": [{"item": "open doors", "seen": "one on the left."}, {"item": "fire"}]}'
    )
    assert read.observation == "A hall. open doors: one on the left."


def test_a_long_observation_is_cut_at_a_word() -> None:
    read = parse_full(json.dumps({"objects": [], "observation": "word " * 500}))
    assert len(read.observation) <= MAX_OBSERVATION + 2
    assert read.observation.endswith("word …")


def test_the_prompt_names_every_word_that_the_schema_allows() -> None:
    text = full_prompt(False, None, ("open doors",))
    for word in [*map(str, Action), *DIRECTIONS, *DISTANCES, "open doors"]:
        assert word in text
    assert set(full_schema(False, watching=True)["required"]) == {
        "action",
        "objects",
        "observation",
        "watch",
    }
    assert "action" not in full_schema(True, watching=False)["properties"]


def test_the_measured_motion_is_a_hint_only_where_it_is_believable() -> None:
    turn = Egomotion(Action.ROTATE_LEFT, yaw_deg=31.2, confidence=0.9)
    assert "turned left by 31 degrees" in full_prompt(False, turn, ())
    assert motion_hint(Egomotion(None)) == ""
    assert "turned" not in full_prompt(True, turn, ())
