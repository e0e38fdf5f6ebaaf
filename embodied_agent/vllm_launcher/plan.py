"""Plans one `vllm serve` command line per model from the settings, with a reason for each option.

Planning starts nothing and needs no network; `embodied-agent vllm --dry-run` shows the plan.

Out of scope: processes (`runner`), memory requirements (`memory`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from embodied_agent.errors import SettingsError
from embodied_agent.settings import ServerSettings, Settings, VllmModelSettings
from embodied_agent.vllm_launcher.catalogue import SHIPPED_MODEL, model_folder
from embodied_agent.vllm_launcher.gpus import Gpu
from embodied_agent.vllm_launcher.memory import Need
from embodied_agent.vllm_launcher.shares import (
    SHARE_OPTION,
    Placement,
    Role,
    place,
    precision_of,
    share_out,
)

#: Pictures in a prompt of the perceiver: before and after.
PICTURES = 2


@dataclass(frozen=True, slots=True)
class Option:
    """One option of the command line, and the reason for it."""

    words: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class Plan:
    """One server: its command line, additional environment variables and address.

    ``need`` is the memory on each of its GPUs; ``None`` if the model's config is not known or it
    runs on a CPU.
    """

    role: Role
    program: tuple[str, ...]
    model: str
    name: str
    url: str
    host: str
    port: int
    options: tuple[Option, ...]
    environment: dict[str, str]
    gpus: tuple[int, ...]
    need: Need | None

    @property
    def command(self) -> list[str]:
        """The whole command line."""
        options = [word for option in self.options for word in option.words]
        return [*self.program, self.model, *options]


def make_plans(settings: Settings, gpus: Sequence[Gpu]) -> list[Plan]:
    """The servers that ``settings`` specify, in the order in which they are started.

    Args:
        settings: ``vllm`` says what to start, ``perception.server`` and ``reasoning.server`` at
            which addresses.
        gpus: the GPUs of this machine; if empty, the plan is for its CPU.

    Raises:
        SettingsError: there is nothing to start, an address can't be served from this machine, a
            model needs more memory or GPUs than there are, or its precision does not fit it.
    """
    by_number = {gpu.number: gpu for gpu in gpus}
    chosen: tuple[tuple[Role, VllmModelSettings, ServerSettings], ...] = (
        ("perceiver", settings.vllm.perceiver, settings.perception.server),
        ("reasoner", settings.vllm.reasoner, settings.reasoning.server),
    )
    placements = [
        place(role, model, server, by_number, picture_px=settings.perception.image_width)
        for role, model, server in chosen
        if model.model
    ]
    if not placements:
        raise SettingsError(
            "nothing to start: set vllm.perceiver.model, vllm.reasoner.model or both"
        )
    addresses = [urlsplit(one.server.base_url).netloc for one in placements]
    if len(set(addresses)) < len(addresses):
        raise SettingsError(
            f"both servers would listen on {addresses[0]}; give them different ports in "
            "perception.server.base_url and reasoning.server.base_url"
        )
    shares = share_out(placements, by_number, settings.vllm.gpu_share)
    return [_plan(one, settings, shares.get(one.role), len(placements)) for one in placements]


def _plan(
    one: Placement, settings: Settings, share: tuple[float, str] | None, servers: int
) -> Plan:
    chosen, vllm = one.chosen, settings.vllm
    model = model_folder(chosen.model, one.role)
    address = urlsplit(one.server.base_url)
    if address.scheme != "http" or not address.hostname:
        raise SettingsError(
            f"vLLM can't serve {one.server.base_url}: it must be http://HOST:PORT/v1; for TLS, put "
            "a proxy in front of it"
        )
    if address.path.rstrip("/") != "/v1":
        raise SettingsError(f"{one.server.base_url} must end in /v1, the path of vLLM's API")
    name = one.server.model or (one.role if chosen.model == SHIPPED_MODEL else chosen.model)
    options = [
        Option(("--host", address.hostname), "from server.base_url"),
        Option(("--port", str(address.port or 80)), "from server.base_url"),
        Option(("--served-model-name", name), "the name that the agent requests"),
    ]
    length = chosen.max_model_len
    why = "maximum length of a prompt with its reply; a shorter one leaves more cache"
    if one.shape is not None and length > one.shape.longest:
        length, why = one.shape.longest, "the model's context is no longer"
    options += [
        Option(("--max-model-len", str(length)), why),
        Option(("--max-num-seqs", str(chosen.max_num_seqs)), "concurrent requests"),
        Option(
            ("--enable-prefix-caching",),
            "the transcript only grows at its end, so only the new part is computed"
            if one.role == "reasoner"
            else "the instructions are the same for every keyframe",
        ),
        Option(
            ("--generation-config", "vllm"),
            "the agent sets the sampling; a model's own penalties would change greedy replies",
        ),
    ]
    if one.role == "perceiver":
        options.append(
            Option(
                ("--limit-mm-per-prompt", json.dumps({"image": PICTURES, "video": 0})),
                "the previous picture and the current one",
            )
        )
        if settings.perception.prompt != "compact":
            words = (
                "--structured-outputs-config",
                '{"backend": "xgrammar", "disable_any_whitespace": true}',
            )
            why = "replies are JSON that follows a schema; whitespace in it costs time"
            options.append(Option(words, why))
    if one.shape is not None and one.shape.patch_px:
        side = settings.perception.image_width
        options.append(
            Option(
                ("--mm-processor-kwargs", json.dumps({"max_pixels": side * side})),
                f"pictures are sent at most {side} pixels wide; room for larger ones would reduce "
                "the cache",
            )
        )
    options += _precision_options(one)
    options += _device_options(one, share)
    if chosen.extra:
        options.append(Option(chosen.extra, f"from vllm.{one.role}.extra"))
    return Plan(
        role=one.role,
        program=_program(vllm.program),
        model=model,
        name=name,
        url=one.server.base_url,
        host=address.hostname,
        port=address.port or 80,
        options=tuple(options),
        environment=_environment(one, settings, model, servers),
        gpus=one.gpus,
        need=one.need,
    )


def _precision_options(one: Placement) -> list[Option]:
    precision = one.chosen.precision
    if one.shape is not None:
        precision_of(one.chosen, one.shape, one.role)
    if precision == "fp8":
        why = "weights are quantised to 8 bits while loading: half the memory"
        return [Option(("--quantization", "fp8"), why)]
    if precision in ("bf16", "fp32"):
        kind = "bfloat16" if precision == "bf16" else "float32"
        return [Option(("--dtype", kind), f"vllm.{one.role}.precision")]
    return []


def _device_options(one: Placement, share: tuple[float, str] | None) -> list[Option]:
    if not one.gpus:
        return [Option(("--enforce-eager",), "on a CPU, compilation takes longer than it saves")]
    options = []
    if one.chosen.tensor_parallel > 1:
        why = "GPUs that each layer is split across"
        options.append(Option(("--tensor-parallel-size", str(one.chosen.tensor_parallel)), why))
    if one.chosen.pipeline_parallel > 1:
        why = "groups of GPUs, each with part of the layers"
        options.append(Option(("--pipeline-parallel-size", str(one.chosen.pipeline_parallel)), why))
    if share is not None:
        part, why = share
        # Rounded down, so that two shares never add up to more than is allowed.
        options.append(Option((SHARE_OPTION, f"{int(part * 1000) / 1000:.3f}"), why))
    return options


def _environment(one: Placement, settings: Settings, model: str, servers: int) -> dict[str, str]:
    values = {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    if one.server.api_key:
        # Not as an option: every user of the machine can read command lines.
        values["VLLM_API_KEY"] = one.server.api_key.get_secret_value()
    if Path(model).is_dir():
        values["HF_HUB_OFFLINE"] = "1"
    if one.gpus:
        values["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, one.gpus))
    else:
        values["VLLM_CPU_KVCACHE_SPACE"] = str(settings.vllm.cpu_cache_gib)
        values["VLLM_CPU_OMP_THREADS_BIND"] = "nobind"
        threads = max(1, (os.cpu_count() or 1) // servers)
        values["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS", str(threads))
    return values


def _program(program: str) -> tuple[str, ...]:
    if Path(program).name.startswith("python"):
        return program, "-m", "vllm.entrypoints.cli.main", "serve"
    return program, "serve"
