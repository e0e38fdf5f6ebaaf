"""The built-in perceiver's architecture and checkpoint: a small Idefics3.

Idefics3 was chosen because its processor needs pillow only, and transformers and vLLM serve it.

Out of scope: training (`training.perceiver`).
"""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image
from transformers import (
    GenerationConfig,
    Idefics3Config,
    Idefics3ForConditionalGeneration,
    Idefics3Processor,
    PreTrainedTokenizerFast,
)
from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

from embodied_agent.perception.language import PICTURE_PX
from training.vocabulary import ASSISTANT, END, PAD, USER

PATCH_PX = 16
SCALE = 2
GRID = PICTURE_PX // PATCH_PX
#: Norm of the position code in a patch's embedding; the picture's content has about 14.
POSITION_SCALE = 14.0
#: Language-model tokens per picture, without the three around it.
PICTURE_TOKENS = (GRID // SCALE) ** 2

CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|assistant|>' if message.role == 'assistant' else '<|user|>' }}"
    "{% if message.content is string %}{{ message.content }}{% else %}"
    "{% for part in message.content %}"
    "{% if part.type == 'image' %}{{ '<image>' }}{% else %}{{ part.text }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{% if message.role == 'assistant' %}{{ '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def new_model(
    tokenizer: PreTrainedTokenizerFast,
    *,
    vision_width: int = 192,
    vision_layers: int = 6,
    text_width: int = 192,
    text_layers: int = 4,
) -> Idefics3ForConditionalGeneration:
    """A perceiver with random weights and strong position embeddings."""
    end, pad = (tokenizer.convert_tokens_to_ids(t) for t in (END, PAD))
    config = Idefics3Config(
        vision_config={
            "hidden_size": vision_width, "intermediate_size": 4 * vision_width,
            "num_hidden_layers": vision_layers, "num_attention_heads": vision_width // 32,
            "image_size": PICTURE_PX, "patch_size": PATCH_PX,
        },
        text_config={
            "model_type": "llama", "vocab_size": -(-len(tokenizer) // 64) * 64,
            "hidden_size": text_width, "intermediate_size": 3 * text_width,
            "num_hidden_layers": text_layers, "num_attention_heads": text_width // 32,
            "num_key_value_heads": text_width // 32, "max_position_embeddings": 1024,
            "bos_token_id": None, "eos_token_id": end, "pad_token_id": pad,
            "tie_word_embeddings": True,
        },
        scale_factor=SCALE,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        pad_token_id=pad,
        tie_word_embeddings=True,
    )  # fmt: skip
    model = Idefics3ForConditionalGeneration(config)
    _show_positions(model)
    return model


def _show_positions(model: Idefics3ForConditionalGeneration) -> None:
    """Initialise position embeddings to a strong code of each patch's place in the picture.

    Learned position embeddings start so small that they are lost in the patches' content, and the
    language model, which sees features only, then never learns left from right.
    """
    table = model.model.vision_model.embeddings.position_embedding.weight
    row, column = torch.meshgrid(
        torch.linspace(-1, 1, GRID), torch.linspace(-1, 1, GRID), indexing="ij"
    )
    code = torch.stack(
        (column, row, 0.6 * torch.cos(torch.pi * column), 0.6 * torch.sin(torch.pi * column)), -1
    ).reshape(GRID * GRID, -1)
    directions = torch.linalg.qr(torch.randn(table.shape[1], code.shape[1])).Q
    with torch.no_grad():
        table += POSITION_SCALE * code @ directions.T


def save_checkpoint(
    model: Idefics3ForConditionalGeneration,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Save all that transformers, ``transformers serve`` and vLLM need to load the model."""
    end, pad = (tokenizer.convert_tokens_to_ids(t) for t in (END, PAD))
    pictures = Idefics3ImageProcessorPil(
        do_resize=True,
        size={"longest_edge": PICTURE_PX},
        max_image_size={"longest_edge": PICTURE_PX},
        do_image_splitting=False,
        do_pad=True,
        resample=Image.Resampling.BILINEAR,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    processor = Idefics3Processor(
        pictures, tokenizer, image_seq_len=PICTURE_TOKENS, chat_template=CHAT_TEMPLATE
    )
    model.generation_config = GenerationConfig(
        do_sample=False, eos_token_id=end, pad_token_id=pad, max_new_tokens=96
    )
    copy = Idefics3ForConditionalGeneration(model.config)
    copy.load_state_dict(model.state_dict())
    copy.generation_config = model.generation_config
    copy.to(dtype).save_pretrained(str(folder))
    processor.save_pretrained(str(folder))


def prompt_ids(tokenizer: PreTrainedTokenizerFast, pictures: int, text: str) -> list[int]:
    """The prompt's token ids, as the processor and the chat template produce them."""
    picture = "<fake_token_around_image><global-img>" + "<image>" * PICTURE_TOKENS
    prompt = f"{USER}{(picture + '<fake_token_around_image>') * pictures}{text}{ASSISTANT}"
    return tokenizer.backend_tokenizer.encode(prompt, add_special_tokens=False).ids
