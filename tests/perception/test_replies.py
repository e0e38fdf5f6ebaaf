"""The details of reading a general model's reply: what is repaired, left open, cut and dropped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from embodied_agent.errors import ReplyError
from embodied_agent.perception.prompts import MAX_OBJECTS
from embodied_agent.perception.replies import (
    MAX_NAME,
    MAX_OBSERVATION,
    FullReply,
    clean_text,
    is_no_action,
    parse_full,
    read_action,
    read_direction,
    read_distance,
)
from embodied_agent.records import Action, Mention

SOFA = {"name": "red sofa", "direction": "left", "distance": "near"}
LAMP = {"name": "lamp", "direction": "front", "distance": "far"}
THE_SOFA, THE_LAMP = Mention("red sofa", "left", "near"), Mention("lamp", "front", "far")


def read(**values: Any) -> FullReply:
    """A reply with one object and an observation, unless told otherwise."""
    return parse_full(json.dumps({"objects": [SOFA], "observation": "A room.", **values}))


def test_a_reply_as_asked_for_needs_no_repair() -> None:
    reply = read(action="rotate left", objects=[SOFA, LAMP])
    assert reply == FullReply(Action.ROTATE_LEFT, (THE_SOFA, THE_LAMP), "A room.")
    assert (reply.open, reply.repaired) == (False, False)


def test_keys_may_be_written_in_capitals_and_with_spaces() -> None:
    text = (
        '{" Action": "tilt down", "OBJECTS ": [{"Name": "Red sofa", " direction": "Left", '
        '"DISTANCE": "near"}], "Observation": "A room."}'
    )
    assert parse_full(text) == FullReply(Action.TILT_DOWNWARD, (THE_SOFA,), "A room.")


@pytest.mark.parametrize(
    "objects",
    [[SOFA, {"name": "lamp"}], [SOFA, "lamp"], [SOFA, SOFA], [SOFA, {**LAMP, "name": "灯"}]],
)
def test_a_reply_of_which_a_part_was_dropped_is_repaired(objects: list[Any]) -> None:
    reply = read(objects=objects)
    assert reply.mentions == (THE_SOFA,)
    assert reply.repaired


def test_objects_alone_or_an_observation_alone_are_a_reply() -> None:
    assert parse_full('{"objects": []}') == FullReply(None, (), "")
    assert read(objects=None) == FullReply(None, (), "A room.")
    assert read(objects="none") == FullReply(None, (), "A room.")
    assert read(observation=None) == FullReply(None, (THE_SOFA,), "")
    with pytest.raises(ReplyError, match="no usable JSON object"):
        parse_full('{"objects": "none", "observation": 3}')


def test_an_object_that_can_not_be_used_gives_way_to_the_next() -> None:
    nothing = json.dumps({"objects": [{"name": "door", "direction": "up"}], "observation": "No."})
    assert parse_full(f"{nothing} {json.dumps({'objects': [SOFA]})}").mentions == (THE_SOFA,)
    assert parse_full(f'{{"note": 1}} {json.dumps({"objects": [SOFA]})}').mentions == (THE_SOFA,)


def test_of_several_usable_objects_the_first_counts() -> None:
    first, second = json.dumps({"objects": [SOFA]}), json.dumps({"objects": [LAMP]})
    assert parse_full(first + second).mentions == (THE_SOFA,)


def test_no_more_objects_than_were_asked_for_are_kept() -> None:
    reply = read(objects=[{**SOFA, "name": f"sofa {n}"} for n in range(MAX_OBJECTS + 3)])
    assert [m.name for m in reply.mentions] == [f"sofa {n}" for n in range(MAX_OBJECTS)]


def test_a_reply_in_another_language_is_refused_and_one_in_another_script_left_out() -> None:
    german = "Die Tür ist links und das Sofa steht rechts von der Wand."
    with pytest.raises(ReplyError, match="not English"):
        read(observation=german)
    with pytest.raises(ReplyError, match="not English"):
        parse_full(json.dumps({"observation": german}) + json.dumps({"objects": [SOFA]}))
    reply = read(observation="左边有一张红色的沙发")
    assert reply == FullReply(None, (THE_SOFA,), "")
    assert reply.repaired
    with pytest.raises(ReplyError, match="no usable"):
        parse_full(json.dumps({"observation": "左边有一张红色的沙发"}))


# The action


@pytest.mark.parametrize("value", [None, "", "  ", "none", " None "])
def test_no_action_is_said_or_left_open(value: Any) -> None:
    assert is_no_action(value)
    reply = read(action=value)
    assert (reply.action, reply.open) == (None, True)


@pytest.mark.parametrize("value", ["turn around", "left", 7, ["none"], "nonesuch"])
def test_an_action_that_is_none_of_the_ten_is_not_open(value: Any) -> None:
    assert not is_no_action(value)
    reply = read(action=value)
    assert (reply.action, reply.open) == (None, False)


@pytest.mark.parametrize("action", Action)
def test_the_names_of_the_ten_actions_are_understood(action: Action) -> None:
    assert read_action(action.value) is action
    assert read_action(f"{action.value.upper()}!") is action


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("rotating to the left", Action.ROTATE_LEFT),
        ("rotates left", Action.ROTATE_LEFT),
        ("yaws right", Action.ROTATE_RIGHT),
        ("spinning leftwards", Action.ROTATE_LEFT),
        ("pan up", Action.TILT_UPWARD),
        ("turned down a bit", Action.TILT_DOWNWARD),
        ("looked down", Action.TILT_DOWNWARD),
        ("looks right", Action.ROTATE_RIGHT),
        ("tilts upwards", Action.TILT_UPWARD),
        ("moved forwards", Action.MOVE_FORWARD),
        ("moves ahead", Action.MOVE_FORWARD),
        ("stepping backwards", Action.MOVE_BACKWARD),
        ("slid left", None),
        ("slides left", Action.MOVE_LEFT),
        ("sliding left", Action.MOVE_LEFT),
        ("drives on", None),
        ("advances", Action.MOVE_FORWARD),
        ("advancing", Action.MOVE_FORWARD),
        ("retreated", Action.MOVE_BACKWARD),
        ("the robot is climbing", Action.MOVE_UPWARD),
        ("rises", Action.MOVE_UPWARD),
        ("ascended slightly", Action.MOVE_UPWARD),
        ("backward", Action.MOVE_BACKWARD),
        ("ascend left", None),
        ("look forward", None),
        ("rotate left, turn left", Action.ROTATE_LEFT),
        ("rotate left, tilt left", None),
        ("rotate", None),
        ("move", None),
        ("glance left", None),
    ],
)
def test_verbs_in_any_form_are_understood(said: str, meant: Action | None) -> None:
    assert read_action(said) == meant


# Directions, distances and names


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("BACK LEFT", "back-left"),
        ("right-rear", "back-right"),
        ("to the right of me", "right"),
        ("left_of_me", "left"),
        ("right-of-the-robot", "right"),
        ("left of you, in front", "front-left"),
        ("on the robot's left", None),
        ("left-ish", None),
        ("front left right", None),
        ("behind and in front", None),
        ("on the far left side", "left"),
        ("in the middle", None),
        ([], None),
        (None, None),
    ],
)
def test_directions_are_sides_of_the_camera(said: Any, meant: str | None) -> None:
    assert read_direction(said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [("FAR", "far"), ("very_near", "near"), ("far, away", "far"), ("middle", "mid"), (3, None),
     ("nowhere", None), (None, None)],
)  # fmt: skip
def test_distances_are_read_from_their_words(said: Any, meant: str | None) -> None:
    assert read_distance(said) == meant
    [mention] = read(objects=[{**SOFA, "distance": said}]).mentions
    assert mention.distance == meant


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("The Red Sofa", "red sofa"),
        ("some books", "books"),
        ("an apple, a pear", "apple a pear"),
        ("  blue \n\t lamp. ", "blue lamp"),
        ("<b>#3; sofa:</b>", "b 3 sofa /b"),
        ("john's r&d mid-size sofa/bed", "john's r&d mid-size sofa/bed"),
        ("x" * MAX_NAME, "x" * MAX_NAME),
    ],
)
def test_names_are_in_lower_case_without_article_and_separators(said: str, name: str) -> None:
    assert [m.name for m in read(objects=[{**SOFA, "name": said}]).mentions] == [name]


@pytest.mark.parametrize("name", ["", " ", "...", "x" * (MAX_NAME + 1), None, 5, "диван"])
def test_what_is_no_name_is_dropped(name: Any) -> None:
    assert read(objects=[{**SOFA, "name": name}, LAMP]).mentions == (THE_LAMP,)


# Boxes


@pytest.mark.parametrize("key", ["bbox_2d", "bbox", "box_2d", "box", " BBox "])
def test_the_box_of_an_object_is_read_under_each_of_its_names(key: str) -> None:
    reply = read(objects=[{**SOFA, key: [1, 2, 3.5, 999_999]}, LAMP])
    assert reply.boxes == ((1.0, 2.0, 3.5, 999_999.0), None)
    assert not reply.repaired


@pytest.mark.parametrize(
    "box",
    [
        None, 5, "1 2 3 4", [1, 2, 3], [1, 2, 3, 4, 5], [[1, 2, 3, 4], [1, 2, 3, 4]],
        ["1", 2, 3, 4],
        [1, 2, 3, True], [1, 2, 3, None], [1, 2, 3, 10**6], [10**400, 2, 3, 4], [1, -(10**6), 3, 4],
        {"left": 1},
    ],
)  # fmt: skip
def test_what_is_no_box_is_left_out_and_the_object_stays(box: Any) -> None:
    reply = read(objects=[{**SOFA, "bbox": box}])
    assert (reply.mentions, reply.boxes) == ((THE_SOFA,), (None,))


def test_a_box_may_stand_in_a_list_of_one() -> None:
    assert read(objects=[{**SOFA, "box": [[1, 2, 3, 4]]}]).boxes == ((1.0, 2.0, 3.0, 4.0),)


def test_objects_of_one_name_are_told_apart_by_their_boxes_only() -> None:
    one, other = {**SOFA, "box": [1, 2, 3, 4]}, {**SOFA, "box": [5, 6, 7, 8]}
    reply = read(objects=[one, other, one])
    assert reply.mentions == (THE_SOFA, THE_SOFA)
    assert reply.boxes == ((1.0, 2.0, 3.0, 4.0), (5.0, 6.0, 7.0, 8.0))


def test_there_are_no_more_boxes_than_objects() -> None:
    many = [{**SOFA, "name": f"sofa {n}", "box": [n, n, 40, 40]} for n in range(MAX_OBJECTS + 3)]
    reply = read(objects=many)
    assert len(reply.mentions) == len(reply.boxes) == MAX_OBJECTS


# Free text


def test_free_text_is_one_line_without_markup() -> None:
    text = " A <b>room</b>\n#3: {x}\x1b[31m red\u202e sofa\ufeff "
    assert clean_text(text) == "A b room /b 3: x red sofa"
    assert clean_text(None) == clean_text(3) == ""


def test_a_long_text_is_cut_between_words_and_a_long_word_anywhere() -> None:
    whole = "a " * (MAX_OBSERVATION // 2 - 1) + "ab"
    assert len(whole) == MAX_OBSERVATION
    assert clean_text(whole) == whole
    assert clean_text(f"{whole}c") == whole[: -len(" ab")] + " …"
    assert clean_text("x" * (MAX_OBSERVATION + 1)) == "x" * MAX_OBSERVATION + " …"


def test_what_was_watched_for_joins_the_observation_if_it_can_be_read() -> None:
    watch = [
        {"item": "doors", "seen": "one is open..."},
        {"item": "fire", "seen": ""},
        {"item": "", "seen": "something"},
        {"item": "exit", "seen": "左边有一张红色的沙发"},
        {"item": "cat", "seen": "Das Sofa ist links und die Tür steht rechts von der Wand"},
        "smoke",
        {"item": "keys", "seen": "below the sign X"},
    ]
    reply = read(watch=watch)
    assert reply.observation == "A room. doors: one is open. keys: below the sign X."
    assert read(watch={"item": "doors", "seen": "one"}).observation == "A room."
    assert read(watch=watch[:1], observation="").observation == "doors: one is open."


# Where the reply stands in the text


def test_only_the_beginning_of_an_endless_text_is_read() -> None:
    reply = json.dumps({"objects": [SOFA]})
    assert parse_full(" " * (20_000 - len(reply)) + reply).mentions == (THE_SOFA,)
    with pytest.raises(ReplyError):
        parse_full(" " * 20_000 + reply)


def test_all_thoughts_end_with_the_first_closing_tag() -> None:
    reply = json.dumps({"objects": [SOFA]})
    thought = json.dumps({"objects": [LAMP]})
    assert parse_full(f"{thought}\n</think>\n{reply}</think>").mentions == (THE_SOFA,)


def test_braces_and_quotes_in_texts_do_not_end_the_object() -> None:
    for observation in ('a "}" sign', "a \\", 'a "{" and "[" \\" sign', "it's {here}", '"'):
        text = f"So {{it}} is: {json.dumps({'observation': observation, 'objects': [SOFA]})}"
        reply = parse_full(text)
        assert reply.mentions == (THE_SOFA,), text
        assert not reply.repaired


def test_an_empty_key_is_a_text_as_well() -> None:
    assert parse_full(json.dumps({"": "}", "objects": [SOFA]})).mentions == (THE_SOFA,)


def test_a_stray_quotation_mark_hides_nothing_after_it() -> None:
    reply = json.dumps({"objects": [SOFA]})
    assert parse_full(f'{{a 5" pipe}} and {reply}').mentions == (THE_SOFA,)
    assert parse_full(f'a 5" pipe {reply}').mentions == (THE_SOFA,)


def test_an_object_within_another_is_not_taken_for_it() -> None:
    with pytest.raises(ReplyError):
        parse_full(json.dumps({"reply": {"objects": [SOFA]}}))


# A reply that was cut off

CUT = json.dumps(
    {
        "action": "move forward",
        "objects": [SOFA, LAMP],
        "observation": 'A 5" pipe ], a "red" lamp {and} a [door], \\ and so on.',
        "watch": [{"item": "doors", "seen": "one"}],
    }
)


def test_of_a_reply_cut_anywhere_the_complete_objects_are_kept() -> None:
    sofa_ends, lamp_ends = CUT.index("}") + 1, CUT.index("}", CUT.index("lamp")) + 1
    for end in range(1, len(CUT)):
        try:
            reply = parse_full(f"Here it is: {CUT[:end]}")
        except ReplyError:
            assert end < sofa_ends
            continue
        kept = (THE_SOFA, THE_LAMP) if end >= lamp_ends else (THE_SOFA,)
        assert reply.mentions == kept, CUT[:end]
        assert reply.repaired
        assert reply.action is Action.MOVE_FORWARD


def test_of_a_reply_cut_after_its_observation_that_is_kept_too() -> None:
    watch = CUT.index(', "watch"')
    whole = 'A 5" pipe ], a "red" lamp and a [door], \\ and so on.'
    for end in (watch + 1, watch + 12, CUT.index('{"item"') + 3):
        assert parse_full(CUT[:end]).observation == whole, CUT[:end]
    assert parse_full(CUT[: watch - 3]).observation == ""
    assert parse_full(CUT[:-1]).observation == f"{whole} doors: one."


def test_of_a_reply_cut_after_an_empty_key_all_before_the_cut_is_kept() -> None:
    text = json.dumps({"": 1, "objects": [SOFA], "observation": "A room."})
    assert parse_full(text[:-6]).mentions == (THE_SOFA,)


def test_of_a_reply_cut_after_a_fault_all_before_the_fault_is_kept() -> None:
    text = json.dumps({"objects": [SOFA, {"name": "FAULT"}, LAMP]}).replace('"FAULT"', "lamp")
    assert parse_full(text[:-6]).mentions == (THE_SOFA,)


def test_a_reply_cut_within_a_long_list_keeps_all_before_the_cut() -> None:
    objects = [{**SOFA, "name": f"sofa {n}"} for n in range(8)]
    text = json.dumps({"objects": objects, "note": [[n] for n in range(60)]})
    reply = parse_full(text[: text.index("[50]")])
    assert len(reply.mentions) == 8
    assert reply.repaired


@pytest.mark.parametrize("text", ['{"objects": [}', '{"objects": []]', '{"objects": [1, ', "{]"])
def test_brackets_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(ReplyError):
        parse_full(text)


@pytest.mark.parametrize(("levels", "is_read"), [(18, True), (19, False)])
def test_only_so_many_levels_of_brackets_are_read(levels: int, is_read: bool) -> None:
    note, sign = "[" * levels + "]" * levels, "X" * 30
    for text in (
        f'{{"objects": [], "observation": "{sign}", "note": [{note}]}}',
        f'{{"objects": [], "observation": "{sign}", "note": [{note}], "watch": [',
    ):
        if is_read:
            assert parse_full(text).observation == sign
        else:
            with pytest.raises(ReplyError):
                parse_full(text)
