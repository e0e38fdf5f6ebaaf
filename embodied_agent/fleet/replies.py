"""What goes over the wire between the fleet server and those who ask it.

Out of scope: what robots send (`wire`), answers in words (`serving`).
"""

from __future__ import annotations

from pydantic import Field

from embodied_agent.fleet.wire import Reply, Request
from embodied_agent.records import AnswerStatus


class FleetQuestion(Request):
    """A question about the robots. ``robot`` restricts it to one."""

    question: str = Field(min_length=1, max_length=2000)
    robot: str = Field("", max_length=64)


class FleetEvidence(Reply):
    """A keyframe that an answer rests on; ``thumbnail`` is its address, empty for none."""

    robot: str
    memory: str
    keyframe_id: int
    seen_at_s: float
    note: str = ""
    thumbnail: str = ""


class FactValue(Reply):
    """A value that a robot noted of a fact, when, and who or what noted it."""

    robot: str
    name: str
    value: str
    noted_at_s: float
    by: str = ""


class FleetReply(Reply):
    """The answer to a question, with the statuses that a robot's answers have. ``facts`` are the
    noted values that it tells."""

    question: str
    status: AnswerStatus
    text: str
    evidence: list[FleetEvidence] = Field(default_factory=list)
    facts: list[FactValue] = Field(default_factory=list)


class RobotReply(Reply):
    """A robot: when it was last heard of and last saw something, how much it has told of, its
    latest keyframes, the latest value of each fact, and where its camera was in the latest
    keyframe, in metres in ``frame_id`` (null if it had no pose). It is ``silent`` when it has not
    been heard of for a minute."""

    name: str
    heard_at_s: float
    seen_at_s: float | None
    silent: bool
    keyframes: int
    answers: int
    objects: int
    latest: list[FleetEvidence]
    facts: list[FactValue] = Field(default_factory=list)
    frame_id: str = ""
    x_m: float | None = None
    y_m: float | None = None


class MapObject(Reply):
    """An object on the shared map, in metres."""

    robot: str
    id: int
    name: str
    color: str
    frame_id: str
    x_m: float
    y_m: float
    gone: bool


class MapPlace(Reply):
    """A named place on the shared map, in metres."""

    robot: str
    name: str
    frame_id: str
    x_m: float
    y_m: float
    region: list[tuple[float, float]]


class FleetOverview(Reply):
    """The robots that the asker may ask about, and what they know on the shared map."""

    robots: list[RobotReply]
    objects: list[MapObject]
    places: list[MapPlace]
    common_frames: list[str]
    truncated: bool = False


class BrokerStatus(Reply):
    """What comes in over MQTT: the state of the connection (``off``, ``connecting``, ``connected``,
    ``waiting`` to try again) with the last error, and counters since the start. ``refused`` counts
    requests by the code of the refusal, ``set_aside`` messages that could not be answered, and
    ``last_problem`` says what was wrong with the last of either."""

    broker: str
    state: str
    last_error: str
    connections: int
    received: int
    answered: int
    refused: dict[str, int]
    set_aside: int
    last_problem: str


class ServerStatus(Reply):
    """The state of the fleet server; ``mqtt`` is null where it takes in over HTTP only."""

    version: str
    mqtt: BrokerStatus | None
