"""The state of each interface as typed values, in ``/api/status``, MQTT and the ROS diagnostics.

Out of scope: keeping the counts (`web`, `mqtt`, `webhooks`, `embodied_agent.fleet.sending.sender`),
restarting (`embodied_agent.host.interfaces`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceStatus:
    """The part that all interfaces share.

    ``last_error`` is what is wrong at present, "" if nothing is. ``problem`` is why the interface
    does not serve: the reason of its last failure, else its ``last_error``.
    """

    state: str
    last_error: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebStatus(InterfaceStatus):
    """The web interface: ``serving`` or ``down``, its address, how many clients watch live, and how
    many connections are open and were refused because there were too many."""

    url: str
    watchers: int
    connections: int = 0
    connections_refused: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttStatus(InterfaceStatus):
    """The MQTT interface: ``off``, ``connecting``, ``connected``, ``waiting`` (to try again) or
    ``stopped``.

    Requests were ``received``; of those, ``refused`` (``refused_by_code``: why), ``repeated`` under
    the same id, ``expired``, ``answered``; ``unreadable`` ones had properties that could not be
    read. ``sent`` answers have been accepted by the broker, ``undeliverable`` ones never will be,
    and those that are ``set_aside`` cost the connection more than once; ``last_undeliverable`` says
    what became of the latest of either. ``deltas_dropped`` counts deltas that found the backlog
    full, ``messages_dropped`` requests that arrived faster than they could be stored.
    """

    broker: str
    robot: str
    connections: int
    received: int
    refused: int
    repeated: int
    expired: int
    answered: int
    sent: int
    undeliverable: int
    deltas_waiting: int
    deltas_dropped: int
    messages_dropped: int
    unreadable: int = 0
    set_aside: int = 0
    last_undeliverable: str = ""
    refused_by_code: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookStatus(InterfaceStatus):
    """Webhooks: ``serving`` or ``down``; how many alerts were ``posted``, and how many were
    ``given_up`` after their time or because their address is no longer allowed."""

    posted: int
    given_up: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetStatus(InterfaceStatus):
    """What is sent to a fleet server: ``off``, ``connecting``, ``sending``, ``current`` (the server
    has everything), ``waiting`` (to try again) or ``refused`` (by the server; ``last_error`` says
    why).

    ``keyframes_waiting`` are yet to be sent, ``keyframes_sent``, ``answers_sent`` and
    ``facts_sent`` were accepted since the start, and ``reduced`` of them without what they show or
    say, because the server can't take that.
    """

    server: str
    robot: str
    keyframes_waiting: int
    keyframes_sent: int
    answers_sent: int
    facts_sent: int
    reduced: int


#: Any of them, the most specific type first.
AnyInterfaceStatus = WebStatus | MqttStatus | FleetStatus | WebhookStatus | InterfaceStatus
