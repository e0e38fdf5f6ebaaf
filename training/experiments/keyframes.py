"""Experiment 1: keyframes against all frames, in accuracy and in time.

    python -m training.experiments.keyframes

The shipped clips with perfect perception, so that only the choice of frames differs. `all frames`
keeps up to four a second wherever anything moves. The time is what perceiving the kept frames would
take: their number times the built-in perceiver's time per keyframe, measured in the same run.
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
    """Of the built-in perceiver, over one clip; frames are read and chosen in that time too."""
    began = time.monotonic()
    found = clip_episodes(settings_with(), "builtin", [folder])
    both = time.monotonic() - began
    began = time.monotonic()
    clip_episodes(settings_with(), "true", [folder])
    return max(0.0, both - (time.monotonic() - began)) / max(1, entries(found))


def main() -> None:
    """Replay, ask, save."""
    opts = options("keyframes", __doc__)
    folders = clips(opts.scaled(8))
    answerer, _ = open_model("builtin")
    each_s = seconds_per_keyframe(folders[0])
    rows, points, marks = [], {}, {}
    for name, changed in ARMS.items():
        episodes = clip_episodes(settings_with(**changed), "true", folders)
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
    asked = {name: by_question(some) for name, some in marks.items()}
    ratio = points[own][0] / max(points[every_frame][0], 1e-9)
    result = opts.result(
        name="keyframes",
        title="1. Keyframes against all frames",
        question="What does keeping only keyframes cost in accuracy, and save in time?",
        finding=(
            f"Against all frames, keyframes change accuracy by "
            f"{paired(asked[every_frame], asked[own])} and need {ratio:.2f} of the time to "
            f"perceive; against the published rule, by {paired(asked[published], asked[own])}."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            "Perfect perception. With all frames the transcript outgrows the reasoner's budget, so "
            "that old entries leave it: part of what all frames cost.",
            "The reasoner was trained on transcripts of keyframes.",
            f"Intervals of differences: the same questions, by drawing the {len(folders)} clips "
            "anew.",
            f"One keyframe took the built-in perceiver {1000 * each_s:.0f} ms here, beside other "
            "work on the machine; only the ratio of times means much.",
        ),
    )

    save(result, opts, lambda axes: draw(axes, points, marks))


def draw(
    axes: Any, points: Mapping[str, tuple[float, float]], marks: Mapping[str, Sequence[Mark]]
) -> None:
    """Accuracy with its interval against the seconds that perceiving takes."""
    for name, (seconds, share) in points.items():
        some = marks[name]
        low, high = clustered([m.right for m in some], [m.scene for m in some])
        error = [[100 * (share - low)], [100 * (high - share)]]
        axes.errorbar(seconds, 100 * share, yerr=error, fmt="o", capsize=3, label=name)
    axes.set(xlabel="perceiving a clip, s", ylabel="accuracy, %", xlim=(0, None), ylim=(0, 100))
    axes.legend(loc="lower right")


if __name__ == "__main__":
    main()
