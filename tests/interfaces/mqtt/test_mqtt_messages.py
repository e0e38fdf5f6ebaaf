"""Requests out of payloads, whatever those hold; whose turn they take."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.interfaces.mqtt.messages import Parsed, Refusal, operator_in, parse
from embodied_agent.interfaces.mqtt.packets import Incoming
from embodied_agent.interfaces.mqtt.topics import Topics

TOPICS = Topics("r1", allowed=("mine",))
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
        assert not TOPICS.objection(found.address.topic)
        assert found.stored.id == found.request.id != ""


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
    def client(operator: str = "", **more: object) -> str:
        topic = f"embodied_agent/r1/ask{operator}"
        payload = b'{"question": "where?", "id": "a"}'
        found = parse(Incoming(topic, payload, len(payload), False, **more), TOPICS, MOST)  # type: ignore[arg-type]
        assert isinstance(found, Parsed)
        return found.stored.client

    assert client(response_topic="mine") == "mqtt//mine"
    assert client(response_topic="mine", user=(("client", "alice/b"),)) == "mqtt//alice%2Fb"
    assert client(response_topic="embodied_agent/r1/answer/a") == client() == "mqtt/"
    assert client("/alice") == "mqtt/alice"
    assert client("/alice", user=(("client", "phone"),)) == "mqtt/alice/phone"
    assert operator_in("mqtt/alice/phone") == "alice"
    assert operator_in("mqtt//alice") == operator_in("mqtt alice") == ""


def test_properties_that_can_not_be_read_are_a_refusal_at_the_topic_of_the_id() -> None:
    found = parse(message(b'{"id": "a", "question": "where?"}', fault="U+FEFF"), TOPICS, MOST)
    assert isinstance(found, Refusal)
    assert (found.id, found.code) == ("a", "bad_request")
    assert found.address is not None
    assert found.address.topic == "embodied_agent/r1/answer/a"


def test_what_was_too_large_to_keep_is_refused_with_its_size() -> None:
    found = parse(
        Incoming("embodied_agent/r1/ask", None, 10_485_760, False, response_topic="mine"),
        TOPICS,
        MOST,
    )
    assert isinstance(found, Refusal)
    assert found.message == "the request has 10,485,760 bytes; at most 4,096 are read"
