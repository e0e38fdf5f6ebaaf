"""Experiment 1: keyframes against all frames, in accuracy and time.

    python -m training.experiments.keyframes

Uses recorded clips with perfect perception, so that only the selection of frames differs. `all
frames` keeps up to four per second while anything moves. The time is the number of kept frames
times the built-in perceiver's time per keyframe, measured in the same run.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from training.evaluation.answering import open_model
from training.evaluation.clustered import clustered
from training.evaluation.marking import Mark
from training.experiments.clips import clip_episodes, clips, entries, marked, settings_with
from training.experiments.common import options, save
from training.experiments.comparing import accuracy, by_question, cells, paired

ARMS: dict[str, dict[str, Any]] = {
    "keyframes, overlap below 0.5": {},
    "the published rule": {"method": "paper"},
    "all frames, 4 a second": {"overlap_threshold": 0.995, "min_interval_s": 0.25},
}


def seconds_per_keyframe(folder: Any) -> float:
    """The built-in perceiver's mean time per keyframe on one clip, in seconds.

    It is the difference between replays with built-in and with perfect perception.
    """
    began = time.monotonic()
    episodes = clip_episodes(settings_with(), "builtin", [folder])
    perceived_s = time.monotonic() - began
    began = time.monotonic()
    clip_episodes(settings_with(), "true", [folder])
    return max(0.0, perceived_s - (time.monotonic() - began)) / max(1, entries(episodes))


def main() -> None:
    """Replay with each selection of frames, evaluate, and save the result."""
    opts = options("keyframes", __doc__)
    folders = clips(opts.scaled(8))
    answerer, _ = open_model("builtin")
    each_s = seconds_per_keyframe(folders[0])
    rows, points, marks = [], {}, {}
    for name, values in ARMS.items():
        episodes = clip_episodes(settings_with(**values), "true", folders)
        every = [e for some in episodes.values() for e in some]
        marks[name] = marked(answerer, every)
        share, kept = accuracy(marks[name]), entries(episodes)
        perceiving_s = each_s * kept / len(folders)
        points[name] = (perceiving_s, share)
        rows.append(
            {
                "frames": name,
                "kept per clip": f"{kept / len(folders):.1f}",
                **cells(marks[name]),
                "perceiving a clip, s": f"{perceiving_s:.1f}",
            }
        )
    own, published, every_frame = ARMS
    by_arm = {name: by_question(some) for name, some in marks.items()}
    ratio = points[own][0] / max(points[every_frame][0], 1e-9)
    result = opts.result(
        name="keyframes",
        title="1. Keyframes against all frames",
        question="What does keeping only keyframes cost in accuracy, and save in time?",
        finding=(
            f"Compared with all frames, keyframes change accuracy by "
            f"{paired(by_arm[every_frame], by_arm[own])} and take {ratio:.2f} of the time to "
            f"perceive; compared with the published rule, accuracy changes by "
            f"{paired(by_arm[published], by_arm[own])}."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            "Perfect perception. With all frames the transcript exceeds the reasoner's token "
            "budget, so that old lines are dropped; that is part of the cost of all frames.",
            "The reasoner was trained on transcripts of keyframes.",
            f"Intervals of differences: on the same questions, bootstrapped over the "
            f"{len(folders)} clips.",
            f"The built-in perceiver took {1000 * each_s:.0f} ms per keyframe on a busy machine; "
            "only the ratio of times is meaningful.",
        ),
    )

    save(result, opts, lambda axes: draw(axes, points, marks))


def draw(
    axes: Any, points: Mapping[str, tuple[float, float]], marks: Mapping[str, Sequence[Mark]]
) -> None:
    """Plot accuracy with its interval over the seconds of perception."""
    for name, (seconds, share) in points.items():
        arm_marks = marks[name]
        low, high = clustered([m.right for m in arm_marks], [m.scene for m in arm_marks])
        error = [[100 * (share - low)], [100 * (high - share)]]
        axes.errorbar(seconds, 100 * share, yerr=error, fmt="o", capsize=3, label=name)
    axes.set(xlabel="perceiving a clip, s", ylabel="accuracy, %", xlim=(0, None), ylim=(0, 100))
    axes.legend(loc="lower right")


if __name__ == "__main__":
    main()
