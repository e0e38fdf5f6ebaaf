"""Objects against the truth of simulated clips: ``python -m bench.objects [--clips 8] [--json]``.

What a perceiver without faults would mention (`bench._object_views`), with noise on the boxes and
on the poses, is folded into objects. Printed for each world are the error of the positions of
objects that at least three keyframes show, on the floor plan and in space; how many real objects
are in the table twice, and how many entries mix two real objects; how many moved objects are
noticed within two views, once both the new and the old place have been in view, with intervals
that take objects for independent; and how many goal poses were driven before, face the object and
see it. ``--names kind`` leaves out the colours, so that names don't tell one sofa from another.

``--locate`` measures how long `Agent.locate` takes with 10,000 objects.

The clips are of the development seeds; ``--held-out`` takes the held-out block, for published
figures.

``--turned 6`` lets the camera look 6° further to the left than its poses say, and prints in how
many clips that is noticed, of those where enough objects tell, and what is estimated.

``--focal 1.2`` tells a focal length that is 1.2 times the true one, and prints the errors that this
makes, in how many clips it is noticed, and what is estimated.

``--depth`` adds the pictures of a depth camera beside the other, with noise and a limit of 10 m.

``--poses none`` leaves out the poses; printed is then the error of the directions from where the
camera started, in degrees.

Out of scope: what real perceivers mention.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._many_objects import measure_locate
from bench._object_comparison import Score, measure, measure_moved, measure_turned
from bench._object_views import HEIGHT, WIDTH, views_of
from sim_clips.render import Renderer
from sim_clips.scene import WorldName
from sim_clips.splits import DEVELOPMENT, HELD_OUT_CLIPS

WORLDS: tuple[WorldName, ...] = ("house", "warehouse", "city")
#: First development seed that is used; others use those before.
FIRST_SEED = DEVELOPMENT[100_000]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=8, help="clips of each world")
    parser.add_argument("--worlds", default=",".join(WORLDS))
    parser.add_argument("--names", choices=("full", "kind"), default="full")
    parser.add_argument("--poses", choices=("true", "none"), default="true")
    parser.add_argument("--depth", action="store_true", help="with a depth camera's pictures")
    parser.add_argument("--turned", type=float, metavar="DEG")
    parser.add_argument("--focal", type=float, metavar="TIMES")
    parser.add_argument("--held-out", action="store_true")
    parser.add_argument("--cache", type=Path, help="folder that keeps what was rendered")
    parser.add_argument("--locate", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results: dict[str, Any] = {}
    if options.locate:
        results["locate"] = measure_locate()
    else:
        seeds = HELD_OUT_CLIPS if options.held_out else range(FIRST_SEED, FIRST_SEED + 1000)
        with Renderer(WIDTH, HEIGHT) as renderer:
            for world in options.worlds.split(","):
                score = Score()
                for seed in seeds[: options.clips]:
                    views = views_of(
                        renderer, world, seed, depth=options.depth, cache=options.cache
                    )
                    if options.turned is not None:
                        measure_turned(views, score, options.turned)
                        continue
                    measure(
                        views, score, names=options.names, poses=options.poses, focal=options.focal
                    )
                    if options.poses == "true" and options.focal is None:
                        views = views_of(
                            renderer, world, seed, move=True, depth=options.depth,
                            cache=options.cache,
                        )  # fmt: skip
                        measure_moved(views, score, names=options.names)
                results[world] = score.summary()
    if options.json:
        print(json.dumps(results, indent=2))
        return
    for name, values in results.items():
        print(name)
        for key, value in values.items():
            print(f"  {key:<16} {value}")


if __name__ == "__main__":
    main()
