"""What notes leave possible: where each noted object may be by now.

The rules for a reader of the notes alone: an object is anywhere within the limits of the words of
its last mention; each later entry turned the camera by its angle, within rounding, or moved it by a
typical distance between two keyframes. Every object is represented by `DRAWS` possible places.

Out of scope: what follows from that for a question (`embodied_agent.rules.derivation`), the
teacher's reckoning in whole steps (`training.reckoning`).
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from functools import cached_property

import numpy as np

from embodied_agent.records import Action, Delta, Direction, Mention
from embodied_agent.rules.derivation import Floats, Run, runs_of
from embodied_agent.transcript.text import round_angle
from sim_clips.journey import SECTOR_LIMITS_DEG, Journey, View, wrap
from sim_clips.scene import DISTANCE_LIMITS_M, VISIBLE_PIXELS, WorldName

#: Possible places per object.
DRAWS = 128
#: Most objects that a note mentions, largest first.
MOST_MENTIONS = 5
#: Half of a camera's field of view, degrees: what is noted in front lies within it.
_HALF_VIEW_DEG = 41.0
#: A noted angle may be off by this much, degrees.
_ANGLE_ERROR_DEG = 7.5
#: What lies between two keyframes of a motion, metres: forward, any other way.
_TRAVEL_M: dict[WorldName, tuple[tuple[float, float], tuple[float, float]]] = {
    "house": ((0.3, 1.5), (0.4, 1.5)),
    "warehouse": ((0.3, 1.5), (0.4, 1.5)),
    "city": ((3.0, 20.0), (3.0, 11.0)),
}
#: Nothing noted is nearer or farther than this, metres.
_RANGE_M: dict[WorldName, tuple[float, float]] = {
    "house": (0.7, 9.0),
    "warehouse": (0.7, 9.0),
    "city": (5.0, 60.0),
}


class Notes:
    """Entries in the order of keyframes, and what they leave possible.

    Args:
        deltas: one entry per view, mistakes included.
        world: sets the scale of the distance words.
    """

    def __init__(self, deltas: Sequence[Delta], world: WorldName) -> None:
        self.deltas, self.world = tuple(deltas), world
        self._mentions: dict[str, dict[int, Mention]] = {}
        for index, delta in enumerate(self.deltas):
            for mention in delta.mentions:
                self._mentions.setdefault(mention.name, {})[index] = mention

    def __len__(self) -> int:
        return len(self.deltas)

    def last(self, name: str, now: int) -> int | None:
        """Index of the latest entry up to ``now`` that names the object."""
        return max((i for i in self._mentions.get(name, ()) if i <= now), default=None)

    def first(self, name: str, now: int) -> int | None:
        """Index of the first entry that names the object, if it is not after ``now``."""
        first = min(self._mentions.get(name, (len(self),)))
        return first if first <= now else None

    def runs(self, now: int) -> list[Run]:
        """The steps up to ``now`` (`runs_of`)."""
        return runs_of(self.deltas[: now + 1])

    def places(self, name: str, now: int, skipped: Collection[int] = frozenset()) -> Floats | None:
        """Where the object may be, (`DRAWS`, 2) metres ahead and to the left of the camera at
        ``now`` had the ``skipped`` entries not happened; ``None`` where it is not noted.

        The same row of two objects belongs to the same motion of the camera.
        """
        if not skipped:
            known = self._carried.get(name)
            if known is None or np.isnan(known[now, 0, 0]):
                return None
            return known[now]
        seen = self.last(name, min(skipped) - 1)
        if seen is None:
            return None
        place = self._placed(self._mentions[name][seen])
        for index in range(seen + 1, now + 1):
            if index not in skipped:
                place = self._moved(place, index)
        return place

    def metres(self, name: str, now: int) -> Floats | None:
        """How far away the object may be, (`DRAWS`,) metres; ``None`` where it is not noted."""
        far = self._far.get(name)
        return None if far is None or np.isnan(far[now, 0]) else far[now]

    @cached_property
    def _far(self) -> dict[str, Floats]:
        return {name: np.hypot(at[..., 0], at[..., 1]) for name, at in self._carried.items()}

    @cached_property
    def _carried(self) -> dict[str, Floats]:
        """By name the possible places at every entry; NaN before the first mention."""
        names = list(self._mentions)
        table = np.full((len(names), len(self.deltas), DRAWS, 2), np.nan)
        for index in range(len(self.deltas)):
            if index:
                table[:, index] = self._moved(table[:, index - 1], index)
            for row, name in enumerate(names):
                mention = self._mentions[name].get(index)
                if mention is not None:
                    table[row, index] = self._placed(mention)
        return dict(zip(names, table, strict=True))

    @cached_property
    def _noise(self) -> Floats:
        """Per entry two rows of draws in [0, 1): how far it went, by how much the angle is off.
        They are the same however many entries follow, as is what was possible at an entry."""
        noise: Floats = np.random.default_rng(7).random((len(self.deltas), 2, DRAWS))
        return noise

    def _placed(self, mention: Mention) -> Floats:
        rng = np.random.default_rng(zlib.crc32(mention.name.encode()))
        low, high = _sector(mention.direction)
        angle = np.deg2rad(rng.uniform(low, high, DRAWS))
        metres = rng.uniform(*self._range(mention), DRAWS)
        return np.stack((metres * np.cos(angle), metres * np.sin(angle)), axis=1)

    def _range(self, mention: Mention) -> tuple[float, float]:
        near, far = DISTANCE_LIMITS_M[self.world]
        least, most = _RANGE_M[self.world]
        limits = {"near": (least, near), "mid": (near, far), "far": (far, most)}
        return limits.get(mention.distance or "", (least, most))

    def _moved(self, place: Floats, index: int) -> Floats:
        """Places relative to the camera after the action of entry ``index``."""
        delta = self.deltas[index]
        gone, off = self._noise[index]
        if delta.action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
            angle = 30 if delta.angle_deg is None else round_angle(delta.angle_deg)
            turn = angle + _ANGLE_ERROR_DEG * (2.0 * off - 1.0)
            turn = np.deg2rad(turn if delta.action is Action.ROTATE_LEFT else -turn)
            c, s = np.cos(turn), np.sin(turn)
            x, y = place[..., 0], place[..., 1]
            return np.stack((c * x + s * y, c * y - s * x), axis=-1)
        ahead, aside = _TRAVEL_M[self.world]
        metres = ahead[0] + (ahead[1] - ahead[0]) * gone
        other = aside[0] + (aside[1] - aside[0]) * gone
        shift = {
            Action.MOVE_FORWARD: (metres, 0.0),
            Action.MOVE_BACKWARD: (-other, 0.0),
            Action.MOVE_LEFT: (0.0, other),
            Action.MOVE_RIGHT: (0.0, -other),
        }.get(delta.action, (0.0, 0.0))  # type: ignore[arg-type]
        moved = place.copy()
        moved[..., 0] -= shift[0]
        moved[..., 1] -= shift[1]
        return moved


def _sector(direction: Direction) -> tuple[float, float]:
    """Limits of the azimuth that a direction word leaves, degrees, positive left."""
    front, ahead, beside, behind = SECTOR_LIMITS_DEG
    spans: dict[str, tuple[float, float]] = {
        "front": (-front, front),
        "front-left": (front, _HALF_VIEW_DEG),
        "left": (ahead, beside),
        "back-left": (beside, behind),
        "back": (behind, 360.0 - behind),
        "back-right": (-behind, -beside),
        "right": (-beside, -ahead),
        "front-right": (-_HALF_VIEW_DEG, -front),
    }
    return spans[direction]


def mentions_of(journey: Journey, view: View) -> list[Mention]:
    """What a perfect perceiver names in a view: visible objects, largest first."""
    seen = sorted(
        (name for name, pixels in view.visible.items() if pixels >= VISIBLE_PIXELS),
        key=lambda n: (-view.visible[n], n),
    )
    return [
        Mention(n, journey.direction(n, view.pose), journey.distance(n, view.pose))
        for n in seen[:MOST_MENTIONS]
    ]


def true_notes(journey: Journey) -> list[Delta]:
    """What a perfect perceiver notes of a journey, one entry per view."""
    entries: list[Delta] = []
    for index, view in enumerate(journey.views):
        action: Action | None = None
        angle: float | None = None
        if index and view.step >= 0:
            before = journey.views[index - 1].pose
            action = journey.steps[view.step].action
            if action.is_rotation:
                turned = wrap(view.pose.yaw_deg - before.yaw_deg)
                tilted = view.pose.pitch_deg - before.pitch_deg
                angle = abs(turned if action.value.startswith("rotate") else tilted)
        entries.append(Delta(index, action, angle, tuple(mentions_of(journey, view))))
    return entries
