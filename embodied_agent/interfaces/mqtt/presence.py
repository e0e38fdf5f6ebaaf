"""The retained status of a robot: online with details, or offline and why.

The broker publishes the last will, "connection lost", by itself. A status that is too large for the
broker is sent without its details.

Out of scope: what is counted (`service`, `embodied_agent.agent.status`), the models (`messages`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Literal

import embodied_agent
from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.codec import JsonObject, encodable, to_values
from embodied_agent.errors import StoreError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.faults import TooLarge
from embodied_agent.interfaces.mqtt.messages import StatusMessage, status_payload
from embodied_agent.interfaces.mqtt.packets import Outgoing
from embodied_agent.interfaces.mqtt.sender import Sender
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.status import MqttStatus
from embodied_agent.interfaces.wire.from_records import without_credentials_in
from embodied_agent.interfaces.wire.models import RobotFaultReply, RobotStatusReply
from embodied_agent.settings import MqttSettings
from embodied_agent.support.redaction import without_credentials


class Presence:
    """Says on the status topic whether one robot is there.

    Args:
        agent: whose status is published.
        questions: the question queue, whose counters are published along.
        topics: where the status is published.
        settings: the robot's name, and how often its status is published.
        mqtt_status: the state of the MQTT service, which is published along.
    """

    def __init__(
        self,
        agent: Agent,
        questions: QuestionQueue,
        topics: Topics,
        settings: MqttSettings,
        mqtt_status: Callable[[], MqttStatus],
    ) -> None:
        self._agent = agent
        self._questions = questions
        self._topics = topics
        self._settings = settings
        self._mqtt_status = mqtt_status

    async def keep_online(self, connection: Connection, sender: Sender) -> None:
        """Publish the status again and again, until the connection is lost.

        Raises:
            LinkError: the connection is lost.
        """
        while True:
            await asyncio.sleep(self._settings.status_interval_s)
            await self.say_online(connection, sender)

    async def say_online(self, connection: Connection, sender: Sender) -> None:
        """Publish the status as it is now.

        Raises:
            LinkError: the broker does not take it, or the connection is lost.
        """
        try:
            await sender.send_plainly(connection, await self._online())
        except TooLarge:
            bare = self._status_message("online", "", time.time(), None)
            await sender.send_plainly(connection, bare)

    async def _online(self) -> Outgoing:
        surroundings: JsonObject = {
            "asks": to_values(self._questions.status()),
            "mqtt": without_credentials_in(self._mqtt_status()),
        }
        details: RobotStatusReply | RobotFaultReply
        try:
            status = await asyncio.to_thread(self._agent.status)
            details = RobotStatusReply.model_validate(
                {**without_credentials_in(status), **surroundings}
            )
        except StoreError as error:
            details = RobotFaultReply.model_validate(
                {**surroundings, "last_error": without_credentials(encodable(str(error)))}
            )
        return self._status_message("online", "", time.time(), details)

    def offline(self, reason: str) -> Outgoing:
        """The message that the robot is not there: ``connection lost`` or ``stopped``."""
        return self._status_message(
            "offline", reason, time.time() if reason == "stopped" else None, None
        )

    def _status_message(
        self,
        state: Literal["online", "offline"],
        reason: str,
        at_s: float | None,
        details: RobotStatusReply | RobotFaultReply | None,
    ) -> Outgoing:
        message = StatusMessage(
            robot=self._settings.robot,
            state=state,
            reason=reason,
            version=embodied_agent.__version__,
            at_s=at_s,
            details=details,
        )
        return Outgoing(self._topics.status, status_payload(message), retain=True)
