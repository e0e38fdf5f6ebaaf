"""A language model in this process: ``python bench/in_process.py --model smollm2``.

Loads the model that ``reasoning.model_path`` would name, lets a memory grow to 300 keyframes, and
asks about it, with the transcript budgets of `--budgets`: seconds to the first token and to the end
of an answer, and the memory of the process. The first token is measured in three cases:

    cold    nothing of the prompt is kept: right after a start, or after old entries have left
    kept    the previous question's prompt is kept, and a delta has come since
    ahead   the delta was read while nobody asked (``reasoning.read_ahead``)

An answer has `--reply` tokens, whatever the model would say; *voted* ones have four further replies
of that length, in one batch (``reasoning.votes``). Both are from the prompt read ahead.

Wall-clock seconds count what other programs take from this one; CPU seconds (of all threads
together) do not, though programs that share a core or its caches still slow each other down. On an
idle machine the wall-clock time is about the CPU seconds divided by the threads.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not
# As the runtime does it before it imports torch (`embodied_agent.models.checkpoints`).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import torch
from answers import question, walk

from embodied_agent.errors import ModelError
from embodied_agent.reasoning.base import Prompt, prompt_style
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.kept_prefix import SideBySide
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Delta, Question
from embodied_agent.settings import ReasoningSettings, load_settings
from embodied_agent.support.memory_use import resident_bytes
from embodied_agent.transcript.recall import recall
from embodied_agent.transcript.text import Transcript

KEYFRAMES = 300
#: Replies that are sampled beside the first one, as `reasoning.votes` has it by default.
FURTHER = ReasoningSettings().votes - 1

Times = tuple[float, float]  # wall-clock and CPU seconds


def timed(work: Callable[[], object]) -> Times:
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return time.monotonic() - wall, time.process_time() - cpu


class Bench:
    """One model, and a memory that grows by one delta with each question."""

    def __init__(self, reasoner: BuiltinReasoner, style: str, reply: int) -> None:
        self.reasoner, self.style, self.reply = reasoner, style, reply
        self.deltas: list[Delta] = walk(KEYFRAMES + 60, seed=5)
        self.rng = random.Random(6)
        self.count = KEYFRAMES

    def prompt(self, budget: int, asked: Question | None = None) -> Prompt:
        asked = asked or question(self.rng)
        known = self.deltas[: self.count]
        transcript = Transcript.of(known, budget).text()
        return build_prompt(self.style, transcript, recall(known, asked)[0], asked)  # type: ignore[arg-type]

    def first_token(self, prompt: Prompt) -> Times:
        """Read what is not kept, and choose the first token."""

        def work() -> None:
            kept = self.reasoner._kept
            logits, _ = kept.read(self.reasoner._prompt_ids(prompt, self.reply), lambda: None)
            int(logits.argmax())
            kept.release()

        return timed(work)

    def answer(self, prompt: Prompt, rows: int) -> Times:
        """Read what is not kept, and generate ``rows`` replies of the same length at once."""

        def work() -> None:
            kept, model = self.reasoner._kept, self.reasoner._model
            logits, cache = kept.read(self.reasoner._prompt_ids(prompt, self.reply), lambda: None)
            tokens = logits.argmax().reshape(1, 1).expand(rows, 1)
            together = SideBySide(model, cache, rows)
            with torch.inference_mode():
                for _ in range(self.reply - 1):
                    if rows == 1:
                        inputs = {"input_ids": tokens, "past_key_values": cache}
                        after = model(**inputs, use_cache=True).logits[:, -1]
                    else:
                        after = together.after(tokens)
                    tokens = after.argmax(-1, keepdim=True)
            kept.release()

        return timed(work)

    def measure(self, budget: int, repeats: int) -> dict[str, Times]:
        times: dict[str, list[Times]] = {}
        self.reasoner._kept._cache, self.reasoner._kept._ids = None, []
        times["cold"] = [self.first_token(self.prompt(budget))]
        for _ in range(repeats):
            self.count += 1
            times.setdefault("kept", []).append(self.first_token(self.prompt(budget)))
            self.count += 1
            self.reasoner.read_ahead(self.prompt(budget))
            times.setdefault("ahead", []).append(self.first_token(self.prompt(budget)))
        for name, rows in (("answer", 1), ("further", FURTHER)):
            self.count += 1
            prompt = self.prompt(budget)
            self.reasoner.read_ahead(prompt)
            times[name] = [self.answer(prompt, rows)]
        return {
            name: (statistics.median(w for w, _ in pairs), statistics.median(c for _, c in pairs))
            for name, pairs in times.items()
        }


def load_text() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def main() -> None:
    """Parse the command line, measure, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="smollm2", help="as reasoning.model_path")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budgets", default="1536,6144", help="transcript budgets, in tokens")
    parser.add_argument("--reply", type=int, default=60, help="tokens of a reply")
    parser.add_argument("--repeats", type=int, default=3)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    settings = load_settings(reasoning__model_path=a.model).reasoning
    made: list[BuiltinReasoner] = []
    try:
        load = timed(lambda: made.append(BuiltinReasoner(settings)))
    except ModelError as error:
        sys.exit(str(error))
    (reasoner,) = made
    dtype = str(reasoner._model.dtype).removeprefix("torch.")
    print(
        f"{reasoner.name} in {dtype}, {a.threads} threads, {load_text()}\n"
        f"loaded in {load[0]:.1f} s ({load[1]:.1f} CPU s, without imports), "
        f"{(resident_bytes() or 0) / 1e6:.0f} MB resident\n"
    )
    print(
        "| budget | keyframes | tokens | cold | kept | ahead | answer | voted | MB | load |\n"
        "|---|---|---|---|---|---|---|---|---|---|"
    )
    bench = Bench(reasoner, prompt_style(settings), a.reply)
    for budget in map(int, a.budgets.split(",")):
        bench.count = KEYFRAMES
        prompt = bench.prompt(budget, Question("?"))
        entries = prompt.transcript.count("\n")
        tokens = len(reasoner._prompt_ids(bench.prompt(budget), a.reply))
        times = bench.measure(budget, a.repeats)
        times["voted"] = tuple(
            x + y for x, y in zip(times["answer"], times["further"], strict=True)
        )
        cells = [
            f"{wall:.2f} ({cpu:.2f})"
            for wall, cpu in (times[n] for n in ("cold", "kept", "ahead", "answer", "voted"))
        ]
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        row = [str(budget), str(entries), str(tokens), *cells, f"{peak:.0f}", load_text()]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
