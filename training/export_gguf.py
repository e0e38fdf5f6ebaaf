"""Write a trained model as one GGUF file, for llama.cpp, Ollama and programs built on them.

    python -m training.export_gguf --model runs/smollm2-sft/adapter --out smollm2-embodied.gguf
    python -m training.export_gguf --model runs/grpo/model --out model.gguf --type q8_0

The model is a checkpoint folder, an adapter's folder (merged into its base), or a fetched base; its
architecture must be Llama's. For other architectures, use llama.cpp's own converter.

Out of scope: reading such files (`embodied_agent.models.llama_gguf`), types below 8 bits, which
llama.cpp's `llama-quantize` makes from this file.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embodied_agent.errors import AgentError, ModelError
from embodied_agent.models.checkpoints import checkpoint_folder, load
from embodied_agent.models.llama_gguf import (
    ARCHITECTURE,
    CONTROL,
    SPLITS,
    names,
    require_gguf,
    to_pairs,
)

log = logging.getLogger(__name__)

#: Precisions of matrices; vectors are always stored in 32 bits.
TYPES = ("f32", "f16", "bf16", "q8_0")
#: Types of tokens in the file, besides `CONTROL`.
_NORMAL, _USER_DEFINED, _UNUSED = 1, 4, 5


def export(model_path: str, out: Path, *, kind: str = "bf16", name: str = "") -> Path:
    """Write the model that ``model_path`` names to ``out``; returns ``out``.

    Args:
        model_path: as in ``reasoning.model_path``.
        out: appears under its name only when it is complete.
        kind: one of `TYPES`.
        name: the model's name in the file; empty: the folder's.

    Raises:
        ModelError: the model can't be loaded, is of another kind, or the file can't be written.
    """
    if kind not in TYPES:
        raise ModelError(f"--type is one of {', '.join(TYPES)}, not {kind!r}")
    gguf = require_gguf()
    folder = checkpoint_folder(model_path, "reasoner")
    model, tokenizer = load(folder, "reasoner")
    config = model.config
    if config.model_type != "llama":
        raise ModelError(
            f"{folder} is a {config.model_type} model; only llama's architecture is written here: "
            "use llama.cpp's convert_hf_to_gguf.py"
        )
    _refuse_unwritten(config, folder)
    part = out.with_name(f"{out.name}.part-{os.getpid()}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        writer = gguf.GGUFWriter(str(part), ARCHITECTURE)
        _write_values(writer, config, name or folder.name, gguf, kind)
        _write_tokenizer(writer, tokenizer, config.vocab_size, folder)
        _write_tensors(writer, model, gguf, kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        part.replace(out)
    except OSError as error:
        raise ModelError(f"can't write {out}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
    return out


def _refuse_unwritten(config: Any, folder: Path) -> None:
    rope = dict(getattr(config, "rope_parameters", None) or {})
    unwritten = [
        what
        for what, there in (
            ("biases in attention", bool(getattr(config, "attention_bias", False))),
            ("biases in its layers", bool(getattr(config, "mlp_bias", False))),
            ("scaled rotary positions", rope.get("rope_type", "default") != "default"),
        )
        if there
    ]
    if unwritten:
        raise ModelError(
            f"{folder} has {' and '.join(unwritten)}, which are not written here: use llama.cpp's "
            "convert_hf_to_gguf.py"
        )


def _write_values(writer: Any, config: Any, name: str, gguf: Any, kind: str) -> None:
    writer.add_name(name)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(float(config.rope_parameters["rope_theta"]))
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_vocab_size(config.vocab_size)
    types = gguf.LlamaFileType
    writer.add_file_type(
        {"f32": types.ALL_F32, "f16": types.MOSTLY_F16, "bf16": types.MOSTLY_BF16,
         "q8_0": types.MOSTLY_Q8_0}[kind]
    )  # fmt: skip
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)


def _write_tokenizer(writer: Any, tokenizer: Any, size: int, folder: Path) -> None:
    content = json.loads(tokenizer.backend_tokenizer.to_str())
    if content["model"]["type"] != "BPE":
        raise ModelError(
            f"the tokenizer in {folder} is not a byte-level BPE, so it can't be exported"
        )
    by_id = {number: token for token, number in content["model"]["vocab"].items()}
    types = dict.fromkeys(by_id, _NORMAL)
    for added in content.get("added_tokens", ()):
        by_id[added["id"]] = added["content"]
        types[added["id"]] = CONTROL if added["special"] else _USER_DEFINED
    numbers = range(size)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_split(content, folder))
    writer.add_token_list([by_id.get(number, f"[PAD{number}]") for number in numbers])
    writer.add_token_types([types.get(number, _UNUSED) for number in numbers])
    merges = content["model"]["merges"]
    writer.add_token_merges([m if isinstance(m, str) else " ".join(m) for m in merges])
    writer.add_add_bos_token(False)
    writer.add_add_space_prefix(False)
    for key, number in (
        ("bos", tokenizer.bos_token_id), ("eos", tokenizer.eos_token_id),
        ("unk", tokenizer.unk_token_id), ("pad", tokenizer.pad_token_id),
    ):  # fmt: skip
        if number is not None:
            getattr(writer, f"add_{key}_token_id")(number)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)


def _split(content: dict[str, Any], folder: Path) -> str:
    """The file's name for how the tokenizer splits a text.

    Raises:
        ModelError: the file has no name for it that this module knows.
    """
    split = content.get("pre_tokenizer") or {}
    steps = split.get("pretokenizers", [split])
    digits = [step for step in steps if step.get("type") == "Digits"]
    rest = [step for step in steps if step.get("type") != "Digits"]
    plain = (
        len(rest) == 1
        and rest[0].get("type") == "ByteLevel"
        and rest[0].get("use_regex", True)
        and not rest[0].get("add_prefix_space", False)
        and all(step.get("individual_digits") for step in digits)
        and content.get("normalizer") is None
    )
    if not plain:
        raise ModelError(
            f"the tokenizer in {folder} splits texts in a way that has no name here: use "
            "llama.cpp's convert_hf_to_gguf.py"
        )
    return next(name for name, alone in SPLITS.items() if alone == bool(digits))


def _write_tensors(writer: Any, model: Any, gguf: Any, kind: str) -> None:
    import torch

    config = model.config
    state = model.state_dict()
    wanted = gguf.GGMLQuantizationType[kind.upper()]
    for ours, theirs in names(config.num_hidden_layers):
        if ours == "output.weight" and config.tie_word_embeddings:
            continue
        array = state[theirs].to(torch.float32).cpu().numpy()
        if "attn_q." in ours:
            array = to_pairs(array, config.num_attention_heads)
        elif "attn_k." in ours:
            array = to_pairs(array, config.num_key_value_heads)
        if array.ndim == 1:
            writer.add_tensor(ours, array)
            continue
        try:
            writer.add_tensor(ours, gguf.quantize(array, wanted), raw_dtype=wanted)
        except gguf.QuantError as error:
            raise ModelError(f"{theirs} can't be stored as {kind} ({error}): use bf16") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and export."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", required=True, help="checkpoint or adapter folder, or a base")
    parser.add_argument("--out", type=Path, required=True, help="the file to write")
    parser.add_argument("--type", default="bf16", help=f"precision: {', '.join(TYPES)}")
    parser.add_argument("--name", default="", help="the model's name in the file")
    a = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        out = export(a.model, a.out, kind=a.type, name=a.name)
    except AgentError as error:
        print(f"not exported: {error}", file=sys.stderr)
        return 1
    print(f"{out}: {out.stat().st_size / 1e6:.0f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
