"""Save the model at the end of a run: a folder with all weights, and the adapter if there is one.

This works with one process and with several. Sharded weights (ZeRO-3, FSDP) are gathered first.

Out of scope: checkpoints during the run (`training.checkpointing`), the merge (`training.merging`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import LlamaForCausalLM

from embodied_agent.models.prompting import Prompting, read_prompting, write_prompting
from training.adapter_files import settle_adapter
from training.merging import merge, merge_apart
from training.processes import several
from training.reasoner_model import save_checkpoint
from training.run_config import RunConfig

#: Wider models keep the precision that they have; the built-in one is stored as it is shipped.
_WIDEST_BUILTIN = 512
#: What trl calls its copy of the adapter that a run started from.
_START = "ref"


def prompting_of(config: RunConfig) -> Prompting:
    """How to ask the model that a run trains: as the one that it starts from, if that is asked in
    the run's style; its list of names stays the same.

    Raises:
        ModelError: the record of the model that it starts from is damaged.
    """
    before = read_prompting(Path(config.model.folder))
    if before is not None and before.style == config.model.prompt:
        return before
    return Prompting.of_style(config.model.prompt)


def save_model(trainer: Any, folder: Path, prompting: Prompting) -> None:
    """Save the trained model, with its adapter merged, as the runtime and servers load it.

    The adapter is also saved by itself, in ``adapter`` beside ``folder``.

    Every process of the run has to call this.

    Args:
        trainer: of transformers or trl, after training.
        folder: of the whole model.
        prompting: how the model was trained to be asked; written into both folders.

    Raises:
        ModelError: the adapter can't be merged.
    """
    model = trainer.accelerator.unwrap_model(trainer.model)
    adapted = hasattr(model, "merge_and_unload")
    sharded = trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled
    if trainer.is_fsdp_enabled:
        # With another type, transformers saves nothing here, without an error.
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    if adapted:
        adapter = folder.with_name("adapter")
        trainer.save_model(str(adapter))  # this gathers the shards, of the adapter only
        if trainer.args.should_save:
            # If a run continues an adapter, trl also saves the one that it started from.
            shutil.rmtree(adapter / _START, ignore_errors=True)
            _finish(adapter, prompting)
            settle_adapter(adapter)
            (merge_apart if sharded or several() else merge)(adapter, folder)
        return
    if sharded:
        trainer.save_model(str(folder))  # this gathers the shards
        if trainer.args.should_save:
            _finish(folder, prompting)
        return
    if not trainer.args.should_save:
        return
    tokenizer = trainer.processing_class
    if isinstance(model, LlamaForCausalLM) and model.config.hidden_size <= _WIDEST_BUILTIN:
        save_checkpoint(model.cpu(), tokenizer, folder)  # half precision, greedy, as shipped
    else:
        model.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
    _finish(folder, prompting)


def _finish(folder: Path, prompting: Prompting) -> None:
    """Record how to ask the model, and remove the run's own arguments, which are a pickle."""
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_prompting(folder, prompting)
