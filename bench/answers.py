"""Time to the first token while the memory grows: ``python bench/answers.py [--server URL]``.

The memory grows to 300 deltas; with 10, 100 and 300 of them, and a few more each time, questions
are asked. In process, three ways take turns on every question: the kept key-value cache, the whole
prompt computed anew (the published way), and the cache with the shipped reasoner's own small token
budget. With --server, a vLLM server is asked in turn as well: prompts that begin as the one before,
and prompts of the same length that share nothing. At the end, the cost of a compaction.

The model in process is made here, with random weights and the shipped tokenizer: the shipped one
reads 4,096 tokens, 300 deltas take more. How long reading takes does not depend on the weights.
"""

from __future__ import annotations

import argparse
import itertools
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from transformers import AutoTokenizer, GenerationConfig, LlamaConfig, LlamaForCausalLM

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.reasoning.base import Prompt, Reasoner
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.factory import make_reasoner
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.settings import load_settings
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript

SIZES = (10, 100, 300)
COLOURS = ("red", "blue", "green", "yellow", "white", "black")
KINDS = ("sofa", "lamp", "table", "chair", "door", "plant", "shelf", "bed")
DIRECTIONS = ("front", "front-left", "left", "back-right", "right")
TIMEOUT_S = 600.0


def walk(count: int, seed: int) -> list[Delta]:
    """Deltas as the built-in perceiver gives them: a turn and one to three objects."""
    rng = random.Random(seed)
    found = []
    for number in range(count):
        names = {f"{rng.choice(COLOURS)} {rng.choice(KINDS)}" for _ in range(rng.randint(1, 3))}
        mentions = tuple(
            Mention(name, rng.choice(DIRECTIONS), rng.choice(("near", "mid", "far")))
            for name in sorted(names)
        )
        action = rng.choice(list(Action)) if number else None
        found.append(Delta(number, action, 30.0 if number else None, mentions))
    return found


def question(rng: random.Random) -> Question:
    """One about an object, as a person might ask it."""
    name = f"{rng.choice(COLOURS)} {rng.choice(KINDS)}"
    return Question(f"Where is the {name} now?", ("left", "right", "back", "front"))


def make_model(folder: Path, hidden: int, layers: int) -> None:
    """A decoder that reads 16,384 tokens, with the shipped reasoner's tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(str(SHIPPED / "reasoner"))
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=hidden,
            intermediate_size=3 * hidden,
            num_hidden_layers=layers,
            num_attention_heads=hidden // 64,
            num_key_value_heads=max(1, hidden // 256),
            max_position_embeddings=16_384,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    model.generation_config = GenerationConfig(eos_token_id=tokenizer.eos_token_id)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


def first_token_s(reasoner: Reasoner, prompt: Prompt) -> float:
    """Seconds from the question to the first piece of the reply."""
    started = time.monotonic()
    pieces: Iterator[str] = reasoner.stream(prompt, timeout_s=TIMEOUT_S, max_tokens=16)
    next(pieces, None)
    took = time.monotonic() - started
    pieces.close()  # type: ignore[attr-defined]
    return took


def kept_s(reasoner: BuiltinReasoner, prompt: Prompt) -> float:
    """Seconds to the first token in process: random weights may give one without text."""
    started = time.monotonic()
    logits, _ = reasoner._kept.read(reasoner._prompt_ids(prompt, 16), lambda: None)
    int(logits.argmax())
    took = time.monotonic() - started
    reasoner._kept.release()
    return took


def anew_s(reasoner: BuiltinReasoner, prompt: Prompt) -> float:
    """The same with the whole prompt computed in one go, as the published scripts do."""
    started = time.monotonic()
    ids = torch.tensor([reasoner._prompt_ids(prompt, 16)], device=reasoner._model.device)
    with torch.inference_mode():
        logits = reasoner._model(input_ids=ids, logits_to_keep=1).logits
    int(logits[0, -1].argmax())
    return time.monotonic() - started


Way = Callable[[list[Delta], Question], float]


def measure(ways: dict[str, Way], known: list[Delta], repeats: int) -> dict[str, dict[int, float]]:
    """Median seconds by way and size; the ways take turns on each question."""
    rng = random.Random(2)
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for size in SIZES:
        took: dict[str, list[float]] = defaultdict(list)
        for repeat in range(repeats + 1):
            asked = question(rng)
            for name, way in ways.items():
                # One delta more each time: the memory grows while it is asked.
                seconds = way(known[: size + repeat], asked)
                if repeat:  # the first of a size reads what came since the last size
                    took[name].append(seconds)
        for name, values in took.items():
            found[name][size] = statistics.median(values)
        said = ", ".join(f"{name} {1e3 * by[size]:.0f} ms" for name, by in found.items())
        print(f"{size} deltas: {said}", flush=True)
    return found


def prompt_of(known: list[Delta], asked: Question, budget: int) -> Prompt:
    """The compact prompt, with what recall finds."""
    transcript = Transcript.of(known, budget).text()
    return build_prompt("compact", transcript, recall(known, asked)[0], asked)


def compaction(
    reasoner: BuiltinReasoner, known: list[Delta], budget: int
) -> tuple[float, int, int]:
    """Mean milliseconds per question over a walk over budget, compactions, and the share read."""
    transcript, asked = Transcript(budget), question(random.Random(3))
    read_before, kept_before = reasoner.tokens_read
    spent, losses, count = 0.0, 0, 0
    for delta in known:
        dropped = transcript.dropped_entries
        transcript.add(delta)
        if delta.keyframe_id < 100:
            continue
        losses += transcript.dropped_entries > dropped
        prompt = build_prompt("compact", transcript.text(), "", asked)
        spent += kept_s(reasoner, prompt)
        count += 1
    read, kept = (
        now - before
        for now, before in zip(reasoner.tokens_read, (read_before, kept_before), strict=True)
    )
    return 1e3 * spent / count, losses, round(100 * read / (read + kept))


def table(found: dict[str, dict[int, float]]) -> str:
    """Milliseconds, growth, and how much faster than anew at the largest size."""
    small, large = SIZES[0], SIZES[-1]
    lines = [
        "| first token, ms | "
        + " | ".join(f"{n} deltas" for n in SIZES)
        + f" | {small} → {large} | anew / this at {large} |"
    ]
    lines.append("|" + "---|" * (len(SIZES) + 3))
    for name, by_size in found.items():
        beside = found.get(BESIDE[name], by_size)
        cells = " | ".join(f"{1e3 * by_size[n]:.1f}" for n in SIZES)
        lines.append(
            f"| {name} | {cells} | {by_size[large] / by_size[small]:.2f} × | "
            f"{beside[large] / by_size[large]:.1f} × |"
        )
    return "\n".join(lines)


BESIDE = {
    "in process, kept": "in process, anew",
    "in process, anew": "in process, anew",
    "in process, kept, 550 tokens": "in process, anew",
    "vLLM, same beginning": "vLLM, nothing shared",
    "vLLM, nothing shared": "vLLM, nothing shared",
}


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--hidden", type=int, default=512, help="of the model in process")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--repeats", type=int, default=7, help="questions per size")
    parser.add_argument("--budget", type=int, default=12_000, help="transcript, in tokens")
    parser.add_argument("--server", default="", help="base URL of a vLLM server; empty: none")
    parser.add_argument("--make", type=Path, help="only save the model there, to serve it")
    a = parser.parse_args()
    torch.set_num_threads(1)
    if a.make:
        make_model(a.make, a.hidden, a.layers)
        return
    known = walk(SIZES[-1] + a.repeats + 1, seed=time.time_ns())
    with tempfile.TemporaryDirectory() as scratch:
        make_model(Path(scratch), a.hidden, a.layers)

        def made(**more: object) -> BuiltinReasoner:
            values = {"model_path": scratch, "choose": False, "max_tokens": 16, **more}
            settings = load_settings(**{f"reasoning__{k}": v for k, v in values.items()})
            return BuiltinReasoner(settings.reasoning)

        kept, small, plain = made(), made(), made(kept_cache_mb=0)
        ways: dict[str, Way] = {
            "in process, kept": lambda k, q: kept_s(kept, prompt_of(k, q, a.budget)),
            "in process, anew": lambda k, q: anew_s(plain, prompt_of(k, q, a.budget)),
            "in process, kept, 550 tokens": lambda k, q: kept_s(small, prompt_of(k, q, 550)),
        }
        if a.server:
            served = make_reasoner(
                load_settings(
                    reasoning__backend="served", reasoning__server__base_url=a.server
                ).reasoning
            )
            # Never what an earlier run asked: the server may remember.
            fresh = itertools.count(time.time_ns())

            def unshared(known: list[Delta], asked: Question) -> float:
                prompt = prompt_of(walk(len(known), seed=next(fresh)), asked, a.budget)
                return first_token_s(served, prompt)

            ways["vLLM, same beginning"] = lambda k, q: first_token_s(
                served, prompt_of(k, q, a.budget)
            )
            ways["vLLM, nothing shared"] = unshared
        parameters = sum(p.numel() for p in plain._model.parameters())
        tokens = len(plain._prompt_ids(prompt_of(known, question(random.Random(1)), a.budget), 16))
        print(
            f"In process: {parameters / 1e6:.1f} M parameters, one thread; {tokens} tokens with "
            f"{len(known)} deltas; medians of {a.repeats} questions.\n"
        )
        print(table(measure(ways, known, a.repeats)))
        longer = made()
        mean_ms, losses, share = compaction(longer, known[:220], 2000)
        print(
            f"\nOver a budget of 2,000 tokens, a question after each of 120 deltas: {losses} "
            f"compactions, {share} % of all prompt tokens computed, {mean_ms:.1f} ms on average."
        )


if __name__ == "__main__":
    main()
