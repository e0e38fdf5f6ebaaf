"""Where answers may go, and whose a request is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from embodied_agent.errors import SettingsError
from embodied_agent.interfaces.mqtt.topics import MOST_TOPIC_BYTES, MOST_TOPIC_LEVELS, Topics
from embodied_agent.settings import load_settings

ROBOT = Topics("r1")
ALLOWING = Topics("r1", allowed=("mine", "reply/"))
OWN = "embodied_agent/r1/answer/"

topics = st.text(max_size=60) | st.sampled_from(
    ["", OWN, "reply/", "mine", "embodied_agent/r2/answer/"]
).flatmap(lambda start: st.text(max_size=20).map(lambda end: start + end))


@given(topic=topics)
def test_answers_go_to_the_inbox_and_to_what_is_allowed_and_nowhere_else(topic: str) -> None:
    if not ROBOT.objection(topic):
        assert topic.startswith(OWN)
    if not ALLOWING.objection(topic):
        assert topic.startswith((OWN, "reply/")) or topic == "mine"
        assert not set("+#\0") & set(topic)


@pytest.mark.parametrize(
    ("topic", "allowed"),
    [
        (f"{OWN}x", True),
        (f"{OWN}alice/x", True),
        ("mine", True),
        ("reply/alice/7", True),
        ("mine/too", False),
        ("reply", False),
        ("cmd_vel", False),
        ("homeassistant/light/set", False),
        (OWN, False),
        ("", False),
        ("reply/+/b", False),
        ("reply/#", False),
        ("$SYS/broker", False),
        ("embodied_agent/r1/status", False),
        ("embodied_agent/r1/ask", False),
        ("embodied_agent/r2/answer/x", False),
    ],
)
def test_where_answers_may_go(topic: str, allowed: bool) -> None:
    assert (ALLOWING.objection(topic) == "") is allowed


def test_an_operator_has_an_inbox_and_can_not_use_that_of_another() -> None:
    assert ROBOT.answer("q", "alice") == f"{OWN}alice/q"
    assert not ROBOT.objection(f"{OWN}alice/q", "alice")
    assert "below embodied_agent/r1/answer/alice/" in ROBOT.objection(f"{OWN}bob/q", "alice")
    assert ROBOT.objection(f"{OWN}q", "alice")


@pytest.mark.parametrize(
    "topic",
    [
        "reply/" + "x" * MOST_TOPIC_BYTES,
        "reply/" + "é" * (MOST_TOPIC_BYTES // 2),
        "reply/" + "/".join("x" * MOST_TOPIC_LEVELS),
        *(
            f"reply/a{character}b"
            for character in "\x00\x07\x1f\x7f\x85\ufdd0\ufeff\uffff\U0001fffe"
        ),
        "reply/\ud800",
    ],
)
def test_topics_that_brokers_hang_up_on_are_refused(topic: str) -> None:
    assert "response topic has" in ALLOWING.objection(topic)


def test_a_topic_at_the_limits_is_allowed() -> None:
    assert not ALLOWING.objection("reply/" + "x" * (MOST_TOPIC_BYTES - 6))
    assert not ALLOWING.objection("reply/" + "/".join("x" * (MOST_TOPIC_LEVELS - 1)))


@pytest.mark.parametrize(
    ("topic", "operator"),
    [
        ("embodied_agent/r1/ask", ""),
        ("embodied_agent/r1/ask/", ""),
        ("embodied_agent/r1/ask/alice", "alice"),
        ("embodied_agent/r1/ask/alice/b", ""),
        ("embodied_agent/r1/ask/" + "x" * 129, ""),
        ("embodied_agent/r1/ask/a\x07", ""),
        ("elsewhere", ""),
    ],
)
def test_whose_a_request_is(topic: str, operator: str) -> None:
    assert ROBOT.operator_of(topic) == operator
    if operator:
        assert ROBOT.ask_of(operator) == topic


@pytest.mark.parametrize("place", ["", "/", "#", "a/#", "a/+/b", "$SYS/a", "x" * 300])
def test_a_place_that_no_answer_can_go_to_is_refused_as_a_setting(place: str) -> None:
    with pytest.raises((SettingsError, ValidationError)):
        load_settings(mqtt__response_topics=(place,))
