"""A robot in a simulated scene: follows velocity commands without collisions, or drives to a goal.

Indoors it drives on the floor, with its camera at the height of the clips; in the city it flies,
and can also move sideways and up. It has no inertia: commanded velocities apply immediately, within
the robot's limits, and blocked motion is stopped.

Out of scope: pictures (`sim_clips.render`), ROS (`sim_clips.ros_robot`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise

from sim_clips.motion import wrap_deg
from sim_clips.occupancy import Occupancy
from sim_clips.routes import Point, nearest_free, route
from sim_clips.scene import Scene

#: Lowest and highest flight altitude, metres.
_CITY_Z_M = (4.0, 40.0)
#: Distance at which a corner counts as reached, in grid cells.
_REACHED_CELLS = 0.3
#: Larger heading errors are corrected by turning in place, degrees; the second limit applies after
#: the robot was blocked.
_TURN_FIRST_DEG = 6.0
_EXACT_DEG = 0.3
#: The robot gives up its route after it was stuck for this long, seconds.
_PATIENCE_S = 10.0
#: Tolerance of the heading at the goal, degrees.
_AIMED_DEG = 2.0


@dataclass(frozen=True, slots=True)
class Velocity:
    """A velocity in the robot's own frame: metres per second forward, to the left and up; degrees
    per second to the left."""

    forward: float = 0.0
    left: float = 0.0
    up: float = 0.0
    turn_deg: float = 0.0


STILL = Velocity()
#: Highest velocities of the robot in each world.
LIMITS: dict[str, Velocity] = {
    "house": Velocity(1.0, 0.0, 0.0, 60.0),
    "warehouse": Velocity(1.0, 0.0, 0.0, 60.0),
    "city": Velocity(6.0, 3.0, 2.0, 60.0),
}


class Robot:
    """One robot; ``pose`` is its camera's pose.

    Args:
        scene: its surroundings; it starts where the scene's own path does.
    """

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.flies = scene.world == "city"
        self.limits = LIMITS[scene.world]
        self.grid = Occupancy(scene, scene.world)
        self.pose = scene.start
        self.velocity = STILL
        self.blocked = False
        self._stuck_s = 0.0
        self._way: list[Point] = []
        self._aim_deg: float | None = None

    @property
    def drives_itself(self) -> bool:
        """Whether it is driving to a goal."""
        return bool(self._way) or self._aim_deg is not None

    def go_to(self, x: float, y: float, yaw_deg: float | None = None) -> float | None:
        """Start to drive to a goal, and to turn there.

        Args:
            x, y: metres, in the world frame; if the place is blocked, the nearest free place within
                1.5 m (8 m in the city) is used.
            yaw_deg: heading at the goal; ``None`` for any.

        Returns:
            The length of the route in metres; ``None`` if there is no route.
        """
        within_m = 8.0 if self.flies else 1.5
        spot = nearest_free(self.grid, (x, y), self.pose.z, within_m)
        way = [] if spot is None else route(self.grid, self._place, spot, self.pose.z)
        if not way:
            return None
        self._way, self._aim_deg = way, yaw_deg
        corners = [self._place, *way]
        return sum(math.dist(a, b) for a, b in pairwise(corners))

    def stop(self) -> None:
        """Give up the route and stop."""
        self._way, self._aim_deg, self.velocity = [], None, STILL
        self._stuck_s = 0.0

    def command(self, velocity: Velocity) -> None:
        """Move with this velocity from now on, and give up any route."""
        self._way, self._aim_deg = [], None
        self.velocity = self._limited(velocity)

    def advance(self, seconds: float) -> None:
        """Move for ``seconds``."""
        if self.drives_itself:
            self.velocity = self._limited(self._steer())
        v = self.velocity
        before = self.pose
        yaw_deg = wrap_deg(self.pose.yaw_deg + v.turn_deg * seconds)
        # The mean heading is exact enough for the arc of one step.
        heading = math.radians(self.pose.yaw_deg + v.turn_deg * seconds / 2)
        dx = (v.forward * math.cos(heading) - v.left * math.sin(heading)) * seconds
        dy = (v.forward * math.sin(heading) + v.left * math.cos(heading)) * seconds
        z = self.pose.z
        if self.flies:
            z = min(max(z + v.up * seconds, _CITY_Z_M[0]), _CITY_Z_M[1])
        self.pose = replace(self.pose, yaw_deg=yaw_deg)
        # In parts of at most half a cell, so that no obstacle is skipped.
        parts = max(1, math.ceil(math.hypot(dx, dy) / (self.grid.cell / 2)))
        self.blocked = False
        for _ in range(parts):
            x, y = self.pose.x + dx / parts, self.pose.y + dy / parts
            if not self.grid.free(x, y, z):
                self.blocked = True
                break
            self.pose = replace(self.pose, x=x, y=y, z=z)
        stuck = self.blocked and self._place == (before.x, before.y)
        self._stuck_s = self._stuck_s + seconds if stuck and self._way else 0.0
        if self._stuck_s > _PATIENCE_S:
            self.stop()

    @property
    def _place(self) -> Point:
        return self.pose.x, self.pose.y

    def _limited(self, velocity: Velocity) -> Velocity:
        most = self.limits

        def limited(value: float, limit: float) -> float:
            return min(max(value, -limit), limit) if math.isfinite(value) else 0.0

        return Velocity(
            limited(velocity.forward, most.forward),
            limited(velocity.left, most.left),
            limited(velocity.up, most.up),
            limited(velocity.turn_deg, most.turn_deg),
        )

    def _steer(self) -> Velocity:
        """The velocity to the next corner, slower near it; at the goal, to its heading."""
        reached = _REACHED_CELLS * self.grid.cell
        while self._way and math.dist(self._place, self._way[0]) < reached:
            self._way.pop(0)
        if not self._way:
            error = 0.0 if self._aim_deg is None else wrap_deg(self._aim_deg - self.pose.yaw_deg)
            if abs(error) < _AIMED_DEG:
                self._aim_deg = None
                return STILL
            return Velocity(turn_deg=2.0 * error)
        x, y = self._way[0]
        heading_deg = math.degrees(math.atan2(y - self.pose.y, x - self.pose.x))
        error = wrap_deg(heading_deg - self.pose.yaw_deg)
        if abs(error) > (_EXACT_DEG if self.blocked else _TURN_FIRST_DEG):
            return Velocity(turn_deg=4.0 * error)
        # Slow down before a corner: only the route's lines are known to be free.
        ahead_m = math.dist(self._place, self._way[0])
        forward = max(0.1 * self.limits.forward, 2.0 * ahead_m)
        return Velocity(forward=forward, turn_deg=2.0 * error)
