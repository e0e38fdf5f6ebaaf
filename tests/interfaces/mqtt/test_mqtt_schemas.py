"""The published schemas are those of the code, and what is really sent keeps to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from embodied_agent.interfaces.mqtt.schemas import MESSAGES, file_name, main
from tests.support.mqtt import Broker, Echo, Peer, broker_in, frames, running, settings_for, until

FOLDER = Path(__file__).parents[3] / "docs" / "mqtt"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path / "broker") as started:
        yield started


def schema(name: str) -> dict[str, Any]:
    values = json.loads((FOLDER / file_name(name)).read_text(encoding="utf-8"))
    assert isinstance(values, dict)
    return values


def test_the_published_schemas_are_those_of_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(FOLDER)]) == 0, capsys.readouterr().err
    assert {path.name for path in FOLDER.iterdir()} == {file_name(name) for name in MESSAGES}


def test_a_stale_schema_is_noticed_and_mended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--write", str(tmp_path)]) == 0
    (tmp_path / "piece.schema.json").write_text("{}")
    assert main(["--check", str(tmp_path)]) == 1
    assert "piece.schema.json: out of date" in capsys.readouterr().err
    assert main(["--write", str(tmp_path)]) == 0
    assert main(["--check", str(tmp_path)]) == 0


@pytest.mark.parametrize("name", MESSAGES)
def test_each_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schema(name))


def test_every_kind_of_message_that_is_sent_keeps_to_its_schema(broker: Broker) -> None:
    with (
        Peer(broker.port, "embodied_agent/r1/#") as peer,
        running(settings_for(broker.port), Echo(pieces=3), views=0) as (_, agent),
    ):
        for frame in frames(30):
            agent.observe(frame)
        agent.finish()
        peer.ask("tag one", id="a", stream=True)
        peer.ask("tag two", id="b", choices=["tag two", "left"])
        peer.publish("embodied_agent/r1/ask", b'{"id": "c"}')
        # Nothing is seen here that a standing question could wait for: see test_mqtt_alerts.
        expected = set(MESSAGES) - {"request", "fact", "alert"}
        until(lambda: {g.json["type"] for g in _sent(peer)} >= expected)
        got = _sent(peer)
    for message in got:
        jsonschema.validate(message.json, schema(message.json["type"]))
    for message in peer.got:
        if message.topic.endswith("/ask") and b"question" in message.payload:
            jsonschema.validate(message.json, schema("request"))


def _sent(peer: Peer) -> list[Any]:
    return [g for g in list(peer.got) if not g.topic.endswith("/ask")]
