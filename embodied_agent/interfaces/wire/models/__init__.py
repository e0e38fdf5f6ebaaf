"""What goes over the wire: one set of JSON models for HTTP, MQTT, MCP and ``--json``.

Requests refuse fields they don't know and values that are too large. A reply holds a record as
`embodied_agent.codec` writes it, and additions such as the address of its picture. Units
are in the names; stamps are nanoseconds of the sensor's clock (JavaScript rounds them to 256 ns).

Out of scope: making replies from records (`from_records`) and reading them back (`to_records`), how
a message travels (`embodied_agent.interfaces.web`, `embodied_agent.interfaces.mqtt`).
"""

from __future__ import annotations

from embodied_agent.interfaces.wire.models.asking import (
    AnswerReply,
    AnswersReply,
    AskRequest,
    ChoiceText,
    EvidenceReply,
    GoalReply,
    PieceReply,
)
from embodied_agent.interfaces.wire.models.refused import ErrorDetail, ErrorReply
from embodied_agent.interfaces.wire.models.seeing import (
    BoxReply,
    DecisionReply,
    DeltaReply,
    EgomotionReply,
    HitReply,
    IntrinsicsReply,
    KeyframeReply,
    KeyframesReply,
    MentionReply,
    MountReply,
    PathPoint,
    PathReply,
    PoseReply,
    RecallReply,
)
from embodied_agent.interfaces.wire.models.status import (
    AgentStatusReply,
    ConnectionState,
    RobotFaultReply,
    RobotStatusReply,
    SourceState,
    StatusReply,
)

__all__ = [
    "AgentStatusReply",
    "AnswerReply",
    "AnswersReply",
    "AskRequest",
    "BoxReply",
    "ChoiceText",
    "ConnectionState",
    "DecisionReply",
    "DeltaReply",
    "EgomotionReply",
    "ErrorDetail",
    "ErrorReply",
    "EvidenceReply",
    "GoalReply",
    "HitReply",
    "IntrinsicsReply",
    "KeyframeReply",
    "KeyframesReply",
    "MentionReply",
    "MountReply",
    "PathPoint",
    "PathReply",
    "PieceReply",
    "PoseReply",
    "RecallReply",
    "RobotFaultReply",
    "RobotStatusReply",
    "SourceState",
    "StatusReply",
]
