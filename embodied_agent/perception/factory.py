"""The perceiver that the settings name. Each backend is imported only when chosen.

Out of scope: what the backends have in common (`base`), how ``auto`` chooses (`auto`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodied_agent.perception.base import Perceiver
from embodied_agent.records import Keyframe
from embodied_agent.settings import PerceptionSettings


def make_perceiver(
    settings: PerceptionSettings,
    firsts: Callable[[Keyframe], Sequence[Keyframe]] | None = None,
) -> Perceiver:
    """The perceiver that ``settings.backend`` names.

    Args:
        settings: of perception.
        firsts: for ``auto``: finds the first keyframes of a keyframe's segment, with pictures.

    Raises:
        ModelError: the checkpoint can't be loaded.
    """
    if settings.backend == "auto":
        from embodied_agent.perception.auto import AutoPerceiver, resolve_backend

        settings = resolve_backend(settings)
        if settings.backend == "auto":
            return AutoPerceiver(settings, firsts)
    if settings.backend == "geometry":
        from embodied_agent.perception.geometry import GeometryPerceiver

        return GeometryPerceiver()
    if settings.backend == "served":
        from embodied_agent.perception.served import ServedPerceiver

        served = ServedPerceiver(settings)
        if not settings.detector.model:
            return served
        from embodied_agent.perception.locating import LocatingPerceiver

        return LocatingPerceiver(served, settings)
    if settings.backend == "detector":
        from embodied_agent.perception.detector import DetectorPerceiver

        return DetectorPerceiver(settings)
    from embodied_agent.perception.builtin import BuiltinPerceiver

    return BuiltinPerceiver(settings)
