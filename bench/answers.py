"""Time to the first token as the memory grows: ``python bench/answers.py [--server URL]``.

The memory grows to 300 deltas. At 10, 100 and 300 deltas, several questions are asked, each after
one more delta. In process, three ways take turns on every question: the kept key-value cache, the
whole prompt recomputed (as published), and the cache with the shipped reasoner's small token
budget. With --server, a vLLM server takes turns, too: with prompts that begin like the previous
one, and with prompts of the same length that share nothing. The cost of compaction is measured
last.

In process, times are those of the thread, so that a busy machine counts for nothing; a server's are
those of the clock.

The model in process is generated here, with random weights and the shipped tokenizer, because 300
deltas exceed the 4,096 tokens of the shipped model. The weights don't affect the speed. With
--model it is a checkpoint, such as SmolLM2-135M, in its own prompt style; --kept-only leaves out
what takes a large model minutes per question.
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
from embodied_agent.models.prompting import Prompting, read_prompting
from embodied_agent.reasoning.base import Prompt, Reasoner
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.factory import make_reasoner
from embodied_agent.reasoning.prompts import Style, build_prompt
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
    """Deltas such as the built-in perceiver's: a motion and one to three objects."""
    rng = random.Random(seed)
    deltas = []
    for number in range(count):
        names = {f"{rng.choice(COLOURS)} {rng.choice(KINDS)}" for _ in range(rng.randint(1, 3))}
        mentions = tuple(
            Mention(name, rng.choice(DIRECTIONS), rng.choice(("near", "mid", "far")))
            for name in sorted(names)
        )
        action = rng.choice(list(Action)) if number else None
        deltas.append(Delta(number, action, 30.0 if number else None, mentions))
    return deltas


def question(rng: random.Random) -> Question:
    """A question about an object, as a person might ask it."""
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
    elapsed_s = time.monotonic() - started
    pieces.close()  # type: ignore[attr-defined]
    return elapsed_s


def kept_s(reasoner: BuiltinReasoner, prompt: Prompt) -> float:
    """Seconds to the first token in process. (Its text may be empty, with random weights.)"""
    started = time.thread_time()
    logits, _ = reasoner._kept.read(reasoner._prompt_ids(prompt, 16), lambda: None)
    int(logits.argmax())
    elapsed_s = time.thread_time() - started
    reasoner._kept.release()
    return elapsed_s


def anew_s(reasoner: BuiltinReasoner, prompt: Prompt) -> float:
    """Seconds to the first token with the whole prompt recomputed, as in the published scripts."""
    started = time.thread_time()
    ids = torch.tensor([reasoner._prompt_ids(prompt, 16)], device=reasoner._model.device)
    with torch.inference_mode():
        logits = reasoner._model(input_ids=ids, logits_to_keep=1).logits
    int(logits[0, -1].argmax())
    return time.thread_time() - started


Way = Callable[[list[Delta], Question], float]


def measure(ways: dict[str, Way], deltas: list[Delta], repeats: int) -> dict[str, dict[int, float]]:
    """Median seconds by way and number of deltas; the ways take turns on each question."""
    rng = random.Random(2)
    medians: dict[str, dict[int, float]] = defaultdict(dict)
    for size in SIZES:
        times: dict[str, list[float]] = defaultdict(list)
        for repeat in range(repeats + 1):
            asked = question(rng)
            for name, way in ways.items():
                # One delta more each time, as the memory grows between questions.
                seconds = way(deltas[: size + repeat], asked)
                if repeat:  # the first question of a size reads all deltas since the last size
                    times[name].append(seconds)
        for name, values in times.items():
            medians[name][size] = statistics.median(values)
        summary = ", ".join(f"{name} {1e3 * by[size]:.0f} ms" for name, by in medians.items())
        print(f"{size} deltas: {summary}", flush=True)
    return medians


def prompt_of(
    deltas: list[Delta], asked: Question, budget: int, style: Style = "compact"
) -> Prompt:
    """The prompt for a question, with its recall line."""
    transcript = Transcript.of(deltas, budget).text()
    return build_prompt(style, transcript, recall(deltas, asked)[0], asked)


def compaction(
    reasoner: BuiltinReasoner, deltas: list[Delta], budget: int
) -> tuple[float, int, int]:
    """The cost of a transcript that exceeds its budget: mean milliseconds per question, number of
    compactions, and per cent of the prompt tokens that were computed."""
    transcript, asked = Transcript(budget), question(random.Random(3))
    read_before, kept_before = reasoner.tokens_read
    spent, compactions, count = 0.0, 0, 0
    for delta in deltas:
        dropped = transcript.dropped_entries
        transcript.add(delta)
        if delta.keyframe_id < 100:
            continue
        compactions += transcript.dropped_entries > dropped
        prompt = build_prompt("compact", transcript.text(), "", asked)
        spent += kept_s(reasoner, prompt)
        count += 1
    read, kept = (
        now - before
        for now, before in zip(reasoner.tokens_read, (read_before, kept_before), strict=True)
    )
    return 1e3 * spent / count, compactions, round(100 * read / (read + kept))


def table(medians: dict[str, dict[int, float]]) -> str:
    """A table of milliseconds, their growth, and the speed-up at the largest size."""
    small, large = SIZES[0], SIZES[-1]
    lines = [
        "| first token, ms | "
        + " | ".join(f"{n} deltas" for n in SIZES)
        + f" | {small} → {large} | anew / this at {large} |"
    ]
    lines.append("|" + "---|" * (len(SIZES) + 3))
    for name, by_size in medians.items():
        baseline = medians.get(BASELINES[name])
        gain = "-" if baseline is None else f"{baseline[large] / by_size[large]:.1f} ×"
        cells = " | ".join(f"{1e3 * by_size[n]:.1f}" for n in SIZES)
        lines.append(f"| {name} | {cells} | {by_size[large] / by_size[small]:.2f} × | {gain} |")
    return "\n".join(lines)


#: The way that each is compared with.
BASELINES = {
    "in process, kept": "in process, anew",
    "in process, anew": "in process, anew",
    "in process, kept, 550 tokens": "in process, anew",
    "vLLM, same beginning": "vLLM, nothing shared",
    "vLLM, nothing shared": "vLLM, nothing shared",
}


def main() -> None:
    """Parse the command line, measure, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--hidden", type=int, default=512, help="width of the model in process")
    parser.add_argument("--layers", type=int, default=6, help="layers of the model in process")
    parser.add_argument("--repeats", type=int, default=7, help="questions per size")
    parser.add_argument("--budget", type=int, default=12_000, help="token budget of the transcript")
    parser.add_argument("--server", default="", help="base URL of a vLLM server; empty: none")
    parser.add_argument("--make", type=Path, help="only save the model to this folder, to serve it")
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="measure this checkpoint")
    parser.add_argument("--kept-only", action="store_true", help="only the kept cache")
    a = parser.parse_args()
    torch.set_num_threads(1)
    if a.make:
        make_model(a.make, a.hidden, a.layers)
        return
    deltas = walk(SIZES[-1] + a.repeats + 1, seed=time.time_ns())
    with tempfile.TemporaryDirectory() as scratch:
        folder = a.model or Path(scratch)
        if not a.model:
            make_model(folder, a.hidden, a.layers)
        style = (read_prompting(folder) or Prompting.of_style("compact")).style

        def new_reasoner(**more: object) -> BuiltinReasoner:
            values = {"model_path": str(folder), "choose": False, "max_tokens": 16, **more}
            settings = load_settings(**{f"reasoning__{k}": v for k, v in values.items()})
            return BuiltinReasoner(settings.reasoning)

        kept = new_reasoner()
        tokens_read: dict[int, int] = {}  # by number of deltas

        def kept_way(deltas: list[Delta], asked: Question) -> float:
            before, _ = kept.tokens_read
            seconds = kept_s(kept, prompt_of(deltas, asked, a.budget, style))
            tokens_read[len(deltas)] = kept.tokens_read[0] - before
            return seconds

        ways: dict[str, Way] = {"in process, kept": kept_way}
        if not a.kept_only:
            small, plain = new_reasoner(), new_reasoner(kept_cache_mb=0)
            ways["in process, anew"] = lambda d, q: anew_s(plain, prompt_of(d, q, a.budget, style))
            ways["in process, kept, 550 tokens"] = lambda d, q: kept_s(
                small, prompt_of(d, q, 550, style)
            )
        if a.server:
            served = make_reasoner(
                load_settings(
                    reasoning__backend="served", reasoning__server__base_url=a.server
                ).reasoning
            )
            # Seeds that no earlier run used, since the server may still cache its prompts.
            seeds = itertools.count(time.time_ns())

            def unshared(deltas: list[Delta], asked: Question) -> float:
                prompt = prompt_of(walk(len(deltas), seed=next(seeds)), asked, a.budget)
                return first_token_s(served, prompt)

            ways["vLLM, same beginning"] = lambda d, q: first_token_s(
                served, prompt_of(d, q, a.budget)
            )
            ways["vLLM, nothing shared"] = unshared
        parameters = sum(p.numel() for p in kept._model.parameters())
        prompt = prompt_of(deltas, question(random.Random(1)), a.budget, style)
        tokens = len(kept._prompt_ids(prompt, 16))
        print(
            f"In process: {parameters / 1e6:.1f} M parameters, one thread; {tokens} tokens with "
            f"{len(deltas)} deltas; medians of {a.repeats} questions.\n"
        )
        print(table(measure(ways, deltas, a.repeats)))
        for size in SIZES:
            counts = sorted(tokens_read[size + repeat] for repeat in range(1, a.repeats + 1))
            print(f"{size} deltas: a question reads {counts[0]} to {counts[-1]} tokens in process")
        if a.kept_only:
            return
        mean_ms, compactions, share = compaction(new_reasoner(), deltas[:220], 2000)
        print(
            "\nBeyond a budget of 2,000 tokens, with a question after each of 120 deltas: "
            f"{compactions} compactions, {share} % of all prompt tokens computed, {mean_ms:.1f} ms "
            "on average."
        )


if __name__ == "__main__":
    main()
