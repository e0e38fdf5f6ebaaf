"""Write the model card of a trained adapter, from what its runs recorded.

    python -m training.adapter_card --run runs/smollm2-sft \\
        --evaluation "Eight types=runs/evaluation/types" --evaluation "Free=runs/evaluation/free"

The card names the adapter's base and says how the adapter was trained (commands, configuration,
data, seed, versions, time), how the loss developed and, with evaluations, how many answers are
right. Where nothing was measured, it says so. Repeat ``--run`` for an adapter that several runs
trained one after the other; the last one has the adapter. ``--note`` adds a text of your own.

Out of scope: cards of the shipped small models (`training.model_card`).
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from embodied_agent.errors import AgentError, ModelError
from embodied_agent.models.adapters import CONFIG, WEIGHTS

#: Rows of the table of losses.
_LOSSES = 12
_CARD = """---
base_model: {base}
library_name: peft
license: apache-2.0
---

# Adapter for {base}

A low-rank adapter (rank {rank}, scale {alpha} / {rank}, on {targets}; {size_mb:.1f} MB). {purpose}

```sh
{use}
```

## How it was made

{made}
Training scenes, words and phrasings are apart from those that figures are measured on
(`sim_clips/splits.py`, `docs/training.md`).

## Loss

![loss and share of right tokens by step](curves.png)

{losses}

## Figures

{figures}
{note}"""
_MADE = """```sh
{command}
```

| | |
|---|---|
| data | {data} |
| steps, epochs | {steps}, {epochs:.2f} |
| tokens read | {tokens} |
| seed, hash of the data | {seed}, {data_hash} |
| learning rate | {rate} |
| time | {time} |
| versions | {versions} |
"""
_REASONS = """With it,
the model reads an embodied agent's notes and a question, reasons step by step, and answers. It is
asked with the `full` prompt, as served models are."""
_RESTATES = """With it,
the model puts a question that somebody asks a robot in their own words into a plain form
(`embodied_agent/rules/plain.py`), which the agent's rules answer. It never sees the memory, and a
reply that names something that the question does not name is not used."""
_USE = """embodied-agent models get smollm2
embodied-agent replay RECORDING --set reasoning.{setting}={folder}"""


def card(
    runs: Sequence[Path], *, evaluations: Mapping[str, Path] | None = None, note: str = ""
) -> str:
    """The card of the adapter in the last run's folder.

    Args:
        runs: folders of finished runs of `training.sft` or `training.grpo`, each of which went on
            with the adapter of the one before.
        evaluations: results of `training.evaluate`, `training.evaluate_free` or
            `training.restating.measure`, by title: paths without a suffix.
        note: added at the end.

    Raises:
        ModelError: a run has no adapter or no record, or an evaluation can't be read.
    """
    adapter = runs[-1] / "adapter"
    try:
        config = json.loads((adapter / CONFIG).read_text("utf-8"))
        size = (adapter / WEIGHTS).stat().st_size
        made = "\nThen:\n\n".join(_made(run) for run in runs)
        figures = _figures(evaluations or {})
        history = _history(runs)
        restates = bool(_data_of(runs[-1]).get("restatements"))
    except (OSError, ValueError, KeyError, yaml.YAMLError) as error:
        raise ModelError(f"can't write a card for {runs[-1]}: {error}") from error
    return _CARD.format(
        base=config.get("base_model_name_or_path") or "an unnamed model",
        rank=config["r"],
        alpha=config["lora_alpha"],
        targets=", ".join(sorted(config["target_modules"])),
        size_mb=size / 1e6,
        purpose=_RESTATES if restates else _REASONS,
        use=_USE.format(setting="restate_model" if restates else "model_path", folder=adapter),
        made=made,
        losses=_losses(history),
        figures=figures,
        note=f"\n{note.strip()}\n" if note.strip() else "",
    )


def write_card(
    runs: Sequence[Path], *, evaluations: Mapping[str, Path] | None = None, note: str = ""
) -> Path:
    """Write the card into the adapter's folder as README.md, with its curves; returns its path.

    Raises:
        ModelError: as `card`, or the card can't be written.
    """
    text = card(runs, evaluations=evaluations, note=note)
    folder = runs[-1] / "adapter"
    path = folder / "README.md"
    try:
        path.write_text(text, encoding="utf-8")
        shutil.copy(runs[-1] / "config.yaml", folder / "training.yaml")
        _plot(_history(runs), folder / "curves.png")
    except OSError as error:
        raise ModelError(f"can't write {path}: {error}") from error
    return path


def _made(run: Path) -> str:
    """How one run trained."""
    facts = json.loads((run / "run.json").read_text("utf-8"))
    settings = yaml.safe_load((run / "config.yaml").read_text("utf-8"))
    state = _last_state(run)
    history = state.get("log_history", [])
    seconds = next((row["train_runtime"] for row in history if "train_runtime" in row), None)
    return _MADE.format(
        command=" ".join(["python -m", *_command(facts.get("command", ()))]),
        data=_data(settings["data"]),
        steps=state.get("global_step", "?"),
        epochs=float(state.get("epoch") or 0),
        tokens=next(
            (f"{int(float(r['num_tokens'])):,}" for r in history[::-1] if "num_tokens" in r),
            "not counted",
        ),
        seed=facts["seed"],
        data_hash=facts["data"],
        rate=settings["trainer"].get("learning_rate", "trl's default"),
        time=f"{seconds / 60:.0f} minutes in its last part" if seconds else "not recorded",
        versions=", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
    )


def _data_of(run: Path) -> Mapping[str, Any]:
    """The section ``data`` of a run's configuration."""
    data: Mapping[str, Any] = yaml.safe_load((run / "config.yaml").read_text("utf-8"))["data"]
    return data


def _history(runs: Sequence[Path]) -> list[dict[str, Any]]:
    """What was logged in all runs, with steps that count on from run to run."""
    rows: list[dict[str, Any]] = []
    before = 0
    for run in runs:
        state = _last_state(run)
        rows += [{**row, "step": row["step"] + before} for row in state.get("log_history", [])]
        before += int(state.get("global_step", 0))
    return rows


def _plot(history: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Plot loss or reward, and the share of right tokens, by step."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(7, 3.4))
    for key, label in (
        ("loss", "loss"), ("reward", "reward"), ("mean_token_accuracy", "share of right tokens")
    ):  # fmt: skip
        points = [(row["step"], float(row[key])) for row in history if key in row]
        if points:
            axes.plot(*zip(*points, strict=True), label=label)
    axes.set(xlabel="step", ylim=(0, None))
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend()
    figure.tight_layout()
    figure.savefig(out, dpi=110)
    pyplot.close(figure)


def _last_state(run: Path) -> Mapping[str, Any]:
    """What the trainer recorded in the newest checkpoint."""
    checkpoints = sorted(
        run.glob("checkpoint-*/trainer_state.json"),
        key=lambda path: int(path.parent.name.removeprefix("checkpoint-")),
    )
    if not checkpoints:
        raise ValueError("no checkpoint has a trainer_state.json")
    state: Mapping[str, Any] = json.loads(checkpoints[-1].read_text("utf-8"))
    return state


def _command(words: Sequence[str]) -> list[str]:
    """The recorded command, with paths relative to the current folder where they are in it."""
    program, *rest = words or ("training",)
    own = f"{Path.cwd()}/"
    return [
        f"training.{program.removesuffix('.py')}",
        *(shlex.quote(word.replace(own, "")) for word in rest),
    ]


def _data(data: Mapping[str, Any]) -> str:
    parts = [
        f"`{name}: {data[name]}`"
        for name in ("train", "worlds", "free_worlds", "reasonings", "restatements")
        if data.get(name)
    ]
    more = [f"{name} {data[name]}" for name in ("noise", "words_share", "questions", "limit")
            if data.get(name) is not None]  # fmt: skip
    return f"{', '.join(parts)} ({', '.join(more)})"


def _losses(history: Sequence[Mapping[str, Any]]) -> str:
    rows = [row for row in history if "loss" in row or "reward" in row]
    if not rows:
        return "Not recorded."
    key = "loss" if "reward" not in rows[0] else "reward"
    rows = [row for row in rows if key in row]
    step = max(1, -(-len(rows) // _LOSSES))
    shown = rows[::step]
    if shown[-1] is not rows[-1]:
        shown.append(rows[-1])
    lines = [f"| step | {key} | token accuracy |", "|---:|---:|---:|"]
    for row in shown:
        right = row.get("mean_token_accuracy")
        share = f"{100 * float(right):.1f} %" if right is not None else "–"
        lines.append(f"| {row['step']} | {float(row[key]):.3f} | {share} |")
    return "\n".join(lines)


def _figures(evaluations: Mapping[str, Path]) -> str:
    if not evaluations:
        return "None were measured."
    parts = []
    for title, path in evaluations.items():
        record = json.loads(path.with_name(f"{path.name}.json").read_text("utf-8"))
        table = path.with_name(f"{path.name}.md").read_text("utf-8").strip()
        # Deeper headings than the card's own.
        parts.append(f"### {title}\n\n{_asked_about(record)}, greedily.\n\n{table}\n")
    return "\n".join(parts)


def _asked_about(record: Mapping[str, Any]) -> str:
    """What an evaluation asked about."""
    if "authors" in record:
        return f"{record['questions']} questions in phrasings of `{record['authors']}`"
    if "episodes" in record:
        return f"On `{record['episodes']}` ({record['data_hash']})"
    about = record["worlds"] or ", ".join(record["clips"])
    words = (
        f", in words that are {record['renamed'].replace('_', ' ')}" if record["renamed"] else ""
    )
    return (
        f"On `{about}` ({record['notes']} notes, {record['phrasings'].replace('_', ' ')} phrasings"
        f"{words})"
    )


def _titled(text: str) -> tuple[str, Path]:
    title, equals, path = text.partition("=")
    return (title, Path(path)) if equals else (Path(text).name, Path(text))


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--run", type=Path, action="append", required=True, help="folder of a run; repeatable"
    )
    parser.add_argument(
        "--evaluation",
        type=_titled,
        action="append",
        default=[],
        metavar="TITLE=PATH",
        help="results of training.evaluate, evaluate_free or restating.measure, without a suffix; "
        "repeatable",
    )
    parser.add_argument("--note", type=Path, help="text file that is added at the end")
    a = parser.parse_args(arguments)
    try:
        note = a.note.read_text("utf-8") if a.note else ""
        print(write_card(a.run, evaluations=dict(a.evaluation), note=note))
    except (AgentError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
