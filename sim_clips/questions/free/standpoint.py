"""Where a question is asked from: the journey up to a keyframe, and the notes made on the way.

Out of scope: which keyframes there are (the keyframer's choice, or `training.text_worlds`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from embodied_agent.records import DIRECTIONS, Delta, Direction, Mention
from sim_clips.journey import Journey, View, direction_class, journey_of_truth, sector_gap
from sim_clips.scene import VISIBLE_PIXELS, CameraPose

#: A neighbouring direction is right too where the azimuth is at most this far from its sector.
DIRECTION_TOLERANCE_DEG = 10.0


@dataclass(frozen=True)
class Standpoint:
    """A journey whose view ``i`` is what ``deltas[i]`` was noted at, as of view ``now``."""

    journey: Journey
    deltas: Sequence[Delta]
    now: int

    @property
    def views(self) -> Sequence[View]:
        """The views up to now."""
        return self.journey.views[: self.now + 1]

    @property
    def notes(self) -> Sequence[Delta]:
        """The deltas up to now."""
        return self.deltas[: self.now + 1]

    def id(self, index: int) -> int:
        """The keyframe's id of a view."""
        return self.deltas[index].keyframe_id

    def seen(self, index: int) -> frozenset[str]:
        """What a view shows clearly enough to be seen."""
        visible = self.journey.views[index].visible
        return frozenset(n for n, pixels in visible.items() if pixels >= VISIBLE_PIXELS)

    def glimpsed(self, index: int) -> frozenset[str]:
        """What a view shows at all; whether a trace of a thing was seen is left open."""
        return frozenset(n for n, p in self.journey.views[index].visible.items() if p > 0)

    def noted(self, index: int) -> frozenset[str]:
        """What a delta names."""
        return frozenset(m.name for m in self.deltas[index].mentions)

    @cached_property
    def memory(self) -> frozenset[str]:
        """Every name that the notes hold."""
        return frozenset(m.name for delta in self.notes for m in delta.mentions)

    @cached_property
    def sightings(self) -> Mapping[str, tuple[int, ...]]:
        """The views that show each thing, by name, in order of first appearance."""
        shown: dict[str, list[int]] = {}
        for index in range(self.now + 1):
            for name in sorted(self.seen(index)):
                shown.setdefault(name, []).append(index)
        return {name: tuple(indexes) for name, indexes in shown.items()}

    @cached_property
    def known(self) -> tuple[str, ...]:
        """Names of things that were seen and noted, in order of first appearance."""
        return tuple(name for name in self.sightings if name in self.memory)

    @cached_property
    def traces(self) -> frozenset[str]:
        """Every name of which any view shows even a trace, or that the notes hold."""
        shown = (self.glimpsed(index) for index in range(self.now + 1))
        return frozenset().union(*shown) | self.memory

    def mention(self, name: str, index: int) -> Mention | None:
        """What the delta says of a thing."""
        return next((m for m in self.deltas[index].mentions if m.name == name), None)

    def noted_at(self, name: str) -> list[int]:
        """The views whose delta names a thing."""
        return [i for i in range(self.now + 1) if name in self.noted(i)]

    def azimuth(self, name: str, index: int) -> float:
        """Degrees to the left at which a thing lies from a view's pose."""
        return self.journey.placed(name, self.journey.views[index].pose)[0]

    def metres(self, name: str, index: int) -> float:
        """How far a thing is from a view's pose."""
        return self.journey.placed(name, self.journey.views[index].pose)[1]

    def directions(self, name: str, index: int) -> frozenset[Direction]:
        """The directions that are right for a thing from a view's pose."""
        return near_directions(self.azimuth(name, index))


def near_directions(azimuth_deg: float) -> frozenset[Direction]:
    """The direction of an azimuth, and its neighbours where it lies near a limit."""
    exact = direction_class(azimuth_deg)
    return frozenset(
        d for d in DIRECTIONS if d == exact or sector_gap(azimuth_deg, d) <= DIRECTION_TOLERANCE_DEG
    )


def keyframe_journey(truth: Mapping[str, Any], stamps_ns: Sequence[int]) -> Journey:
    """The journey of a recorded clip with one view per keyframe.

    Args:
        truth: the clip's truth.json.
        stamps_ns: the keyframes' stamps, each that of a frame.

    Raises:
        KeyError: the clip has no frame of that stamp.
    """
    frames = truth["frames"]
    by_stamp = {frame["stamp_ns"]: index for index, frame in enumerate(frames)}
    views = []
    for stamp_ns in stamps_ns:
        index = by_stamp[stamp_ns]
        frame = frames[index]
        done = max((f["step"] for f in frames[: index + 1]), default=-1)
        views.append(
            View(
                stamp_ns=stamp_ns,
                pose=CameraPose(**frame["pose"]),
                step=done,
                visible=frame["visible"],
                at_end=frame["step"] < 0,
            )
        )
    return replace(journey_of_truth(truth), views=tuple(views))
