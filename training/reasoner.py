"""Train the built-in reasoner, supervised, on text-only episodes.

    python -m training.reasoner --out runs/reasoner --minutes 60
    python -m training.reasoner --out runs/more --start embodied_agent/models/reasoner

A second process generates journeys on the fly, without repetition and never of held-out scenes
(`sim_clips.splits`). Repeating the command resumes where it stopped.

Out of scope: the questions (`training.samples`), the decoder (`training.reasoner_model`).
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import queue
import time
from pathlib import Path

import numpy as np
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.matching_heads import with_matching_heads
from training.packing import ATTENTION, IGNORED, Batch, Packed, collate
from training.reasoner_model import new_model, number_tokens, save_checkpoint, whole_texts
from training.resume import load_state, save_state
from training.samples import corpus, sequences
from training.vocabulary import save_tokenizer, train_tokenizer

#: Length of journeys until the share of answers that begin right exceeds `SHORT_UNTIL`: copying is
#: learned first.
SHORT_VIEWS, SHORT_UNTIL = 6, 0.9
#: Loss weight of the recall line, which repeats parts of the transcript: predicting it teaches to
#: look up a line by its number, on tokens that are read anyway.
RECALL_WEIGHT = 0.4


def _produce(
    seed: int, folder: str, longest: int, compass: float, out: multiprocessing.Queue[Packed]
) -> None:
    """Put training sequences into ``out``; runs in its own process until the parent ends."""
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    for packed in sequences(seed, tokenizer, longest, compass=compass):
        while parent is None or parent.is_alive():
            try:
                out.put(packed, timeout=10)
                break
            except queue.Full:
                continue
        else:
            return


def loss_of(model: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy over reply tokens (and recall lines), and whether each reply token was the
    most likely one, (tokens,) bool."""
    hidden = model.model(
        input_ids=batch.ids,
        position_ids=batch.positions,
        use_cache=False,
        layout=batch.layout,
    ).last_hidden_state[0, :-1]
    targets, recalled = batch.labels[0, 1:], batch.recalled[0, 1:]
    learned, copied = targets != IGNORED, recalled != IGNORED
    logits = model.lm_head(hidden[learned])
    loss = torch.nn.functional.cross_entropy(logits, targets[learned])
    if bool(copied.any()):
        copies = model.lm_head(hidden[copied])
        loss = loss + RECALL_WEIGHT * torch.nn.functional.cross_entropy(copies, recalled[copied])
    return loss, logits.argmax(-1) == targets[learned]


def train(
    out: Path,
    *,
    minutes: float,
    batch: int,
    rate: float,
    width: int,
    layers: int,
    threads: int,
    seed: int,
    warm_share: float,
    most_steps: int | None = None,
    start: Path | None = None,
    matching_heads: bool = False,
    compass: float = 0.0,
) -> None:
    """Train for ``minutes`` in total, including earlier runs in ``out``, with frequent checkpoints.

    ``most_steps`` ends training at that many steps in total, and the learning rate is scheduled by
    steps. With ``start`` the weights come from that checkpoint, ``width`` and ``layers`` are
    ignored, and there is no phase of short journeys. ``matching_heads`` adds the heads of
    `training.matching_heads` for keyframe numbers. ``compass`` is the share of replies that
    conclude in compass points.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    state_file = out / "state.pt"
    if (out / "tokenizer.json").exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(out))
    elif start is not None:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(start))
        save_tokenizer(tokenizer, out)
    else:
        tokenizer = train_tokenizer(corpus(800), whole_names=True)
        save_tokenizer(tokenizer, out)
    if start is not None:
        model = LlamaForCausalLM.from_pretrained(str(start), dtype=torch.float32)
    else:
        model = new_model(tokenizer, width=width, layers=layers)
    if matching_heads:
        model = with_matching_heads(model, number_tokens(tokenizer), list(whole_texts(tokenizer)))
    model.set_attn_implementation(ATTENTION)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    parts = {"model": model, "optimiser": optimiser}
    state = load_state(state_file, parts)
    step, spent, seen = state.get("step", 0), state.get("spent", 0.0), state.get("seen", 0)
    total = sum(p.numel() for p in model.parameters())
    print(f"{total / 1e6:.2f} M parameters, {len(tokenizer)} tokens, from step {step}", flush=True)
    context = multiprocessing.get_context("spawn")
    feed: multiprocessing.Queue[Packed] = context.Queue(64)

    def producer(longest: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(
            target=_produce, args=(seed + step + 1, str(out), longest, compass, feed), daemon=True
        )
        process.start()
        return process

    short = start is None and spent < 60 * minutes * warm_share
    worker = producer(SHORT_VIEWS if short else 32)
    model.train()
    log = (out / "log.jsonl").open("a", encoding="utf-8")
    started, losses, hits, tick = time.monotonic() - spent, [], [], time.monotonic()
    opening = int(tokenizer.convert_tokens_to_ids("<answer>"))
    answer_hits: list[float] = []
    answers_right = 0.0
    saved = spent
    while (spent := time.monotonic() - started) < 60 * minutes and step != most_steps:
        if short and (spent >= 60 * minutes * warm_share or answers_right > SHORT_UNTIL):
            short = False
            worker.terminate()
            worker.join(timeout=10)
            feed = context.Queue(64)
            worker = producer(32)
        progress = step / most_steps if most_steps else spent / (60 * minutes)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 200) * _schedule(progress)
        try:
            items = [
                feed.get(timeout=120) for _ in range(batch * (2 if short or progress > 0.6 else 1))
            ]
        except queue.Empty as error:
            raise RuntimeError(
                "the process that generates journeys stopped; see its traceback above"
            ) from error
        tensors = collate(items)
        loss, right = loss_of(model, tensors)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        seen += tensors.questions
        losses.append(float(loss.detach()))
        hits.append(float(right.float().mean()))
        learned = tensors.labels[0, 1:] != IGNORED
        begins = tensors.ids[0, :-1][learned] == opening
        answer_hits.append(float(right[begins].float().mean()))
        if step % 200 == 0:
            answers_right = float(np.mean(answer_hits))
            row = {
                "step": step,
                "minutes": round(spent / 60, 2),
                "questions": seen,
                "loss": float(np.mean(losses)),
                "token_accuracy": float(np.mean(hits)),
                "answer_accuracy": answers_right,
                "s_per_step": (time.monotonic() - tick) / len(losses),
            }
            print(json.dumps(row), flush=True)
            log.write(json.dumps(row) + "\n")
            log.flush()
            losses, hits, answer_hits, tick = [], [], [], time.monotonic()
        if spent - saved > 180:
            saved = spent
            save_state(state_file, parts, step=step, spent=spent, seen=seen)
    worker.terminate()
    worker.join(timeout=10)
    feed.close()
    feed.join_thread()
    log.close()
    save_state(state_file, parts, step=step, spent=spent, seen=seen)
    save_checkpoint(model, tokenizer, out / "model")


def _schedule(progress: float) -> float:
    return (
        1.0
        if progress < 0.3
        else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (progress - 0.3) / 0.7))
    )


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/reasoner"))
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in total")
    parser.add_argument(
        "--batch",
        type=int,
        default=1,
        help="sequences of 7 questions per step; doubled with short journeys and late in training",
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="checkpoint to start from")
    parser.add_argument(
        "--matching-heads", action="store_true", help="add heads that look up lines by number"
    )
    parser.add_argument(
        "--warm-share", type=float, default=0.5, help="longest share of the time on short journeys"
    )
    a = parser.parse_args()
    train(
        a.out,
        minutes=a.minutes,
        batch=a.batch,
        rate=a.rate,
        width=a.width,
        layers=a.layers,
        threads=a.threads,
        seed=a.seed,
        warm_share=a.warm_share,
        start=a.start,
        matching_heads=a.matching_heads,
    )


if __name__ == "__main__":
    main()
