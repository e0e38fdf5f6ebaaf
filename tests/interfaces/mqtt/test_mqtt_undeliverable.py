"""Answers that can't be delivered, and what they must not hold up."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from embodied_agent.errors import LinkError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.faults import Unacknowledged
from embodied_agent.interfaces.mqtt.messages import answer_payload
from embodied_agent.interfaces.mqtt.packets import Outgoing
from embodied_agent.memory.outbox import Address, Request
from embodied_agent.memory.store import Store
from embodied_agent.records import Answer, Question
from embodied_agent.settings import MemorySettings
from tests.support.hostile_broker import censor
from tests.support.mqtt import Echo, Peer, broker_in, running, settings_for, until

_OPEN = "allow_anonymous true"
ANSWERS = "embodied_agent/r1/answer/#"
#: More levels than Mosquitto allows, and a character that it takes for a malformed packet.
HANGS_UP = ("/".join("a" * 202), "mine/a\u0085b")
OTHERS = {f"q{n}": f"tag {n}" for n in range(10)}


def waiting_in(memory: Path, topics: tuple[str, ...]) -> None:
    """A memory file in which an answer waits for each topic, as an earlier version may have left
    them: requests with such topics are refused by now."""
    with Store.open(str(memory), MemorySettings()) as store:
        for number, topic in enumerate(topics):
            name = f"old{number}"
            body = f'{{"question": "tag {name}", "id": "{name}"}}'
            request = Request(name, name.encode(), body, "mqtt/", time.time())
            store.outbox.take([(request, Address(topic))])
            answer = Answer(f"tag {name}", question_id=name)
            assert store.outbox.answer(name, answer_payload(Question(f"tag {name}"), answer))


def test_answers_that_cost_the_connection_are_set_aside_and_hold_up_no_others(
    tmp_path: Path,
) -> None:
    memory = tmp_path / "m.db"
    waiting_in(memory, HANGS_UP * 2)
    with (
        broker_in(tmp_path / "b") as broker,
        Peer(broker.port, ANSWERS) as peer,
        running(settings_for(broker.port, memory)) as (service, agent),
    ):
        for name, text in OTHERS.items():
            peer.ask(text, id=name)
        answers = {g.json["id"]: g.json["text"] for g in peer.wait(10, "answer")}
        until(lambda: service.status().set_aside == 4)
        told = {g.json["id"]: g.json["error"] for g in peer.wait(4, "error")}
        until(lambda: agent.store.outbox.counts().due == 0)
        # Two losses for each at most, and one for all of them together.
        connections = service.status().connections
        assert "cost the connection to the broker again" in service.status().last_undeliverable
        until(lambda: service.status().state == "connected" and not service.status().last_error)
        peer.ask("tag after", id="after")
        peer.wait(11, "answer")
        assert service.status().connections <= max(connections, 9)
    assert answers == OTHERS
    assert set(told) == {"old0", "old1", "old2", "old3"}
    assert {error["code"] for error in told.values()} == {"undeliverable"}


@pytest.mark.parametrize("limit", ["max_packet_size 4096", "message_size_limit 4096"])
def test_an_answer_that_is_too_large_for_the_broker_costs_no_connection_and_is_told(
    tmp_path: Path, limit: str
) -> None:
    with (
        broker_in(tmp_path / "b", config=(_OPEN, limit)) as broker,
        Peer(broker.port, "mine", "embodied_agent/r1/status") as peer,
        running(settings_for(broker.port), Echo(pieces=2000)) as (service, _),
    ):
        peer.ask("tag large", id="large", ResponseTopic="mine", CorrelationData=b"7")
        (error,) = peer.wait(1, "error")
        assert service.status().connections == 1
        assert service.status().undeliverable == 1
        assert [g.json["state"] for g in peer.wait(1, "status")] == ["online"]
    assert (error.topic, error.correlation, error.json["id"]) == ("mine", b"7", "large")
    assert error.json["error"]["code"] == "undeliverable"
    assert "bytes, " in error.json["error"]["message"]


@pytest.mark.parametrize(
    ("config", "listener", "advice"),
    [
        ((), ("max_qos 0",), "need QoS 1"),
        (("retain_available false",), (), "is a retained message"),
    ],
)
def test_a_broker_that_lacks_what_is_needed_is_told_apart(
    tmp_path: Path, config: tuple[str, ...], listener: tuple[str, ...], advice: str
) -> None:
    with (
        broker_in(tmp_path / "b", config=(_OPEN, *config), listener=listener) as broker,
        running(settings_for(broker.port), connect=False, views=0) as (service, _),
    ):
        until(lambda: advice in service.status().last_error)


#: What a PUBLISH packet holds of the topic mine/forbidden.
FORBIDDEN = b"\x00\x0emine/forbidden"


def test_a_broker_that_hangs_up_without_a_word_gets_what_it_does_not_like_twice_alone(
    tmp_path: Path,
) -> None:
    hits: list[bytes] = []
    with (
        broker_in(tmp_path / "b") as broker,
        censor(broker.port, FORBIDDEN, hits) as port,
        Peer(broker.port, ANSWERS, "mine/#") as peer,
        running(settings_for(port), Echo(pieces=3)) as (service, _),
    ):
        peer.ask("tag bad", id="bad", stream=True, ResponseTopic="mine/forbidden")
        peer.publish("embodied_agent/r1/ask", b"no JSON", ResponseTopic="mine/forbidden")
        for name, text in OTHERS.items():
            peer.ask(text, id=name, ResponseTopic="mine/other")
        until(lambda: service.status().set_aside == 2)
        answers = {g.json["id"]: g.json["text"] for g in peer.wait(10, "answer")}
        told = peer.wait(1, "error")
        assert service.error is None
    assert answers == OTHERS
    assert [(g.topic, g.json["error"]["code"]) for g in told] == [
        ("embodied_agent/r1/answer/bad", "undeliverable")
    ]
    # The answer and the refusal: once or twice with others (or pieces), and twice alone.
    assert len(hits) <= 2 + 4


@pytest.mark.parametrize("restarts", [1, 6])
def test_a_broker_that_restarts_whenever_an_answer_is_on_its_way_gets_it_in_the_end(
    tmp_path: Path, restarts: int
) -> None:
    hits: list[bytes] = []
    with (
        broker_in(tmp_path / "b") as broker,
        censor(broker.port, FORBIDDEN, hits, everyone=restarts) as port,
        Peer(broker.port, ANSWERS, "mine/#") as peer,
        running(settings_for(port)) as (service, _),
    ):
        peer.ask("tag good", id="good", ResponseTopic="mine/forbidden")
        for name, text in OTHERS.items():
            peer.ask(text, id=name)
        answers = {g.json["id"]: g.json["text"] for g in peer.wait(11, "answer")}
        assert (service.status().set_aside, service.status().undeliverable) == (0, 0)
    assert answers == {**OTHERS, "good": "tag good"}
    assert len(hits) == restarts


def test_without_a_witness_it_takes_four_hang_ups(tmp_path: Path) -> None:
    hits: list[bytes] = []
    with (
        broker_in(tmp_path / "b") as broker,
        censor(broker.port, b"-witness") as reached,
        censor(reached, FORBIDDEN, hits) as port,
        Peer(broker.port, ANSWERS, "mine/#") as peer,
        running(settings_for(port)) as (service, _),
    ):
        peer.ask("tag bad", id="bad", ResponseTopic="mine/forbidden")
        until(lambda: service.status().set_aside == 1)
        peer.ask("tag after", id="after")
        assert peer.wait(1, "answer")[0].json["id"] == "after"
    assert len(hits) == 4


@pytest.mark.parametrize(("reason", "counts"), [(0x8B, False), (0x98, False), (0x00, True)])
def test_a_broker_that_says_that_it_shuts_down_clears_what_was_on_its_way(
    reason: int, counts: bool
) -> None:
    async def main() -> tuple[bool, bool]:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(1000)
            writer.write(b"\x20\x03\x00\x00\x00")
            await reader.read(1000)
            writer.write(bytes([0xE0, 2, reason, 0]))
            await writer.drain()
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        settings = settings_for(server.sockets[0].getsockname()[1]).mqtt
        with contextlib.suppress(LinkError):
            async with Connection(
                settings, client_id="x", session_expiry_s=0, max_payload_bytes=100
            ) as connection:
                with pytest.raises(Unacknowledged):
                    await connection.send(Outgoing("t", b"x"))
        server.close()
        return connection.cleared, connection.hung_up

    assert asyncio.run(main()) == (not counts, counts)


def test_more_bad_deliveries_than_there_is_room_for_refusals_stop_nobody(tmp_path: Path) -> None:
    with (
        broker_in(tmp_path / "b") as broker,
        censor(broker.port, b"\x00\x11mine/forbidden") as port,
        Peer(broker.port, ANSWERS) as peer,
        running(settings_for(port)) as (service, _),
    ):
        for n in range(150):
            peer.publish("embodied_agent/r1/ask", b"no JSON", ResponseTopic=f"mine/forbidden{n:03}")
        for name, text in OTHERS.items():
            peer.ask(text, id=name)
        answers = {g.json["id"]: g.json["text"] for g in peer.wait(10, "answer")}
        assert service.status().refused >= 150
    assert answers == OTHERS
