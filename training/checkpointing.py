"""What every trainer here adds to trl's: checkpoints that are whole or absent, and named metrics.

Mixed into trl's trainers, in front of them. Before a checkpoint there must be room on the disk (it
is waited for); one that fails halfway is removed; one that is whole is marked as such.

Not here: the mark itself and resuming (`training.run_folder`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from training.run_folder import RunError, mark_whole, wait_for_space

#: A checkpoint holds weights and two moments per trained weight, in 32 bits, and some change.
BYTES_PER_TRAINED, BYTES_PER_WEIGHT, SPARE_BYTES = 8, 4, 32 << 20


class WholeCheckpoints:
    """Mixin for a transformers trainer."""

    #: Tests make the wait short.
    patience_s: float = 1800.0
    look_s: float = 15.0

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
            # torch and safetensors report a full disk as errors of their own.
            shutil.rmtree(folder, ignore_errors=True)
            raise RunError(
                f"can't write {folder}: {error}. The last whole checkpoint stays; make room and "
                "run the same command again"
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
