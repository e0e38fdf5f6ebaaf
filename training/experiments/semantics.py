"""Experiment 6: the information that is preserved from the world to the transcript.

    python -m training.experiments.semantics

On recorded clips, whose layout is known, the built-in reasoner and a plain program answer the same
questions from: true deltas; the built-in perceiver's deltas; full-frame descriptions (each view as
noted by a perfect perceiver, but without the camera's actions); and the first view only. The true
layout itself answers all questions correctly, because they are derived from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from training import program
from training.episodes.rows import Episode
from training.evaluation.answering import open_model
from training.experiments.clips import clip_episodes, clips, marked, settings_with
from training.experiments.common import options, save
from training.experiments.comparing import accuracy, by_question, cells, paired


def described(episode: Episode) -> Episode:
    """The episode with the same views, but without the camera's actions."""
    return episode.with_deltas([replace(d, action=None, angle_deg=None) for d in episode.deltas])


def program_score(episode: Episode) -> float:
    """1.0 if the plain program answers correctly, else 0.0."""
    row = {
        "type": episode.category, "about": episode.about, "choices": list(episode.choices)
    }  # fmt: skip
    world: Any = episode.domain or episode.scene.split("_")[0]
    try:
        return float(program.answer(episode.deltas, row, world) == episode.answer)
    except KeyError:
        return 0.0


def main() -> None:
    """Evaluate on each kind of text, and save the result."""
    opts = options("semantics", __doc__)
    folders = clips(opts.scaled(8))
    recorded = {
        how: [
            e
            for some in clip_episodes(settings_with(), how, folders).values()
            for e in some
        ]
        for how in ("true", "builtin")
    }  # fmt: skip
    first: Callable[[Episode], Episode] = lambda e: e.with_deltas(e.deltas[:1])  # noqa: E731
    texts = {
        "true deltas": recorded["true"],
        "perceived deltas": recorded["builtin"],
        "full-frame descriptions": [described(e) for e in recorded["true"]],
        "first view only": [first(e) for e in recorded["true"]],
    }
    answerer, _ = open_model("builtin")
    rows: list[dict[str, Any]] = [
        {"text": "true layout", "questions": len(recorded["true"]),
         "program": "all, by construction",
         "accuracy": "–", "95 % interval": "–", "derivable": "–", "not derivable": "–"}
    ]  # fmt: skip
    shares, marks = {}, {}
    for name, episodes in texts.items():
        reply_marks = marked(answerer, episodes)
        marks[name] = by_question(reply_marks)
        share = accuracy(reply_marks)
        plain = float(np.mean([program_score(e) for e in episodes]))
        shares[name] = (share, plain)
        rows.append(
            {
                "text": name,
                "questions": len(episodes),
                "program": f"{100 * plain:.1f}",
                **cells(reply_marks),
            }
        )
    perceived, full = (paired(marks["true deltas"], marks[name]) for name in list(texts)[1:3])
    result = opts.result(
        name="semantics",
        title="6. Semantic preservation",
        question="At which step from the world to the text is the answer lost?",
        finding=(
            f"From true deltas the reasoner answers {100 * shares['true deltas'][0]:.1f} % right. "
            f"Perception changes that by {perceived}, leaving out the camera's actions by {full}."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            f"Intervals of differences: on the same questions, bootstrapped over the "
            f"{len(folders)} clips.",
            "Accuracy is the reasoner's. The program gets a question's content as data and reads "
            "no prose. Whether a question is derivable depends on the text of the row.",
            "The reasoner was trained on deltas, not on full-frame descriptions.",
        ),
    )

    def plot(axes: Any) -> None:
        for shift, index, label in ((-0.2, 0, "reasoner"), (0.2, 1, "program")):
            heights = [100 * s[index] for s in shares.values()]
            axes.bar([i + shift for i in range(len(shares))], heights, 0.4, label=label)
        axes.set_xticks(range(len(shares)), [n.replace(" ", "\n") for n in shares])
        axes.set_ylabel("accuracy, %")
        axes.legend()

    save(result, opts, plot)


if __name__ == "__main__":
    main()
