"""Trains the built-in reasoner, supervised, on text-only episodes.

    python -m training.reasoner --out runs/reasoner --minutes 60
    python -m training.reasoner --out runs/more --start embodied_agent/models/reasoner

Journeys are made on the fly in a second process, never twice; training seeds start at a million,
so that shipped clips and held-out scenes are never among them. Resumes where it stopped.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import queue
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from embodied_agent.memory.recall import recall
from embodied_agent.memory.transcript import entry_text
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Delta, Question
from sim_clips.questions import MAKERS, ClipQuestion, question_of
from sim_clips.scene import WorldName
from training.matching_heads import with_matching_heads
from training.packing import ATTENTION, IGNORED, Batch, Block, Packed, collate
from training.text_worlds import TYPICAL_NOISE, noted, renamed, sample_journey
from training.traces import LONGEST_CHAIN, trace
from training.vocabulary import ASSISTANT, END, USER, save_tokenizer, train_tokenizer

#: Scenes for training begin here; below are shipped clips (< 1,000) and held-out scenes.
FIRST_TRAINING_SEED = 1_000_000
#: Longest training sequence in tokens; longer ones lose their last questions.
LONGEST = 1280
#: Standard deviation of fresh weights; the usual 0.02 is meant for models ten times as wide.
INITIAL_SCALE = 0.06
#: Journeys stay this short until so many answers begin right: copying is learned first.
SHORT_VIEWS, SHORT_UNTIL = 6, 0.9
#: Weight of predicting the recall line, which repeats parts of the transcript: it teaches looking
#: an entry up by its number, on tokens that are read anyway.
RECALL_WEIGHT = 0.4
#: Types that are learned last are shown so many times as often.
OFTEN = {"appearance_order": 2.0, "relative_direction": 4.0}
#: Types whose question makes no sense without its choices; the others are also asked openly.
NEEDS_CHOICES = frozenset({"relative_distance"})


@dataclass(frozen=True)
class Sample:
    """One question with everything that is said about it, as text."""

    question: ClipQuestion
    now: int
    task: str
    reply: str


def reply_text(reasoning: str, question: ClipQuestion) -> str:
    """The whole reply that the model is to learn.

    The answer is the option's text, not its letter: finding the letter is a look-up of its own,
    which a small model learns long after the rest, and a parser does it without fail.
    """
    return f"<think>{reasoning}</think><answer> {question.choices[question.answer]}</answer>"


def samples_of(
    world: WorldName,
    seed: int,
    rng: np.random.Generator,
    *,
    questions: int,
    longest: int,
    noise: float,
) -> tuple[list[Delta], list[Sample]]:
    """What the transcript holds of one journey, and questions at several moments; each sample's
    ``now`` counts the transcript's entries."""
    journey = sample_journey(world, seed, rng)
    if rng.random() < 0.7:
        journey = renamed(journey, rng)
    deltas = noted(journey, rng, TYPICAL_NOISE.scaled(noise), first_id=_first_id(rng))[
        : longest + 1
    ]
    # Old entries leave a long transcript in blocks; what they named can still be recalled.
    blocks = (len(deltas) - LONGEST_CHAIN - 2) // 8
    gone = 8 * int(rng.integers(1, blocks + 1)) if blocks > 0 and rng.random() < 0.3 else 0
    since = gone + LONGEST_CHAIN + 1 if gone else 1
    ends = [i for i, v in enumerate(journey.views) if v.at_end and since <= i < len(deltas)]
    found: list[Sample] = []
    kinds = list(MAKERS)
    shares = np.array([OFTEN.get(kind, 1.0) for kind in kinds])
    shares /= shares.sum()
    for _ in range(3 * questions):
        if len(found) == questions or not ends:
            break
        kind = str(rng.choice(kinds, p=shares))
        now = ends[int(rng.integers(len(ends)))]
        if gone and kind == "progress_evaluation":
            continue  # its start is no longer there to be read
        question = question_of(kind, journey, now, rng, tries=3)
        if question is None:
            continue
        reasoning = trace(journey, deltas, now, question)
        if reasoning is None:
            continue
        lettered = kind in NEEDS_CHOICES or rng.random() < 0.88
        asked = Question(question.text, question.choices if lettered else ())
        recalled, _ = recall(deltas[: now + 1], asked)
        task = build_prompt("compact", "", recalled, asked).task
        found.append(Sample(question, now - gone, task, reply_text(reasoning, question)))
    return deltas[gone:], found


def _first_id(rng: np.random.Generator) -> int:
    """Most memories are young; some began long ago."""
    return 0 if rng.random() < 0.5 else int(rng.integers(0, 200))


def pack_samples(
    tokenizer: PreTrainedTokenizerFast, deltas: list[Delta], samples: list[Sample]
) -> Packed:
    """One training sequence."""

    def ids(text: str) -> list[int]:
        return tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids

    head = ids(USER)
    limits, transcript = [], head
    for delta in deltas:
        transcript = transcript + ids(entry_text(delta))
        limits.append(len(transcript))
    blocks, total = [], len(transcript)
    for sample in samples:
        line = sample.task.index("\n") + 1
        block = Block(
            limits[sample.now],
            ids(sample.task + ASSISTANT),
            ids(sample.reply + END),
            recalled=len(ids(sample.task[:line])),
        )
        total += len(block.task) + len(block.reply)
        if total > LONGEST:
            break
        blocks.append(block)
    return Packed(transcript, blocks)


def sequences(seed: int, tokenizer: PreTrainedTokenizerFast, longest: int) -> Iterator[Packed]:
    """Endless fresh training sequences of journeys of up to ``longest`` views."""
    rng = np.random.default_rng([seed, 7])
    while True:
        world: WorldName = "house" if rng.random() < 0.5 else "city"
        scene = FIRST_TRAINING_SEED + int(rng.integers(1 << 30))
        noise = float(rng.choice([0.0, 0.0, 0.5, 1.0, 1.0]))
        views = min(longest, int(4 + (longest - 3) * float(rng.random()) ** 1.4))
        deltas, samples = samples_of(world, scene, rng, questions=7, longest=views, noise=noise)
        if samples:
            yield pack_samples(tokenizer, deltas, samples)


def corpus(episodes: int, seed: int = 1) -> Iterator[str]:
    """Texts for the tokenizer."""
    rng = np.random.default_rng([seed, 3])
    for _ in range(episodes):
        world: WorldName = ("house", "city", "warehouse")[int(rng.integers(3))]  # type: ignore[assignment]
        scene = FIRST_TRAINING_SEED + int(rng.integers(1 << 30))
        deltas, samples = samples_of(world, scene, rng, questions=8, longest=30, noise=0.0)
        yield "".join(entry_text(d) for d in deltas)
        for sample in samples:
            yield f"{sample.task}{sample.reply}"


def _numbers(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The tokens of keyframe numbers, at the beginning of a line and after a space."""
    return [i for token, i in tokenizer.get_vocab().items() if re.fullmatch(r"Ġ?#\d+", token)]


def _whole_texts(tokenizer: PreTrainedTokenizerFast, journeys: int = 60) -> Iterator[torch.Tensor]:
    """Token ids (1, n) of questions with transcript and reply, to fit heads on."""
    rng = np.random.default_rng(5)
    for number in range(journeys):
        world: WorldName = "house" if number % 2 else "city"
        scene = FIRST_TRAINING_SEED + int(rng.integers(1 << 30))
        deltas, samples = samples_of(world, scene, rng, questions=2, longest=24, noise=0.0)
        for sample in samples:
            seen = "".join(entry_text(d) for d in deltas[: sample.now + 1])
            text = f"{USER}{seen}{sample.task}{ASSISTANT}{sample.reply}"
            encoded = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
            yield torch.tensor([encoded.ids])


def new_model(tokenizer: PreTrainedTokenizerFast, *, width: int, layers: int) -> LlamaForCausalLM:
    """A fresh decoder."""
    config = LlamaConfig(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=4096,
        attention_bias=True,
        initializer_range=INITIAL_SCALE,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    for head, offset in enumerate((1, 2, 3)[: width // 32 - 1]):
        _look_back(model, head, offset)
    return model


def _look_back(model: LlamaForCausalLM, head: int, offset: int) -> None:
    """Let a head of the first layer begin by attending to the token ``offset`` places before.

    All that the model does rests on "what came after this token?", which needs such a head first;
    from random weights one takes thousands of steps to form. With rotary positions a constant query
    and a constant key rotated by the offset do it; both stay trainable.
    """
    attention = model.model.layers[0].self_attn
    size = attention.head_dim
    rows = slice(head * size, (head + 1) * size)
    turn = offset / 10000.0 ** (torch.arange(0, size, 2) / size)
    strength = 20.0**0.5 * size**0.25
    with torch.no_grad():
        attention.q_proj.weight[rows] *= 0.1
        attention.k_proj.weight[rows] *= 0.1
        ahead = torch.cat((torch.ones(size // 2), torch.zeros(size // 2)))
        attention.q_proj.bias[rows] = strength * ahead
        attention.k_proj.bias[rows] = strength * torch.cat((torch.cos(turn), torch.sin(turn)))


def _produce(seed: int, folder: str, longest: int, out: multiprocessing.Queue[Packed]) -> None:
    """Runs in a process of its own, until its parent ends."""
    torch.set_num_threads(1)
    parent = multiprocessing.parent_process()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder)
    for packed in sequences(seed, tokenizer, longest):
        while parent is None or parent.is_alive():
            try:
                out.put(packed, timeout=10)
                break
            except queue.Full:
                continue
        else:
            return


def loss_of(model: LlamaForCausalLM, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean cross-entropy over reply tokens, and whether each was the most likely one."""
    hidden = model.model(
        input_ids=batch.ids,
        position_ids=batch.positions,
        use_cache=False,
        layout=batch.layout,
    ).last_hidden_state[0, :-1]
    targets, recalled = batch.labels[0, 1:], batch.recalled[0, 1:]
    wanted, copied = targets != IGNORED, recalled != IGNORED
    logits = model.lm_head(hidden[wanted])
    loss = torch.nn.functional.cross_entropy(logits, targets[wanted])
    if bool(copied.any()):
        copies = model.lm_head(hidden[copied])
        loss = loss + RECALL_WEIGHT * torch.nn.functional.cross_entropy(copies, recalled[copied])
    return loss, logits.argmax(-1) == targets[wanted]


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
) -> None:
    """Train for ``minutes`` of this machine's time, resumed runs counted in; checkpoint often.

    ``most_steps`` ends it earlier, at that many steps, resumed runs counted in. With ``start`` the
    weights come from that checkpoint, whatever ``width`` and ``layers``, and short journeys are
    left out. ``matching_heads`` adds those of `training.matching_heads` for keyframe numbers.
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
        model = with_matching_heads(model, _numbers(tokenizer), list(_whole_texts(tokenizer)))
    model.set_attn_implementation(ATTENTION)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.98), weight_decay=0.01)
    step, spent, seen = 0, 0.0, 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        step, spent, seen = state["step"], state["spent"], state["seen"]
    total = sum(p.numel() for p in model.parameters())
    print(f"{total / 1e6:.2f} M parameters, {len(tokenizer)} tokens, from step {step}", flush=True)
    context = multiprocessing.get_context("spawn")
    feed: multiprocessing.Queue[Packed] = context.Queue(64)

    def producer(longest: int) -> multiprocessing.process.BaseProcess:
        process = context.Process(
            target=_produce, args=(seed + step + 1, str(out), longest, feed), daemon=True
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
        progress = spent / (60 * minutes)
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 200) * _schedule(progress)
        try:
            items = [
                feed.get(timeout=120) for _ in range(batch * (2 if short or progress > 0.6 else 1))
            ]
        except queue.Empty as error:
            raise RuntimeError("the episode maker stopped; see its traceback above") from error
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
        wanted = tensors.labels[0, 1:] != IGNORED
        begins = tensors.ids[0, :-1][wanted] == opening
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
            _save(state_file, model, optimiser, step, spent, seen)
    worker.terminate()
    worker.join(timeout=10)
    feed.close()
    feed.join_thread()
    log.close()
    _save(state_file, model, optimiser, step, spent, seen)
    save_checkpoint(model, tokenizer, out / "model")


def save_checkpoint(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Everything that transformers, ``transformers serve`` and vLLM need to load the model."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=512,
    )
    copy.to(dtype).save_pretrained(str(folder))
    save_tokenizer(tokenizer, folder)


def _schedule(progress: float) -> float:
    return (
        1.0
        if progress < 0.3
        else 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * (progress - 0.3) / 0.7))
    )


def _save(
    path: Path,
    model: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
    step: int,
    spent: float,
    seen: int,
) -> None:
    part = path.with_suffix(".part")
    torch.save(
        {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "step": step,
            "spent": spent,
            "seen": seen,
        },
        part,
    )
    part.replace(path)


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/reasoner"))
    parser.add_argument("--minutes", type=float, default=60.0, help="training time in all")
    parser.add_argument(
        "--batch",
        type=int,
        default=1,
        help="sequences per step, of 7 questions; doubles from half time on",
    )
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=Path, help="checkpoint whose weights to go on from")
    parser.add_argument(
        "--matching-heads", action="store_true", help="add heads that look lines up by number"
    )
    parser.add_argument(
        "--warm-share", type=float, default=0.5, help="most of the time on short journeys"
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
