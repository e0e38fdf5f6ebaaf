"""The MQTT topics by which robots reach a fleet server, and what goes with their messages.

A robot publishes to ``embodied_agent/<robot>/fleet/<kind>`` (``cursor``, ``batch``, ``audit``,
``restart``) what it would post over HTTP. The server answers on ``embodied_agent/<robot>/
fleet_reply`` with the body that it would answer over HTTP, and the request's correlation data. It
publishes nowhere else, whatever a message asks for.

Out of scope: the messages (`wire`), the connection (`embodied_agent.interfaces.mqtt.connection`).
"""

from __future__ import annotations

import re
from typing import Literal, get_args

from embodied_agent.interfaces.mqtt.topics import ROOT
from embodied_agent.settings.fleet import NAME_PATTERN

#: What a robot may ask of the server.
Kind = Literal["cursor", "batch", "audit", "restart"]
_KINDS: dict[str, Kind] = {kind: kind for kind in get_args(Kind)}

#: The filter of the topics of all robots' requests.
REQUESTS = f"{ROOT}/+/fleet/+"
#: User properties: of a request the robot's token, of a reply its status as in HTTP and, for an
#: outage, after how many seconds to try again.
TOKEN, STATUS, RETRY_AFTER = "token", "status", "retry_after_s"
#: No more of a reply is kept, in bytes.
MOST_REPLY = 16_777_216


def request_topic(robot: str, kind: Kind) -> str:
    """Where a robot's requests of one kind go."""
    return f"{ROOT}/{robot}/fleet/{kind}"


def reply_topic(robot: str) -> str:
    """Where all replies to a robot go."""
    return f"{ROOT}/{robot}/fleet_reply"


def read_request_topic(topic: str) -> tuple[str, Kind] | None:
    """The robot and the kind of request of a topic; ``None`` if it is not one of a request."""
    levels = topic.split("/")
    if len(levels) != 4 or (levels[0], levels[2]) != (ROOT, "fleet"):
        return None
    kind = _KINDS.get(levels[3])
    return (levels[1], kind) if kind and re.fullmatch(NAME_PATTERN, levels[1]) else None
