"""What a run starts from: a model, or a model with an adapter whose training continues.

Out of scope: which model a name means (`training.run_config`), trl's trainers.
"""

from __future__ import annotations

from typing import Any

from embodied_agent.errors import ModelError
from training.run_config import RunConfig


def trained_model(config: RunConfig, options: dict[str, Any]) -> Any:
    """What a trainer takes as its model: a folder or hub name, which it loads itself; or, to
    continue an adapter, the loaded model with that adapter.

    Args:
        config: of the run.
        options: for trl; if the trainer loads the model, its precision is added.

    Raises:
        ModelError: the adapter or its model can't be loaded.
    """
    start = config.lora.start if config.lora else ""
    precision = {"dtype": config.model.dtype}
    if not start:
        options["model_init_kwargs"] = {**precision, **options.get("model_init_kwargs", {})}
        return config.model.folder
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    more = {**precision, **options.pop("model_init_kwargs", {})}
    try:
        model = AutoModelForCausalLM.from_pretrained(config.model.folder, **more)
        return PeftModel.from_pretrained(model, start, is_trainable=True)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"can't load the adapter {start} on {config.model.folder}: {error}"
        ) from error
