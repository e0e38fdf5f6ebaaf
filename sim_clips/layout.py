"""`make_scene`: a complete scene from a world name and a seed, without rendering.

Deterministic per (world, seed) and fast (milliseconds), because training draws hundreds of
thousands of scenes for text alone.

Out of scope: the layout of each world (`house`, `city`, `warehouse`) and the path through it
(`path`).
"""

from __future__ import annotations

import random
from collections.abc import Callable

from sim_clips.city import lay_out_city
from sim_clips.house import lay_out_house
from sim_clips.path import plan_path
from sim_clips.plan import Plan
from sim_clips.scene import Scene, WorldName
from sim_clips.warehouse import lay_out_warehouse

_LAYOUTS: dict[str, Callable[[random.Random], Plan]] = {
    "house": lay_out_house,
    "city": lay_out_city,
    "warehouse": lay_out_warehouse,
}
_FEWEST_OBJECTS = {"house": 6, "city": 10, "warehouse": 10}
_TRIES = 40


def _look(rng: random.Random) -> dict[str, float]:
    """Draw light, tints, textures and shake. Tints stay near grey so that objects stand out."""
    grey, floor_grey = rng.uniform(0.72, 0.92), rng.uniform(0.5, 0.82)
    warm, floor_warm = rng.uniform(-0.03, 0.06), rng.uniform(-0.02, 0.07)
    return {
        "light_azimuth_deg": round(rng.uniform(-180.0, 180.0), 1),
        "light_elevation_deg": round(rng.uniform(45.0, 75.0), 1),
        "light": round(rng.uniform(0.3, 0.45), 3),
        "ambient": round(rng.uniform(0.52, 0.66), 3),
        "wall_grey": round(grey, 3),
        "wall_warm": round(warm, 3),
        "wall_texture": float(rng.randrange(4)),
        "floor_grey": round(floor_grey, 3),
        "floor_warm": round(floor_warm, 3),
        "floor_texture": float(rng.randrange(5)),
        "shake": round(rng.uniform(0.2, 1.0), 3),
    }


def make_scene(world: WorldName, seed: int) -> Scene:
    """Build the scene of ``world`` and ``seed``: objects, walls, look and a collision-free path.

    Raises:
        ValueError: unknown world.
        RuntimeError: no path was found in any of 40 layouts, which has not been observed.
    """
    if world not in _LAYOUTS:
        raise ValueError(f"unknown world {world!r}; choose one of {', '.join(_LAYOUTS)}")
    rng = random.Random(f"scene:{world}:{seed}")
    look = _look(rng)
    hfov_deg = round(rng.uniform(65.0, 85.0), 1)
    for _ in range(_TRIES):
        plan = _LAYOUTS[world](rng)
        if len(plan.objects) < _FEWEST_OBJECTS[world]:
            continue
        path = plan_path(rng, plan, world, hfov_deg)
        if path is None:
            continue
        start, steps = path
        return Scene(
            world=world,
            seed=seed,
            objects=tuple(plan.objects),
            walls=tuple(plan.walls),
            bounds=plan.bounds,
            start=start,
            steps=steps,
            hfov_deg=hfov_deg,
            look=look,
        )
    raise RuntimeError(f"no path found for {world} {seed} in {_TRIES} layouts")
