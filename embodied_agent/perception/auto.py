"""Chooses the perceiver: the server or detector that is set, else one that suits the pictures.

The built-in perceiver knows only the simulated worlds. So the first keyframes of each segment are
examined: if they look like those worlds, it perceives them; otherwise only the camera's motion is
noted, which is honest on any video. The same keyframes lead to the same choice, whenever perception
starts or resumes.

Out of scope: how pictures are told apart (`simulated_look`), the perceivers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from statistics import fmean

from embodied_agent.errors import DecodeError
from embodied_agent.images import decode
from embodied_agent.models.naming import DEMO
from embodied_agent.perception.base import Perceiver
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.perception.simulated_look import odds
from embodied_agent.records import Delta, Frame, Keyframe
from embodied_agent.settings import PerceptionSettings

_log = logging.getLogger(__name__)

#: So many first keyframes of a segment decide.
FIRST = 5
NOTICE = (
    "The pictures do not look like the simulated worlds, so only the camera's motion is noted; for "
    "real pictures set perception.server (a vision-language model) or perception.detector.model"
)
#: Finds the first keyframes of a keyframe's segment, with pictures.
Firsts = Callable[[Keyframe], Sequence[Keyframe]]


def resolve_backend(settings: PerceptionSettings) -> PerceptionSettings:
    """``settings`` with the backend that ``auto`` means where no picture is needed to tell: the
    server where one is set, the detector or the built-in model where its checkpoint is named."""
    if settings.backend != "auto":
        return settings
    if "server" in settings.model_fields_set and settings.server.model_fields_set:
        return settings.model_copy(update={"backend": "served"})
    if settings.detector.model:
        return settings.model_copy(update={"backend": "detector"})
    if settings.model_path:
        return settings.model_copy(update={"backend": "builtin"})
    return settings


class AutoPerceiver:
    """`Perceiver` that leaves each keyframe to the built-in perceiver or to the geometry.

    Args:
        settings: of perception; the built-in model is loaded when it is first needed.
        firsts: finds the first keyframes of a segment; without it, those that came here count.
    """

    def __init__(self, settings: PerceptionSettings, firsts: Firsts | None = None) -> None:
        self._settings = settings
        self._firsts = firsts
        self._lock = threading.Lock()
        self._odds: dict[int, float] = {}
        self._first: dict[int, list[int]] = {}
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
        return self._choose(current).perceive(previous, current)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Release the perceivers. Safe to call twice."""
        for perceiver in self._made.values():
            perceiver.close()

    def _choose(self, current: Keyframe) -> Perceiver:
        with self._lock:
            first = [number for number in self._first_ids(current) if number <= current.id]
            mean = fmean(self._odds[number] for number in first)
            backend = "builtin" if mean > 0 else "geometry"
            chosen = self._made.get(backend)
            if chosen is None:
                chosen = self._made[backend] = self._make(backend)
            if chosen is not self._latest:
                self._latest = chosen
                self.notice = NOTICE if backend == "geometry" else ""
                _log.warning("perception: %s. %s", chosen.name, self.notice or DEMO)
        return chosen

    def _first_ids(self, current: Keyframe) -> list[int]:
        """Ids of the first keyframes of the segment, ``current`` at the latest; all have odds."""
        known = self._first.setdefault(current.segment, [])
        if len(known) < FIRST:
            found = self._firsts(current) if self._firsts is not None else ()
            for keyframe in (*found, current):
                if keyframe.jpeg and keyframe.id not in known:
                    known.append(keyframe.id)
                    self._odds[keyframe.id] = _odds_of(keyframe)
            known.sort()
            del known[FIRST:]
        return known if known and known[0] <= current.id else [self._alone(current)]

    def _alone(self, current: Keyframe) -> int:
        """A keyframe that is judged by itself, its segment's first ones being gone."""
        self._odds.setdefault(current.id, _odds_of(current))
        return current.id

    def _make(self, backend: str) -> Perceiver:
        if backend == "geometry":
            return GeometryPerceiver()
        from embodied_agent.perception.builtin import BuiltinPerceiver

        return BuiltinPerceiver(self._settings)


def _odds_of(keyframe: Keyframe) -> float:
    try:
        return odds(decode(Frame(keyframe.stamp_ns, encoded=keyframe.jpeg)))
    except DecodeError:
        return -1.0  # nothing that a renderer made
