"""Requests out of payloads, whatever those hold; topics that answers may go to."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.interfaces.mqtt.messages import Parsed, Refusal, Topics, parse
from embodied_agent.interfaces.mqtt.packets import Incoming

TOPICS = Topics("r1")
MOST = 4096

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
fields = st.sampled_from(["id", "question", "choices", "timeout_s", "at_ns", "stream", "other"])
payloads = st.one_of(
    st.binary(max_size=200),
    st.dictionaries(fields, values, max_size=7).map(lambda body: json.dumps(body).encode()),
)


def message(payload: bytes | None, **more: object) -> Incoming:
    return Incoming("embodied_agent/r1/ask", payload, len(payload or b""), False, **more)  # type: ignore[arg-type]


@given(
    payload=payloads,
    response=st.none() | st.text(max_size=50),
    correlation=st.binary(max_size=50),
    user=st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=3),
)
def test_any_message_is_a_request_or_refused_with_a_reason(
    payload: bytes, response: str | None, correlation: bytes, user: list[tuple[str, str]]
) -> None:
    incoming = message(payload, response_topic=response, correlation=correlation, user=tuple(user))
    found = parse(incoming, TOPICS, MOST)
    if isinstance(found, Refusal):
        reply = json.loads(found.payload())
        assert reply["type"] == "error"
        assert reply["error"]["message"]
    else:
        assert isinstance(found, Parsed)
        assert TOPICS.usable(found.address.topic)
        assert found.stored.id == found.request.id != ""


@given(topic=st.text(max_size=60))
def test_answers_never_go_to_wildcards_the_broker_or_another_robot(topic: str) -> None:
    if TOPICS.usable(topic):
        assert topic
        assert not set("+#\0") & set(topic)
        assert not topic.startswith("$")
        inside = topic.split("/")[0] == "embodied_agent"
        assert not inside or topic.startswith("embodied_agent/r1/answer/")


@pytest.mark.parametrize(
    ("topic", "usable"),
    [
        ("mine", True),
        ("reply/alice/7", True),
        ("embodied_agent/r1/answer/x", True),
        ("embodied_agent_not/r1", True),
        ("", False),
        ("a/+/b", False),
        ("a/#", False),
        ("$SYS/broker", False),
        ("embodied_agent/r1/status", False),
        ("embodied_agent/r2/answer/x", False),
        ("x" * 2000, False),
    ],
)
def test_where_answers_may_go(topic: str, usable: bool) -> None:
    assert TOPICS.usable(topic) is usable


def test_the_same_question_has_the_same_digest_whatever_else_differs() -> None:
    def stored(body: dict[str, object]) -> bytes:
        found = parse(message(json.dumps(body).encode()), TOPICS, MOST)
        assert isinstance(found, Parsed)
        return found.stored.digest

    one = stored({"question": "where?", "id": "a", "timeout_s": 3})
    assert one == stored({"question": "where?", "id": "b", "stream": True})
    assert one != stored({"question": "where?", "id": "a", "at_ns": 5})
    assert one != stored({"question": "where?", "id": "a", "choices": ["x"]})


def test_whose_turn_a_request_takes() -> None:
    def client(**more: object) -> str:
        found = parse(message(b'{"question": "where?", "id": "a"}', **more), TOPICS, MOST)
        assert isinstance(found, Parsed)
        return found.stored.client

    assert client(response_topic="mine") == "mqtt mine"
    assert client(response_topic="mine", user=(("client", "alice"),)) == "mqtt alice"
    assert client(response_topic="embodied_agent/r1/answer/a") == client()


def test_what_was_too_large_to_keep_is_refused_with_its_size() -> None:
    found = parse(
        Incoming("embodied_agent/r1/ask", None, 10_485_760, False, response_topic="mine"),
        TOPICS,
        MOST,
    )
    assert isinstance(found, Refusal)
    assert found.message == "the request has 10,485,760 bytes; at most 4,096 are read"
