"""How the camera moved from keyframe to keyframe, in a few bytes each.

Questions about the whole way ("how often did you turn left?") look at all deltas. Even days of them
take a millisecond, because they are numbers in arrays.

Out of scope: the wording (`speech`), dead reckoning (`reckoning`).
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from embodied_agent.records import Action, Delta

_ACTIONS: tuple[Action | None, ...] = (None, *Action)
_CODES = {action: code for code, action in enumerate(_ACTIONS)}
_ROTATIONS = np.array([action is not None and action.is_rotation for action in _ACTIONS])


@dataclass(frozen=True, slots=True)
class Run:
    """An action that was repeated ``count`` times in a row; ``angle_deg`` is its total, ``None`` if
    one of them is unknown, and 0 for a motion without a rotation."""

    action: Action | None
    count: int
    angle_deg: float | None


class Motions:
    """The actions of deltas, in their order.

    Args:
        deltas: to begin with.
    """

    def __init__(self, deltas: Iterable[Delta] = ()) -> None:
        self._codes = array("b")
        self._angles = array("d")
        self._usable = array("b")
        for delta in deltas:
            self.add(delta.action, delta.angle_deg, usable=delta.usable)

    def __len__(self) -> int:
        return len(self._codes)

    def add(self, action: Action | None, angle_deg: float | None, *, usable: bool) -> None:
        """Append the motion of the next delta: its action, the angle in degrees (``None``: unknown),
        and whether it could be perceived."""
        self._codes.append(_CODES[action])
        self._angles.append(math.nan if angle_deg is None else angle_deg)
        self._usable.append(usable)

    def extend(
        self,
        actions: Iterable[Action | None],
        angles_deg: Iterable[float | None],
        usable: Iterable[int],
    ) -> None:
        """`add` the motions of many deltas, in order."""
        self._codes.extend([_CODES[action] for action in actions])
        self._angles.extend([math.nan if angle is None else angle for angle in angles_deg])
        self._usable.extend(map(bool, usable))

    def part(self, start: int, stop: int) -> Motions:
        """A copy of those from ``start`` up to ``stop``, exclusive."""
        part = Motions()
        part._codes = self._codes[start:stop]
        part._angles = self._angles[start:stop]
        part._usable = self._usable[start:stop]
        return part

    @property
    def unusable(self) -> int:
        """How many deltas could not be perceived."""
        return len(self._usable) - sum(self._usable)

    def action(self, index: int) -> Action | None:
        """The action of one delta."""
        return _ACTIONS[self._codes[index]]

    def angle_deg(self, index: int) -> float | None:
        """The angle of one delta, in degrees; ``None`` if it is unknown."""
        angle = self._angles[index]
        return None if math.isnan(angle) else angle

    def where(self, actions: Iterable[Action]) -> tuple[int, ...]:
        """The indexes of all deltas with one of these actions."""
        wanted = [_CODES[action] for action in actions]
        return tuple(np.flatnonzero(np.isin(self._all(), wanted)).tolist())

    def first_measured(self) -> int | None:
        """The index of the first delta whose action is known."""
        known = np.flatnonzero(self._all())
        return int(known[0]) if len(known) else None

    def last_measured(self, start: int) -> int | None:
        """The index of the last delta, from ``start`` on, whose action is known."""
        known = np.flatnonzero(self._all()[start:])
        return start + int(known[-1]) if len(known) else None

    def only_rotations(self, start: int) -> bool:
        """Whether no delta from ``start`` on is known to have moved the camera."""
        codes = self._all()[start:]
        return bool(np.all(_ROTATIONS[codes] | (codes == 0)))

    def times(self, actions: Sequence[Action], breaks: Sequence[int]) -> int:
        """How often these actions occurred, repetitions in a row counted once.

        A motion that could not be measured does not end a repetition; a break does.

        Args:
            actions: to count.
            breaks: indexes of deltas before which a break lies.
        """
        wanted = [_CODES[action] for action in actions]
        total = 0
        for start, stop in pairwise((0, *breaks, len(self))):
            codes = self._all()[start:stop]
            codes = codes[codes != 0]
            begins = np.ones(len(codes), bool)
            begins[1:] = codes[1:] != codes[:-1]
            total += int(np.count_nonzero(np.isin(codes[begins], wanted)))
        return total

    def summary(self, start: int) -> tuple[int, int, int]:
        """For the deltas from ``start`` on: how often the camera turned left and how often right,
        repetitions in a row counted once, and the number of moves."""
        codes = self._all()[start:]
        runs = codes[self._beginnings(codes)]
        left, right = (
            int(np.count_nonzero(runs == _CODES[action]))
            for action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT)
        )
        return left, right, int(np.count_nonzero((codes != 0) & ~_ROTATIONS[codes]))

    def runs(self, start: int, most: int) -> list[Run] | None:
        """Repetitions from ``start`` on, in order; ``None`` where there are more than ``most``.
        Unknown actions are merged, too."""
        codes = self._all()[start:]
        beginnings = self._beginnings(codes)
        if len(beginnings) > most:
            return None
        angles = np.array(self._angles[start:])
        runs = []
        for begin, end in pairwise((*beginnings.tolist(), len(codes))):
            action = _ACTIONS[codes[begin]]
            angle: float | None = 0.0
            if action is not None and action.is_rotation:
                total = math.fsum(angles[begin:end])
                angle = None if math.isnan(total) else total
            runs.append(Run(action, end - begin, angle))
        return runs

    @staticmethod
    def _beginnings(codes: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
        """The indexes at which the action changes."""
        begins = np.ones(len(codes), bool)
        begins[1:] = codes[1:] != codes[:-1]
        return np.flatnonzero(begins)

    def _all(self) -> npt.NDArray[np.int8]:
        # A copy: an array can't grow while something looks into it.
        return np.frombuffer(self._codes.tobytes(), np.int8)
