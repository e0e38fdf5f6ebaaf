"""Which perceiver: the server where one is set, else whatever suits the pictures, and why.

The built-in perceiver knows the simulated worlds only. So the first keyframes of each segment are
looked at: where they look like those worlds, it perceives them; else only the camera's motion is
noted, which is honest on any video. The same keyframes lead to the same choice, whenever perception
begins or goes on.

Out of scope: how pictures are told apart (`simulated_look`), the perceivers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any

from embodied_agent.errors import DecodeError
from embodied_agent.images import decode
from embodied_agent.perception.base import Perceiver, make_perceiver
from embodied_agent.perception.simulated_look import odds
from embodied_agent.records import Delta, Frame, Keyframe
from embodied_agent.settings import PerceptionSettings

_log = logging.getLogger(__name__)

#: So many first keyframes of a segment decide.
FIRST = 5
NOTICE = (
    "The pictures do not look like the simulated worlds, so only the camera's motion is noted; for "
    "real pictures set perception.backend=served and perception.server (a vision-language model)"
)
#: Finds the first keyframes of a keyframe's segment, with pictures.
Firsts = Callable[[Keyframe], Sequence[Keyframe]]


def resolve_backend(settings: PerceptionSettings) -> PerceptionSettings:
    """``settings`` with the backend that ``auto`` means where no picture is needed to tell: the
    server where one is set, the built-in model where its checkpoint is named."""
    if settings.backend != "auto":
        return settings
    if "server" in settings.model_fields_set and settings.server.model_fields_set:
        return settings.model_copy(update={"backend": "served"})
    if settings.model_path:
        return settings.model_copy(update={"backend": "builtin"})
    return settings


class AutoPerceiver:
    """`Perceiver` that leaves each keyframe to the built-in perceiver or to the geometry.

    Args:
        settings: of perception; the built-in model is loaded when it is first needed.
        firsts: finds the first keyframes of a segment; without it, the pair at hand decides.
    """

    def __init__(self, settings: PerceptionSettings, firsts: Firsts | None = None) -> None:
        self._settings = settings
        self._firsts = firsts or (lambda keyframe: ())
        self._lock = threading.Lock()
        self._odds: dict[int, float] = {}
        self._made: dict[str, Perceiver] = {}
        self._latest: Perceiver | None = None
        self.notice = ""

    @property
    def name(self) -> str:
        """The perceiver that was chosen last, ``auto`` before there was one."""
        return self._latest.name if self._latest else "auto"

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """As the perceiver that suits the segment; see `Perceiver.perceive`.

        Raises:
            ModelError: the built-in model can't be loaded.
            DecodeError: the keyframe's picture can't be decoded.
        """
        return self._choose(previous, current).perceive(previous, current)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def status(self) -> dict[str, Any]:
        """What the perceiver that was chosen last tells of its replies."""
        return dict(getattr(self._latest, "status", dict)())

    def close(self) -> None:
        """Release the perceivers. Safe to call twice."""
        for perceiver in self._made.values():
            perceiver.close()

    def _choose(self, previous: Keyframe | None, current: Keyframe) -> Perceiver:
        firsts = [k for k in self._firsts(current) if k.id <= current.id and k.jpeg][:FIRST]
        seen = firsts or [k for k in (previous, current) if k is not None]
        with self._lock:
            mean = sum(map(self._odds_of, seen)) / len(seen)
            backend = "builtin" if mean > 0 else "geometry"
            chosen = self._made.get(backend)
            if chosen is None:
                settings = self._settings.model_copy(update={"backend": backend})
                chosen = self._made[backend] = make_perceiver(settings)
            if chosen is not self._latest:
                self._latest = chosen
                self.notice = NOTICE if backend == "geometry" else ""
                _log.warning(
                    "perception: %s. %s", chosen.name, self.notice or "built-in demo models"
                )
        return chosen

    def _odds_of(self, keyframe: Keyframe) -> float:
        known = self._odds.get(keyframe.id)
        if known is None:
            try:
                known = odds(decode(Frame(keyframe.stamp_ns, encoded=keyframe.jpeg)))
            except DecodeError:
                known = -1.0  # nothing that a renderer made
            self._odds[keyframe.id] = known
        return known
