"""The state of each interface as typed values, in ``/api/status``, MQTT and the ROS diagnostics.

Out of scope: keeping the counts (`web`, `mqtt`), restarting (`embodied_agent.host.interfaces`).
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class InterfaceStatus:
    """The part that all interfaces share.

    ``last_error`` is what is wrong at present, "" when nothing is. ``problem`` is why the interface
    does not serve: the reason of its last failure, else its ``last_error``.
    """

    state: str
    last_error: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebStatus(InterfaceStatus):
    """The web interface: ``serving`` or ``down``, its address, and how many clients watch live."""

    url: str
    watchers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MqttStatus(InterfaceStatus):
    """The MQTT interface: ``off``, ``connecting``, ``connected``, ``waiting`` (to try again) or
    ``stopped``.

    Requests were ``received``; of those, ``refused`` (``refused_by_code``: why), ``repeated`` under
    the same id, ``expired``, ``answered``. ``sent`` answers have been accepted by the broker,
    ``undeliverable`` ones never will be. ``deltas_dropped`` counts deltas that found the backlog
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
    refused_by_code: dict[str, int] = field(default_factory=dict)


#: Any of them, the most specific type first.
AnyInterfaceStatus = WebStatus | MqttStatus | InterfaceStatus
