"""The value of votes, verified answers and second looks: ``python bench/verification.py``.

The questions of the recorded clips are answered by the built-in models through `Agent.ask`, from
pixels. For every question, the ways take turns: one reasoning, votes, further attempts if the
judge finds low consistency, and a second look. Printed are the share of correct answers and their
time, and whether low consistency predicts a wrong answer: accuracy by consistency, and the
probability that a correct answer has a higher consistency than a wrong one (0.5: no relation). The
plot is written to docs/calibration.png.

The clips' memories are created once and kept in --memories.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from embodied_agent.agent import Agent
from embodied_agent.memory.store import Store
from embodied_agent.models.checkpoints import SHIPPED, checkpoint_folder
from embodied_agent.perception.builtin import BuiltinPerceiver
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.verify import Verifier
from embodied_agent.reasoning.verify_builtin import BuiltinVerifier
from embodied_agent.records import Answer, Delta, Keyframe
from embodied_agent.report.scoring import Case, read_cases
from embodied_agent.rules import NAME as RULES
from embodied_agent.settings import Settings, load_settings
from embodied_agent.sources import open_source

CLIPS = Path("sim_clips/clips")
PLAIN, VOTES = "one reasoning", "votes"
WAYS = (PLAIN, VOTES, "attempts if low", "look", "look if low")
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
#: A consistency below this is low.
LOW = 0.5
TIMEOUT_S = 300.0


class CachingPerceiver:
    """The built-in perceiver, but each single keyframe is perceived only once.

    ``spared_s`` adds up the time, in seconds, that the repetitions would have taken.
    """

    def __init__(self, perceiver: BuiltinPerceiver) -> None:
        self._perceiver = perceiver
        self._cache: dict[tuple[int, bytes], Delta] = {}
        self.name = perceiver.name
        self.spared_s = 0.0

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        key = (current.stamp_ns, current.jpeg)
        if previous is not None:
            return self._perceiver.perceive(previous, current)
        if key in self._cache:
            self.spared_s += self._cache[key].latency_s
        else:
            self._cache[key] = self._perceiver.perceive(None, current)
        return self._cache[key]

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        return [self.perceive(*pair) for pair in pairs]

    def close(self) -> None:
        """Nothing to release."""


@dataclass
class Row:
    """The results of one question: correct or not, and seconds, by way of answering; consistency
    and seconds of verification, by judge."""

    right: dict[str, bool] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    consistency: dict[str, float] = field(default_factory=dict)
    verify_s: dict[str, float] = field(default_factory=dict)


def memory_of(clip: Path, folder: Path) -> Path:
    """The memory file of a clip, created by a replay if it is missing."""
    path, marker = folder / f"{clip.name}.db", folder / f"{clip.name}.done"
    if not marker.exists():
        settings = load_settings(memory__path=str(path))
        with Agent(settings) as agent, open_source(str(clip), settings.source) as frames:
            agent.begin_replay(str(clip))
            for frame in frames:
                agent.observe(frame)
            agent.finish()
            while not agent.drain(TIMEOUT_S):
                pass
        marker.touch()
    return path


def settings_of(way: str, judge: str, attempts: int, looks: int) -> Settings:
    """The settings for a way of answering."""
    look = {"look": "on", "look if low": "auto"}.get(way, "off")
    return load_settings(
        reasoning__seed=1,
        reasoning__positions=False,
        reasoning__votes=5 if way in (VOTES, "look if low") else 1,
        reasoning__verify__mode="on" if way == "attempts if low" else "off",
        reasoning__verify__model_path=judge,
        reasoning__verify__timeout_s=TIMEOUT_S,
        reasoning__verify__attempts=attempts if way == "attempts if low" else 1,
        reasoning__second_look__mode=look,
        reasoning__second_look__keyframes=looks,
        reasoning__second_look__budget_s=TIMEOUT_S,
    )


def answered(
    case: Case,
    agents: dict[str, Agent],
    perceiver: CachingPerceiver,
    verifiers: dict[str, Verifier],
) -> Row | None:
    """Answer one question in each way in turn; ``None`` for one that the reasoner isn't asked, as
    the memory holds nothing of what it is about."""
    row = Row()

    def ask(way: str) -> Answer:
        spared = perceiver.spared_s
        started = time.monotonic()
        answer = agents[way].ask(replace(case.question, timeout_s=TIMEOUT_S))
        row.seconds[way] = time.monotonic() - started + perceiver.spared_s - spared
        row.right[way] = answer.choice == case.truth
        return answer

    plain = ask(PLAIN)
    if plain.models.get("reasoner") == RULES:
        return None
    for name, verifier in verifiers.items():
        started = time.monotonic()
        row.consistency[name] = 0.0  # for an answer that can't be parsed, or is not given out
        if plain.choice is not None and not plain.problem:
            verdict = verifier.verify(
                case.question, plain.reasoning, plain.text, timeout_s=TIMEOUT_S
            )
            row.consistency[name] = verdict.consistency
        row.verify_s[name] = time.monotonic() - started
    row.consistency[VOTES] = ask(VOTES).consistency or 0.0
    row.verify_s[VOTES] = row.seconds[VOTES] - row.seconds[PLAIN]
    if "look" not in agents:
        return row
    ask("look")
    judge = next(iter(verifiers))
    for way, first, extra_s, consistency in (
        ("attempts if low", PLAIN, row.verify_s[judge], row.consistency[judge]),
        ("look if low", VOTES, 0.0, row.consistency[VOTES]),
    ):
        if consistency < LOW:
            ask(way)
        else:
            # The first attempt would be the same again, and stands.
            row.right[way] = row.right[first]
            row.seconds[way] = row.seconds[first] + extra_s
    return row


def answered_by(name: str) -> str:
    """The way of answering whose answers have this consistency."""
    return VOTES if name == VOTES else PLAIN


def separation(rows: Sequence[Row], name: str) -> float:
    """The probability that a correct answer has a higher consistency than a wrong one; ties count
    half."""
    way = answered_by(name)
    right = np.array([r.consistency[name] for r in rows if r.right[way]])
    wrong = np.array([r.consistency[name] for r in rows if not r.right[way]])
    pairs = right[:, None] - wrong[None, :]
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2) if pairs.size else math.nan


def in_bins(rows: Sequence[Row], name: str) -> list[tuple[float, float, int, int]]:
    """For each bin of consistency: its limits, its answers, and how many of them are correct."""
    bins = []
    for low, high in pairwise(BINS):
        here = [
            r for r in rows if low <= r.consistency[name] < high or r.consistency[name] == high == 1
        ]
        bins.append((low, high, len(here), sum(r.right[answered_by(name)] for r in here)))
    return bins


def plot(rows: Sequence[Row], names: Sequence[str], path: Path) -> None:
    """Plot the share of correct answers by consistency, with binomial error bars and counts."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, len(names), figsize=(4.2 * len(names), 3.6), squeeze=False)
    for ax, name in zip(axes[0], names, strict=True):
        overall = np.mean([r.right[answered_by(name)] for r in rows])
        for low, high, count, right in in_bins(rows, name):
            if count:
                share = right / count
                error = math.sqrt(share * (1 - share) / count)
                ax.bar((low + high) / 2, share, 0.18, yerr=error, color="#7a9cc6", capsize=3)
                ax.text((low + high) / 2, 0.02, f"n={count}", ha="center", fontsize=8)
        ax.axhline(overall, color="#555555", linewidth=1, linestyle="--")
        ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="consistency", ylabel="answers right")
        ax.set_title(f"{name}\nseparation {separation(rows, name):.2f}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def tables(rows: Sequence[Row], names: Sequence[str]) -> str:
    """The results as Markdown."""
    lines = [
        f"{len(rows)} questions",
        "",
        "| way | right | changed to right | changed to wrong | s per answer | longest, s |",
        "|---|---|---|---|---|---|",
    ]
    for way in rows[0].right:
        right = np.array([r.right[way] for r in rows])
        plain = np.array([r.right[PLAIN] for r in rows])
        seconds = np.array([r.seconds[way] for r in rows])
        lines.append(
            f"| {way} | {100 * right.mean():.1f} % | {(right & ~plain).sum()} "
            f"| {(~right & plain).sum()} | {seconds.mean():.2f} | {seconds.max():.1f} |"
        )
    lines += [
        "",
        "| whose consistency | separation | mean s | below 0.5: answers | right | others | right |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in names:
        way = answered_by(name)
        low = [r.right[way] for r in rows if r.consistency[name] < LOW]
        high = [r.right[way] for r in rows if r.consistency[name] >= LOW]
        took = np.mean([r.verify_s[name] for r in rows])
        lines.append(
            f"| {name} | {separation(rows, name):.2f} | {took:.3f} | {len(low)} | {_percent(low)} "
            f"| {len(high)} | {_percent(high)} |"
        )
    return "\n".join(lines)


def _percent(marks: Sequence[bool]) -> str:
    return f"{100 * np.mean(marks):.1f} %" if marks else "–"


def main() -> None:
    """Parse the command line, measure, and print the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--clips", nargs="*", type=Path, default=sorted(CLIPS.glob("*_*")))
    parser.add_argument("--questions", type=int, default=0, help="evenly spaced, per clip; 0: all")
    parser.add_argument("--judge", default=str(SHIPPED / "judge"), help="a checkpoint folder")
    parser.add_argument("--plain", action="store_true", help="only one reasoning and votes")
    parser.add_argument("--attempts", type=int, default=3)
    parser.add_argument("--looks", type=int, default=3, help="keyframes looked at again")
    parser.add_argument("--memories", type=Path, default=Path("runs/answers"))
    parser.add_argument("--plot", type=Path, default=Path("docs/calibration.png"))
    a = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    a.memories.mkdir(parents=True, exist_ok=True)
    shipped = load_settings()
    perceiver = CachingPerceiver(BuiltinPerceiver(shipped.perception))
    reasoner = BuiltinReasoner(shipped.reasoning)
    verifiers: dict[str, Verifier] = {}
    for label, folder in (("judge", a.judge), ("reasoner", str(checkpoint_folder("", "reasoner")))):
        for method in ("samples", "likelihood"):
            if folder:
                settings = load_settings(
                    reasoning__verify__model_path=folder, reasoning__verify__method=method
                )
                verifiers[f"{label}, {method}"] = BuiltinVerifier(settings.reasoning)
    rows: list[Row] = []
    for clip in a.clips:
        path = memory_of(clip, a.memories)
        cases = read_cases(clip / "questions.json")
        if a.questions:
            cases = cases[:: max(1, len(cases) // a.questions)][: a.questions]
        with ExitStack() as stack:
            store = stack.enter_context(
                closing(Store.open(str(path), shipped.memory, read_only=True))
            )
            agents = {
                way: stack.enter_context(
                    Agent(
                        settings_of(way, a.judge, a.attempts, a.looks),
                        store=store,
                        perceiver=perceiver,
                        reasoner=reasoner,
                    )
                )
                for way in (WAYS[:2] if a.plain else WAYS)
            }
            for case in cases:
                row = answered(case, agents, perceiver, verifiers)
                if row is not None:
                    rows.append(row)
        print(f"\nup to {clip.name}: {tables(rows, [VOTES, *verifiers])}", flush=True)
    plot(rows, [VOTES, *(name for name in verifiers if name.endswith("samples"))], a.plot)


if __name__ == "__main__":
    main()
