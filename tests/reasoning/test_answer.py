"""Reading a reasoner's reply: reasoning, answer, choice and the keyframes it cites."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import ParsedAnswer, parse_answer

CHOICES = ("left", "right")
THOUGHTS = [
    pytest.param("<think>It was left.</think><answer>left</answer>", id="both tags"),
    pytest.param("It was left.</think><answer>left</answer>", id="opening tag in the prompt"),
    pytest.param("It was left.\n<answer>left</answer>", id="no tags"),
    pytest.param("<think>It was left.\n<answer>left</answer>", id="never closed"),
]


@pytest.mark.parametrize("reply", THOUGHTS)
def test_reasoning_is_found_with_or_without_its_tags(reply: str) -> None:
    assert parse_answer(reply, CHOICES) == ParsedAnswer("It was left.", "left", "A", ())


def test_what_was_thought_in_several_parts_is_one_reasoning() -> None:
    reply = "<think>Left.</think><think>No, right.</think><answer>B</answer>"
    assert parse_answer(reply, CHOICES).reasoning == "Left.No, right."


def test_an_answer_tried_out_in_the_reasoning_is_not_the_answer() -> None:
    reply = "<think>Is it <answer>B</answer>? No.</think><answer>A</answer>"
    assert parse_answer(reply, CHOICES).choice == "A"
    with pytest.raises(ReplyError, match="no <answer>"):
        parse_answer("Is it <answer>B</answer>? Perhaps.</think>I don't know", CHOICES)


def test_of_several_answers_the_last_one_counts() -> None:
    parsed = parse_answer("A?<answer>A</answer> Rather B:<answer>B</answer>", CHOICES)
    assert parsed.choice == "B"
    assert parsed.reasoning == "A?<answer>A</answer> Rather B:"


def test_the_letter_is_read_inside_answer_only() -> None:
    reply = "<think>plan B. is wrong, so C. no</think><answer>A</answer>"
    assert parse_answer(reply, ("x", "y", "z")).choice == "A"


@pytest.mark.parametrize(
    "said",
    ["B", "b", "(b)", "B)", "B.", "B. left", "b: left", "B - left", "B – it is", "left", " LEFT ",
     "\nB\n"],
)  # fmt: skip
def test_a_choice_is_a_letter_or_its_text(said: str) -> None:
    parsed = parse_answer(f"<answer>{said}</answer>", ("right", "left"))
    assert (parsed.choice, parsed.text) == ("B", "left")


def test_the_text_of_a_choice_goes_before_its_letter() -> None:
    assert parse_answer("<answer>A</answer>", ("B", "A")).choice == "B"


@pytest.mark.parametrize("said", ["", "  \n ", "C", "E", "maybe left", "A or B", "Because", "-A"])
def test_anything_else_is_no_answer_and_the_error_holds_the_reply(said: str) -> None:
    reply = f"<think>A</think><answer>{said}</answer>"
    with pytest.raises(ReplyError) as raised:
        parse_answer(reply, ("right", "left"))
    assert raised.value.reply == reply


def test_the_error_names_the_letters_that_there_are() -> None:
    with pytest.raises(ReplyError, match="'D' is not one of the choices ABC"):
        parse_answer("<answer>D</answer>", ("x", "y", "z"))


def test_an_answer_without_choices_is_its_text_on_one_line() -> None:
    reply = "<think>#3</think><answer>\n It is\n  to my left. </answer>"
    assert parse_answer(reply, ()) == ParsedAnswer("#3", "It is to my left.", None, (3,))


def test_the_keyframes_that_the_reasoning_names_are_cited_once_in_its_order() -> None:
    reply = "<think>#12 shows it, #3 and #12 too; a #tag, #7b.</think><answer>#5</answer>"
    assert parse_answer(reply, ()).cited == (12, 3)


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=9), max_size=4))
def test_no_reply_breaks_the_reader(reply: str, choices: list[str]) -> None:
    try:
        parsed = parse_answer(reply, choices)
    except ReplyError:
        return
    assert parsed.choice is None or parsed.text in choices
