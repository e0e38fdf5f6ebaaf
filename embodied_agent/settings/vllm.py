"""Settings of the servers that `embodied-agent serve` starts.

Where they listen and what their models are called is said once, by ``perception.server`` and
``reasoning.server``: what the agent asks is what is started.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from embodied_agent.settings.base import Section


class VllmModelSettings(Section):
    """One model and the GPUs that it runs on."""

    model: str = Field(
        "",
        description="name on the Hugging Face hub or folder; `shipped`: the built-in checkpoint; "
        "empty: not started here",
    )
    precision: Literal["auto", "bf16", "fp8", "int4", "fp32"] = Field(
        "auto",
        description="of the decoder's weights; `auto`: as the checkpoint has them; `fp8`: made "
        "smaller while loading; `int4`: the checkpoint must be quantised already",
    )
    gpus: str = Field(
        "", pattern=r"^(\d+(,\d+)*)?$", description="numbers such as `0,1`; empty: the first ones"
    )
    tensor_parallel: int = Field(1, ge=1, le=1024, description="GPUs that each layer is split over")
    pipeline_parallel: int = Field(
        1, ge=1, le=1024, description="groups of such GPUs, each with part of the layers"
    )
    max_model_len: int = Field(
        8192, ge=128, le=1_000_000, description="longest prompt with its reply, in tokens"
    )
    max_num_seqs: int = Field(8, ge=1, le=4096, description="requests worked on at once")
    extra: tuple[str, ...] = Field(
        (), description="further options of `vllm serve`, passed on as they are"
    )


class VllmSettings(Section):
    """vLLM, started by `embodied-agent serve`."""

    program: str = Field(
        "vllm", min_length=1, description="the command, or the Python of its environment"
    )
    device: Literal["auto", "gpu", "cpu"] = Field(
        "auto", description="`auto`: GPUs where `nvidia-smi` lists some, else the CPU"
    )
    gpu_gib: float = Field(
        0.0, ge=0, le=10_000, description="memory of each GPU, in GiB; 0: as `nvidia-smi` says"
    )
    gpu_share: float = Field(
        0.9, gt=0, le=1, description="part of each GPU that all models on it may use together"
    )
    cpu_cache_gib: int = Field(
        1, ge=1, le=4096, description="key-value cache of each model on a CPU, in GiB"
    )
    start_timeout_s: float = Field(
        1800.0, gt=0, description="longest wait for a model to load, download included, in seconds"
    )
    stop_timeout_s: float = Field(
        30.0, gt=0, le=3600, description="wait for a server to end before it is killed, in seconds"
    )
    restarts: int = Field(
        5, ge=0, le=1_000_000, description="times that a server that ended by itself is restarted"
    )
    perceiver: VllmModelSettings = VllmModelSettings()
    reasoner: VllmModelSettings = VllmModelSettings()
