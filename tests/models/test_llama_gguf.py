"""Llama models in GGUF files: what is written can be read back, by this project and by others."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from embodied_agent.errors import ModelError
from embodied_agent.models.llama_gguf import convert, names, to_halves, to_pairs
from training.export_gguf import export

gguf = pytest.importorskip("gguf")

TEXTS = [
    "#12 rotate left 35: red sofa front-left near; blue lamp back far.\n",
    "Question: Where is the kettle?\n<think>#4 = left 35 7</think><answer> A</answer>",
]
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def tokenizer(*, digits: bool = True) -> PreTrainedTokenizerFast:
    built = Tokenizer(models.BPE())
    steps = [pre_tokenizers.Digits(individual_digits=True)] if digits else []
    built.pre_tokenizer = pre_tokenizers.Sequence(
        [*steps, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)]
    )
    built.decoder = decoders.ByteLevel()
    built.train_from_iterator(
        TEXTS * 4,
        trainers.BpeTrainer(
            vocab_size=400,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
            show_progress=False,
        ),
    )
    built.add_special_tokens([AddedToken("<|im_end|>", special=True)])
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=built,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )
    wrapped.chat_template = TEMPLATE
    return wrapped


def checkpoint(
    folder: Path,
    *,
    digits: bool = True,
    tied: bool = True,
    intermediate: int = 128,
    head_dim: int = 16,
    context: int = 256,
    **more: object,
) -> Path:
    """A small llama with random weights, three heads on each key and value."""
    reader = tokenizer(digits=digits)
    torch.manual_seed(1)
    config = LlamaConfig(
        vocab_size=-(-len(reader) // 32) * 32, hidden_size=96, intermediate_size=intermediate,
        num_hidden_layers=2, num_attention_heads=6, num_key_value_heads=2, head_dim=head_dim,
        max_position_embeddings=context, tie_word_embeddings=tied, rms_norm_eps=1e-5,
        bos_token_id=reader.bos_token_id, eos_token_id=reader.eos_token_id,
        pad_token_id=reader.pad_token_id, initializer_range=0.2, **more,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(str(folder))
    reader.save_pretrained(str(folder))
    return folder


def logits(folder: Path, ids: torch.Tensor) -> torch.Tensor:
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32).eval()
    with torch.inference_mode():
        return model(input_ids=ids).logits


@pytest.mark.parametrize(("digits", "tied"), [(True, True), (False, False)])
def test_an_exported_model_that_is_read_back_is_the_same(
    tmp_path: Path, digits: bool, tied: bool
) -> None:
    before = checkpoint(tmp_path / "before", digits=digits, tied=tied)
    file = export(str(before), tmp_path / "model.gguf", kind="bf16")
    after = tmp_path / "after"
    after.mkdir()
    convert(file, after)
    one, other = (AutoTokenizer.from_pretrained(str(f)) for f in (before, after))
    for text in TEXTS:
        assert one(text).input_ids == other(text).input_ids
        assert other.decode(other(text).input_ids) == text
    assert (one.eos_token, one.pad_token, one.bos_token) == (
        other.eos_token, other.pad_token, other.bos_token
    )  # fmt: skip
    messages = [{"role": "user", "content": "hello"}]
    assert one.apply_chat_template(messages, tokenize=False) == other.apply_chat_template(
        messages, tokenize=False
    )
    weights = [AutoModelForCausalLM.from_pretrained(str(f)).state_dict() for f in (before, after)]
    for name, tensor in weights[0].items():
        rounded = tensor if tensor.dim() == 1 else tensor.to(torch.bfloat16).float()
        assert torch.equal(rounded.to(torch.bfloat16), weights[1][name]), name


@pytest.mark.parametrize("kind", ["f32", "f16", "bf16", "q8_0"])
def test_transformers_reads_the_exported_file_by_itself_with_the_same_logits(
    tmp_path: Path, kind: str
) -> None:
    folder = checkpoint(tmp_path / "model")
    file = export(str(folder), tmp_path / "model.gguf", kind=kind)
    ids = torch.tensor([[5, 40, 77, 9, 120, 33, 8]])
    expected = logits(folder, ids)
    theirs = AutoModelForCausalLM.from_pretrained(
        str(tmp_path), gguf_file=file.name, dtype=torch.float32
    ).eval()
    with torch.inference_mode():
        read = theirs(input_ids=ids).logits
    close = {"f32": 1e-5, "f16": 1e-2, "bf16": 5e-2, "q8_0": 5e-2}[kind]
    assert float((read - expected).abs().max()) < close * float(expected.abs().max())


def test_rows_of_heads_are_reordered_and_back() -> None:
    rows = torch.arange(48.0).reshape(24, 2).numpy()
    assert (to_halves(to_pairs(rows, 3), 3) == rows).all()
    assert (to_pairs(rows, 3)[:4, 0] == rows[[0, 4, 1, 5], 0]).all()


def test_every_tensor_has_one_name_on_each_side() -> None:
    pairs = list(names(3))
    assert len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs}) == len(pairs)


@pytest.mark.parametrize("cut", [0, 3, 40, 5000])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, cut: int) -> None:
    file = export(str(checkpoint(tmp_path / "model")), tmp_path / "model.gguf")
    file.write_bytes(file.read_bytes()[:cut])
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(ModelError, match=r"model\.gguf"):
        convert(file, out)


def test_what_the_file_cannot_say_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "model", attention_bias=True)
    with pytest.raises(ModelError, match=r"biases in attention.*convert_hf_to_gguf"):
        export(str(folder), tmp_path / "model.gguf")
    assert not list(tmp_path.glob("model.gguf*"))


def test_a_type_that_is_unknown_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="q4_k"):
        export(str(tmp_path), tmp_path / "model.gguf", kind="q4_k")


def test_llama_cpp_itself_reads_the_file_with_the_same_tokens_and_replies(tmp_path: Path) -> None:
    llama_cpp = pytest.importorskip("xllamacpp")  # llama.cpp as a Python package
    folder = checkpoint(tmp_path / "model")
    file = export(str(folder), tmp_path / "model.gguf", kind="f32")
    parameters = llama_cpp.CommonParams()
    parameters.model.path = str(file)
    parameters.n_ctx, parameters.n_parallel, parameters.cpuparams.n_threads = 256, 1, 1
    parameters.warmup = False
    server = llama_cpp.Server(parameters)
    reader = AutoTokenizer.from_pretrained(str(folder))
    for text in TEXTS:
        request = urllib.request.Request(
            f"{server.listening_address}/tokenize",
            json.dumps({"content": text}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as reply:
            assert json.load(reply)["tokens"] == reader(text).input_ids
    ids = reader(TEXTS[0], return_tensors="pt").input_ids
    model = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    ours = model.generate(ids, max_new_tokens=8, do_sample=False)[0, ids.shape[1] :].tolist()
    theirs = server.handle_completions(
        {"prompt": ids[0].tolist(), "max_tokens": 8, "temperature": 0, "return_tokens": True}
    )
    text = theirs["choices"][0]["text"]
    assert text == reader.decode(ours, skip_special_tokens=True)
