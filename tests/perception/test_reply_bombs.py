"""Replies that would break a parser, or keep it busy: each is read or refused, at once."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.errors import ReplyError
from embodied_agent.perception.loose_json import loads
from embodied_agent.perception.replies import parse_full
from embodied_agent.records import Action, Mention
from tests.support.replies import BOMBS, GOOD, check_vocabulary


@pytest.mark.timeout(20)
@pytest.mark.parametrize("reply", BOMBS.values(), ids=BOMBS)
def test_a_bomb_is_read_or_refused(reply: str) -> None:
    for text in (reply, f"```json\n{reply}\n```", f"{reply}\n{GOOD}"):
        try:
            check_vocabulary(parse_full(text))
        except ReplyError:
            continue


def test_a_good_object_after_a_bomb_is_found() -> None:
    read = parse_full("{objects: !!bool maybe} " + GOOD)
    assert read.action is Action.ROTATE_LEFT
    assert read.mentions == (Mention("red sofa", "front-left", "near"),)


@pytest.mark.timeout(60)
def test_damaged_replies_are_read_or_refused() -> None:
    rng = random.Random(16)
    signs = "{}[]\"'`:,<>&*!|%@#\\\n\t 0aé\ud800\x00-~?"
    for _ in range(3_000):
        text = list(rng.choice((GOOD, repr(json.loads(GOOD)), *BOMBS.values()))[:400])
        for _ in range(rng.randrange(1, 12)):
            at = rng.randrange(len(text) + 1)
            if rng.random() < 0.5:
                text.insert(at, rng.choice(signs))
            elif text:
                del text[at : at + rng.randrange(1, 6)]
        try:
            check_vocabulary(parse_full("".join(text)))
        except ReplyError:
            continue


@given(st.text("{}[]'\":,\\ \nab1", max_size=200))
def test_loose_json_gives_a_value_or_a_value_error(text: str) -> None:
    try:
        loads(text)
    except ValueError:
        return


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


@given(values)
def test_json_is_loose_json(value: object) -> None:
    assert loads(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{'a': 'it''s', b: None, c: [1, x y,], }", {"a": "it's", "b": None, "c": [1.0, "x y"]}),
        ("{a: 'say \"so\"', b: , c: True}", {"a": 'say "so"', "b": None, "c": True}),
        (
            "{name: red sofa, direction: front-left}",
            {"name": "red sofa", "direction": "front-left"},
        ),
    ],
)
def test_what_models_write_is_read(text: str, value: object) -> None:
    assert loads(text) == value
