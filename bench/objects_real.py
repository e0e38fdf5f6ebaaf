"""Objects of real sequences, with boxes and positions that were marked by hand.

    python -m bench.objects_real --kitchen DIR --office DIR

``bench/sequences/kitchen.yaml`` and ``office.yaml`` say where the sequences can be had: both are in
public repositories, and ``DIR`` is the folder with the files. There is no detector: boxes were
drawn by hand in every so many frames, and a perceiver mentions them (`bench._marked_recording`).
All that follows is what a robot runs: the recording is a bag with odometry and TF, and keyframes,
distances, objects, association and positions are the agent's. It is run twice, with the depth
pictures as the colour camera would see them, and from bearings alone.

Printed for each thing: in how many keyframes it was marked and how often its object was seen; the
error on the floor plan and in space against the mean of the points that were marked on it in other
frames, in metres; the standard deviation that the object states; and whether the error on the floor
plan is within two of it. How far the marked points scatter around their mean is the error of the
measurement by hand.

``--focal 1.11`` tells a focal length that is 1.11 times the true one, and prints what is noticed.

Out of scope: simulated clips (`bench.objects`).
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._marked_recording import HandMarked, with_depth, write_recording
from bench._marked_sequence import Marked, read_marked
from embodied_agent import Agent, load_settings
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.object_records import SeenObject
from embodied_agent.sources import open_source

SEQUENCES = ("kitchen", "office")
MARKS = Path(__file__).resolve().parent / "sequences"


@dataclass(frozen=True)
class Row:
    """One thing: ``entries`` is how many objects show mostly it (1 is right), ``mixed`` whether its
    object also shows another thing. Metres; ``None`` where it has no object with a position."""

    thing: str
    marked: int
    seen: int
    entries: int
    mixed: bool
    flat_m: float | None
    space_m: float | None
    std_m: float | None
    covered: bool | None
    by_hand_m: float


def measure(marked: Marked, *, depth: bool, focal: float = 1.0) -> tuple[list[Row], str]:
    """What the agent makes of the marked boxes, and what it says of the camera."""
    with tempfile.TemporaryDirectory() as folder:
        bag = write_recording(marked, Path(folder) / "bag", focal)
        # Only marked frames are in the recording: all of them become keyframes.
        settings = load_settings(
            memory__path="",
            keyframes__min_interval_s=0.0,
            keyframes__max_interval_s=0.1,
            keyframes__blind_interval_s=0.1,
            reasoning__free="rules",
        )
        perceiver = HandMarked(marked)
        with Agent(settings, perceiver=perceiver) as agent, open_source(str(bag)) as recording:
            source = with_depth(marked, recording) if depth else recording
            agent.replay(source, key=marked.title)
            if agent.store.counts().total != len(marked.boxes):
                raise SystemExit(f"{marked.title}: not every marked frame became a keyframe")
            if recording.skipped:
                raise SystemExit(f"{marked.title}: frames were left out, {recording.skipped}")
            if depth and agent.status().keyframer.depth != {"": "used"}:
                raise SystemExit(f"{marked.title}: {agent.status().keyframer.depth}")
            objects = agent.objects()
            made = {
                one.id: Counter(
                    perceiver.things[sight.keyframe_id, sight.rank]
                    for sight in agent.store.objects.sightings(object_ids=[one.id])
                )
                for one in objects
            }
            camera = ObjectMemory(agent.store, settings.objects).check_camera()
            problem = str(camera) if camera is not None and camera.is_told else ""
    return [_row(marked, thing, objects, made) for thing in marked.names], problem


def _row(
    marked: Marked, thing: str, objects: list[SeenObject], made: dict[int, Counter[str]]
) -> Row:
    points = marked.measured_m(thing)
    true = points.mean(axis=0)
    own = [one for one in objects if made[one.id] and made[one.id].most_common(1)[0][0] == thing]
    best = max(own, key=lambda one: one.seen, default=None)
    flat = space = std = None
    if best is not None and best.position_m is not None:
        offset = np.array(best.position_m) - true
        flat, space, std = float(np.hypot(*offset[:2])), float(np.linalg.norm(offset)), best.std_m
    return Row(
        thing=thing,
        marked=sum(thing in boxes for boxes in marked.boxes.values()),
        seen=0 if best is None else best.seen,
        entries=len(own),
        mixed=best is not None and len(made[best.id]) > 1,
        flat_m=flat,
        space_m=space,
        std_m=std,
        covered=None if flat is None or std is None else flat <= 2 * std,
        by_hand_m=float(np.sqrt(((points - true) ** 2).sum(axis=1).mean())),
    )


def summary(rows: list[Row]) -> dict[str, Any]:
    """The medians, and how many things have one object, with a position that covers the error."""
    located = [row for row in rows if row.flat_m is not None]

    def median(values: list[float | None]) -> float:
        found = [value for value in values if value is not None]
        return statistics.median(found) if found else math.nan

    return {
        "things": len(rows),
        "located": len(located),
        "flat_m": round(median([row.flat_m for row in located]), 3),
        "space_m": round(median([row.space_m for row in located]), 3),
        "by_hand_m": round(median([row.by_hand_m for row in rows]), 3),
        "within_2_std": sum(bool(row.covered) for row in located),
        "doubled": sum(row.entries > 1 for row in rows),
        "mixed": sum(row.mixed for row in rows),
    }


def _print(title: str, rows: list[Row], problem: str) -> None:
    print(
        f"{title}\n{'thing':<16}{'marked':>7}{'seen':>6}{'entries':>8}{'floor':>8}{'space':>8}",
        end="",
    )
    print(f"{'std':>7}  {'in 2 std':<9}{'by hand':>8}")
    for row in rows:
        numbers = (row.flat_m, row.space_m, row.std_m)
        floor, space, std = ("-" if one is None else f"{one:.2f}" for one in numbers)
        covered = {None: "-", True: "yes", False: "no"}[row.covered]
        print(
            f"{row.thing:<16}{row.marked:>7}{row.seen:>6}{row.entries:>8}{floor:>8}{space:>8}",
            end="",
        )
        print(f"{std:>7}  {covered:<9}{row.by_hand_m:>8.2f}{'  mixed' if row.mixed else ''}")
    print("  ".join(f"{key} {value}" for key, value in summary(rows).items()))
    print(f"camera: {problem or 'nothing noticed'}\n")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    for name in SEQUENCES:
        parser.add_argument(f"--{name}", type=Path, metavar="DIR", help=f"see {name}.yaml")
    parser.add_argument("--focal", type=float, default=1.0, metavar="TIMES")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    folders = {name: getattr(options, name) for name in SEQUENCES}
    if not any(folders.values()):
        print("No sequence was given; bench/sequences/*.yaml say where they can be had.")
    results: dict[str, Any] = {}
    for name, folder in folders.items():
        if folder is None:
            continue
        marked = read_marked(MARKS / f"{name}.yaml", folder)
        for way, depth in (("depth", True), ("bearings", False)):
            rows, problem = measure(marked, depth=depth, focal=options.focal)
            results[f"{name}, {way}"] = {
                "rows": [asdict(row) for row in rows], "all": summary(rows), "camera": problem
            }  # fmt: skip
            if not options.json:
                print_title = f"{marked.title}, {'with depth' if depth else 'bearings alone'}"
                _print(print_title, rows, problem)
    if options.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
