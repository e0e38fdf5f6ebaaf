"""Train the built-in perceiver, supervised, on rendered keyframes (`training.frames`).

    python -m training.frames --out runs/frames --scenes 2000
    python -m training.perceiver --frames runs/frames --out runs/perceiver --minutes 60
    python -m training.perceiver --start embodied_agent/models/perceiver --out runs/more

Training has these stages, by share of the time: the vision tower alone on windows around objects
(per-patch kind, colour and range; a window costs a quarter of a whole picture); the vision tower on
whole pictures; vision and language together on keyframe pairs, with the per-patch losses kept; and
language alone. With ``--start`` the weights come from a checkpoint and the first stage is skipped.
Repeating the command resumes where it stopped.

Out of scope: batches (`training.perceiver_batches`), the model (`training.perceiver_model`).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from transformers import Idefics3ForConditionalGeneration, PreTrainedTokenizerFast

from embodied_agent.records import DIRECTIONS
from training.frames import GRID, KINDS
from training.perceiver_batches import (
    IGNORED,
    SIDES,
    Frames,
    PairBatch,
    pair_batch,
    window_batch,
)
from training.perceiver_model import new_model, save_checkpoint
from training.resume import load_state, save_state
from training.samples import corpus
from training.vocabulary import train_tokenizer

#: Loss weight of patches without an object, which are the majority.
EMPTY_WEIGHT = 0.25
#: Ends of the first two stages, as shares of the training time.
WINDOWS_UNTIL, PICTURES_UNTIL = 0.34, 0.42
#: Share at which training from a checkpoint begins: the new per-patch head is fitted first.
STARTED = 0.40
#: From this share on the vision tower is frozen. That halves the work per step; what is learned
#: last, the direction of an object, is the language model's task.
FROZEN_FROM = 0.66
#: Loss weight of direction words: one of four words in a mention, and the last to be learned.
DIRECTION_WEIGHT = 3.0


class DenseHead(nn.Module):
    """Per-patch kind, colour, range and side from the vision tower's features; training only.

    The side (left, ahead, right) makes the features encode their position in the picture, which the
    language model can't know otherwise.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.sizes = (len(KINDS) + 1, 9, 4)
        self.out = nn.Linear(width, sum(self.sizes))
        self.side = nn.Linear(width, len(SIDES))

    def loss(
        self,
        features: torch.Tensor,
        kinds: torch.Tensor,
        colours: torch.Tensor,
        ranges: torch.Tensor,
        sides: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss and the shares of right patches; features are (B, P, width), labels (B, P)."""
        kind, colour, distance = self.out(features).split(self.sizes, -1)
        weight = torch.ones(self.sizes[0])
        weight[0] = EMPTY_WEIGHT
        thing = kinds > 0
        total = cross_entropy(kind.flatten(0, 1), kinds.flatten(), weight=weight)
        if bool(thing.any()):
            total = total + cross_entropy(colour[thing], colours[thing])
            total = total + 0.5 * cross_entropy(distance[thing], ranges[thing])
        marks = {}
        if sides is not None and bool((sides != IGNORED).any()):
            known = sides != IGNORED
            side = self.side(features)[known]
            total = total + cross_entropy(side, sides[known])
            marks["side"] = float((side.argmax(-1) == sides[known]).float().mean())
        with torch.no_grad():
            marks |= {
                "kind": float((kind.argmax(-1)[thing] == kinds[thing]).float().mean()),
                "colour": float((colour.argmax(-1)[thing] == colours[thing]).float().mean()),
                "range": float((distance.argmax(-1)[thing] == ranges[thing]).float().mean()),
            }
        return total, marks


def see(
    model: Idefics3ForConditionalGeneration, pictures: torch.Tensor, positions: torch.Tensor
) -> torch.Tensor:
    """Vision features (B, P, width) of pictures or windows; ``positions`` (B, P) in the grid."""
    tower = model.model.vision_model
    patches = tower.embeddings.patch_embedding(pictures).flatten(2).transpose(1, 2)
    hidden = patches + tower.embeddings.position_embedding(positions)
    hidden = tower.encoder(inputs_embeds=hidden, attention_mask=None).last_hidden_state
    return tower.post_layernorm(hidden)


def language_loss(
    model: Idefics3ForConditionalGeneration,
    features: torch.Tensor,
    batch: PairBatch,
    directions: torch.Tensor,
) -> tuple[torch.Tensor, dict[str, float]]:
    """Cross-entropy of the replies, and the shares of their tokens, and of the tokens among the ids
    ``directions``, that are predicted right."""
    tokens = model.model.connector(features)[batch.sources]
    embedded = model.get_input_embeddings()(batch.ids)
    holes = (batch.ids == model.config.image_token_id).unsqueeze(-1)
    embedded = embedded.masked_scatter(holes, tokens.flatten(0, 1))
    hidden = model.model.text_model(
        inputs_embeds=embedded, attention_mask=batch.mask, use_cache=False
    ).last_hidden_state[:, :-1]
    targets = batch.targets[:, 1:]
    learned = targets != IGNORED
    logits, targets = model.lm_head(hidden[learned]), targets[learned]
    correct = (logits.argmax(-1) == targets).float()
    sides = torch.isin(targets, directions)
    weight = 1 + (DIRECTION_WEIGHT - 1) * sides.float()
    loss = (weight * cross_entropy(logits, targets, reduction="none")).sum() / weight.sum()
    marks = {"tokens": float(correct.mean())}
    if bool(sides.any()):
        marks["direction"] = float(correct[sides].mean())
    return loss, marks


def train(
    frames_folder: Path,
    out: Path,
    *,
    minutes: float,
    rate: float,
    threads: int,
    seed: int,
    limit: int,
    most_steps: int | None = None,
    start: Path | None = None,
) -> None:
    """Train for ``minutes`` in total, including earlier runs in ``out``, with frequent checkpoints.

    ``most_steps`` ends training earlier, at that many steps in total.
    """
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    if start is not None:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(start))
    elif (out / "tokenizer.json").exists():
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(out))
    else:
        tokenizer = train_tokenizer(corpus(150), whole_names=False)
        tokenizer.save_pretrained(str(out))
    model = new_model(tokenizer)
    if start is not None:
        saved = Idefics3ForConditionalGeneration.from_pretrained(str(start), dtype=torch.float32)
        model.load_state_dict(saved.state_dict())
    directions = torch.tensor(_direction_ids(tokenizer))
    head = DenseHead(model.config.vision_config.hidden_size)
    vision = [*model.model.vision_model.parameters(), *head.out.parameters()]
    vision_ids = {id(p) for p in vision}
    language = [p for p in model.parameters() if id(p) not in vision_ids]
    optimiser = torch.optim.AdamW(
        [{"params": vision}, {"params": language}, {"params": [*head.side.parameters()]}],
        lr=rate,
        betas=(0.9, 0.97),
        weight_decay=0.02,
    )
    state_file = out / "state.pt"
    parts = {"model": model, "head": head, "optimiser": optimiser}
    state = load_state(state_file, parts)
    step, spent = state.get("step", 0), state.get("spent", 0.0)
    count = sum(p.numel() for p in model.parameters())
    frames = Frames(frames_folder, limit)
    print(f"{count / 1e6:.2f} M parameters, {len(frames)} frames, from step {step}", flush=True)
    rng = np.random.default_rng([seed, step])
    whole = torch.arange(GRID * GRID)[None]
    started, tick = time.monotonic() - spent, time.monotonic()
    marks: dict[str, list[float]] = {}
    with (out / "log.jsonl").open("a", encoding="utf-8") as log:
        while (spent := time.monotonic() - started) < 60 * minutes and step != most_steps:
            progress = spent / (60 * minutes)
            if start is not None:
                progress = STARTED + (1 - STARTED) * progress
            vision_rate, language_rate = _rates(progress)
            warm = min(1.0, (step + 1) / 200)
            optimiser.param_groups[0]["lr"] = rate * vision_rate * warm
            optimiser.param_groups[1]["lr"] = rate * language_rate
            optimiser.param_groups[2]["lr"] = rate
            step_marks: dict[str, float] = {}
            if progress < WINDOWS_UNTIL:
                batch = window_batch(frames, 96, rng)
                features = see(model, batch["pictures"], batch["positions"])
                loss, step_marks = head.loss(features, *batch["labels"].unbind(1))
                stage = "windows"
            else:
                stage = "pictures" if progress < PICTURES_UNTIL else "pairs"
                single = 0.6 if progress < 0.75 else 0.15
                frozen = progress >= FROZEN_FROM
                pairs = pair_batch(frames, tokenizer, 5, 6, single, rng)
                with torch.set_grad_enabled(not frozen):
                    features = see(model, pairs.pictures, whole.expand(len(pairs.pictures), -1))
                    loss, step_marks = head.loss(features, *pairs.labels.unbind(1))
                if stage == "pairs":
                    reply_loss, reply_marks = language_loss(model, features, pairs, directions)
                    step_marks |= {"said": float(reply_loss.detach()), **reply_marks}
                    loss = reply_loss if frozen else 0.4 * loss + reply_loss
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            step += 1
            for name, value in {"loss": float(loss.detach()), **step_marks}.items():
                marks.setdefault(name, []).append(value)
            if step % 50 == 0:
                row = {"step": step, "minutes": round(spent / 60, 2), "stage": stage}
                row |= {name: round(float(np.nanmean(v)), 4) for name, v in marks.items()}
                row["s_per_step"] = round((time.monotonic() - tick) / 50, 3)
                print(json.dumps(row), flush=True)
                log.write(json.dumps(row) + "\n")
                log.flush()
                marks, tick = {}, time.monotonic()
                frames.refresh()
            if step % 100 == 0:
                save_state(state_file, parts, step=step, spent=spent)
    save_state(state_file, parts, step=step, spent=spent)
    save_checkpoint(model, tokenizer, out / "model")


def _direction_ids(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The tokens that are a direction, alone or with a distance."""
    return [
        number
        for token, number in tokenizer.get_vocab().items()
        if token.replace("Ġ", " ").split()[:1] and token.replace("Ġ", " ").split()[0] in DIRECTIONS
    ]


def _rates(progress: float) -> tuple[float, float]:
    """Learning rates of vision and language at ``progress``, as shares of the peak rate."""
    if progress < PICTURES_UNTIL:
        return (1.0 if progress < 0.2 else 0.7), 0.0
    late = (progress - PICTURES_UNTIL) / (1 - PICTURES_UNTIL)
    fade = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * late))
    return 0.45 * fade, fade


def main() -> None:
    """Parse the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--frames", type=Path, default=Path("runs/frames"))
    parser.add_argument("--out", type=Path, default=Path("runs/perceiver"))
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in total")
    parser.add_argument("--start", type=Path, help="checkpoint to start from")
    parser.add_argument("--rate", type=float, default=1e-3, help="peak learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--limit", type=int, default=70_000, help="most frames in memory")
    a = parser.parse_args()
    train(
        a.frames,
        a.out,
        minutes=a.minutes,
        rate=a.rate,
        threads=a.threads,
        seed=a.seed,
        limit=a.limit,
        start=a.start,
    )


if __name__ == "__main__":
    main()
