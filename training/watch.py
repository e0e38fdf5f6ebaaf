"""Watch a training run for signs of failure, and explain them in words.

Three are the published method's (arXiv 2504.12680): consistency that stays below 80 % (reward
hacking), accuracy that rises while consistency falls (memorising), and a collapse of accuracy out
of distribution (overfitting). The others are equal rewards (nothing to learn from), reply lengths
that collapse or explode, replies that are cut off, and a policy that drifts far from its start.

Each sign is raised once, with its numbers and advice, and again only after it had disappeared.

Out of scope: acting on a sign. A warning never stops a run.
"""

from __future__ import annotations

import json
import logging
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

log = logging.getLogger(__name__)


class WatchConfig(BaseModel):
    """Thresholds of the signs. Windows count log entries (see ``trainer.logging_steps``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window: int = Field(8, ge=2, description="log entries per window; trends compare two windows")
    least_consistency: float = Field(0.8, ge=0, le=1)
    stagnant_gain: float = Field(0.02, ge=0, description="a smaller gain per window is stagnation")
    drift: float = Field(0.05, gt=0, description="smallest rise and fall that count, as shares")
    ood_drop: float = Field(
        0.1, gt=0, description="drop below the best accuracy out of distribution"
    )
    most_equal_groups: float = Field(
        0.9, gt=0, le=1, description="share of groups with equal rewards"
    )
    length_ratio: float = Field(
        2.0, gt=1, description="ratio of mean lengths, now and at the start"
    )
    most_clipped: float = Field(
        0.2, gt=0, le=1, description="share of replies cut off at the limit"
    )
    most_kl: float = Field(0.5, gt=0, description="mean KL per token, nats")


@dataclass(frozen=True, slots=True)
class Sign:
    """One sign of failure: a stable ``name``, and a ``text`` with the numbers and advice."""

    name: str
    step: int
    text: str


class Watch:
    """Detects signs of failure in the log entries of a run."""

    def __init__(self, config: WatchConfig | None = None) -> None:
        self.config = config or WatchConfig()
        self._rows: deque[dict[str, float]] = deque(maxlen=2 * self.config.window)
        self._first_lengths: list[float] = []
        self._best_ood: dict[str, float] = {}
        self._raised: set[str] = set()

    def see(self, step: int, logs: Mapping[str, Any]) -> list[Sign]:
        """The new signs in this log entry; keys of an evaluation's entry start with ``eval_``."""
        if any(key.startswith("eval_") for key in logs):
            return self._new(step, self._out_of_distribution(logs), {"ood_collapse"})
        row = {k: float(v) for k, v in logs.items() if isinstance(v, (int, float))}
        if "reward" not in row:
            return []
        self._rows.append(row)
        names = {
            "consistency_low", "memorising", "no_signal", "length_collapse", "length_explosion",
            "cut_off", "kl_blow_up",
        }  # fmt: skip
        return self._new(step, [*self._rewards(), *self._lengths(), *self._kl()], names)

    def _new(self, step: int, signs: list[tuple[str, str]], checked: set[str]) -> list[Sign]:
        names = {name for name, _ in signs}
        fresh = [Sign(name, step, text) for name, text in signs if name not in self._raised]
        self._raised = (self._raised - (checked - names)) | names
        return fresh

    def _mean(self, key: str, *, before: bool = False) -> float | None:
        """Mean over the latest window or the one ``before`` it; ``None`` without enough values."""
        size = self.config.window
        rows = list(self._rows)
        part = rows[-2 * size : -size] if before else rows[-size:]
        values = [row[key] for row in part if key in row]
        return sum(values) / len(values) if len(values) >= max(2, size // 2) else None

    def _rewards(self) -> Iterator[tuple[str, str]]:
        c = self.config
        now, before = self._mean("rewards/consistency/mean"), None
        if now is not None:
            before = self._mean("rewards/consistency/mean", before=True)
        right, was_right = (self._mean("rewards/accuracy/mean", before=b) for b in (False, True))
        if now is not None and before is not None:
            if now < c.least_consistency and now - before < c.stagnant_gain:
                yield (
                    "consistency_low",
                    f"consistency stays at {now:.0%} (before: {before:.0%}), below "
                    f"{c.least_consistency:.0%}: right answers do not follow from their reasoning, "
                    "which suggests reward hacking. Raise the consistency weight in "
                    "`curriculum`, and read completions in the run folder's tables.",
                )
            if right is not None and was_right is not None:
                gain, loss = right - was_right, before - now
                if gain >= c.drift and loss >= c.drift:
                    yield (
                        "memorising",
                        f"accuracy rose from {was_right:.0%} to {right:.0%} while consistency fell "
                        f"from {before:.0%} to {now:.0%}: answers are being memorised. Strengthen "
                        "the process reward (consistency weight), or train on more scenes.",
                    )
        equal = self._mean("frac_reward_zero_std")
        if equal is not None and equal >= c.most_equal_groups:
            yield (
                "no_signal",
                f"{equal:.0%} of the groups have equal rewards, so their advantage is zero and "
                "nothing is learned from them. If accuracy is near 0, start from a better "
                "supervised model or easier questions; if it is near 1, use harder ones; else "
                "raise the temperature or the generations per prompt.",
            )

    def _lengths(self) -> Iterator[tuple[str, str]]:
        c = self.config
        if len(self._first_lengths) < c.window:
            length = self._rows[-1].get("completions/mean_length")
            if length is not None:
                self._first_lengths.append(length)
            return
        start = sum(self._first_lengths) / len(self._first_lengths)
        now = self._mean("completions/mean_length")
        if now is not None and now * c.length_ratio < start:
            yield (
                "length_collapse",
                f"replies shrank from {start:.0f} to {now:.0f} tokens: the reasoning is being "
                "dropped, often for one short pattern that satisfies the reference. Lower the "
                "learning rate, raise beta (KL), and read completions.",
            )
        if now is not None and now > start * c.length_ratio:
            yield (
                "length_explosion",
                f"replies grew from {start:.0f} to {now:.0f} tokens. The method saw no such "
                "growth (100 to 200 tokens); look for repetition, lower the learning rate, use "
                "`loss_type: dr_grpo`.",
            )
        clipped = self._mean("completions/clipped_ratio")
        if clipped is not None and clipped >= c.most_clipped:
            yield (
                "cut_off",
                f"{clipped:.0%} of the replies are cut off at the limit and can't be right. Raise "
                "`max_completion_length`, or set `mask_truncated_completions: true`.",
            )

    def _kl(self) -> Iterator[tuple[str, str]]:
        kl = self._mean("kl")
        if kl is not None and kl > self.config.most_kl:
            yield (
                "kl_blow_up",
                f"the policy is {kl:.2f} nats per token from where it started (limit "
                f"{self.config.most_kl:g}): it is drifting away. Lower the learning rate or raise "
                "beta, and resume from an earlier checkpoint.",
            )

    def _out_of_distribution(self, logs: Mapping[str, Any]) -> list[tuple[str, str]]:
        signs = []
        for key, value in logs.items():
            if not (key.startswith("eval_") and "ood" in key and key.endswith("accuracy/mean")):
                continue
            if not isinstance(value, (int, float)):
                continue
            best = self._best_ood[key] = max(self._best_ood.get(key, 0.0), float(value))
            if best - value >= self.config.ood_drop:
                signs.append(
                    (
                        "ood_collapse",
                        f"accuracy out of distribution fell from {best:.0%} to {value:.0%}: the "
                        "model overfits its scenes. Stop and keep the earlier checkpoint, use "
                        "more varied scenes, or lower the learning rate.",
                    )
                )
        return signs


class WatchCallback(TrainerCallback):
    """Logs the signs as warnings, and appends them to ``signs.jsonl`` in the run's folder."""

    def __init__(self, config: WatchConfig | None = None, folder: Path | None = None) -> None:
        self.watch, self._folder = Watch(config), folder
        self.signs: list[Sign] = []

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Replay the log of a resumed run, so that no sign is raised twice."""
        for row in state.log_history:
            self.watch.see(state.global_step, row)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: Any,
    ) -> None:
        """Check a log entry."""
        if not state.is_world_process_zero:
            return
        for sign in self.watch.see(state.global_step, logs or {}):
            self.raise_sign(sign)

    def raise_sign(self, sign: Sign) -> None:
        """Log a sign, and append it to the file."""
        self.signs.append(sign)
        log.warning("step %d, %s: %s", sign.step, sign.name, sign.text)
        if self._folder is not None:
            with (self._folder / "signs.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(sign)) + "\n")
