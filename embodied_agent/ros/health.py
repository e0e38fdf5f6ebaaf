"""The diagnostics of a session: each check as a function of its current state.

Out of scope: what is good and what is bad, and publishing (`diagnostics`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from embodied_agent.ros import diagnostics
from embodied_agent.ros.diagnostics import Finding
from embodied_agent.settings import Settings

if TYPE_CHECKING:
    from embodied_agent.ros.camera import Camera
    from embodied_agent.ros.session import Session


def checks_of(
    session: Session, settings: Callable[[], Settings]
) -> dict[str, Callable[[], Finding]]:
    """The checks of a session, by name."""
    node = session.node

    def images_of(camera: Camera, meter: diagnostics.RateMeter) -> Finding:
        reader, since_s = camera.reader, session.active_since_s
        now_s = time.monotonic()
        return diagnostics.camera(
            active=since_s is not None,
            topic=camera.topic,
            calibration=f"{camera.calibration.state} ({camera.info_topic})",
            depth="" if camera.depth is None else camera.depth.state,
            advice=partial(session.image_advice, camera),
            arrived=reader.arrived,
            rate_hz=meter.read(reader.arrived, now_s),
            age_s=diagnostics.age_s(reader.last_arrival_s),
            silent_s=settings().ros.silent_s,
            active_s=0.0 if since_s is None else now_s - since_s,
            status=session.watch.latest.status,
            warnings=session.warnings.counts(),
            publishers=node.count_publishers(camera.topic),
        )

    def poses() -> Finding:
        return diagnostics.poses(
            source=settings().ros.pose,
            active=session.active_since_s is not None,
            counts=session.poses.as_dict(),
            share_without=session.poses.share_without,
            invalid=session.warnings.counts().get("invalid_pose", 0),
        )

    def reasoning() -> Finding:
        return diagnostics.reasoning(
            session.watch.latest.status,
            session.questions.status(),
            session.servers.last_latency_s,
        )

    def memory() -> Finding:
        return diagnostics.memory(session.watch.latest.status, session.watch.latest.problem)

    cameras = {
        f"camera {camera.name}".strip(): partial(images_of, camera, diagnostics.RateMeter())
        for camera in session.cameras
    }
    return {
        **cameras,
        "poses": poses,
        "memory": memory,
        "perception": lambda: diagnostics.perception(session.watch.latest.status),
        "reasoning": reasoning,
        "servers": lambda: diagnostics.servers(session.watch.latest.servers),
        "interfaces": lambda: diagnostics.interfaces(
            session.interfaces.problems(), session.interfaces.names
        ),
    }
