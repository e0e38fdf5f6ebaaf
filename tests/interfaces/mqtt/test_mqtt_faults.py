"""What goes wrong between a robot and its broker: kills on both sides, refusals, hostile input."""

from __future__ import annotations

import itertools
import json
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.mqtt import (
    WAIT_S,
    Broker,
    Echo,
    Got,
    Peer,
    broker_in,
    free_port,
    program,
    running,
    settings_for,
    until,
)
from tests.support.mqtt_process import Process, fuzzed

ANSWERS = "embodied_agent/r1/answer/#"
KILLS = 20
REQUESTS = 200


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path / "durable", durable=True) as started:
        yield started


@pytest.mark.timeout(900)
def test_each_request_is_answered_once_though_the_broker_is_killed_twenty_times(
    durable: Broker, tmp_path: Path
) -> None:
    echo = Echo()
    settings = settings_for(durable.port, tmp_path / "memory.db")
    with (
        running(settings, echo) as (service, _),
        Peer(durable.port, ANSWERS, client_id="asker", session_expiry_s=600) as peer,
    ):
        wanted = {f"q{n}": f"tag {n}" for n in range(REQUESTS)}
        asked = iter(wanted.items())

        waiting = set(wanted)
        read = 0

        def open_ids() -> set[str]:
            nonlocal read
            new = peer.got[read:]
            read += len(new)
            waiting.difference_update(got.json["id"] for got in new)
            return waiting

        for number in range(KILLS):
            for name, text in itertools.islice(asked, REQUESTS // KILLS):
                peer.ask(text, id=name)
            # Anywhere between the first of them being taken and the last being answered.
            until(lambda connections=number: service.status().connections > connections)
            time.sleep(random.random() * 0.05)
            durable.kill()
            durable.start()
        pace_s = 1.0
        while left := open_ids():
            # A broker that is killed may forget what it had taken: whoever asks repeats it, less
            # and less often, so that a slow machine is not kept busy with repetitions.
            for name in sorted(left):
                peer.ask(wanted[name], id=name)
            given_up = time.monotonic() + pace_s
            while time.monotonic() < given_up and open_ids():
                time.sleep(0.05)
            pace_s *= 2
            assert service.error is None
    answers: dict[str, set[bytes]] = {name: set() for name in wanted}
    for got in peer.got:
        answers[got.json["id"]].add(got.payload)
    assert Counter(echo.asked) == Counter(wanted.values())
    assert {len(found) for found in answers.values()} == {1}
    assert all(json.loads(*found)["text"] == wanted[n] for n, found in answers.items())
    assert service.status().connections > KILLS
    assert service.status().set_aside == 0


def test_a_question_survives_kill_9_of_the_agent(broker: Broker, tmp_path: Path) -> None:
    with Peer(broker.port, "mine", ANSWERS, "embodied_agent/r1/status") as peer:
        first = Process(broker.port, tmp_path / "m.db", held=True)
        peer.ask("tag one", id="a", ResponseTopic="mine", CorrelationData=b"7")
        first.wait("asked tag one")
        first.kill()
        until(lambda: [g for g in peer.got if g.json.get("reason") == "connection lost"])
        second = Process(broker.port, tmp_path / "m.db", held=False)
        (got,) = peer.wait(1, "answer")
        second.say("stop")
        second.end()
    assert (got.topic, got.correlation) == ("mine", b"7")
    assert got.json["text"] == "tag one"


def test_an_answer_that_could_not_be_sent_survives_kill_9_and_comes_once(
    durable: Broker, tmp_path: Path
) -> None:
    with Peer(durable.port, ANSWERS, client_id="asker", session_expiry_s=600) as peer:
        first = Process(durable.port, tmp_path / "m.db", held=True)
        peer.ask("tag one", id="a")
        first.wait("asked tag one")
        durable.kill()
        first.say("answer")
        until(lambda: _due(tmp_path / "m.db") == 1)
        first.kill()
        durable.start()
        second = Process(durable.port, tmp_path / "m.db", held=False)
        (got,) = peer.wait(1, "answer")
        # The id is remembered across the restart, too.
        peer.ask("tag one", id="a")
        again = peer.wait(2, "answer")[1]
        second.say("stop")
        second.end()
    assert got.json["text"] == "tag one"
    assert got.payload == again.payload
    assert "asked tag one" not in second.lines


def _due(memory: Path) -> int:
    from embodied_agent.memory.store import Store
    from embodied_agent.settings import MemorySettings

    with Store.open(str(memory), MemorySettings(), read_only=True) as store:
        return store.outbox.counts().due


def test_the_broker_keeps_questions_while_the_agent_is_away(broker: Broker, tmp_path: Path) -> None:
    settings = settings_for(broker.port, tmp_path / "m.db")
    with running(settings):
        pass
    with Peer(broker.port, ANSWERS) as peer:
        peer.code(peer.ask("tag one", id="a"))
        with running(settings):
            (got,) = peer.wait(1, "answer")
    assert got.json["text"] == "tag one"


def test_a_request_that_expired_at_the_broker_is_not_asked(broker: Broker) -> None:
    echo = Echo()
    with running(settings_for(broker.port)):
        pass
    with Peer(broker.port, ANSWERS) as peer:
        peer.code(peer.ask("tag old", id="a", MessageExpiryInterval=1))
        time.sleep(2.1)  # the broker counts whole seconds
        with running(settings_for(broker.port), echo):
            peer.ask("tag new", id="b")
            peer.wait(1, "answer")
    assert echo.asked == ["tag new"]


def test_the_service_starts_without_a_broker_and_finds_it_later(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    try:
        with running(settings_for(broker.port), connect=False) as (service, _):
            until(lambda: "is it running" in service.status().last_error)
            broker.start()
            service.connected()
    finally:
        broker.stop()


def test_it_stops_at_once_while_the_broker_is_away() -> None:
    settings = settings_for(free_port(), retry_s=600, retry_max_s=3600)
    with running(settings, connect=False) as (service, _):
        until(lambda: service.status().state == "waiting")
    assert service.status().state == "stopped"


def test_two_agents_with_one_name_are_told(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    with running(settings_for(broker.port)), running(settings_for(broker.port)):
        # Newer brokers say why they hang up, Mosquitto 2.0.11 does not.
        until(lambda: "have the same mqtt.robot" in caplog.text)


def test_deltas_wait_in_a_bounded_backlog_while_the_broker_is_away(tmp_path: Path) -> None:
    broker = Broker(tmp_path)
    settings = settings_for(broker.port, delta_backlog=2)
    try:
        with running(settings, views=0, connect=False) as (service, agent):
            from tests.support.mqtt import frames

            until(lambda: service.status().state in ("connecting", "waiting"))
            for frame in frames(60):
                agent.observe(frame)
            agent.finish()
            assert agent.drain(WAIT_S)
            ids = [delta.keyframe_id for delta in agent.store.deltas()]
            until(lambda: service.status().deltas_dropped == len(ids) - 2)
            broker.start()
            with Peer(broker.port, "embodied_agent/r1/delta") as peer:
                until(lambda: service.status().deltas_waiting == 0)
                until(lambda: service.status().state == "connected")
                assert len(peer.got) <= 2
    finally:
        broker.stop()


#: Bodies that are wrong in one way each, with the code that they are refused with.
WRONG: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "bad_request"),
    "no JSON": (b"Where is the door?", "bad_request"),
    "half of it": (b'{"question": "tag', "bad_request"),
    "binary": (bytes(range(256)), "bad_request"),
    "a list": (b'["tag one"]', "bad_request"),
    "null": (b"null", "bad_request"),
    "no question": (b'{"id": "a"}', "bad_request"),
    "an empty question": (b'{"question": ""}', "bad_request"),
    "a blank question": (b'{"question": "  "}', "bad_question"),
    "an unknown field": (b'{"question": "tag one", "verbose": true}', "bad_request"),
    "a number": (b'{"question": 7}', "bad_request"),
    "a time-out in words": (b'{"question": "tag", "timeout_s": "30"}', "bad_request"),
    "no time": (b'{"question": "tag", "timeout_s": 0}', "bad_request"),
    "endless time": (b'{"question": "tag", "timeout_s": Infinity}', "bad_request"),
    "choices in one": (b'{"question": "tag", "choices": "a|b"}', "bad_request"),
    "equal choices": (b'{"question": "tag", "choices": ["a", "A"]}', "bad_question"),
    "a stamp too large": (b'{"question": "tag", "at_ns": 99999999999999999999}', "bad_request"),
    "an id with a slash": (b'{"question": "tag", "id": "a/b"}', "bad_request"),
    "lone surrogate": (b'{"question": "tag \\ud800"}', "bad_request"),
    "deep": (b"[" * 50_000, "bad_request"),
    "a long question": (json.dumps({"question": "x" * 5000}).encode(), "bad_request"),
    "64 KiB and more": (b" " * 65_537, "too_large"),
    "10 MB": (b"x" * 10_485_760, "too_large"),
}


def test_what_can_not_be_asked_is_refused_with_the_reason(broker: Broker) -> None:
    with running(settings_for(broker.port)) as (service, _), Peer(broker.port, "mine") as peer:
        for name, (body, _) in WRONG.items():
            peer.publish(
                "embodied_agent/r1/ask", body, ResponseTopic="mine", CorrelationData=name.encode()
            )
        got = {g.correlation.decode(): g.json for g in peer.wait(len(WRONG))}
        assert service.status().refused == len(WRONG)
    assert {name: got[name]["error"]["code"] for name in WRONG} == {
        name: code for name, (_, code) in WRONG.items()
    }
    assert all(got[name]["error"]["message"] for name in WRONG)
    assert "Traceback" not in json.dumps(got)
    assert "10,485,760 bytes" in got["10 MB"]["error"]["message"]


def test_a_refusal_goes_to_the_topic_of_the_id_if_there_is_one(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, ANSWERS) as peer:
        peer.publish("embodied_agent/r1/ask", b'{"id": "a", "question": 7}')
        (got,) = peer.wait()
    assert got.topic == "embodied_agent/r1/answer/a"
    assert got.json["error"] == {
        "code": "bad_request",
        "message": "question: Input should be a valid string",
    }


@pytest.mark.parametrize(
    "topic",
    [
        "embodied_agent/r2/ask",
        "embodied_agent/r1/status",
        "embodied_agent/r1/ask",
        "$SYS/x",
        "cmd_vel",
        "homeassistant/light/set",
    ],
)
def test_nobody_makes_the_robot_speak_for_others(broker: Broker, topic: str) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, ANSWERS, topic) as peer:
        peer.ask("tag one", id="a", ResponseTopic=topic)
        got = peer.wait(1, "error")
    assert [g.json["error"]["code"] for g in got] == ["bad_response_topic"]


def test_a_thousand_random_payloads_are_each_refused_or_answered(broker: Broker) -> None:
    """Half-right requests from a fixed seed, so that a failure comes again."""
    rng = random.Random(7)
    payloads = [fuzzed(rng) for _ in range(1000)]
    with running(settings_for(broker.port)) as (service, _), Peer(broker.port, "mine") as peer:
        for number, payload in enumerate(payloads):
            peer.publish(
                "embodied_agent/r1/ask",
                payload,
                ResponseTopic="mine",
                CorrelationData=str(number).encode(),
            )

        # A request that happens to be right may also ask for pieces.
        def whole() -> list[Got]:
            return [g for g in list(peer.got) if g.json["type"] != "piece"]

        got: list[Got] = until(lambda: len(whole()) >= len(payloads) and whole())
        peer.ask("tag alive", id="alive", ResponseTopic="mine", CorrelationData=b"alive")
        until(lambda: [g for g in peer.got if g.correlation == b"alive"])
        assert service.error is None
    assert sorted(int(g.correlation) for g in got) == list(range(1000))
    assert {g.json["type"] for g in got} <= {"answer", "error"}
    assert "Traceback" not in str([g.payload for g in got])


def test_a_hundred_clients_at_once_are_all_answered(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, "of/#") as peer:
        for n in range(100):
            peer.ask(f"tag {n}", id=f"c{n}", ResponseTopic=f"of/{n}")
        got = peer.wait(100, "answer")
    assert {(g.topic, g.json["text"]) for g in got} == {(f"of/{n}", f"tag {n}") for n in range(100)}


@pytest.fixture
def strict_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker whose access list refuses subscriptions, which an ACL file can't."""
    folder = tmp_path / "strict"
    folder.mkdir()
    plugin = next((p for p in Path("/usr/lib").rglob("mosquitto_dynamic_security.so")), None)
    if plugin is None:
        pytest.skip("no mosquitto_dynamic_security.so here: apt-get install mosquitto")
    path = folder / "security.json"
    subprocess.run(
        [program("mosquitto_ctrl"), "dynsec", "init", str(path), "admin", "secret"],
        check=True,
        capture_output=True,
    )
    security = json.loads(path.read_text())
    security["defaultACLAccess"].update(
        publishClientSend=True, publishClientReceive=True, subscribe=False
    )
    security["clients"].append({"username": "robot", "roles": [], **_password("pass")})
    path.write_text(json.dumps(security))
    config = ["allow_anonymous false", f"plugin {plugin}", f"plugin_opt_config_file {path}"]
    with broker_in(folder, config=config) as started:
        yield started


def _password(text: str) -> dict[str, Any]:
    import base64
    import hashlib

    salt = b"123456789012"
    digest = hashlib.pbkdf2_hmac("sha512", text.encode(), salt, 101)
    return {
        "password": base64.b64encode(digest).decode(),
        "salt": base64.b64encode(salt).decode(),
        "iterations": 101,
    }


def test_a_refused_subscription_is_named_and_tried_again(strict_broker: Broker) -> None:
    settings = settings_for(strict_broker.port, username="robot", password="pass")
    with running(settings, connect=False) as (service, _):
        until(lambda: "refuses the subscription" in service.status().last_error)
        error = service.status().last_error
        until(lambda: strict_broker.log().count("New client connected") > 2)
    assert "embodied_agent/r1/ask (Not authorized): allow it to user robot" in error
