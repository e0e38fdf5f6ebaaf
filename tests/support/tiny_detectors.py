"""Checkpoints of detectors' architectures, some hundred kilobytes each, with random weights: enough
to find out whether they load, and whether what they give comes through."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertTokenizer,
    CLIPTokenizer,
    DFineConfig,
    DFineForObjectDetection,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoProcessor,
    HGNetV2Config,
    Owlv2Config,
    Owlv2ForObjectDetection,
    Owlv2Processor,
    RTDetrResNetConfig,
    YolosConfig,
    YolosForObjectDetection,
)
from transformers.models.grounding_dino.image_processing_pil_grounding_dino import (
    GroundingDinoImageProcessorPil,
)
from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil
from transformers.models.yolos.image_processing_pil_yolos import YolosImageProcessorPil

from training.detector import new_detector, save_detector

LABELS = {0: "sofa", 1: "lamp", 2: "person"}
SIDE = 64


def make_rt_detr(folder: Path) -> None:
    """RT-DETR, as `training.detector` makes it."""
    torch.manual_seed(0)
    save_detector(new_detector(tuple(LABELS.values()), width=32, side=SIDE).eval(), folder, SIDE)


def make_d_fine(folder: Path) -> None:
    """D-FINE, with its own backbone."""
    torch.manual_seed(0)
    backbone = HGNetV2Config(
        stem_channels=[3, 8, 8],
        stage_in_channels=[8, 16, 16, 16],
        stage_mid_channels=[8, 8, 8, 8],
        stage_out_channels=[16, 16, 16, 16],
        hidden_sizes=[16, 16, 16, 16],
        stage_num_blocks=[1, 1, 1, 1],
        stage_numb_of_layers=[1, 1, 1, 1],
        out_features=["stage2", "stage3", "stage4"],
    )
    config = DFineConfig(
        backbone_config=backbone, encoder_hidden_dim=32, encoder_in_channels=[16, 16, 16],
        decoder_in_channels=[32, 32, 32], encoder_ffn_dim=32, encoder_attention_heads=2,
        d_model=32, decoder_ffn_dim=32, decoder_attention_heads=2, decoder_layers=2,
        num_queries=10, hidden_expansion=0.5, depth_mult=0.34, id2label=LABELS,
        label2id={name: number for number, name in LABELS.items()},
    )  # fmt: skip
    DFineForObjectDetection(config).save_pretrained(str(folder))
    RTDetrImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(str(folder))


def make_yolos(folder: Path) -> None:
    """YOLOS: a vision transformer, whose classes are told by softmax."""
    torch.manual_seed(0)
    config = YolosConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        image_size=[SIDE, SIDE], patch_size=16, num_detection_tokens=10, id2label=LABELS,
        label2id={name: number for number, name in LABELS.items()},
        use_mid_position_embeddings=False,
    )  # fmt: skip
    YolosForObjectDetection(config).save_pretrained(str(folder))
    YolosImageProcessorPil(size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE}).save_pretrained(
        str(folder)
    )


def make_owlv2(folder: Path) -> None:
    """OWLv2: boxes for any names."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(97, 123)]
    # OWLv2 leaves out names whose first token is number 0.
    words = ["!", "<|startoftext|>", "<|endoftext|>", *letters, *(f"{one}</w>" for one in letters)]
    (folder / "vocab.json").write_text(json.dumps({w: n for n, w in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    tokenizer = CLIPTokenizer(
        str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=16
    )
    config = Owlv2Config(
        text_config={
            "vocab_size": len(words), "hidden_size": 16, "intermediate_size": 16,
            "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 16,
            "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
        },
        vision_config={
            "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1,
            "num_attention_heads": 2, "image_size": SIDE, "patch_size": 16,
        },
        projection_dim=16,
    )  # fmt: skip
    Owlv2ForObjectDetection(config).save_pretrained(str(folder))
    pictures = Owlv2ImageProcessorPil(size={"height": SIDE, "width": SIDE})
    Owlv2Processor(pictures, tokenizer).save_pretrained(str(folder))


def make_grounding_dino(folder: Path) -> None:
    """Grounding DINO: boxes for the phrases of a text."""
    torch.manual_seed(0)
    folder.mkdir(parents=True, exist_ok=True)
    letters = [chr(code) for code in range(97, 123)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *LABELS.values(), *letters]
    (folder / "vocab.txt").write_text("\n".join([*words, *(f"##{one}" for one in letters)]))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    backbone = RTDetrResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 16, 16], depths=[1, 1, 1, 1], layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )  # fmt: skip
    text = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=16, max_position_embeddings=300,
    )  # fmt: skip
    config = GroundingDinoConfig(
        backbone_config=backbone, text_config=text, num_queries=10, encoder_layers=1,
        encoder_ffn_dim=16, encoder_attention_heads=4, decoder_layers=2, decoder_ffn_dim=16,
        decoder_attention_heads=4, d_model=32, disable_custom_kernels=True,
    )  # fmt: skip
    GroundingDinoForObjectDetection(config).save_pretrained(str(folder))
    pictures = GroundingDinoImageProcessorPil(
        size={"shortest_edge": SIDE, "longest_edge": 2 * SIDE}
    )
    GroundingDinoProcessor(pictures, tokenizer).save_pretrained(str(folder))
