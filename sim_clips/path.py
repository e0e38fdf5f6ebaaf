"""The camera's path through a plan: a collision-free sequence of the ten actions.

A greedy walk with random restarts: turn and move towards the next goal, prefer views that contain
objects, and insert side steps, tilts and (in the city) climbs. No two consecutive steps have the
same or opposite actions. The planner sees goals and occupancy only, no rooms.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from embodied_agent.records import Action
from sim_clips.motion import END_REST_S, REST_S, advance
from sim_clips.occupancy import Occupancy, walls_between
from sim_clips.plan import Plan
from sim_clips.scene import CameraPose, Step, WorldName

OPPOSITE: dict[Action, Action] = {}
for _a, _b in (
    (Action.MOVE_FORWARD, Action.MOVE_BACKWARD),
    (Action.MOVE_LEFT, Action.MOVE_RIGHT),
    (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD),
    (Action.ROTATE_LEFT, Action.ROTATE_RIGHT),
    (Action.TILT_DOWNWARD, Action.TILT_UPWARD),
):
    OPPOSITE[_a], OPPOSITE[_b] = _b, _a

#: Length of a track from first to last frame, seconds.
DURATION_S = (20.5, 54.0)
_TURNS_DEG = np.array([t for t in range(-120, 121, 15) if t == 0 or abs(t) >= 30], np.float64)
_SIDEWAYS = (Action.MOVE_LEFT, Action.MOVE_RIGHT, Action.MOVE_BACKWARD)


@dataclass(frozen=True, slots=True)
class Habits:
    """How a world's camera moves: metres, metres per second, shares of steps, degrees."""

    forward_m: tuple[float, float, float]  # shortest, longest, granularity
    sideways_m: tuple[float, float]
    climb_m: tuple[float, float]
    z_m: tuple[float, float]
    pitch_start_deg: tuple[float, float]
    pitch_deg: tuple[float, float]
    speed_m_s: tuple[float, float]
    p_sideways: float
    p_tilt: float
    p_climb: float
    tilt_returns: bool
    view_m: tuple[float, float]  # objects nearer or farther than this don't count as in view
    pull: float  # weight of getting closer to the goal, per metre
    scenery: float  # weight of a view full of objects


HABITS: dict[str, Habits] = {
    "house": Habits(
        (0.8, 3.0, 0.1), (0.6, 1.5), (0, 0), (1.1, 1.3), (-10, -5), (-30, 15), (0.8, 1.1),
        0.12, 0.12, 0.0, True, (0.9, 6.0), 1.2, 1.1,
    ),
    "city": Habits(
        (6.0, 20.0, 1.0), (5.0, 11.0), (3.0, 9.0), (6.0, 25.0), (-25, -10), (-35, -5), (5.5, 7.5),
        0.12, 0.18, 0.2, False, (10.0, 45.0), 0.03, 2.0,
    ),
}  # fmt: skip
HABITS["warehouse"] = HABITS["house"]


class _Walk:
    """One attempt at a path: the steps so far and the current pose."""

    def __init__(
        self, rng: random.Random, plan: Plan, grid: Occupancy, world: WorldName, hfov_deg: float
    ) -> None:
        self.rng, self.plan, self.grid = rng, plan, grid
        self.habits = HABITS[world]
        self.half_view = math.radians(hfov_deg / 2 * 0.9)
        self.targets: npt.NDArray[np.float64] = np.array(
            [thing.position[:2] for thing in plan.objects], np.float64
        ).reshape(-1, 2)
        self.walls: npt.NDArray[np.float64] = np.array(
            [(*w.a, *w.b) for w in plan.walls if w.z < 1.0 < w.z + w.height], np.float64
        ).reshape(-1, 4)
        self.count = rng.randint(12, 22)
        self.steps: list[Step] = []
        self.goal, self.doors = 0, 0
        self.must_pass_door = world == "house"
        self.speed = rng.uniform(*self.habits.speed_m_s)
        self.turn_rate = rng.uniform(44.0, 58.0)
        self.tilted: tuple[Action, float, int] | None = None
        self.start = self.pose = self._begin()

    def _begin(self) -> CameraPose:
        rng, h = self.rng, self.habits
        x0, y0, x1, y1 = self.plan.start_area
        z = round(rng.uniform(*h.z_m) if self.grid.indoors else rng.uniform(8.0, 20.0), 2)
        pitch = round(rng.uniform(*h.pitch_start_deg), 1)
        options: list[CameraPose] = []
        for _ in range(24):
            x, y = round(rng.uniform(x0, x1), 3), round(rng.uniform(y0, y1), 3)
            # Near a multiple of 15 degrees: turns by such multiples can then face a door squarely.
            yaw = round(15.0 * rng.randrange(-12, 12) + rng.uniform(-2.5, 2.5), 1)
            if self.grid.free(x, y, z):
                options.append(CameraPose(x, y, z, yaw, pitch))
            if len(options) == 6:
                break
        if not options:
            raise _Stuck
        at = np.array([(p.x, p.y, p.yaw_deg) for p in options])
        return options[int(np.argmax(self._seen(at[:, 0], at[:, 1], at[:, 2])))]

    def _seen(
        self,
        x: npt.NDArray[np.float64],
        y: npt.NDArray[np.float64],
        yaw_deg: npt.NDArray[np.float64],
    ) -> npt.NDArray[np.float64]:
        """How full of objects each of k views is, 0 to 1; only walls occlude objects here."""
        dx = self.targets[:, 0] - x[:, None]
        dy = self.targets[:, 1] - y[:, None]
        angle = np.arctan2(dy, dx) - np.deg2rad(yaw_deg)[:, None]
        angle = np.abs((angle + math.pi) % (2 * math.pi) - math.pi)
        square = dx * dx + dy * dy
        near, far = self.habits.view_m
        inside = (angle < self.half_view) & (square > near * near) & (square < far * far)
        if self.walls.size:
            inside &= ~walls_between(np.stack((x, y), axis=1), self.targets, self.walls)
        shares: npt.NDArray[np.float64] = np.minimum(inside.sum(-1), 3) / 3.0
        return shares

    def add(self, action: Action, amount: float) -> None:
        """Append a step and update the pose; raises `_Stuck` if it can't follow the last step."""
        if self.steps and self.steps[-1].action in (action, OPPOSITE[action]):
            raise _Stuck
        rate = self.turn_rate if action.is_rotation else self.speed
        if action in (Action.TILT_DOWNWARD, Action.TILT_UPWARD):
            rate *= 0.45
        if action in (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD):
            rate *= 0.7
        duration = max(amount / rate, 0.7)
        self.steps.append(Step(action, amount, round(duration, 2)))
        self.pose = advance(self.pose, action, amount)

    def _can(self, action: Action) -> bool:
        return not self.steps or self.steps[-1].action not in (action, OPPOSITE[action])

    def _tilt(self, *, always: bool = False) -> bool:
        """Maybe tilt, or tilt back in worlds whose tilts return; whether a step was added."""
        h, rng = self.habits, self.rng
        if self.tilted is not None:
            action, amount, since = self.tilted
            ripe = always or len(self.steps) - since >= rng.choice((1, 2, 2))
            if ripe and self._can(action):
                self.add(action, amount)
                self.tilted = None
                return True
            return False
        late = h.tilt_returns and len(self.steps) > self.count - 4
        if not always and (rng.random() > h.p_tilt or late or not self.steps):
            return False
        up = rng.random() < 0.5
        action = Action.TILT_UPWARD if up else Action.TILT_DOWNWARD
        if always and not self._tilt_fits(action, 10.0):
            action = OPPOSITE[action]
        amount = float(rng.choice((10, 15, 20)))
        if always and not self._tilt_fits(action, amount):
            amount = 10.0
        if not self._can(action) or not self._tilt_fits(action, amount):
            return False
        self.add(action, amount)
        if h.tilt_returns:
            self.tilted = (OPPOSITE[action], amount, len(self.steps))
        return True

    def _tilt_fits(self, action: Action, amount: float) -> bool:
        pitch = self.pose.pitch_deg + (amount if action is Action.TILT_UPWARD else -amount)
        return self.habits.pitch_deg[0] <= pitch <= self.habits.pitch_deg[1]

    def _sidestep(self, *, always: bool = False) -> bool:
        rng, p = self.rng, self.pose
        action = rng.choice([action for action in _SIDEWAYS if self._can(action)])
        if rng.random() > self.habits.p_sideways and not always:
            return False
        offset = {Action.MOVE_LEFT: 90.0, Action.MOVE_RIGHT: -90.0}.get(action, 180.0)
        low, high = self.habits.sideways_m
        room = self.grid.clear_ahead(p.x, p.y, p.z, p.yaw_deg + offset, high)
        if room < low:
            return False
        self.add(action, round(rng.uniform(low, min(room, high)), 1))
        return True

    def _climb(self) -> bool:
        rng, h, p = self.rng, self.habits, self.pose
        if rng.random() > h.p_climb:
            return False
        action = rng.choice((Action.MOVE_UPWARD, Action.MOVE_DOWNWARD))
        amount = round(rng.uniform(*h.climb_m), 1)
        z = p.z + (amount if action is Action.MOVE_UPWARD else -amount)
        if not self._can(action) or not h.z_m[0] <= z <= h.z_m[1]:
            return False
        if not self.grid.free(p.x, p.y, z):
            return False
        self.add(action, amount)
        return True

    def _advance_goal(self) -> None:
        goals = self.plan.goals
        for n in range(min(self.goal + 2, len(goals)) - 1, self.goal - 1, -1):
            near_x, near_y = goals[n].nearest(self.pose.x, self.pose.y)
            if math.hypot(near_x - self.pose.x, near_y - self.pose.y) <= goals[n].reach:
                self.doors += sum(goal.door for goal in goals[self.goal : n + 1])
                self.goal = n + 1
                return

    def _way_left(
        self, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Metres from each of k points to the second goal ahead, via the goals in sight."""
        goals = self.plan.goals[self.goal : self.goal + 2]
        if not goals:
            return np.zeros(x.shape)
        at = np.array([(goal.x, goal.y) for goal in goals])
        ways = np.hypot(at[:, 0] - x[:, None], at[:, 1] - y[:, None])
        tail = goals[0].tail
        if tail != (0.0, 0.0):
            dx, dy, square = x - at[0, 0], y - at[0, 1], tail[0] ** 2 + tail[1] ** 2
            share = np.minimum(np.maximum((dx * tail[0] + dy * tail[1]) / square, 0.0), 1.0)
            off = np.hypot(dx - share * tail[0], dy - share * tail[1])
            ways[:, 0] = 3.0 * off + 0.5 * share
        if self.walls.size:
            ways += 2.0 * walls_between(np.stack((x, y), axis=1), at, self.walls)
        if len(goals) > 1:
            ways[:, 0] += math.hypot(*(at[1] - at[0]))
        least: npt.NDArray[np.float64] = ways.min(axis=1)
        return least

    def _go(self) -> None:
        """Maybe turn, then move forward: the cheapest such pair, with some randomness."""
        h, p = self.habits, self.pose
        turns = _TURNS_DEG
        last = self.steps[-1].action if self.steps else None
        straight_on = last in (Action.MOVE_FORWARD, Action.MOVE_BACKWARD)
        if last in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
            turns = turns[turns == 0]
        shortest, longest, step = h.forward_m
        headings = p.yaw_deg + turns
        reach = self.grid.reach(p.x, p.y, p.z, headings, longest + shortest)
        lengths = np.arange(shortest + step * self.rng.randrange(2), longest + step / 2, 2 * step)
        radians = np.deg2rad(headings)[:, None]
        x, y = p.x + np.cos(radians) * lengths, p.y + np.sin(radians) * lengths
        possible = lengths <= reach[:, None]
        cost = np.where(possible, 0.0, np.inf)
        if not possible.any():
            if self._sidestep(always=True):
                return
            raise _Stuck
        # Until the camera has passed a door, progress counts more than the view.
        waiting = self.must_pass_door and not self.doors
        pull, scenery = (2.0 * h.pull, 0.4 * h.scenery) if waiting else (h.pull, h.scenery)
        # Moving straight on needs another action in between: a tilt.
        cost[(turns == 0) if straight_on else slice(0)] += 0.6
        cost[possible] += pull * self._way_left(x[possible], y[possible])
        # A wall right ahead makes an empty picture.
        cost += np.clip(1.0 - (reach[:, None] - lengths) / shortest, 0.0, 1.0)
        draws = np.array([self.rng.random() for _ in range(turns.size)])
        cost += (0.2 if waiting else 0.5) * draws[:, None]
        cheapest = np.argsort(cost, axis=None, kind="stable")[:10]
        cost = cost.flat[cheapest] - scenery * self._seen(
            x.flat[cheapest], y.flat[cheapest], headings[cheapest // lengths.size]
        )
        best = int(cheapest[np.argmin(cost)])
        turn, length = float(turns[best // lengths.size]), float(lengths[best % lengths.size])
        if not turn and straight_on and not self._tilt(always=True):
            raise _Stuck
        if turn:
            self.add(Action.ROTATE_LEFT if turn > 0 else Action.ROTATE_RIGHT, abs(turn))
        if len(self.steps) < self.count and not (turn and self._sidestep()):
            self.add(Action.MOVE_FORWARD, round(length, 1))

    def run(self) -> None:
        """Walk until the step count is reached; raises `_Stuck` if no step is possible."""
        while len(self.steps) < self.count:
            if self._tilt() or self._climb() or self._sidestep():
                continue
            self._go()
            self._advance_goal()
            if self.must_pass_door and not self.doors and len(self.steps) > 0.6 * self.count:
                raise _Stuck

    def paced(self) -> tuple[Step, ...]:
        """The steps, uniformly slowed down or sped up so that the track fits `DURATION_S`."""
        rests = 2 * END_REST_S + len(self.steps) * (REST_S[0] + REST_S[1]) / 2
        total = sum(step.duration_s for step in self.steps)
        low, high = DURATION_S[0] + 1.5 - rests, DURATION_S[1] - 1.5 - rests
        factor = max(low / total, min(1.0, high / total))
        return tuple(replace(s, duration_s=round(s.duration_s * factor, 2)) for s in self.steps)


class _Stuck(Exception):
    """This attempt can't continue; another one may succeed."""


def plan_path(
    rng: random.Random, plan: Plan, world: WorldName, hfov_deg: float, attempts: int = 12
) -> tuple[CameraPose, tuple[Step, ...]] | None:
    """Start and steps of a collision-free path; ``None`` after ``attempts`` failed attempts."""
    grid = Occupancy(plan, world)
    for _ in range(attempts):
        try:
            walk = _Walk(rng, plan, grid, world, hfov_deg)
            walk.run()
        except _Stuck:
            continue
        if walk.doors or not walk.must_pass_door:
            return walk.start, walk.paced()
    return None
