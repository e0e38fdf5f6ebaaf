"""Ask a robot over MQTT: the other end of `service`, for the command line and for programs.

    answer = ask_robot(settings.mqtt, AskRequest(question="Where is the door?"), timeout_s=30)

The request has an id of its own. If the connection is lost, the client reconnects and repeats the
request; the robot recognises the id, asks once and gives the same answer.

Out of scope: everything on the robot's side.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

from pydantic import ValidationError

from embodied_agent.errors import AgentError, Busy, LinkError, QuestionError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.faults import Refused
from embodied_agent.interfaces.mqtt.messages import (
    AnswerMessage,
    ErrorMessage,
    PieceMessage,
    RobotState,
)
from embodied_agent.interfaces.mqtt.packets import Incoming, Outgoing
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.wire.models import AskRequest
from embodied_agent.interfaces.wire.to_records import answer_from
from embodied_agent.records import Answer
from embodied_agent.settings import MqttSettings
from embodied_agent.support.backoff import Backoff

#: First and longest delay before reconnecting, in seconds.
_RETRY_S, _RETRY_MAX_S = 0.5, 5.0
#: The robot's own time-out is shorter by this, in seconds, so that its answer can say what was
#: slow.
_GRACE_S = 2.0


def ask_robot(
    settings: MqttSettings,
    request: AskRequest,
    *,
    timeout_s: float,
    on_piece: Callable[[str], None] | None = None,
) -> Answer:
    """Ask a robot; if it has no answer, the ``problem`` of the reply says why.

    Args:
        settings: the broker, how to reach it, and the robot's name.
        request: what to ask; without an id it gets one.
        timeout_s: limit for the whole exchange, in seconds.
        on_piece: called with each piece of the reply as it arrives.

    Raises:
        LinkError: the broker can't be reached or refuses, or the robot did not answer in time.
        Busy: the robot's question queue is full.
        QuestionError: the robot refuses the question.
        SettingsError: a file of certificates or the password can't be used.
    """
    request = request.model_copy(
        update={
            "id": request.id or uuid.uuid4().hex,
            "timeout_s": request.timeout_s or timeout_s,
            "stream": on_piece is not None,
        }
    )
    return asyncio.run(_Exchange(settings, request, timeout_s + _GRACE_S, on_piece).answer())


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        settings: MqttSettings,
        request: AskRequest,
        timeout_s: float,
        on_piece: Callable[[str], None] | None,
    ) -> None:
        self._settings = settings
        self._request = request
        self._deadline = time.monotonic() + timeout_s
        self._timeout_s = timeout_s
        self._on_piece = on_piece or (lambda piece: None)
        self._topics = Topics.of(settings)
        #: Where it asks and hears as somebody in particular; see `Topics`.
        self._operator = self._topics.operator_of(f"{self._topics.ask}/{settings.username}")
        self._next_piece = 0
        self._state: RobotState | None = None
        self._asked = False

    async def answer(self) -> Answer:
        backoff = Backoff(_RETRY_S, _RETRY_MAX_S)
        while True:
            try:
                return await asyncio.wait_for(self._over_one_connection(), self._left_s())
            except asyncio.TimeoutError as error:
                raise LinkError(self._silence()) from error
            except Refused:
                raise
            except LinkError:
                wait_s = backoff.failure_s()
                if not self._asked or self._left_s() <= wait_s:
                    raise
                await asyncio.sleep(wait_s)

    def _left_s(self) -> float:
        return max(0.001, self._deadline - time.monotonic())

    async def _over_one_connection(self) -> Answer:
        name = self._request.id
        answers = self._topics.answer(name, self._operator)
        async with Connection(
            self._settings,
            client_id=f"ask-{uuid.uuid4().hex}",
            session_expiry_s=0,
            max_payload_bytes=self._settings.max_packet_bytes,
        ) as connection:
            await connection.listen(answers)
            await connection.watch(self._topics.status)
            await connection.send(
                Outgoing(
                    self._topics.ask_of(self._operator),
                    self._request.model_dump_json(exclude_defaults=True).encode(),
                    correlation=name.encode(),
                    response_topic=answers,
                    expiry_s=max(1, round(self._left_s())),
                    user=(("client", self._settings.username or "embodied-agent ask"),),
                )
            )
            self._asked = True
            while True:
                for message in await connection.next():
                    message.acknowledge()
                    answer = self._read(message)
                    if answer is not None:
                        return answer

    def _read(self, message: Incoming) -> Answer | None:
        payload = message.payload or b""
        if message.fault:  # not a message of this program
            return None
        if message.topic == self._topics.status:
            with suppress(ValidationError):
                self._state = RobotState.model_validate_json(payload)
            return None
        with suppress(ValidationError):
            piece = PieceMessage.model_validate_json(payload)
            # After a reconnection, pieces may arrive twice.
            if piece.number >= self._next_piece:
                self._next_piece = piece.number + 1
                self._on_piece(piece.text)
            return None
        with suppress(ValidationError):
            raise self._refusal(ErrorMessage.model_validate_json(payload))
        with suppress(ValidationError):
            return answer_from(AnswerMessage.model_validate_json(payload))
        raise Refused(
            f"{self._settings.robot} sent something that is not an answer; it may run another "
            "version of embodied-agent"
        )

    def _refusal(self, message: ErrorMessage) -> AgentError:
        kinds: dict[str, type[AgentError]] = {
            "busy": Busy,
            "dropped": Busy,
            "bad_request": QuestionError,
            "bad_question": QuestionError,
            "too_large": QuestionError,
        }
        return kinds.get(message.error.code, Refused)(
            f"{self._settings.robot} refuses the question: {message.error.message}"
        )

    def _silence(self) -> str:
        robot = self._settings.robot
        place = f"{self._settings.host}:{self._settings.port}"
        if not self._asked:
            return f"the MQTT broker {place} did not reply within {self._timeout_s:g} s"
        if self._state is None:
            why = (
                f"the broker {place} does not know this robot: check its name, and that this user "
                f"may read {self._topics.status}"
            )
        elif self._state.state == "offline":
            why = f"it is offline ({self._state.reason})"
        else:
            why = "it is online; allow more with --set reasoning.timeout_s=…"
        return f"no answer from {robot} within {self._timeout_s:g} s: {why}"
