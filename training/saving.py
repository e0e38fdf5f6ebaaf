"""Save the model at the end of a run: adapters as adapters, and a folder with all weights.

It works for one process and for several, whether the weights are whole in each of them or sharded
(ZeRO-3, FSDP): then they are gathered first.

Out of scope: checkpoints during the run (`training.checkpointing`), the merge (`training.merging`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from transformers import LlamaForCausalLM

from embodied_agent.models.prompting import Prompting, write_prompting
from training.adapter_files import settle_adapter
from training.merging import merge, merge_apart
from training.processes import several
from training.reasoner_model import save_checkpoint

#: Wider models keep the precision that they have; the built-in one is stored as it is shipped.
_WIDEST_BUILTIN = 512
#: What trl calls its copy of the adapter that a run started from.
_START = "ref"


def save_model(trainer: Any, folder: Path, prompting: Prompting) -> None:
    """Save the trained model as the runtime and servers load it, with adapters merged; adapters are
    also saved as such, beside it in ``adapter``.

    Every process of the run has to call it.

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
        # With another type, transformers saves nothing here and says nothing.
        trainer.accelerator.state.fsdp_plugin.set_state_dict_type("FULL_STATE_DICT")
    if adapted:
        adapter = folder.with_name("adapter")
        trainer.save_model(str(adapter))  # this gathers the shards, of the adapter only
        if trainer.args.should_save:
            # Of a run that goes on with an adapter, trl keeps the start, to stay near it.
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
    """Add how to ask the model, and remove what belongs to the run alone (it is a pickle)."""
    (folder / "training_args.bin").unlink(missing_ok=True)
    write_prompting(folder, prompting)
