"""Counters and states of the agent, its input and its interfaces.

Out of scope: where they are counted (`embodied_agent.agent.status`,
`embodied_agent.interfaces.status`).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from embodied_agent.agent.status import (
    KeyframerStatus,
    PerceptionStatus,
    QueueStatus,
    ReasoningStatus,
)
from embodied_agent.interfaces.status import AnyInterfaceStatus, MqttStatus
from embodied_agent.interfaces.wire.fields import FrozenReply
from embodied_agent.memory.counts import MemoryStatus


class AgentStatusReply(FrozenReply):
    """Counters, queues, states and last errors of every stage (`embodied_agent.AgentStatus`)."""

    live: bool
    source: str
    segment: int | None
    frames: int
    frames_dropped: int
    frames_late: int
    frames_out_of_line: int = Field(0, description="stamps that fit to none before and after")
    camera_problem: str = Field(
        "",
        description="bearings of objects don't agree with where the camera is said to look; empty "
        "where nothing tells so",
    )
    frames_unreadable: int
    last_error: str
    store_problem: str
    listener_failures: int = Field(description="listener callbacks that raised")
    keyframer: KeyframerStatus
    memory: MemoryStatus
    perception: PerceptionStatus | None
    reasoning: ReasoningStatus


#: A camera is ``connecting`` until its first frame, ``silent`` while frames are overdue, and
#: ``reconnecting`` after it was lost. A recording is ``playing``. Both end as ``finished`` or
#: ``failed``.
ConnectionState = Literal[
    "connecting", "connected", "silent", "reconnecting", "playing", "finished", "failed"
]


class SourceState(FrozenReply):
    """Where frames come from: a camera or a recording, by a name for people; ``finished`` when no
    more will come."""

    name: str
    recording: bool
    finished: bool = False
    state: ConnectionState = "playing"
    state_s: float = Field(0.0, description="how long it has been in this state, in seconds")
    problem: str = Field("", description='why no frames come; "" if they do')
    retry_in_s: float | None = Field(
        None, description="until it is opened again, in seconds; null if nothing waits for that"
    )
    losses: int = Field(0, description="how often it was lost, or could not be opened")


class StatusReply(AgentStatusReply):
    """The whole process: the agent, its question queue and its interfaces."""

    version: str
    input: SourceState | None = Field(
        None, description="where frames come from; null where the host does not say"
    )
    uptime_s: float
    ready: bool
    frame_age_s: float | None = Field(
        description="since the latest frame was decided on; null before the first"
    )
    asks: QueueStatus
    interfaces: dict[str, AnyInterfaceStatus] = Field(description="by name")


class RobotStatusReply(AgentStatusReply):
    """One robot on an MQTT broker: the agent, its question queue and its connection."""

    asks: QueueStatus
    mqtt: MqttStatus


class RobotFaultReply(FrozenReply):
    """What is left of `RobotStatusReply` while the memory can't be read."""

    last_error: str
    asks: QueueStatus
    mqtt: MqttStatus
