"""Turns every picture upright, and masks and redacts it, before anything else sees it; its depth
picture, too.

Applied where frames enter (sources and the ROS node), so that no store, model, page or broker
holds what was masked.

Out of scope: finding faces or plates. A function that does can be named in ``source.redact``.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.errors import SettingsError
from embodied_agent.images import (
    BadImage,
    decode,
    depth_fault,
    upright_depth,
    upright_intrinsics,
)
from embodied_agent.records import Depth, Frame, Image, Intrinsics
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.mounts import turned_mount

_log = logging.getLogger(__name__)

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
        self._depth_problem = ""

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
        plain = image
        if self._polygons:
            image = masked(image, self._polygons)
        if self._redact is not None:
            image = _redacted(image, self._redact)
        depth = self._depth(frame)
        if depth is not None and image is not plain:
            depth = hidden_depth(depth, self._hidden(plain, image))
        intrinsics = upright_intrinsics(frame)
        if intrinsics is not None and self.turns:
            intrinsics = turned_intrinsics(intrinsics, self.turns)
        mount = frame.mount
        if mount is not None and self.turns:
            mount = turned_mount(mount, self.turns)
        return replace(
            frame,
            image=image,
            encoded=None,
            preview=None,
            intrinsics=intrinsics,
            mount=mount,
            depth=depth,
        )

    def _depth(self, frame: Frame) -> Depth | None:
        """The frame's depth, turned as its picture is; ``None`` if it is not that of the picture,
        so that what is to be hidden in it can't be told."""
        depth = frame.depth
        fault = depth_fault(frame)
        if fault != self._depth_problem:
            self._depth_problem = fault
            if fault:
                _log.warning("depth pictures are left out: %s", fault)
        if depth is None or fault:
            return None
        depth = upright_depth(frame, depth)
        return np.rot90(depth, -self.turns) if self.turns else depth

    def _hidden(self, plain: Image, image: Image) -> npt.NDArray[np.bool_]:
        """Which pixels of ``image`` don't show what ``plain`` shows, (height, width)."""
        hidden = np.asarray((plain != image).any(axis=2))
        if self._polygons:
            white = np.full(plain.shape[:2], 255, np.uint8)
            hidden |= masked(white, self._polygons) == 0
        return hidden


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


def hidden_depth(depth: Depth, hidden: npt.NDArray[np.bool_]) -> Depth:
    """A copy of a depth picture in which the ``hidden`` pixels of its colour picture, (height,
    width), are unknown, and those beside them."""
    high, wide = depth.shape
    size = (wide, high)
    marks = cv2.dilate(hidden.astype(np.float32), np.ones((3, 3), np.uint8))
    # The mean over each pixel of the depth picture is above 0 where any of it is hidden.
    shares = np.asarray(cv2.resize(marks, size, interpolation=cv2.INTER_AREA))
    copy: Depth = np.where(shares > 0, 0, depth).astype(np.uint16)
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
