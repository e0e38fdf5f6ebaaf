"""The agent: joins the stages (keyframes, perception, memory, reasoning) into one live memory."""

from embodied_agent.agent.agent import Agent

__all__ = ["Agent"]
