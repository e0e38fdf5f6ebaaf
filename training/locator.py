"""Train and measure the part of the built-in perceiver that locates the objects it sees.

    python -m training.boxes --out runs/boxes --scenes 400
    python -m training.locator --boxes runs/boxes --out embodied_agent/models/perceiver
    python -m training.boxes --out runs/boxes_dev --first 500000 --scenes 20
    python -m training.locator --measure --boxes runs/boxes_dev

The perceiver itself stays as it is: its vision tower reads each picture once, and a small network
is fitted to its patch features, in a minute or two.

Out of scope: the pictures (`training.boxes`), how it is used
(`embodied_agent.perception.locator`).
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file
from torch import nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from transformers import Idefics3ForConditionalGeneration

from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.optics import levelled
from embodied_agent.perception.locator import EDGES, FILE, RANGES, Locator, Place, centres
from sim_clips.scene import COLOURS
from sim_clips.splits import refuse_scenes
from training.boxes import KINDS, BoxShard, joined, load_box_shards
from training.frames import GRID
from training.perceiver_batches import normalised

HIDDEN = 160
#: Loss weight of patches without an object, which are the majority.
_EMPTY = 0.25
_BOX_WEIGHT, _RANGE_WEIGHT = 8.0, 1.0
Floats = npt.NDArray[np.float32]


def features_of(shard: BoxShard, checkpoint: Path, batch: int = 32) -> npt.NDArray[np.float16]:
    """The vision tower's features (n, patches, width) of all pictures."""
    model = Idefics3ForConditionalGeneration.from_pretrained(str(checkpoint), dtype=torch.float32)
    tower = model.eval().model.vision_model
    parts = []
    with torch.inference_mode():
        for start in range(0, len(shard.pictures), batch):
            pictures = normalised(shard.pictures[start : start + batch])
            parts.append(tower(pixel_values=pictures).last_hidden_state.numpy().astype(np.float16))
    return np.concatenate(parts)


def targets_of(shard: BoxShard) -> dict[str, torch.Tensor]:
    """Per patch of all pictures, flat: kind (0: no object), colour, box edges' distances from the
    patch's middle, and logarithm of the range."""
    patches = GRID * GRID
    x, y = centres(GRID)
    kinds = np.zeros((len(shard.pictures), patches), np.int64)
    colours = np.zeros_like(kinds)
    edges = np.zeros((len(shard.pictures), patches, EDGES), np.float32)
    ranges = np.zeros((len(shard.pictures), patches), np.float32)
    for index in range(len(shard.pictures)):
        rows, owners = shard.of(index), shard.owners[index].ravel()
        thing = owners >= 0
        own = rows[owners[thing]]
        kinds[index, thing] = own[:, 1].astype(int) + 1
        colours[index, thing] = own[:, 2].astype(int)
        px, py = x[thing], y[thing]
        edges[index, thing] = np.stack(
            [px - own[:, 3], py - own[:, 4], own[:, 5] - px, own[:, 6] - py], 1
        )
        ranges[index, thing] = np.log(own[:, 9])
    return {
        "kinds": torch.from_numpy(kinds.ravel()),
        "colours": torch.from_numpy(colours.ravel()),
        "edges": torch.from_numpy(edges.reshape(-1, EDGES)),
        "ranges": torch.from_numpy(ranges.ravel()),
    }


def train(
    features: npt.NDArray[np.float16],
    targets: dict[str, torch.Tensor],
    *,
    steps: int,
    seed: int = 1,
    batch: int = 2048,
) -> dict[str, Floats]:
    """Fit the network; its weights as `Locator` takes them."""
    torch.manual_seed(seed)
    flat = torch.from_numpy(features.reshape(-1, features.shape[-1]))
    sample = flat[:: max(1, len(flat) // 50_000)].float()
    mean, scale = sample.mean(0), sample.std(0) + 1e-3
    sizes = (1 + len(KINDS), len(COLOURS), EDGES, RANGES)
    hidden = nn.Linear(flat.shape[1], HIDDEN)
    out = nn.Linear(HIDDEN, sum(sizes))
    optimiser = torch.optim.AdamW([*hidden.parameters(), *out.parameters()], lr=3e-3)
    weight = torch.ones(sizes[0])
    weight[0] = _EMPTY
    things = torch.nonzero(targets["kinds"] > 0).flatten()
    generator = torch.Generator().manual_seed(seed)
    for step in range(steps):
        optimiser.param_groups[0]["lr"] = 3e-3 * (
            0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / steps))
        )
        # Half of the patches show objects, or most would show none.
        own = things[torch.randint(len(things), (batch // 2,), generator=generator)]
        other = torch.randint(len(flat), (batch // 2,), generator=generator)
        chosen = torch.cat([own, other])
        x = (flat[chosen].float() - mean) / scale
        kind, colour, edges, ranges = out(nn.functional.silu(hidden(x))).split(sizes, -1)
        thing = targets["kinds"][chosen] > 0
        loss = cross_entropy(kind, targets["kinds"][chosen], weight=weight)
        loss = loss + cross_entropy(colour[thing], targets["colours"][chosen][thing])
        loss = loss + _BOX_WEIGHT * smooth_l1_loss(
            edges[thing], targets["edges"][chosen][thing], beta=0.05
        )
        loss = loss + _RANGE_WEIGHT * smooth_l1_loss(
            ranges[thing, 0], targets["ranges"][chosen][thing], beta=0.1
        )
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        if (step + 1) % 200 == 0:
            right = (kind.argmax(-1) == targets["kinds"][chosen]).float().mean()
            row = {"step": step + 1, "loss": round(float(loss.detach()), 3)}
            print(json.dumps(row | {"kind": round(float(right), 3)}), flush=True)
    weights = {
        "mean": mean, "scale": scale, "hidden.weight": hidden.weight, "hidden.bias": hidden.bias,
        "out.weight": out.weight, "out.bias": out.bias,
    }  # fmt: skip
    return {name: value.detach().numpy().astype(np.float32) for name, value in weights.items()}


def save(layers: dict[str, Floats], folder: Path) -> None:
    """Write the locator beside a checkpoint."""
    meta = {"kinds": json.dumps(list(KINDS)), "colours": json.dumps(list(COLOURS))}
    halves = {
        name: np.ascontiguousarray(value.astype(np.float16)) for name, value in layers.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).parent.mkdir(exist_ok=True)
    save_file(halves, str(folder / FILE), metadata=meta)
    (folder / FILE).chmod(0o644)


def measure(
    shard: BoxShard, features: npt.NDArray[np.float16], locator: Locator
) -> dict[str, dict[str, Any]]:
    """How well true objects are located, by world.

    Returns:
        By world: how many objects there were, the share that was located, the error of the bearing
        (of the box's middle against the true box's middle, and against the object's centre) and of
        the range, and the share of boxes whose bearing is right within 3 degrees by confidence.
    """
    places: dict[str, list[tuple[Place | None, Floats, float, float]]] = {}
    for index, world in enumerate(shard.worlds):
        rows = shard.of(index)
        names = [f"{list(COLOURS)[int(r[2])]} {KINDS[int(r[1])]}" for r in rows]
        found = locator.places(features[index].astype(np.float32), names)
        focal = 0.5 / math.tan(math.radians(float(shard.hfov_deg[index])) / 2)
        for place, row in zip(found, rows, strict=True):
            places.setdefault(world, []).append((place, row, focal, float(shard.pitch_deg[index])))
    return {world: _report(items) for world, items in places.items()}


def _report(items: list[tuple[Place | None, Floats, float, float]]) -> dict[str, Any]:
    middle, centre, ranges, sure = [], [], [], []
    for place, row, focal, pitch in items:
        if place is None:
            continue
        seen = (place.box.left + place.box.right) / 2
        true = (float(row[3]) + float(row[5])) / 2
        bearing, exact = (math.degrees(math.atan((0.5 - x) / focal)) for x in (seen, true))
        middle.append(abs(bearing - exact))
        rise = (0.5 - (place.box.top + place.box.bottom) / 2) * 0.75 / focal  # pictures are 4:3
        elevation = math.degrees(math.atan2(rise, math.hypot(1, (0.5 - seen) / focal)))
        centre.append(abs(levelled(bearing, elevation, pitch)[0] - float(row[7])))
        ranges.append(abs(math.log(place.range_m / float(row[9]))))
        sure.append((place.confidence, middle[-1] < 3))
    bands = {}
    for low, high in ((0.3, 0.6), (0.6, 0.9), (0.9, 1.01)):
        here = [right for confidence, right in sure if low <= confidence < high]
        bands[f"{low:g}-{min(high, 1):g}"] = (
            len(here), round(float(np.mean(here)), 2) if here else None
        )  # fmt: skip
    return {
        "objects": len(items),
        "located": round(len(middle) / max(1, len(items)), 3),
        "bearing_error_deg": _quantiles(middle),
        "bearing_error_to_centre_deg": _quantiles(centre),
        "range_error": _quantiles([math.exp(value) - 1 for value in ranges]),
        "right_within_3_deg_by_confidence": bands,
    }


def _quantiles(errors: list[float]) -> dict[str, float] | None:
    if not errors:
        return None
    median, most = np.percentile(errors, (50, 90))
    return {"median": round(float(median), 2), "p90": round(float(most), 2)}


def main() -> None:
    """Parse the command line, and train or measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--boxes", type=Path, default=Path("runs/boxes"))
    parser.add_argument("--checkpoint", type=Path, default=SHIPPED / "perceiver")
    parser.add_argument("--out", type=Path, default=SHIPPED / "perceiver")
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--measure", action="store_true", help="measure the locator in --out")
    a = parser.parse_args()
    torch.set_num_threads(1)
    shard = joined(load_box_shards(a.boxes))
    if not a.measure:
        refuse_scenes(shard.scenes)
    features = features_of(shard, a.checkpoint)
    if a.measure:
        locator = Locator.load(a.out)
        if locator is None:
            raise SystemExit(f"there is no {FILE} in {a.out}")
        print(json.dumps(measure(shard, features, locator), indent=1))
        return
    save(train(features, targets_of(shard), steps=a.steps), a.out)


if __name__ == "__main__":
    main()
