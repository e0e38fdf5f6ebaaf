"""Mentions that tests of the memory store.

Out of scope: whole memories (`damage`, `random_memories`).
"""

from __future__ import annotations

from embodied_agent.records import Mention

SOFA = Mention("red sofa", "front-left", "near")
LAMP = Mention("blue lamp", "right", None)
