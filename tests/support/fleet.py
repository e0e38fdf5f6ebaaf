"""A fleet server on a thread, and robots whose memories are written without a camera."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.fleet.link import Link
from embodied_agent.fleet.replies import FleetQuestion, FleetReply
from embodied_agent.fleet.sending.shipping import Shipping
from embodied_agent.fleet.sending.uplink import HttpUplink, Uplink
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.images import encode_jpeg
from embodied_agent.memory.store import Store
from embodied_agent.records import Action, Delta, Fact, Mention, Pose
from embodied_agent.settings import FleetServerSettings, FleetSettings, MemorySettings, MqttSettings

WAIT_S = 60.0
START_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000
_PICTURE = encode_jpeg(np.full((48, 64, 3), (40, 90, 160), np.uint8), 80)


def until(what: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """The first true value of ``what``; looked at often, and failing loudly."""
    deadline = time.monotonic() + timeout_s
    while not (found := what()):
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.01)
    return found


@contextmanager
def serving(
    database: str, *, broker: MqttSettings | None = None, **settings: Any
) -> Iterator[FleetServer]:
    """A fleet server on a thread, on a broker where one is given."""
    values = {"database": database, "port": 0, "time_zone": "UTC", "database_wait_s": 30.0}
    values["mqtt"] = broker is not None
    server = FleetServer(FleetServerSettings.model_validate({**values, **settings}), broker)
    thread = threading.Thread(target=server.serve, daemon=True)
    thread.start()
    try:
        assert server.ready.wait(WAIT_S)
        if broker is not None:
            until(lambda: on_broker(server))
        yield server
    finally:
        server.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()


def on_broker(server: FleetServer) -> bool:
    """Whether a server takes in over MQTT."""
    status = server.broker()
    return status is not None and status.state == "connected"


class Robot:
    """A robot's memory, and what sends it."""

    def __init__(
        self,
        url: str,
        name: str,
        path: Path | str = "",
        *,
        token: str = "",
        memory: MemorySettings | None = None,
        uplink: Uplink | None = None,
        **settings: Any,
    ) -> None:
        self.name = name
        self.store = Store.open(str(path), memory or MemorySettings())
        values = {"url": url.rstrip("/"), "robot": name, "objects_s": 1e-6, "retry_s": 0.01}
        self.settings = FleetSettings.model_validate({**values, **settings})
        self.link = Link(self.settings.url, token=token, timeout_s=20.0)
        self.uplink = uplink or HttpUplink(self.link, name)
        self.shipping = Shipping(self.store, self.settings, self.uplink)
        self._now_s = 0.0

    def see(
        self,
        *names: str,
        at_ns: int | None = None,
        where: tuple[float, float] | None = None,
        frame: str = "map",
        observation: str = "",
        segment: int = 0,
        jpeg: bytes = _PICTURE,
    ) -> int:
        """One more keyframe that shows these things; returns its id."""
        number = self.store.outgoing.last_keyframe() + 1
        pose = None if where is None else Pose((*where, 0.0), (0.0, 0.0, 0.0, 1.0), frame)
        keyframe = self.store.add_keyframe(
            stamp_ns=START_NS + number * SECOND_NS if at_ns is None else at_ns,
            jpeg=jpeg,
            width=64,
            height=48,
            reason="overlap",
            segment=segment,
            pose=pose,
        )
        self.store.commit_delta(
            Delta(
                keyframe.id,
                Action.MOVE_FORWARD,
                mentions=tuple(Mention(name, "front", "near") for name in names),
                observation=observation,
            )
        )
        return keyframe.id

    def note(self, name: str, value: object, *, at_ns: int = START_NS, source: str = "") -> None:
        """A fact, as it is noted beside what is seen."""
        self.store.facts.add([Fact(name, str(value), at_ns, "/topic", source)])

    def send(self, after_s: float = 1.0) -> None:
        """Send all that there is to send, some time after the last time."""
        self._now_s += after_s
        while self.shipping.step(self._now_s):
            pass

    def again(self) -> None:
        """Forget where the server is, as after a restart of the robot's process."""
        self.shipping = Shipping(self.store, self.settings, self.uplink)

    def close(self) -> None:
        self.uplink.close()
        self.store.close()


class Asker:
    """Asks one server's questions."""

    def __init__(self, url: str, token: str = "") -> None:
        self.link = Link(url, token=token, timeout_s=WAIT_S)

    def __call__(self, question: str, robot: str = "") -> FleetReply:
        asked = FleetQuestion(question=question, robot=robot)
        return self.link.post("/api/ask", asked, FleetReply)


def rows(server: FleetServer, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
    """What is in the server's database."""
    with server.database.transaction() as db:
        return db.execute(sql.encode(), values).fetchall()
