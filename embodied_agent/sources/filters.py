"""Turns every picture upright, and masks and redacts it, before anything else sees it.

Applied where frames enter (sources and the ROS node), so that no store, model, page or broker
holds what was masked.

Out of scope: finding faces or plates. A function that does can be named in ``source.redact``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

import cv2
import numpy as np

from embodied_agent.errors import SettingsError
from embodied_agent.images import BadImage, decode, upright_intrinsics
from embodied_agent.records import Frame, Image, Intrinsics
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.mounts import turned_mount

#: Where packages offer functions that redact pictures.
REDACTION_GROUP = "embodied_agent.redact"
Redaction = Callable[[Image], Any]
_Polygon = Sequence[tuple[float, float]]
_TURNS = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}


class Filters:
    """The changes that the settings ask for, in their order: turn, mask, redact.

    Args:
        settings: of the source.
        turns: quarter turns clockwise that the source itself asks for.

    Raises:
        SettingsError: no entry point has the name of ``source.redact``, or it can't be loaded.
    """

    def __init__(self, settings: SourceSettings, turns: int = 0) -> None:
        self.turns = turns % 4 if settings.rotate == "auto" else int(settings.rotate) // 90
        self._polygons = [polygon_of(text) for text in settings.mask]
        self._redact = load_redaction(settings.redact) if settings.redact else None

    def __bool__(self) -> bool:
        return bool(self.turns or self._polygons or self._redact)

    def apply(self, frame: Frame) -> Frame:
        """The frame as it may be seen.

        Raises:
            BadImage: it can't be decoded, or redacting it failed: it must not be passed on.
        """
        if not self:
            return frame
        image = decode(frame)
        if self.turns:
            image = np.ascontiguousarray(cv2.rotate(image, _TURNS[self.turns])).astype(np.uint8)
        if self._polygons:
            image = masked(image, self._polygons)
        if self._redact is not None:
            image = _redacted(image, self._redact)
        intrinsics = upright_intrinsics(frame)
        if intrinsics is not None and self.turns:
            intrinsics = turned_intrinsics(intrinsics, self.turns)
        mount = frame.mount
        if mount is not None and self.turns:
            mount = turned_mount(mount, self.turns)
        return replace(
            frame, image=image, encoded=None, preview=None, intrinsics=intrinsics, mount=mount
        )


def load_redaction(name: str) -> Redaction:
    """The function that an installed package offers under this name.

    Raises:
        SettingsError: there is none, or it can't be loaded.
    """
    offers = {point.name: point for point in entry_points(group=REDACTION_GROUP)}
    if name not in offers:
        names = ", ".join(sorted(offers)) or "none is installed"
        raise SettingsError(
            f"source.redact: no entry point {name!r} in the group {REDACTION_GROUP!r}: {names}"
        )
    try:
        function = offers[name].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"source.redact: can't load {name!r}: {error}") from error
    if not callable(function):
        raise SettingsError(f"source.redact: {name!r} is not a function")
    return function  # type: ignore[no-any-return]


def polygon_of(text: str) -> list[tuple[float, float]]:
    """The points of a polygon as the settings have it: ``x,y x,y x,y``."""
    points = (point.split(",") for point in text.split())
    return [(float(x), float(y)) for x, y in points]


def masked(image: Image, polygons: Sequence[_Polygon]) -> Image:
    """A copy with the polygons in black; points as parts of the size (0 to 1), or in pixels."""
    height, width = image.shape[:2]
    copy: Image = image.copy()
    for polygon in polygons:
        points = np.asarray(polygon, np.float64).reshape(-1, 2)
        if points.size and float(points.max()) <= 1.0:
            points = points * (width, height)
        # Outwards, so that no pixel is left that a polygon touches.
        low, high = np.floor(points), np.ceil(points)
        for corners in (low, high):
            cv2.fillPoly(copy, [corners.astype(np.int32)], (0, 0, 0))
    return copy


def turned_intrinsics(camera: Intrinsics, turns: int) -> Intrinsics:
    """The camera as it is after so many quarter turns of its picture clockwise."""
    for _ in range(turns % 4):
        camera = Intrinsics(
            camera.fy,
            camera.fx,
            camera.height - 1 - camera.cy,
            camera.cx,
            camera.height,
            camera.width,
        )
    return camera


def _redacted(image: Image, redact: Redaction) -> Image:
    try:
        result = redact(image.copy())
    except Exception as error:
        # Foreign code: whatever it raises, the picture must not pass.
        raise BadImage("redaction_failed", f"source.redact raised {error!r}") from error
    if not isinstance(result, np.ndarray) or result.dtype != np.uint8:
        raise BadImage("redaction_failed", "source.redact returned no uint8 picture")
    if result.shape != image.shape:
        raise BadImage("redaction_failed", f"source.redact changed the size to {result.shape}")
    redacted: Image = result
    return redacted
