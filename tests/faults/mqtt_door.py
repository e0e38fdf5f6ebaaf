"""Bad MQTT requests through a real broker, and packets that no proper broker sends."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from tests.faults.logs import tracebacks
from tests.faults.tally import Tally
from tests.support.hostile_broker import publish, received
from tests.support.injections import INJECTIONS
from tests.support.mqtt import Peer, broker_in, running, settings_for, until
from tests.support.mqtt_process import fuzzed

#: Properties that the client library can't parse.
_POISON: tuple[dict[str, Any], ...] = (
    {"UserProperty": [("client", "a\ufeff")]},
    {"UserProperty": [("\ufeff", "a")]},
    {"ContentType": "text/\ufeff"},
)
#: Those that it can, and that are odd.
_ODD: tuple[dict[str, Any], ...] = (
    {"UserProperty": [("client", "x" * 2_000)] * 5},
    {"MessageExpiryInterval": 4_294_967_295},
    {"PayloadFormatIndicator": 1},
    {"ContentType": "application/x-none"},
)


def messages(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Payloads, properties and packets, each of which gets its reply."""
    packets = count // 4
    with tally.attempt("packets that no proper broker sends", packets):
        rests = [draw.randbytes(draw.randrange(1, 200)) for _ in range(packets)]
        sent = [publish(mid, rest) for mid, rest in enumerate(rests, 1)]
        got, acknowledged = received(sent)
        assert len(got) == packets, "messages are missing"
        assert sorted(acknowledged) == list(range(1, packets + 1)), "not all are acknowledged"
    with (
        broker_in(folder / "broker") as broker,
        running(settings_for(broker.port)) as (service, _),
        Peer(broker.port, "mine", "embodied_agent/r1/answer/#") as peer,
        tracebacks() as logged,
    ):
        inputs = [_input(draw) for _ in range(count - packets)]
        for number, (payload, properties) in enumerate(inputs):
            peer.publish(
                "embodied_agent/r1/ask",
                payload,
                ResponseTopic="mine",
                CorrelationData=str(number).encode(),
                **properties,
            )
        # What can't be parsed has lost its response topic, too: it is counted, not answered.
        silent = {n for n, (_, properties) in enumerate(inputs) if properties in _POISON}
        replies = _Replies(peer)
        with tally.attempt("payloads and properties", len(inputs)):
            wanted = {str(n).encode() for n in range(len(inputs)) if n not in silent}
            try:
                until(lambda: wanted <= replies.read())
            except AssertionError as error:
                missing = [inputs[int(n)] for n in wanted - replies.read()]
                raise AssertionError(f"{len(missing)} without a reply: {missing[:3]}") from error
            until(lambda: service.status().unreadable == len(silent))
            told = str([got.payload for got in peer.got])
            assert "Traceback" not in told
            peer.ask("tag alive", ResponseTopic="mine", CorrelationData=b"alive")
            until(lambda: b"alive" in replies.read())
            status = service.status()
            assert status.connections == 1, status
            assert service.error is None
            assert not logged.messages, logged.messages[:3]


def _input(draw: random.Random) -> tuple[bytes, dict[str, Any]]:
    """A payload, and properties beside those by which the reply is known."""
    payload = fuzzed(draw) if draw.random() < 0.9 else draw.choice(INJECTIONS).encode()
    if draw.random() < 0.02:
        payload = b"x" * draw.choice((65_537, 1_000_000))
    return payload, draw.choice(_POISON + _ODD) if draw.random() < 0.1 else {}


class _Replies:
    """The marks of the inputs that have had their answer or refusal."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._read = 0
        self._marks: set[bytes] = set()

    def read(self) -> set[bytes]:
        """Those until now."""
        new = list(self._peer.got)[self._read :]
        self._read += len(new)
        self._marks.update(got.correlation for got in new if got.json["type"] != "piece")
        return self._marks
