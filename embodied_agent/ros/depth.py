"""Depth beside a camera's images: each image waits briefly for the depth picture of its moment.

Depth usually arrives slightly later than its image. As long as depth comes, an image waits for it,
for a tenth of a second at most and in order; without depth, images do not wait. Depth that is not
registered to the camera is not used, and the log and diagnostics say why.

Out of scope: what registered means (`embodied_agent.sources.registration`), pairing by stamp
(`embodied_agent.sources.depth_track`).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from statistics import median
from typing import Any, NamedTuple

import numpy as np

from embodied_agent.records import Depth, Frame, Intrinsics
from embodied_agent.ros.images import intrinsics_from, stamp_ns
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.sources.depth import (
    UNITS_PER_METRE,
    depth_from_compressed,
    depth_from_raw,
    packed_size,
    size_as_taken,
)
from embodied_agent.sources.depth_track import DepthTrack
from embodied_agent.sources.registration import View, why_unregistered

#: Longest wait of an image for its depth, in seconds.
WAIT_S = 0.1
#: Depth that gave nothing new for this long is not waited for, in seconds.
_ALIVE_S = 1.0
#: Maximum number of waiting images; beyond it, the oldest stops waiting.
_MOST_HELD = 8
#: So many images in a row without depth that is registered are told of: calibrations come late.
_TELL_AFTER = 5
_OFF = "off"


def depth_topic(node: Any, settings: SourceSettings, name: str) -> str:
    """The full name of a camera's depth topic; "": it has none.

    ``name`` is of one of several cameras, "" for the only one. That one's topic is also `depth`,
    where that is remapped.
    """
    if settings.depth_topic.strip().lower() == _OFF:
        return ""
    if name:
        topic = dict(pair.split("=", 1) for pair in settings.depth_topics).get(name, "")
    else:
        topic = settings.depth_topic
    if topic:
        return str(node.resolve_topic_name(topic))
    own = str(node.resolve_topic_name("depth"))
    remapped = own != node.resolve_topic_name("depth", only_expand=True)
    return own if remapped and not name else ""


def is_packed(topic: str) -> bool:
    """Whether a depth topic holds sensor_msgs/CompressedImage, by its name."""
    return topic.rpartition("/")[2] in ("compressedDepth", "compressed")


class _Held(NamedTuple):
    frame: Frame
    deadline_s: float


class DepthPairing:
    """Gives the images of one camera their depth and passes them on, in their order.

    Args:
        topic: of the depth pictures.
        colour: the topic of the images.
        settings: of the source.
        pass_on: takes each frame.
        warn: told (kind, message) of what can't be used.
        same_place: whether two frames coincide by TF; ``None`` where it does not say.
        max_bytes: larger depth pictures are refused.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        topic: str,
        colour: str,
        settings: SourceSettings,
        *,
        pass_on: Callable[[Frame], object],
        warn: Callable[[str, str], object],
        same_place: Callable[[str, str], bool | None],
        max_bytes: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.topic = topic
        self._colour = colour
        self._scale = settings.depth_scale or UNITS_PER_METRE
        self._pass_on, self._warn = pass_on, warn
        self._same_place, self._clock = same_place, clock
        self._max_bytes = max_bytes
        self._track = DepthTrack(0, self._refuse)
        self._held: deque[_Held] = deque()
        self._steps: deque[int] = deque(maxlen=9)
        self._last_ns = 0
        self._life_s = -math.inf
        self._view: View | None = None
        self._intrinsics: Intrinsics | None = None
        self._checked: tuple[object, str] = (None, "")
        self._refused = 0
        self.paired = 0

    @property
    def state(self) -> str:
        """What comes of the topic, in words."""
        if self._view is None:
            return f"none has come ({self.topic})"
        why = self._checked[1]
        return f"not used: {why} ({self.topic})" if why else f"{self.paired} used ({self.topic})"

    @property
    def waiting(self) -> bool:
        """Whether images wait; `release` must then be called again soon."""
        return bool(self._held)

    def add(self, message: Any) -> None:
        """The next depth picture: a sensor_msgs/Image or CompressedImage."""
        size = len(message.data)
        if size > self._max_bytes:
            self._refuse(f"{size:,} bytes; ros.max_image_bytes allows {self._max_bytes:,}")
            return
        at_ns = stamp_ns(message.header.stamp)
        if at_ns <= 0:
            self._refuse("depth pictures come without a stamp; set header.stamp in the driver")
            return
        if at_ns < self._track.newest_ns - CLOCK_RESTART_NS:
            self._track.clear()
        self._life_s = self._clock()
        self._view = self._seen(message)
        self._track.add(at_ns, partial(self._decoded, message), size)
        self.release()

    def add_info(self, message: Any) -> None:
        """A sensor_msgs/CameraInfo of the depth pictures."""
        self._intrinsics = intrinsics_from(message) or self._intrinsics

    def offer(self, frame: Frame) -> None:
        """The next image."""
        step = frame.stamp_ns - self._last_ns
        if self._last_ns and 0 < step < CLOCK_RESTART_NS:
            self._steps.append(step)
            self._track.set_interval(round(median(self._steps)))
        self._last_ns = frame.stamp_ns
        now = self._clock()
        # Depth that is not used is not waited for either.
        alive = now - self._life_s < _ALIVE_S and not self._checked[1]
        self._held.append(_Held(frame, now + WAIT_S if alive else now))
        self.release()

    def release(self) -> None:
        """Pass on those that have their depth and those that have waited long enough."""
        while self._held:
            frame, deadline_s = self._held[0]
            wait = not self._track.knows(frame.stamp_ns) and self._clock() < deadline_s
            if wait and len(self._held) <= _MOST_HELD:
                break
            self._held.popleft()
            self._pass_on(self._with_depth(frame))

    def flush(self) -> None:
        """Pass on all that wait, with the depth that is known."""
        while self._held:
            self._pass_on(self._with_depth(self._held.popleft().frame))

    def clear(self) -> None:
        """The clock jumped: what waits goes on, and old depth is forgotten."""
        self.flush()
        self._track.clear()

    def _with_depth(self, frame: Frame) -> Frame:
        size, depth = size_as_taken(frame), None
        if self._view and size and not self._unregistered(frame, size, self._view):
            depth = self._track.at(frame.stamp_ns, size)
        self._track.forget_before(frame.stamp_ns)
        self.paired += depth is not None
        return frame if depth is None else replace(frame, depth=depth)

    def _unregistered(self, frame: Frame, size: tuple[int, int], depth: View) -> str:
        """Why depth does not belong to an image; costs nothing while both stay the same."""
        depth = replace(depth, intrinsics=self._intrinsics)
        eye = frame.frame_id.lstrip("/")
        colour = View(self._colour, size, frozenset({eye}), frame.intrinsics)
        place = self._same_place(eye, min(depth.frame_ids, default=""))
        key = (colour, depth, place)
        if self._checked[0] != key:
            why = why_unregistered(colour, depth, same_place=place, named=not depth.frame_ids)
            self._checked = (key, why)
            self._refused = 0
        why = self._checked[1]
        self._refused += bool(why)
        if why and self._refused >= _TELL_AFTER:
            self._warn("depth_unregistered", f"the depth of {self.topic} is not used: {why}")
        return why

    def _seen(self, message: Any) -> View:
        """What a message says of itself."""
        frame_id = str(message.header.frame_id).lstrip("/")
        if hasattr(message, "encoding"):
            size = (int(message.width), int(message.height))
        else:
            known = packed_size(bytes(message.data[:4096]), message.format)
            size = known or (0, 0)
        frames = frozenset({frame_id}) if frame_id else frozenset[str]()
        return View(self.topic, size if min(size) > 0 else None, frames, None)

    def _decoded(self, message: Any) -> Depth:
        if not hasattr(message, "encoding"):
            data, form = bytes(message.data), str(message.format)
            return depth_from_compressed(data, form, units_per_metre=self._scale)
        return depth_from_raw(
            np.frombuffer(message.data, np.uint8),
            encoding=str(message.encoding),
            width=int(message.width),
            height=int(message.height),
            step=int(message.step),
            is_bigendian=bool(message.is_bigendian),
            units_per_metre=self._scale,
        )

    def _refuse(self, why: str) -> None:
        self._warn("invalid_depth", f"a depth picture of {self.topic} can't be used: {why}")
