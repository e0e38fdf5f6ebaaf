"""Answers by the measured positions of objects: a memory with the noise of odometry on its poses,
what is true in the world where the notes leave a question open, and the figures.

The clips' poses are exact. A robot's are not, so the memory that positions are taken from is a copy
whose poses have noise.

Out of scope: asking (`training.evaluate_clips`), how positions are found (`bench.objects`).
"""

from __future__ import annotations

import string
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.memory.store import Store
from embodied_agent.objects.rays import quaternion
from embodied_agent.records import Delta, Pose
from embodied_agent.rules.derivation import Floats, Run, possible, settled
from embodied_agent.settings import MemorySettings
from embodied_agent.sources.bags.transforms import multiply
from sim_clips.journey import Journey
from sim_clips.questions import NOT_TOLD
from training.experiments.comparing import Difference, paired

#: Standard deviations of the noise on a pose's position (metres) and heading (degrees).
POSE_M, POSE_DEG = 0.03, 0.5
#: The types that are answered by where things are.
PLACED = (
    *("landmark_position", "counterfactual", "action_generation", "relative_distance"),
    *("relative_direction", "route_planning"),
)
#: Those that the notes alone answer worst.
AIMED = ("landmark_position", "relative_direction", "relative_distance")


def noisy_copy(memory: Store, path: Path, seed: int) -> None:
    """Write a memory's keyframes, without pictures and with noise on their poses, and its deltas
    into a new file.

    Args:
        memory: one that has perceived all of its keyframes.
        path: of the file, which must not exist.
        seed: of the noise.

    Raises:
        StoreError: the file can't be written.
    """
    rng = np.random.default_rng([seed, 0x90])
    with Store.open(str(path), MemorySettings()) as copy:
        for keyframe in memory.keyframes():
            pose = keyframe.pose
            copy.add_keyframe(
                stamp_ns=keyframe.stamp_ns,
                jpeg=b"",
                width=keyframe.width,
                height=keyframe.height,
                reason=keyframe.reason,
                segment=keyframe.segment,
                frame_id=keyframe.frame_id,
                overlap_ratio=keyframe.overlap_ratio,
                inliers=keyframe.inliers,
                egomotion=keyframe.egomotion,
                pose=None if pose is None else _noisy(pose, rng),
                intrinsics=keyframe.intrinsics,
                mount=keyframe.mount,
            )
        for delta, keyframe in zip(memory.deltas(), copy.keyframes(), strict=True):
            copy.commit_delta(replace(delta, keyframe_id=keyframe.id))


def _noisy(pose: Pose, rng: np.random.Generator) -> Pose:
    x, y, z = np.array(pose.position_m) + rng.normal(0.0, POSE_M, 3)
    turned = quaternion(*rng.normal(0.0, POSE_DEG, 3))
    return replace(
        pose,
        position_m=(float(x), float(y), float(z)),
        orientation_xyzw=multiply(pose.orientation_xyzw, turned),
    )


def true_letter(journey: Journey, row: Mapping[str, Any]) -> str | None:
    """The letter of what is true in the world, in a question about where things are; ``None`` for
    other questions, and where no choice is.

    Args:
        journey: of the clip.
        row: of ``questions.json``.
    """
    about = row["about"]
    if row["type"] not in PLACED or {"undo", "back", "skipped"} & about.keys():
        return None
    now = next(i for i, view in enumerate(journey.views) if view.stamp_ns == row["stamp_ns"])
    options = [choice for choice in row["choices"] if choice != NOT_TOLD]
    truth = settled(possible(_World(journey, now), now, row["type"], about, options))
    return None if truth is None else string.ascii_uppercase[row["choices"].index(truth)]


class _World:
    """Where things are, as `derivation.Possible`: there is one possibility."""

    deltas: Sequence[Delta] = ()

    def __init__(self, journey: Journey, now: int) -> None:
        self._journey = journey
        self._pose = journey.views[now].pose

    def last(self, name: str, now: int) -> int | None:
        return now if name in self._journey.objects else None

    def first(self, name: str, now: int) -> int | None:
        return self.last(name, now)

    def runs(self, now: int) -> list[Run]:
        return []

    def places(self, name: str, now: int, skipped: Collection[int] = frozenset()) -> Floats | None:
        if name not in self._journey.objects:
            return None
        azimuth, metres = self._journey.placed(name, self._pose)
        angle = np.radians(azimuth)
        places: Floats = metres * np.array([[np.cos(angle), np.sin(angle)]])
        return places

    def metres(self, name: str, now: int) -> Floats | None:
        places = self.places(name, now)
        return None if places is None else np.hypot(places[:, 0], places[:, 1])


def compared(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What positions change, by groups of questions: "placed" are all types that ask where things
    are, "aimed" those that the notes alone answer worst.

    Only questions with another true answer than `NOT_TOLD` are compared. ``lost`` counts those that
    are only right with the notes alone, ``open`` what is said where the notes leave a question
    open, by what is true in the world.
    """
    groups: dict[str, Collection[str]] = {kind: (kind,) for kind in PLACED}
    groups |= {"aimed": AIMED, "placed": PLACED}
    groups["all"] = {row["type"] for row in rows}
    return {name: _compared([r for r in rows if r["type"] in k]) for name, k in groups.items()}


def _compared(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    told = [row for row in rows if row["answer_told"]]
    derivable = [row for row in told if row["derivable"]["pixels"]]
    settled_rows = [row for row in rows if row["by_position"]]
    left_open = [row for row in rows if not row["answer_told"] and row["world"]]
    given = [(row["given"]["positions"], row["world"], row["not_told"]) for row in left_open]
    return {
        "told": _difference(told),
        "derivable": _difference(derivable),
        "lost": sum(row["positions"] < row["pixels"] for row in rows),
        "settled": {
            "count": len(settled_rows),
            "right": _mean([_is_true(row) for row in settled_rows]),
        },
        "open": {
            "count": len(given),
            "true": sum(choice == world for choice, world, _ in given),
            "not_told": sum(choice == letter for choice, _, letter in given),
        },
    }


def _is_true(row: Mapping[str, Any]) -> float:
    """Whether what positions say is true in the world."""
    choice = row["given"]["positions"]
    return float(choice == (row["answer"] if row["answer_told"] else row["world"]))


def _difference(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {"count": 0}
    ways = ("pixels", "positions")
    marks = {way: {(row["clip"], row["id"]): row[way] for row in rows} for way in ways}
    found = paired(marks["pixels"], marks["positions"])
    return {
        "count": len(rows),
        **{way: _mean([row[way] for row in rows]) for way in ways},
        "difference": [round(x, 4) for x in (found.value, found.low, found.high)],
    }


def _mean(values: Sequence[float]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None


def table(figures: Mapping[str, Any]) -> str:
    """The figures of `compared` as a Markdown table."""
    lines = [
        "| questions | n | notes alone | with positions | difference | n (derivable) | "
        "difference (derivable) | lost | settled by position | of these true | notes leave open | "
        "of these told truly | not told |",
        "|---|" + "---:|" * 12,
    ]
    for name, part in figures.items():
        told, derivable = part["told"], part["derivable"]
        if not told["count"]:
            continue
        cells = [
            name.replace("_", " "), told["count"], _share(told["pixels"]),
            _share(told["positions"]), str(Difference(*told["difference"])), derivable["count"],
            str(Difference(*derivable["difference"])) if derivable["count"] else "–",
            part["lost"], part["settled"]["count"], _share(part["settled"]["right"]),
            part["open"]["count"], part["open"]["true"], part["open"]["not_told"],
        ]  # fmt: skip
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines) + "\n"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"
