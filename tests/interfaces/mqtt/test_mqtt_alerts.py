"""Alerts of standing questions over a real Mosquitto: each event once, whatever the broker does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import jsonschema

from embodied_agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Delta, Keyframe, Mention
from embodied_agent.settings import Settings
from tests.support.mqtt import WAIT_S, Echo, Peer, broker_in, frames, settings_for, until

SCHEMA = Path(__file__).parents[3] / "docs" / "mqtt" / "alert.schema.json"
ALERTS = "embodied_agent/r1/alert"


class Seeing(GeometryPerceiver):
    """Sees a red van in every keyframe."""

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        return Delta(current.id, None, mentions=(Mention("red van", "front", "near"),), model="x")


@contextmanager
def robot(settings: Settings) -> Iterator[Agent]:
    with (
        Agent(settings, perceiver=Seeing(), reasoner=Echo()) as agent,
        serving(agent, settings),
    ):
        yield agent


def walk(agent: Agent) -> None:
    for frame in frames(6):
        agent.observe(frame)
    assert agent.drain(WAIT_S)


def published(agent: Agent) -> bool:
    return not agent.store.alerts.undelivered("published")


def test_a_wish_over_mqtt_brings_an_alert_with_its_keyframe(tmp_path: Path) -> None:
    with broker_in(tmp_path) as broker, Peer(broker.port, ALERTS, "mine/#") as peer:
        with robot(settings_for(broker.port, tmp_path / "m.db")) as agent:
            walk(agent)
            wish = "Tell me when you see a van"
            peer.ask(wish, id="wish", ResponseTopic="mine/here")
            (answer,) = peer.wait(1, "answer")
            assert answer.json["text"].startswith("I will tell you when I see a van")
            agent.reset()
            walk(agent)
            got = peer.wait(1, "alert")[0]
            until(lambda: published(agent))
        assert got.topic == ALERTS
        assert got.qos == 1
        assert got.json["text"] == "I see the red van."
        jsonschema.validate(got.json, json.loads(SCHEMA.read_text(encoding="utf-8")))
        assert got.json["picture"] == f"/api/keyframes/{got.json['keyframe_id']}.jpg"


def test_an_alert_waits_for_the_broker_and_is_not_sent_again_after_a_restart(
    tmp_path: Path,
) -> None:
    memory = tmp_path / "m.db"
    with broker_in(tmp_path) as broker:
        broker.kill()
        with robot(settings_for(broker.port, memory)) as agent:
            agent.tell_when("tell me when you see a van")
            walk(agent)
            assert not published(agent)
        with robot(settings_for(broker.port, memory)) as agent:
            broker.start()
            with Peer(broker.port, ALERTS) as peer:
                assert len(peer.wait(1, "alert")) == 1
                until(lambda: published(agent))
        with Peer(broker.port, ALERTS, "embodied_agent/r1/status") as peer:
            with robot(settings_for(broker.port, memory)):
                until(lambda: any(got.json.get("state") == "online" for got in list(peer.got)))
                peer.ask("tag one", id="after")  # answered after whatever waited to be sent
            assert [got for got in peer.got if got.json.get("type") == "alert"] == []
