"""Train a small RT-DETR on simulated worlds, and measure any detector's boxes against the truth.

    python -m training.boxes --out runs/boxes --scenes 400
    python -m training.detector --boxes runs/boxes --out runs/detector --minutes 40
    python -m training.boxes --out runs/boxes_dev --first 500000 --scenes 20
    python -m training.detector --measure runs/detector/model --boxes runs/boxes_dev

The checkpoint shows how to use a detector of your own in the agent (``perception.detector.model``),
and checks that its boxes are interpreted correctly; it knows the simulated worlds only. Detection
transformers learn slowly from scratch. Here every position of the encoder that lies in an object
also learns the object's kind and box, which gives the decoder good proposals early. Repeating the
command resumes where it stopped.

Out of scope: the pictures (`training.boxes`), running a detector
(`embodied_agent.perception.detector`).
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch.nn.functional import binary_cross_entropy_with_logits, l1_loss
from transformers import RTDetrConfig, RTDetrForObjectDetection, RTDetrResNetConfig
from transformers.models.rt_detr.image_processing_pil_rt_detr import RTDetrImageProcessorPil

from embodied_agent.perception.colours import colour_of
from embodied_agent.perception.detector import Detector
from embodied_agent.perception.measuring import overlap
from embodied_agent.records import Box
from embodied_agent.settings import DetectorSettings
from sim_clips.scene import COLOURS
from sim_clips.splits import refuse_scenes
from training.boxes import KINDS, BoxShard, joined, load_box_shards
from training.resume import load_state, save_state

#: Side of the pictures that the model takes, in pixels.
SIDE = 192
#: Loss weights of the encoder's classes and boxes, at the start; they fade to nothing.
_DENSE_CLASS, _DENSE_BOX = 4.0, 5.0
#: A detection is right if its box overlaps the true one by this much (intersection over union).
RIGHT_OVERLAP = 0.5


def new_detector(
    kinds: tuple[str, ...] = KINDS, *, width: int = 96, side: int = SIDE
) -> RTDetrForObjectDetection:
    """A small RT-DETR with random weights, for objects of these kinds."""
    backbone = RTDetrResNetConfig(
        embedding_size=width // 4,
        hidden_sizes=[width // 4, width // 2, width, width],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3", "stage4"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        freeze_backbone_batch_norms=False,
        encoder_hidden_dim=width,
        encoder_in_channels=[width // 2, width, width],
        decoder_in_channels=[width] * 3,
        encoder_ffn_dim=2 * width,
        encoder_attention_heads=4,
        d_model=width,
        decoder_ffn_dim=2 * width,
        decoder_attention_heads=4,
        decoder_layers=2,
        num_queries=24,
        num_denoising=24,
        hidden_expansion=0.5,
        anchor_image_size=[side, side],
        id2label=dict(enumerate(kinds)),
        label2id={kind: number for number, kind in enumerate(kinds)},
    )
    return RTDetrForObjectDetection(config)


def save_detector(model: RTDetrForObjectDetection, folder: Path, side: int = SIDE) -> None:
    """Save the model, in half precision, and how its pictures are prepared."""
    copy = RTDetrForObjectDetection(model.config)
    copy.load_state_dict(model.state_dict())
    copy.to(torch.float16).save_pretrained(str(folder))
    RTDetrImageProcessorPil(
        size={"height": side, "width": side}, do_normalize=False, do_pad=False
    ).save_pretrained(str(folder))


def batch_of(
    shard: BoxShard, chosen: Any, side: int, rng: np.random.Generator
) -> tuple[torch.Tensor, list[dict[str, torch.Tensor]]]:
    """Pictures (n, 3, side, side) in [0, 1], half of them mirrored, and their labels."""
    pictures, labels = [], []
    for index in chosen:
        picture = shard.pictures[index]
        if picture.shape[0] != side:
            picture = cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
        rows = shard.of(int(index))
        left, top, right, bottom = rows[:, 3], rows[:, 4], rows[:, 5], rows[:, 6]
        if rng.random() < 0.5:
            picture, left, right = picture[:, ::-1], 1 - right, 1 - left
        boxes = np.stack([(left + right) / 2, (top + bottom) / 2, right - left, bottom - top], 1)
        pictures.append(np.ascontiguousarray(picture))
        labels.append(
            {
                "class_labels": torch.from_numpy(rows[:, 1].astype(np.int64)),
                "boxes": torch.from_numpy(boxes.astype(np.float32)),
            }
        )
    stacked = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    return stacked, labels


def dense_loss(outputs: Any, labels: list[dict[str, torch.Tensor]], side: int) -> torch.Tensor:
    """Loss of the encoder's kinds and boxes at every position within an object; where several
    overlap, the smallest counts."""
    logits, places = outputs.enc_outputs_class, _places(side)
    assert len(places) == logits.shape[1]
    targets = torch.zeros_like(logits)
    boxes = torch.zeros((*logits.shape[:2], 4))
    inside = torch.zeros(logits.shape[:2], dtype=torch.bool)
    for row, label in enumerate(labels):
        order = (label["boxes"][:, 2] * label["boxes"][:, 3]).argsort(descending=True)
        for number in order.tolist():
            x, y, w, h = label["boxes"][number].tolist()
            # The middle of the object, but at least the place that is nearest to it.
            here = ((places[:, 0] - x).abs() <= max(0.3 * w, 1.01 * 4 / side)) & (
                (places[:, 1] - y).abs() <= max(0.3 * h, 1.01 * 4 / side)
            )
            targets[row, here] = 0.0
            targets[row, here, label["class_labels"][number]] = 1.0
            boxes[row, here] = label["boxes"][number]
            inside[row] |= here
    count = inside.sum().clamp(min=1)
    probability = logits.sigmoid()
    focus = torch.where(targets > 0, (1 - probability) ** 2, 0.5 * probability**2).detach()
    loss = _DENSE_CLASS * (
        (binary_cross_entropy_with_logits(logits, targets, reduction="none") * focus).sum() / count
    )
    if bool(inside.any()):
        given = outputs.enc_outputs_coord_logits.sigmoid()[inside]
        loss = loss + _DENSE_BOX * l1_loss(given, boxes[inside], reduction="sum") / count
    return loss


def _places(side: int) -> torch.Tensor:
    """The centres of the encoder's positions, as fractions of the picture, (places, 2)."""
    parts = []
    for stride in (8, 16, 32):
        line = (torch.arange(side // stride) + 0.5) * stride / side
        y, x = torch.meshgrid(line, line, indexing="ij")
        parts.append(torch.stack([x.flatten(), y.flatten()], 1))
    return torch.cat(parts)


def train(
    shard: BoxShard,
    out: Path,
    *,
    minutes: float,
    rate: float = 1e-3,
    batch: int = 16,
    seed: int = 1,
    side: int = SIDE,
    width: int = 96,
    most_steps: int | None = None,
    kinds: tuple[str, ...] = KINDS,
) -> None:
    """Train for ``minutes`` of CPU time in total, including earlier runs in ``out``, and save the
    model.

    ``most_steps`` ends training earlier, at that many steps in total.

    Raises:
        HeldOutError: a scene of the pictures is held out.
    """
    refuse_scenes(shard.scenes)
    torch.manual_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    model = new_detector(kinds, width=width, side=side)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=1e-3)
    parts = {"model": model, "optimiser": optimiser}
    state = load_state(out / "state.pt", parts)
    step, spent = int(state.get("step", 0)), float(state.get("spent", 0.0))
    count = sum(p.numel() for p in model.parameters())
    print(
        f"{count / 1e6:.2f} M parameters, {len(shard.pictures)} pictures, step {step}", flush=True
    )
    rng = np.random.default_rng([seed, step])
    started, losses = time.process_time() - spent, []
    model.train()
    while (spent := time.process_time() - started) < 60 * minutes and step != most_steps:
        progress = spent / (60 * minutes)
        if most_steps:
            progress = max(progress, step / most_steps)
        fade = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        optimiser.param_groups[0]["lr"] = rate * min(1.0, (step + 1) / 50) * (0.02 + 0.98 * fade)
        chosen = rng.integers(0, len(shard.pictures), batch)
        pictures, labels = batch_of(shard, chosen, side, rng)
        outputs = model(pixel_values=pictures, labels=labels)
        loss = outputs.loss + fade * dense_loss(outputs, labels, side)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        step += 1
        losses.append(float(loss.detach()))
        if step % 20 == 0:
            row = {"step": step, "minutes": round(spent / 60, 2), "loss": np.mean(losses).round(3)}
            print(json.dumps(row, default=float), flush=True)
            losses = []
            save_state(out / "state.pt", parts, step=step, spent=spent)
    save_state(out / "state.pt", parts, step=step, spent=spent)
    save_detector(model.eval(), out / "model", side)


def measure(shard: BoxShard, model: str, threshold: float = 0.4) -> dict[str, Any]:
    """How well a detector finds the objects of a shard.

    Returns:
        Precision and recall at `RIGHT_OVERLAP`, the overlap of those right, the error of the
        bearing of the box's middle in degrees (median and 90th percentile), and how many colours
        are named right, given the true box and given the detected one.
    """
    detector = Detector(DetectorSettings(model=model, threshold=threshold))
    found = right = true = coloured = named = true_coloured = 0
    overlaps: list[float] = []
    errors: list[float] = []
    for index, picture in enumerate(shard.pictures):
        bgr = np.ascontiguousarray(picture[:, :, ::-1])
        rows = shard.of(index)
        focal = 0.5 / math.tan(math.radians(float(shard.hfov_deg[index])) / 2)
        true += len(rows)
        free = set(range(len(rows)))
        boxes = [Box(*map(float, row[3:7])) for row in rows]
        true_coloured += sum(
            colour_of(bgr, box) == list(COLOURS)[int(row[2])]
            for row, box in zip(rows, boxes, strict=True)
        )
        for detection in sorted(detector.detect(bgr), key=lambda d: -d.confidence):
            found += 1
            fitting = [
                (overlap(detection.box, boxes[n]), n)
                for n in free
                if KINDS[int(rows[n, 1])] == detection.name
            ]
            best, n = max(fitting, default=(0.0, -1))
            if best < RIGHT_OVERLAP:
                continue
            free.discard(n)
            right += 1
            overlaps.append(best)
            x = [(box.left + box.right) / 2 - 0.5 for box in (detection.box, boxes[n])]
            errors.append(abs(math.degrees(math.atan(x[0] / focal) - math.atan(x[1] / focal))))
            named += 1
            coloured += colour_of(bgr, detection.box) == list(COLOURS)[int(rows[n, 2])]
    return {
        "pictures": len(shard.pictures),
        "objects": true,
        "precision": _share(right, found),
        "recall": _share(right, true),
        "overlap": round(float(np.mean(overlaps)), 3) if overlaps else None,
        "bearing_error_deg": _quantiles(errors),
        "colour_right": _share(coloured, named),
        "colour_right_in_true_boxes": _share(true_coloured, true),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _quantiles(errors: list[float]) -> dict[str, float] | None:
    if not errors:
        return None
    median, most = np.percentile(errors, (50, 90))
    return {"median": round(float(median), 2), "p90": round(float(most), 2)}


def _lines(report: dict[str, Any]) -> Iterator[str]:
    for name, value in report.items():
        yield f"{name}: {value}"


def main() -> None:
    """Parse the command line, and train or measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--boxes", type=Path, default=Path("runs/boxes"))
    parser.add_argument("--out", type=Path, default=Path("runs/detector"))
    parser.add_argument("--minutes", type=float, default=40.0, help="CPU time in total")
    parser.add_argument("--measure", metavar="MODEL", help="measure this checkpoint instead")
    parser.add_argument("--threshold", type=float, default=0.4, help="of --measure")
    parser.add_argument("--side", type=int, default=SIDE, help="of the pictures, in pixels")
    parser.add_argument("--width", type=int, default=96, help="of the model")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    shard = joined(load_box_shards(a.boxes))
    if a.measure:
        print("\n".join(_lines(measure(shard, a.measure, a.threshold))))
    else:
        train(shard, a.out, minutes=a.minutes, side=a.side, width=a.width, batch=a.batch)


if __name__ == "__main__":
    main()
