"""Write the model card of a trained adapter, from what its run recorded.

    python -m training.adapter_card --run runs/smollm2-sft --evaluation runs/evaluation/result

The card names the adapter's base and says how the adapter was trained (command, configuration,
data, seed, versions, time), how the loss developed and, with an evaluation, how many answers are
right. Where nothing was measured, it says so. ``--note`` adds a text of your own.

Out of scope: cards of the shipped small models (`training.model_card`).
"""

from __future__ import annotations

import argparse
import json
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

A low-rank adapter (rank {rank}, scale {alpha} / {rank}, on {targets}; {size_mb:.1f} MB). With it,
the model reads an embodied agent's notes and a question, reasons step by step, and answers. It is
asked with the `full` prompt, as served models are.

```sh
{use}
```

## How it was made

```sh
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

Training scenes, words and phrasings are apart from those that figures are measured on
(`sim_clips/splits.py`, `docs/training.md`).

## Loss

{losses}

## Figures

{figures}
{note}"""
_USE = """embodied-agent models get smollm2
embodied-agent replay RECORDING --set reasoning.model_path={folder}"""


def card(run: Path, *, evaluation: Path | None = None, note: str = "") -> str:
    """The card of the adapter in ``run``/adapter.

    Args:
        run: folder of a finished run of `training.sft` or `training.grpo`.
        evaluation: path of the results of `training.evaluate`, without a suffix.
        note: added at the end.

    Raises:
        ModelError: the run has no adapter or no record.
    """
    adapter = run / "adapter"
    try:
        config = json.loads((adapter / CONFIG).read_text("utf-8"))
        size = (adapter / WEIGHTS).stat().st_size
        facts = json.loads((run / "run.json").read_text("utf-8"))
        settings = yaml.safe_load((run / "config.yaml").read_text("utf-8"))
        state = _last_state(run)
        figures = _figures(evaluation)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise ModelError(f"can't write a card for {run}: {error}") from error
    history = state.get("log_history", [])
    seconds = next((row["train_runtime"] for row in history if "train_runtime" in row), None)
    return _CARD.format(
        base=config.get("base_model_name_or_path") or "an unnamed model",
        rank=config["r"],
        alpha=config["lora_alpha"],
        targets=", ".join(sorted(config["target_modules"])),
        size_mb=size / 1e6,
        use=_USE.format(folder=adapter),
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
        losses=_losses(history),
        figures=figures,
        note=f"\n{note.strip()}\n" if note.strip() else "",
    )


def write_card(run: Path, *, evaluation: Path | None = None, note: str = "") -> Path:
    """Write the card into the adapter's folder as README.md; returns its path.

    Raises:
        ModelError: the run has no adapter or no record, or the card can't be written.
    """
    text = card(run, evaluation=evaluation, note=note)
    path = run / "adapter" / "README.md"
    try:
        path.write_text(text, encoding="utf-8")
        shutil.copy(run / "config.yaml", run / "adapter" / "training.yaml")
    except OSError as error:
        raise ModelError(f"can't write {path}: {error}") from error
    return path


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
    program, *rest = words or ("training",)
    return [f"training.{program.removesuffix('.py')}", *rest]


def _data(data: Mapping[str, Any]) -> str:
    parts = [
        f"`{name}: {data[name]}`" for name in ("train", "worlds", "free_worlds") if data.get(name)
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


def _figures(evaluation: Path | None) -> str:
    if evaluation is None:
        return "None were measured."
    record = json.loads(evaluation.with_name(f"{evaluation.name}.json").read_text("utf-8"))
    table = evaluation.with_name(f"{evaluation.name}.md").read_text("utf-8").strip()
    return f"On `{record['episodes']}` ({record['data_hash']}), greedily.\n\n{table}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and write the card."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--run", type=Path, required=True, help="folder of the run")
    parser.add_argument("--evaluation", type=Path, help="results of training.evaluate, no suffix")
    parser.add_argument("--note", type=Path, help="text file that is added at the end")
    a = parser.parse_args(arguments)
    try:
        note = a.note.read_text("utf-8") if a.note else ""
        print(write_card(a.run, evaluation=a.evaluation, note=note))
    except (AgentError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
