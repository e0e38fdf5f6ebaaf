"""Assigns GPUs to models, and to each model a share of their memory.

vLLM takes a fixed share of a GPU's memory when it starts and fills it with cache. Two servers on
one GPU therefore need shares that add up to less than the whole, each large enough for its model.

Out of scope: the memory that a model needs (`memory`), the command lines (`plan`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from embodied_agent.errors import ModelError, SettingsError
from embodied_agent.settings import ServerSettings, VllmModelSettings
from embodied_agent.vllm_launcher.catalogue import find_shape, model_folder
from embodied_agent.vllm_launcher.gpus import Gpu
from embodied_agent.vllm_launcher.memory import GIB, Need, Precision, need
from embodied_agent.vllm_launcher.shapes import Shape

Role = Literal["perceiver", "reasoner"]
SHARE_OPTION = "--gpu-memory-utilization"


@dataclass(frozen=True)
class Placement:
    """A model, its server and its GPUs. ``need`` is the memory on each GPU, if it is known."""

    role: Role
    chosen: VllmModelSettings
    server: ServerSettings
    shape: Shape | None
    gpus: tuple[int, ...]
    need: Need | None


def place(
    role: Role,
    chosen: VllmModelSettings,
    server: ServerSettings,
    gpus: Mapping[int, Gpu],
    *,
    picture_px: int,
) -> Placement:
    """The GPUs that a model runs on, and the memory that it needs on each.

    Args:
        role: the model's role.
        chosen: the model, its precision, and how it is split across GPUs.
        server: the server's address.
        gpus: the machine's GPUs by number; if empty, the model runs on the CPU.
        picture_px: side of the largest picture that is sent, in pixels.

    Raises:
        SettingsError: there are too few GPUs, or model, precision and split do not fit together.
    """
    try:
        shape = find_shape(model_folder(chosen.model, role))
    except ModelError:
        shape = None  # started all the same; vLLM reports an error if it can't serve the model
    if not gpus:
        return Placement(role, chosen, server, shape, (), None)
    count = chosen.tensor_parallel * chosen.pipeline_parallel
    numbers = (
        tuple(map(int, chosen.gpus.split(","))) if chosen.gpus else tuple(sorted(gpus))[:count]
    )
    missing = [number for number in numbers if number not in gpus]
    if missing or len(numbers) < count:
        raise SettingsError(
            f"vllm.{role} needs {count} GPUs (tensor_parallel × pipeline_parallel)"
            + (f", including number {missing[0]}" if missing else "")
            + f"; this machine has {', '.join(map(str, sorted(gpus)))}"
        )
    if len(numbers) > count:
        raise SettingsError(
            f"vllm.{role}.gpus names {len(numbers)} GPUs, but tensor_parallel × pipeline_parallel "
            f"uses {count}"
        )
    needed = None
    if shape is not None:
        needed = need(
            shape,
            precision_of(chosen, shape, role),
            tokens=min(chosen.max_model_len, shape.longest),
            requests=chosen.max_num_seqs,
            gpus=chosen.tensor_parallel,
            picture=(picture_px, picture_px),
        )
        if chosen.pipeline_parallel > 1:
            needed = Need(
                -(-needed.weights // chosen.pipeline_parallel),
                -(-needed.cache // chosen.pipeline_parallel),
                needed.work,
                needed.overhead,
            )
    return Placement(role, chosen, server, shape, numbers, needed)


def precision_of(chosen: VllmModelSettings, shape: Shape, role: Role) -> Precision:
    """The precision of the decoder's weights in memory.

    Raises:
        SettingsError: int4 is set for a checkpoint that is not quantised to 4 bits.
    """
    if chosen.precision == "int4" and shape.quantization not in ("awq", "gptq"):
        raise SettingsError(
            f"{chosen.model} is not quantised to 4 bits; choose a model that is, such as one of "
            f"the -AWQ models, or set vllm.{role}.precision to fp8"
        )
    if shape.quantization in ("awq", "gptq"):
        return "int4"
    if chosen.precision == "fp8" or chosen.precision == "fp32":
        return chosen.precision
    return "bf16"


def share_out(
    placements: list[Placement], gpus: Mapping[int, Gpu], allowed: float
) -> dict[Role, tuple[float, str]]:
    """The share of its GPUs' memory that each server may use, with the reason for it.

    Memory left over goes to the servers in proportion to their caches: more cache means more
    concurrent requests and more cached prompts.

    Raises:
        SettingsError: the models on one GPU need more than the share ``allowed``, or it is not
            known how much they need.
    """
    users: dict[int, list[Placement]] = defaultdict(list)
    for one in placements:
        if SHARE_OPTION not in " ".join(one.chosen.extra):
            for number in one.gpus:
                users[number].append(one)
    shares: dict[Role, tuple[float, str]] = {}
    for number, together in sorted(users.items()):
        size = gpus[number].memory_bytes
        unknown = [one for one in together if one.need is None]
        if len(unknown) > 1 or (unknown and len(together) > 1):
            raise SettingsError(
                f"GPU {number} is shared by {len(together)} models, and the config of "
                f"{unknown[0].chosen.model} is not known: download the model and give its folder, "
                f"or set {SHARE_OPTION} for each model with vllm.{unknown[0].role}.extra"
            )
        needs = [one.need for one in together if one.need is not None]
        total = sum(each.total for each in needs)
        if total > allowed * size:
            names = " and ".join(
                f"{one.chosen.model} {one.need.total / GIB:.1f} GiB" for one in together if one.need
            )
            raise SettingsError(
                f"GPU {number} has {size / GIB:.1f} GiB, of which {allowed:.0%} may be used, but "
                f"the models need more: {names}. Choose a quantised or smaller model, more GPUs "
                "(tensor_parallel), a shorter max_model_len or a smaller max_num_seqs"
            )
        caches = sum(each.cache for each in needs) or 1
        left = allowed * size - total
        for one in together:
            if one.need is None:
                part, why = allowed, "all that may be used, as the model's config is not known"
            else:
                part = (one.need.total + left * one.need.cache / caches) / size
                why = (
                    f"of {size / GIB:.0f} GiB: weights {one.need.weights / GIB:.1f}, cache "
                    f"{one.need.cache / GIB:.1f}, work space {one.need.work / GIB:.1f}, overhead "
                    f"{one.need.overhead / GIB:.1f} GiB; the rest of its share goes to the cache"
                )
            if one.role not in shares or part < shares[one.role][0]:
                shares[one.role] = part, why
    return shares
