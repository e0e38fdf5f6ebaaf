"""Experiment 5: a sweep of the overlap threshold, including sudden changes of view.

    python -m training.experiments.overlap

Recorded clips with perfect perception at each threshold. For sudden changes, pairs of clips are cut
together in the middle: the number of frames until the new view is kept is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import Frame
from embodied_agent.settings import load_settings
from embodied_agent.sources import open_source
from training.evaluation.answering import open_model
from training.evaluation.clustered import clustered
from training.evaluation.marking import Mark
from training.experiments.clips import clip_episodes, clips, entries, marked, settings_with
from training.experiments.common import options, save
from training.experiments.comparing import accuracy, by_question, cells, paired

THRESHOLDS = (0.3, 0.4, 0.5, 0.6, 0.7)
#: Frames before and after a cut.
AROUND = 40


def cut(first: Path, second: Path) -> list[Frame]:
    """Frames of two clips, cut together in the middle, with continuous stamps."""
    parts = []
    for folder in (first, second):
        with open_source(str(folder), load_settings().source) as source:
            frames = list(source)
        middle = len(frames) // 2
        parts.append(frames[max(0, middle - AROUND) : middle + AROUND])
    before, after = parts[0][:AROUND], parts[1][AROUND:]
    step = before[-1].stamp_ns - before[-2].stamp_ns
    gap = before[-1].stamp_ns + step - after[0].stamp_ns
    return [*before, *(replace(f, stamp_ns=f.stamp_ns + gap) for f in after)]


def delay_frames(frames: list[Frame], threshold: float) -> int | None:
    """Frames from the cut to the first keyframe of the new view; ``None`` if there is none."""
    selector = KeyframeSelector(settings_with(overlap_threshold=threshold).keyframes)
    for index, frame in enumerate(frames):
        if selector.step(frame).keep and index >= AROUND:
            return index - AROUND
    return None


def main() -> None:
    """Evaluate each threshold, and save the result."""
    opts = options("overlap", __doc__)
    folders = clips(opts.scaled(8, 2))
    cuts = [cut(a, b) for a, b in zip(folders[::2], folders[1::2], strict=False)]
    answerer, _ = open_model("builtin")
    rows, shares, counts, marks = [], [], [], []
    for threshold in THRESHOLDS:
        episodes = clip_episodes(settings_with(overlap_threshold=threshold), "true", folders)
        every = [e for some in episodes.values() for e in some]
        marks.append(marked(answerer, every))
        share = accuracy(marks[-1])
        delays = [delay_frames(frames, threshold) for frames in cuts]
        shares.append(share)
        counts.append(entries(episodes) / len(folders))
        rows.append(
            {
                "keep below overlap": threshold,
                "kept per clip": f"{counts[-1]:.1f}",
                **cells(marks[-1]),
                "frames until a cut is kept": ", ".join(
                    "never" if d is None else str(d) for d in delays
                ),
            }
        )
    best, worst = int(np.argmax(shares)), int(np.argmin(shares))
    result = opts.result(
        name="overlap",
        title="5. The overlap threshold, and sudden changes",
        question="How much does the threshold matter, and is a sudden change ever missed?",
        finding=(
            f"Accuracy is between {100 * min(shares):.1f} % (at {THRESHOLDS[worst]:g}) and "
            f"{100 * max(shares):.1f} % (at {THRESHOLDS[best]:g}), a difference of "
            f"{paired(by_question(marks[worst]), by_question(marks[best]))}, with "
            f"{min(counts):.0f} to {max(counts):.0f} keyframes per clip."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            "Perfect perception; thresholds of the robust rule.",
            "Interval of the difference: on the same questions, bootstrapped over clips. It is too "
            "narrow, because best and worst threshold were selected after the fact.",
            f"Last column: {len(cuts)} pairs of clips of different worlds, cut together.",
        ),
    )

    save(result, opts, lambda axes: draw(axes, marks, counts))


def draw(axes: Any, marks: Sequence[Sequence[Mark]], counts: Sequence[float]) -> None:
    """Plot accuracy with its intervals, and keyframes per clip, by threshold."""
    shares = [accuracy(some) for some in marks]
    ends = [clustered([m.right for m in some], [m.scene for m in some]) for some in marks]
    errors = [
        [100 * (s - low) for s, (low, _) in zip(shares, ends, strict=True)],
        [100 * (high - s) for s, (_, high) in zip(shares, ends, strict=True)],
    ]
    axes.errorbar(THRESHOLDS, [100 * s for s in shares], yerr=errors, fmt="o-", capsize=3)
    axes.set(xlabel="keep below this overlap", ylabel="accuracy, %", ylim=(0, 100))
    other = axes.twinx()
    other.plot(THRESHOLDS, counts, "s--", color="C1")
    other.set_ylabel("keyframes per clip", color="C1")
    other.set_ylim(0, None)


if __name__ == "__main__":
    main()
