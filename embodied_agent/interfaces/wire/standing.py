"""Standing questions and their alerts on the wire, for all interfaces.

Stamps are nanoseconds of the sensor's clock; ``at_s`` counts seconds since 1970.

Out of scope: the records (`embodied_agent.object_records`), where alerts go to
(`embodied_agent.agent.alerts`).
"""

from __future__ import annotations

from pydantic import Field

from embodied_agent.codec import to_values
from embodied_agent.interfaces.wire.fields import By, FrozenReply, StrictRequest
from embodied_agent.interfaces.wire.from_records import picture_path, pose_reply
from embodied_agent.interfaces.wire.models import PoseReply
from embodied_agent.object_records import Alert, AlertEvent, StandingQuestion
from embodied_agent.support.redaction import without_credentials


class StandingQuestionRequest(StrictRequest):
    """A wish to be told: ``text`` in plain words, or ``name`` and ``event``."""

    text: str = Field("", max_length=2000, description='"tell me when you see a fire extinguisher"')
    name: str = Field("", max_length=200, description="what to look for")
    event: AlertEvent = Field("seen", description="it comes into view, or is no longer there")
    place: str = Field("", max_length=200, description="only at this named place; empty: anywhere")
    webhook: str = Field(
        "", max_length=2000, description="address that alerts are posted to (alerts.webhooks)"
    )
    by: By = Field("", description="who asks; default: whoever sends the request")


class StandingQuestionReply(FrozenReply):
    """A standing question; ``text`` are the words in which it was asked."""

    id: int
    name: str
    event: AlertEvent
    place: str
    text: str
    by: str
    at_s: float
    webhook: str


class StandingQuestionsReply(FrozenReply):
    """All standing questions, in the order in which they were asked."""

    questions: list[StandingQuestionReply]


class AlertReply(FrozenReply):
    """What a standing question waited for has happened; ``text`` says it in a sentence. The
    keyframe's picture lies at ``picture``."""

    id: int
    question_id: int
    event: AlertEvent
    name: str
    text: str
    keyframe_id: int
    stamp_ns: int
    pose: PoseReply | None
    object_id: int | None
    at_s: float
    picture: str


class AlertsReply(FrozenReply):
    """Alerts in order of ids."""

    alerts: list[AlertReply]


def standing_reply(question: StandingQuestion) -> StandingQuestionReply:
    """A stored standing question, without credentials in its webhook."""
    values = {**to_values(question), "webhook": without_credentials(question.webhook)}
    return StandingQuestionReply.model_validate(values)


def alert_reply(alert: Alert) -> AlertReply:
    """A stored alert."""
    return AlertReply.model_validate(
        {
            **to_values(alert),
            "pose": pose_reply(alert.pose),
            "picture": picture_path(alert.keyframe_id),
        }
    )
