"""Trains a small judge: the frozen reference of the consistency reward for the built-in reasoner.

    python -m training.judge --out runs/judge --minutes 12

From question, choices and reasoning (no transcript) to the answer. It starts from the reasoner's
weights and is shown true reasoning and redirected one, whose target is the option that the text
leads to. A judge worth asking reads 9 of 10 true reasonings of held-out scenes; the accuracy is
measured at the end and stands in ``judge.json``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections import defaultdict
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
from training.reasoner_model import save_checkpoint
from training.redirect import redirected, renamed_text
from training.reference import LocalReference, Reasoned, judge_text
from training.samples import samples_of
from training.vocabulary import ASSISTANT, END, USER

IGNORED = -100
#: Share of samples whose reasoning leads elsewhere.
REDIRECTED = 0.4
#: Types that need comparing or geometry, not copying, are shown this many times as often.
HARD = {"relative_distance": 8.0, "relative_direction": 8.0}

Base = tuple[ClipQuestion, str, bool]


def bases(count: int, first_scene: int, seed: int, worlds: Sequence[str]) -> list[Base]:
    """Questions with their true reasoning and whether their choices are shown."""
    rng = np.random.default_rng([seed, 11])
    found: list[Base] = []
    scene = first_scene
    while len(found) < count:
        world: Any = worlds[scene % len(worlds)]
        noise = float(rng.choice([0.0, 0.5, 1.0]))
        longest = int(rng.integers(4, 28))
        _, samples = samples_of(world, scene, rng, questions=8, longest=longest, noise=noise)
        for sample in samples:
            reasoning = sample.reply.split("</think>")[0].removeprefix("<think>")
            found.append((sample.question, reasoning, "Options:" in sample.task))
        scene += 1
    return found[:count]


def kept_bases(path: Path, count: int, seed: int) -> list[Base]:
    """Training bases, made once and kept in ``path``."""
    if not path.exists():
        first = FIRST_TRAINING_SEED + (seed << 20)
        refuse_held_out("house", first)
        made = bases(count, first, seed, TRAINED_WORLDS)
        part = path.with_suffix(".part")
        with part.open("w", encoding="utf-8") as file:
            for question, reasoning, shown in made:
                file.write(json.dumps([asdict(question), reasoning, shown]) + "\n")
        part.replace(path)
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        (ClipQuestion(**{**q, "choices": tuple(q["choices"])}), reasoning, shown)
        for q, reasoning, shown in rows
    ]


def varied(base: Base, rng: np.random.Generator, share: float) -> tuple[Reasoned, str]:
    """A base about other things, redirected or not, and the answer it leads to."""
    question, reasoning, shown = base
    answer = question.answer
    if rng.random() < share:
        other = redirected(question, reasoning, rng)
        reasoning, answer = other or (reasoning, answer)
    parts = renamed_text((question.text, reasoning, *question.choices), rng)
    choices = parts[2:]
    order = rng.permutation(len(choices))
    shuffled = tuple(choices[i] for i in order) if shown else ()
    return Reasoned(parts[0], shuffled, parts[1]), choices[answer]


def batches(
    tokenizer: Any, pool: Sequence[Base], size: int, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless right-padded ids and labels; only the answers are learned."""
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
    """Train for ``minutes`` and save to ``out``/model; the final loss and steps."""
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
        wanted = labels[:, 1:] != IGNORED
        loss = torch.nn.functional.cross_entropy(
            model.lm_head(hidden[wanted]), labels[:, 1:][wanted]
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


def accuracy(judge: LocalReference, pool: Sequence[Base], seed: int = 0) -> dict[str, Any]:
    """How often the judge says where reasoning leads: true, redirected and per type."""
    rng = np.random.default_rng([seed, 13])
    asked: list[tuple[str, str, Reasoned, str]] = []
    for base in pool:
        for way, share in (("true", 0.0), ("redirected", 1.0)):
            question, reasoning, shown = base
            bent = redirected(question, reasoning, rng) if share else (reasoning, question.answer)
            if bent is not None and shown:
                item = Reasoned(question.text, question.choices, bent[0])
                asked.append((way, question.type, item, question.choices[bent[1]]))
    said = judge.answers([item for _, _, item, _ in asked])
    marks: dict[str, list[bool]] = defaultdict(list)
    for (way, kind, _, wanted), answer in zip(asked, said, strict=True):
        marks[way].append(answer == wanted)
        marks[f"{way} {kind}"].append(answer == wanted)
    return {
        key: {"right": round(float(np.mean(v)), 4), "count": len(v)}
        for key, v in sorted(marks.items())
    }


def main() -> None:
    """Read the command line, train and measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/judge"))
    parser.add_argument(
        "--start", type=Path, default=SHIPPED / "reasoner", help="its first weights"
    )
    parser.add_argument("--minutes", type=float, default=12.0)
    parser.add_argument("--questions", type=int, default=12_000, help="true reasonings to vary")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--held", type=int, default=1500, help="held-out questions to measure on")
    parser.add_argument("--measure-only", action="store_true", help="of the judge in --out")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    a.out.mkdir(parents=True, exist_ok=True)
    found: dict[str, Any] = {"seed": a.seed, "minutes": a.minutes}
    if not a.measure_only:
        pool = kept_bases(a.out / "bases.jsonl", a.questions, a.seed)
        print(f"{len(pool)} true reasonings", flush=True)
        found |= train(
            a.out, a.start, minutes=a.minutes, pool=pool, rate=a.rate, size=a.batch, seed=a.seed
        )
    held = bases(a.held, HELD_OUT[0], a.seed, TRAINED_WORLDS)
    folder = a.out / "model" if (a.out / "model").exists() else a.out
    found["accuracy"] = accuracy(LocalReference(folder), held)
    (a.out / "judge.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found["accuracy"], indent=1))


if __name__ == "__main__":
    main()
