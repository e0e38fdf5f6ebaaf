"""The diagnostics of a session: each check as a function of its current state.

Out of scope: what is good and what is bad, and publishing (`diagnostics`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from embodied_agent.ros import diagnostics
from embodied_agent.ros.diagnostics import Finding
from embodied_agent.settings import Settings

if TYPE_CHECKING:
    from embodied_agent.ros.session import Session


def checks_of(
    session: Session, settings: Callable[[], Settings]
) -> dict[str, Callable[[], Finding]]:
    """The checks of a session, by name."""
    meter = diagnostics.RateMeter()
    node = session.node

    def camera() -> Finding:
        reader, since_s = session.reader, session.active_since_s
        now_s = time.monotonic()
        return diagnostics.camera(
            active=since_s is not None,
            topic=session.topic,
            arrived=reader.arrived,
            rate_hz=meter.read(reader.arrived, now_s),
            age_s=diagnostics.age_s(reader.last_arrival_s),
            silent_s=settings().ros.silent_s,
            active_s=0.0 if since_s is None else now_s - since_s,
            status=session.watch.latest.status,
            warnings=session.warnings.counts(),
            publishers=node.count_publishers(session.topic),
        )

    def reasoning() -> Finding:
        return diagnostics.reasoning(
            session.watch.latest.status,
            session.questions.status(),
            session.servers.last_latency_s,
        )

    def memory() -> Finding:
        return diagnostics.memory(session.watch.latest.status, session.watch.latest.problem)

    return {
        "camera": camera,
        "memory": memory,
        "perception": lambda: diagnostics.perception(session.watch.latest.status),
        "reasoning": reasoning,
        "servers": lambda: diagnostics.servers(session.watch.latest.servers),
        "interfaces": lambda: diagnostics.interfaces(
            session.interfaces.problems(), session.interfaces.names
        ),
    }
