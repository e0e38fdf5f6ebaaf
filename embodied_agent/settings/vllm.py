"""Settings of the servers that `embodied-agent vllm` starts.

Their addresses and model names come from ``perception.server`` and ``reasoning.server``, so that
the agent uses the servers that are started.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from embodied_agent.settings.base import Section


class VllmModelSettings(Section):
    """One model and the GPUs that it runs on."""

    model: str = Field(
        "",
        description="name on the Hugging Face hub, or a folder; `shipped`: the built-in "
        "checkpoint; empty: not started",
    )
    precision: Literal["auto", "bf16", "fp8", "int4", "fp32"] = Field(
        "auto",
        description="precision of the decoder's weights; `auto`: as in the checkpoint; `fp8`: "
        "quantised while loading; `int4`: the checkpoint must already be quantised",
    )
    gpus: str = Field(
        "",
        pattern=r"^(\d+(,\d+)*)?$",
        description="GPU numbers such as `0,1`; empty: the first ones",
    )
    tensor_parallel: int = Field(
        1, ge=1, le=1024, description="GPUs that each layer is split across"
    )
    pipeline_parallel: int = Field(
        1, ge=1, le=1024, description="groups of GPUs, each holding part of the layers"
    )
    max_model_len: int = Field(
        8192,
        ge=128,
        le=1_000_000,
        description="maximum length of a prompt with its reply, in tokens",
    )
    max_num_seqs: int = Field(8, ge=1, le=4096, description="maximum number of concurrent requests")
    extra: tuple[str, ...] = Field(
        (), description="further options for `vllm serve`, passed through unchanged"
    )


class VllmSettings(Section):
    """vLLM, started by `embodied-agent vllm`."""

    program: str = Field(
        "vllm", min_length=1, description="the `vllm` command, or the Python of its environment"
    )
    device: Literal["auto", "gpu", "cpu"] = Field(
        "auto", description="`auto`: GPUs if `nvidia-smi` lists any, otherwise the CPU"
    )
    gpu_gib: float = Field(
        0.0,
        ge=0,
        le=10_000,
        description="memory of each GPU, in GiB; 0: as reported by `nvidia-smi`",
    )
    gpu_share: float = Field(
        0.9,
        gt=0,
        le=1,
        description="fraction of each GPU's memory that all models on it may use together",
    )
    cpu_cache_gib: int = Field(
        1, ge=1, le=4096, description="key-value cache of each model on a CPU, in GiB"
    )
    start_timeout_s: float = Field(
        1800.0, gt=0, description="timeout for a model to load, including its download, in seconds"
    )
    stop_timeout_s: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="how long a server may take to stop before it is killed, in seconds",
    )
    restarts: int = Field(
        5, ge=0, le=1_000_000, description="how often a server that exits unexpectedly is restarted"
    )
    perceiver: VllmModelSettings = VllmModelSettings()
    reasoner: VllmModelSettings = VllmModelSettings()
