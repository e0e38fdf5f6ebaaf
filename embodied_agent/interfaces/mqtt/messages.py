"""The messages: requests parsed from payloads, replies written to payloads.

All payloads are JSON in UTF-8; a reply's ``type`` says which of the models it is.

Out of scope: the topics (`topics`), the models shared with other interfaces
(`interfaces.wire.models`), sending (`sender`).
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import uuid
from dataclasses import dataclass
from typing import Literal
from urllib.parse import unquote

import pydantic_core
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from embodied_agent.agent.answerer import check_question
from embodied_agent.agent.turns import client_name
from embodied_agent.codec import encodable
from embodied_agent.errors import QuestionError
from embodied_agent.interfaces.mqtt.packets import Incoming
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.wire.facts import FactRequest
from embodied_agent.interfaces.wire.from_records import answer_reply, keyframe_reply
from embodied_agent.interfaces.wire.models import (
    AnswerReply,
    AskRequest,
    ErrorDetail,
    KeyframeReply,
    RobotFaultReply,
    RobotStatusReply,
)
from embodied_agent.interfaces.wire.refusals import field_errors
from embodied_agent.interfaces.wire.standing import AlertReply, alert_reply
from embodied_agent.memory.outbox import Address, Request
from embodied_agent.object_records import Alert
from embodied_agent.records import Answer, Delta, Keyframe, Question
from embodied_agent.support.redaction import without_credentials

_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}\Z")
_LONGEST_CORRELATION = 1024
_LONGEST_CLIENT = 256

#: Why a request is refused, in a word.
Code = Literal[
    "bad_request",
    "bad_question",
    "bad_response_topic",
    "too_large",
    "id_reused",
    "busy",
    "dropped",
    "store_failed",
    "undeliverable",
]


class AnswerMessage(AnswerReply):
    """The answer to a request. Where ``problem`` is not empty, it says why there is none."""

    type: Literal["answer"] = "answer"


class PieceMessage(BaseModel):
    """A piece of the reply while it is generated, for a request with ``stream``. Sent with QoS 0:
    some may be missing, the answer that follows is whole. ``number`` counts from 0."""

    model_config = ConfigDict(frozen=True)

    type: Literal["piece"] = "piece"
    id: str
    number: int
    text: str


class ErrorMessage(BaseModel):
    """A request that was refused and not asked. ``id`` is empty if it could not be read."""

    model_config = ConfigDict(frozen=True)

    type: Literal["error"] = "error"
    id: str
    error: ErrorDetail


class DeltaMessage(KeyframeReply):
    """A keyframe and what was seen in it, once its delta is committed to the memory."""

    type: Literal["delta"] = "delta"


class AlertMessage(AlertReply):
    """What a standing question waited for has happened."""

    type: Literal["alert"] = "alert"


class RobotState(BaseModel):
    """Whether a robot is there: the part of `StatusMessage` that every version sends."""

    model_config = ConfigDict(frozen=True)

    type: Literal["status"] = "status"
    robot: str
    state: Literal["online", "offline"]
    reason: str = Field("", description='when offline: "stopped" or "connection lost"')


class StatusMessage(RobotState):
    """The robot's state, retained. ``details`` (null when offline) holds the counters, queues,
    states and last errors of every stage; later versions may add to it."""

    version: str
    at_s: float | None = Field(description="robot's wall clock, seconds since 1970; null in a will")
    details: RobotStatusReply | RobotFaultReply | None = None


@dataclass(frozen=True, slots=True)
class Parsed:
    """A request that can be asked."""

    request: AskRequest
    stored: Request
    address: Address


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused. ``address`` is ``None`` if the refusal can't be delivered."""

    address: Address | None
    id: str
    code: Code
    message: str

    def payload(self) -> bytes:
        """The refusal as a message to the client."""
        return error_payload(self.id, self.code, self.message)


def parse(message: Incoming, topics: Topics, max_bytes: int) -> Parsed | Refusal:
    """The request in a message from a topic of requests."""
    operator = topics.operator_of(message.topic)
    correlation = message.correlation
    response = message.response_topic
    objection = "" if response is None else topics.objection(response, operator)
    address = None
    if response is not None and not objection and len(correlation) <= _LONGEST_CORRELATION:
        address = Address(response, correlation)
    if message.payload is None:
        text = f"the request has {message.size:,} bytes; at most {max_bytes:,} are read"
        return Refusal(address, "", "too_large", text)
    name = _id_of(message.payload)
    if address is None and name:
        address = Address(topics.answer(name, operator), correlation[:_LONGEST_CORRELATION])
    if message.fault:
        text = f"the MQTT properties of the request can't be read ({message.fault})"
        return Refusal(address, name, "bad_request", text)
    if objection:
        return Refusal(address, name, "bad_response_topic", objection)
    if len(correlation) > _LONGEST_CORRELATION:
        text = (
            f"{len(correlation)} bytes of correlation data; at most {_LONGEST_CORRELATION} are kept"
        )
        return Refusal(address, name, "bad_request", text)
    try:
        request = AskRequest.model_validate_json(message.payload)
        check_question(request.to_question(1.0))
    except ValidationError as error:
        text = field_errors(list(error.errors(include_url=False, include_input=False)))
        return Refusal(address, name, "bad_request", text)
    except QuestionError as error:
        return Refusal(address, name, "bad_question", str(error))
    if not request.id:
        # Without an id, a repetition can't be told from a second question.
        request = request.model_copy(update={"id": f"auto-{uuid.uuid4().hex}"})
    now = time.time()
    stored = Request(
        id=request.id,
        digest=_digest(request),
        body=request.model_dump_json(),
        client=_client_of(message, topics, operator),
        received_at_s=now,
        expires_at_s=None if message.expiry_s is None else now + message.expiry_s,
    )
    address = address or Address(topics.answer(request.id, operator), correlation)
    return Parsed(request, stored, address)


def parse_fact(message: Incoming, topics: Topics, max_bytes: int) -> FactRequest | Refusal:
    """The value to note in a message from a topic of facts. A refusal goes to the response topic,
    if there is one."""
    operator = topics.operator_of(message.topic)
    address = fact_address(message, topics)
    if message.payload is None:
        text = f"the fact has {message.size:,} bytes; at most {max_bytes:,} are read"
        return Refusal(address, "", "too_large", text)
    try:
        request = FactRequest.model_validate_json(message.payload)
    except ValidationError as error:
        text = field_errors(list(error.errors(include_url=False, include_input=False)))
        return Refusal(address, "", "bad_request", text)
    by = request.by.strip() or operator or "an MQTT client"
    return request.model_copy(update={"by": by})


def fact_address(message: Incoming, topics: Topics) -> Address | None:
    """Where the refusal of a fact may be sent; ``None`` if nowhere."""
    response, operator = message.response_topic, topics.operator_of(message.topic)
    if response is None or topics.objection(response, operator):
        return None
    return Address(response, message.correlation[:_LONGEST_CORRELATION])


def answer_payload(question: Question, answer: Answer) -> str:
    """An answer as JSON."""
    reply = answer_reply(question, answer)
    return AnswerMessage.model_validate(reply.model_dump()).model_dump_json()


def piece_payload(request_id: str, number: int, text: str) -> bytes:
    """A piece of a reply as JSON."""
    message = PieceMessage(id=request_id, number=number, text=encodable(text))
    return message.model_dump_json().encode()


def error_payload(request_id: str, code: Code, message: str) -> bytes:
    """A refusal as JSON."""
    error = ErrorDetail(code=code, message=without_credentials(encodable(message)))
    return ErrorMessage(id=request_id, error=error).model_dump_json().encode()


def delta_payload(keyframe: Keyframe, delta: Delta) -> bytes:
    """A keyframe with its delta as JSON."""
    reply = keyframe_reply(keyframe, delta)
    return DeltaMessage.model_validate(reply.model_dump()).model_dump_json().encode()


def alert_payload(alert: Alert) -> bytes:
    """An alert as JSON."""
    reply = alert_reply(alert)
    return AlertMessage.model_validate(reply.model_dump()).model_dump_json().encode()


def status_payload(message: StatusMessage) -> bytes:
    """A status as JSON."""
    return message.model_dump_json().encode()


def _id_of(payload: bytes) -> str:
    """The id in a payload that may not be a request; empty if it has none that can be used."""
    try:
        values = pydantic_core.from_json(payload)
    except ValueError:
        return ""
    name = values.get("id") if isinstance(values, dict) else None
    return name if isinstance(name, str) and _ID.match(name) else ""


def _digest(request: AskRequest) -> bytes:
    """A digest that is equal for requests that ask the same."""
    content = [request.question, request.choices, request.at_ns]
    return hashlib.sha256(json.dumps(content).encode()).digest()[:16]


def _client_of(message: Incoming, topics: Topics, operator: str) -> str:
    """The client whose turn a request takes: the operator whose topic it came on and, below that,
    the name that it gives itself, else the topic of its answers."""
    user = next((value for name, value in message.user if name == "client"), "")
    topic = message.response_topic or ""
    if topic.startswith(topics.inbox()):
        topic = ""  # one per request: each would count as a new client
    own = (user or topic)[:_LONGEST_CLIENT]
    return client_name("mqtt", operator, *([own] if own else []))


def operator_in(client: str) -> str:
    """The operator in the name of a client of this interface; see `Request`."""
    interface, _, rest = client.partition("/")
    return unquote(rest.partition("/")[0]) if interface == "mqtt" else ""
