"""Two checkpoints of the built-in models' architectures, a few hundred kilobytes, drilled on a few
replies in seconds: enough to find out whether everything around a model treats it the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from transformers import (
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from embodied_agent.perception.language import PICTURE_PX
from training.vocabulary import ASSISTANT, END, PAD, USER, save_tokenizer, train_tokenizer

PATCH_PX, SCALE = 16, 3
PICTURE_TEMPLATE = (
    "{% for message in messages %}<|user|>{% for part in message.content %}"
    "{% if part.type == 'image' %}<image>{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def make_reasoner(folder: Path, drill: list[tuple[str, str]]) -> None:
    """A decoder that replies to each prompt as it was drilled."""
    tokenizer = train_tokenizer([text for pair in drill for text in pair], 1500, whole_names=True)
    model = LlamaForCausalLM(LlamaConfig(**_decoder(tokenizer)))
    batches = []
    for prompt, reply in drill:
        head = tokenizer(f"{USER}{prompt}{ASSISTANT}").input_ids
        tail = tokenizer(f"{reply}{END}").input_ids
        ids, labels = torch.tensor([head + tail]), torch.tensor([[-100] * len(head) + tail])
        batches.append({"input_ids": ids, "labels": labels})
    _fit(model, batches)
    _save(model, tokenizer, folder)
    save_tokenizer(tokenizer, folder)


def make_perceiver(folder: Path, drill: list[tuple[list[np.ndarray], str, str]]) -> None:
    """A perceiver that replies to each list of RGB pictures and prompt as it was drilled."""
    tokenizer = train_tokenizer([f"{a} {b}" for _, a, b in drill], 1500, whole_names=False)
    edge = {"longest_edge": PICTURE_PX}
    processor = Idefics3Processor(
        Idefics3ImageProcessorPil(size=edge, max_image_size=edge, do_image_splitting=False),
        tokenizer,
        image_seq_len=(PICTURE_PX // PATCH_PX // SCALE) ** 2,
        chat_template=PICTURE_TEMPLATE,
    )
    config = Idefics3Config(
        vision_config={
            "hidden_size": 48,
            "intermediate_size": 96,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": PICTURE_PX,
            "patch_size": PATCH_PX,
        },
        text_config={"model_type": "llama", **_decoder(tokenizer)},
        scale_factor=SCALE,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=tokenizer.pad_token_id,
        tie_word_embeddings=True,
    )
    model = Idefics3ForConditionalGeneration(config)
    batches = []
    for pictures, prompt, reply in drill:
        batch = processor(
            text=f"{USER}{'<image>' * len(pictures)}{prompt}{ASSISTANT}{reply}{END}",
            images=[Image.fromarray(picture) for picture in pictures],
            return_tensors="pt",
        )
        labels = batch["input_ids"].clone()
        begin = labels[0].tolist().index(tokenizer.convert_tokens_to_ids(ASSISTANT))
        labels[:, : begin + 1] = -100
        batches.append({**batch, "labels": labels})
    _fit(model, batches)
    _save(model, tokenizer, folder)
    processor.save_pretrained(str(folder))


def _decoder(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 2048,
        "tie_word_embeddings": True,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }


def _fit(model: torch.nn.Module, batches: list[dict[str, Any]], steps: int = 60) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more only hinder each other in a model of this size
    model.train()
    for _ in range(steps):
        loss = sum(model(**batch).loss for batch in batches) / len(batches)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if loss < 0.05:
            break
    torch.set_num_threads(threads)
    model.eval()


def _save(model: Any, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    model.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        pad_token_id=tokenizer.convert_tokens_to_ids(PAD),
        max_new_tokens=128,
    )
    model.save_pretrained(str(folder))
