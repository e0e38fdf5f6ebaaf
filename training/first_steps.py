"""Signs of failure in a run's first steps: all replies cut off, or rewards that never differ.

Either means that the run learns nothing, and that one setting has to change. `training.watch` would
see it too, but only after a window of log entries.

Out of scope: signs that need a trend (`training.watch`).
"""

from __future__ import annotations

from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.watch import Sign, WatchCallback

#: Number of steps, from the first, with all replies cut off, or with equal rewards in all groups.
CUT_OFF_STEPS, NO_SIGNAL_STEPS = 3, 5
_ALL = 0.999


class FirstSteps(TrainerCallback):
    """Raises signs through a `WatchCallback`, by the fifth step.

    Args:
        watch: writes the signs.
        trainer: trl's; can also be set later, as the attribute ``trainer``.
    """

    def __init__(self, watch: WatchCallback, trainer: Any = None) -> None:
        self._watch, self.trainer = watch, trainer
        self._cut_off = self._equal = 0
        self._reward = 0.0

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Check a step, if it is one of the first."""
        step = state.global_step
        if step > NO_SIGNAL_STEPS or not state.is_world_process_zero or self.trainer is None:
            return
        measured = self.trainer._metrics["train"]

        def last(name: str) -> float:
            return float(measured[name][-1]) if measured.get(name) else 0.0

        self._cut_off += last("completions/clipped_ratio") >= _ALL
        self._equal += last("frac_reward_zero_std") >= _ALL
        self._reward += last("reward")
        if step == CUT_OFF_STEPS == self._cut_off:
            self._watch.raise_sign(Sign("all_cut_off", step, _cut_off_text(self.trainer.args)))
        if step == NO_SIGNAL_STEPS == self._equal:
            text = _no_signal_text(self.trainer.args, self._reward / step)
            self._watch.raise_sign(Sign("no_signal_at_all", step, text))


def _cut_off_text(args: Any) -> str:
    return (
        f"every reply of the first {CUT_OFF_STEPS} steps was cut off at "
        f"trainer.max_completion_length = {args.max_completion_length}, so none can be right. "
        "Raise it, or start from a model that ends its replies (python -m training.sft)."
    )


def _no_signal_text(args: Any, reward: float) -> str:
    start = (
        f"in the first {NO_SIGNAL_STEPS} steps, all trainer.num_generations = "
        f"{args.num_generations} replies to each question earned the same (mean {reward:.2f}), so "
        "nothing was learned. "
    )
    if reward < 0.05:
        return start + (
            "They earn nothing: start from a model that writes the format (model.path, after "
            "python -m training.sft), or use easier questions (data)."
        )
    return start + (
        f"Raise trainer.temperature (now {args.temperature:g}) or trainer.num_generations, or use "
        "harder questions (data)."
    )
