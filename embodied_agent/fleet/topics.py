"""The MQTT topics between robots and a fleet server, and the properties of their messages.

A robot publishes the bodies of its requests to ``embodied_agent/<robot>/fleet/<kind>`` (``cursor``,
``batch``, ``audit``, ``restart``). The server publishes the replies, with the same bodies as over
HTTP and the request's correlation data, to ``embodied_agent/<robot>/fleet_reply``, and ignores any
response topic in the request.

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
#: User properties: the robot's token in a request; in a reply the HTTP status and, in an outage,
#: the number of seconds to wait.
TOKEN, STATUS, RETRY_AFTER = "token", "status", "retry_after_s"
#: Maximum size of a reply, in bytes.
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
