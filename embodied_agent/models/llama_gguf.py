"""Llama-architecture models in GGUF files: read one as a checkpoint folder of transformers.

GGUF is what llama.cpp reads, and what a base model can be had as where no hub is reachable. The
weights are dequantised once and saved in bfloat16, so every later load takes seconds and needs
neither the file nor the packages that read it. The table of names and the order of rotary rows are
used in both directions: `training.export_gguf` writes such files.

Out of scope: where the file comes from (`fetching`), other architectures.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from embodied_agent.errors import ModelError
from embodied_agent.models.checkpoints import require_packages, without_progress_bars
from embodied_agent.models.prompting import Prompting, write_prompting
from embodied_agent.support.extras import missing_package

_log = logging.getLogger(__name__)

ARCHITECTURE = "llama"
#: Names in the file, and in transformers; ``{}`` is the layer's number.
NAMES: Mapping[str, str] = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
    "blk.{}.attn_norm.weight": "model.layers.{}.input_layernorm.weight",
    "blk.{}.attn_q.weight": "model.layers.{}.self_attn.q_proj.weight",
    "blk.{}.attn_k.weight": "model.layers.{}.self_attn.k_proj.weight",
    "blk.{}.attn_v.weight": "model.layers.{}.self_attn.v_proj.weight",
    "blk.{}.attn_output.weight": "model.layers.{}.self_attn.o_proj.weight",
    "blk.{}.ffn_norm.weight": "model.layers.{}.post_attention_layernorm.weight",
    "blk.{}.ffn_gate.weight": "model.layers.{}.mlp.gate_proj.weight",
    "blk.{}.ffn_up.weight": "model.layers.{}.mlp.up_proj.weight",
    "blk.{}.ffn_down.weight": "model.layers.{}.mlp.down_proj.weight",
}
#: How a text is split before its pieces are merged, by the file's name for it: whether each digit
#: stands alone.
SPLITS: Mapping[str, bool] = {"smollm": True, "gpt-2": False}
#: The file's type of a token that no text contains, such as the end of a turn.
CONTROL = 3


def names(layers: int) -> Iterator[tuple[str, str]]:
    """All names of tensors in the file and in transformers, for a model of ``layers`` layers."""
    for ours, theirs in NAMES.items():
        for layer in range(layers) if "{}" in ours else (0,):
            yield ours.format(layer), theirs.format(layer)


def to_halves(rows: Any, heads: int) -> Any:
    """Rows of a query or key matrix (rows, in) in transformers' order, where the two parts of each
    rotated pair lie half a head apart; in the file they are neighbours."""
    count, width = rows.shape
    return rows.reshape(heads, count // heads // 2, 2, width).swapaxes(1, 2).reshape(count, width)


def to_pairs(rows: Any, heads: int) -> Any:
    """The inverse of `to_halves`."""
    count, width = rows.shape
    return rows.reshape(heads, 2, count // heads // 2, width).swapaxes(1, 2).reshape(count, width)


def require_gguf() -> Any:
    """The package that reads and writes the files.

    Raises:
        ModelError: it is not installed.
    """
    try:
        return importlib.import_module("gguf")
    except ModuleNotFoundError as error:
        raise ModelError(missing_package("a GGUF file", "builtin", error)) from error


def convert(file: Path, folder: Path) -> None:
    """Write the model in ``file`` to the existing ``folder``: configuration, weights, tokenizer.

    Raises:
        ModelError: a package is missing, the file is damaged or not of this kind, or the folder
            can't be written.
    """
    require_packages("model")
    gguf = require_gguf()
    import torch
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

    try:
        _log.info("Reading %s…", file)
        reader = gguf.GGUFReader(str(file))
        values = _Values(reader, file)
        if values.need("general.architecture") != ARCHITECTURE:
            raise ModelError(
                f"{file} holds a model of the architecture {values.need('general.architecture')}; "
                f"only {ARCHITECTURE} can be converted"
            )
        heads = int(values.need("llama.attention.head_count"))
        key_heads = int(values.get("llama.attention.head_count_kv", heads))
        width = int(values.need("llama.embedding_length"))
        layers = int(values.need("llama.block_count"))
        tensors = {tensor.name: tensor for tensor in reader.tensors}
        tokens = values.need("tokenizer.ggml.tokens")
        end = int(values.need("tokenizer.ggml.eos_token_id"))
        config = LlamaConfig(
            vocab_size=len(tokens),
            hidden_size=width,
            intermediate_size=int(values.need("llama.feed_forward_length")),
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=key_heads,
            head_dim=int(values.get("llama.rope.dimension_count", width // heads)),
            max_position_embeddings=int(values.need("llama.context_length")),
            rms_norm_eps=float(values.need("llama.attention.layer_norm_rms_epsilon")),
            rope_parameters={
                "rope_type": "default",
                "rope_theta": float(values.get("llama.rope.freq_base", 10000.0)),
            },
            tie_word_embeddings="output.weight" not in tensors,
            bos_token_id=values.get("tokenizer.ggml.bos_token_id", None),
            eos_token_id=end,
            pad_token_id=int(values.get("tokenizer.ggml.padding_token_id", end)),
        )
        state = {}
        for ours, theirs in names(layers):
            if ours == "output.weight" and config.tie_word_embeddings:
                continue
            if ours not in tensors:
                raise ModelError(
                    f"{file} has no tensor {ours}: it is damaged, or not a plain llama"
                )
            tensor = tensors[ours]
            array = gguf.dequantize(tensor.data, tensor.tensor_type)
            if "attn_q." in ours or "attn_k." in ours:
                array = to_halves(array, heads if "attn_q." in ours else key_heads)
            state[theirs] = torch.tensor(array).to(torch.bfloat16)
        if config.tie_word_embeddings:
            state["lm_head.weight"] = state["model.embed_tokens.weight"]
        with torch.device("meta"):
            model = LlamaForCausalLM(config)
        model.load_state_dict(state, assign=True)
        model.tie_weights()
        model.config.dtype = torch.bfloat16
        model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
            do_sample=False,
            bos_token_id=config.bos_token_id,
            eos_token_id=config.eos_token_id,
            pad_token_id=config.pad_token_id,
        )
        tokenizer = _tokenizer(values)
        _log.info("Writing %s…", folder)
        with without_progress_bars():
            model.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
        write_prompting(folder, Prompting.of_style("full"))
    except OSError as error:
        raise ModelError(f"can't convert {file} into {folder}: {error}") from error
    except (ValueError, RuntimeError, KeyError, IndexError, TypeError) as error:
        raise ModelError(
            f"{file} is damaged, or not a model that can be converted: {error}"
        ) from error


class _Values:
    """The key-value part of a file."""

    def __init__(self, reader: Any, file: Path) -> None:
        self._fields, self._file = reader.fields, file

    def get(self, key: str, default: Any) -> Any:
        field = self._fields.get(key)
        return default if field is None else field.contents()

    def need(self, key: str) -> Any:
        if key not in self._fields:
            raise ModelError(f"{self._file} has no {key}: it is damaged, or of another kind")
        return self._fields[key].contents()


def _tokenizer(values: _Values) -> Any:
    """The byte-level tokenizer in the file, as transformers saves it.

    Built here, because transformers' own reader of such files does not split digits as the file
    says, so that numbers would be other tokens than in every other program that runs the model.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    kind, split = values.need("tokenizer.ggml.model"), values.get("tokenizer.ggml.pre", "gpt-2")
    if kind != "gpt2" or split not in SPLITS:
        raise ModelError(f"a tokenizer of the kind {kind}, {split} can't be converted")
    tokens: list[str] = values.need("tokenizer.ggml.tokens")
    types: list[int] = values.need("tokenizer.ggml.token_type")
    merges = [tuple(pair.split(" ", 1)) for pair in values.need("tokenizer.ggml.merges")]
    built = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, merges))
    steps: list[Any] = [pre_tokenizers.Digits(individual_digits=True)] if SPLITS[split] else []
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    built.decoder = decoders.ByteLevel()
    built.add_special_tokens(
        [
            AddedToken(token, special=True, normalized=False)
            for token, kind_of_token in zip(tokens, types, strict=True)
            if kind_of_token == CONTROL
        ]
    )

    def token(key: str) -> str | None:
        number = values.get(f"tokenizer.ggml.{key}_token_id", None)
        return None if number is None else tokens[int(number)]

    end = token("eos")
    wrapped = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=built,
        bos_token=token("bos"),
        eos_token=end,
        unk_token=token("unknown"),
        pad_token=token("padding") or end,
        clean_up_tokenization_spaces=False,
        model_max_length=int(values.need("llama.context_length")),
        model_input_names=["input_ids", "attention_mask"],
    )
    wrapped.chat_template = values.get("tokenizer.chat_template", None)
    return wrapped
