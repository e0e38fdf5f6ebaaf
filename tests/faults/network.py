"""Networks that cut, delay and tear, and clients that are slow or vanish.

Out of scope: what is wrong within a request (`http_door`, `mqtt_door`).
"""

from __future__ import annotations

import random
import socket
import struct
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.broker import ANSWERS, Asked
from tests.faults.logs import tracebacks
from tests.faults.tally import Tally
from tests.support.cutting_proxy import CuttingProxy
from tests.support.mqtt import Echo, Peer, broker_in, running, settings_for, until
from tests.support.web import Running
from tests.support.web import running as serving

_QUESTIONS = 5
#: Clients that misbehave at the same time.
_AT_ONCE = 10
_ASK = b'{"question": "Where?"}'
_REQUEST = (
    b"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n" % len(_ASK)
) + _ASK


def mqtt(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """An agent behind a network that is cut again and again, slow, or in small pieces."""
    echo = Echo(pieces=20)
    with (
        broker_in(folder / "broker") as broker,
        CuttingProxy(broker.port, draw) as proxy,
        running(settings_for(proxy.port, folder / "m.db"), echo) as (service, _),
        Peer(broker.port, ANSWERS) as peer,
    ):
        asked = Asked(peer)
        for number in range(count):
            with tally.attempt(f"cut {number}"):
                known = service.status().connections
                proxy.tears = draw.random() < 0.3
                proxy.delay_s = draw.choice((0.0, 0.0, 0.005))
                asked.ask(_QUESTIONS)
                time.sleep(draw.random() * 0.2)
                proxy.cut(draw.choice((0.0, 0.0, 0.3)))
                until(lambda known=known: service.status().connections > known)
        proxy.tears, proxy.delay_s = False, 0.0
        with tally.attempt("the questions of all of them", 0):
            assert proxy.cuts >= count // 2, f"only {proxy.cuts} cuts met a connection"
            asked.wait(service)
            asked.check(echo)


def http(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Clients that send too little, read nothing, or hang up at any moment."""
    del folder
    with serving(web__connections_per_client=64) as its, tracebacks() as logged:
        for start in range(0, count, _AT_ONCE):
            clients = min(_AT_ONCE, count - start)
            with tally.attempt(f"clients {start} to {start + clients - 1}", clients):
                held = [_misbehave(its, draw) for _ in range(clients)]
                with its.client() as client:
                    reply = client.post("/api/ask", json={"question": "Where?"})
                    assert reply.json().get("text") == "left", reply.text
                for connection in held:
                    connection.close()
                assert not logged.messages, logged.messages[:3]
            logged.messages.clear()
        with tally.attempt("all connections are released", 0):
            until(lambda: its.interfaces.status()["web"].connections <= 1)  # type: ignore[attr-defined]
            # A connection is gone before the question that came over it is given up.
            until(lambda: its.questions.status().waiting == 0)


def _misbehave(its: Running, draw: random.Random) -> socket.socket:
    """A connection that was begun in one of the wrong ways; it may be closed already."""
    port = int(its.url.rsplit(":", 1)[1])
    connection = socket.create_connection(("127.0.0.1", port), 30)
    connection.settimeout(5)
    kind = draw.randrange(6)
    with suppress(OSError):
        if kind == 0:  # drips
            for byte in _REQUEST[: draw.randrange(1, 30)]:
                connection.sendall(bytes([byte]))
        elif kind == 1:  # hangs up within its request
            connection.sendall(_REQUEST[: draw.randrange(1, len(_REQUEST))])
            connection.close()
        elif kind == 2:  # resets while it is answered
            connection.sendall(_REQUEST)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        elif kind == 3:  # asks and does not read
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        elif kind == 4:  # asks many times at once
            connection.sendall(_REQUEST * draw.randrange(2, 6))
        else:  # closes its half
            connection.sendall(_REQUEST[: draw.randrange(len(_REQUEST))])
            connection.shutdown(socket.SHUT_WR)
    return connection
