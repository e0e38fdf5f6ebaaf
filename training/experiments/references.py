"""Experiment 4: how far the consistency ratio depends on the reference that measures it.

    python -m training.experiments.references

The same replies are measured by references that differ in size and training: the shipped judge, the
shipped reasoner itself (never trained to judge), and a small judge trained from random weights (a
quarter of the size).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.evaluation.answering import open_model
from training.evaluation.clustered import clustered
from training.evaluation.marking import mark
from training.experiments.common import (
    HELD_SEED,
    SHIPPED_REASONER,
    Options,
    held,
    options,
    save,
)
from training.experiments.comparing import consistency
from training.judge import accuracy, bases, kept_bases, train
from training.reference import LocalReference, open_reference

#: Training steps and true reasonings of the small judge, at scale 1.
SMALL_STEPS, SMALL_POOL = 1000, 3000


def small_judge(opts: Options) -> Path:
    """A judge of width 64 with 4 layers, from random weights; trained if it is missing."""
    from transformers import AutoTokenizer

    from training.reasoner_model import new_model, save_checkpoint

    folder = opts.runs / f"small-judge-{opts.scale:g}"
    if (folder / "model" / "config.json").exists():
        return folder / "model"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(SHIPPED_REASONER))
    save_checkpoint(new_model(tokenizer, width=64, layers=4), tokenizer, folder / "start")
    pool = kept_bases(folder / "bases.jsonl", opts.scaled(SMALL_POOL, 200), 1)
    train(
        folder, folder / "start", minutes=60, most_steps=opts.scaled(SMALL_STEPS, 2), pool=pool,
        rate=3e-3, size=32, seed=1,
    )  # fmt: skip
    return folder / "model"


def main() -> None:
    """Measure the same replies with every reference, and save the result."""
    opts = options("references", __doc__)
    references = {
        "shipped judge": open_reference("builtin"),
        "shipped reasoner": open_reference(str(SHIPPED_REASONER)),
        "small judge": open_reference(str(small_judge(opts))),
    }
    pool = bases(opts.scaled(300, 20), HELD_SEED + 400, 1, ("house", "city"))
    skill: dict[str, Any] = {}
    for name, reference in references.items():
        local: Any = getattr(reference, "_reference", reference)
        assert isinstance(local, LocalReference)
        skill[name] = accuracy(local, pool)
    models: dict[str, Path] = {"start": SHIPPED_REASONER}
    for folder in sorted(opts.runs.glob(f"grpo-with*-{opts.scale:g}-seed1")):
        models[folder.name.split(f"-{opts.scale:g}")[0].removeprefix("grpo-")] = folder / "model"
    episodes = held("in", opts)
    rows, ratios = [], {}
    for model, path in models.items():
        answerer, _ = open_model(str(path), choose=False)
        replies = answerer.replies([e.prompt for e in episodes], max_tokens=160)
        for name, reference in references.items():
            marks = mark(episodes, replies, reference)
            ratio = consistency(marks)
            ratios[(model, name)] = ratio
            right = [m for m in marks if m.consistent is not None]
            low, high = clustered([m.consistent or 0.0 for m in right], [m.scene for m in right])
            rows.append(
                {
                    "model": model,
                    "reference": name,
                    "right on true reasoning": f"{100 * skill[name]['true']['right']:.1f}",
                    "right on redirected": f"{100 * skill[name]['redirected']['right']:.1f}",
                    "consistency": f"{100 * ratio:.1f}",
                    "95 % interval": f"{100 * low:.1f} to {100 * high:.1f}",
                }
            )
    own = [ratios[("start", name)] for name in references]
    result = opts.result(
        name="references",
        title="4. The consistency ratio under three references",
        question="Does the ratio depend on the reference that measures it?",
        finding=(
            f"For the same replies of `start`, the ratio is between {100 * min(own):.1f} and "
            f"{100 * max(own):.1f} %, with references that judge "
            + ", ".join(f"{100 * skill[n]['true']['right']:.0f} % ({n})" for n in references)
            + " of true reasonings correctly."
        ),
        seeds=(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            "Models other than `start` are measured if experiment 2 has trained them (first seed).",
            f"The references' skill is measured on {len(pool)} true reasonings of held-out scenes, "
            "and on the same redirected to another answer. The shipped reasoner never saw a "
            "question without a transcript in training.",
            "The shipped reasoner judges its own replies, and those of very similar models: if it "
            "guesses from the question, it may make the same guess twice.",
        ),
    )

    def plot(axes: Any) -> None:
        for marker, model in zip("os^v", models, strict=False):
            heights = [100 * ratios[(model, n)] for n in references]
            reads = [100 * skill[n]["true"]["right"] for n in references]
            axes.plot(reads, heights, marker, markersize=8, fillstyle="none", label=model)
        for name in references:
            at = 100 * skill[name]["true"]["right"], 100 * ratios[("start", name)]
            axes.annotate(name, at, (0, -18), textcoords="offset points", ha="center", fontsize=8)
        axes.set(xlabel="reference right on true reasoning, %", ylabel="consistency, %")
        axes.set(xlim=(50, 100), ylim=(50, 100))
        axes.legend(loc="upper left")

    save(result, opts, plot)


if __name__ == "__main__":
    main()
