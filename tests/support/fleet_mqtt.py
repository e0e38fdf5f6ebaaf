"""Robots that send to a fleet server through a broker."""

from __future__ import annotations

import json
from typing import Any

from embodied_agent.fleet.sending.mqtt_uplink import MqttUplink
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.fleet.wire import Batch, FleetKeyframe
from embodied_agent.settings import MqttSettings
from tests.support.fleet import WAIT_S, Robot, rows

MEMORY = "0" * 32
REQUESTS, REPLIES = "embodied_agent/r1/fleet", "embodied_agent/r1/fleet_reply"


def broker_settings(port: int, **values: Any) -> MqttSettings:
    """Settings of a client of the broker at a port, which soon tries again."""
    return MqttSettings.model_validate(
        {"port": port, "retry_s": 0.05, "retry_max_s": 0.2, "connect_timeout_s": WAIT_S, **values}
    )


def robot_on(port: int, name: str = "r1", *, timeout_s: float = WAIT_S, **more: Any) -> Robot:
    """A robot that sends through a broker, and nowhere else."""
    token = more.pop("token", "")
    values = {key: more.pop(key) for key in ("username", "password") if key in more}
    settings = broker_settings(port, **values)
    uplink = MqttUplink(settings, name, token=token, timeout_s=timeout_s)
    return Robot("http://127.0.0.1:9", name, uplink=uplink, **more)


def ids(fleet: FleetServer) -> list[int]:
    """The keyframes that arrived."""
    return [row[0] for row in rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1")]


def batch(number: int = 0) -> dict[str, Any]:
    """One keyframe as a robot sends it."""
    keyframe = FleetKeyframe(id=number, stamp_ns=1, seen_at_s=1.0, segment=0, checksum=7)
    sent = Batch(memory=MEMORY, after_keyframe=number - 1, keyframes=[keyframe])
    return json.loads(sent.model_dump_json(exclude_defaults=True))  # type: ignore[no-any-return]
