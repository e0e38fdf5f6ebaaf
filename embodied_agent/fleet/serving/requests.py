"""The requests of robots, and refusals of them; the same over HTTP and MQTT.

Out of scope: how requests arrive (`app`, `mqtt_intake`), what is stored (`intake`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from embodied_agent.errors import AgentError, DatabaseError, QuestionError
from embodied_agent.fleet.serving.database import Database
from embodied_agent.fleet.serving.intake import Gap, Intake
from embodied_agent.fleet.topics import Kind
from embodied_agent.fleet.wire import Audit, Batch, CursorRequest, Restart
from embodied_agent.interfaces.wire.refusals import field_errors

#: When robots may send again after an outage of the database, in seconds.
RETRY_S = 2

Body = TypeVar("Body", bound=BaseModel)


class RobotRequests:
    """Handles the requests of robots. Every method may be called from any thread.

    Args:
        database: of the fleet.
    """

    def __init__(self, database: Database) -> None:
        self._intake = Intake(database)

    def answer(self, kind: Kind, robot: str, body: bytes) -> BaseModel:
        """Handle a request; returns the reply.

        Args:
            kind: of the request.
            robot: the robot's name, already authenticated.
            body: of the request, in JSON.

        Raises:
            QuestionError: the body can't be used; `Gap` if rows are missing before a batch.
            DatabaseError: the database can't be used; the request has had either no effect or its
                whole effect.
        """
        if kind == "batch":
            return self._intake.take(robot, read(Batch, body))
        if kind == "audit":
            return self._intake.audit(robot, read(Audit, body))
        if kind == "restart":
            return self._intake.restart(robot, read(Restart, body).memory)
        return self._intake.cursor(robot, read(CursorRequest, body).memory)


@dataclass(frozen=True)
class Refusal:
    """Why a request is refused: an HTTP status, a code and a text, and after how many seconds to
    try again, if that helps."""

    status: int
    code: str
    message: str
    retry_after_s: int | None = None


def refusal_of(error: AgentError) -> Refusal:
    """The refusal for an error."""
    if isinstance(error, DatabaseError):
        return Refusal(503, "database", str(error), RETRY_S)
    if isinstance(error, Gap):
        return Refusal(409, "gap", str(error))
    if isinstance(error, QuestionError):
        return Refusal(422, "invalid", str(error))
    return Refusal(500, "internal", str(error))


def read(kind: type[Body], body: bytes) -> Body:
    """A request's body.

    Raises:
        QuestionError: it is not what is expected.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        raise QuestionError(field_errors(error.errors())) from error
