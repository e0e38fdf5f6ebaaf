"""A perceiver and a reasoner that a server runs, and the requests they make."""

from __future__ import annotations

import json
from typing import Any

import cv2
import numpy as np

from embodied_agent.perception.served import ServedPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.records import Action, Egomotion, Keyframe
from embodied_agent.settings import PerceptionSettings, ReasoningSettings, ServerSettings
from tests.support.served import (
    MODEL,
)

PROMPT = Prompt(system="", transcript="#0 start: red sofa front near.\n", task="Where is it?")
REPLY = json.dumps(
    {
        "action": "rotate left",
        "objects": [{"name": "red sofa", "direction": "front", "distance": "near"}],
        "observation": "A sofa.",
    }
)


def server_settings(url: str, **values: Any) -> ServerSettings:
    return ServerSettings(
        base_url=url, **{"model": MODEL, "timeout_s": 60, "max_retries": 0, **values}
    )


def reasoner(url: str, **values: Any) -> ServedReasoner:
    return ServedReasoner(
        ReasoningSettings(backend="served", server=server_settings(url, **values))
    )


def perceiver(url: str, **values: Any) -> ServedPerceiver:
    server = server_settings(url, **values)
    return ServedPerceiver(PerceptionSettings(backend="served", server=server))


def keyframe(number: int, **values: Any) -> Keyframe:
    image = np.full((48, 1280, 3), 40 * number, np.uint8)
    jpeg = cv2.imencode(".jpg", image)[1].tobytes()
    return Keyframe(number, number, jpeg, "overlap", width=1280, height=48, **values)


TURN = Egomotion(Action.ROTATE_LEFT, yaw_deg=30.0, confidence=0.9)
PAIR = (keyframe(0), keyframe(1, egomotion=TURN))


def ask(url: str, timeout_s: float = 5.0, **values: Any) -> str:
    served = reasoner(url, **values)
    try:
        return "".join(served.stream(PROMPT, timeout_s=timeout_s))
    finally:
        served.close()


def perceive(url: str, timeout_s: float = 5.0, **values: Any) -> str:
    served = perceiver(url, timeout_s=timeout_s, **values)
    try:
        return served.perceive(*PAIR).observation
    finally:
        served.close()
