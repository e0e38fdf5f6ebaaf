"""Notes values that come over MQTT.

Each message is acknowledged once its value is in the memory, or refused. A refusal is logged and
counted, and sent to the response topic if the message has one.

Out of scope: requests (`desk`), which values are noted (`embodied_agent.agent`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, StoreError
from embodied_agent.interfaces.mqtt.desk import Desk
from embodied_agent.interfaces.mqtt.messages import Code, Refusal, fact_address, parse_fact
from embodied_agent.interfaces.mqtt.packets import Incoming
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.wire.facts import FactRequest


class FactDesk:
    """Notes the values in messages. Used on one asyncio loop.

    Args:
        agent: the agent that notes them.
        desk: sends refusals.
        topics: of the robot.
        max_bytes: size of the largest message that is read.
    """

    def __init__(self, agent: Agent, desk: Desk, topics: Topics, max_bytes: int) -> None:
        self._agent = agent
        self._desk = desk
        self._topics = topics
        self._max_bytes = max_bytes

    async def take(self, messages: Sequence[Incoming]) -> None:
        """Note what messages of the topics of facts say. Never raises because of their contents.

        Retained messages are left out, because they don't say when they were published.
        """
        for message in messages:
            if not message.retain and message.expiry_s != 0:
                refusal = await self._noted(message)
                if refusal is not None:
                    self._desk.refuse(refusal)
            message.acknowledge()

    async def _noted(self, message: Incoming) -> Refusal | None:
        parsed = parse_fact(message, self._topics, self._max_bytes)
        if isinstance(parsed, Refusal):
            return parsed
        try:
            await asyncio.to_thread(self._note, parsed)
        except AgentError as error:
            code: Code = "store_failed" if isinstance(error, StoreError) else "bad_request"
            return Refusal(fact_address(message, self._topics), "", code, str(error))
        return None

    def _note(self, request: FactRequest) -> None:
        self._agent.note(request.name, request.value, request.stamp_ns, by=request.by)
