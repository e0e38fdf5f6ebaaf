"""FSDP on CPUs: weights are sharded as on GPUs, and each process logs how many it holds.

accelerate uses FSDP on GPUs only. On CPUs it accepts the same options and silently keeps all
weights in every process. This mixin switches FSDP on in accelerate before the model is prepared;
torch's FSDP2 then works over gloo. It is for testing runs of several processes without a GPU, not
for speed.

Out of scope: ZeRO (DeepSpeed shards on CPUs by itself), starting processes (`training.processes`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import torch
from accelerate import PartialState
from accelerate.utils import DistributedType, FullyShardedDataParallelPlugin
from torch.distributed.tensor import DTensor
from transformers import TrainerCallback

from embodied_agent.errors import SettingsError

log = logging.getLogger(__name__)


class CpuShards:
    """Mixin for a transformers trainer; put it before the trainer among the base classes.

    Raises:
        SettingsError: ``trainer.fsdp`` asks for FSDP1 on CPUs, or the weights would stay whole.
    """

    def __init__(self, *args: Any, callbacks: Sequence[Any] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, callbacks=[*(callbacks or ()), SayShares()], **kwargs)

    def create_accelerator_and_postprocess(self) -> None:
        """Create the accelerator, and make it shard on CPUs if the options ask for FSDP."""
        trainer: Any = self
        options = trainer.args.fsdp_plugin_args
        if options is not None and options["fsdp_version"] != 2 and trainer.args.use_cpu:
            raise SettingsError(
                "on CPUs, weights are sharded with FSDP2 only: remove trainer.fsdp_config.version"
            )
        super().create_accelerator_and_postprocess()  # type: ignore[misc]
        if options is None or trainer.accelerator.distributed_type != DistributedType.MULTI_CPU:
            return
        plugin = FullyShardedDataParallelPlugin(**options)
        # All instances of either class share their attributes, so later callers see this too.
        PartialState().distributed_type = DistributedType.FSDP
        state = trainer.accelerator.state
        state.distributed_type, state.fsdp_plugin = DistributedType.FSDP, plugin
        trainer.is_fsdp_enabled = True


class SayShares(TrainerCallback):  # type: ignore[misc]
    """Logs how many of the weights each process holds, and stops a run that shards none."""

    def on_train_begin(
        self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any
    ) -> None:
        options = args.fsdp_plugin_args
        # The flat parameters of FSDP1 don't tell how much the other processes hold.
        if options is None or options["fsdp_version"] != 2 or args.world_size == 1:
            return
        held, total = weights_held(model)
        if held == total:
            raise SettingsError(
                "trainer.fsdp is set, but every process holds all weights: accelerate did not "
                "shard them. Remove trainer.fsdp to train like that on purpose"
            )
        log.info("FSDP: process %d holds %d of %d weights", args.process_index, held, total)


def weights_held(model: torch.nn.Module) -> tuple[int, int]:
    """The number of weights of ``model`` that this process holds, and that of all processes."""
    held = total = 0
    for parameter in model.parameters():
        local = parameter.to_local() if isinstance(parameter, DTensor) else parameter
        held, total = held + local.numel(), total + parameter.numel()
    return held, total
