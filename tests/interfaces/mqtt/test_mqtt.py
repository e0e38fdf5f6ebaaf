"""Questions, answers, deltas and status over a real Mosquitto."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from tests.support.mqtt import Broker, Echo, Peer, broker_in, frames, running, settings_for, until

ANSWERS = "embodied_agent/r1/answer/#"


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker_in(tmp_path_factory.mktemp("broker")) as started:
        yield started


def test_an_answer_goes_to_the_response_topic_with_the_correlation_data(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, "mine/#") as peer:
        peer.ask("tag one", id="a", ResponseTopic="mine/here", CorrelationData=b"\x00\xff")
        (got,) = peer.wait()
    assert (got.topic, got.correlation, got.qos) == ("mine/here", b"\x00\xff", 1)
    assert got.json["id"] == "a"
    assert got.json["question"] == "tag one"
    assert got.json["text"] == "tag one"
    assert got.json["problem"] == ""
    assert 0 < (got.expiry_s or 0) <= 3600


def test_without_a_response_topic_the_answer_goes_to_the_topic_of_its_id(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", id="my-id")
        (got,) = peer.wait()
    assert got.topic == "embodied_agent/r1/answer/my-id"


def test_a_request_without_an_id_gets_one(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one")
        (got,) = peer.wait()
    assert got.topic == f"embodied_agent/r1/answer/{got.json['id']}"


def test_a_repeated_id_is_asked_once_and_gets_the_first_answer(broker: Broker) -> None:
    echo = Echo()
    with running(settings_for(broker.port), echo), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", id="a")
        (first,) = peer.wait()
        peer.ask("tag one", id="a")
        peer.wait(2)
        peer.ask("tag one", id="a", timeout_s=60, ResponseTopic="embodied_agent/r1/answer/other")
        got = peer.wait(3)
    assert echo.asked == ["tag one"]
    assert {g.payload for g in got} == {first.payload}


def test_an_id_repeated_while_its_question_is_open_gets_one_answer(broker: Broker) -> None:
    gate = threading.Event()
    echo = Echo(gate)
    with (
        running(settings_for(broker.port), echo) as (service, _),
        Peer(broker.port, ANSWERS) as peer,
    ):
        for _ in range(5):
            peer.ask("tag one", id="a")
        until(lambda: service.status().repeated == 4)
        gate.set()
        peer.ask("tag two", id="last")
        peer.wait(2)
        got = [g.json["id"] for g in peer.got]
    assert echo.asked == ["tag one", "tag two"]
    assert got == ["a", "last"]


def test_an_id_of_another_question_is_refused(broker: Broker) -> None:
    echo = Echo()
    with running(settings_for(broker.port), echo), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", id="a")
        peer.wait()
        peer.ask("tag two", id="a")
        got = peer.wait(1, "error")[0]
    assert got.json["error"]["code"] == "id_reused"
    assert echo.asked == ["tag one"]


def test_pieces_come_before_the_answer_when_asked_for(broker: Broker) -> None:
    echo = Echo(pieces=5)
    with running(settings_for(broker.port), echo), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", id="a", stream=True)
        peer.wait(1, "answer")
        kinds = [g.json["type"] for g in peer.got]
        pieces = [g.json for g in peer.got if g.json["type"] == "piece"]
    assert kinds[-1] == "answer"
    assert "".join(p["text"] for p in pieces) == "<think>0 1 2 3 4 </think><answer>tag one</answer>"
    assert [p["number"] for p in pieces] == list(range(len(pieces)))


def test_no_pieces_come_when_not_asked_for(broker: Broker) -> None:
    with running(settings_for(broker.port), Echo(pieces=5)), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", id="a")
        peer.ask("tag two", id="b")
        peer.wait(2, "answer")
        assert len(peer.got) == 2


def test_choices_and_time_reach_the_agent(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag left", id="a", choices=["tag left", "right"])
        peer.ask("tag then", id="b", at_ns=1)
        by_id = {g.json["id"]: g.json for g in peer.wait(2)}
    assert by_id["a"]["choice"] == "A"
    assert by_id["b"]["problem"] == "nothing was seen up to stamp 1 ns"


def test_a_request_that_timed_out_is_told_so(broker: Broker) -> None:
    gate = threading.Event()
    with running(settings_for(broker.port), Echo(gate)), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", id="a")
        peer.ask("tag two", id="b", timeout_s=0.2)
        (got,) = peer.wait()
        gate.set()
        assert got.json["id"] == "b"
        assert "within 0.2 s" in got.json["problem"]


def test_an_expired_request_is_not_answered(broker: Broker) -> None:
    gate = threading.Event()
    with (
        running(settings_for(broker.port), Echo(gate)) as (service, agent),
        Peer(broker.port, ANSWERS) as peer,
    ):
        peer.ask("tag one", id="a", MessageExpiryInterval=3)
        until(lambda: service.status().expired)
        gate.set()
        peer.ask("tag two", id="b")
        (got,) = peer.wait()
        assert got.json["id"] == "b"
        assert agent.store.outbox.counts().remembered == 1


def test_a_retained_request_is_not_asked(broker: Broker) -> None:
    echo = Echo()
    with Peer(broker.port, ANSWERS) as peer:
        peer.code(peer.publish("embodied_agent/r1/ask", {"question": "tag old"}, retain=True))
        with running(settings_for(broker.port, session_expiry_s=0), echo):
            peer.ask("tag new", id="b")
            peer.wait()
        peer.code(peer.publish("embodied_agent/r1/ask", b"", retain=True))
    assert echo.asked == ["tag new"]


def test_the_status_is_retained_and_says_when_the_agent_stopped(broker: Broker) -> None:
    with running(settings_for(broker.port)), Peer(broker.port, "embodied_agent/r1/status") as peer:
        (online,) = peer.wait()
    with Peer(broker.port, "embodied_agent/r1/status") as peer:
        (offline,) = peer.wait()
    assert online.retain
    assert online.json["state"] == "online"
    assert online.json["details"]["memory"]["keyframes"] > 0
    assert online.json["details"]["mqtt"]["state"] == "connected"
    assert (offline.json["state"], offline.json["reason"]) == ("offline", "stopped")


def test_deltas_are_published_as_they_are_committed(broker: Broker) -> None:
    with (
        Peer(broker.port, "embodied_agent/r1/delta") as peer,
        running(settings_for(broker.port), views=0) as (_, agent),
    ):
        for frame in frames(30):
            agent.observe(frame)
        agent.finish()
        assert agent.drain(60)
        stored = agent.store.deltas()
        got = peer.wait(len(stored))
    assert len(got) > 2
    assert [g.json["delta"]["keyframe_id"] for g in got] == [d.keyframe_id for d in stored]
    assert {g.json["type"] for g in got} == {"delta"}


def test_clients_take_turns(broker: Broker) -> None:
    gate = threading.Event()
    echo = Echo(gate)
    with (
        running(settings_for(broker.port), echo) as (service, _),
        Peer(broker.port, "of/#") as peer,
    ):
        for n in range(4):
            peer.ask(f"tag greedy {n}", id=f"g{n}", ResponseTopic="of/greedy")
        peer.ask("tag modest", id="m", ResponseTopic="of/modest")
        named = {"ResponseTopic": "of/greedy", "UserProperty": [("client", "somebody")]}
        peer.ask("tag named", id="n", **named)
        until(lambda: service.status().received == 6)
        gate.set()
        peer.wait(6)
    assert {"tag modest", "tag named"} <= set(echo.asked[:4])


def test_two_hundred_made_up_names_get_one_turn_beside_an_operator(broker: Broker) -> None:
    gate = threading.Event()
    echo = Echo(gate)
    with (
        running(settings_for(broker.port), echo) as (service, _),
        Peer(broker.port, ANSWERS) as peer,
    ):
        for n in range(200):
            peer.ask(f"tag crowd {n}", id=f"c{n}", UserProperty=[("client", f"name {n}")])
        until(lambda: service.status().received == 200)
        for n in range(3):
            peer.ask(f"tag alice {n}", id=f"a{n}", operator="alice")
        until(lambda: service.status().received == 203)
        gate.set()
        peer.wait(203)
    assert [text for text in echo.asked[:10] if "alice" in text] == [
        "tag alice 0",
        "tag alice 1",
        "tag alice 2",
    ]
    (first, *_) = [g for g in peer.got if g.json["id"] == "a0"]
    assert first.topic == "embodied_agent/r1/answer/alice/a0"


def test_too_many_questions_are_refused_and_may_be_asked_again(broker: Broker) -> None:
    gate = threading.Event()
    settings = settings_for(broker.port)
    settings = settings.model_copy(
        update={"reasoning": settings.reasoning.model_copy(update={"waiting": 1})}
    )
    with running(settings, Echo(gate)) as (service, _), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag 0", id="q0")
        until(lambda: service.questions.status().running)
        for n in range(1, 4):
            peer.ask(f"tag {n}", id=f"q{n}")
        refused = peer.wait(2, "error")
        assert {g.json["error"]["code"] for g in refused} == {"busy"}
        gate.set()
        peer.wait(2, "answer")
        again = refused[0].json["id"]
        peer.ask(f"tag {again[1:]}", id=again)
        assert [g.json["id"] for g in peer.wait(3, "answer")][-1] == again
