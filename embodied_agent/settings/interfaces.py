"""Settings of the interfaces: how the world outside reaches the agent."""

from __future__ import annotations

from pydantic import Field

from embodied_agent.settings.base import Section


class WebSettings(Section):
    """The page, the HTTP API, metrics and MCP, on one port."""

    enabled: bool = Field(False, description="serve them")


class MqttSettings(Section):
    """Questions and answers over an MQTT 5 broker."""

    enabled: bool = Field(False, description="connect to the broker")


class RosSettings(Section):
    """The ROS 2 node."""
