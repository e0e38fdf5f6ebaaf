"""Write a checkpoint's model card and learning curves from its run and its evaluation.

    python -m training.model_card --which reasoner --run runs/reasoner --evaluation runs/evaluation

`CARDS` below has the text; every number comes from the run's log and the evaluation's file.
"""

from __future__ import annotations

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

from embodied_agent.models.checkpoints import SHIPPED
from training.evaluation.clip_tables import markdown

CURVES = {
    "perceiver": ("kind", "colour", "range", "side", "tokens"),
    "reasoner": ("token_accuracy", "answer_accuracy"),
}
CARDS = {
    "perceiver": """# Built-in perceiver

A small vision-language model (Idefics3 architecture, {parameters} parameters). It reads a keyframe
and the previous one, and writes what the camera did and which objects are in view:
`rotate left: red sofa front-left near; blue lamp front far.`

**It was trained on the simulated worlds of `sim_clips` only.** On pictures of real rooms its output
is meaningless; use a served model or `geometry` instead.

## How it was made

Pictures are rendered from scenes with seeds from 1,000,000 (house and city; the warehouse and its
pairs of colour and kind are never shown).
Labels come from the segmentation render; an object counts with at least 150 pixels of a 320×240
picture. The egomotion in the prompt is simulated with the keyframer's usual errors.

```sh
python -m training.frames --out runs/frames --scenes 1120
python -m training.perceiver --frames runs/frames --out runs/perceiver --minutes 160
python -m training.evaluate_clips --out runs/evaluation
python -m training.model_card --which perceiver --run runs/perceiver --evaluation runs/evaluation
```

Seed 1, one thread of a busy two-core CPU, {minutes:.0f} minutes, {steps} steps. {history}

[Where it sees things](locator.md): box, bearing, elevation and range, and how exact they are.
""",
    "reasoner": """# Built-in reasoner

A small decoder (Llama architecture, {parameters} parameters). It reads the transcript, the recall
line and a question, reasons step by step and answers with the text of a choice.

**It was trained on the questions of `sim_clips` only**: eight types, in their wordings and similar
ones. For anything else configure a served model in `reasoning`.

## How it was made

It was trained supervised, in its last run on {questions:,} questions about text-only journeys
through scenes with seeds from 1,000,000 (house and city), generated on the fly and never repeated,
half of them with a perceiver's simulated mistakes. A teacher that computes step by step writes the
reasoning (`training.traces`). Some attention heads were initialised to look up a keyframe's line by
its number (`training.matching_heads`).

```sh
python -m training.reasoner --start training/models/supervised --minutes 50 --rate 1e-3 --seed 21 \\
    --out runs/reasoner
python -m training.evaluate_clips --clips 20 --votes 1 --out runs/evaluation
python -m training.model_card --which reasoner --run runs/reasoner --evaluation runs/evaluation
```

One thread of a busy two-core CPU, {minutes:.0f} minutes, {steps} steps. {history}
""",
}
FIGURES = """
## Learning curves

![learning curves](curves.png)

## Figures

On clips of the held-out block ({clips}), through the runtime as it ships:
keyframer, perceiver, memory, recall, reasoner. *pixels*: from the perceiver's deltas.
*positions*: the same with `reasoning.positions`, from poses with the noise of odometry; where the
notes leave a question open, what is true in the world is right, too. *true deltas*: from the truth.
*reasoner true*: the same without asking the notes whether they settle the question. *program*: a
plain program that reads the same deltas and knows what the question is about. *blind*: the reasoner
with an empty memory. The warehouse, with other rooms and other pairs of colour and kind, was never
trained on.

{tables}
{judged}
"""


def targets_and_results(summaries: dict[str, Any], which: str) -> str:
    """The figures of house and city next to their targets, as a Markdown section."""
    lines = ["## Targets and results", "", "| figure | target | house | city |"]
    lines.append("|---|---|---|---|")
    parts = [summaries[w] for w in ("house", "city")]
    if which == "perceiver":
        targets = {
            "action": ("correct actions", 0.95),
            "f1": ("objects with colour, F1", 0.75),
            "direction": ("correct directions of these", 0.85),
        }
        for key, (name, least) in targets.items():
            cells = " | ".join(f"{100 * part['perception'][key]:.1f} %" for part in parts)
            lines.append(f"| {name} | ≥ {100 * least:.0f} % | {cells} |")
        cells = " | ".join(
            f"{1 / part['perception']['seconds_per_keyframe']:.1f}" for part in parts
        )
        lines.append(f"| keyframes perceived per second, two cores | ≥ 2 | {cells} |")
    else:
        for way, name, least in (
            ("true_deltas", "right answers from true deltas", 0.80),
            ("pixels", "right answers from pixels", 0.65),
        ):
            cells = " | ".join(f"{100 * part['all'][way]:.1f} %" for part in parts)
            lines.append(f"| {name} | ≥ {100 * least:.0f} % | {cells} |")
        cells = " | ".join(f"{100 * part['format']:.1f} %" for part in parts)
        lines.append(f"| replies in the right format | | {cells} |")
        cells = " | ".join(f"{part['seconds_per_answer']:.1f} s" for part in parts)
        lines.append(f"| time per answer, two cores | ≤ 3 s | {cells} |")
    return "\n".join(lines) + "\n"


def curves(log: Path, names: tuple[str, ...], out: Path) -> None:
    """Plot the named columns of a run's log over its minutes."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [json.loads(line) for line in log.read_text().splitlines()]
    figure, axes = pyplot.subplots(figsize=(7, 3.4))
    for name in names:
        points = [(row["minutes"], row[name]) for row in rows if name in row]
        axes.plot(*zip(*points, strict=True), label=name.replace("_", " "))
    axes.set(xlabel="minutes of training", ylabel="share right", ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    pyplot.close(figure)


def write(which: str, run: Path, evaluation: Path, folder: Path, note: Path | None) -> None:
    """Copy the checkpoint to ``folder``, and write its card and learning curves next to it."""
    if folder.exists():
        shutil.rmtree(folder)
    shutil.copytree(run / "model", folder)
    curves(run / "log.jsonl", CURVES[which], folder / "curves.png")
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    summaries = json.loads(evaluation.with_suffix(".json").read_text())
    import safetensors

    with safetensors.safe_open(folder / "model.safetensors", "pt") as tensors:
        slices = [tensors.get_slice(key).get_shape() for key in tensors.keys()]  # noqa: SIM118
    count = 0
    for shape in slices:
        size = 1
        for side in shape:
            size *= side
        count += size
    text = CARDS[which].format(
        parameters=f"{count / 1e6:.1f} M",
        minutes=rows[-1]["minutes"],
        steps=rows[-1]["step"],
        questions=rows[-1].get("questions", 0),
        history=note.read_text().strip() if note else "",
    )
    clips = ", ".join(
        f"{part['questions']} questions in {world}" for world, part in summaries.items()
    )
    text += FIGURES.format(
        tables=markdown(summaries), clips=clips, judged=targets_and_results(summaries, which)
    )
    (folder / "README.md").write_text(text)


def main() -> None:
    """Parse the command line and write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--which", choices=["perceiver", "reasoner"], required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--evaluation", type=Path, default=Path("runs/evaluation"))
    parser.add_argument("--note", type=Path, help="text file with this run's history, for the card")
    parser.add_argument(
        "--folder", type=Path, help="folder to write; default: the package's models"
    )
    a = parser.parse_args()
    write(a.which, a.run, a.evaluation, a.folder or SHIPPED / a.which, a.note)


if __name__ == "__main__":
    main()
