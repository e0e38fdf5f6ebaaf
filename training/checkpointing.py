"""A mixin for trl's trainers: checkpoints are either complete or absent.

It must come before the trainer among the base classes. It waits for disk space before it writes a
checkpoint, removes one that fails halfway, and marks a complete one as such.

Out of scope: the marker file and resuming (`training.run_folder`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from training.processes import PATIENCE_S
from training.run_folder import LOOK_S, RunError, mark_whole, wait_for_space

#: A checkpoint contains the weights and two moments per trained weight, 32 bits each, and a little
#: more.
BYTES_PER_TRAINED, BYTES_PER_WEIGHT, SPARE_BYTES = 8, 4, 32 << 20


class WholeCheckpoints:
    """Mixin for a transformers trainer whose checkpoints are complete or absent."""

    #: How long to wait for disk space, and how often to check; tests shorten both.
    patience_s: float = PATIENCE_S
    look_s: float = LOOK_S

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        trainer: Any = self
        out = Path(trainer.args.output_dir)
        folder = out / f"checkpoint-{trainer.state.global_step}"
        if trainer.args.should_save:
            out.mkdir(parents=True, exist_ok=True)
            wait_for_space(
                out, self._checkpoint_bytes(), patience_s=self.patience_s, look_s=self.look_s
            )
        try:
            super()._save_checkpoint(model, trial)  # type: ignore[misc]
        except (OSError, RuntimeError, SafetensorError) as error:
            # torch and safetensors raise their own errors when the disk is full.
            shutil.rmtree(folder, ignore_errors=True)
            raise RunError(
                f"can't write {folder}: {error}. The last complete checkpoint is kept; make room "
                "and run the same command again"
            ) from error
        trainer.accelerator.wait_for_everyone()
        if trainer.args.should_save:
            mark_whole(folder)

    def _checkpoint_bytes(self) -> int:
        trainer: Any = self
        weights = [(p.numel(), p.requires_grad) for p in trainer.model.parameters()]
        total = sum(count for count, _ in weights)
        trained = sum(count for count, grad in weights if grad)
        return BYTES_PER_WEIGHT * total + BYTES_PER_TRAINED * trained + SPARE_BYTES
