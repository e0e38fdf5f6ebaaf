"""Train a small judge: the frozen reference of the built-in reasoner's consistency reward.

    python -m training.judge --out runs/judge --minutes 12

A judge answers from question, choices and reasoning, without a transcript. It starts from the
reasoner's weights and learns from true reasoning and from redirected reasoning, whose target is the
option that the text leads to. A useful judge is right on at least 9 of 10 true reasonings of
held-out scenes; the accuracy is measured at the end and written to ``judge.json``.

Out of scope: redirecting reasoning (`training.redirect`).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from embodied_agent.models.checkpoints import SHIPPED
from sim_clips.questions import ClipQuestion
from sim_clips.splits import FIRST_TRAINING_SEED, HELD_OUT, TRAINED_WORLDS, refuse_held_out
from training.judge_skill import Base, accuracy, bases
from training.reasoner_model import save_checkpoint
from training.redirect import redirected, renamed_text
from training.reference import LocalReference, Reasoned, judge_text
from training.vocabulary import ASSISTANT, END, USER

IGNORED = -100
#: Share of samples with redirected reasoning.
REDIRECTED = 0.4
#: How many times as often to use types that need comparison or geometry instead of copying.
HARD = {"relative_distance": 8.0, "relative_direction": 8.0}


def kept_bases(path: Path, count: int, seed: int) -> list[Base]:
    """Training bases, stored in ``path``; created if the file is missing."""
    if not path.exists():
        first = FIRST_TRAINING_SEED + (seed << 20)
        refuse_held_out("house", first)
        created = bases(count, first, seed, TRAINED_WORLDS)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            for question, reasoning, shown in created:
                file.write(json.dumps([asdict(question), reasoning, shown]) + "\n")
        part.replace(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (ClipQuestion(**{**q, "choices": tuple(q["choices"])}), reasoning, shown)
        for q, reasoning, shown in rows
    ]


def varied(
    base: Base, rng: np.random.Generator, share: float, names: Sequence[str] | None = None
) -> tuple[Reasoned, str]:
    """A base with renamed objects, redirected with probability ``share``, and its answer.
    ``names`` are those to draw from, as in `renamed_text`."""
    question, reasoning, shown = base
    answer = question.answer
    if rng.random() < share:
        other = redirected(question, reasoning, rng)
        reasoning, answer = other or (reasoning, answer)
    parts = renamed_text((question.text, reasoning, *question.choices), rng, names)
    choices = parts[2:]
    order = rng.permutation(len(choices))
    shuffled = tuple(choices[i] for i in order) if shown else ()
    return Reasoned(parts[0], shuffled, parts[1]), choices[answer]


def batches(
    tokenizer: Any, pool: Sequence[Base], size: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless right-padded batches of ids and labels (size, tokens); only answers have labels."""
    rng = np.random.default_rng([seed, 5])
    pad = tokenizer.pad_token_id

    def ids(text: str) -> list[int]:
        return list(tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids)

    weights = np.array([HARD.get(question.type, 1.0) for question, _, _ in pool])
    weights /= weights.sum()
    while True:
        rows = []
        for index in rng.choice(len(pool), size=8 * size, p=weights):
            item, answer = varied(pool[int(index)], rng, REDIRECTED)
            user, begun = judge_text(item)
            rows.append((ids(f"{USER}{user}{ASSISTANT}{begun}"), ids(f" {answer}</answer>{END}")))
        rows.sort(key=lambda r: len(r[0]) + len(r[1]))
        for start in rng.permutation(8) * size:
            part = rows[int(start) : int(start) + size]
            width = max(len(a) + len(b) for a, b in part)
            inputs = torch.full((size, width), pad)
            labels = torch.full((size, width), IGNORED)
            for row, (head, tail) in enumerate(part):
                inputs[row, : len(head) + len(tail)] = torch.tensor(head + tail)
                labels[row, len(head) : len(head) + len(tail)] = torch.tensor(tail)
            yield inputs, labels


def train(
    out: Path, start: Path, *, minutes: float, pool: Sequence[Base], rate: float, size: int,
    seed: int, most_steps: int | None = None,
) -> dict[str, float]:  # fmt: skip
    """Train for ``minutes`` and save to ``out``/model; returns the final loss and steps."""
    torch.manual_seed(seed)
    tokenizer: Any = AutoTokenizer.from_pretrained(str(start))
    model: Any = AutoModelForCausalLM.from_pretrained(str(start), dtype=torch.float32)
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    began, step, losses = time.monotonic(), 0, []
    for inputs, labels in batches(tokenizer, pool, size, seed):
        progress = (time.monotonic() - began) / (60 * minutes)
        if most_steps is not None:
            progress = step / most_steps
        if progress >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = (
                rate * min(1.0, (step + 1) / 50) * (0.5 + 0.5 * math.cos(math.pi * progress))
            )
        hidden = model.model(input_ids=inputs, use_cache=False).last_hidden_state[:, :-1]
        learned = labels[:, 1:] != IGNORED
        loss = torch.nn.functional.cross_entropy(
            model.lm_head(hidden[learned]), labels[:, 1:][learned]
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        losses.append(float(loss.detach()))
        if step % 100 == 0:
            print(
                f"step {step}, {progress:.0%}, loss {float(np.mean(losses[-100:])):.3f}", flush=True
            )
    save_checkpoint(model, tokenizer, out / "model")
    return {"steps": step, "loss": float(np.mean(losses[-100:]))}


def main() -> None:
    """Parse the command line, train and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/judge"))
    parser.add_argument(
        "--start", type=Path, default=SHIPPED / "reasoner", help="checkpoint to start from"
    )
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--questions", type=int, default=12_000, help="true reasonings to train on")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--held", type=int, default=1500, help="held-out questions to measure on")
    parser.add_argument(
        "--measure-only", action="store_true", help="only measure the judge in --out"
    )
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    record: dict[str, Any] = {"seed": a.seed, "minutes": a.minutes}
    if not a.measure_only:
        pool = kept_bases(a.out / "bases.jsonl", a.questions, a.seed)
        print(f"{len(pool)} true reasonings", flush=True)
        record |= train(
            a.out, a.start, minutes=a.minutes, pool=pool, rate=a.rate, size=a.batch, seed=a.seed
        )
    held = bases(a.held, HELD_OUT[0], a.seed, TRAINED_WORLDS)
    folder = a.out / "model" if (a.out / "model").exists() else a.out
    record["accuracy"] = accuracy(LocalReference(folder), held)
    (a.out / "judge.json").write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record["accuracy"], indent=1))


if __name__ == "__main__":
    main()
