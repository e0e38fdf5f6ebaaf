"""What reasoning models send, as the reasoner's text."""

from __future__ import annotations

import pytest

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.settings import load_settings
from tests.reasoning.test_answer import THOUGHTS
from tests.support.served import MODEL, chunk, faulty, says, streams

PROMPT = Prompt("", "#0 start: red sofa left near.\n", "Question: where?", ("left", "right"))


def replied(*behaviours, **more: object) -> tuple[str, dict]:
    with faulty(*behaviours) as server:
        values = {f"reasoning__{name}": value for name, value in more.items()}
        reasoner = ServedReasoner(
            load_settings(
                reasoning__server__base_url=server.url, reasoning__server__model=MODEL, **values
            ).reasoning
        )
        try:
            return "".join(reasoner.stream(PROMPT, timeout_s=60)), server.requests[0]
        finally:
            reasoner.close()


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_in_a_field_of_its_own_gets_tags(field: str) -> None:
    behaviour = streams(
        chunk(**{field: "It was "}),
        chunk(**{field: "left."}),
        chunk(content="<answer>"),
        chunk(content="A</answer>"),
        chunk(finish="stop"),
    )
    reply, _ = replied(behaviour)
    assert reply == "<think>It was left.</think><answer>A</answer>"


@pytest.mark.parametrize("reply", [param.values[0] for param in THOUGHTS])
def test_inline_reasoning_passes_as_it_is(reply: str) -> None:
    text, _ = replied(says(reply[:9], reply[9:]))
    assert parse_answer(text, ("left", "right")).reasoning == "It was left."


def test_a_reply_cut_at_its_longest_length_says_so_and_names_the_setting() -> None:
    cut = streams(chunk(content="<think>It was"), chunk(finish="length"))
    with pytest.raises(ReplyError, match=r"limit of 99 tokens.*max_tokens"):
        replied(cut, max_tokens=99)


def test_a_reply_cut_after_its_answer_is_an_answer() -> None:
    cut = streams(chunk(content="Left. <answer>A</answer> Besides"), chunk(finish="length"))
    text, _ = replied(cut)
    assert parse_answer(text, ("left", "right")).choice == "A"


def test_a_model_that_goes_on_after_its_answer_is_stopped() -> None:
    endless = [chunk(content=f"more {n} ") for n in range(200)]
    behaviour = streams(
        chunk(content="<think>Left.</think><answer>A</answer>"), *endless, chunk(finish="stop")
    )
    text, _ = replied(behaviour)
    assert text == "<think>Left.</think><answer>A</answer>"


def test_temperature_and_seed_go_to_the_server() -> None:
    _, request = replied(says("<answer>A</answer>"), temperature=0.4, seed=7)
    assert (request["temperature"], request["seed"]) == (0.4, 7)


def test_no_seed_is_sent_unless_one_is_set() -> None:
    _, request = replied(says("<answer>A</answer>"))
    assert "seed" not in request
